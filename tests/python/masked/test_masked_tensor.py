"""MaskedTensor: values where the mask is True against kagari.masked and NumPy, and the mask of results."""
import copy
import pickle

import numpy as np
import pytest

import kagari as torch
from kagari.masked import as_masked_tensor, is_masked_tensor, masked_tensor

DATA = torch.arange(6.0).reshape(2, 3) + 1
MASK = torch.tensor([[True, False, True], [False, False, True]])


def check(result, data, mask):
    assert is_masked_tensor(result)
    assert torch.equal(result.get_mask(), mask)
    torch.testing.assert_close(result.get_data()[mask], data[mask])


def test_construction_and_text():
    mt = masked_tensor(DATA, MASK)
    check(mt, DATA, MASK)
    assert mt.shape == (2, 3) and mt.dtype == torch.float32 and mt.dim() == 2 and isinstance(mt, torch.Tensor) and not mt.is_sparse_coo()
    assert repr(mt) == "MaskedTensor(\n  [\n    [  1.0000,       --,   3.0000],\n    [      --,       --,   6.0000]\n  ]\n)"
    assert repr(mt[1]) == "MaskedTensor(\n  [      --,       --,   6.0000]\n)" and repr(mt[0, 1]) == "MaskedTensor(--, False)"
    assert repr(masked_tensor(DATA.long(), MASK)[0]) == "MaskedTensor(\n  [1,       --, 3]\n)"
    assert torch.equal(mt.to_tensor(0), torch.where(MASK, DATA, torch.tensor(0.0)))
    assert mt.tolist() == [[1, None, 3], [None, None, 6]]


@pytest.mark.parametrize("data, mask, error, text", [
    ([1.0], MASK, TypeError, "data must be a Tensor"),
    (DATA, DATA, TypeError, "mask must have dtype bool"),
    (DATA, MASK[0], ValueError, "data.dim.. must equal mask.dim"),
    (DATA, MASK.t(), ValueError, "data.size.. must equal mask.size"),
    (DATA.to(torch.complex64), MASK, TypeError, "not supported in MaskedTensor"),
])
def test_wrong_arguments(data, mask, error, text):
    with pytest.raises(error, match=text):
        masked_tensor(data, mask)


@pytest.mark.parametrize("function", [lambda x: x + 1, lambda x: 2 - x, lambda x: x * x, lambda x: -x, torch.exp, torch.sqrt, torch.isnan, lambda x: x > 2,
                                      lambda x: x.double(), lambda x: x.to(torch.int64), lambda x: torch.maximum(x, x), lambda x: x.clone()], ids=str)
def test_elementwise(function):
    check(function(masked_tensor(DATA, MASK)), function(DATA), MASK)


def test_masks_must_match():
    mt = masked_tensor(DATA, MASK)
    check(mt + DATA, DATA + DATA, MASK)
    with pytest.raises(ValueError, match="Input masks must match"):
        mt + masked_tensor(DATA, ~MASK)
    with pytest.raises(TypeError, match="matmul"):
        mt @ DATA.t()


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "amax", "amin", "var", "std"])
def test_reductions(name):
    mt = masked_tensor(DATA, MASK)
    for dim in (None, 0, 1):
        expected = getattr(torch.masked, name)(DATA, dim, mask=MASK)
        kept = MASK.any() if dim is None else MASK.any(dim)
        got = getattr(mt, name)() if dim is None else getattr(mt, name)(dim)
        assert torch.equal(got.get_mask(), kept)
        np.testing.assert_allclose(got.get_data()[kept].numpy(), expected[kept].numpy(), rtol=1e-6)
        got = getattr(torch.masked, name)(mt, dim)
        assert not is_masked_tensor(got)
        np.testing.assert_allclose(got[kept].numpy(), expected[kept].numpy(), rtol=1e-6)
    assert getattr(mt, name)(1, keepdim=True).shape == (2, 1)


def test_truth_and_scans():
    flags = torch.tensor([[True, False, False], [True, True, True]])
    check(masked_tensor(flags, MASK).all(1), torch.tensor([False, True]), torch.tensor([True, True]))
    check(masked_tensor(flags, MASK).any(), torch.tensor(True), torch.tensor(True))
    check(masked_tensor(DATA, MASK).softmax(-1), torch.masked.softmax(DATA, -1, mask=MASK), MASK)
    check(masked_tensor(DATA, MASK).cumsum(1), torch.masked.cumsum(DATA, 1, mask=MASK), MASK)


@pytest.mark.parametrize("function", [lambda x: x.t(), lambda x: x.reshape(3, 2), lambda x: x.flatten(), lambda x: x.unsqueeze(0), lambda x: x[:, 1:],
                                      lambda x: x.expand(2, 2, 3), lambda x: x.permute(1, 0), lambda x: torch.cat([x, x]), lambda x: torch.stack([x, x]),
                                      lambda x: x.split(1)[1], lambda x: x.index_select(0, torch.tensor([1]))], ids=str)
def test_moving_elements(function):
    check(function(masked_tensor(DATA, MASK)), function(DATA), function(MASK))


def test_where():
    other = masked_tensor(torch.zeros(2, 3), ~MASK)
    check(torch.where(MASK, masked_tensor(DATA, MASK), other), torch.where(MASK, DATA, torch.zeros(2, 3)), torch.ones(2, 3, dtype=torch.bool))


def test_gradients():
    mt = masked_tensor(DATA.clone(), MASK, requires_grad=True)
    assert mt.requires_grad and mt.is_leaf
    (mt * mt).sum().backward()
    check(mt.grad, 2 * DATA, MASK)
    x = DATA.clone().requires_grad_()
    as_masked_tensor(x, MASK).exp().sum().backward()
    torch.testing.assert_close(x.grad, torch.where(MASK, DATA.exp(), torch.tensor(0.0)))
    y = as_masked_tensor(x, MASK) * 3
    (got,) = torch.autograd.grad(y, x, torch.ones_like(y))
    assert torch.equal(got, 3.0 * MASK)
    with pytest.warns(UserWarning, match="requires_grad"):
        masked_tensor(x, MASK)


def test_copies():
    mt = masked_tensor(DATA, MASK)
    check(copy.deepcopy(mt), DATA, MASK)
    check(pickle.loads(pickle.dumps(mt)), DATA, MASK)
