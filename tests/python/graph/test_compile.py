"""torch.compile: options, backends that are functions, and the names around it."""
import pytest

import kagari as torch
from kagari import nn
from kagari._dynamo.testing import CompileCounter


def test_runs_what_it_is_given():
    net = nn.Linear(2, 2)
    made = torch.compile(net, mode="reduce-overhead", dynamic=True)
    x = torch.ones(1, 2)
    assert torch.equal(made(x), net(x)) and list(made.state_dict()) == ["_orig_mod.weight", "_orig_mod.bias"]
    assert isinstance(made, torch._dynamo.OptimizedModule) and made.in_features == 2

    @torch.compile(fullgraph=True)
    def double(x):
        return 2 * x
    assert double(x).sum().item() == 4 and torch._dynamo.eval_frame.innermost_fn(double) is double._torchdynamo_orig_callable
    for bad in (dict(mode="fast"), dict(mode="default", options={})):
        with pytest.raises(RuntimeError):
            torch.compile(net, **bad)
    with pytest.raises(torch._dynamo.backends.registry.InvalidBackend):
        torch.compile(net, backend="absent")


def test_backends_get_graphs():
    counter = CompileCounter()
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    made, x = torch.compile(net, backend=counter), torch.randn(2, 4, requires_grad=True)
    y = made(x)
    assert torch.equal(y, net(x)) and (counter.frame_count, counter.op_count) == (1, 2)
    y.sum().backward()
    assert x.grad is not None and net[0].weight.grad is not None
    made(x)
    made(torch.randn(5, 4))
    assert counter.frame_count == 2


def test_backends_may_change_graphs():
    def backend(gm, example_inputs):
        assert [tuple(x.shape) for x in example_inputs] == [(3,)]
        for node in gm.graph.nodes:
            if node.op == "call_function":
                node.target = torch.ops.aten.cos.default
        gm.recompile()
        return gm
    x = torch.randn(3)
    assert torch.equal(torch.compile(lambda x: x.sin(), backend=backend)(x), x.cos())
    made = torch.compile(lambda x, n: {"a": x * n, "b": n}, backend=lambda gm, inputs: gm.forward)
    assert made(x, 2)["b"] == 2 and torch.equal(made(x, 3)["a"], x * 3)
    with pytest.raises(torch._dynamo.exc.BackendCompilerFailed, match="no!"):
        torch.compile(lambda x: x + 1, backend=_fail)(x)


def _fail(gm, inputs):
    raise ValueError("no!")


def test_programs_that_read_values_run_as_they_are():
    counter = CompileCounter()

    def branch(x):
        return x + 1 if x.sum() > 0 else x - 1
    made = torch.compile(branch, backend=counter)
    assert made(torch.ones(1)).item() == 2 and made(-torch.ones(1)).item() == -2 and counter.frame_count == 0
    with pytest.raises(torch._dynamo.exc.Unsupported):
        torch.compile(branch, backend=counter, fullgraph=True)(torch.ones(1))
    assert torch.ones(1).item() == 1


def test_names():
    assert torch.compiler.list_backends() == ["inductor"] and "eager" in torch._dynamo.list_backends(None)
    with torch._dynamo.config.patch(cache_size_limit=3, suppress_errors=True):
        assert torch._dynamo.config.cache_size_limit == 3
    assert torch._dynamo.config.cache_size_limit == 8

    @torch._inductor.config.patch({"triton.cudagraphs": True})
    def inside():
        return torch._inductor.config.triton.cudagraphs
    assert inside() and not torch._inductor.config.triton.cudagraphs
    with pytest.raises(AttributeError):
        torch._dynamo.config.patch(absent=1)
    assert torch._inductor.list_mode_options("max-autotune")["max_autotune"]
    assert torch._dynamo.explain(lambda x: x.sin().cos())(torch.ones(1)).op_count == 2
    assert torch._dynamo.optimize("eager")(lambda x: x + 1)(torch.ones(1)).item() == 2

    @torch._dynamo.register_backend(name="mine")
    def mine(gm, inputs):
        return gm.forward
    assert "mine" in torch._dynamo.list_backends() and torch.compile(lambda x: x * 2, backend="mine")(torch.ones(1)).item() == 2


def test_default_backend():
    counter = CompileCounter()
    torch.compiler.set_default_backend(counter)
    try:
        assert torch.compiler.get_default_backend() is counter
        torch.compile(lambda x: x + 1)(torch.ones(1))
    finally:
        torch.compiler.set_default_backend(None)
    assert counter.frame_count == 1 and torch.compiler.get_default_backend() == "inductor"
