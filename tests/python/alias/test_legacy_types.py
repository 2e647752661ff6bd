"""torch.FloatTensor and its kin, torch.Tensor(...) and Tensor.new: the constructors of PyTorch's first years."""
import copy
import pickle
import typing

import numpy as np
import pytest

import kagari as torch


def test_types_make_tensors_of_their_dtype():
    assert torch.LongTensor([1, 2]).equal(torch.tensor([1, 2])) and torch.HalfTensor(2, 3).shape == (2, 3)
    assert torch.FloatTensor((1, 2)).tolist() == [1.0, 2.0] and torch.ByteTensor([True]).dtype == torch.uint8
    assert torch.FloatTensor().shape == (0,) and torch.BoolTensor(np.int64(3)).shape == (3,) and torch.DoubleTensor(np.ones(2)).dtype == torch.float64
    assert torch.FloatTensor(torch.Size([2, 3])).shape == (2, 3) and torch.LongTensor([1.5]).tolist() == [1]


def test_types_stand_for_tensors_in_isinstance_and_type():
    assert isinstance(torch.zeros(1), torch.FloatTensor) and not isinstance(torch.zeros(1), torch.LongTensor)
    assert torch.zeros(2).type(torch.HalfTensor).dtype == torch.float16 and torch.zeros(1).type() == "torch.FloatTensor"
    assert not issubclass(torch.FloatTensor, torch.Tensor) and repr(torch.FloatTensor) == "<class 'torch.FloatTensor'>"
    assert torch.CharTensor.dtype == torch.int8 and not torch.CharTensor.is_cuda and typing.Optional[torch.HalfTensor] is not None
    assert pickle.loads(pickle.dumps(torch.IntTensor)) is torch.IntTensor is copy.copy(torch.IntTensor)
    assert torch.FloatTensor.fill_ is torch.Tensor.fill_


@pytest.mark.parametrize("call, error", [
    (lambda: torch.FloatTensor(2.5), "data must be a sequence"),
    (lambda: torch.Tensor(2.5), "data must be a sequence"),
    (lambda: torch.FloatTensor(torch.zeros(2).half()), "torch.float16"),
    (lambda: torch.cuda.FloatTensor(2), "not available"),
])
def test_bad_arguments(call, error):
    with pytest.raises(TypeError, match=error):
        call()


def test_absent_devices_are_named():
    assert torch.cuda.FloatTensor.is_cuda and torch.cuda.LongTensor.dtype == torch.int64
    with pytest.raises((RuntimeError, AssertionError), match="CUDA"):
        torch.zeros(2).type(torch.cuda.FloatTensor)


def test_storages_and_tensors_are_shared():
    storage = torch.FloatStorage([1, 2])
    made = torch.Tensor(storage)
    made[0] = 5
    assert storage[0] == 5
    t = torch.zeros(2)
    torch.FloatTensor(t)[0] = 3
    assert t.tolist() == [3, 0]
    assert torch.Tensor((2, 3)).tolist() == [2, 3] and torch.Tensor(np.int64(3)).shape == (3,)
