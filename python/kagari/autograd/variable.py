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


class _Engine:
    """The engine of backward passes, as far as programs name it."""

    @staticmethod
    def queue_callback(callback):
        """The running backward pass calls callback() when it ends. RuntimeError outside of one."""
        kagari._C._queue_callback(callback)

    @staticmethod
    def is_checkpoint_valid():
        """True: every backward pass runs all its nodes on one thread."""
        return True


Variable._execution_engine = _Engine()
