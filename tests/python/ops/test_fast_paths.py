"""Kernels with several paths (layouts, element types, sizes) give what NumPy gives on each of them."""
import numpy as np
import pytest
import scipy.special
import kagari as torch

F = torch.nn.functional
HALVES = (torch.bfloat16, torch.float16)


def as_double(t):
    return t.detach().double().numpy()


def tolerance(dtype):
    return {torch.bfloat16: 2e-2, torch.float16: 3e-3, torch.float32: 2e-5, torch.float64: 1e-10}[dtype]


# ---------------------------------------------------------------- normalisation
def normalised(x, axes, eps=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, *HALVES])
@pytest.mark.parametrize("shape", [(70, 3), (300, 257), (5, 3, 7), (4, 6, 5, 3), (2, 300, 3, 5), (2, 4, 3, 2, 5)])
def test_batch_norm_in_every_layout(shape, dtype):
    torch.manual_seed(0)
    x = (torch.randn(shape) * 2 + 5).to(dtype)
    weight, bias = torch.rand(shape[1]) + 0.5, torch.randn(shape[1])
    axes, to_shape = (0, *range(2, len(shape))), (-1,) + (1,) * (len(shape) - 2)
    want = normalised(as_double(x), axes) * as_double(weight).reshape(to_shape) + as_double(bias).reshape(to_shape)
    grad = torch.randn(shape).to(dtype)
    reference = x.double().requires_grad_()
    centred = reference - reference.mean(axes, True)
    hat = centred * (centred.square().mean(axes, True) + 1e-5).rsqrt()
    want_grad = torch.autograd.grad((hat * weight.double().view(to_shape) * grad.double()).sum(), reference)[0]
    for layout in (torch.contiguous_format, torch.channels_last)[:2 if len(shape) == 4 else 1]:
        own = x.to(memory_format=layout).detach().requires_grad_()
        mean, var = torch.zeros(shape[1]), torch.ones(shape[1])
        y = F.batch_norm(own, mean, var, weight.to(dtype), bias.to(dtype), True)
        assert y.dtype == dtype and y.is_contiguous(memory_format=layout)
        np.testing.assert_allclose(as_double(y), want, rtol=tolerance(dtype), atol=5 * tolerance(dtype))
        np.testing.assert_allclose(as_double(mean), 0.1 * as_double(x).mean(axes), rtol=1e-4, atol=1e-5)
        got = torch.autograd.grad(y, own, grad)[0]
        np.testing.assert_allclose(as_double(got), as_double(want_grad), rtol=10 * tolerance(dtype), atol=10 * tolerance(dtype))


@pytest.mark.parametrize("dtype", [torch.float32, *HALVES])
def test_group_norm_of_channels_last(dtype):
    torch.manual_seed(0)
    x, weight, bias = torch.randn(3, 12, 5, 7).to(dtype), torch.rand(12) + 0.5, torch.randn(12)
    want = normalised(as_double(x).reshape(3, 4, -1), (2,)).reshape(x.shape) * as_double(weight).reshape(-1, 1, 1) + as_double(bias).reshape(-1, 1, 1)
    grads = []
    for layout in (torch.contiguous_format, torch.channels_last):
        own, w = x.to(memory_format=layout).requires_grad_(), weight.to(dtype).requires_grad_()
        y = F.group_norm(own, 4, w, bias.to(dtype))
        assert y.is_contiguous(memory_format=layout)
        np.testing.assert_allclose(as_double(y), want, rtol=tolerance(dtype), atol=5 * tolerance(dtype))
        grads.append(torch.autograd.grad(y.square().sum(), (own, w)))
    for a, b in zip(*grads):
        np.testing.assert_allclose(as_double(a), as_double(b), rtol=0.1 if dtype in HALVES else 1e-4, atol=20 * tolerance(dtype))


def test_gradients_of_norms():
    torch.manual_seed(0)
    double = lambda *shape: torch.randn(*shape, dtype=torch.double, requires_grad=True)
    for f, arguments in ((lambda x, w, b: F.group_norm(x, 2, w, b), (double(2, 4, 3), double(4), double(4))),
                         (lambda x, w: F.rms_norm(x, (5,), w), (double(3, 5), double(5))),
                         (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), (double(6, 3), double(3), double(3)))):
        assert torch.autograd.gradcheck(f, arguments) and torch.autograd.gradgradcheck(f, arguments)


