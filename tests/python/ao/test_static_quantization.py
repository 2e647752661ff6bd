"""Observers, and models that become models of integers: by layers and by graphs."""
import io

import numpy as np
import pytest

import kagari as torch
from kagari import nn
from kagari.ao import quantization as Q
from kagari.ao.quantization import quantize_fx

pytestmark = pytest.mark.filterwarnings("ignore:Please use quant_min")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.quant, self.dequant, self.sum = Q.QuantStub(), Q.DeQuantStub(), nn.quantized.FloatFunctional()
        self.conv, self.bn, self.relu = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()
        self.more, self.relu2, self.fc = nn.Conv2d(8, 8, 3, padding=1, groups=2), nn.ReLU(), nn.Linear(8 * 16, 5)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.relu(self.bn(self.conv(self.quant(x)))), 2)
        x = self.sum.add(x, self.relu2(self.more(x)))
        return self.dequant(self.fc(torch.flatten(x, 1)))


GROUPS = [["conv", "bn", "relu"], ["more", "relu2"]]


def test_least_and_greatest():
    observer = Q.MinMaxObserver(dtype=torch.quint8)
    for part in ([-1.0, 0.5], [0.0, 4.1]):
        observer(torch.tensor(part))
    scale, zero_point = observer.calculate_qparams()
    assert np.isclose(scale.item(), 5.1 / 255) and zero_point.item() == 50
    symmetric = Q.MinMaxObserver(dtype=torch.qint8, qscheme=torch.per_tensor_symmetric)
    symmetric(torch.tensor([-1.0, 4.1]))
    assert np.isclose(symmetric.calculate_qparams()[0].item(), 4.1 / 127.5) and symmetric.calculate_qparams()[1].item() == 0
    half = Q.MinMaxObserver(quant_min=0, quant_max=127)
    half(torch.tensor([0.0, 12.7]))
    assert np.isclose(half.calculate_qparams()[0].item(), 0.1)


def test_averages_and_channels():
    moving = Q.MovingAverageMinMaxObserver(averaging_constant=0.5)
    for top in (2.0, 4.0):
        moving(torch.tensor([0.0, top]))
    assert moving.max_val.item() == 3
    each = Q.PerChannelMinMaxObserver(ch_axis=1, dtype=torch.qint8, qscheme=torch.per_channel_symmetric)
    each(torch.tensor([[1.0, -8.0], [0.5, 2.0]]))
    assert np.allclose(each.calculate_qparams()[0].numpy(), [1 / 127.5, 8 / 127.5])


def test_histogram_drops_rare_numbers():
    torch.manual_seed(0)
    observer = Q.HistogramObserver()
    x = torch.rand(1000000)
    x[0] = 1.5                                                                           # to clip it costs less than wider steps for all others
    observer(x[500000:])
    observer(x[:500000])
    assert observer.histogram.sum().item() == pytest.approx(1000000, rel=1e-3) and observer.max_val.item() == 1.5
    assert observer.calculate_qparams()[0].item() == pytest.approx(1 / 255, rel=0.02)


def test_qconfig():
    qconfig = Q.get_default_qconfig("x86")
    assert type(qconfig.activation()).__name__ == "HistogramObserver" and qconfig.activation().quant_max == 127 and qconfig.weight().qscheme == torch.per_channel_symmetric
    assert Q.qconfig_equals(qconfig, Q.get_default_qconfig("fbgemm")) and not Q.qconfig_equals(qconfig, Q.default_qconfig)
    with pytest.raises(ValueError, match="observer instance"):
        Q.QConfig(activation=Q.MinMaxObserver(), weight=Q.MinMaxObserver)
    with pytest.raises(AssertionError, match="not supported"):
        Q.get_default_qconfig("abacus")


def exact_linear(layer, q, scale, zero_point):
    """The layer in integers and float64."""
    w = layer.weight()
    sums = (q.int_repr().numpy().astype(np.int64) - q.q_zero_point()) @ w.int_repr().numpy().astype(np.int64).T
    real = sums * (q.q_scale() * w.q_per_channel_scales().numpy()) + layer.bias().numpy()
    return np.clip(np.rint(real / scale) + zero_point, 0, 255)


