"""Densities, moments, entropies and cumulative distributions against SciPy."""
import numpy as np
import pytest
import scipy.stats as st

import kagari as torch
import kagari.distributions as D

t = torch.tensor
U = np.linspace(0.1, 0.9, 12).reshape(3, 4)
P = U * 3 + 0.5

CASES = {
    "Normal": (lambda u, p: D.Normal(u, p), st.norm(U, P), U),
    "LogNormal": (lambda u, p: D.LogNormal(u, p), st.lognorm(P, scale=np.exp(U)), P),
    "Laplace": (lambda u, p: D.Laplace(u, p), st.laplace(U, P), U),
    "Cauchy": (lambda u, p: D.Cauchy(u, p), st.cauchy(U, P), U),
    "Gumbel": (lambda u, p: D.Gumbel(u, p), st.gumbel_r(U, P), U),
    "Uniform": (lambda u, p: D.Uniform(u - 1, u + 1), st.uniform(U - 1, 2), U),
    "Exponential": (lambda u, p: D.Exponential(p), st.expon(scale=1 / P), U),
    "Gamma": (lambda u, p: D.Gamma(p, p), st.gamma(P, scale=1 / P), P),
    "InverseGamma": (lambda u, p: D.InverseGamma(p + 2, p), st.invgamma(P + 2, scale=P), P),
    "Chi2": (lambda u, p: D.Chi2(p), st.chi2(P), P),
    "Beta": (lambda u, p: D.Beta(p, p + 1), st.beta(P, P + 1), U),
    "StudentT": (lambda u, p: D.StudentT(p + 2, u, p), st.t(P + 2, U, P), U),
    "FisherSnedecor": (lambda u, p: D.FisherSnedecor(p, p + 5), st.f(P, P + 5), P),
    "HalfNormal": (lambda u, p: D.HalfNormal(p), st.halfnorm(scale=P), U),
    "HalfCauchy": (lambda u, p: D.HalfCauchy(p), st.halfcauchy(scale=P), U),
    "Weibull": (lambda u, p: D.Weibull(p, p), st.weibull_min(P, scale=P), U),
    "Pareto": (lambda u, p: D.Pareto(u, p + 2), st.pareto(P + 2, scale=U), U + 1),
    "VonMises": (lambda u, p: D.VonMises(u, p), st.vonmises(P, loc=U), U),
    "GeneralizedPareto": (lambda u, p: D.GeneralizedPareto(u, p, u * 0.4), st.genpareto(U * 0.4, loc=U, scale=P), U + 1),
    "Bernoulli": (lambda u, p: D.Bernoulli(u), st.bernoulli(U), np.round(U)),
    "Geometric": (lambda u, p: D.Geometric(u), st.geom(U, loc=-1), np.full((3, 4), 3.0)),
    "Poisson": (lambda u, p: D.Poisson(p), st.poisson(P), np.full((3, 4), 2.0)),
    "Binomial": (lambda u, p: D.Binomial(10, u), st.binom(10, U), np.full((3, 4), 4.0)),
    "NegativeBinomial": (lambda u, p: D.NegativeBinomial(5, u), st.nbinom(5, 1 - U), np.full((3, 4), 4.0)),
}


