"""Window functions against SciPy."""
import numpy as np
import pytest
import scipy.signal.windows as oracle

import kagari as torch

W = torch.signal.windows


@pytest.mark.parametrize("sym", [True, False])
@pytest.mark.parametrize("M", [0, 1, 2, 7, 8])
@pytest.mark.parametrize("name, options", [
    ("bartlett", {}), ("blackman", {}), ("cosine", {}), ("exponential", {"tau": 3.0}), ("gaussian", {"std": 1.5}), ("general_cosine", {"a": [0.5, 0.3, 0.2]}),
    ("general_hamming", {"alpha": 0.6}), ("hamming", {}), ("hann", {}), ("kaiser", {"beta": 5.0}), ("nuttall", {})])
def test_window(name, options, M, sym):
    want = getattr(oracle, name)(M, sym=sym, **options)
    np.testing.assert_allclose(getattr(W, name)(M, sym=sym, dtype=torch.float64, **options).numpy(), want, atol=1e-14)
    assert getattr(W, name)(M, sym=sym, **options).dtype == torch.float32


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("name, options, scipy_options", [("hann", {}, {}), ("hamming", {}, {}), ("hamming", {"alpha": 0.6, "beta": 0.4}, None), ("blackman", {}, {}),
                                                          ("bartlett", {}, {}), ("kaiser", {"beta": 12.0}, {"beta": 12.0})])
def test_torch_window(name, options, scipy_options, periodic):
    want = oracle.general_hamming(9, 0.6, sym=not periodic) if scipy_options is None else getattr(oracle, name)(9, sym=not periodic, **scipy_options)
    got = getattr(torch, f"{name}_window")(9, periodic, dtype=torch.float64, **options)
    np.testing.assert_allclose(got.numpy(), want, atol=1e-14)


def test_centre_and_leaf():
    got = W.exponential(4, center=1.5, tau=3.0, sym=False)
    np.testing.assert_allclose(got.numpy(), np.exp(-np.abs(np.arange(4) - 1.5) / 3), rtol=1e-6)
    assert W.hann(4, requires_grad=True).requires_grad


@pytest.mark.parametrize("call, error, text", [
    (lambda: W.hann(-1), ValueError, "requires non-negative window length, got M=-1"),
    (lambda: W.hann(3, dtype=torch.int64), ValueError, "expects float32 or float64 dtypes, got: torch.int64"),
    (lambda: W.hann(3, layout=torch.sparse_coo), ValueError, "is implemented for strided tensors only, got: torch.sparse_coo"),
    (lambda: W.gaussian(3, std=0), ValueError, "Standard deviation must be positive, got: 0 instead."),
    (lambda: W.exponential(3, tau=-1), ValueError, "Tau must be positive, got: -1 instead."),
    (lambda: W.exponential(3, center=1), ValueError, "Center must be None for symmetric windows"),
    (lambda: W.kaiser(3, beta=-1), ValueError, "beta must be non-negative, got: -1 instead."),
    (lambda: W.general_cosine(3, a=1), TypeError, "Coefficients must be a list/tuple"),
    (lambda: W.general_cosine(3, a=[]), ValueError, "Coefficients cannot be empty"),
    (lambda: torch.hann_window(-1), RuntimeError, "hann_window requires non-negative window_length, got window_length=-1"),
    (lambda: torch.hann_window(3, dtype=torch.int64), RuntimeError, "hann_window expects floating point dtypes"),
])
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()
