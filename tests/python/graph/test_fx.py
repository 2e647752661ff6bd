"""torch.fx: what is recorded, the code that is made of it, and what can be done with graphs."""
import copy
import operator
import pickle

import pytest

import kagari as torch
import kagari.nn.functional as F
from kagari import fx, nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.p, self.layer, self.seq = nn.Parameter(torch.ones(3, 4)), nn.Linear(4, 5), nn.Sequential(nn.Linear(5, 5), nn.ReLU())
        self.register_buffer("b", torch.ones(4))

    def forward(self, x, k=2, *, flag: bool = True):
        y = self.layer(x + self.p).clamp(min=0.0, max=1.0)
        rows, _ = y.shape[0], y.size(1)
        z = F.relu(self.seq(y)[:, None, ...])
        a, b = z.chunk(2, 0)
        q = y @ y.t()
        q += 1
        return {"a": -q * 2.5, "b": (z.view(rows, -1), [a, b]), "c": torch.zeros(rows, 3) + k, "t": (self.b + x).T}


def test_code():
    code = fx.symbolic_trace(Net()).code
    for line in ("def forward(self, x, k = 2, flag : bool = True):", "add = x + p;  p = None", "clamp = layer.clamp(min = 0.0, max = 1.0);  layer = None",
                 "getattr_1 = clamp.shape", "seq_0 = getattr(self.seq, \"0\")(clamp)", "relu = torch.nn.functional.relu(getitem_1, inplace = False);  getitem_1 = None",
                 "add_1 = matmul + 1;  matmul = None", "zeros = torch.zeros(getitem, 3);  getitem = None",
                 "return {'a': mul, 'b': (view, [getitem_2, getitem_3]), 'c': add_2, 't': getattr_2}"):
        assert line in code, code


def assert_same(a, b):
    assert list(a) == list(b)
    for x, y in zip(torch.utils._pytree.tree_leaves(a), torch.utils._pytree.tree_leaves(b), strict=True):
        assert torch.equal(x, y)


@pytest.mark.parametrize("copied", [lambda g: g, copy.deepcopy, copy.copy, lambda g: pickle.loads(pickle.dumps(g)), fx.symbolic_trace,
                                    lambda g: fx.Transformer(g).transform(), lambda g: fx.GraphModule(g, copy.deepcopy(g.graph))])
def test_graph_modules_compute_what_was_recorded(copied):
    net, x = Net(), torch.randn(3, 4)
    made = copied(fx.symbolic_trace(net))
    assert isinstance(made, fx.GraphModule) and sorted(made.state_dict()) == sorted(net.state_dict())
    made.graph.lint()
    assert_same(dict(made(x)), net(x))
    assert_same(dict(fx.Interpreter(made).run(x)), net(x))


def test_graphs_are_changed_in_place():
    traced = fx.symbolic_trace(lambda x: torch.relu(x) + 1)
    node = traced.graph.find_nodes(op="call_function", target=torch.relu)[0]
    with traced.graph.inserting_after(node):
        new = traced.graph.call_function(torch.neg, node.args)
    node.replace_all_uses_with(new)
    traced.graph.erase_node(node)
    traced.recompile()
    assert traced(torch.tensor([2.0])).item() == -1
    with pytest.raises(RuntimeError, match="still had 1 users"):
        traced.graph.erase_node(new)
    assert [n.name for n in traced.graph.nodes] == ["x", "neg", "add", "output"] and len(traced.graph.nodes) == 4
    with traced.graph.inserting_before(new):
        traced.graph.call_function(torch.abs, (new.args[0],))
    assert traced.graph.eliminate_dead_code() and not traced.graph.eliminate_dead_code()
    with pytest.raises(NotImplementedError):
        traced.graph.call_function(torch.cat, ([new],)).args[0].append(1)


def test_control_flow_on_values_cannot_be_recorded():
    for function in (lambda x: x if x.sum() > 0 else -x, lambda x: [y for y in x], lambda x: torch.ones(1) if x else x):
        with pytest.raises((fx.proxy.TraceError, RuntimeError)):
            fx.symbolic_trace(function)


def test_arguments():
    many = fx.symbolic_trace(_many)
    assert many(torch.ones(1), torch.ones(1), b=2).item() == 4
    fixed = fx.symbolic_trace(_structured, concrete_args={"d": {"a": fx.PH, "b": [fx.PH]}, "flag": True})
    assert fixed(torch.ones(1), {"a": torch.ones(1), "b": [3.0]}, True).item() == 4
    fixed = fx.symbolic_trace(lambda x, flag, n: x + 1 if flag else x, concrete_args={"flag": True, "n": None})
    assert fixed(torch.ones(1), True, None).item() == 2
    for wrong in ((False, None), (True, 1)):
        with pytest.raises(AssertionError, match="specialized"):
            fixed(torch.ones(1), *wrong)
    assert "masked_fill(gt, -inf)" in fx.symbolic_trace(lambda x: x.masked_fill(x > 0, float("-inf"))).code


