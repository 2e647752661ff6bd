"""Masked operators against NumPy's masked arrays."""
import math

import numpy as np
import pytest

import kagari as torch

RNG = np.random.default_rng(0)
X, KEEP = RNG.standard_normal((3, 5, 4)), RNG.random((3, 5, 4)) > 0.3
MASKED = np.ma.masked_array(X, ~KEEP)
x, keep = torch.tensor(X), torch.tensor(KEEP)


@pytest.mark.parametrize("name, reference", [("sum", "sum"), ("prod", "prod"), ("amax", "max"), ("amin", "min"), ("mean", "mean")])
@pytest.mark.parametrize("dim", [None, 0, -1, (0, 2)])
def test_reductions(name, reference, dim):
    expected = getattr(MASKED, reference)(axis=dim)
    for keepdim in (False, True):
        got = getattr(torch.masked, name)(x, dim, mask=keep, keepdim=keepdim)
        np.testing.assert_allclose(got.numpy().reshape(np.shape(expected)), np.ma.filled(expected, np.nan), rtol=1e-12)
        assert got.dim() == (3 if keepdim else np.ndim(expected))


@pytest.mark.parametrize("correction", [0, 1])
def test_variance(correction):
    np.testing.assert_allclose(torch.masked.var(x, 1, correction=correction, mask=keep).numpy(), MASKED.var(axis=1, ddof=correction).filled(0), rtol=1e-10)
    np.testing.assert_allclose(torch.masked.std(x, 1, unbiased=bool(correction), mask=keep).numpy(), MASKED.std(axis=1, ddof=correction).filled(0), rtol=1e-10)


def test_scans_and_normalisations():
    np.testing.assert_allclose(torch.masked.cumsum(x, 1, mask=keep).numpy(), np.where(KEEP, X, 0).cumsum(1), rtol=1e-12)
    np.testing.assert_allclose(torch.masked.cumprod(x, 1, mask=keep).numpy(), np.where(KEEP, X, 1).cumprod(1), rtol=1e-12)
    e = np.where(KEEP, np.exp(X), 0)
    np.testing.assert_allclose(torch.masked.softmax(x, 1, mask=keep).numpy(), e / e.sum(1, keepdims=True), rtol=1e-12)
    np.testing.assert_allclose(torch.masked.logsumexp(x, 1, mask=keep).numpy(), np.log(e.sum(1)), rtol=1e-10)
    size = np.sqrt((np.where(KEEP, X, 0) ** 2).sum(1))
    np.testing.assert_allclose(torch.masked.norm(x, 2.0, 1, mask=keep).numpy(), size, rtol=1e-12)
    np.testing.assert_allclose(torch.masked.normalize(x, 2.0, 1, mask=keep).numpy(), np.where(KEEP, X, 0) / size[:, None], rtol=1e-12)
    np.testing.assert_allclose(torch.masked.median(x, 1, mask=keep).numpy(), [[np.sort(X[i, KEEP[i, :, j], j])[(KEEP[i, :, j].sum() - 1) // 2] for j in range(4)] for i in range(3)])


def test_what_is_masked_out_gets_no_gradient():
    a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    torch.masked.mean(a, mask=torch.tensor([True, False, True])).backward()
    assert a.grad.tolist() == [0.5, 0.0, 0.5]


def test_slices_without_elements():
    nothing = torch.zeros(3, dtype=torch.bool)
    assert torch.masked.sum(torch.ones(3), mask=nothing).item() == 0 and torch.masked.prod(torch.ones(3), mask=nothing).item() == 1
    assert torch.masked.amax(torch.ones(3), mask=nothing).item() == -float("inf")
    assert torch.masked.mean(torch.ones(3), mask=nothing).isnan()
    assert torch.masked.logsumexp(torch.ones(3, dtype=torch.complex64), mask=nothing).real.item() == -float("inf")


def test_logsumexp_of_integers():
    x, mask = torch.tensor([[1, 2, 3], [0, 5, 4], [3, 1, 1]], dtype=torch.int8), torch.tensor([[True, False, False], [False] * 3, [True] * 3])
    assert torch.masked.logsumexp(x, 1, mask=mask).tolist() == [1, -126, 3]  # log 3 above the lowest number, cut off
    assert torch.masked.logsumexp(x.to(torch.uint8), 1, mask=mask).tolist() == [1, 1, 3]
    assert torch.allclose(torch.masked.logsumexp(x, 1, mask=mask, dtype=torch.float32), torch.tensor([1.0, -128 + math.log(3), 3.2395]), atol=1e-3)
    with pytest.raises(NotImplementedError, match="torch.bool"):
        torch.masked.logsumexp(x > 1, 1, mask=mask)


def test_errors():
    with pytest.raises(ValueError, match="floating point or complex"):
        torch.masked.mean(torch.ones(3, dtype=torch.int64))
    with pytest.raises(TypeError, match="mask must be a Tensor"):
        torch.masked.sum(x, mask=True)
    with pytest.raises(IndexError, match="out of range"):
        torch.masked.sum(x, 5)
    with pytest.raises(RuntimeError):
        torch.masked.sum(x, mask=torch.ones(7, dtype=torch.bool))
