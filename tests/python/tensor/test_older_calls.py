"""Calls with factors among the tensors, as programs for older versions of PyTorch write them."""
import pytest

import kagari as torch

pytestmark = pytest.mark.filterwarnings("ignore:This overload of")


def test_factors_among_tensors():
    a, b, eye = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 5.0]), torch.eye(2)
    assert a.clone().add_(2, b).tolist() == [7, 12] and torch.add(a, 2, b).tolist() == [7, 12] and torch.sub(a, 2, b).tolist() == [-5, -8]
    assert a.clone().addcmul_(0.5, a, b).tolist() == [2.5, 7] and torch.addcdiv(a, 3, a, b).tolist() == pytest.approx([2, 3.2])
    assert torch.equal(torch.addmm(0.5, eye, eye, eye), 1.5 * eye) and torch.equal(torch.addmm(0.5, eye, 2.0, eye, eye), 2.5 * eye)
    assert torch.addmv(0.5, a, eye, b).tolist() == [3.5, 6] and eye.addr(0.0, a, b).tolist() == [[3, 5], [6, 10]]
    out = torch.empty(2)
    assert torch.add(a, 2, b, out=out) is out and out.tolist() == [7, 12]
    with pytest.raises(TypeError):
        torch.add(a, 2, 3, b)
    with pytest.raises(TypeError):
        torch.mul(a, 2, b)
