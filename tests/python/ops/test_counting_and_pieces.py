"""Histograms, segments, combinations, bit patterns and other small operators against NumPy and plain Python."""
import itertools

import numpy as np
import pytest

import kagari as torch
import kagari.nn.functional as F
from kagari.autograd import gradcheck, gradgradcheck

DATA = np.array([[0.1, 0.9], [0.5, 0.2], [0.7, 0.7], [1.0, 0.0], [0.5, 0.5]])


def leaf(*shape):
    return torch.from_numpy(np.random.default_rng(0).standard_normal(shape)).requires_grad_()


@pytest.mark.parametrize("density", [False, True])
def test_histograms_of_points(density):
    weight = np.arange(1.0, 6.0)
    for bins, given in (([2, 3], [2, 3]), (3, 3), ([torch.tensor([0., .5, 1.]).double(), torch.tensor([0., .1, 2.]).double()], [[0, .5, 1], [0, .1, 2]])):
        want, edges = np.histogramdd(DATA, bins=given, weights=weight, density=density)
        got = torch.histogramdd(torch.from_numpy(DATA), bins, weight=torch.from_numpy(weight), density=density)
        np.testing.assert_allclose(got.hist, want)
        for a, b in zip(got.bin_edges, edges):
            np.testing.assert_allclose(a, b)
    with pytest.raises(RuntimeError, match="size of bins must be equal"):
        torch.histogramdd(torch.ones(2, 3), [1, 1])


def test_histogram_of_one_value_is_one_wide():
    assert torch.histogram(torch.tensor([3.]), 2).bin_edges.tolist() == [2.5, 3, 3.5]
    assert torch.histc(torch.tensor([1., 2, 2, 9], dtype=torch.bfloat16), 3, min=0, max=3).tolist() == [0, 1, 2]


REDUCTIONS = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min, "prod": np.prod}


@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_segments(reduce):
    x = leaf(6, 2)
    want = np.stack([REDUCTIONS[reduce](x.detach().numpy()[a:b], axis=0) for a, b in ((0, 1), (1, 4), (4, 6))])
    np.testing.assert_allclose(torch.segment_reduce(x, reduce, lengths=torch.tensor([1, 3, 2])).detach(), want)
    np.testing.assert_allclose(torch.segment_reduce(x, reduce, offsets=torch.tensor([0, 1, 4, 6])).detach(), want)
    assert gradcheck(lambda x: torch.segment_reduce(x, reduce, lengths=torch.tensor([1, 3, 2])), (x,))
    with pytest.raises(RuntimeError, match="sum to"):
        torch.segment_reduce(x, reduce, lengths=torch.tensor([1, 3]))


@pytest.mark.parametrize("r", [0, 1, 2, 3, 5])
def test_combinations(r):
    x = [3, 1, 4, 1]
    for function, again in ((itertools.combinations, False), (itertools.combinations_with_replacement, True)):
        want = [list(c) for c in function(x, r)]
        assert torch.combinations(torch.tensor(x), r, again).tolist() == (want if r else [])


def test_coordinates():
    got = torch.unravel_index(torch.tensor([[5, 0], [11, 7]]), (3, 4))
    for a, b in zip(got, np.unravel_index([[5, 0], [11, 7]], (3, 4))):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(TypeError, match="integer"):
        torch.unravel_index(torch.ones(1), (2,))


def test_bit_patterns():
    x = np.array([6.0, -0.375, 0.0, np.inf, 1e-310])
    mantissa, exponent = torch.frexp(torch.from_numpy(x))
    want = np.frexp(x)
    np.testing.assert_array_equal(mantissa, want[0])
    assert exponent.dtype == torch.int32 and exponent.tolist()[:3] == want[1].tolist()[:3]
    assert gradcheck(lambda x: torch.frexp(x).mantissa, (torch.tensor([1.3, -5.], dtype=torch.float64, requires_grad=True),))
    words = np.array([[1.5, 2.0], [3.0, -1.0]])
    np.testing.assert_array_equal(torch.hash_tensor(torch.from_numpy(words), 1).numpy(), np.bitwise_xor.reduce(words.view(np.uint64), axis=1))


def test_chunks_side_by_side():
    a, b = torch.arange(3.), torch.arange(10., 14)
    assert torch._chunk_cat([a, b], 0, 2).tolist() == [[0, 1, 10, 11], [2, 0, 12, 13]]


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
def test_convolutions_of_integers(dtype):
    x, w = torch.arange(18).reshape(1, 2, 9).remainder(5).to(dtype), torch.arange(12).reshape(2, 2, 3).remainder(3).to(dtype)
    for f in (F.conv1d, F.conv_transpose1d):
        np.testing.assert_array_equal(f(x, w, stride=2).double(), f(x.double(), w.double(), stride=2))


