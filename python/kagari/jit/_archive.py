"""TorchScript archives: torch.jit.load and the parts of torch.jit.save that are about files."""
import io
import os

import kagari
from kagari._weights_unpickler import UnpicklingError, WeightsUnpickler
from kagari._zip_archive import ArchiveReader, Source
from kagari.jit._compilation_unit import CompilationUnit
from kagari.jit._script_objects import ScriptFunction, ScriptModule, ScriptObject
from kagari import serialization


class _Reader(WeightsUnpickler):
    """Pickle reader that also makes objects of the archive's own classes."""

    def __init__(self, data, storages, unit):
        super().__init__(data, storages.load, encoding="utf-8")
        self.unit = unit

    def _global(self, module, name):
        if module == "__torch__" or module.startswith("__torch__."):
            thing = self.unit.reference(f"{module}.{name}")
        elif module == "torch.jit._pickle":
            thing = _TYPED.get(name)
            if thing is None:
                raise UnpicklingError(f"TorchScript archives with {name} cannot be read")
        else:
            return super()._global(module, name)
        self.found[id(thing)] = thing
        return thing

    def _call(self, function, arguments):
        if isinstance(function, type) and hasattr(function, "_fields") and len(arguments) == 1 and type(arguments[0]) is tuple:
            return function(*arguments[0])      # named tuples are written around a tuple
        return super()._call(function, arguments)

    def restore(self, target, state):
        """Fills an object of the archive's classes; False for any other."""
        if not isinstance(target, (ScriptModule, ScriptObject)):
            return False
        target._restore(state)
        return True


_TYPED = {"build_intlist": list, "build_doublelist": list, "build_boollist": list, "build_tensorlist": list,
          "restore_type_tag": lambda value, kind: value, "build_tensor_from_id": None}


def load(f, map_location=None, _extra_files=None, _restore_shapes=False):
    """Reads a module from a TorchScript archive that this library or PyTorch wrote (torch.jit.save).

    f is a path or a seekable binary file. The archive's program is translated into Python functions that reach kagari's
    operators and nothing else; nothing of it runs as Python of its own. map_location works as in torch.load.
    `_extra_files` is a dict whose keys name extra records; their contents are put in.
    Raises ValueError if the file does not exist, RuntimeError if it is damaged or uses something that cannot be read.
    """
    if serialization._is_path(f):
        path = os.fspath(f)
        if not os.path.exists(path):
            raise ValueError(f"The provided filename {path} does not exist")
        if os.path.isdir(path):
            raise ValueError(f"The provided filename {path} is a directory")
    with serialization._opened(f) as file:
        if not hasattr(file, "seek"):
            file = io.BytesIO(file.read())
        return _read_archive(ArchiveReader(Source(file)), map_location, _extra_files)


def _read_archive(archive, map_location, extra_files):
    if "constants.pkl" not in archive:
        raise RuntimeError("PytorchStreamReader failed locating file constants.pkl: file not found; this is no TorchScript archive "
                           "(checkpoints of torch.save are read by torch.load)")
    restore = serialization._restorer(map_location)

    texts = {path: archive.read(path).decode("utf-8") for path in archive.records if path.startswith("code/") and path.endswith(".py")}
    unit = CompilationUnit(read=texts.get)
    try:
        unit.constants = _Reader(archive.read("constants.pkl"), serialization._ArchiveStorages(archive, None, map_location, restore, "constants"), unit).load()
        found = _Reader(archive.read("data.pkl"), serialization._ArchiveStorages(archive, None, map_location, restore), unit).load()
    except UnpicklingError as error:
        raise RuntimeError(f"the TorchScript archive cannot be read: {error}") from error
    for name in extra_files if extra_files is not None else ():
        if f"extra/{name}" in archive:
            extra_files[name] = archive.read(f"extra/{name}")
    if isinstance(found, ScriptModule) and found.original_name == "PlaceholderModule":
        return ScriptFunction(found.forward, "forward", found.code)
    return found


def archive_is_script(path):
    """Whether the file is a TorchScript archive."""
    with serialization._opened(path) as file:
        return serialization._starts_as_zip(file) and "constants.pkl" in ArchiveReader(Source(file))


__all__ = ["load", "archive_is_script", "kagari"]
