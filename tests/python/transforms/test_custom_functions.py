"""autograd.Function inside vmap, grad and forward mode."""
import numpy as np
import pytest

import kagari
from kagari import func, vmap

x = kagari.tensor([[0.5, -1.0], [2.0, 1.5], [0.1, 0.2]], dtype=kagari.float64)
w = kagari.tensor([3.0, 0.5], dtype=kagari.float64)
X, W = x.numpy(), w.numpy()


class ScaledSine(kagari.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(t, scale):
        return kagari.sin(t) * scale

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, g):
        t, scale = ctx.saved_tensors
        return g * t.cos() * scale, g * t.sin()

    @staticmethod
    def jvp(ctx, tangent, scale_tangent):
        t, scale = ctx.saved_tensors
        return tangent * t.cos() * scale + scale_tangent * t.sin()


class Cube(kagari.autograd.Function):
    @staticmethod
    def forward(t):
        return t ** 3

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        return 3 * g * ctx.saved_tensors[0] ** 2

    @staticmethod
    def vmap(info, in_dims, t):
        assert info.batch_size == t.size(in_dims[0]) and info.randomness == "error"
        return Cube.apply(t.movedim(in_dims[0], 0)), 0


def test_generated_rule():
    mapped = vmap(ScaledSine.apply, in_dims=(0, None))
    assert np.allclose(mapped(x, w).numpy(), np.sin(X) * W)
    grads = vmap(func.grad(lambda a, b: ScaledSine.apply(a, b).sum(), argnums=(0, 1)), in_dims=(0, None))(x, w)
    assert np.allclose(grads[0].numpy(), np.cos(X) * W) and np.allclose(grads[1].numpy(), np.sin(X))
    outside = func.grad(lambda a, b: mapped(a, b).sum(), argnums=(0, 1))(x, w)
    assert np.allclose(outside[0].numpy(), np.cos(X) * W) and np.allclose(outside[1].numpy(), np.sin(X).sum(0))


def test_forward_mode():
    value, tangent = func.jvp(ScaledSine.apply, (x[0], w), (w, w))
    assert np.allclose(value.numpy(), np.sin(X[0]) * W) and np.allclose(tangent.numpy(), W * np.cos(X[0]) * W + W * np.sin(X[0]))
    assert np.allclose(func.jacfwd(ScaledSine.apply)(x[0], w).numpy(), np.diag(np.cos(X[0]) * W))
    assert np.allclose(func.hessian(lambda a: ScaledSine.apply(a, w).sum())(x[0]).numpy(), np.diag(-np.sin(X[0]) * W))


def test_own_rule():
    assert np.allclose(vmap(Cube.apply, in_dims=1, out_dims=1)(x).numpy(), X ** 3)
    assert np.allclose(vmap(func.grad(lambda a: Cube.apply(a).sum()))(x).numpy(), 3 * X ** 2)
    assert np.allclose(func.grad(lambda a: vmap(Cube.apply)(a).sum())(x).numpy(), 3 * X ** 2)


def test_without_rule():
    class Old(kagari.autograd.Function):
        @staticmethod
        def forward(ctx, t):
            return t * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    class NoRule(kagari.autograd.Function):
        forward = staticmethod(lambda t: t * 2)
        setup_context = staticmethod(lambda ctx, inputs, output: None)
        backward = staticmethod(lambda ctx, g: g * 2)
    with pytest.raises(RuntimeError, match="must override the setup_context"):
        vmap(Old.apply)(x)
    with pytest.raises(RuntimeError, match="does not have vmap support"):
        vmap(NoRule.apply)(x)
    assert func.grad(lambda a: NoRule.apply(a).sum())(w).tolist() == [2, 2]
