"""kagari.func: modules called with given parameters, and derivatives as functions."""
import pytest

import kagari
from kagari import func, nn


def test_functional_call():
    layer = nn.Linear(1, 1)
    x = kagari.ones(1)
    assert func.functional_call(layer, {"weight": kagari.full((1, 1), 2.0), "bias": kagari.ones(1)}, x).item() == 3
    assert func.functional_call(layer, ({"weight": kagari.ones(1, 1)}, {"bias": kagari.ones(1)}), (x,)).item() == 2
    with pytest.raises(ValueError, match="appeared in multiple dictionaries"):
        func.functional_call(layer, ({"weight": x}, {"weight": x}), (x,))
    with pytest.raises(ValueError, match="Expected parameter_and_buffer_dicts to be a dict"):
        func.functional_call(layer, 3, (x,))


def test_functional_call_of_a_recurrent_layer():
    layer = nn.RNN(1, 1, bias=False)
    own = layer(kagari.ones(2, 1))[0]
    given = {name: kagari.zeros_like(p) for name, p in layer.named_parameters()}
    assert func.functional_call(layer, given, (kagari.ones(2, 1),))[0].tolist() == [[0], [0]]
    assert kagari.equal(layer(kagari.ones(2, 1))[0], own)


def test_gradient_of_a_module():
    layer = nn.Linear(2, 1)
    params = {name: p.detach() for name, p in layer.named_parameters()}
    x = kagari.tensor([1.0, 2.0])
    grads = func.grad(lambda p: func.functional_call(layer, p, x).sum())(params)
    assert grads["weight"].tolist() == [[1, 2]] and grads["bias"].tolist() == [1]
    assert not grads["weight"].requires_grad and layer.weight.grad is None


def test_grad():
    x = kagari.tensor(2.0)
    cube = lambda t: t ** 3
    assert func.grad(cube)(x).item() == 12 and func.grad(func.grad(cube))(x).item() == 12
    assert func.grad(func.grad(func.grad(cube)))(x).item() == 6
    grads, value = func.grad_and_value(lambda a, b: a * b, argnums=(0, 1))(x, kagari.tensor(5.0))
    assert [g.item() for g in grads] == [5, 2] and value.item() == 10
    assert func.grad(lambda t: (t * 2, "aux"), has_aux=True)(x)[1] == "aux"
    with pytest.raises(RuntimeError, match="to return a scalar Tensor"):
        func.grad(lambda t: t * 2)(kagari.ones(2))


def test_vjp_and_jacobian():
    x = kagari.tensor([1.0, 2.0])
    value, pull_back = func.vjp(lambda t: t * t, x)
    assert value.tolist() == [1, 4] and pull_back(kagari.tensor([1.0, 10.0]))[0].tolist() == [2, 40]
    assert func.jacrev(lambda t: t * t)(x).tolist() == [[2, 0], [0, 4]]
    assert func.hessian(lambda t: (t ** 3).sum())(x).tolist() == [[6, 0], [0, 12]]


def test_stack_module_state():
    models = [nn.Linear(1, 1), nn.Linear(1, 1)]
    params, buffers = func.stack_module_state(models)
    assert params["weight"].shape == (2, 1, 1) and params["weight"].requires_grad and buffers == {}
    with pytest.raises(RuntimeError, match="Expected at least one model, got 0"):
        func.stack_module_state([])
    with pytest.raises(RuntimeError, match="same class"):
        func.stack_module_state([nn.Linear(1, 1), nn.ReLU()])


def test_parameters_that_the_function_uses_stay_connected():
    weight = nn.Parameter(kagari.tensor(3.0))
    slope = func.grad(lambda t: weight * t * t)(kagari.tensor(2.0))
    slope.backward()
    assert slope.item() == 12 and weight.grad.item() == 4
    assert not func.grad(lambda t: t * t)(kagari.tensor(2.0)).requires_grad
