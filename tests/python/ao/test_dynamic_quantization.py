"""Layers with rounded weights and inputs, against the rounding written out in NumPy."""
import io

import numpy as np
import pytest

import kagari as torch
from kagari import nn
from kagari.ao.quantization import quantize_dynamic


def rounded_weight(w):
    unit = np.abs(w).max() / 127.5
    return np.clip(np.round(w / unit), -128, 127) * unit


def rounded_input(x):
    least, most = min(x.min(), 0), max(x.max(), 0)
    unit = (most - least) / 127
    zero = min(max(round(-least / unit), 0), 127)
    return (np.clip(np.round(x / unit) + zero, 0, 127) - zero) * unit


def test_linear():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4))
    small = quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8)
    assert type(model[0]) is nn.Linear and "DynamicQuantizedLinear(in_features=16, out_features=8, dtype=torch.qint8" in repr(small)
    x = torch.randn(5, 16)
    w, b = model[0].weight.detach().numpy(), model[0].bias.detach().numpy()
    want = rounded_input(x.numpy()) @ rounded_weight(w).T + b
    assert np.allclose(small[0](x).numpy(), want, atol=1e-5)
    assert (small(x) - model(x)).abs().max() < 0.05 and small[0]._weight.dtype == torch.int8
    buffer = io.BytesIO()
    torch.save(small.state_dict(), buffer)
    buffer.seek(0)
    other = quantize_dynamic(nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4)))
    other.load_state_dict(torch.load(buffer))
    assert torch.equal(other(x), small(x))


@pytest.mark.parametrize("rows, size, out", [(1, 64, 3), (1, 200, 300), (5, 63, 7), (16, 130, 260), (17, 130, 260), (40, 1, 5), (0, 4, 3)])
def test_integer_products_are_exact(rows, size, out):
    rng = np.random.default_rng(rows)
    product = torch._C._space__C["_int8_linear"]
    w = rng.integers(-128, 128, (out, size)).astype(np.int8)
    x = rng.integers(-60, 68, (rows, size)).astype(np.float32)
    if rows:
        x[0, 0], x[-1, -1] = -60, 67  # the unit is 1, and so is nothing rounded
        if size == 1 or rows == 1:
            x = np.concatenate([x, x], 0)
            x[0, 0] = -60
    got = product(torch.from_numpy(x), torch.from_numpy(w), 0.5, torch.ones(out)).numpy()
    np.testing.assert_array_equal(got, (x.astype(np.int64) @ w.T.astype(np.int64)).astype(np.float32) * np.float32(0.5) + 1)


def test_integer_products_refuse_what_does_not_fit():
    product = torch._C._space__C["_int8_linear"]
    w = torch.zeros(3, 4, dtype=torch.int8)
    for x, weight, bias, text in ((torch.zeros(2, 5), w, None, "does not fit weights of shape"), (torch.zeros(2, 4), w.float(), None, "int8 weights"),
                                  (torch.zeros(2, 4), w, torch.zeros(2), "a float32 bias of 3")):
        with pytest.raises(RuntimeError, match=text):
            product(x, weight, 1.0, bias)
    assert product(torch.full((1, 4), float("nan")), w, 1.0).tolist() == [[0, 0, 0]] and product(torch.zeros(2, 3, 4), w, 1.0).shape == (2, 3, 3)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_recurrent_layers(kind):
    torch.manual_seed(0)
    model = kind(4, 3, num_layers=2, bidirectional=True, batch_first=True)
    small = quantize_dynamic(nn.Sequential(model))[0]
    x = torch.randn(2, 5, 4)
    out, state = model(x)
    got, got_state = small(x)
    assert got.shape == out.shape and (got - out).abs().max() < 0.05
    for a, b in zip(state if kind is nn.LSTM else [state], got_state if kind is nn.LSTM else [got_state], strict=True):
        assert a.shape == b.shape and (a - b).abs().max() < 0.1


def test_half_weights_names_and_errors():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    half = quantize_dynamic(model, {"1"}, dtype=torch.float16)
    assert type(half[0]) is nn.Linear and half[1]._weight.dtype == torch.float16 and (half(torch.ones(1, 4)) - model(torch.ones(1, 4))).abs().max() < 1e-2
    with pytest.raises(ValueError, match="qint32"):
        quantize_dynamic(model, dtype=torch.qint32)
    with pytest.raises(NotImplementedError, match="prepare"):
        torch.ao.quantization.prepare(model)
    wrapped = torch.ao.quantization.QuantWrapper(model)
    assert torch.equal(wrapped(torch.ones(1, 4)), model(torch.ones(1, 4)))
