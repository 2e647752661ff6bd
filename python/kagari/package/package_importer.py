"""Reading packages."""
import builtins
import importlib
import io
import os
import pickle
import types

import kagari
from kagari import storage as storages
from kagari._alias.names import kagari_module
from kagari._archive_file import PyTorchFileReader
from kagari.package.file_structure_representation import Directory
from kagari.package.glob_group import GlobGroup
from kagari.package.importer import Importer

__all__ = ["PackageImporter", "is_from_package"]
_count = 0


def is_from_package(obj):
    """Whether an object, a class or a module was loaded from a package."""
    name = obj.__name__ if isinstance(obj, types.ModuleType) else getattr(obj if isinstance(obj, type) else type(obj), "__module__", "") or ""
    return name.startswith("<torch_package_")


class PackageImporter(Importer):
    """Loads modules and objects of a package: code runs that came with the file, so that it must be trusted.

    file_or_buffer: a path, or a file open for reading bytes. module_allowed: says of each extern module whether it may be imported; ImportError
    if not. Modules of a package live apart from the program's, under names of their own.
    """

    def __init__(self, file_or_buffer, module_allowed=lambda module_name: True):
        global _count
        self._prefix, _count = f"<torch_package_{_count}>", _count + 1
        self.filename = os.fspath(file_or_buffer) if isinstance(file_or_buffer, (str, os.PathLike)) else "<binary>"
        self.zip_reader = file_or_buffer if isinstance(file_or_buffer, PyTorchFileReader) else PyTorchFileReader(file_or_buffer)
        self.root_name, self.last_map_location, self.modules, self._storages = "", None, {}, {}
        self.extern_modules = self._text(".data/extern_modules").split() if self.zip_reader.has_record(".data/extern_modules") else []
        for name in self.extern_modules:
            if not module_allowed(name):
                raise ImportError(f"package '{self.filename}' needs the external module '{name}' but that module has been disallowed")
        self._builtins = types.ModuleType("builtins")
        self._builtins.__dict__.update(vars(builtins), __import__=self._import)

    def _text(self, record, encoding="utf-8", errors="strict"):
        return bytes(self.zip_reader.get_record(record)).decode(encoding, errors)

    def id(self):
        """The name that all modules of this package begin with."""
        return self._prefix

    def python_version(self):
        """The version of Python that wrote the package, or None."""
        return self._text(".data/python_version").strip() if self.zip_reader.has_record(".data/python_version") else None

    # ---------------------------------------------------------------- modules
    def _record_of(self, name):
        path = name.replace(".", "/")
        for record, is_package in ((f"{path}/__init__.py", True), (f"{path}.py", False)):
            if self.zip_reader.has_record(record):
                return record, is_package
        return None, any(record.startswith(path + "/") for record in self.zip_reader.get_all_records())

    def _is_extern(self, name):
        parts = name.split(".")
        return any(".".join(parts[:i + 1]) in self.extern_modules for i in range(len(parts)))

    def get_source(self, module_name):
        """The source of a module of the package, or None."""
        record, _ = self._record_of(module_name)
        return None if record is None else self._text(record)

    def import_module(self, name, package=None):
        """A module of the package, or an extern one. ModuleNotFoundError for others."""
        if name.startswith("."):
            name = importlib.util.resolve_name(name, package)
        name = name.removeprefix(self._prefix + ".")
        if name in self.modules:
            return self.modules[name]
        record, is_package = self._record_of(name)
        if record is None and self._is_extern(name):
            return importlib.import_module(kagari_module(name))
        if record is None and not is_package:
            raise ModuleNotFoundError(f"No module named '{name}' in package '{self.filename}', and it is not one of its external modules", name=name)
        parent, _, last = name.rpartition(".")
        if parent:
            self.import_module(parent)
        module = types.ModuleType(f"{self._prefix}.{name}")
        module.__package__ = module.__name__ if is_package else module.__name__.rpartition(".")[0]
        module.__file__ = f"{self._prefix}/{record}" if record else None
        module.__builtins__, module.__torch_package__, module.__loader__ = self._builtins, True, self
        if is_package:
            module.__path__ = [f"{self._prefix}/{name.replace('.', '/')}"]
        self.modules[name] = module
        if record is not None:
            try:
                source = self._text(record)
                import linecache
                linecache.cache[module.__file__] = (len(source), None, source.splitlines(keepends=True), module.__file__)
                exec(compile(source, module.__file__, "exec", dont_inherit=True), module.__dict__)
            except BaseException:
                del self.modules[name]
                raise
        if parent:
            setattr(self.modules[parent], last, module)
        return module

    def _import(self, name, globals=None, locals=None, fromlist=(), level=0):
        """The __import__ of the package's modules."""
        if level:
            package = (globals or {}).get("__package__", "").removeprefix(self._prefix).removeprefix(".")
            base = package.split(".")[:len(package.split(".")) - level + 1]
            name = ".".join([*base, *([name] if name else [])])
        module = self.import_module(name)
        if not fromlist:
            return module if "." not in name else self.import_module(name.partition(".")[0])
        if hasattr(module, "__path__"):
            for wanted in fromlist:
                if wanted != "*" and not hasattr(module, wanted):
                    try:
                        self.import_module(f"{name}.{wanted}")
                    except ModuleNotFoundError:
                        continue
        return module

    # ---------------------------------------------------------------- contents
    def _resource(self, package, resource):
        name = "/".join([*package.removeprefix(self._prefix + ".").split("."), resource]) if package else resource
        if not self.zip_reader.has_record(name):
            raise FileNotFoundError(f"there is no file {name} in package '{self.filename}'")
        return name

    def load_binary(self, package, resource):
        """The bytes that save_binary put there."""
        return bytes(self.zip_reader.get_record(self._resource(package, resource)))

    def load_text(self, package, resource, encoding="utf-8", errors="strict"):
        """The text that save_text put there."""
        return self._text(self._resource(package, resource), encoding, errors)

    def load_pickle(self, package, resource, map_location=None):
        """The object that save_pickle put there; its classes come from the package. map_location: as for torch.load."""
        importer = self

        class Unpickler(pickle.Unpickler):
            def find_class(self, module, name):
                if module == "torch" and name in storages.STORAGE_DTYPES:
                    return getattr(storages, name)
                found = importer.import_module(module) if importer._record_of(module)[0] else importlib.import_module(kagari_module(module))
                for part in name.split("."):
                    found = getattr(found, part)
                return found

            def persistent_load(self, identity):
                return importer._storage(identity, map_location)
        return Unpickler(io.BytesIO(self.load_binary(package, resource))).load()

    def _storage(self, identity, map_location):
        kind, storage_type, key, location, count = identity
        if kind != "storage":
            raise pickle.UnpicklingError(f"a package with objects of the kind {kind!r} is not supported")
        if key not in self._storages:
            dtype = kagari.uint8 if storage_type is kagari.UntypedStorage else storage_type.dtype
            tensor = self.zip_reader.get_storage_from_record(f".data/{key}.storage", count * dtype.itemsize, kagari.UntypedStorage)
            self._storages[key] = storages.TypedStorage._wrap(tensor.untyped_storage(), dtype)
        if map_location not in (None, "cpu") and not (isinstance(map_location, kagari.device) and map_location.type == "cpu"):
            raise RuntimeError(f"load_pickle(): kagari was built without support for the device {map_location!r}")
        return self._storages[key]

    def file_structure(self, *, include="**", exclude=()):
        """The files of the package as a tree, those that a pattern includes."""
        root, group = Directory(self.filename, True), GlobGroup(include, exclude=exclude, separator="/")
        for record in self.zip_reader.get_all_records():
            if group.matches(record):
                root._add(record)
        return root
