"""__torch_function__ on classes, and modes."""
import pytest

import kagari as torch
from kagari.overrides import TorchFunctionMode, has_torch_function, is_tensor_like, resolve_name


class Logged:
    calls = []

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        cls.calls.append((func.__name__, types))
        return 7


class Declines:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return NotImplemented


def test_classes():
    Logged.calls.clear()
    assert torch.add(Logged(), 1) == 7 and Logged.calls == [("add", (Logged,))]
    assert is_tensor_like(Logged()) and not is_tensor_like(5) and has_torch_function((Logged(),)) and not has_torch_function((torch.ones(1),))
    with pytest.raises(TypeError, match="Multiple dispatch failed for 'torch.add'; all __torch_function__ handlers returned NotImplemented"):
        torch.add(Declines(), 1)


def test_subclasses_keep_their_class():
    class Sub(torch.Tensor):
        pass
    x = torch.ones(2).as_subclass(Sub)
    assert type(x + 1) is Sub and type(x.sum()) is Sub
    with torch._C.DisableTorchFunctionSubclass():
        assert type(x + 1) is torch.Tensor


def test_modes_nest():
    seen = []

    class Mode(TorchFunctionMode):
        def __init__(self, name):
            self.name = name

        def __torch_function__(self, func, types, args=(), kwargs=None):
            seen.append((self.name, func.__name__))
            return func(*args, **(kwargs or {}))
    x = torch.ones(2)
    with Mode("outer"), Mode("inner"):
        torch.add(x, 1)
    assert seen == [("inner", "add"), ("outer", "add")]
    torch.add(x, 1)
    assert len(seen) == 2


def test_names():
    assert resolve_name(torch.add) == "torch.add" and resolve_name(torch.Tensor.add) == "torch.Tensor.add" and resolve_name(print) is None
