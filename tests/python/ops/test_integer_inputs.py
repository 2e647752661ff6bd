"""Operators that take integers where NumPy does."""
import numpy as np
import pytest

import kagari as torch

X = np.array([[3, -4, 1], [2, 5, 9]])


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "uint32"])
def test_statistics_and_norms(dtype):
    data = np.abs(X).astype(dtype)
    x = torch.tensor(data)
    for got, expected in ((x.std(1), data.std(1, ddof=1)), (x.var(0, correction=0), data.var(0)), (torch.var_mean(x)[1], data.mean()),
                          (torch.linalg.vector_norm(x), np.linalg.norm(data.ravel())), (torch.norm(x, dim=1), np.linalg.norm(data.astype(float), axis=1))):
        assert got.dtype == torch.float32
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-6)


def test_two_arguments():
    x = torch.tensor(X)
    np.testing.assert_allclose(torch.hypot(x, x.flip(1)).numpy(), np.hypot(X, X[:, ::-1]), rtol=1e-6)
    np.testing.assert_allclose(torch.logaddexp(x, x.flip(1)).numpy(), np.logaddexp(X, X[:, ::-1]), rtol=1e-6)
    np.testing.assert_allclose(torch.logaddexp2(x, x.flip(1)).numpy(), np.logaddexp2(X, X[:, ::-1]), rtol=1e-6)
    for call in (lambda: torch.hypot(x, 2), lambda: x.bool().std(), lambda: x.mean()):
        with pytest.raises((RuntimeError, TypeError)):
            call()
