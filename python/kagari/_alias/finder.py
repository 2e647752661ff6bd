"""The import hook that makes `import torch` find kagari, and the metadata by which libraries ask for torch's version.

Loading this file imports nothing of kagari, so that child processes that never import torch pay nothing.
"""
import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import os
import sys
import types

TORCH_VERSION = "2.13.0"
ENVIRONMENT = "KAGARI_AS_TORCH"
_SITE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "site")

missing = {}                                   # names asked for and not there -> how often


class _Loader(importlib.abc.Loader):
    """Gives kagari's module under PyTorch's name: one module object with two entries in sys.modules."""

    def __init__(self, home):
        self.home = home

    def create_module(self, spec):
        self.module = importlib.import_module(self.home)
        self.spec = self.module.__spec__
        return self.module

    def exec_module(self, module):
        module.__spec__ = self.spec             # importing put PyTorch's name there
        if self.home == "kagari":
            module.__name__ = "torch"           # libraries compare it

    def get_code(self, name):
        """For `python -m torch.x`."""
        return importlib.util.find_spec(self.home).loader.get_code(self.home)


class _Distribution(importlib.metadata.Distribution):
    """Metadata of an installed package `torch`."""
    _files = {"METADATA": f"Metadata-Version: 2.1\nName: torch\nVersion: {TORCH_VERSION}\nSummary: kagari standing for PyTorch\n",
              "top_level.txt": "torch\n", "INSTALLER": "kagari\n"}

    def read_text(self, filename):
        return self._files.get(filename)

    def locate_file(self, path):
        import pathlib
        return pathlib.Path(__file__).parent / path


class TorchFinder(importlib.abc.MetaPathFinder):
    """Finds torch and its submodules in kagari, by the table in names.py."""
    record = False

    def find_spec(self, fullname, path=None, target=None):
        if fullname.startswith("kagari."):
            return _own_spec(fullname, path, self.record)
        if fullname not in ("torch", "functorch") and not fullname.startswith("torch."):
            return None
        from kagari._alias.names import kagari_module
        home = kagari_module(fullname)
        try:
            found = sys.modules[home].__spec__ if home in sys.modules else importlib.util.find_spec(home)
        except ModuleNotFoundError:
            found = None
        if found is None and home not in sys.modules:
            if self.record:
                missing[fullname] = missing.get(fullname, 0) + 1
            return None
        spec = importlib.machinery.ModuleSpec(fullname, _Loader(home), origin=getattr(found, "origin", None),
                                              is_package=getattr(found, "submodule_search_locations", None) is not None)
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.extend(found.submodule_search_locations)
        return spec

    def find_distributions(self, context=importlib.metadata.DistributionFinder.Context()):
        if context.name is None or context.name.lower().replace("_", "-") == "torch":
            yield _Distribution()


class _RecordingModule(types.ModuleType):
    """A module that notes the names it is asked for and does not have."""

    def __getattr__(self, name):
        if not (name.startswith("__") and name.endswith("__")):
            from kagari._alias.names import torch_module
            full = f"{torch_module(self.__name__)}.{name}"
            missing[full] = missing.get(full, 0) + 1
        raise AttributeError(f"module '{self.__name__}' has no attribute '{name}'")


class _OwnLoader(importlib.abc.Loader):
    """Loads a module of kagari; its classes and functions then say that they are from PyTorch's module, because programs ask them."""

    def __init__(self, loader, record):
        self.loader, self.record = loader, record

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        self.loader.exec_module(module)
        _rename(module)
        if self.record:
            _record_attributes(module)

    def __getattr__(self, name):
        return getattr(self.loader, name)


def _own_spec(fullname, path, record):
    spec = importlib.machinery.PathFinder.find_spec(fullname, path)
    if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
        spec.loader = _OwnLoader(spec.loader, record)
    return spec


def _rename(module):
    """Note [Names of classes]: files and child processes find a class by its module's name, so that both names of the module work."""
    from kagari._alias.names import torch_home, torch_module
    home = module.__name__
    sys.modules.setdefault(torch_module(home), module)
    for name, value in list(vars(module).items()):
        if isinstance(value, (type, types.FunctionType)) and value.__module__ == home:
            value.__module__ = torch_home(home, name)


def _record_attributes(module):
    if type(module) is types.ModuleType:
        module.__class__ = _RecordingModule


def installed():
    """The active finder, or None."""
    return next((finder for finder in sys.meta_path if type(finder).__name__ == "TorchFinder"), None)


def install(children=True, record=False):
    """Puts the finder in front of all others. With `children`, Python processes started from here get it, too.

    Raises RuntimeError if the real torch was imported before.
    """
    present = sys.modules.get("torch")
    if present is not None and present is not sys.modules.get("kagari"):
        raise RuntimeError("kagari.as_torch() must be called before anything imports torch")
    finder = installed()
    if finder is None:
        finder = TorchFinder()
        sys.meta_path.insert(0, finder)
        for name, module in list(sys.modules.items()):
            if name.startswith("kagari.") and not name.startswith("kagari._alias") and isinstance(getattr(module, "__loader__", None), importlib.machinery.SourceFileLoader):
                _rename(module)
    if record and not finder.record:
        finder.record = True
        for name, module in list(sys.modules.items()):
            if name == "kagari" or name.startswith("kagari."):
                _record_attributes(module)
    if children:
        os.environ[ENVIRONMENT] = "1"
        paths = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
        home = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        if _SITE not in paths:
            os.environ["PYTHONPATH"] = os.pathsep.join([_SITE, *paths, *([home] if home not in paths and home in sys.path else [])])
    return finder
