"""NumPy and DLPack: memory is shared both ways."""
import gc

import kagari as torch
import numpy as np
import pytest

DTYPES = ["float16", "float32", "float64", "complex64", "complex128", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_round_trip(dtype):
    a = np.array([[0, 1, 2], [3, 4, 5]]).astype(dtype)
    t = torch.from_numpy(a[:, ::2])
    assert t.dtype is getattr(torch, dtype) and t.stride() == (3, 2)
    back = t.numpy()
    assert back.dtype == a.dtype and np.array_equal(back, a[:, ::2])
    back[0, 0] = 1
    assert a[0, 0] == 1


def test_memory_lives_on():
    t = torch.from_numpy(np.arange(1000.0))
    gc.collect()
    assert t.sum() == 499500
    a = torch.arange(1000.0).numpy()
    gc.collect()
    assert a.sum() == 499500


@pytest.mark.parametrize("make, kind, text", [
    (lambda: torch.from_numpy([1]), TypeError, r"expected np.ndarray \(got list\)"),
    (lambda: torch.from_numpy(np.array(["a"])), TypeError, "can't convert np.ndarray of type numpy.str_"),
    (lambda: torch.from_numpy(np.ones(3)[::-1]), ValueError, "At least one stride in the given numpy array is negative"),
    (lambda: torch.from_numpy(np.ones(3, dtype=">f4")), ValueError, "byte order different from the native"),
    (lambda: torch.from_numpy(np.zeros(3, dtype=[("a", "i1"), ("b", "f4")])["b"]), ValueError, "strides not a multiple of the element byte size"),
    (lambda: torch.ones(2, requires_grad=True).numpy(), RuntimeError, r"Can't call numpy\(\) on Tensor that requires grad"),
    (lambda: torch.ones(2, dtype=torch.bfloat16).numpy(), TypeError, "Got unsupported ScalarType BFloat16"),
    (lambda: torch.empty(2, device="meta").numpy(), TypeError, "can't convert meta device type tensor to numpy"),
    (lambda: torch.ones(2, requires_grad=True).__dlpack__(), BufferError, "Can't export tensors that require gradient"),
    (lambda: torch.from_dlpack(3), RuntimeError, "received an invalid capsule"),
])
def test_errors(make, kind, text):
    with pytest.raises(kind, match=text):
        make()


def test_numpy_functions():
    x = torch.zeros(2)
    assert isinstance(np.exp(x), torch.Tensor) and np.exp(x).tolist() == [1.0, 1.0]
    assert np.asarray(x).base is x
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    assert torch.ones(2, requires_grad=True).numpy(force=True).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_dlpack(dtype):
    a = np.array([[0, 1, 2], [3, 4, 5]]).astype(dtype)
    t = torch.from_dlpack(a[:, ::2])
    assert t.data_ptr() == a.ctypes.data and t.dtype is getattr(torch, dtype)
    back = np.from_dlpack(t)
    assert np.array_equal(back, a[:, ::2]) and back.ctypes.data == a.ctypes.data


def test_dlpack_capsules():
    t = torch.arange(6.0).reshape(2, 3)
    for options in ({}, {"max_version": (1, 0)}, {"copy": True}):
        capsule = t.__dlpack__(**options)
        again = torch.from_dlpack(capsule)
        assert torch.equal(again, t)
        assert (again.data_ptr() == t.data_ptr()) == ("copy" not in options)
        with pytest.raises(RuntimeError, match="invalid capsule"):
            torch.from_dlpack(capsule)


def test_arrays_in_comparisons():
    assert (torch.ones(2) == np.ones(2)).tolist() == [True, True]


def test_to():
    x = torch.ones(2, 3)
    assert x.to() is x and x.to(torch.float32) is x and x.to("cpu") is x and x.to(None) is x
    assert x.to(torch.float32, copy=True) is not x
    assert x.t().to(torch.half).stride() == (1, 3)
    assert x.to("cpu", torch.float64).dtype is x.to(torch.ones(1).double()).dtype is x.to(dtype=float).dtype is torch.float64
    assert x.to("meta").is_meta
    with pytest.raises(AssertionError, match="Torch not compiled with CUDA enabled"):
        x.to("cuda")
    with pytest.raises(TypeError, match="received an invalid combination of arguments"):
        x.to(torch.strided)
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor; no data!"):
        torch.empty(2, device="meta").to("cpu")


def test_elementwise_python():
    x = torch.ones(2, 3).t()
    assert x.clone().apply_(lambda v: v + 1).tolist() == [[2.0, 2.0]] * 3
    assert x.clone().map_(torch.arange(2.0), lambda a, b: a + b).tolist() == [[1.0, 2.0]] * 3


def test_import_leaves_the_environment_alone():
    import subprocess
    import sys
    code = "import os; before = dict(os.environ); import kagari; assert dict(os.environ) == before; assert kagari.ones(2).sum() == 2"
    subprocess.run([sys.executable, "-c", code], check=True)
