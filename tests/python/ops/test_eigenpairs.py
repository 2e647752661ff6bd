"""lobpcg against numpy.linalg.eigh and scipy's generalised problem, and its gradient against that of eigh."""
import numpy as np
import pytest
import scipy.linalg

import kagari as torch

RNG = np.random.default_rng(1)
A = RNG.standard_normal((30, 30))
A = A @ A.T
B = np.diag(np.arange(1.0, 31.0))


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("options", [{}, {"B": B}, {"n": 5}, {"method": "basic"}, {"iK": np.linalg.inv(A)}], ids=str)
def test_eigenpairs(largest, options):
    torch.manual_seed(0)
    given = {name: torch.tensor(value) if isinstance(value, np.ndarray) else value for name, value in options.items()}
    E, X = torch.lobpcg(torch.tensor(A), k=3, largest=largest, niter=3000, tol=1e-9, **given)
    b = options.get("B")
    values = scipy.linalg.eigh(A, b, eigvals_only=True)
    np.testing.assert_allclose(E.numpy(), values[::-1][:3] if largest else values[:3], rtol=1e-6, atol=1e-6)
    residual = A @ X.numpy() - (X.numpy() if b is None else b @ X.numpy()) * E.numpy()
    assert np.abs(residual).max() < 1e-4


def test_batches_sparse_matrices_and_trackers():
    torch.manual_seed(0)
    t, seen = torch.tensor(A), []
    E, X = torch.lobpcg(torch.stack([t, 2 * t]), k=2)
    assert E.shape == (2, 2) and X.shape == (2, 30, 2)
    torch.testing.assert_close(E[1], 2 * E[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(torch.lobpcg(t.to_sparse(), k=2, tracker=lambda state: seen.append(state.ivars["istep"]))[0], E[0], rtol=1e-5, atol=1e-5)
    assert seen == list(range(len(seen))) and seen


def test_gradient():
    torch.manual_seed(0)
    weight = torch.tensor(RNG.standard_normal((30, 2)))

    def gradient(pairs):
        a = torch.tensor(A, requires_grad=True)
        E, X = pairs(a)
        (((X * weight).sum(0) ** 2).sum() + E.square().sum()).backward()
        return (a.grad + a.grad.T) / 2

    def exact(a):
        L, V = torch.linalg.eigh(a)
        return L[[-1, -2]], V[:, [-1, -2]]
    torch.testing.assert_close(gradient(lambda a: torch.lobpcg(a, k=2, niter=5000, tol=1e-12)), gradient(exact), rtol=1e-6, atol=1e-6)


def test_errors():
    with pytest.raises(ValueError, match="smaller than 3 x"):
        torch.lobpcg(torch.eye(4), k=2)
    with pytest.raises(AssertionError, match="square"):
        torch.lobpcg(torch.ones(3, 4))
