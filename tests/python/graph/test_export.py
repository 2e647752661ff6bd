"""torch.export: programs recorded as graphs of operators give the program's results, for other sizes, too."""
import pytest

import kagari as torch
from kagari import nn
from kagari.export import Dim, export
from kagari.fx._dynamic_sizes import Fitter, evaluate, text
from kagari.fx._strided_views import steps_of_window


def run(module, *args, **options):
    return export(module, args, **options).module()


class Called(nn.Module):
    def __init__(self, function):
        super().__init__()
        object.__setattr__(self, "function", function)

    def forward(self, *args):
        return self.function(*args)


def mutations(x):
    y = x * 2
    y[0] = 1.0
    y[:, 1:3] += x[:, 1:3]
    z = y.t()
    z[2].mul_(3)
    a, b = y.chunk(2, 1)
    a.add_(100)
    w = torch.zeros(4, 4)
    w[1:3, ::2] = x[1:3, :2]
    q = x.view(-1)[2:6]
    i = torch.arange(4)
    i += 1
    s = y.clone().masked_fill_(y > 50, 0.0)
    y.relu_()
    v = x.clone().unsqueeze_(0).transpose_(1, 2)
    v.add_(1)
    s[[0, 1], [1, 2]] = 7.0
    c = torch.ones(4, dtype=torch.float64)
    c += x[0]
    return y, z, b, w, v, q, i * x, s, x[..., None, 0], x[-1], x.data + 1, c, torch.diagonal(y), y.unbind(0)[1], torch.stack([x, x]).sum(0), x.unfold(1, 2, 1)


def test_changes_in_place_become_values():
    x = torch.randn(4, 4)
    kept = x.clone()
    for got, want in zip(run(Called(mutations), torch.randn(4, 4))(x), mutations(x)):
        assert torch.equal(got, want) and got.dtype == want.dtype
    assert torch.equal(x, kept)


def test_windows_are_read_as_subscripts():
    base = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5)
    keys = [1, (0, 2), slice(1, None), (slice(None), 1), (slice(None), slice(None, None, 2)), (..., None), (None, 1, ..., slice(1, 4, 2)), (slice(0, 1), slice(2, 3)),
            (1, slice(0, 0)), (..., 1, None, 0), (1, 2, 0, 1), (slice(None), slice(1, 2), slice(2, 3), 1)]
    for start in (base, base.transpose(1, 3), base[:, ::2]):
        for key in keys:
            try:
                want = start[key]
            except IndexError:
                continue
            steps = steps_of_window(list(start.shape), list(start.stride()), list(want.shape), list(want.stride()), want.storage_offset() - start.storage_offset())
            got = start
            for name, arguments, shape in steps:
                got = getattr(torch.ops.aten, name)(got, *arguments)
                assert list(got.shape) == shape
            assert torch.equal(got, want), key


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.register_buffer("calls", torch.zeros(1))
        self.register_buffer("hidden", torch.ones(3), persistent=False)

    def forward(self, x, y=None, *, k=2):
        self.calls.add_(1)
        return {"a": self.layer(x) + self.hidden, "b": (x.view(-1) * k, x[1:].sum(0))}


def test_signature_and_state():
    net = Net()
    program = export(net, (torch.randn(2, 4),), dynamic_shapes={"x": {0: Dim("batch", max=99)}})
    signature = program.graph_signature
    assert signature.parameters == ("layer.weight", "layer.bias") and signature.buffers == ("calls", "hidden") and signature.user_inputs == ("x",)
    assert signature.buffers_to_mutate == {"add": "calls"} and signature.non_persistent_buffers == {"hidden"}
    assert list(program.state_dict) == ["calls", "layer.weight", "layer.bias"] and net.calls.item() == 0
    assert repr(program.range_constraints) == "{'batch': VR[0, 99]}"
    module, x = program.module(), torch.randn(7, 4)
    got, want = module(x), net(x)
    assert torch.equal(got["a"], want["a"]) and torch.equal(got["b"][0], want["b"][0]) and torch.allclose(got["b"][1], want["b"][1])
    calls = module.calls.item()
    assert torch.equal(module(x=x)["a"], want["a"]) and module.calls.item() == calls + 1
    for wrong in (torch.ones(2, 5), torch.ones(2), torch.ones(100, 4)):
        with pytest.raises(AssertionError, match="Guard failed"):
            module(wrong)
    with pytest.raises(RuntimeError, match="module"):
        program(x)
    assert "torch.ops.aten.linear" in str(program) and "torch.ops.aten.linear" in program.run_decompositions().graph_module.code


