"""A mode under which subscripts by tensors stay operators."""
import kagari
from kagari.overrides import TorchFunctionMode

__all__ = ["TransformGetItemToIndex"]


class TransformGetItemToIndex(TorchFunctionMode):
    """Inside, x[i, j] with 0-d tensors is the operator index(x, [i, j]), which works on tensors under vmap, too."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is kagari.Tensor.__getitem__ and isinstance(args[0], kagari.Tensor):
            parts = args[1] if isinstance(args[1], tuple) else (args[1],)
            if all(isinstance(part, kagari.Tensor) and part.dim() == 0 and part.dtype in (kagari.int64, kagari.int32) for part in parts):
                return kagari.ops.aten.index(args[0], list(parts))
        return func(*args, **(kwargs or {}))