# ---------------------------------------------------------------- losses and distances
@pytest.mark.parametrize("delta", [0.5, 1.0, 2.0])
def test_distance_losses(delta):
    x, y = np.linspace(-3, 3, 301), np.linspace(1, -2, 301)
    d = np.abs(x - y)
    huber = np.where(d < delta, d * d / 2, delta * (d - delta / 2))
    a, b = torch.tensor(x, requires_grad=True), torch.tensor(y, requires_grad=True)
    np.testing.assert_allclose(as_double(F.huber_loss(a, b, reduction="none", delta=delta)), huber)
    np.testing.assert_allclose(as_double(F.smooth_l1_loss(a, b, reduction="none", beta=delta)), huber / delta)
    np.testing.assert_allclose(as_double(F.mse_loss(a, b, reduction="none")), d * d)
    for f in (lambda p, q: F.huber_loss(p, q, delta=delta), lambda p, q: F.smooth_l1_loss(p, q, beta=delta), F.mse_loss):
        p, q = (torch.randn(7, dtype=torch.double, requires_grad=True) for _ in range(2))
        assert torch.autograd.gradcheck(f, (p, q)) and torch.autograd.gradgradcheck(f, (p, q))


def test_cdist_of_many_rows():
    torch.manual_seed(0)
    a, b = torch.randn(2, 40, 7, dtype=torch.double), torch.randn(30, 7, dtype=torch.double)
    want = np.sqrt(((a.numpy()[:, :, None] - b.numpy()[None, None]) ** 2).sum(-1))
    for mode in (None, "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"):
        np.testing.assert_allclose(torch.cdist(a, b, compute_mode=mode).numpy() if mode else torch.cdist(a, b).numpy(), want, rtol=1e-9)
    same = a[0].requires_grad_()
    assert torch.isfinite(torch.autograd.grad(torch.cdist(same, same).sum(), same)[0]).all()


# ---------------------------------------------------------------- elementwise
@pytest.mark.parametrize("dtype, limit", [(np.float32, 8), (np.float64, 16)])
def test_functions_in_lanes(dtype, limit):
    rng = np.random.default_rng(0)
    unit, wide = rng.uniform(-1, 1, 5001), rng.standard_normal(5001) * 10.0 ** rng.uniform(-4, 4, 5001)
    cases = {"asin": (unit, np.arcsin), "acos": (unit, np.arccos), "atan": (wide, np.arctan), "tan": (wide, np.tan), "erfc": (rng.uniform(-6, 5, 5001), scipy.special.erfc)}
    for name, (x, exact) in cases.items():
        x = np.append(x, [0.0, -0.0, 1.0, -1.0, 0.5, np.nan]).astype(dtype)
        want, got = exact(x.astype(np.float64)), getattr(torch, name)(torch.from_numpy(x)).numpy()
        error = np.abs(got - want) / np.spacing(np.abs(want.astype(dtype)).clip(np.finfo(dtype).tiny))
        assert np.nanmax(error) <= limit and np.isnan(got[-1]) and np.isnan(error).sum() == 1, name
    edges = np.array([0.0, -0.0, np.inf, -np.inf, 1.0, -1.0], dtype)
    y, x = np.meshgrid(edges, edges)
    got = torch.atan2(torch.from_numpy(y), torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(got, np.arctan2(y, x), rtol=1e-6)
    assert np.array_equal(np.signbit(got), np.signbit(np.arctan2(y, x)))
    assert torch.erfc(torch.tensor([float("inf"), -float("inf"), 30.0])).tolist() == [0.0, 2.0, 0.0]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.int64])