def test_files(tmp_path):
    program = export(Net(), (torch.randn(2, 4),), dynamic_shapes=({0: Dim.AUTO},))
    torch.export.save(program, tmp_path / "net.pt2", extra_files={"note": "hi"})
    extra = {}
    again = torch.export.load(tmp_path / "net.pt2", extra_files=extra)
    x = torch.randn(5, 4)
    assert torch.equal(again.module()(x)["a"], program.module()(x)["a"]) and extra == {"note": "hi"}
    torch.save([1], tmp_path / "other")
    with pytest.raises(RuntimeError, match="no exported program"):
        torch.export.load(tmp_path / "other")


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.position = nn.Embedding(20, 8), nn.Parameter(torch.randn(16, 8))
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)

    def forward(self, ids):
        return self.layer(self.embedding(ids) + self.position[:ids.shape[1]]).mean(1)


class Convolutional(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.pool = nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.MaxPool2d(2)

    def forward(self, x):
        y = self.pool(self.norm(self.conv(x)))
        return y.flatten(1), y.mean((2, 3)), y.view(y.shape[0], 4, -1).transpose(1, 2), torch.zeros(x.shape[2], 2) + y.sum()


@pytest.mark.parametrize("whole", [True, False])
def test_dynamic_sizes(whole):
    for net, example, spec, other in ((Encoder().eval(), torch.randint(20, (3, 6)), {0: Dim("b", min=1, max=64), 1: Dim.DYNAMIC}, torch.randint(20, (5, 9))),
                                      (Convolutional().eval(), torch.randn(2, 3, 16, 20), {0: Dim("b"), 2: Dim("h"), 3: Dim("w")}, torch.randn(3, 3, 25, 18))):
        program = export(net, (example,), dynamic_shapes=(spec,))
        program = program if whole else program.run_decompositions()
        for got, want in zip(torch.utils._pytree.tree_leaves(program.module()(other)), torch.utils._pytree.tree_leaves(net(other))):
            torch.testing.assert_close(got, want)


def test_programs_that_depend_on_sizes_otherwise_are_refused():
    from kagari._dynamo.exc import UserError
    branch = Called(lambda x: x + 1 if x.shape[0] > 3 else x - 1)
    with pytest.raises(UserError, match="paths"):
        export(branch, (torch.ones(2, 2),), dynamic_shapes=(({0: Dim("b")},),))
    fixed = export(branch, (torch.ones(2, 2),), dynamic_shapes=(({0: Dim.AUTO},),))      # AUTO may be static
    with pytest.raises(AssertionError):
        fixed.module()(torch.ones(5, 2))
    with pytest.raises(UserError, match="top-level keys"):
        export(Net(), (torch.ones(2, 4),), dynamic_shapes={"absent": {0: Dim("b")}})
    with pytest.raises(ValueError):
        Dim("b", min=3, max=2)
    with pytest.raises(ValueError):
        export(lambda x: x, (torch.ones(1),))


def test_sizes_are_fitted():
    fitter = Fitter({"s": [3, 5, 8, 13], "t": [2, 9, 4, 7]})
    for function in (lambda s, t: 7, lambda s, t: s, lambda s, t: 3 * t, lambda s, t: s - 1, lambda s, t: 2 * s + 5, lambda s, t: s * t, lambda s, t: 6 * s * t,
                     lambda s, t: (s - 1) // 2 + 1, lambda s, t: t // 3, lambda s, t: s * s, lambda s, t: 4 * ((s + 1) // 2)):
        expression = fitter.fit([function(s, t) for s, t in zip([3, 5, 8, 13], [2, 9, 4, 7])])
        for s, t in ((3, 2), (20, 11), (41, 30)):
            assert evaluate(expression, {"s": s, "t": t}) == function(s, t), text(expression)
    with pytest.raises(RuntimeError, match="s = 3, 5, 8, 13"):
        fitter.fit([1, 100, 2, 50])


def test_is_exporting():
    seen = []
    export(Called(lambda x: seen.append(torch.compiler.is_exporting()) or x + 1), (torch.ones(1),))
    assert seen == [True] and not torch.compiler.is_exporting()


def test_arguments_named_like_builtins_and_changed_arguments():
    layer = nn.Linear(2, 3)
    program = export(layer, (torch.ones(4, 2),), dynamic_shapes=({0: Dim("b")},))
    x = torch.randn(7, 2)
    assert torch.equal(program.module()(x), layer(x)) and torch.equal(program.module()(input=x), layer(x))
    changing = export(Called(lambda x: x.add_(1) * 2), (torch.zeros(2),))
    assert list(changing.graph_signature.user_inputs_to_mutate.values()) == ["args_0"]
    y = torch.zeros(2)
    assert changing.module()(y).tolist() == [2, 2] and y.tolist() == [1, 1]


@pytest.mark.parametrize("function", [lambda x, i: x if x.sum() > 0 else -x, lambda x, i: x[i], lambda x, i: x * x.amax().item(), lambda x, i: x[:int(i)],
                                      lambda x, i: torch.tensor(x.tolist()), lambda x, i: x + float(x.numpy().sum())])
def test_values_of_inputs_cannot_become_python_values(function):
    from kagari.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode
    args = (torch.ones(3), torch.tensor(1))
    with pytest.raises(GuardOnDataDependentSymNode):
        export(Called(function), args)
    function(*args)
    with pytest.warns(torch.jit.TracerWarning):
        torch.onnx.export(Called(function), args, dynamo=False)


def test_values_of_constants_may_be_read():
    table = torch.tensor([2, 3])
    module = run(Called(lambda x: x * table[0].item() + int(table.sum())), torch.ones(2))
    assert module(torch.ones(2)).tolist() == [7, 7]


class Masked(torch.nn.Module):
    """A causal mask, made by vmap of a function of two indices that also looks at an argument."""

    def forward(self, x, lengths):
        size = torch.arange(x.shape[1])

        def visible(row, query, key):
            return (key <= query) & (key < lengths[row])

        across = torch.vmap(torch.vmap(torch.vmap(visible, (None, None, 0)), (None, 0, None)), (0, None, None))
        return (x @ x.transpose(-1, -2)).where(across(torch.arange(x.shape[0]), size, size), 0)


def test_what_a_transform_does_is_recorded():
    torch.manual_seed(0)
    x, lengths = torch.randn(2, 5, 3), torch.tensor([5, 2])
    for shapes, others in ((None, ((torch.randn(2, 5, 3), torch.tensor([1, 4])),)),
                           ({"x": {1: torch.export.Dim("time", min=2, max=20)}, "lengths": None}, ((torch.randn(2, 7, 3), torch.tensor([6, 3])),))):
        program = torch.export.export(Masked(), (x, lengths), dynamic_shapes=shapes)
        for inputs in ((x, lengths), *others):
            torch.testing.assert_close(program.module()(*inputs), Masked()(*inputs))


def test_tangents_are_recorded():
    class Derivative(torch.nn.Module):
        def forward(self, x):
            return torch.func.jvp(torch.sin, (x,), (torch.ones_like(x),))[1]

    program = torch.export.export(Derivative(), (torch.zeros(3),))
    y = torch.randn(3)
    torch.testing.assert_close(program.module()(y), y.cos())
