"""Transforms are inverted by their inverses and have the Jacobians of autograd; divergences are those of the integrals."""
import numpy as np
import pytest
import scipy.integrate

import kagari as torch
import kagari.distributions as D
from kagari.distributions import constraints
from kagari.distributions import transforms as T

X = torch.linspace(-1.5, 1.2, 6, dtype=torch.float64)
TRANSFORMS = [T.AffineTransform(1.0, -2.0), T.ExpTransform(), T.SigmoidTransform(), T.SoftplusTransform(), T.TanhTransform(), T.StickBreakingTransform(),
              T.CorrCholeskyTransform(), T.ComposeTransform([T.TanhTransform(), T.AffineTransform(0.0, 3.0)]), T.IndependentTransform(T.ExpTransform(), 1),
              T.ReshapeTransform((6,), (2, 3)), T.CatTransform([T.ExpTransform(), T.TanhTransform()], dim=-1, lengths=[2, 4]),
              T.StackTransform([T.ExpTransform(), T.TanhTransform()] * 3, dim=-1), T.CumulativeDistributionTransform(D.Normal(0.0, 1.0))]


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda t: type(t).__name__)
def test_inverse_and_jacobian(transform):
    y = transform(X)
    np.testing.assert_allclose(transform.inv(y).numpy(), X.numpy(), atol=1e-7)
    assert transform.codomain.check(y).all() and transform.inv.inv is transform
    assert transform.forward_shape(X.shape) == y.shape and transform.inverse_shape(y.shape) == X.shape
    jacobian = torch.autograd.functional.jacobian(lambda x: free_coordinates(transform, transform(x)), X)
    expected = torch.linalg.slogdet(jacobian.reshape(6, 6)).logabsdet
    np.testing.assert_allclose(transform.log_abs_det_jacobian(X, y).sum().item(), expected.item(), atol=1e-6)


def free_coordinates(transform, y):
    """As many numbers as the argument has: a point of the simplex has one too many, a factor of a correlation matrix its lower part."""
    if isinstance(transform, T.StickBreakingTransform):
        return y[..., :-1]
    if isinstance(transform, T.CorrCholeskyTransform):
        i, j = torch.tril_indices(4, 4, -1)
        return y[..., i, j]
    return y.reshape(-1)


@pytest.mark.parametrize("constraint", [constraints.real, constraints.positive, constraints.unit_interval, constraints.simplex, constraints.interval(-2.0, 5.0),
                                        constraints.greater_than(3.0), constraints.less_than(-1.0), constraints.corr_cholesky, constraints.lower_cholesky,
                                        constraints.positive_definite, constraints.independent(constraints.positive, 1)], ids=repr)
def test_transform_to(constraint):
    x = X if constraint not in (constraints.lower_cholesky, constraints.positive_definite) else torch.randn(3, 3, dtype=torch.float64)
    assert constraint.check(D.transform_to(constraint)(x)).all()


def densities():
    return {"Normal": D.Normal(0.2, 0.8), "Normal2": D.Normal(-0.3, 1.1), "Laplace": D.Laplace(0.1, 0.9), "Gumbel": D.Gumbel(0.3, 1.2), "Cauchy": D.Cauchy(0.0, 2.0),
            "Exponential": D.Exponential(1.3), "Gamma": D.Gamma(2.0, 1.4), "Gamma2": D.Gamma(1.5, 0.9), "Beta": D.Beta(2.0, 1.5), "Beta2": D.Beta(1.2, 2.5),
            "Uniform": D.Uniform(0.2, 0.9), "Uniform2": D.Uniform(0.1, 1.0), "ContinuousBernoulli": D.ContinuousBernoulli(torch.tensor(0.3)),
            "Pareto": D.Pareto(1.0, 3.5), "Pareto2": D.Pareto(0.5, 4.0)}


@pytest.mark.parametrize("p", densities())
def test_kl_is_the_integral(p):
    a, checked = densities()[p], 0
    with torch.no_grad():
        grid = {"Pareto": np.geomspace(1.0, 1e4, 200_001), "Exponential": np.linspace(1e-9, 40, 400_001), "Gamma": np.linspace(1e-9, 40, 400_001)}
        low, high = {"Beta": (1e-9, 1 - 1e-9), "Uniform": (0.2, 0.9 - 1e-9), "ContinuousBernoulli": (1e-9, 1 - 1e-9)}.get(p.rstrip("2"), (-40, 60))
        if p == "Uniform2":
            low, high = 0.1, 1.0 - 1e-9
        if p == "Pareto2":
            grid["Pareto"] = np.geomspace(0.5, 1e4, 200_001)
        xs = grid.get(p.rstrip("2"), np.linspace(low, high, 400_001))
        x = torch.tensor(xs)
        a._validate_args = False
        log_p = a.log_prob(x)
        for q, b in densities().items():
            try:
                kl = D.kl_divergence(a, b).item()
            except NotImplementedError:
                continue
            if not np.isfinite(kl) or p == "Cauchy":
                continue
            b._validate_args = False
            integrand = (log_p.exp() * (log_p - b.log_prob(x))).numpy()
            assert kl == pytest.approx(scipy.integrate.trapezoid(np.nan_to_num(integrand), xs), abs=3e-3), (p, q)
            checked += 1
    assert checked or p == "Cauchy"


def test_kl_registration_and_errors():
    class Mine(D.Normal):
        pass

    assert D.kl_divergence(Mine(0.0, 1.0), D.Normal(0.0, 1.0)).item() == 0  # by the base class

    @D.register_kl(Mine, D.Normal)
    def _(p, q):
        return torch.tensor(42.0)

    assert D.kl_divergence(Mine(0.0, 1.0), D.Normal(0.0, 1.0)).item() == 42
    with pytest.raises(NotImplementedError, match="No KL"):
        D.kl_divergence(D.StudentT(3.0), D.VonMises(0.0, 1.0))
    assert D.kl_divergence(D.Normal(0.0, 1.0), D.Uniform(0.0, 1.0)).item() == float("inf")


def test_divergence_of_vectors():
    cov, cov2 = torch.eye(3, dtype=torch.float64) + 0.2, torch.eye(3, dtype=torch.float64) * 2
    p, q = D.MultivariateNormal(torch.zeros(3, dtype=torch.float64), cov), D.MultivariateNormal(torch.ones(3, dtype=torch.float64), cov2)
    expected = 0.5 * (np.trace(np.linalg.inv(cov2) @ cov.numpy()) + np.ones(3) @ np.linalg.inv(cov2.numpy()) @ np.ones(3) - 3
                      + np.log(np.linalg.det(cov2) / np.linalg.det(cov)))
    assert D.kl_divergence(p, q).item() == pytest.approx(expected)
    factor, diagonal = torch.tensor([[0.3], [0.1], [0.2]], dtype=torch.float64), torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)
    low = D.LowRankMultivariateNormal(p.loc, factor, diagonal)
    full = D.MultivariateNormal(p.loc, low.covariance_matrix)
    for a, b in ((low, q), (q, low), (low, low.expand(()))):
        dense = D.kl_divergence(*(full if d is low else d if isinstance(d, D.MultivariateNormal) else full for d in (a, b)))
        assert D.kl_divergence(a, b).item() == pytest.approx(dense.item(), abs=1e-12)


def test_cached_transform_gives_back_the_same_object():
    transform = T.SigmoidTransform(cache_size=1)
    y = transform(X)
    assert transform.inv(y) is X
    assert T.SigmoidTransform() == T.SigmoidTransform() and T.AffineTransform(0.0, 1.0) != T.AffineTransform(0.0, 2.0)
