"""kagari.autograd.forward_ad: duals, their levels, and gradients of and through them."""
import numpy as np
import pytest

import kagari
import kagari.autograd.forward_ad as fwAD
from kagari import nn

x = kagari.tensor([0.5, -1.0, 2.0], dtype=kagari.float64)
one = kagari.ones_like(x)


def test_dual_level():
    with fwAD.dual_level():
        dual = fwAD.make_dual(x, one)
        primal, tangent = fwAD.unpack_dual(dual * dual)
        assert np.allclose(tangent.numpy(), 2 * x.numpy()) and kagari.equal(primal, x * x)
        assert fwAD.unpack_dual(x).tangent is None and fwAD.unpack_dual(dual.detach()).tangent is None
        assert "tangent=" in repr(dual)
        with pytest.raises(RuntimeError, match="Nested forward mode AD is not supported"):
            fwAD.enter_dual_level()
    assert fwAD.unpack_dual(dual).tangent is None and kagari.equal(dual + 1, x + 1)
    with pytest.raises(RuntimeError, match="no level exists"):
        fwAD.make_dual(x, one)
    with pytest.raises(RuntimeError, match="Dual level must be a positive number"):
        fwAD.exit_dual_level()


def test_bad_tangents():
    with fwAD.dual_level():
        with pytest.raises(RuntimeError, match="different size"):
            fwAD.make_dual(x, kagari.ones(2))
        with pytest.raises(ValueError, match="Expected primal to be floating point"):
            fwAD.make_dual(kagari.ones(3, dtype=kagari.int64), one)


def test_writing():
    with fwAD.dual_level():
        dual = fwAD.make_dual(x, one)
        copy = dual.clone()
        copy.mul_(3)
        assert fwAD.unpack_dual(copy).tangent.tolist() == [3, 3, 3]
        copy[0].zero_()
        assert fwAD.unpack_dual(copy).tangent.tolist() == [0, 3, 3]
        plain = kagari.zeros(3, dtype=kagari.float64)
        plain[1] = dual[2] * 2
        assert fwAD.unpack_dual(plain).primal.tolist() == [0, 4, 0] and fwAD.unpack_dual(plain).tangent.tolist() == [0, 2, 0]


def test_gradients_of_tangents_and_tangents_of_gradients():
    point = x.clone().requires_grad_()
    with fwAD.dual_level():
        dual = fwAD.make_dual(point, one)
        out = dual.sin()
        tangent = fwAD.unpack_dual(out).tangent
        gradient, = kagari.autograd.grad(out.sum(), point, create_graph=True)
        assert np.allclose(fwAD.unpack_dual(gradient).tangent.detach().numpy(), -np.sin(x.numpy()))
        assert np.allclose(kagari.autograd.grad(tangent.sum(), point)[0].numpy(), -np.sin(x.numpy()))


def test_parameters_with_tangents():
    layer = nn.Linear(3, 2).double()
    with fwAD.dual_level():
        duals = {name: fwAD.make_dual(p, kagari.ones_like(p)) for name, p in layer.named_parameters()}
        out = kagari.func.functional_call(layer, duals, (x,))
        assert np.allclose(fwAD.unpack_dual(out).tangent.detach().numpy(), x.sum().item() + 1)


def test_gradcheck():
    matrix = kagari.randn(3, 3, dtype=kagari.float64, generator=kagari.Generator().manual_seed(0)).requires_grad_()
    assert kagari.autograd.gradcheck(kagari.linalg.inv, (matrix,), check_forward_ad=True, check_batched_forward_grad=True, check_batched_grad=True)
    assert kagari.autograd.gradgradcheck(lambda a: (a ** 3).sin(), (matrix,), check_fwd_over_rev=True)
    numbers = kagari.tensor([0.5 + 1j, -1 + 0.3j], dtype=kagari.complex128, requires_grad=True)
    assert kagari.autograd.gradcheck(lambda z: (z * z).abs(), (numbers,), check_forward_ad=True)

    class Wrong(kagari.autograd.Function):
        @staticmethod
        def forward(ctx, t):
            return t * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

        @staticmethod
        def jvp(ctx, t):
            return t * 3
    with pytest.raises(kagari.autograd.gradcheck.__globals__["GradcheckError"], match="forward mode mismatch"):
        kagari.autograd.gradcheck(Wrong.apply, (matrix,), check_forward_ad=True)
