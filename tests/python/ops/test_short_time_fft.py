"""stft and istft against frames cut by NumPy."""
import numpy as np
import pytest

import kagari as torch

rng = np.random.default_rng(1)
x = rng.standard_normal(100)
window = rng.random(16) + 0.1


def frames(signal, n_fft, hop, w):
    return np.stack([np.fft.rfft(signal[i:i + n_fft] * w) for i in range(0, len(signal) - n_fft + 1, hop)], -1)


@pytest.mark.parametrize("pad_mode, numpy_mode", [("reflect", "reflect"), ("constant", "constant"), ("replicate", "edge"), ("circular", "wrap")])
@pytest.mark.parametrize("hop", [None, 3])
def test_centred(pad_mode, numpy_mode, hop):
    got = torch.stft(torch.from_numpy(x), 16, hop, window=torch.from_numpy(window), pad_mode=pad_mode, return_complex=True)
    np.testing.assert_allclose(got.numpy(), frames(np.pad(x, 8, mode=numpy_mode), 16, hop or 4, window), atol=1e-13)


def test_options():
    t, w = torch.from_numpy(x), torch.from_numpy(window)
    plain = frames(x, 16, 4, window)
    call = lambda **k: torch.stft(t, 16, window=w, center=False, **k).numpy()
    np.testing.assert_allclose(call(return_complex=True), plain, atol=1e-13)
    np.testing.assert_allclose(call(return_complex=True, normalized=True), plain / 4, atol=1e-13)
    np.testing.assert_allclose(call(return_complex=False), np.stack([plain.real, plain.imag], -1), atol=1e-13)
    np.testing.assert_allclose(call(return_complex=True, onesided=False)[:9], plain, atol=1e-13)
    assert call(return_complex=True, onesided=False).shape == (16, 22)
    z = torch.stft(torch.complex(t, t), 16, window=w, center=False).numpy()
    np.testing.assert_allclose(z[:9], plain * (1 + 1j), atol=1e-13)
    padded = np.zeros(16)
    padded[4:12] = window[:8]
    np.testing.assert_allclose(torch.stft(t, 16, win_length=8, window=w[:8], center=False, return_complex=True).numpy(), frames(x, 16, 4, padded), atol=1e-13)
    aligned = torch.stft(t, 16, win_length=8, window=w[:8], center=False, align_to_window=True, return_complex=True).numpy()
    assert aligned.shape == (9, 24)
    np.testing.assert_allclose(aligned[:, 0], np.fft.rfft(np.pad(x[:8] * window[:8], 4)), atol=1e-13)
    both = torch.stft(torch.stack([t, 2 * t]), 16, window=w, return_complex=True)
    torch.testing.assert_close(both[1], 2 * t.stft(16, window=w, return_complex=True))
    assert torch.stft(torch.ones(40), 16, window=w, return_complex=True).dtype == torch.complex128


@pytest.mark.parametrize("options", [{}, {"center": False}, {"normalized": True}, {"onesided": False}, {"hop_length": 5}, {"win_length": 12}])
def test_inverse(options):
    t, w = torch.from_numpy(x), torch.from_numpy(window[:options.get("win_length", 16)])
    if not options.get("center", True) or "win_length" in options:
        w = torch.ones_like(w)
    s = torch.stft(t, 16, window=w, return_complex=True, **options)
    back = torch.istft(s, 16, window=w, length=100 if options.get("center", True) else None, **options)
    torch.testing.assert_close(back, t[:len(back)])
    torch.testing.assert_close(s[None].istft(16, window=w, length=50, **options), t[None, :50])


def test_inverse_of_complex_signals_and_length():
    t = torch.complex(torch.from_numpy(x), torch.from_numpy(x[::-1].copy()))
    w = torch.ones(16, dtype=torch.float64)
    s = torch.stft(t, 16, window=w)
    torch.testing.assert_close(torch.istft(s, 16, window=w, return_complex=True), t)
    long = torch.istft(s, 16, window=w, return_complex=True, length=130)
    assert long.shape == (130,) and not long[110:].any()


def test_gradients():
    t, w = torch.from_numpy(x[:24]).requires_grad_(), torch.from_numpy(window[:8]).requires_grad_()
    f = lambda t, w: torch.stft(t, 8, window=w, return_complex=True)
    assert torch.autograd.gradcheck(f, (t, w)) and torch.autograd.gradgradcheck(f, (t, w))
    s = f(t, w).detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda s, w: torch.istft(s, 8, window=w), (s, w))


t, s = torch.ones(100), torch.ones(9, 26, dtype=torch.complex64)


@pytest.mark.parametrize("call, text", [
    (lambda: torch.stft(t, 16, window=torch.ones(16)), "stft requires the return_complex parameter"),
    (lambda: torch.stft(torch.ones(2, 2, 2), 16, return_complex=True), "expected a 1D or 2D tensor"),
    (lambda: torch.stft(t, 16, hop_length=0, return_complex=True), "expected hop_length > 0, but got hop_length=0"),
    (lambda: torch.stft(t, 16, win_length=20, return_complex=True), "expected 0 < win_length <= n_fft, but got win_length=20"),
    (lambda: torch.stft(t[:4], 16, center=False, return_complex=True), "expected 0 < n_fft < 4, but got n_fft=16"),
    (lambda: torch.stft(t, 16, window=t, return_complex=True), "expected a 1D window tensor of size equal to win_length=16"),
    (lambda: torch.stft(t, 16, center=True, align_to_window=True, return_complex=True), "align_to_window should only be set when center = false"),
    (lambda: torch.stft(torch.complex(t, t), 16, onesided=True), "Cannot have onesided output if window or input is complex"),
    (lambda: torch.istft(t.view(10, 10), 16), "istft requires a complex-valued input tensor"),
    (lambda: torch.istft(s, 14), "expected the frequency dimension"),
    (lambda: torch.istft(s, 16, hop_length=20), "expected 0 < hop_length <= win_length"),
    (lambda: torch.istft(s, 16, window=torch.zeros(16)), "window overlap add min: 1"),
    (lambda: torch.istft(s[:, :0], 16), "input tensor cannot be empty"),
])
def test_errors(call, text):
    with pytest.raises(RuntimeError, match=text):
        call()