def test_fractional_pooling():
    x = torch.arange(36.).reshape(1, 1, 6, 6)
    values, where = F.fractional_max_pool2d(x, 2, output_size=3, return_indices=True, _random_samples=torch.zeros(1, 1, 2))
    assert where.flatten().tolist() == [7, 9, 11, 19, 21, 23, 31, 33, 35]
    assert values.flatten().tolist() == [float(i) for i in where.flatten().tolist()]
    with pytest.raises(ValueError, match="output_size or an output_ratio"):
        F.fractional_max_pool2d(x, 2)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_borders(mode):
    x = leaf(1, 2, 4, 5)
    numpy_mode = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    np.testing.assert_allclose(F.pad(x, (2, 1, 1, 3), mode).detach(), np.pad(x.detach().numpy(), ((0, 0), (0, 0), (1, 3), (2, 1)), numpy_mode))
    assert gradcheck(lambda x: F.pad(x, (2, 1, -1, 3), mode), (x,)) and gradgradcheck(lambda x: F.pad(x, (2, 1, -1, 3), mode), (x,))


def test_second_derivatives_of_linear_operators_are_zero():
    x = leaf(1, 3, 6)
    for f in (lambda x: F.adaptive_avg_pool1d(x, 2), lambda x: F.pad(x, (1, 1), "reflect"), lambda x: F.nll_loss(x[0], torch.tensor([1, 0, 2]))):
        g, = torch.autograd.grad(f(x).sum(), x, create_graph=True)
        assert g.requires_grad
        h = torch.autograd.grad(g.sum(), x)[0]
        assert not h.any()


def test_in_place_forms_of_compositions_keep_what_their_gradient_needs():
    x = leaf(4, 3)
    for in_place, plain in ((lambda t: t.clamp_max_(0.5), lambda t: t.clamp_max(0.5)), (lambda t: t.true_divide_(t.exp()), lambda t: t / t.exp()),
                            (lambda t: t.renorm_(2, 0, 1), lambda t: t.renorm(2, 0, 1)), (lambda t: t.float_power_(3), lambda t: t ** 3)):
        got, = torch.autograd.grad(in_place(x * 1).sum(), x)
        want, = torch.autograd.grad(plain(x).sum(), x)
        np.testing.assert_allclose(got, want)


def test_native_normalisations():
    x, w, b = leaf(3, 4, 5), leaf(4), leaf(4)
    y, mean, rstd = torch.native_batch_norm(x, w, b, None, None, True, 0.1, 1e-5)
    np.testing.assert_allclose(mean, x.detach().mean((0, 2)))
    np.testing.assert_allclose(y.detach(), F.batch_norm(x, None, None, w, b, True).detach())
    evaluated = torch.native_batch_norm(x, w, b, torch.zeros(4).double(), torch.ones(4).double(), False, 0.1, 1e-5)
    assert evaluated[1].shape == evaluated[2].shape == (0,)
    y, mean, rstd = torch.native_group_norm(x, w, b, 3, 4, 5, 2, 1e-5)
    np.testing.assert_allclose(y.detach(), F.group_norm(x, 2, w, b).detach())
    assert mean.shape == (3, 2) and gradcheck(lambda *a: torch.native_group_norm(*a, 3, 4, 5, 2, 1e-5), (x, w, b))


def test_softmax_of_nothing_is_zero():
    x = torch.tensor([[float("-inf")] * 2, [0., 0.]])
    assert torch._safe_softmax(x, 1).tolist() == [[0, 0], [0.5, 0.5]]


def test_results_of_integers_keep_their_dtype():
    v = torch.arange(2)
    assert torch.addmv(v, torch.eye(2, dtype=torch.int64), v, beta=0.6, alpha=1.5).tolist() == [0, 1]
    flags = torch.tensor([True, False])
    assert torch.addr(flags, flags, flags, beta=0).tolist() == [[True, False], [False, False]]
    assert torch.arange(0.0, -8.000001, -4.0, dtype=torch.int32).tolist() == [0, -4, -8]


CASES = [
    (lambda: torch.pow_(4, torch.ones(2)), TypeError, "must be Tensor"),
    (lambda: torch.ones(2, 3).gather(1, torch.ones(2, 3, dtype=torch.int64, device="meta")), RuntimeError, "same device"),
    (lambda: torch.ones(2).maximum(torch.ones(2, device="meta")), RuntimeError, "same device"),
    (lambda: torch.expm1(torch.ones(()), out=torch.ones((), device="meta")), RuntimeError, "device"),
    (lambda: torch.unique(torch.ones(2, device="meta")), NotImplementedError, "meta"),
    (lambda: torch.combinations(torch.arange(3), 2 ** 40, True), RuntimeError, "too many"),
    (lambda: torch.triu_indices(2 ** 62, 1), RuntimeError, "too large"),
    (lambda: F.pixel_shuffle(torch.ones(7, 8, 2, 0), 2 ** 62), RuntimeError, "upscale_factor"),
    (lambda: torch.ones(0).chunk(2 ** 62), RuntimeError, "too many"),
    (lambda: F.max_pool2d(torch.ones(1, 1, 4, 4), 2, padding=-1), RuntimeError, "pad must be non-negative"),
    (lambda: torch.kthvalue(torch.ones(3), 1, out=(torch.ones(3)[:1].expand(3), torch.empty(0, dtype=torch.int64))), RuntimeError, "memory location"),
    (lambda: torch.narrow(torch.ones(3), 0, torch.tensor([1]), 2), RuntimeError, "0-dim integral"),
]


@pytest.mark.parametrize("call,kind,text", CASES)
def test_bad_calls(call, kind, text):
    with pytest.raises(kind, match=text):
        call()
