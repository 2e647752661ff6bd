"""Special functions against SciPy, and their values at infinities and poles."""
import numpy as np
import pytest
import scipy.special as sp

import kagari as torch

S = torch.special
line = np.concatenate([np.linspace(-12, 12, 97), [1e-9, 0.5, 25.0, 80.0, -0.5]])
right = np.concatenate([np.linspace(0.05, 30, 80), [1e-6, 100.0, 1e4]])


@pytest.mark.parametrize("name, oracle, x", [
    ("erf", sp.erf, line), ("erfc", sp.erfc, line), ("erfcx", sp.erfcx, line), ("erfinv", sp.erfinv, np.linspace(-0.999, 0.999, 41)),
    ("ndtr", sp.ndtr, line), ("ndtri", sp.ndtri, np.linspace(0.001, 0.999, 41)), ("log_ndtr", sp.log_ndtr, line), ("entr", sp.entr, right),
    ("gammaln", sp.gammaln, right), ("psi", sp.psi, right), ("i0", sp.i0, line), ("i0e", sp.i0e, line), ("i1", sp.i1, line), ("i1e", sp.i1e, line),
    ("bessel_j0", sp.j0, line), ("bessel_j1", sp.j1, line), ("bessel_y0", sp.y0, right), ("bessel_y1", sp.y1, right), ("modified_bessel_k0", sp.k0, right),
    ("modified_bessel_k1", sp.k1, right), ("scaled_modified_bessel_k0", sp.k0e, right), ("airy_ai", lambda x: sp.airy(x)[0], line), ("sinc", np.sinc, line)])
def test_of_one_argument(name, oracle, x):
    want = oracle(x)
    np.testing.assert_allclose(getattr(S, name)(torch.from_numpy(x)).numpy(), want, rtol=2e-12, atol=1e-13)
    small = x.astype("f")
    with np.errstate(over="ignore"):
        np.testing.assert_allclose(getattr(S, name)(torch.from_numpy(small)).numpy(), oracle(small.astype("d")).astype("f"), rtol=2e-6, atol=1e-6)


