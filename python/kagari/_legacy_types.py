"""The tensor types of PyTorch's first years: torch.FloatTensor, torch.LongTensor and so on.

They make tensors and stand in isinstance, annotations and Tensor.type; the class of every tensor is torch.Tensor.
"""
import copyreg

import kagari
from kagari._tensor import _named

DTYPES = {
    "DoubleTensor": kagari.float64, "FloatTensor": kagari.float32, "HalfTensor": kagari.float16, "BFloat16Tensor": kagari.bfloat16,
    "LongTensor": kagari.int64, "IntTensor": kagari.int32, "ShortTensor": kagari.int16, "CharTensor": kagari.int8, "ByteTensor": kagari.uint8,
    "BoolTensor": kagari.bool,
}


class tensortype(type):
    """The class of these types. Instances are the CPU tensors of one dtype.

        >>> import kagari as torch
        >>> torch.LongTensor([1, 2])
        tensor([1, 2])
        >>> isinstance(torch.zeros(1), torch.FloatTensor), isinstance(torch.zeros(1), torch.LongTensor)
        (True, False)
    """
    is_cuda = is_sparse = is_xpu = False

    def __call__(cls, *args, device=None):
        if device is not None and kagari.device(device).type != "cpu":
            raise RuntimeError(f"legacy constructor expects device type: cpu but device type: {kagari.device(device).type} was passed")
        if len(args) == 1 and isinstance(args[0], kagari.Tensor) and args[0].dtype != cls.dtype:
            raise TypeError(f"expected a tensor of {cls.dtype}, got one of {args[0].dtype}")
        return kagari.empty(0, dtype=cls.dtype).new(*args)

    def __instancecheck__(cls, instance):
        return isinstance(instance, kagari.Tensor) and instance.dtype == cls.dtype and instance.device.type == "cpu" and instance.layout == cls.layout

    def __getattr__(cls, name):
        return getattr(kagari.Tensor, name)


tensortype.__module__ = "torch"
copyreg.pickle(tensortype, lambda kind: (_named, (kind.__name__,)))


def _made(name):
    return tensortype(name, (), {"__module__": "torch", "dtype": DTYPES[name], "layout": kagari.strided, "__doc__": f"Makes CPU tensors of {DTYPES[name]}."})


globals().update({_name: _made(_name) for _name in DTYPES})
