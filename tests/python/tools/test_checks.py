"""torch._check and its kin: types and texts recorded from PyTorch 2.13."""
import pytest

import kagari as torch

KINDS = [(torch._check, RuntimeError), (torch._check_index, IndexError), (torch._check_value, ValueError), (torch._check_type, TypeError),
         (torch._check_not_implemented, NotImplementedError)]


@pytest.mark.parametrize("check, error", KINDS, ids=lambda x: x.__name__)
def test_conditions(check, error):
    assert check(True) is None and check(True, "not called") is None
    with pytest.raises(error, match="^the text$"):
        check(False, lambda: "the text")
    with pytest.raises(error, match="Expected cond to be True, but got False"):
        check(False)
    with pytest.raises(TypeError, match="message must be a callable"):
        check(False, "the text")
    with pytest.raises(TypeError, match="cond must be a bool, but got <class 'int'>"):
        check(1)
    with pytest.raises(TypeError, match="cond must be a bool, but got a Tensor"):
        check(torch.tensor(True))


def test_chosen_errors():
    torch._check_with(KeyError, True, lambda: "unused")
    with pytest.raises(KeyError, match="the text"):
        torch._check_with(KeyError, False, lambda: "the text")
    with pytest.raises(TypeError):
        torch._check_with("KeyError", True, lambda: "unused")


def test_tensors_and_sizes():
    torch._check_tensor_all(torch.ones(3, dtype=torch.bool))
    with pytest.raises(RuntimeError, match="the text"):
        torch._check_tensor_all(torch.tensor([True, False]), lambda: "the text")
    with pytest.raises(ValueError, match="the text"):
        torch._check_tensor_all_with(ValueError, torch.tensor(False), lambda: "the text")
    with pytest.raises(TypeError, match="cond tensor must have dtype torch.bool, but got torch.int64"):
        torch._check_tensor_all(torch.ones(1, dtype=torch.int64))
    with pytest.raises(TypeError, match="cond must be a tensor"):
        torch._check_tensor_all(True)
    torch._check_is_size(3, max=3)
    for wrong, limit in ((-1, None), (4, 3)):
        with pytest.raises(RuntimeError):
            torch._check_is_size(wrong, max=limit)
