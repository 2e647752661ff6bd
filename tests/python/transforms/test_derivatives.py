"""kagari.func: derivatives of functions, alone, nested and inside vmap, against facts that NumPy gives."""
import numpy as np
import pytest

import kagari
from kagari import func, nn, vmap
from kagari.func import grad, hessian, jacfwd, jacrev, jvp, linearize, vjp

x = kagari.tensor([0.5, -1.0, 2.0], dtype=kagari.float64)
X = x.numpy()


def cube_sum(t):
    return (t ** 3).sum()


def test_jacobians_and_hessian():
    function = lambda t: t.sin() * t.sum()
    expected = np.diag(np.cos(X) * X.sum()) + np.outer(np.sin(X), np.ones(3))
    for jacobian in (jacrev(function), jacfwd(function), jacrev(function, chunk_size=2)):
        assert np.allclose(jacobian(x).numpy(), expected)
    for second in (hessian(cube_sum), jacrev(jacrev(cube_sum)), jacfwd(jacfwd(cube_sum)), jacrev(jacfwd(cube_sum))):
        assert np.allclose(second(x).numpy(), np.diag(6 * X))
    several = jacrev(lambda a, b: {"u": a * b, "v": (a.sum(),)}, argnums=(0, 1))(x, x + 1)
    assert np.allclose(several["u"][1].numpy(), np.diag(X)) and np.allclose(several["v"][0][0].numpy(), np.ones(3)) and not several["v"][0][1].any()
    value = jacfwd(lambda t: (t * 2, t.sum()), has_aux=True)(x)
    assert np.allclose(value[0].numpy(), 2 * np.eye(3)) and value[1].item() == X.sum()


def test_products():
    v = kagari.tensor([1.0, 2.0, 3.0], dtype=kagari.float64)
    value, tangent = jvp(kagari.sin, (x,), (v,))
    assert np.allclose(value.numpy(), np.sin(X)) and np.allclose(tangent.numpy(), np.cos(X) * [1, 2, 3])
    assert jvp(lambda t: (t, kagari.ones(1)), (x,), (v,))[1][1].tolist() == [0]
    with pytest.raises(RuntimeError, match="independent of the inputs"):
        jvp(lambda t: kagari.ones(1), (x,), (v,), strict=True)
    value, push = linearize(lambda t: t.sin() * t.sum(), x)
    assert np.allclose(push(v).numpy(), jvp(lambda t: t.sin() * t.sum(), (x,), (v,))[1].numpy())
    _, pull = vjp(lambda t: t.sin(), x)
    assert np.allclose(pull(v)[0].numpy(), np.cos(X) * [1, 2, 3])
    with pytest.raises(RuntimeError, match="Expected pytree structure of cotangents"):
        pull((v, v))


def test_levels_are_not_confused():
    one = kagari.tensor(1.0)
    assert grad(lambda a: a * grad(lambda b: a + b)(one))(one).item() == 1
    assert jvp(lambda a: a * jvp(lambda b: a + b, (one,), (one,))[1], (one,), (one,))[1].item() == 1
    assert grad(lambda a: a * jvp(lambda b: a * b, (one * 2,), (one,))[1])(one * 3).item() == 6
    assert jvp(grad(cube_sum), (x,), (kagari.ones_like(x),))[1].tolist() == (6 * X).tolist()
    assert grad(lambda t: jvp(lambda z: z ** 3, (t,), (kagari.ones_like(t),))[1].sum())(x).tolist() == (6 * X).tolist()


def test_graphs_outside():
    weight = nn.Parameter(kagari.tensor(3.0))
    points = kagari.tensor([1.0, 2.0])
    slopes = vmap(grad(lambda t: weight * t * t))(points)
    assert slopes.tolist() == [6, 12] and slopes.requires_grad
    slopes.sum().backward()
    assert weight.grad.item() == 2 * (1 + 2)
    assert not grad(cube_sum)(x).requires_grad
    with kagari.no_grad():
        assert not grad(cube_sum)(x.clone().requires_grad_()).requires_grad
    inner = x.clone().requires_grad_()
    assert np.allclose(kagari.autograd.grad(grad(cube_sum)(inner).sum(), inner)[0].numpy(), 6 * X)


def test_detached_inside():
    assert jvp(lambda t: t.detach() * t, (x,), (kagari.ones_like(x),))[1].tolist() == X.tolist()
    assert vmap(grad(lambda t: t.detach() * t))(x).tolist() == X.tolist()
    assert grad(lambda t: vmap(lambda e: e.detach() * e)(t).sum())(x).tolist() == X.tolist()