@pytest.mark.parametrize("name", CASES)
def test_against_scipy(name):
    make, reference, at = CASES[name]
    d, x = make(t(U), t(P)), t(at)
    logpdf = reference.logpdf if hasattr(reference.dist, "logpdf") else reference.logpmf
    np.testing.assert_allclose(d.log_prob(x).numpy(), logpdf(at), rtol=1e-9, atol=1e-12)
    if name not in ("VonMises", "Cauchy"):  # SciPy's moments of angles are not the circular ones; Cauchy numbers have none
        np.testing.assert_allclose(d.mean.numpy(), reference.mean(), rtol=1e-8)
        np.testing.assert_allclose(d.variance.numpy(), reference.var(), rtol=1e-8)
    for ours, theirs, args in (("entropy", "entropy", ()), ("cdf", "cdf", (at,)), ("icdf", "ppf", (U,))):
        try:
            value = getattr(d, ours)(*(t(a) for a in args))
        except NotImplementedError:
            continue
        expected = getattr(reference, theirs)(*args) if ours != "entropy" else np.vectorize(lambda v: v)(reference.entropy())
        np.testing.assert_allclose(value.numpy(), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_samples_have_the_moments(name):
    make, reference, _ = CASES[name]
    d = make(t(U[0]), t(P[0] + 3))
    torch.manual_seed(0)
    x = d.sample((4000,))
    assert x.shape == (4000, 4) and x.dtype == torch.float64 and not x.requires_grad
    assert d.support.check(x).all()
    if np.isfinite(d.stddev.numpy()).all() and name not in ("VonMises", "Pareto", "LogNormal", "FisherSnedecor"):
        np.testing.assert_allclose(x.mean(0).numpy(), d.mean.numpy(), atol=0.1 * d.stddev.max().item())


def test_vectors():
    cov = np.eye(4) + 0.3
    loc = U
    reference = np.stack([st.multivariate_normal(m, cov).logpdf(np.arange(4.0)) for m in loc])
    x = torch.arange(4.0, dtype=torch.float64)
    lower = np.linalg.cholesky(cov)
    for kwargs in ({"covariance_matrix": cov}, {"precision_matrix": np.linalg.inv(cov)}, {"scale_tril": lower}):
        d = D.MultivariateNormal(t(loc), **{k: t(v) for k, v in kwargs.items()})
        np.testing.assert_allclose(d.log_prob(x).numpy(), reference, rtol=1e-10)
        np.testing.assert_allclose(d.entropy().numpy(), st.multivariate_normal(loc[0], cov).entropy(), rtol=1e-10)
        np.testing.assert_allclose(d.covariance_matrix.numpy(), np.broadcast_to(cov, (3, 4, 4)), rtol=1e-10)
    factor, diagonal = U.T[:, :2], P[0]
    low = D.LowRankMultivariateNormal(torch.zeros(4, dtype=torch.float64), t(factor), t(diagonal))
    full = factor @ factor.T + np.diag(diagonal)
    np.testing.assert_allclose(low.log_prob(x).numpy(), st.multivariate_normal(np.zeros(4), full).logpdf(np.arange(4.0)), rtol=1e-10)
    np.testing.assert_allclose(low.scale_tril.numpy(), np.linalg.cholesky(full), rtol=1e-9)
    np.testing.assert_allclose(low.precision_matrix.numpy(), np.linalg.inv(full), rtol=1e-9)

    weights = U[0] / U[0].sum()
    np.testing.assert_allclose(D.Dirichlet(t(P[0])).log_prob(t(weights)).item(), st.dirichlet(P[0]).logpdf(weights), rtol=1e-10)
    counts = np.array([1.0, 2, 3, 0])
    np.testing.assert_allclose(D.Multinomial(6, t(weights)).log_prob(t(counts)).item(), st.multinomial(6, weights).logpmf(counts), rtol=1e-10)
    np.testing.assert_allclose(D.Multinomial(6, t(weights)).entropy().item(), st.multinomial(6, weights).entropy(), rtol=1e-6)
    np.testing.assert_allclose(D.Wishart(torch.tensor(6.0, dtype=torch.float64), t(cov)).log_prob(t(cov)).item(), st.wishart(6, cov).logpdf(cov), rtol=1e-10)
    np.testing.assert_allclose(D.Wishart(torch.tensor(6.0, dtype=torch.float64), t(cov)).entropy().item(), st.wishart(6, cov).entropy(), rtol=1e-10)
    assert D.Categorical(t(weights)).log_prob(t(2)).item() == pytest.approx(np.log(weights[2]))


def test_shapes_and_expansion():
    d = D.Independent(D.Normal(torch.zeros(5, 3), 1.0), 1)
    assert (d.batch_shape, d.event_shape) == ((5,), (3,))
    wide = d.expand((2, 5))
    assert wide.batch_shape == (2, 5) and wide.sample((7,)).shape == (7, 2, 5, 3)
    for d in (D.MultivariateNormal(torch.zeros(3), torch.eye(3)), D.Categorical(torch.ones(3)), D.OneHotCategorical(torch.ones(3)), D.Beta(1.0, 2.0),
              D.Dirichlet(torch.ones(3)), D.Gumbel(0.0, 1.0), D.Weibull(1.0, 2.0), D.Multinomial(3, torch.ones(2)), D.LKJCholesky(3),
              D.RelaxedBernoulli(t(0.5), t(0.3)), D.Wishart(4.0, torch.eye(3)), D.MixtureSameFamily(D.Categorical(torch.ones(3)), D.Normal(torch.zeros(3), 1.0))):
        wide = d.expand((4, 2))
        x = wide.sample()
        assert wide.batch_shape == (4, 2) and x.shape == (4, 2) + tuple(d.event_shape)
        assert wide.log_prob(x).shape == (4, 2)


def test_reparameterised_gradients():
    torch.manual_seed(0)
    a = torch.full((3,), 2.0, dtype=torch.float64, requires_grad=True)
    D.Gamma(a, torch.ones_like(a)).rsample((4000,)).mean(0).sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), 1.0, atol=0.1)  # d mean / d concentration
    loc = torch.zeros(2, requires_grad=True)
    D.Normal(loc, 1.0).rsample().sum().backward()
    assert loc.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("call, text", [
    (lambda: D.Normal(0.0, -1.0), "Expected parameter scale .* to satisfy the constraint GreaterThan"),
    (lambda: D.Uniform(1.0, 0.0), "Expected parameter low .* LessThan"),
    (lambda: D.Bernoulli(t(2.0)), "Interval"),
    (lambda: D.Bernoulli(), "Either `probs` or `logits` must be specified, but not both."),
    (lambda: D.Categorical(t(1.0)), "at least one-dimensional"),
    (lambda: D.Categorical(t([-1.0, 2.0])), "Simplex"),
    (lambda: D.MultivariateNormal(torch.zeros(2), t([[1.0, 2.0], [3.0, 1.0]])), "PositiveDefinite"),
    (lambda: D.Normal("a", 1.0), "must all be instances of Number"),
    (lambda: D.Poisson(t(3.0)).log_prob(t(1.5)), "to be within the support"),
    (lambda: D.Normal(torch.zeros(3), 1.0).log_prob(torch.zeros(4)), "not broadcastable"),
    (lambda: D.Normal(0.0, 1.0).log_prob(3), "must be a Tensor"),
    (lambda: D.LKJCholesky(1), "greater than or equal to 2"),
])
def test_bad_arguments(call, text):
    with pytest.raises(ValueError, match=text):
        call()
