"""torch._C._nn and torch._C._VariableFunctions: operators by the places at which PyTorch's own Python code finds them."""
import types

from kagari import _C


class _Space(types.ModuleType):
    """Looks names up in tables of operators."""

    def __init__(self, name, *tables):
        super().__init__(f"torch._C.{name}", "Operators by name.")
        self._tables = tables

    def __getattr__(self, name):
        for table in self._tables:
            if name in table:
                return table[name]
        raise AttributeError(f"module '{self.__name__}' has no attribute {name!r}")


_nn = _Space("_nn", _C._space_nn_functional, _C._space_ops)
_nn._parse_to = _C._parse_to
_VariableFunctions = _Space("_VariableFunctions", _C._space_torch, _C._space_ops)
