"""gradcheck accepts right gradients and finds wrong ones."""
import pytest

import kagari as torch
from kagari.autograd import Function, gradcheck, gradgradcheck
from kagari.autograd.gradcheck import GradcheckError


def make(scale=1.0, noise=0.0):
    class F(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, grad):
            return grad * 2 * ctx.saved_tensors[0] * scale * (1 + noise * torch.rand(1, dtype=torch.float64))
    return F.apply


def x(*shape):
    return (torch.arange(1.0, 1 + torch.Size(shape).numel(), dtype=torch.float64).reshape(shape) / 3).requires_grad_()


@pytest.mark.parametrize("fast", [False, True])
def test_right_gradients(fast):
    assert gradcheck(make(), x(2, 3), fast_mode=fast)
    assert gradcheck(lambda a, b: (a @ b, a.sum()), (x(2, 3), x(3, 2)), fast_mode=fast)
    assert gradgradcheck(lambda a: a ** 3, x(4), fast_mode=fast)
    assert gradcheck(lambda a: a * 2, x(2, 2).t(), fast_mode=fast)


@pytest.mark.parametrize("fast", [False, True])
def test_wrong_gradients(fast):
    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0 with respect to input 0,\nnumerical:"):
        gradcheck(make(1.5), x(3), fast_mode=fast)
    assert gradcheck(make(1.5), x(3), fast_mode=fast, raise_exception=False) is False


def test_random_backward():
    with pytest.raises(GradcheckError, match="Backward is not reentrant"):
        gradcheck(make(noise=1e-5), x(3))
    assert gradcheck(make(noise=1e-5), x(3), nondet_tol=1.0)


def test_closed_over_tensors():
    weight = x(3)
    assert gradcheck(lambda _: weight * 3, weight)


def test_inputs_are_checked():
    with pytest.raises(ValueError, match="gradcheck expects at least one input tensor to require gradient"):
        gradcheck(torch.exp, torch.ones(2))
    with pytest.raises(RuntimeError, match="has a dimension with stride 0"):
        gradcheck(torch.exp, torch.ones(1, dtype=torch.float64, requires_grad=True).expand(3))
    with pytest.warns(UserWarning, match="is not a double precision floating point"):
        gradcheck(lambda a: a * 2, torch.ones(2, requires_grad=True), raise_exception=False)


def test_constant_functions():
    assert gradcheck(lambda a: torch.ones(2), x(2))
    with pytest.raises(GradcheckError, match="Numerical gradient for function expected to be zero"):
        gradcheck(lambda a: a.detach() * 2, x(2))


def test_complex_numbers():
    z = torch.tensor([1 + 2j, -0.5 + 0.25j], dtype=torch.complex128, requires_grad=True)
    assert gradcheck(lambda a: a * a.conj(), z)
    assert gradcheck(lambda a: a * a, z)

