"""Quantized tensors, against the affine scheme written out in NumPy."""
import copy
import io
import pickle

import numpy as np
import pytest

import kagari as torch
from kagari.nn import functional as F

RANGES = {torch.quint8: (0, 255), torch.qint8: (-128, 127), torch.qint32: (-2 ** 31, 2 ** 31 - 1)}


def numbers(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


@pytest.mark.parametrize("dtype", RANGES)
def test_levels_and_back(dtype):
    x = numbers(50, 40) * 3
    q = torch.quantize_per_tensor(x, 0.03, 5, dtype)
    least, most = RANGES[dtype]
    want = np.clip(np.rint(x.numpy().astype(np.float64) / np.float32(0.03) + 5), least, most)
    levels = q.int_repr().numpy().astype(np.int64)
    assert np.abs(levels - want).max() <= 1 and (levels != want).mean() < 1e-3           # ties
    assert np.array_equal(q.dequantize().numpy(), ((levels - 5).astype(np.float32) * np.float32(0.03)))
    assert q.is_quantized and q.dtype == dtype and q.q_scale() == 0.03 and q.q_zero_point() == 5 and q.qscheme() == torch.per_tensor_affine
    assert isinstance(q.dtype, torch.dtype) and q.element_size() == dtype.itemsize and not x.is_quantized


def test_ties_and_bad_numbers():
    q = torch.quantize_per_tensor(torch.tensor([0.125, 0.375, 1e9, -1e9, float("nan")]), 0.25, 3, torch.quint8)
    assert q.int_repr().tolist() == [4, 4, 255, 0, 0]                                    # 3.5 -> 4 and 4.5 -> 4: to even, with the zero point added


def test_per_channel():
    x, scales, zeros = numbers(3, 4, 2), torch.tensor([0.1, 0.2]), torch.tensor([3, -1])
    q = torch.quantize_per_channel(x, scales, zeros, 2, torch.qint8)
    want = np.clip(np.rint(x.numpy() / scales.numpy() + zeros.numpy()), -128, 127)
    assert np.array_equal(q.int_repr().numpy(), want)
    assert np.allclose(q.dequantize().numpy(), (want - zeros.numpy()) * scales.numpy())
    assert q.q_per_channel_axis() == 2 and q.q_per_channel_zero_points().tolist() == [3, -1] and q.qscheme() == torch.per_channel_affine
    assert torch.equal(q, q.clone()) and not torch.equal(q, torch.quantize_per_channel(x, scales, zeros + 1, 2, torch.qint8))
    floating = torch.quantize_per_channel(x, scales, torch.tensor([0.5, -0.25]), 2, torch.quint8)
    assert floating.qscheme() == torch.per_channel_affine_float_qparams and (floating.dequantize() - x.clamp(min=0)).abs().max() < 0.3
    with pytest.raises(NotImplementedError, match="scale per channel"):
        q.transpose(0, 1)


def test_text():
    q = torch.quantize_per_tensor(torch.tensor([[0.5, -1.0]]), 0.1, 10, torch.quint8)
    assert repr(q) == ("tensor([[ 0.5000, -1.0000]], size=(1, 2), dtype=torch.quint8,\n"
                       "       quantization_scheme=torch.per_tensor_affine, scale=0.1, zero_point=10)")
    assert q.type() == "torch.quantized.QUInt8Tensor" and repr(torch.per_tensor_symmetric) == "torch.per_tensor_symmetric"


def test_moving_elements_keeps_the_scale():
    x = numbers(2, 3, 4)
    q = torch.quantize_per_tensor(x, 0.05, 60, torch.quint8)
    levels = q.int_repr()
    for f in (lambda t: t.view(6, 4), lambda t: t.permute(2, 0, 1), lambda t: t[0, 1:], lambda t: t.flatten(1), lambda t: t.unsqueeze(0), lambda t: t.transpose(0, 2).contiguous(),
              lambda t: t.expand(2, 3, 4), lambda t: torch.cat([t, t]), lambda t: torch.stack([t, t]), lambda t: F.max_pool2d(t[None], 2), lambda t: t[:, torch.tensor([0, 2])]):
        made = f(q)
        assert made.is_quantized and made.q_scale() == 0.05 and torch.equal(made.int_repr(), f(levels))
    assert torch.equal(F.relu(q).int_repr(), levels.clamp(min=60)) and torch.equal(torch.sort(q, -1).values.int_repr(), torch.sort(levels, -1).values)
    window = q[0]
    window.copy_(torch.ones(3, 4))
    assert q[0].dequantize().eq(1).all() and torch.equal(q[1].int_repr(), levels[1])     # a view shares memory
    assert (q > 0.5).sum() == (q.dequantize() > 0.5).sum() and q.max().item() == q.dequantize().max().item()


def test_computing_and_rounding_again():
    q = torch.quantize_per_tensor(numbers(1, 2, 6, 6), 0.05, 60, torch.quint8)
    for f in (lambda t: F.avg_pool2d(t, 2), lambda t: F.adaptive_avg_pool2d(t, 1), lambda t: t.mean((2, 3)), lambda t: F.leaky_relu(t, 0.1), lambda t: F.hardtanh(t)):
        assert torch.equal(f(q).int_repr(), torch.quantize_per_tensor(f(q.dequantize()), 0.05, 60, torch.quint8).int_repr())
    assert torch.sigmoid(q).q_scale() == 1 / 256 and torch.tanh(q).q_zero_point() == 128


def test_files_and_copies():
    x = numbers(3, 4)
    made = {"one": torch.quantize_per_tensor(x, 0.1, 10, torch.quint8), "each": torch.quantize_per_channel(x, torch.tensor([0.1, 0.2, 0.3]), torch.zeros(3), 0, torch.qint8)}
    file = io.BytesIO()
    torch.save(made, file)
    file.seek(0)
    for again in (torch.load(file), copy.deepcopy(made)):
        assert torch.equal(again["one"], made["one"]) and torch.equal(again["each"], made["each"])
    assert torch.equal(pickle.loads(pickle.dumps(made["one"])), made["one"])


def test_errors():
    q = torch.quantize_per_tensor(numbers(3, 3), 0.1, 10, torch.quint8)
    for f in (lambda: q + q, lambda: torch.exp(q), lambda: q @ q):
        with pytest.raises(NotImplementedError, match="QuantizedCPU"):
            f()
    with pytest.raises(NotImplementedError, match="q_scale"):
        numbers(2).q_scale()
    with pytest.raises(TypeError, match="int_repr"):
        q.numpy()
    with pytest.raises(RuntimeError, match="zero_point"):
        torch.quantize_per_tensor(numbers(2), 0.1, 300, torch.quint8)
    with pytest.raises(RuntimeError, match="Float"):
        torch.quantize_per_tensor(torch.ones(2, dtype=torch.float64), 0.1, 0, torch.quint8)
    with pytest.raises(NotImplementedError, match="qint8"):
        torch.zeros(2, dtype=torch.qint8)


def test_fake_quantization():
    x = numbers(4, 5) * 2
    x.requires_grad_()
    y = torch.fake_quantize_per_tensor_affine(x, 0.1, 2, -8, 7)
    level = np.rint(x.detach().numpy() / np.float32(0.1)) + 2
    assert np.allclose(y.detach().numpy(), (np.clip(level, -8, 7) - 2) * 0.1, atol=1e-6)
    scale = torch.tensor([0.1])
    z = torch.fake_quantize_per_tensor_affine(x, scale, torch.tensor([2], dtype=torch.int32), -8, 7)
    scale.fill_(5)                                                                       # the gradient needs the mask alone
    z.sum().backward()
    assert np.array_equal(x.grad.numpy(), (level >= -8) & (level <= 7)) and torch.equal(y, z)
    each = torch.fake_quantize_per_channel_affine(x.detach(), torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.zeros(4, dtype=torch.int32), 0, -8, 7)
    assert torch.allclose(each[2], torch.fake_quantize_per_tensor_affine(x.detach()[2], 0.3, 0, -8, 7))


def test_learned_scale():
    x, s, z = numbers(6).requires_grad_(), torch.tensor([0.1], requires_grad=True), torch.tensor([3.0], requires_grad=True)
    y = torch._fake_quantize_learnable_per_tensor_affine(x, s, z, 0, 15, 0.5)
    y.sum().backward()
    level = np.rint(x.detach().numpy() / np.float32(0.1)) + 3
    inside = (level >= 0) & (level <= 15)
    by_scale = np.where(inside, np.rint(x.detach().numpy() / np.float32(0.1)) - x.detach().numpy() / 0.1, np.clip(level, 0, 15) - 3)
    assert np.array_equal(x.grad.numpy(), inside) and np.allclose(s.grad.item(), 0.5 * by_scale.sum(), atol=1e-4)
    assert np.allclose(z.grad.item(), 0.5 * -0.1 * (~inside).sum(), atol=1e-5)