def test_integer_division(dtype):
    rng, info = np.random.default_rng(0), np.iinfo(dtype)
    a, b = (rng.integers(info.min, info.max, 4000, dtype=dtype, endpoint=True) for _ in range(2))
    b[::3] = rng.integers(1, 5, len(b[::3]))
    b[b == 0] = 1
    if info.min < 0:
        a[0], b[0] = info.min, -1
    x, y = torch.from_numpy(a), torch.from_numpy(b)
    with np.errstate(over="ignore"):
        for got, want in ((x // y, a // b), (x % y, a % b), (torch.fmod(x, y), np.fmod(a, b)), (x // 3, a // dtype(3)), (x**3, a**3)):
            assert np.array_equal(got.numpy(), want)
    exact = np.array([abs(int(p)) // abs(int(q)) * (1 if (p < 0) == (q < 0) else -1) for p, q in zip(a, b)], object)
    assert all((int(p) - int(q)) % 2 ** (8 * a.itemsize) == 0 for p, q in zip(torch.div(x, y, rounding_mode="trunc").numpy(), exact))


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_arithmetic(dtype):
    rng = np.random.default_rng(0)
    a, b = ((rng.standard_normal(999) + 1j * rng.standard_normal(999)).astype(dtype) for _ in range(2))
    b *= (10.0 ** rng.uniform(-9, 9, 999)).astype(dtype)
    x, y = torch.from_numpy(a), torch.from_numpy(b)
    tolerance = 8 * np.finfo(dtype).eps
    for got, want in ((x / y, a / b), (x * y, a * b), (1 / y, 1 / b), (x**3, a**3), (torch.sgn(y), b / np.abs(b)), (x.view(37, 27).sum(0), a.reshape(37, 27).sum(0)),
                      (x.view(37, 27).sum(1), a.reshape(37, 27).sum(1))):
        assert np.all(np.abs(got.numpy() - want) <= 30 * tolerance * np.maximum(np.abs(want), 1e-3 if want.shape != (999,) else 0))
    tiny, huge = np.array([np.finfo(dtype).tiny * (1 + 1j)], dtype), np.array([np.finfo(dtype).max / 4 * (1 + 1j)], dtype)
    assert np.allclose((torch.from_numpy(tiny) / torch.from_numpy(tiny)).numpy(), 1) and np.allclose((torch.from_numpy(huge) / torch.from_numpy(huge)).numpy(), 1)


def test_operands_that_lie_across_the_result():
    x, y = torch.randn(90, 70), torch.randn(70, 90)
    for a, b in ((x.t(), y), (y, x.t()), (x.t(), x.t())):
        assert np.array_equal((a + b).numpy(), a.numpy() + b.numpy())
    assert np.array_equal(y.clone().add_(x.t()).numpy(), y.numpy() + x.numpy().T)


# ---------------------------------------------------------------- reductions, scans, copies
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64, torch.float32, torch.float64, *HALVES])
@pytest.mark.parametrize("shape", [(37, 53), (3, 1030), (700, 2)])
def test_reductions_and_scans(dtype, shape):
    torch.manual_seed(0)
    x = (torch.randn(shape) * 4).to(dtype)
    n = as_double(x)
    loose = dict(rtol=2e-2, atol=0.5) if dtype in HALVES else dict(rtol=1e-4, atol=1e-3)
    for dim in (0, 1):
        np.testing.assert_allclose(as_double(x.cumsum(dim)), n.cumsum(dim), **loose)
        np.testing.assert_allclose(as_double(x.sum(dim)), n.sum(dim), **loose)
        for scan, reduce, exact in ((torch.cummax, torch.amax, np.maximum), (torch.cummin, torch.amin, np.minimum)):
            values, places = scan(x, dim)
            assert np.array_equal(as_double(values), exact.accumulate(n, dim)) and np.array_equal(np.take_along_axis(n, places.numpy(), dim), as_double(values))
            assert np.array_equal(as_double(reduce(x, dim)), exact.reduce(n, dim))
        assert np.array_equal((x != 0).any(dim).numpy(), n.any(dim)) and np.array_equal((x != 0).all(dim).numpy(), n.all(dim))
        assert np.array_equal(as_double(x.any(dim)), n.any(dim)) and np.array_equal(as_double(x.all(dim)), n.all(dim))


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.bfloat16, torch.float32, torch.float64, torch.complex128])
def test_reversed_and_repeated_copies(dtype):
    x = (torch.randn(33, 65) * 5).to(dtype)
    n = x.float().numpy() if dtype == torch.bfloat16 else x.numpy()
    back = lambda t: t.float().numpy() if dtype == torch.bfloat16 else t.numpy()
    assert np.array_equal(back(x.flip(1)), n[:, ::-1]) and np.array_equal(back(x.flip(0, 1)), n[::-1, ::-1]) and np.array_equal(back(torch.rot90(x)), np.rot90(n))
    for repeats in (1, 2, 7, 9):
        for dim in (None, 0, 1):
            assert np.array_equal(back(x.repeat_interleave(repeats, dim)), np.repeat(n, repeats, dim))


