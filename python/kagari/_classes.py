"""torch.classes: classes of C++ libraries that were built for PyTorch. kagari can load none."""
import types

__all__ = ["classes"]


class _Namespace(types.ModuleType):
    """torch.classes.<name>."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise RuntimeError(f"Class {self.__name__.rpartition('.')[2]}.{name} not registered: kagari cannot load classes that were compiled for PyTorch's C++ library")


class _Classes(types.ModuleType):
    __file__ = "_classes.py"

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        space = _Namespace(f"torch.classes.{name}")
        setattr(self, name, space)
        return space

    @property
    def loaded_libraries(self):
        """The paths that load_library was given."""
        from kagari._ops import ops
        return ops.loaded_libraries

    def load_library(self, path):
        """See torch.ops.load_library."""
        from kagari._ops import ops
        ops.load_library(path)


classes = _Classes("torch.classes")
