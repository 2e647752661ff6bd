"""Window functions for spectral analysis.

All take the number of samples M, and by keyword:

sym: True gives a symmetric window, False a periodic one (the symmetric window of M + 1 samples without the last), for use with transforms.
dtype: float32 or float64; layout: strided; device; requires_grad: as for `torch.zeros`.

In the formulas N is M - 1 for symmetric and M for periodic windows. ValueError for a negative M, another dtype or layout, or a parameter
outside of its range.
"""
import kagari
from kagari import _C

__all__ = ["bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine", "general_hamming", "hamming", "hann", "kaiser", "nuttall"]


def _made(name, function, M, *parameters, dtype, layout, device, requires_grad):
    dtype = kagari.get_default_dtype() if dtype is None else dtype
    if M < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={M}")
    if layout is not kagari.strided:
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    if dtype not in (kagari.float32, kagari.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype}")
    return function(M, *parameters, dtype=dtype, device=device, requires_grad=requires_grad)


def bartlett(M, *, sym=True, dtype=None, layout=kagari.strided, device=None, requires_grad=False):
    """A triangle: 1 - |2 n / N - 1|.

    >>> torch.signal.windows.bartlett(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return _made("bartlett", kagari.bartlett_window, M, not sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def general_cosine(M, *, a, sym=True, dtype=None, layout=kagari.strided, device=None, requires_grad=False):
    """A sum of cosines: a[0] - a[1] cos(2 pi n / N) + a[2] cos(4 pi n / N) - ... `a` is a list or tuple of numbers.

    >>> torch.signal.windows.general_cosine(3, a=[0.5, 0.5])
    tensor([0., 1., 0.])
    """
    if not isinstance(a, (list, tuple)):
        raise TypeError("Coefficients must be a list/tuple")
    if not a:
        raise ValueError("Coefficients cannot be empty")
    return _made("general_cosine", _C._space__C["_window_general_cosine"], M, [float(x) for x in a], sym, dtype=dtype, layout=layout, device=device,
                 requires_grad=requires_grad)


def general_hamming(M, *, alpha=0.54, sym=True, dtype=None, layout=kagari.strided, device=None, requires_grad=False):
    """alpha - (1 - alpha) cos(2 pi n / N).

    >>> torch.signal.windows.general_hamming(3, alpha=0.6)
    tensor([0.2000, 1.0000, 0.2000])
    """
    return general_cosine(M, a=[alpha, 1.0 - alpha], sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def hamming(M, *, sym=True, dtype=None, layout=kagari.strided, device=None, requires_grad=False):
    """0.54 - 0.46 cos(2 pi n / N).

    >>> torch.signal.windows.hamming(3)
    tensor([0.0800, 1.0000, 0.0800])
    """
    return general_hamming(M, sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def hann(M, *, sym=True, dtype=None, layout=kagari.strided, device=None, requires_grad=False):
    """(1 - cos(2 pi n / N)) / 2.

    >>> torch.signal.windows.hann(5)
    tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
    """
    return general_hamming(M, alpha=0.5, sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def blackman(M, *, sym=True, dtype=None, layout=kagari.strided, device=None, requires_grad=False):
    """0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N).

    >>> torch.signal.windows.blackman(4)[1:3]
    tensor([0.6300, 0.6300])
    """
    return general_cosine(M, a=[0.42, 0.5, 0.08], sym=sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def nuttall(M, *, sym=True, dtype=None, layout=kagari.strided, device=None, requires_grad=False):
    """The four-term window of Nuttall (1981) with continuous first derivative: a = 0.3635819, 0.4891775, 0.1365995, 0.0106411.

    >>> torch.signal.windows.nuttall(3)[1]
    tensor(1.)
    """
    return general_cosine(M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], sym=sym, dtype=dtype, layout=layout, device=device,
                          requires_grad=requires_grad)


def cosine(M, *, sym=True, dtype=None, layout=kagari.strided, device=None, requires_grad=False):
    """sin(pi (n + 1/2) / (N + 1)), half a wave.

    >>> torch.signal.windows.cosine(3)
    tensor([0.5000, 1.0000, 0.5000])
    """
    return _made("cosine", _C._space__C["_window_cosine"], M, sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def gaussian(M, *, std=1.0, sym=True, dtype=None, layout=kagari.strided, device=None, requires_grad=False):
    """exp(-((n - N / 2) / std)^2 / 2), with std > 0.

    >>> torch.signal.windows.gaussian(3)
    tensor([0.6065, 1.0000, 0.6065])
    """
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    return _made("gaussian", _C._space__C["_window_gaussian"], M, std, sym, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)


def exponential(M, *, center=None, tau=1.0, sym=True, dtype=None, layout=kagari.strided, device=None, requires_grad=False):
    """exp(-|n - center| / tau), with tau > 0. `center` is N / 2 by default and can be chosen for periodic windows only.

    >>> torch.signal.windows.exponential(3)
    tensor([0.3679, 1.0000, 0.3679])
    """
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    if sym and center is not None:
        raise ValueError("Center must be None for symmetric windows")
    return _made("exponential", _C._space__C["_window_exponential"], M, center, tau, sym, dtype=dtype, layout=layout, device=device,
                 requires_grad=requires_grad)


def kaiser(M, *, beta=12.0, sym=True, dtype=None, layout=kagari.strided, device=None, requires_grad=False):
    """I0(beta sqrt(1 - (2 n / N - 1)^2)) / I0(beta), with beta >= 0.

    >>> torch.signal.windows.kaiser(3, beta=0.0)
    tensor([1., 1., 1.])
    """
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    return _made("kaiser", kagari.kaiser_window, M, not sym, beta, dtype=dtype, layout=layout, device=device, requires_grad=requires_grad)
