"""torch.fft against NumPy: every kind of plan, layouts, sizes, norms, gradients, errors."""
import numpy as np
import pytest

import kagari as torch

rng = np.random.default_rng(0)
ATOL = {"f": 2e-6, "d": 1e-14, "F": 2e-6, "D": 1e-14}
# products of small primes, of larger radices, primes that need a convolution, lines of several steps
LENGTHS = [1, 2, 3, 4, 5, 7, 8, 11, 16, 30, 47, 53, 64, 97, 101, 120, 256, 360, 1009, 1024, 1080, 4096, 4099, 10007]


def close(got, want, code):
    scale = np.sqrt(np.mean(np.abs(want) ** 2)) + 1e-30
    np.testing.assert_allclose(got.numpy() / scale, want / scale, rtol=0, atol=ATOL[code])


def signal(*shape, code="D"):
    x = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return (x if code in "FD" else x.real).astype(code)


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("lines", [1, 3, 18])
@pytest.mark.parametrize("code", ["F", "D"])
def test_lengths(n, lines, code):
    real = code.lower().replace("F", "f").replace("D", "d")
    x, r = signal(lines, n, code=code), signal(lines, n, code=real)
    close(torch.fft.fft(torch.from_numpy(x)), np.fft.fft(x.astype("D")), code)
    close(torch.fft.ifft(torch.from_numpy(x)), np.fft.ifft(x.astype("D")), code)
    half = np.fft.rfft(r.astype("d"))
    close(torch.fft.rfft(torch.from_numpy(r)), half, code)
    close(torch.fft.irfft(torch.from_numpy(half.astype(code)), n=n), np.fft.irfft(half, n), code)


