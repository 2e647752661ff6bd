"""Reductions, scans and order against NumPy, over layouts and dtypes."""
import numpy as np
import pytest

import kagari as torch

rng = np.random.default_rng(0)
ARRAYS = {"contiguous": rng.standard_normal((4, 5, 6)), "one": rng.standard_normal((1, 1)), "long": rng.standard_normal(70001)}
LAYOUTS = {
    "plain": lambda a: (torch.from_numpy(a.copy()), a),
    "transposed": lambda a: (torch.from_numpy(a.copy()).transpose(0, -1), np.swapaxes(a, 0, -1)),
    "sliced": lambda a: (torch.from_numpy(a.copy())[..., ::2], a[..., ::2]),
    "expanded": lambda a: (torch.from_numpy(a.copy()).unsqueeze(0).expand(3, *a.shape), np.broadcast_to(a, (3,) + a.shape)),
}


def cases():
    for name, array in ARRAYS.items():
        for layout, make in LAYOUTS.items():
            x, a = make(array)
            for dim in [None] + list(range(a.ndim)) + ([(0, a.ndim - 1)] if a.ndim > 1 else []):
                yield pytest.param(x, a, dim, id=f"{name}-{layout}-{dim}")


CASES = list(cases())


@pytest.mark.parametrize("x, a, dim", CASES)
@pytest.mark.parametrize("name, oracle", [("sum", np.sum), ("mean", np.mean), ("amax", np.max), ("amin", np.min), ("all", np.all), ("any", np.any)])
def test_reduction(x, a, dim, name, oracle):
    got = getattr(x, name)() if dim is None else getattr(x, name)(dim)
    np.testing.assert_allclose(got.numpy(), oracle(a, axis=dim), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("x, a, dim", CASES)
@pytest.mark.parametrize("correction", [0, 1])
def test_variance(x, a, dim, correction):
    if a.size == 1:
        correction = 0
    v, m = torch.var_mean(x, dim=dim, correction=correction)
    n = a.size if dim is None else np.prod([a.shape[d] for d in np.atleast_1d(dim)])
    if n <= correction:
        return
    np.testing.assert_allclose(v.numpy(), np.var(a, axis=dim, ddof=correction), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(m.numpy(), np.mean(a, axis=dim), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("x, a, dim", [c for c in CASES if isinstance(c.values[2], int)])
def test_order_along_a_dimension(x, a, dim):
    values, indices = x.sort(dim)
    np.testing.assert_array_equal(values.numpy(), np.sort(a, axis=dim))
    np.testing.assert_array_equal(indices.numpy(), np.argsort(a, axis=dim, kind="stable"))
    np.testing.assert_array_equal(x.argmax(dim).numpy(), np.argmax(a, axis=dim))
    np.testing.assert_array_equal(x.max(dim).values.numpy(), np.max(a, axis=dim))
    np.testing.assert_allclose(x.cumsum(dim).numpy(), np.cumsum(a, axis=dim), rtol=1e-10, atol=1e-10)
    k = (a.shape[dim] + 1) // 2
    np.testing.assert_array_equal(x.topk(k, dim).values.numpy(), np.flip(np.sort(a, axis=dim), dim).take(range(k), axis=dim))
    np.testing.assert_array_equal(x.kthvalue(k, dim).values.numpy(), np.sort(a, axis=dim).take(k - 1, axis=dim))
    np.testing.assert_array_equal(x.median(dim).values.numpy(), np.sort(a, axis=dim).take((a.shape[dim] - 1) // 2, axis=dim))
    e = np.exp(a - a.max(axis=dim, keepdims=True))
    np.testing.assert_allclose(x.softmax(dim).numpy(), e / e.sum(axis=dim, keepdims=True), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint8", "int32", "int64"])
@pytest.mark.parametrize("n", [0, 1, 10, 3000])
def test_sort_of_dtypes(dtype, n):
    a = (rng.standard_normal(n) * 40).astype(dtype)
    for descending in (False, True):
        values, indices = torch.from_numpy(a).sort(descending=descending)
        order = np.argsort(-a.astype("float64") if descending else a, kind="stable")
        np.testing.assert_array_equal(indices.numpy(), order)
        np.testing.assert_array_equal(values.numpy(), a[order])


def test_sort_places_nan_last_and_keeps_the_sign_of_zero():
    values = torch.tensor([1.0, float("nan"), 0.0, -0.0, -1.0]).sort().values.numpy()
    np.testing.assert_array_equal(values, [-1.0, 0.0, -0.0, 1.0, np.nan])
    assert list(np.signbit(values[1:3])) == [False, True]


def test_topk_of_ascending_numbers():
    values, indices = torch.arange(100000).topk(5)
    assert values.tolist() == indices.tolist() == [99999, 99998, 99997, 99996, 99995]


@pytest.mark.parametrize("a", [np.array([3, 1, 3, 2]), np.array([10**9, -5, 10**9]), np.array([0.5, -1.0, 0.5])])
def test_unique(a):
    values, inverse, counts = torch.unique(torch.from_numpy(a), return_inverse=True, return_counts=True)
    v, i, c = np.unique(a, return_inverse=True, return_counts=True)
    np.testing.assert_array_equal(values.numpy(), v)
    np.testing.assert_array_equal(inverse.numpy(), i)
    np.testing.assert_array_equal(counts.numpy(), c)


def test_results_do_not_depend_on_the_number_of_threads():
    x = torch.from_numpy(rng.standard_normal(300000).astype("float32"))
    before = torch.get_num_threads()
    results = []
    try:
        for n in (1, 2, 3):
            torch.set_num_threads(n)
            results.append((x.sum().item(), x.var().item(), x.norm().item(), x.cumsum(0)[-1].item()))
    finally:
        torch.set_num_threads(before)
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("call, kind, text", [
    (lambda: torch.tensor([1]).mean(), RuntimeError, "could not infer output dtype"),
    (lambda: torch.tensor([]).max(), RuntimeError, "Expected reduction dim to be specified"),
    (lambda: torch.zeros(0, 3).amax(0), IndexError, "non-zero size"),
    (lambda: torch.zeros(2, 3).sum((0, 0)), RuntimeError, "appears multiple times"),
    (lambda: torch.zeros(2, 3).sum(5), IndexError, "Dimension out of range"),
    (lambda: torch.zeros(3).topk(4), RuntimeError, "out of range"),
    (lambda: torch.tensor([1]) // 0, RuntimeError, "ZeroDivisionError"),
    (lambda: torch.tensor([2]) ** -1, RuntimeError, "negative integer powers"),
    (lambda: torch.tensor([True]) - torch.tensor([True]), RuntimeError, "not supported"),
    (lambda: torch.zeros(2).clamp(), RuntimeError, "At least one"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind, match=text):
        call()


def test_topk_of_equal_elements():
    """Which of equal elements are taken was recorded with PyTorch 2.13 on the CPU."""
    x = (torch.arange(100) * 7919 % 13 % 5).float()
    assert x.topk(5).indices.tolist() == [67, 54, 15, 50, 11] and x[:10].topk(3, largest=False).indices.tolist() == [5, 9, 0]
    assert x[:20].topk(10, sorted=False).indices.tolist() == [10, 19, 2, 17, 4, 15, 14, 11, 8, 6]
    long = (torch.arange(5000) % 700).float()
    values, indices = long.topk(9)
    assert values.tolist() == [699.0] * 7 + [698.0] * 2 and long[indices].equal(values) and len(set(indices.tolist())) == 9
