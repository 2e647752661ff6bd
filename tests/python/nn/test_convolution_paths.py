"""Convolutions large enough for every kernel, float32 and half types against float64."""
import numpy as np
import pytest

import kagari
from kagari.nn import functional as F

# input, weight, stride, padding, dilation, groups
SHAPES = [((2, 40, 15, 13), (37, 40, 3, 3), 1, 1, 1, 1),
          ((3, 24, 16, 17), (50, 24, 3, 3), 2, 1, 1, 1),
          ((2, 64, 14, 14), (32, 64, 1, 1), 2, 0, 1, 1),
          ((1, 3, 41, 38), (20, 3, 7, 7), 2, 3, 1, 1),
          ((1, 3, 64, 64), (48, 3, 16, 16), 16, 0, 1, 1),
          ((2, 32, 20, 21), (33, 32, 3, 5), (1, 2), (2, 4), 2, 1),
          ((2, 64, 12, 12), (64, 32, 3, 3), 1, 1, 1, 2),
          ((2, 32, 100), (32, 32, 5), 1, 2, 1, 1),
          ((1, 16, 300, 40), (16, 16, 3, 3), 1, 1, 1, 1),
          ((9, 48, 5, 5), (96, 48, 3, 3), 1, 1, 1, 1),
          ((2, 20, 12, 12), (20, 1, 3, 3), 1, 1, 1, 20)]
TOLERANCE = {kagari.float32: 1e-6, kagari.float16: 2e-3, kagari.bfloat16: 2e-2}


def convolve(x, w, b, rest):
    leaves = [t.detach().clone(memory_format=kagari.preserve_format).requires_grad_() for t in (x, w, b)]
    out = (F.conv1d if x.dim() == 3 else F.conv2d)(*leaves, *rest)
    weights = kagari.linspace(-1, 1, out.numel(), dtype=kagari.float64).reshape(out.shape).to(out.dtype)
    (out * weights).sum().backward()
    return [t.detach().double().numpy() for t in (out, *(leaf.grad for leaf in leaves))]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("channels_last", [False, True])
def test_against_float64(shape, dtype, channels_last):
    kagari.manual_seed(0)
    sizes, weight, *rest = shape
    x, w, b = (kagari.randn(s).to(dtype) for s in (sizes, weight, weight[:1]))
    exact = convolve(x.double(), w.double(), b.double(), rest)
    if channels_last and x.dim() == 4:
        x = x.to(memory_format=kagari.channels_last)
    for got, want in zip(convolve(x, w, b, rest), exact):
        np.testing.assert_allclose(got, want, atol=TOLERANCE[dtype] * 4 * np.abs(want).max(), rtol=0)


def test_infinities_stay_where_they_are():
    x, w = kagari.randn(2, 32, 12, 12), kagari.randn(32, 32, 3, 3)
    x[1, 3, 5, 6] = float("inf")
    out = F.conv2d(x, w, padding=1)
    seen = kagari.zeros(2, 1, 12, 12, dtype=kagari.bool)
    seen[1, 0, 4:7, 5:8] = True
    assert bool((out.isfinite() != seen).all()) and not bool(out.isnan().any())


@pytest.mark.parametrize("shape", SHAPES[:4], ids=str)
def test_threads_do_not_change_the_result(shape):
    sizes, weight, *rest = shape
    x, w, b = kagari.randn(sizes), kagari.randn(weight), kagari.randn(weight[:1])
    before = kagari.get_num_threads()
    try:
        kagari.set_num_threads(1)
        one = convolve(x, w, b, rest)
        kagari.set_num_threads(3)
        result, *gradients = convolve(x, w, b, rest)
        assert np.array_equal(one[0], result)
        for a, c in zip(one[1:], gradients):  # without tiles, oneDNN adds the parts of its threads up
            np.testing.assert_allclose(a, c, atol=1e-6 * np.abs(a).max(), rtol=0)
    finally:
        kagari.set_num_threads(before)
