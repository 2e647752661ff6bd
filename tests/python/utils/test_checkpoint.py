"""Activation checkpoints give the gradients of the plain forward pass, and hooks of modules see them."""
import pickle
import warnings
from collections import OrderedDict

import kagari
import pytest
from kagari import nn
from kagari.utils.checkpoint import CheckpointError, checkpoint, checkpoint_sequential, set_checkpoint_early_stop
from kagari.utils.hooks import BackwardHook, RemovableHandle

VARIANTS = [{"use_reentrant": True}, {"use_reentrant": False}, {"use_reentrant": False, "early_stop": False}]


def network():
    kagari.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 8), nn.Sigmoid(), nn.Linear(8, 2))
    return model, kagari.randn(3, 4, requires_grad=True)


def gradients(run):
    model, x = network()
    run(model, x).sin().sum().backward()
    return [x.grad, *(p.grad for p in model.parameters()), kagari.rand(1)]


def assert_same(a, b):
    for x, y in zip(a, b, strict=True):
        assert kagari.equal(x, y)


@pytest.mark.parametrize("options", VARIANTS)
def test_gradients(options):
    assert_same(gradients(lambda model, x: model(x)), gradients(lambda model, x: checkpoint(model, x, **options)))


@pytest.mark.parametrize("reentrant", [True, False])
def test_sequential(reentrant):
    assert_same(gradients(lambda model, x: model(x)),
                gradients(lambda model, x: checkpoint_sequential(model, 3, x, use_reentrant=reentrant)))


def test_intermediate_results_are_not_kept():
    packed = []
    x = kagari.ones(3, requires_grad=True)
    with kagari.autograd.graph.saved_tensors_hooks(lambda t: packed.append(t.shape) or t, lambda t: t):
        checkpoint(lambda t: (t.repeat(7).exp() * 2).sin().sum(), x, use_reentrant=False)
    assert kagari.Size([21]) not in packed


def test_backward_twice():
    x = kagari.ones(3, requires_grad=True)
    y = checkpoint(lambda t: t.exp(), x, use_reentrant=False).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert kagari.allclose(x.grad, 2 * x.detach().exp())


def changing(first, then):
    calls = []

    def function(x):
        calls.append(1)
        return first(x) if len(calls) == 1 else then(x)
    return function


@pytest.mark.parametrize("first,then,text", [
    (lambda x: x.exp().sin().tanh(), lambda x: x.exp(), "A different number of tensors was saved"),
    (lambda x: x.exp(), lambda x: x.exp().sin().tanh(), "trying to save more tensors during recomputation"),
    (lambda x: x.exp().sin(), lambda x: kagari.cat([x, x]).exp().sin(), "have different metadata than during the forward"),
])
def test_nondeterministic_functions(first, then, text):
    x = kagari.ones(3, requires_grad=True)
    y = checkpoint(changing(first, then), x, use_reentrant=False, early_stop=False)
    with pytest.raises(CheckpointError, match=text):
        y.sum().backward()


def test_debug_shows_where_tensors_were_saved():
    x = kagari.ones(3, requires_grad=True)
    y = checkpoint(changing(lambda t: t.exp().sin(), lambda t: t.exp()), x, use_reentrant=False, debug=True)
    with pytest.raises(CheckpointError, match="was saved in the forward pass at:"):
        y.sum().backward()


def test_options():
    x = kagari.ones(3, requires_grad=True)
    with pytest.warns(UserWarning, match="use_reentrant parameter should be passed explicitly"):
        checkpoint(lambda t: t.exp(), x)
    with pytest.raises(ValueError, match="Unexpected keyword arguments: foo"):
        checkpoint(lambda t: t.exp(), x, use_reentrant=True, foo=1)
    with pytest.raises(ValueError, match="determinism_check should be one of"):
        checkpoint(lambda t: t.exp(), x, use_reentrant=False, determinism_check="x")
    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True"):
        checkpoint(lambda t: t.exp(), x.detach(), use_reentrant=True)
    calls = []
    with set_checkpoint_early_stop(False):
        y = checkpoint(lambda t: (t.exp(), calls.append(1))[0], x, use_reentrant=False)
    y.sum().backward()
    assert len(calls) == 2
    with kagari.no_grad():
        assert not checkpoint(lambda t: t.exp(), x, use_reentrant=False).requires_grad


def test_handles():
    table = OrderedDict()
    handle = RemovableHandle(table)
    table[handle.id] = 1
    copied = pickle.loads(pickle.dumps(handle))
    assert copied.id == handle.id
    with handle:
        assert table
    assert not table
    handle.remove()


@pytest.mark.parametrize("inputs", [0, 1, 2])
def test_backward_hooks(inputs):
    seen = []

    def hook(module, grad_input, grad_output):
        seen.append((module, [None if g is None else g.tolist() for g in grad_input], [g.tolist() for g in grad_output]))

    hooks = BackwardHook("m", [hook], [lambda module, grad_output: (grad_output[0] * 3,)])
    a = kagari.ones(2, requires_grad=inputs > 0)
    b = kagari.ones(2, requires_grad=inputs > 1)
    weight = kagari.ones(2, requires_grad=True)
    x, y, text = hooks.setup_input_hook((a, b, "text"))
    out = hooks.setup_output_hook(x * y * weight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out.sum().backward()
    three = [3.0, 3.0]
    assert len(seen) == 1 and seen[0][0] == "m" and seen[0][2] == [three]
    # What a hook sees for an input that requires no gradient is none of its business.
    assert seen[0][1][:inputs] == [three] * inputs and seen[0][1][2] is None
    assert weight.grad.tolist() == three