def _many(x, *args, **kwargs):
    return x + args[0] + kwargs["b"]


def _structured(x, d, flag):
    return x + d["a"] * d["b"][0] if flag else x


@fx.wrap
def _opaque(x, n):
    return x * n if x.sum() > 0 else x


fx.wrap("len")


def test_wrapped_functions_are_nodes():
    traced = fx.symbolic_trace(lambda x: _opaque(x, 3) + len(x))
    assert [n.target for n in traced.graph.nodes if n.op == "call_function"] == [_opaque, len, operator.add]
    assert traced(torch.ones(2)).tolist() == [5, 5]
    with pytest.raises(NotImplementedError):
        fx.wrap("sum")


def test_replace_pattern():
    traced = fx.symbolic_trace(lambda x, a, b: x + torch.cat([a, b]).sum() + torch.cat([b, a]).sum())
    found = fx.replace_pattern(traced, lambda a, b: torch.cat([a, b]).sum(), lambda a, b: torch.stack([a, b]).amax())
    assert len(found) == 2 and isinstance(found[0].anchor, fx.Node)
    assert traced(torch.zeros(1), torch.ones(2), torch.full((2,), 3.0)).item() == 6
    assert not fx.replace_pattern(traced, lambda a: torch.relu(a), lambda a: a)


def test_transformer_changes_calls():
    class Gelu(fx.Transformer):
        def call_function(self, target, args, kwargs):
            return super().call_function(torch.tanh if target is torch.relu else target, args, kwargs)
    made = Gelu(fx.symbolic_trace(lambda x: torch.relu(x) * 2)).transform()
    x = torch.randn(3)
    assert torch.equal(made(x), torch.tanh(x) * 2)


def test_passes():
    from kagari.fx.passes.infra.pass_base import PassBase, PassResult
    from kagari.fx.passes.infra.pass_manager import PassManager
    from kagari.fx.passes.shape_prop import ShapeProp
    from kagari.fx.passes.split_module import split_module

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.p = nn.Linear(4, 4), nn.Linear(4, 4), nn.Parameter(torch.ones(4))

        def forward(self, x, y):
            z = self.a(x + y)
            return z + self.b(z.relu()) * self.p
    net = Two()
    traced, x, y = fx.symbolic_trace(net), torch.randn(2, 4), torch.randn(2, 4)
    ShapeProp(traced).propagate(x, y)
    assert [tuple(n.meta["tensor_meta"].shape) for n in traced.graph.nodes if n.name in ("x", "p", "b")] == [(2, 4), (2, 4), (4,)]
    count = [0]

    def part(node):
        count[0] += 1
        return count[0] // 3
    parts = split_module(traced, net, part)
    assert [name for name, _ in parts.named_children()] == ["submod_0", "submod_1"] or len(list(parts.children())) == 3
    assert torch.allclose(parts(x, y), net(x, y))

    class Count(PassBase):
        def call(self, module):
            self.nodes = len(module.graph.nodes)
            return PassResult(module, False)
    counter = Count()
    assert PassManager([counter])(traced).graph_module is traced and counter.nodes == 10


def test_submodules_of_graph_modules(tmp_path):
    traced = fx.symbolic_trace(Net())
    assert traced.add_submodule("new.inner", nn.ReLU()) and isinstance(traced.new.inner, nn.ReLU)
    traced.delete_all_unused_submodules()
    assert not hasattr(traced, "new") and traced.delete_submodule("layer") and not traced.delete_submodule("absent")
    assert "class Net(torch.nn.Module)" in traced.print_readable(print_output=False)


def test_nodes_know_their_arguments():
    traced = fx.symbolic_trace(lambda x: torch.sum(x, 1, keepdim=True))
    node = next(n for n in traced.graph.nodes if n.op == "call_function")
    args, kwargs = node.normalized_arguments(traced, normalize_to_only_use_kwargs=True)
    assert args == () and kwargs["dim"] == 1 and kwargs["keepdim"] is True and kwargs["dtype"] is None
    node.update_kwarg("keepdim", False)
    node.update_arg(1, 0)
    traced.recompile()
    assert traced(torch.ones(2, 3)).tolist() == [2, 2, 2]
    assert node.format_node() == "%sum_1 : [num_users=1] = call_function[target=torch.sum](args = (%x, 0), kwargs = {keepdim: False})"
