"""Where modules come from: the running program, or a package."""
import importlib
from abc import ABC, abstractmethod

from kagari._alias.names import kagari_module

__all__ = ["Importer", "ObjMismatchError", "ObjNotFoundError", "OrderedImporter", "sys_importer"]


class ObjNotFoundError(Exception):
    """An object cannot be found under its name."""


class ObjMismatchError(Exception):
    """Another object is found under an object's name."""


class Importer(ABC):
    """Finds modules by name, and the names of objects."""

    @abstractmethod
    def import_module(self, module_name):
        """The module of this name; ModuleNotFoundError if there is none."""

    def get_name(self, obj, name=None):
        """(module, name) by which the object can be imported from here. ObjNotFoundError or ObjMismatchError if that gives something else."""
        name = name or getattr(obj, "__qualname__", None) or getattr(obj, "__name__", None)
        module_name = self.whichmodule(obj, name)
        try:
            found = self.import_module(module_name)
            for part in name.split("."):
                found = getattr(found, part)
        except (ImportError, KeyError, AttributeError):
            raise ObjNotFoundError(f"{obj} was not found as {module_name}.{name}") from None
        if found is not obj:
            raise ObjMismatchError(f"The object provided for {module_name}.{name}, {obj}, is not the one that this importer finds there")
        return module_name, name

    def whichmodule(self, obj, name):
        """The name of the module that an object belongs to."""
        return getattr(obj, "__module__", None) or "__main__"


class _SysImporter(Importer):
    """The modules of the running program. PyTorch's names mean kagari's modules."""

    def import_module(self, module_name):
        return importlib.import_module(kagari_module(module_name))


sys_importer = _SysImporter()


class OrderedImporter(Importer):
    """Several importers, asked one after the other."""

    def __init__(self, *args):
        self._importers = list(args)

    def import_module(self, module_name):
        for importer in self._importers:
            try:
                return importer.import_module(module_name)
            except ModuleNotFoundError:
                continue
        raise ModuleNotFoundError(module_name)

    def get_source(self, module_name):
        """The source of a module of the first package that has it, or None."""
        for importer in self._importers:
            source = getattr(importer, "get_source", lambda name: None)(module_name)
            if source:
                return source
        return None
