"""Functions that torch's own namespace has besides nn.functional and linalg."""
import numpy as np
import pytest

import kagari as torch
import kagari.nn.functional as F


def test_losses_take_reduction_as_a_number():
    a, b = torch.randn(4, 3), torch.rand(4, 3)
    for number, name in enumerate(("none", "mean", "sum")):
        assert torch.equal(torch.kl_div(a, b, number), F.kl_div(a, b, reduction=name))
        assert torch.equal(torch.binary_cross_entropy_with_logits(a, b, None, None, number), F.binary_cross_entropy_with_logits(a, b, reduction=name))
    with pytest.raises(ValueError, match="not a valid value for reduction"):
        torch.kl_div(a, b, 3)


def test_norms():
    x = torch.tensor(np.arange(24.0).reshape(2, 3, 4))
    np.testing.assert_allclose(torch.norm_except_dim(x, 2, 1).numpy().ravel(), np.sqrt((x.numpy() ** 2).sum((0, 2))))
    np.testing.assert_allclose(torch.nuclear_norm(x[0]).item(), np.linalg.norm(x[0].numpy(), "nuc"))
    np.testing.assert_allclose(torch.frobenius_norm(x, (1, 2)).numpy(), np.linalg.norm(x.numpy(), axis=(1, 2)))


def test_fill_diagonal():
    for shape in ((3, 3), (2, 5), (7, 3), (4, 1)):
        for wrap in (False, True):
            expected = np.zeros(shape)
            np.fill_diagonal(expected, 2, wrap)
            np.testing.assert_array_equal(torch.zeros(shape).fill_diagonal_(2, wrap).numpy(), expected)
    assert torch.zeros(3, 3, 3).fill_diagonal_(1).sum() == 3
    x = torch.ones(2, 2, requires_grad=True)
    (x * 1).fill_diagonal_(5).sum().backward()
    assert x.grad.tolist() == [[0, 1], [1, 0]]
    with pytest.raises(RuntimeError, match="dimensions must larger than 1"):
        torch.zeros(3).fill_diagonal_(1)
    with pytest.raises(RuntimeError, match="equal length"):
        torch.zeros(2, 2, 3).fill_diagonal_(1)


def test_control_flow_and_removed_functions():
    assert torch.cond(torch.tensor(True), lambda x: x + 1, lambda x: x - 1, (torch.ones(1),)).item() == 2
    assert torch.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (torch.tensor(0), torch.tensor(1.0)))[1].item() == 8
    with pytest.raises(RuntimeError, match="use torch.linalg.eigh"):
        torch.symeig(torch.eye(2))
    with pytest.raises(RuntimeError, match="ambiguous"):
        torch.ones(2).is_nonzero()
    assert torch.ones(1).is_nonzero() and torch.ones(2, 3).t().dim_order() == (1, 0)


def test_embedding_renorm():
    table = torch.tensor([[3.0, 4.0], [0.3, 0.4], [30.0, 40.0]])
    torch.embedding_renorm_(table, torch.tensor([0, 1, 0]), 1.0, 2.0)
    np.testing.assert_allclose(table.numpy(), [[0.6, 0.8], [0.3, 0.4], [30, 40]], rtol=1e-6)
