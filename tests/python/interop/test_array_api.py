"""Functions of the array API standard against NumPy's."""
import numpy as np
import pytest

import kagari as torch

X = np.array([[3, 1, 3], [2, 1, 1]])
x = torch.tensor(X)


def test_unique():
    for name in ("unique_all", "unique_counts", "unique_inverse"):
        got, expected = getattr(torch, name)(x), getattr(np, name)(X)
        assert got._fields == expected._fields
        for one, other in zip(got, expected):
            np.testing.assert_array_equal(one.numpy(), other)
    np.testing.assert_array_equal(torch.unique_values(x).numpy(), np.sort(np.unique_values(X)))


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "uint64", "float32", "complex128"])
@pytest.mark.parametrize("kind", ["bool", "signed integer", "unsigned integer", "integral", "real floating", "complex floating", "numeric"])
def test_kinds_of_dtypes(dtype, kind):
    assert torch.isdtype(getattr(torch, dtype), kind) == np.isdtype(np.dtype(dtype), kind)
    assert torch.isdtype(getattr(torch, dtype), (getattr(torch, dtype), "bool"))


def test_other_functions():
    np.testing.assert_array_equal(torch.cumulative_sum(x, axis=1, include_initial=True).numpy(), np.cumulative_sum(X, axis=1, include_initial=True))
    np.testing.assert_array_equal(torch.cumulative_prod(x, axis=0).numpy(), np.cumulative_prod(X, axis=0))
    np.testing.assert_array_equal(torch.matrix_transpose(x).numpy(), X.T)
    np.testing.assert_array_equal(torch.take_along_axis(x, x - 1, axis=1).numpy(), np.take_along_axis(X, X - 1, axis=1))
    assert torch.expand_dims(x, axis=(0, -1)).shape == (1, 2, 3, 1) and torch.permute_dims(x, (1, 0)).shape == (3, 2)
    assert torch.astype(x, torch.int64) is not x and torch.astype(x, torch.int64, copy=False) is x and torch.astype(x, torch.float32).dtype == torch.float32
    assert [one.tolist() for one in torch.unstack(x)] == X.tolist() and torch.vecdot(x, x).tolist() == (X * X).sum(1).tolist()
    assert torch.equal(torch.bitwise_invert(x), ~x) and [one.shape for one in torch.broadcast_arrays(x, x[0])] == [(2, 3)] * 2
    for call in (lambda: torch.isdtype(torch.int8, "integer"), lambda: torch.cumulative_sum(x), lambda: torch.matrix_transpose(x[0])):
        with pytest.raises(ValueError):
            call()


def test_namespace():
    xp = x.__array_namespace__()
    assert xp is torch and xp.__array_api_version__ == "2024.12" and torch.equal(x.to_device("cpu"), x)
    info = xp.__array_namespace_info__()
    assert info.default_dtypes()["real floating"] == torch.float32 and set(info.dtypes(kind="bool")) == {"bool"} and info.capabilities()["boolean indexing"]
    with pytest.raises(ValueError, match="unsupported version"):
        x.__array_namespace__(api_version="1999")
