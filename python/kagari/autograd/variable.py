"""Variable: the name that tensors with a gradient had before they became Tensor."""
import kagari

__all__ = ["Variable"]


class _VariableType(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, kagari.Tensor)


class Variable(metaclass=_VariableType):
    """Variable(tensor) gives a tensor that shares its data; isinstance(t, Variable) holds for every tensor."""

    def __new__(cls, data=None, requires_grad=False, volatile=None):
        tensor = kagari.empty(0) if data is None else data.detach()
        return tensor.requires_grad_(requires_grad)
