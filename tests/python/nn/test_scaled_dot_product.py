"""scaled_dot_product_attention against NumPy, for all masks, layouts and dtypes; its gradients of two orders."""
import numpy as np
import pytest

import kagari
from kagari.autograd import gradcheck, gradgradcheck
from kagari.nn import functional as F

MASKS = [None, "causal", "bool", "added"]
TOLERANCE = {kagari.float64: 1e-12, kagari.float32: 3e-6, kagari.float16: 6e-3, kagari.bfloat16: 5e-2}


@pytest.mark.parametrize("dtype", [kagari.float16, kagari.bfloat16])
def test_half_operands_of_other_shapes_are_rounded_once(dtype):
    kagari.manual_seed(1)
    q, k, v = ((kagari.rand(*shape) * 18 - 9).to(dtype) for shape in ((4, 3, 8), (4, 4, 6, 8), (4, 4, 6, 8)))
    exact = F.scaled_dot_product_attention(q.double(), k.double(), v.double())
    assert ((F.scaled_dot_product_attention(q, k, v).double() - exact).abs() <= kagari.finfo(dtype).eps * exact.abs() + 1e-4).all()


def operands(dtype, heads, kv_heads, queries, keys, width, value_width):
    kagari.manual_seed(0)
    q = kagari.randn(2, queries, heads, width).to(dtype).transpose(1, 2)
    return q, kagari.randn(2, kv_heads, keys, width).to(dtype), kagari.randn(2, kv_heads, keys, value_width).to(dtype)


def arguments(kind, queries, keys, dtype):
    if kind == "causal":
        return {"is_causal": True}
    if kind == "bool":
        mask = kagari.rand(2, 1, queries, keys) > 0.3
        mask[0, 0, 3] = False  # a query that sees nothing
        return {"attn_mask": mask}
    return {"attn_mask": kagari.randn(queries, keys).to(dtype)} if kind == "added" else {}


def in_numpy(q, k, v, attn_mask=None, is_causal=False):
    q, k, v = (t.detach().double().numpy() for t in (q, k, v))
    k, v = (np.repeat(t, q.shape[1] // t.shape[1], 1) for t in (k, v))
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    if is_causal:
        scores = np.where(np.tril(np.ones(scores.shape[-2:], bool)), scores, -np.inf)
    if attn_mask is not None:
        mask = attn_mask.numpy() if attn_mask.dtype == kagari.bool else attn_mask.double().numpy()
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    top = scores.max(-1, keepdims=True)
    e = np.exp(scores - np.where(np.isinf(top), 0, top))
    total = e.sum(-1, keepdims=True)
    return e / np.where(total > 0, total, 1) @ v


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("shape", [(4, 4, 7, 9, 5, 3), (4, 2, 150, 130, 40, 24)])
def test_values(dtype, mask, shape):
    q, k, v = operands(dtype, *shape)
    extra = arguments(mask, shape[2], shape[3], dtype)
    out = F.scaled_dot_product_attention(q, k, v, enable_gqa=True, **extra)
    np.testing.assert_allclose(out.double().numpy(), in_numpy(q, k, v, **extra), atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("kv_heads", [1, 2])
def test_gradients(mask, kv_heads):
    q, k, v = (t.detach().requires_grad_() for t in operands(kagari.float64, 2, kv_heads, 5, 4, 3, 2))
    extra = arguments(mask, 5, 4, kagari.float64)

    def f(q, k, v):
        return F.scaled_dot_product_attention(q, k, v, enable_gqa=True, **extra)

    assert gradcheck(f, (q, k, v)) and gradgradcheck(f, (q, k, v))


@pytest.mark.parametrize("kv_heads", [2, 4])
def test_gradients_of_half_types_follow_those_of_float32(kv_heads):
    def grads(dtype):
        leaves = [t.detach().to(dtype).requires_grad_() for t in operands(kagari.float32, 4, kv_heads, 33, 40, 16, 8)]
        F.scaled_dot_product_attention(*leaves, is_causal=True, enable_gqa=True).float().square().sum().backward()
        return [t.grad.float().numpy() for t in leaves]

    for exact, rounded in zip(grads(kagari.float32), grads(kagari.bfloat16)):
        np.testing.assert_allclose(rounded, exact, atol=2e-2 * np.abs(exact).max())


def test_output_lies_like_the_query():
    q, k, v = operands(kagari.float32, 4, 4, 6, 6, 8, 8)
    assert F.scaled_dot_product_attention(q, k, v).stride() == q.stride()
    assert F.scaled_dot_product_attention(q.contiguous(), k, v).is_contiguous()


def test_a_learned_mask_gets_a_gradient():
    q, k, v = operands(kagari.float64, 2, 2, 3, 4, 5, 5)
    mask = kagari.zeros(3, 4, dtype=kagari.float64, requires_grad=True)
    assert gradcheck(lambda m: F.scaled_dot_product_attention(q, k, v, m), (mask,))


def test_masks_of_fewer_dimensions():
    fused = kagari._C._function_by_name("_C._fused_attention")
    q, added = kagari.randn(2, 3, 4, 5, dtype=kagari.float64), kagari.tensor(0.25, dtype=kagari.float64)
    assert kagari.allclose(fused(q, q, q, added, 0.5, False), fused(q, q, q, None, 0.5, False))
