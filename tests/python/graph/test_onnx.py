"""Files of torch.onnx.export, read and run with NumPy (onnx_reader.py), give the module's results."""
import io

import numpy as np
import pytest

import kagari as torch
import kagari.nn.functional as F
from kagari import nn
from onnx_reader import Model

D = torch.export.Dim


def exported(module, args, **options):
    file = io.BytesIO()
    torch.onnx.export(module, args, file, **options)
    return Model(file.getvalue())


def check(module, args, *others, **options):
    model = exported(module, args, **options)
    for given in (args, *others):
        with torch.no_grad():
            want = [leaf for leaf in torch.utils._pytree.tree_leaves(module(*given)) if isinstance(leaf, torch.Tensor)]
        got = model.run(*(one.numpy() for one in given))
        assert len(got) == len(want)
        for a, b in zip(got, want):
            assert a.shape == tuple(b.shape) and a.dtype == b.numpy().dtype
            np.testing.assert_allclose(a, b.numpy(), rtol=1e-4, atol=1e-5)
    return model


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.SiLU(), nn.Conv2d(4, 8, 3, groups=2, padding=1), nn.Hardswish(), nn.MaxPool2d(2),
                                 nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))

    def forward(self, x):
        return self.net(x).log_softmax(1)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.position = nn.Embedding(20, 8), nn.Parameter(torch.randn(16, 8))
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True, activation="gelu")

    def forward(self, ids):
        return self.layer(self.embedding(ids) + self.position[:ids.shape[1]]).mean(1)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, 2, batch_first=True, bidirectional=True)

    def forward(self, x):
        return self.lstm(x)


@pytest.mark.parametrize("options", [{}, {"opset_version": 11}, {"opset_version": 13}, {"opset_version": 21}, {"dynamo": False}])
def test_convolutional(options):
    model = check(Net().eval(), (torch.randn(2, 3, 16, 16),), **options)
    assert model.opset == options.get("opset_version", 18)
    assert [kind for kind, *_ in model.nodes][:2] == ["Conv", "BatchNormalization"]


def test_dynamic_shapes():
    model = check(Net().eval(), (torch.randn(2, 3, 16, 16),), (torch.randn(3, 3, 24, 20),), dynamic_shapes=({0: D("batch"), 2: D("h"), 3: D("w")},))
    assert model.inputs == [("x", 1, ["batch", 3, "h", "w"])] and model.outputs == [("log_softmax", 1, ["batch", 5])]
    check(Encoder().eval(), (torch.randint(20, (3, 6)),), (torch.randint(20, (2, 9)),), dynamic_shapes=({0: D("b", min=1, max=64), 1: D("t")},))
    check(Recurrent().eval(), (torch.randn(2, 5, 3),), (torch.randn(4, 3, 3),), dynamic_shapes=({0: D("b"), 1: D("t")},))


def test_legacy_names():
    model = check(Net().eval(), (torch.randn(2, 3, 16, 16),), (torch.randn(5, 3, 16, 16),), dynamo=False, input_names=["image"], output_names=["scores"],
                  dynamic_axes={"image": {0: "n"}, "scores": {0: "n"}})
    assert model.inputs == [("image", 1, ["n", 3, 16, 16])] and model.outputs == [("scores", 1, ["n", 5])]
    assert "net.0.weight" in model.initializers


class Called(nn.Module):
    def __init__(self, function):
        super().__init__()
        object.__setattr__(self, "function", function)

    def forward(self, a, b):
        return self.function(a, b)


def changes(a, b):
    y = a * 2
    y[0] = 1.0
    y[:, 1:3] += b[:, 1:3]
    z = y.clone()
    z[z > 1] = 0.0
    z.add_(1).relu_()
    return y, z