@pytest.mark.parametrize("backend", ["x86", "qnnpack"])
def test_layers_of_integers(backend):
    torch.manual_seed(0)
    model = Net().eval()
    model.qconfig = Q.get_default_qconfig(backend)
    prepared = Q.prepare(Q.fuse_modules(model, GROUPS))
    x = torch.randn(4, 3, 8, 8)
    prepared(x)
    small = Q.convert(prepared)
    assert [type(m).__name__ for m in (small.quant, small.conv, small.bn, small.sum, small.fc)] == ["Quantize", "ConvReLU2d", "Identity", "QFunctional", "Linear"]
    assert (small(x) - model(x)).abs().max() < 0.1 * model(x).abs().max() + 0.05
    assert not any(hasattr(m, "qconfig") for m in small.modules()) and small.fc.weight().dtype == torch.qint8
    if backend == "x86":
        q = torch.quantize_per_tensor(torch.randn(6, 128), 0.05, 60, torch.quint8)
        got = small.fc(q).int_repr().numpy()
        assert np.abs(got - exact_linear(small.fc, q, small.fc.scale, small.fc.zero_point)).max() <= 1
        assert (got != exact_linear(small.fc, q, small.fc.scale, small.fc.zero_point)).mean() < 0.05
    file = io.BytesIO()
    torch.save(small.state_dict(), file)
    file.seek(0)
    other = Q.convert(Q.prepare(Q.fuse_modules(model, GROUPS)))
    other.load_state_dict(torch.load(file))
    assert torch.equal(other(x), small(x))


def test_training():
    torch.manual_seed(0)
    model = Net().train()
    model.qconfig = Q.get_default_qat_qconfig("x86")
    prepared = Q.prepare_qat(Q.fuse_modules_qat(model, GROUPS))
    assert type(prepared.conv).__name__ == "ConvBnReLU2d" and "weight_fake_quant" in dict(prepared.conv.named_modules())
    optimizer, x, y, losses = torch.optim.SGD(prepared.parameters(), 0.1), torch.randn(8, 3, 8, 8), torch.arange(8) % 5, []
    for _ in range(8):
        loss = nn.functional.cross_entropy(prepared(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    prepared.apply(Q.disable_observer)
    prepared.apply(nn.intrinsic.qat.freeze_bn_stats)
    small = Q.convert(prepared.eval())
    assert type(small.conv).__name__ == "ConvReLU2d" and (small(x) - prepared(x)).abs().max() < 0.1 * prepared(x).abs().max() + 0.1


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.fc = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Linear(3, 4)

    def forward(self, x):
        y = nn.functional.relu(x + self.bn(self.conv(x)))
        return torch.softmax(self.fc(torch.flatten(nn.functional.adaptive_avg_pool2d(y, 1), 1)), -1)


def test_graphs():
    torch.manual_seed(0)
    model, x = Block().eval(), torch.randn(4, 3, 6, 6)
    prepared = quantize_fx.prepare_fx(model, Q.get_default_qconfig_mapping("x86"), (x,))
    assert torch.allclose(prepared(x), model(x), atol=1e-5)
    small = quantize_fx.convert_fx(prepared)
    assert "quantize_per_tensor" in small.code and "torch.ops.quantized.add_relu" in small.code and small.code.count(".dequantize()") == 1
    assert type(small.fc).__name__ == "Linear" and (small(x) - model(x)).abs().max() < 0.05
    kept = quantize_fx.prepare_fx(model, Q.QConfigMapping().set_global(Q.default_qconfig).set_object_type(nn.Linear, None), (x,))
    kept(x)
    assert type(quantize_fx.convert_fx(kept).fc) is nn.Linear


def test_training_of_graphs():
    torch.manual_seed(0)
    x = torch.randn(4, 3, 6, 6)
    prepared = quantize_fx.prepare_qat_fx(Block().train(), Q.get_default_qat_qconfig_mapping("x86"), (x,))
    prepared(x).square().sum().backward()
    assert all(p.grad is not None for p in prepared.parameters())
    assert (quantize_fx.convert_fx(prepared.eval())(x) - prepared(x)).abs().max() < 0.05


def test_operators_and_embeddings():
    a, b = (torch.quantize_per_tensor(torch.randn(2, 3), 0.05, 60, torch.quint8) for _ in range(2))
    ops = torch.ops.quantized
    assert torch.equal(ops.add_relu(a, b, 0.1, 5).dequantize(), torch.quantize_per_tensor((a.dequantize() + b.dequantize()).relu(), 0.1, 5, torch.quint8).dequantize())
    assert ops.cat([a, b], 1, 0.1, 5).shape == (2, 6) and ops.mul(a, -2.0).q_scale() == 0.1
    table = nn.Sequential(nn.Embedding(10, 4))
    table[0].qconfig = Q.float_qparams_weight_only_qconfig
    small, index = Q.convert(Q.prepare(table)), torch.tensor([[1, 2]])
    assert (small(index) - table(index)).abs().max() < 0.02
    with pytest.raises(AttributeError):
        ops.no_such_operator
