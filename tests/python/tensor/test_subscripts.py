"""Subscripts against NumPy, and the errors of wrong ones."""
import numpy as np
import pytest

import kagari as torch

SHAPE = (3, 4, 5)
KEYS = [
    0, -1, slice(1, 3), slice(None, None, 2), None, Ellipsis, (0, 1), (0, 1, 2), (Ellipsis, 0), (0, Ellipsis), (None, 0, None), (slice(None), 1),
    (slice(0, 0),), (slice(2, 1), 0), (slice(-2, None), Ellipsis, slice(None, None, 3)), (),
    [0, 2], [[0, 1], [2, 0]], ([0, 2], [1, 3]), (slice(None), [0, 2]), (slice(None), [0, 2], [1, 3]), ([0, 2], slice(None), [1, 3]),
    ([0, 1], 0), (Ellipsis, [0, 4, 2]), (None, [0, 1]), ([0], [1], [2]), [],
    slice(None, None, -1), slice(None, None, -2), (slice(None, 0, -1), slice(3, None, -3)), (Ellipsis, slice(-2, -9, -1)), (slice(0, 2, -1),),
    (None, slice(1, None, -1), 1), (slice(None, None, -1), [0, 2]), ([1, 0], slice(None, None, -1)), (slice(None, None, -1), slice(None), [4, 0, 0]),
]
MASKS = [(slice(None), np.array([True, False, True, False])), np.array([True, False, True]), np.zeros(3, bool)]


def as_key(key):
    """The same key with tensors for lists and arrays."""
    def one(k):
        return torch.tensor(np.array(k, dtype=np.int64)) if isinstance(k, list) else torch.from_numpy(k) if isinstance(k, np.ndarray) else k
    return tuple(one(k) for k in key) if isinstance(key, tuple) else one(key)


def numpy_key(key):
    if isinstance(key, list):
        return np.array(key, dtype=np.int64)
    return tuple(np.array(k, dtype=np.int64) if isinstance(k, list) else k for k in key) if isinstance(key, tuple) else key


@pytest.fixture
def array():
    return np.arange(60, dtype=np.float64).reshape(SHAPE)


@pytest.mark.parametrize("key", KEYS + MASKS, ids=repr)
def test_reads_as_numpy(array, key):
    expected = array[numpy_key(key)]
    got = torch.from_numpy(array)[as_key(key)]
    assert tuple(got.shape) == expected.shape
    np.testing.assert_array_equal(got.numpy(), expected)


@pytest.mark.parametrize("key", KEYS + MASKS, ids=repr)
def test_writes_as_numpy(array, key):
    expected = array.copy()
    value = -np.arange(array[numpy_key(key)].size, dtype=np.float64).reshape(array[numpy_key(key)].shape)
    expected[numpy_key(key)] = value
    t = torch.from_numpy(array.copy())
    t[as_key(key)] = torch.from_numpy(np.ascontiguousarray(value)).view(value.shape)
    np.testing.assert_array_equal(t.numpy(), expected)
    expected[numpy_key(key)] = 7
    t[as_key(key)] = 7
    np.testing.assert_array_equal(t.numpy(), expected)


@pytest.mark.parametrize("key", KEYS + MASKS, ids=repr)
def test_gradient_counts_uses(array, key):
    t = torch.from_numpy(array).requires_grad_()
    t[as_key(key)].sum().backward()
    expected = np.zeros(SHAPE)
    np.add.at(expected, numpy_key(key), 1)
    np.testing.assert_array_equal(t.grad.numpy(), expected)


@pytest.mark.parametrize("key, error, text", [
    (3, IndexError, "index 3 is out of bounds for dimension 0 with size 3"),
    ((0, 0, 0, 0), IndexError, "too many indices for tensor of dimension 3"),
    (slice(None, None, 0), ValueError, "slice step cannot be zero"),
    (1.0, IndexError, "only integers, slices"),
    ({}, IndexError, "only integers, slices"),
    ([0, 3], IndexError, "index 3 is out of bounds for dimension 0 with size 3"),
    ([0.5], IndexError, "tensors used as indices must be long, int, byte or bool tensors"),
    (([0, 1], [0, 1, 2]), IndexError, "could not be broadcast together"),
])
def test_wrong_keys(key, error, text):
    with pytest.raises(error, match=text):
        torch.zeros(SHAPE)[key]


def test_numbers_have_no_dimensions():
    with pytest.raises(IndexError, match="invalid index of a 0-dim tensor"):
        torch.tensor(1.0)[0]
    assert torch.tensor(1.0)[None].shape == (1,)
    assert torch.tensor(1.0)[...].item() == 1.0


def test_views_share_memory():
    t = torch.zeros(4, 4)
    t[1:3, ::2][0] = 5
    assert t.tolist()[1] == [5.0, 0.0, 5.0, 0.0]
    t[t > 0] = -1
    assert t.sum().item() == -2.0