@pytest.mark.parametrize("n", range(6))
def test_polygamma(n):
    x = np.concatenate([right, [-0.3, -2.6]]) if n < 2 else right
    want = np.where(x < 0, 0, sp.polygamma(n, np.where(x < 0, 1, x)))
    if n == 0:
        want = sp.psi(x)
    elif n == 1:  # reflection
        want = np.where(x < 0, (np.pi / np.sin(np.pi * x)) ** 2 - sp.polygamma(1, np.where(x < 0, 1 - x, 1)), want)
    np.testing.assert_allclose(torch.polygamma(n, torch.from_numpy(x)).numpy(), want, rtol=1e-12)
    t = torch.tensor([0.7, 3.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: torch.polygamma(n, t), (t,)) and torch.autograd.gradgradcheck(lambda t: torch.polygamma(n, t), (t,))


def test_incomplete_gamma():
    a = np.array([0.3, 1, 7.5, 100, 9999, 10001, 1e6, 1e10])[:, None]
    x = a * np.array([0.2, 0.9, 0.999, 1, 1.0001, 1.01, 1.3, 4])
    p, q = torch.igamma(torch.from_numpy(a), torch.from_numpy(x)).numpy(), torch.igammac(torch.from_numpy(a), torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(p, sp.gammainc(a, x), rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(q, sp.gammaincc(a, x), rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(p + q, 1, rtol=1e-13)


def test_zeta():
    s, q = np.array([1.5, 2, 3.25, 20])[:, None], np.array([0.3, 1, 4, 100.0])
    np.testing.assert_allclose(S.zeta(torch.from_numpy(s), torch.from_numpy(q)).numpy(), sp.zeta(s, q), rtol=1e-13)


@pytest.mark.parametrize("name, oracle", [("chebyshev_polynomial_t", sp.eval_chebyt), ("chebyshev_polynomial_u", sp.eval_chebyu), ("hermite_polynomial_h", sp.eval_hermite),
                                          ("hermite_polynomial_he", sp.eval_hermitenorm), ("laguerre_polynomial_l", sp.eval_laguerre),
                                          ("legendre_polynomial_p", sp.eval_legendre), ("shifted_chebyshev_polynomial_t", sp.eval_sh_chebyt)])
def test_polynomials(name, oracle):
    x, n = np.linspace(-2, 2, 9)[:, None], np.arange(12)
    want = oracle(n, x)
    np.testing.assert_allclose(getattr(S, name)(torch.from_numpy(x), torch.from_numpy(n)).numpy(), want, rtol=1e-11, atol=1e-11)
    at = torch.tensor([0.5, 0.5, 0.5, 0.5], dtype=torch.float64)
    degrees = torch.tensor([-1.0, -0.5, float("inf"), float("nan")], dtype=torch.float64)
    assert getattr(S, name)(at, degrees).tolist() == [0.0, 1.0, 0.0, 0.0]  # truncated; no polynomial of this degree


inf, nan = float("inf"), float("nan")


@pytest.mark.parametrize("name, at, want", [
    ("bessel_j0", [-inf, inf, 0], [nan, nan, 1]), ("bessel_y0", [inf, 0, -1], [nan, -inf, nan]), ("i1", [-inf, inf, 0], [nan, nan, 0]), ("airy_ai", [inf, -inf], [nan, nan]),
    ("psi", [-inf, -1, 0.0, -0.0, inf], [nan, nan, -inf, inf, inf])])
def test_special_values(name, at, want):
    np.testing.assert_array_equal(getattr(S, name)(torch.tensor(at, dtype=torch.float64)).numpy(), want)


def test_limits_of_two_arguments():
    f = lambda name, a, x: getattr(torch, name)(torch.tensor(a, dtype=torch.float64), torch.tensor(x, dtype=torch.float64)).numpy()
    np.testing.assert_array_equal(f("igamma", [nan, nan, inf, 0, inf, -1], [0, inf, nan, 0, inf, 1]), [0, 1, 0, nan, nan, nan])
    np.testing.assert_array_equal(f("igammac", [nan, nan, inf, 0, inf, -1], [0, inf, nan, 0, inf, 1]), [1, 0, 1, nan, nan, nan])
    zeta = S.zeta(torch.tensor([1, 0.5, inf, inf, nan], dtype=torch.float64), torch.tensor([3, 2, 1, 2, -1], dtype=torch.float64))
    np.testing.assert_array_equal(zeta.numpy(), [inf, nan, 1, nan, inf])


@pytest.mark.parametrize("name", ["i0", "i0e", "i1", "i1e"])
def test_gradients_at_zero(name):
    x = torch.tensor([0.0], dtype=torch.float64, requires_grad=True)
    g, = torch.autograd.grad(getattr(S, name)(x).sum(), x, create_graph=True)
    gg, = torch.autograd.grad(g.sum(), x)
    assert g.item() == {"i0": 0, "i0e": 0, "i1": 0.5, "i1e": 0.5}[name] and np.isfinite(gg.item())


@pytest.mark.parametrize("change", [lambda x: x.polygamma_(1), lambda x: x.mvlgamma_(3), lambda x: x.float_power_(2.5), lambda x: x.digamma_()])
def test_in_place_gradients(change):
    x = torch.tensor([1.5, 4.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: change(x.clone()), (x,))


def test_multivariate_gamma():
    x = np.array([2.5, 7.0])
    for p in (1, 2, 5):
        np.testing.assert_allclose(torch.mvlgamma(torch.from_numpy(x), p).numpy(), [sp.multigammaln(v, p) for v in x], rtol=1e-13)
    with pytest.raises(RuntimeError, match="p has to be greater than or equal to 1"):
        torch.mvlgamma(torch.ones(2), 0)