@pytest.mark.parametrize("n", [1, 2, 5, 16, 47, 53, 256, 1009, 4100])
@pytest.mark.parametrize("inner", [1, 7, 33])
@pytest.mark.parametrize("code", ["F", "D"])
def test_strided_lines(n, inner, code):
    x = signal(2, n, inner, code=code)
    close(torch.fft.fft(torch.from_numpy(x), dim=1), np.fft.fft(x.astype("D"), axis=1), code)
    close(torch.fft.ifft(torch.from_numpy(x), dim=-2), np.fft.ifft(x.astype("D"), axis=1), code)
    r = np.ascontiguousarray(x.real)
    close(torch.fft.rfft(torch.from_numpy(r), dim=1), np.fft.rfft(r.astype("d"), axis=1), code)
    half = x[:, :n // 2 + 1]
    close(torch.fft.irfft(torch.from_numpy(half), n=n, dim=1), np.fft.irfft(half.astype("D"), n, axis=1), code)


def test_rows_do_not_meet():
    x = signal(20, 60, code="f")
    x[3, 7] = np.nan
    y = torch.fft.rfft(torch.from_numpy(x)).numpy()
    assert np.isnan(y[3]).all() and np.isfinite(np.delete(y, 3, 0)).all()


@pytest.mark.parametrize("layout", [lambda t: t.transpose(0, 2), lambda t: t[:, ::2], lambda t: t[1:, 1:, 1:], lambda t: t[:, :1].expand(4, 6, 6), lambda t: t.conj()])
@pytest.mark.parametrize("name", ["fftn", "ifftn", "irfftn", "hfftn"])
def test_layouts(name, layout):
    t = layout(torch.from_numpy(signal(4, 5, 6)))
    a = t.numpy()
    want = np.conj(np.fft.irfftn(a.conj(), norm="forward")) if name == "hfftn" else getattr(np.fft, name)(a)
    np.testing.assert_allclose(getattr(torch.fft, name)(t).numpy(), want, atol=1e-12)


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("n", [None, 3, 12])
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
def test_one_dimension(name, n, norm):
    for dim in (0, 1, -1):
        a = signal(6, 5, code="d" if name in ("rfft", "ihfft") else "D")
        got = getattr(torch.fft, name)(torch.from_numpy(a), n, dim, norm)
        np.testing.assert_allclose(got.numpy(), getattr(np.fft, name)(a, n, dim, norm), atol=1e-13)


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn", "fft2", "ifft2", "rfft2", "irfft2"])
@pytest.mark.parametrize("s, dim", [(None, (0, 2)), ((4, 9), (2, 0)), ((3, 3), (-1, 1)), ((7, 2), (-2, -1))])
def test_several_dimensions(name, s, dim, norm):
    a = signal(4, 5, 6, code="d" if name.startswith("r") else "D")
    got = getattr(torch.fft, name)(torch.from_numpy(a), s, dim, norm)
    np.testing.assert_allclose(got.numpy(), getattr(np.fft, name)(a, s, dim, norm), atol=1e-13)


def test_hermitian_transforms_are_mirrored_real_ones():
    x = torch.from_numpy(signal(3, 4, 5))
    torch.testing.assert_close(torch.fft.hfft2(x), torch.fft.irfft2(x.conj(), norm="forward"))
    r = torch.from_numpy(signal(3, 4, 5, code="d"))
    torch.testing.assert_close(torch.fft.ihfftn(r), torch.fft.rfftn(r, norm="forward").conj())
    torch.testing.assert_close(torch.fft.ihfft2(torch.fft.hfft2(x, s=(4, 9)), s=(4, 9))[..., 1:-1], x[..., 1:-1])


def test_sizes_alone_choose_the_last_dimensions():
    a = signal(3, 4, 5)
    np.testing.assert_allclose(torch.fft.fftn(torch.from_numpy(a), s=(2, -1)).numpy(), np.fft.fftn(a[:, :2], axes=(1, 2)), atol=1e-13)
    assert torch.fft.irfftn(torch.from_numpy(a)).shape == (3, 4, 8)
    assert torch.equal(torch.fft.fftn(torch.from_numpy(a), dim=()), torch.from_numpy(a))


def test_dtypes():
    assert torch.fft.fft(torch.arange(4)).dtype == torch.complex64
    assert torch.fft.rfft(torch.tensor([True, False])).dtype == torch.complex64
    assert torch.fft.irfft(torch.ones(3, dtype=torch.float64)).dtype == torch.float64
    assert torch.fft.fft(torch.ones(0, 4)).shape == (0, 4)
    assert torch.fft.rfft(torch.empty(3, 8, device="meta")).shape == (3, 5)


def test_out():
    x = torch.from_numpy(signal(3, 8, code="d"))
    out = torch.empty(0, dtype=torch.complex128)
    assert torch.fft.rfft(x, out=out) is out and torch.equal(out, torch.fft.rfft(x))
    with pytest.raises(RuntimeError):
        torch.fft.fft(x, out=torch.empty(3, 8))


@pytest.mark.parametrize("f", [torch.fft.fft, torch.fft.ifft, lambda t: torch.fft.fftn(t, norm="ortho"), torch.fft.irfft, lambda t: torch.fft.irfft(t, n=5),
                               torch.fft.hfft, lambda t: torch.fft.irfftn(t, s=(3, 7))])
def test_gradients(f):
    x = torch.from_numpy(signal(3, 4)).requires_grad_()
    assert torch.autograd.gradcheck(f, (x,)) and torch.autograd.gradgradcheck(f, (x,))


@pytest.mark.parametrize("f", [torch.fft.rfft, lambda t: torch.fft.rfft(t, n=7), torch.fft.fft, torch.fft.ihfft, lambda t: torch.fft.rfftn(t, s=(4, 4)), torch.fft.rfft2])
def test_gradients_of_real_input(f):
    x = torch.from_numpy(signal(3, 5, code="d")).requires_grad_()
    assert torch.autograd.gradcheck(f, (x,)) and torch.autograd.gradgradcheck(f, (x,))


def test_frequencies():
    for n in (1, 2, 5, 8):
        np.testing.assert_allclose(torch.fft.fftfreq(n, 0.5).numpy(), np.fft.fftfreq(n, 0.5), rtol=1e-6)
        np.testing.assert_allclose(torch.fft.rfftfreq(n, d=2.0, dtype=torch.float64).numpy(), np.fft.rfftfreq(n, 2.0), rtol=1e-15)
    a = np.arange(30).reshape(5, 6)
    for dim in (None, 0, (0, 1)):
        np.testing.assert_array_equal(torch.fft.fftshift(torch.from_numpy(a), dim).numpy(), np.fft.fftshift(a, dim))
        np.testing.assert_array_equal(torch.fft.ifftshift(torch.from_numpy(a), dim).numpy(), np.fft.ifftshift(a, dim))


c, r = torch.ones(3, 4, dtype=torch.complex64), torch.ones(3, 4)


@pytest.mark.parametrize("call, error, text", [
    (lambda: torch.fft.fft(r.half()), RuntimeError, "Unsupported dtype Half"),
    (lambda: torch.fft.rfft(c), RuntimeError, "rfft expects a real input tensor, but got ComplexFloat"),
    (lambda: torch.fft.rfftn(c), RuntimeError, "rfftn expects a real-valued input tensor, but got ComplexFloat"),
    (lambda: torch.fft.fft(r, n=0), RuntimeError, "Invalid number of data points \\(0\\) specified"),
    (lambda: torch.fft.irfft(c[:, :1]), RuntimeError, "Invalid number of data points \\(0\\) specified"),
    (lambda: torch.fft.fft(r, norm="none"), RuntimeError, 'Invalid normalization mode: "none"'),
    (lambda: torch.fft.fft(r, dim=2), IndexError, "Dimension out of range"),
    (lambda: torch.fft.fft(torch.tensor(1.0)), IndexError, "Dimension specified as -1 but tensor has no dimensions"),
    (lambda: torch.fft.fft2(torch.ones(4)), IndexError, "Dimension out of range"),
    (lambda: torch.fft.fftn(r, dim=(0, 0)), RuntimeError, "FFT dims must be unique"),
    (lambda: torch.fft.fftn(r, s=(2, 2, 2)), RuntimeError, "Got shape with 3 values but input tensor only has 2 dimensions."),
    (lambda: torch.fft.fftn(r, s=(2,), dim=(0, 1)), RuntimeError, "dim and shape arguments must have the same length"),
    (lambda: torch.fft.rfftn(r, dim=()), RuntimeError, "rfftn must transform at least one axis"),
    (lambda: torch.fft.fftfreq(4, dtype=torch.int64), RuntimeError, "fftfreq requires a floating point or complex dtype"),
])
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
