"""Decompositions, least squares and tensor equations against NumPy and SciPy, and their gradients against differences."""
import numpy as np
import pytest
import scipy.linalg

import kagari as torch
from kagari.autograd import gradcheck, gradgradcheck

LA = torch.linalg


def numbers(*shape, seed=0, complex=False):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    return x + 1j * rng.standard_normal(shape) if complex else x


def leaf(*shape, **kind):
    return torch.from_numpy(numbers(*shape, **kind)).requires_grad_()


@pytest.mark.parametrize("driver", ["gels", "gelsy", "gelsd", "gelss"])
def test_least_squares(driver):
    a, b = numbers(5, 3), numbers(5, 2, seed=1)
    want, residuals, rank, values = np.linalg.lstsq(a, b, rcond=None)
    got = LA.lstsq(torch.from_numpy(a), torch.from_numpy(b), driver=driver)
    np.testing.assert_allclose(got.solution, want, atol=1e-12)
    if driver != "gelsy":
        np.testing.assert_allclose(got.residuals, residuals, atol=1e-12)
    assert got.rank.numel() == (driver != "gels") and (driver == "gels" or got.rank.item() == rank)
    if driver in ("gelsd", "gelss"):
        np.testing.assert_allclose(got.singular_values, values)


def test_least_squares_of_vectors_and_batches():
    a, b = numbers(2, 4, 3), numbers(2, 4, seed=1)
    x = LA.lstsq(torch.from_numpy(a), torch.from_numpy(b)).solution
    assert x.shape == (2, 3)
    np.testing.assert_allclose(x[1], np.linalg.lstsq(a[1], b[1], rcond=None)[0])
    with pytest.raises(RuntimeError, match="should be one of"):
        LA.lstsq(torch.ones(2, 2), torch.ones(2, 2), driver="qr")


@pytest.mark.parametrize("shape", [(4, 3), (3, 4)])
def test_gradients_of_least_squares_and_pseudo_inverses(shape):
    a, b = leaf(*shape), leaf(shape[0], 2, seed=1)
    assert gradcheck(lambda a, b: LA.lstsq(a, b).solution, (a, b))
    assert gradcheck(LA.pinv, (a,)) and gradgradcheck(LA.pinv, (a,))


def test_pseudo_inverse_of_a_singular_matrix():
    a, b = leaf(4, 2), leaf(2, 4, seed=1)
    assert gradcheck(lambda a, b: LA.pinv(a @ b), (a, b))
    m = numbers(4, 2) @ numbers(2, 4, seed=1)
    np.testing.assert_allclose(LA.pinv(torch.from_numpy(m)), np.linalg.pinv(m), atol=1e-10)
    h = m @ m.T
    np.testing.assert_allclose(LA.pinv(torch.from_numpy(h), hermitian=True, rtol=1e-10), np.linalg.pinv(h, rcond=1e-10), atol=1e-8)


def test_tolerances_of_ranks():
    d = torch.diag(torch.tensor([4., 1., 0.01]))
    assert [LA.matrix_rank(d).item(), LA.matrix_rank(d, tol=0.5).item(), LA.matrix_rank(d, rtol=0.5).item()] == [3, 2, 1]
    assert LA.matrix_rank(torch.stack([d, d]), atol=torch.tensor([0.5, 2.])).tolist() == [2, 1]


@pytest.mark.parametrize("complex,hermitian", [(False, False), (True, False), (True, True)])
def test_ldl(complex, hermitian):
    a = numbers(4, 4, complex=complex)
    a = a + (a.conj().T if hermitian else a.T)
    b = numbers(4, 2, seed=1, complex=complex)
    LD, pivots = LA.ldl_factor(torch.from_numpy(a), hermitian=hermitian)
    np.testing.assert_allclose(LA.ldl_solve(LD, pivots, torch.from_numpy(b), hermitian=hermitian), np.linalg.solve(a, b))


def test_tensor_equations():
    a = numbers(2, 3, 6)
    np.testing.assert_allclose(LA.tensorinv(torch.from_numpy(a), ind=2), np.linalg.tensorinv(a, ind=2))
    a, b = numbers(2, 3, 6), numbers(2, 3, seed=1)
    np.testing.assert_allclose(LA.tensorsolve(torch.from_numpy(a), torch.from_numpy(b)), np.linalg.tensorsolve(a, b))
    with pytest.raises(RuntimeError, match="strictly positive"):
        LA.tensorinv(torch.ones(2, 2), 0)


