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
    assert (small(x) - model(x)).abs().max() < 0.05 and small[0].weight().dtype == torch.qint8
    buffer = io.BytesIO()
    torch.save(small.state_dict(), buffer)
    buffer.seek(0)
    other = quantize_dynamic(nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4)))
    other.load_state_dict(torch.load(buffer))
    assert torch.equal(other(x), small(x))


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
    assert type(half[0]) is nn.Linear and half[1].weight().dtype == torch.float16 and (half(torch.ones(1, 4)) - model(torch.ones(1, 4))).abs().max() < 1e-2
    with pytest.raises(ValueError, match="qint32"):
        quantize_dynamic(model, dtype=torch.qint32)
    wrapped = torch.ao.quantization.QuantWrapper(model)
    assert torch.equal(wrapped(torch.ones(1, 4)), model(torch.ones(1, 4)))