@pytest.mark.parametrize("mode, name", [("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")])
def test_borders(mode, name):
    x = torch.randn(2, 3, 6, 7)
    assert np.array_equal(F.pad(x, (2, 3, 1, 4), mode=mode).numpy(), np.pad(x.numpy(), ((0, 0), (0, 0), (1, 4), (2, 3)), mode=name))
    x = torch.randn(2, 3, 4, 6, 7)
    assert np.array_equal(F.pad(x, (2, 0, 0, 3, 2, 1), mode=mode).numpy(), np.pad(x.numpy(), ((0, 0), (0, 0), (2, 1), (0, 3), (2, 0)), mode=name))


# ---------------------------------------------------------------- images
@pytest.mark.parametrize("dtype", [torch.float32, *HALVES])
@pytest.mark.parametrize("shape", [(2, 5, 7, 9), (1, 33, 6, 5)])
def test_channels_last_images(shape, dtype):
    torch.manual_seed(0)
    x = torch.randn(shape).to(dtype)
    x[0, 0, 0, 0] = float("nan")
    last = x.to(memory_format=torch.channels_last)
    for f in (lambda t: F.max_pool2d(t, 3, 2, 1, return_indices=True), lambda t: F.max_pool2d(t, 2, 1, 0, 2, return_indices=True), lambda t: [F.avg_pool2d(t, 3, 2, 1)],
              lambda t: [F.adaptive_avg_pool2d(t, 3)], lambda t: F.adaptive_max_pool2d(t, (2, 3), return_indices=True), lambda t: [F.interpolate(t, scale_factor=2)],
              lambda t: [F.interpolate(t, size=(3, 11), mode="nearest-exact")]):
        for a, b in zip(f(x), f(last)):
            assert b.is_contiguous(memory_format=torch.channels_last)
            np.testing.assert_allclose(as_double(a), as_double(b), rtol=tolerance(dtype), atol=tolerance(dtype))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_max_pool_of_lines(size):
    x = torch.randn(2, 3, 17)
    x[0, 0, 3] = float("nan")
    y, places = F.max_pool1d(x, size, 2, return_indices=True)
    windows = np.lib.stride_tricks.sliding_window_view(x.numpy(), size, -1)[:, :, ::2]
    assert np.array_equal(y.numpy(), windows.max(-1), equal_nan=True) and np.array_equal(np.take_along_axis(x.numpy(), places.numpy(), 2), y.numpy(), equal_nan=True)


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_gradients_of_grid_sample(mode, padding):
    torch.manual_seed(1)
    image, grid = torch.randn(2, 2, 4, 5, dtype=torch.double, requires_grad=True), (torch.rand(2, 3, 3, 2, dtype=torch.double) * 2.4 - 1.2).requires_grad_()
    f = lambda a, b: F.grid_sample(a, b, mode=mode, padding_mode=padding, align_corners=False)
    assert torch.autograd.gradcheck(f, (image, grid)) and torch.autograd.gradgradcheck(lambda a: f(a, grid.detach()), (image,))


def test_half_sums_are_rounded_once():
    index, source = torch.zeros(256, dtype=torch.int64), torch.full((256,), 1 / 256, dtype=torch.bfloat16)
    assert torch.ones(4, dtype=torch.bfloat16).scatter_add(0, index, source).tolist() == [2, 1, 1, 1]
