"""complex32, whose arithmetic is complex64's rounded once, and dtypes that name memory only."""
import io
import pickle

import numpy as np
import pytest

import kagari as torch

RNG = np.random.default_rng(0)
DATA = torch.tensor(RNG.standard_normal((3, 4)) + 1j * RNG.standard_normal((3, 4)))
a, b = DATA.to(torch.complex32), DATA.flip(0).to(torch.complex32)


def rounded(x):
    return x.to(torch.complex32) if x.is_complex() else x.to(torch.float16) if x.is_floating_point() else x


@pytest.mark.parametrize("function", [
    lambda x, y: x + y, lambda x, y: x - 2 * y, lambda x, y: x * y, lambda x, y: x / y, lambda x, y: x * 2j, lambda x, y: x.abs(), lambda x, y: x.angle(),
    lambda x, y: x.exp(), lambda x, y: x.sqrt(), lambda x, y: x == y, lambda x, y: x.conj(), lambda x, y: x.real, lambda x, y: x.imag, lambda x, y: x.sum(0),
    lambda x, y: x.mean(), lambda x, y: x @ y.mT, lambda x, y: torch.where(x.real > 0, x, y), lambda x, y: torch.cat([x, y]), lambda x, y: x[[2, 0]],
    lambda x, y: x.gather(0, torch.tensor([[1]])), lambda x, y: x.sgn(), lambda x, y: x.isfinite(), lambda x, y: x.t().contiguous(), lambda x, y: x.flip(1),
], ids=str)
def test_arithmetic(function):
    got, expected = function(a, b), rounded(function(a.to(torch.complex64), b.to(torch.complex64)))
    assert got.dtype == expected.dtype and got.shape == expected.shape
    if got.is_complex() or got.is_floating_point():
        got, expected = (torch.view_as_real(t) if t.is_complex() else t for t in (got, expected))
        torch.testing.assert_close(got.float(), expected.float(), rtol=2e-3, atol=2e-3)
    else:
        assert torch.equal(got, expected)


def test_conversions():
    for name in ("bool", "int32", "int64", "uint16", "float16", "bfloat16", "float32", "float64", "complex64", "complex128", "float8_e5m2"):
        dtype = getattr(torch, name)
        ones = torch.ones(700, dtype=torch.complex32)
        assert (ones.to(dtype).float() == 1).all() and (torch.ones(700).to(dtype).to(torch.complex32) == 1).all()
    assert torch.promote_types(torch.complex32, torch.float16) == torch.complex32 and torch.promote_types(torch.complex32, torch.int64) == torch.complex32
    assert torch.promote_types(torch.complex32, torch.bfloat16) == torch.complex64 and torch.promote_types(torch.complex32, torch.float64) == torch.complex128
    assert torch.float16.to_complex() == torch.complex32 and torch.complex32.to_real() == torch.float16 and torch.chalf is torch.complex32
    assert torch.finfo(torch.complex32).max == 65504 and torch.complex32.itemsize == 4 and torch.complex32.is_complex


def test_elements_and_memory():
    x = torch.tensor([1 + 2j, 3 - 1j], dtype=torch.complex32)
    assert repr(x) == "tensor([1.+2.j, 3.-1.j], dtype=torch.complex32)" and x.tolist() == [1 + 2j, 3 - 1j] and x[0].item() == 1 + 2j
    assert torch.view_as_real(x).dtype == torch.float16 and torch.equal(torch.view_as_complex(torch.view_as_real(x)), x)
    assert torch.complex(torch.ones(2).half(), torch.zeros(2).half()).dtype == torch.complex32 and torch.ones(2).chalf().dtype == torch.complex32
    x[0] = 5
    assert x.tolist() == [5, 3 - 1j] and torch.zeros(2, dtype=torch.complex32).fill_(1j).tolist() == [1j, 1j]
    assert torch.randn(20, dtype=torch.complex32).abs().float().mean() > 0.3
    with pytest.raises(TypeError, match="ComplexHalf"):
        x.numpy()
    with pytest.raises(NotImplementedError, match="ComplexHalf"):
        torch.linalg.inv(torch.eye(2, dtype=torch.complex32))
    buffer = io.BytesIO()
    torch.save(x, buffer)
    buffer.seek(0)
    assert torch.equal(torch.load(buffer), x) and torch.equal(pickle.loads(pickle.dumps(x)), x)


def test_gradient():
    x = torch.tensor([1 + 2j], dtype=torch.complex32, requires_grad=True)
    (x * x).real.sum().backward()
    assert x.grad.dtype == torch.complex32 and x.grad.tolist() == [2 - 4j]


@pytest.mark.parametrize("name", ["uint1", "uint4", "uint7", "int1", "int4", "int7", "bits8", "bits1x8", "float4_e2m1fn_x2"])
def test_names_of_memory(name):
    dtype = getattr(torch, name)
    assert repr(dtype) == f"torch.{name}" and dtype.itemsize == 1 and not dtype.is_complex and dtype.is_floating_point == (name[0] == "f")
    x = torch.arange(6, dtype=torch.uint8).reshape(2, 3).view(dtype)
    assert x.dtype == dtype and x.t().contiguous().view(torch.uint8).tolist() == [[0, 3], [1, 4], [2, 5]]
    assert torch.cat([x, x]).view(torch.uint8).sum() == 30 and torch.empty(2, dtype=dtype).shape == (2,)
    for call in (lambda: x + 1, lambda: x.to(torch.float32), lambda: torch.ones(2).to(dtype), lambda: x.tolist(), lambda: x.sum(),
                 lambda: x.logsumexp(-1), lambda: x @ x.t(), lambda: torch.nn.functional.softmax(x, -1)):
        with pytest.raises((RuntimeError, NotImplementedError)):
            call()
    with pytest.raises(TypeError, match="DLPack"):
        x.__dlpack__()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, torch.uint32, torch.uint64], ids=str)
def test_unsigned_integers(dtype):
    data = np.array([6, 4, 200, 9], dtype=str(dtype).partition(".")[2])
    x = torch.tensor(data)
    np.testing.assert_array_equal(torch.gcd(x, torch.tensor(4, dtype=dtype)).numpy(), np.gcd(data, data.dtype.type(4)))
    np.testing.assert_array_equal(torch.lcm(x[[0, 1, 3]], torch.tensor(4, dtype=dtype)).numpy(), np.lcm(data[[0, 1, 3]], data.dtype.type(4)))
    np.testing.assert_array_equal(x.cummax(0).values.numpy(), np.maximum.accumulate(data))
    np.testing.assert_array_equal(x.cummin(0).values.numpy(), np.minimum.accumulate(data))
    np.testing.assert_array_equal((x // 4 * 2 - x % 3).numpy(), data // 4 * 2 - data % 3)