def test_gradients_of_each_example():
    kagari.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)).double()
    params = {name: p.detach() for name, p in model.named_parameters()}
    data, target = kagari.randn(4, 1, 6, 6, dtype=kagari.float64), kagari.tensor([0, 2, 1, 1])

    def loss(p, image, label):
        return nn.functional.cross_entropy(func.functional_call(model, p, (image.unsqueeze(0),)), label.unsqueeze(0))
    found = vmap(grad(loss), in_dims=(None, 0, 0))(params, data, target)
    for i in range(4):
        model.zero_grad()
        nn.functional.cross_entropy(model(data[i:i + 1]), target[i:i + 1]).backward()
        for name, p in model.named_parameters():
            assert kagari.allclose(found[name][i], p.grad)


def test_one_step_of_learning_inside_learning():
    """MAML on t -> w * t: the inner step is w - 0.1 * mean(2 t (w t - y))."""
    w = kagari.tensor(1.0, dtype=kagari.float64)
    points, targets = kagari.tensor([[1.0, 2.0], [3.0, 1.0]], dtype=kagari.float64), kagari.tensor([[2.0, 1.0], [0.0, 4.0]], dtype=kagari.float64)

    def task(weight, p, t):
        step = grad(lambda q: ((q * p - t) ** 2).mean())(weight)
        return (((weight - 0.1 * step) * p - t) ** 2).mean()
    found = grad(lambda q: vmap(task, in_dims=(None, 0, 0))(q, points, targets).mean())(w)
    P, T = points.numpy(), targets.numpy()
    step = (2 * P * (P - T)).mean(1)
    adapted, slope = 1 - 0.1 * step, 1 - 0.1 * (2 * P * P).mean(1)
    assert np.isclose(found.item(), ((2 * P * (adapted[:, None] * P - T)).mean(1) * slope).mean())


def test_laplacian_forward_over_reverse():
    def laplacian(point):
        return vmap(lambda v: (jvp(grad(lambda t: (t ** 4).sum()), (point,), (v,))[1] * v).sum())(kagari.eye(3, dtype=kagari.float64)).sum()
    points = kagari.stack([x, x + 1])
    assert np.allclose(vmap(laplacian)(points).numpy(), (12 * points.numpy() ** 2).sum(1))


def test_batched_vectors():
    point = x.clone().requires_grad_()
    out = (point ** 2).sin()
    rows = kagari.autograd.grad(out, point, kagari.eye(3, dtype=kagari.float64), is_grads_batched=True)[0]
    assert np.allclose(rows.numpy(), np.diag(np.cos(X ** 2) * 2 * X))


def test_functional_jacobians():
    from kagari.autograd.functional import hessian as old_hessian, jacobian
    function = lambda a, b: (a.sin() * b, (a * b).sum())
    expected = jacobian(function, (x, x + 1))
    for options in ({"vectorize": True}, {"vectorize": True, "strategy": "forward-mode"}):
        for row, other in zip(jacobian(function, (x, x + 1), **options), expected):
            for block, wanted in zip(row, other):
                assert kagari.allclose(block, wanted)
    for strategy in ("reverse-mode", "forward-mode"):
        assert np.allclose(old_hessian(cube_sum, x, vectorize=True, outer_jacobian_strategy=strategy).numpy(), np.diag(6 * X))


@pytest.mark.parametrize("call, kind, text", [
    (lambda: grad(lambda t: t)(x), RuntimeError, "Expected f\\(\\*args\\) to return a scalar Tensor"),
    (lambda: grad(cube_sum, argnums=2)(x), RuntimeError, "Got argnum=2, but only 1 positional inputs"),
    (lambda: grad(cube_sum, argnums=(0, 0))(x), RuntimeError, "argnums elements must be unique"),
    (lambda: grad(cube_sum)([1, x]), ValueError, "must be Tensor"),
    (lambda: jvp(cube_sum, x, x), RuntimeError, "Expected primals to be a tuple"),
    (lambda: jvp(cube_sum, (x,), ()), RuntimeError, "same python structure"),
    (lambda: jvp(cube_sum, (x,), (x[:2],)), RuntimeError, "forward gradient that has a different size"),
    (lambda: jvp(lambda t: 1, (x,), (x,)), RuntimeError, "to return only tensors"),
    (lambda: jacrev(cube_sum, chunk_size=0), ValueError, "`chunk_size` should be greater than 0"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind, match=text):
        call()