FUNCTIONS = [
    lambda a, b: (a + b, a - 2, 3 - b, a * b, a / b, -a, a.exp(), a ** 2, a // b, a % b, a.sigmoid(), torch.maximum(a, b), a.clamp(-0.5, 0.5), torch.addcmul(a, a, b, value=2)),
    lambda a, b: (a > b, a >= b, a != b, (a > 0) & (b > 0), ~(a > 0), torch.where(a > 0, a, b), a.masked_fill(a > 0, -1.0), (a > 0).any(), (a > -9).all(1), (a > 0).sum()),
    lambda a, b: (F.relu(a), F.gelu(a), F.gelu(a, approximate="tanh"), F.silu(a), F.hardswish(a), F.softmax(a, 0), F.glu(a, 1), F.dropout(a, 0.5, False), F.normalize(a, dim=1)),
    lambda a, b: (a.view(-1), a.reshape(2, -1), a.t(), a[:, 1:3], a[-1, 2], a[::2], torch.cat([a, b], 1), torch.stack([a, b]), *a.chunk(2, 1), a.repeat(2, 3), a.flip(1),
                  a.roll(2, 1), a.tril(), a.permute(1, 0), a.unflatten(1, (2, 3)), a.expand(2, 4, 6), a.unbind(0)[1], a[None, ..., None]),
    lambda a, b: (a.sum(), a.mean((0, 1)), a.amax(1), a.max(1)[0], a.max(1)[1], a.var(), a.std(1, unbiased=False), a.cumsum(1), a.argmax(1), torch.var_mean(a, 1)[1]),
    lambda a, b: (a[[0, 2]], a[:, [1, 2]], a.index_select(1, torch.tensor([0, 3])), a.gather(1, torch.tensor([[0, 1], [2, 3], [1, 1], [0, 0]])), torch.zeros(2, 3) + a[0, 0],
                  torch.arange(6) + a[0], torch.full_like(a, 2), a.to(torch.float64), a.long() + 1),
    lambda a, b: (a @ b.t(), torch.addmm(torch.ones(4, 4), a, b.t(), beta=0.5, alpha=2), F.layer_norm(a, (6,)), F.scaled_dot_product_attention(a[None], b[None], b[None], is_causal=True)),
    changes,
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_operators(function):
    check(Called(function), (torch.randn(4, 6), torch.randn(4, 6)))


def test_program_object(tmp_path):
    program = torch.onnx.export(Net().eval(), (torch.randn(1, 3, 16, 16),), tmp_path / "net.onnx")
    program.save(tmp_path / "again.onnx")
    assert (tmp_path / "again.onnx").read_bytes() == (tmp_path / "net.onnx").read_bytes()
    assert "Conv(x, net.0.weight, net.0.bias)" in repr(program)
    program.apply_weights({"net.0.bias": torch.full((4,), 7.0)})
    program.save(tmp_path / "other.onnx")
    assert Model((tmp_path / "other.onnx").read_bytes()).initializers["net.0.bias"].tolist() == [7.0] * 4


def test_weights_in_a_file_of_their_own(tmp_path, monkeypatch):
    from kagari.onnx import _exporter
    monkeypatch.setattr(_exporter, "INLINE_BYTES", 0)
    layer = nn.Linear(32, 64)
    torch.onnx.export(layer, (torch.ones(1, 32),), tmp_path / "big.onnx")
    raw = (tmp_path / "big.onnx.data").read_bytes()
    assert raw[:64 * 32 * 4] == layer.weight.detach().numpy().tobytes() and len((tmp_path / "big.onnx").read_bytes()) < 1000


def test_modes_and_errors():
    seen = []

    class Watch(nn.Module):
        def forward(self, x):
            seen.append((torch.onnx.is_in_onnx_export(), self.training))
            return x + 1
    module = Watch()
    torch.onnx.export(module, (torch.ones(1),), io.BytesIO(), dynamo=False)
    assert seen == [(True, False)] and module.training and not torch.onnx.is_in_onnx_export()
    with pytest.raises(torch.onnx.errors.UnsupportedOperatorError, match="aten::digamma"):
        torch.onnx.export(Called(lambda a, b: torch.digamma(a)), (torch.ones(1), torch.ones(1)))
    with pytest.raises(torch.onnx.OnnxExporterError, match="training mode"):
        torch.onnx.export(nn.Dropout(0.5), (torch.ones(1),))
    with pytest.raises(ValueError, match="opset"):
        torch.onnx.export(nn.ReLU(), (torch.ones(1),), opset_version=3)
    with pytest.raises(torch.onnx.OnnxExporterError, match="output names"):
        torch.onnx.export(nn.ReLU(), (torch.ones(1),), output_names=["a", "b"])


def test_custom_forms():
    def form(g, x):
        return g.op("Reciprocal", g.op("Exp", x))
    torch.onnx.register_custom_op_symbolic("aten::digamma", form, 9)
    try:
        model = exported(Called(lambda a, b: torch.digamma(a)), (torch.ones(2), torch.ones(1)))
    finally:
        torch.onnx.unregister_custom_op_symbolic("aten::digamma", 9)
    np.testing.assert_allclose(model.run(np.ones(2, np.float32), np.ones(1, np.float32))[0], np.exp(-1) * np.ones(2), rtol=1e-6)


def test_exported_programs():
    program = torch.export.export(Net().eval(), (torch.randn(2, 3, 16, 16),), dynamic_shapes=({0: D("batch")},))
    model = Model(torch.onnx.export(program)._graph.to_bytes())
    assert model.inputs[0][2] == ["batch", 3, 16, 16]
