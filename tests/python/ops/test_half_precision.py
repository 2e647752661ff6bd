"""float16 and bfloat16: every operator gives what float32 gives, rounded once, whatever the length and the layout."""
import numpy as np
import pytest

import kagari as torch

HALVES = [torch.float16, torch.bfloat16]
LENGTHS = [1, 15, 16, 31, 32, 33, 64, 100, 511, 1024, 1057]


def ulps(got, want):
    """Distance in steps of the half type, through the ordered integers that its bits are."""
    order = lambda t: np.where((b := t.view(torch.int16).numpy().astype(np.int64)) < 0, -(b & 0x7fff), b)
    return np.abs(order(got) - order(want)).max()


def test_rounding_to_bfloat16():
    bits = np.random.default_rng(0).integers(0, 2**32, 20011, dtype=np.uint64).astype(np.uint32)
    bits[:8] = [0x7F800001, 0x7FFFFFFF, 0xFF800001, 0x7F800000, 0xFF800000, 0x7F7FFFFF, 0, 0x80000000]
    x = bits.view(np.float32)
    got = torch.from_numpy(x).to(torch.bfloat16).view(torch.int16).numpy().view(np.uint16)
    want = ((bits.astype(np.uint64) + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
    finite = ~np.isnan(x)
    np.testing.assert_array_equal(got[finite], want[finite])
    assert np.isnan((got[~finite].astype(np.uint32) << 16).view(np.float32)).all()


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("n", LENGTHS)
def test_elementwise(n, dtype):
    x, y = torch.randn(n).to(dtype), (torch.rand(n) + 0.5).to(dtype)
    for f in (torch.tanh, torch.neg, torch.sigmoid, lambda t: t + 1, lambda t: t * y.to(t.dtype)[:1], lambda t: torch.atan2(t, y.to(t.dtype)),
              lambda t: torch.addcmul(t, t, y.to(t.dtype), value=0.5), torch.nn.functional.gelu):
        assert ulps(f(x), f(x.float()).to(dtype)) <= 1
    changed = x.clone()
    changed.tanh_()
    assert torch.equal(changed, torch.tanh(x))
    spread = torch.stack([x, x], 1)[:, 0]
    assert torch.equal(torch.tanh(spread), torch.tanh(x))


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("name", ["cumsum", "cumprod", "logcumsumexp"])
def test_scans(name, dim, dtype):
    x = (torch.rand(5, 1100) + 0.45).to(dtype)
    assert ulps(getattr(torch, name)(x, dim), getattr(torch, name)(x.double(), dim).to(dtype)) <= 1


@pytest.mark.parametrize("dtype", HALVES)
def test_truth_dot_and_transposes(dtype):
    x = torch.tensor([[0.0, -0.0], [1.0, float("nan")]]).to(dtype)
    assert x.count_nonzero().item() == 2 and x.any(1).tolist() == [False, True] and x.all(1).tolist() == [False, True] and x.any(0).tolist() == [True, True]
    a, b = torch.randn(3001).to(dtype), torch.randn(3001).to(dtype)
    want = (a.double() * b.double()).sum()
    assert abs(torch.dot(a, b).double() - want) <= abs(want) * 2**-8 + 1e-3
    torch.testing.assert_close(torch.dot(a[::2], b[::2]), (a[::2].double() * b[::2].double()).sum().to(dtype), rtol=2**-7, atol=1e-3)
    for shape in ((3, 5), (8, 8), (17, 33), (70, 130)):
        m = torch.randn(shape).to(dtype)
        np.testing.assert_array_equal(m.t().contiguous().view(torch.int16).numpy(), m.view(torch.int16).numpy().T)


@pytest.mark.parametrize("dtype", HALVES + [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(6, 5), (4, 3, 40), (2, 3, 7, 9)])
def test_batch_norm(shape, dtype):
    x = (torch.randn(shape, dtype=torch.float64) + 3).to(dtype)
    rm, rv = torch.zeros(shape[1], dtype=torch.float64), torch.ones(shape[1], dtype=torch.float64)
    if dtype != torch.float64:
        rm, rv = rm.float(), rv.float()
    got = torch.nn.functional.batch_norm(x, rm, rv, training=True)
    a = x.double().numpy()
    axes = (0,) + tuple(range(2, len(shape)))
    keep = (1, -1) + (1,) * (len(shape) - 2)
    mean, var = a.mean(axes), a.var(axes)
    tolerance = {torch.float16: 4e-3, torch.bfloat16: 3e-2, torch.float32: 1e-5, torch.float64: 1e-11}[dtype]
    np.testing.assert_allclose(got.double().numpy(), (a - mean.reshape(keep)) / np.sqrt(var.reshape(keep) + 1e-5), atol=tolerance)
    np.testing.assert_allclose(rm.numpy(), 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(rv.numpy(), 0.9 + 0.1 * a.var(axes, ddof=1), rtol=1e-5)
