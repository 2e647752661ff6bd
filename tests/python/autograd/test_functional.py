"""jacobian, hessian and products: against closed forms, and the texts of errors."""
import pytest

import kagari as torch
from kagari.autograd import functional as F


def double(*values):
    return torch.tensor(values, dtype=torch.float64)


X = double(0.5, -1.0, 2.0)
Y = double(1.5, 0.25)


def test_jacobian():
    assert torch.allclose(F.jacobian(torch.exp, X), torch.diag(X.exp()))
    (a, b), (c, d) = F.jacobian(lambda x, y: (x * y.sum(), y.exp()), (X, Y))
    assert torch.allclose(a, torch.eye(3, dtype=torch.float64) * Y.sum()) and torch.allclose(b, X[:, None].expand(3, 2))
    assert torch.equal(c, torch.zeros(2, 3, dtype=torch.float64)) and torch.allclose(d, torch.diag(Y.exp()))
    assert torch.allclose(F.jacobian(lambda x: x ** 2, X, vectorize=True, strategy="forward-mode"), torch.diag(2 * X))


def test_jacobian_is_differentiable_on_request():
    x = X.clone().requires_grad_()
    jacobian = F.jacobian(lambda x: x ** 3, x, create_graph=True)
    jacobian.sum().backward()
    assert torch.allclose(x.grad, 6 * X)
    assert not F.jacobian(lambda x: x ** 3, x).requires_grad


def test_hessian():
    assert torch.allclose(F.hessian(lambda x: (x ** 3).sum(), X), torch.diag(6 * X))
    blocks = F.hessian(lambda x, y: (x.sum() * y).sum(), (X, Y))
    assert torch.equal(blocks[0][1], torch.ones(3, 2, dtype=torch.float64)) and torch.equal(blocks[0][0], torch.zeros(3, 3, dtype=torch.float64))


def test_products():
    v = double(1.0, 2.0, -1.0)
    out, product = F.vjp(lambda x: x ** 2, X, v)
    assert torch.allclose(out, X ** 2) and torch.allclose(product, 2 * X * v)
    out, product = F.jvp(lambda x: x ** 2, X, v)
    assert torch.allclose(product, 2 * X * v) and not product.requires_grad
    assert torch.allclose(F.hvp(lambda x: (x ** 3).sum(), X, v)[1], 6 * X * v)
    assert torch.allclose(F.vhp(lambda x: (x ** 3).sum(), X, v)[1], 6 * X * v)
    (a, b) = F.vhp(lambda x, y: (x.sum() * y).sum(), (X, Y), (v, double(1.0, 1.0)))[1]
    assert torch.allclose(a, torch.full_like(X, 2.0)) and torch.allclose(b, torch.full_like(Y, 2.0))


MISTAKES = [
    (lambda: F.jacobian(torch.exp, 5), TypeError, "The inputs given to jacobian must be either a Tensor or a tuple of Tensors"),
    (lambda: F.jacobian(lambda x: 5, X), TypeError, "The outputs of the user-provided function given to jacobian must be"),
    (lambda: F.jacobian(lambda x: torch.ones(2), X, strict=True), RuntimeError, "Output 0 of the user-provided function does not require gradients"),
    (lambda: F.hessian(lambda x: x, X), RuntimeError, "The Tensor returned by the function given to hessian should contain a single element"),
    (lambda: F.hessian(lambda x: x.sum(), X, strict=True), RuntimeError, "jacobian of the user-provided function with respect to input 0 is independent"),
    (lambda: F.vjp(lambda x: x * 2, X), RuntimeError, "The vector v can only be None if the user-provided function returns a single Tensor"),
    (lambda: F.vjp(lambda x: x * 2, X, torch.ones(2)), RuntimeError, r"v has invalid size: should be torch.Size\(\[3\]\) but got torch.Size\(\[2\]\)"),
    (lambda: F.jacobian(torch.exp, X, strategy="forward-mode"), NotImplementedError, "only implemented for `vectorize=True`"),
    (lambda: F.jacobian(torch.exp, X, strict=True, vectorize=True), RuntimeError, "are not supported together"),
    (lambda: F.jacobian(torch.exp, X, strategy="other"), AssertionError, "Expected strategy to be either"),
]


@pytest.mark.parametrize("number", range(len(MISTAKES)))
def test_mistakes(number):
    call, error, text = MISTAKES[number]
    with pytest.raises(error, match=text):
        call()
