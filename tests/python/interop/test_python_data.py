"""torch.tensor, item, tolist, frombuffer: dtypes and errors as PyTorch's."""
import warnings

import kagari as torch
import numpy as np
import pytest


@pytest.mark.parametrize("data, dtype, expected", [
    ([1, 2.5], torch.float32, [1.0, 2.5]),
    ([True, 2], torch.int64, [1, 2]),
    ([True, False], torch.bool, [True, False]),
    ([1j, 2], torch.complex64, [1j, 2 + 0j]),
    ([[]], torch.float32, [[]]),
    ([[], [1]], torch.float32, [[], []]),
    (range(3), torch.int64, [0, 1, 2]),
    (bytearray(b"ab"), torch.int64, [97, 98]),
    (np.float32(3), torch.float32, 3.0),
    ([np.float64(1), 2], torch.float64, [1.0, 2.0]),
    ([np.bool_(True)], torch.bool, [True]),
    ([np.ones(2), np.zeros(2)], torch.float64, [[1.0, 1.0], [0.0, 0.0]]),
    (np.array([[1, 2]], dtype=np.int16), torch.int16, [[1, 2]]),
    (5, torch.int64, 5),
    (2.5, torch.float32, 2.5),
])
def test_inference(data, dtype, expected):
    t = torch.tensor(data)
    assert t.dtype is dtype
    assert t.tolist() == expected


def test_tensors_in_lists():
    t = torch.tensor([torch.tensor(1.0), torch.tensor(2)])
    assert t.dtype is torch.float32 and t.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("data, options, kind, text", [
    ("a", {}, TypeError, r"new\(\): invalid data type 'str'"),
    (["a"], {}, ValueError, "too many dimensions 'str'"),
    ([None], {}, RuntimeError, "Could not infer dtype of NoneType"),
    ({}, {}, RuntimeError, "Could not infer dtype of dict"),
    ([[1, 2], [3]], {}, ValueError, r"expected sequence of length 2 at dim 1 \(got 1\)"),
    ([[1], []], {}, ValueError, r"expected sequence of length 1 at dim 1 \(got 0\)"),
    ([[1, 2], 3], {}, TypeError, "not a sequence"),
    ([1, [2]], {}, TypeError, "cannot be interpreted as an integer"),
    (2 ** 63, {}, ValueError, "Overflow when unpacking long long"),
    ([300], {"dtype": torch.uint8}, RuntimeError, "value cannot be converted to type uint8 without overflow"),
    ([2 ** 31], {"dtype": torch.int32}, RuntimeError, "value cannot be converted to type int32 without overflow"),
    ([1j], {"dtype": torch.float32}, TypeError, "must be real number, not complex"),
    ([1], {"dtype": "float32"}, TypeError, "argument 'dtype' must be torch.dtype, not str"),
    ([1], {"foo": 3}, TypeError, "unexpected keyword argument 'foo'"),
    (5, {"requires_grad": True}, RuntimeError, "Only Tensors of floating point and complex dtype can require gradients"),
])
def test_errors(data, options, kind, text):
    with pytest.raises(kind, match=text):
        torch.tensor(data, **options)


@pytest.mark.parametrize("data, dtype, expected", [
    ([-1], torch.uint8, [255]), ([1.5, 2], torch.int64, [1, 2]), ([1e300], torch.float32, [float("inf")]), ([1.7], torch.bool, [True]),
    ([2 ** 63], torch.uint64, [2 ** 63]), ([True], float, [1.0]), ([1.5], torch.float8_e4m3fn, [1.5]),
])
def test_conversion(data, dtype, expected):
    assert torch.tensor(data, dtype=dtype).tolist() == expected


def test_copies():
    a = np.ones(3)
    t = torch.tensor(a)
    t[0] = 5
    assert a[0] == 1
    with pytest.warns(UserWarning, match="To copy construct from a tensor"):
        torch.tensor(t)


def test_item():
    assert torch.tensor([[2.5]]).item() == 2.5
    with pytest.raises(RuntimeError, match="a Tensor with 2 elements cannot be converted to Scalar"):
        torch.ones(2).item()
    with pytest.raises(RuntimeError, match="cannot be called on meta tensors"):
        torch.empty((), device="meta").item()


@pytest.mark.parametrize("options, text", [
    ({"offset": 1}, r"buffer length \(15 bytes\) after offset \(1 bytes\) must be a multiple of element size \(4\)"),
    ({"offset": 20}, r"offset \(20 bytes\) must be non-negative and no greater than buffer length \(16 bytes\) minus 1"),
    ({"count": 7}, "requested buffer length"),
    ({"count": 0}, "must not be 0"),
])
def test_frombuffer_errors(options, text):
    with pytest.raises(ValueError, match=text):
        torch.frombuffer(bytearray(16), dtype=torch.int32, **options)


def test_frombuffer():
    data = bytearray(range(16))
    t = torch.frombuffer(data, dtype=torch.int32, offset=4, count=2)
    assert t.tolist() == [117835012, 185207048]
    t[0] = 0
    assert data[4:8] == b"\0\0\0\0"
    with pytest.warns(UserWarning, match="not writable"):
        torch.frombuffer(b"abcd", dtype=torch.uint8)


def test_from_file(tmp_path):
    path = tmp_path / "numbers"
    path.write_bytes(np.arange(4, dtype=np.float32).tobytes())
    private = torch.from_file(str(path), size=4)
    private[0] = 9
    assert torch.from_file(str(path), size=4)[0] == 0
    shared = torch.from_file(str(path), shared=True, size=8)
    shared[7] = 7
    assert np.fromfile(path, np.float32).tolist() == [0, 1, 2, 3, 0, 0, 0, 7]
    with pytest.raises(RuntimeError, match="unable to open file"):
        torch.from_file(str(tmp_path / "absent"), size=3)


def test_as_tensor_shares():
    a = np.ones(3)
    assert torch.as_tensor(a).data_ptr() == a.ctypes.data
    assert torch.asarray(a).data_ptr() == a.ctypes.data
    assert torch.asarray(a, copy=True).data_ptr() != a.ctypes.data
    t = torch.ones(2)
    assert torch.as_tensor(t) is t
    with pytest.raises(ValueError, match="can't alias arbitrary sequence into a tensor"):
        torch.asarray([1, 2], copy=False)
    with pytest.raises(ValueError, match="can't alias tensor with dtype 'Double' into dtype 'Float'"):
        torch.asarray(a, dtype=torch.float32, copy=False)


def test_no_warning_for_arrays():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.tensor(np.ones(2))