def test_low_rank():
    torch.manual_seed(0)
    m = torch.from_numpy(numbers(6, 2) @ numbers(2, 9, seed=1))
    U, S, V = torch.svd_lowrank(m, q=3)
    np.testing.assert_allclose(U @ torch.diag(S) @ V.T, m, atol=1e-10)
    U, S, V = torch.pca_lowrank(m, q=2)
    centred = m - m.mean(0, keepdim=True)
    np.testing.assert_allclose(S, np.linalg.svd(centred.numpy(), compute_uv=False)[:2])
    with pytest.raises(ValueError, match="q"):
        torch.pca_lowrank(m, q=7)


def test_old_names():
    a, b = numbers(3, 3), numbers(3, 2, seed=1)
    LU, pivots = torch.lu(torch.from_numpy(a))
    P, L, U = torch.lu_unpack(LU, pivots)
    np.testing.assert_allclose(P @ L @ U, a)
    assert len(torch.lu(torch.from_numpy(a), get_infos=True)) == 3
    x = torch.triangular_solve(torch.from_numpy(b), torch.from_numpy(a), upper=False, transpose=True).solution
    np.testing.assert_allclose(x, scipy.linalg.solve_triangular(a, b, lower=True, trans="T"))


@pytest.mark.parametrize("scale", [0.01, 1.0, 20.0])
def test_matrix_exponential(scale):
    a = numbers(3, 4, 4) * scale
    np.testing.assert_allclose(torch.matrix_exp(torch.from_numpy(a)), np.stack([scipy.linalg.expm(m) for m in a]), rtol=1e-9)
    assert scale > 1 or gradcheck(torch.matrix_exp, (torch.from_numpy(a).requires_grad_(),))


@pytest.mark.parametrize("upper", [False, True])
def test_gradients_of_factors(upper):
    f = leaf(3, 3)
    spd = lambda x: x @ x.T + 3 * torch.eye(3, dtype=torch.float64)
    assert gradcheck(lambda x: torch.cholesky(spd(x), upper=upper), (f,))
    triangle = torch.triu if upper else torch.tril
    assert gradcheck(lambda b, x: torch.cholesky_solve(b, triangle(x), upper), (leaf(3, 2, seed=2), f))
    assert gradcheck(lambda x: torch.cholesky_inverse(triangle(x), upper), (f,))
    assert gradcheck(lambda x: LA.eigh(x + x.T, "U" if upper else "L").eigenvectors.abs(), (f,))


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("transpose", [True, False])
def test_product_with_reflectors(left, transpose):
    a, tau = torch.geqrf(torch.from_numpy(numbers(4, 4)))
    c = torch.from_numpy(numbers(4, 4, seed=1))
    q = LA.householder_product(a, tau)
    q = q.T if transpose else q
    np.testing.assert_allclose(torch.ormqr(a, tau, c, left, transpose), q @ c if left else c @ q, atol=1e-12)
    assert gradcheck(lambda a, t, c: torch.ormqr(a, t, c, left, transpose), [x.detach().requires_grad_() for x in (a, tau, c)])


def test_eigenvectors_of_a_real_matrix():
    a = numbers(5, 5)
    w, V = LA.eig(torch.from_numpy(a))
    np.testing.assert_allclose(a @ V.numpy(), V.numpy() * w.numpy(), atol=1e-12)
    np.testing.assert_allclose(np.sort_complex(w.numpy()), np.sort_complex(np.linalg.eigvals(a)))


def test_matrices_that_are_not_finite():
    bad = torch.full((2, 2), float("nan"))
    for f in (LA.svd, LA.svdvals, LA.eigh, lambda x: LA.lstsq(x, x), LA.eig, LA.cond):
        with pytest.raises(RuntimeError):
            f(bad)


def test_drivers_of_singular_values_are_for_cuda():
    a = torch.from_numpy(numbers(3, 2))
    assert torch.equal(LA.svd(a, False, driver=None).S, LA.svdvals(a, driver=None))
    for call in (LA.svd, LA.svdvals):
        with pytest.raises(RuntimeError, match="keyword argument `driver=` is only supported on CUDA"):
            call(a, driver="gesvd")
