"""Pickle writer for checkpoints: PyTorch's names for kagari's classes, and tensors written as whole instruction strings.

It builds on Python's own Pickler in Python, whose `save_global` can be replaced; the parts that are many (tensors, long
flat lists and dicts) do not pass through it one by one.
"""
import io
import pickle
import struct
import types

import kagari
from kagari import storage as storages
from kagari._alias.names import kagari_module, torch_module
from kagari._tensor import _TensorMixin

_ATOMS = frozenset((int, float, str, bool, type(None), bytes))
_FLAT = 32                                      # from this length on, a container of atoms goes through the C pickler
_NO_HOOKS = b"ccollections\nOrderedDict\n)R"
_USHORT = struct.Struct("<BH").pack
_INT = struct.Struct("<Bi").pack


def _integer(value):
    if 0 <= value < 256:
        return bytes((0x4B, value))
    if 0 <= value < 65536:
        return _USHORT(0x4D, value)
    if -0x80000000 <= value < 0x80000000:
        return _INT(0x4A, value)
    raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return bytes((0x8A, len(raw))) + raw


def _integers(values):
    parts = b"".join(map(_integer, values))
    count = len(values)
    return b")" if count == 0 else parts + bytes((0x84 + count,)) if count <= 3 else b"(" + parts + b"t"


def _text(text):
    raw = text.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(raw)) + raw


class StorageTable:
    """Gives every storage one key; `legacy` keys are addresses and their ids end in None (no view metadata)."""

    def __init__(self, legacy=False):
        self.legacy, self.keys, self.storages, self.kinds = legacy, {}, {}, {}

    def key(self, untyped, dtype):
        """Key of the storage; views of one storage share it. Two dtypes over the same storage are refused, as PyTorch does."""
        identity = untyped._cdata
        key = self.keys.get(identity)
        if key is None:
            self.keys[identity] = key = str(identity) if self.legacy else str(len(self.keys))
            self.storages[key] = untyped
            self.kinds[key] = dtype
        elif dtype is not None and self.kinds[key] is not None and self.kinds[key] != dtype:
            raise RuntimeError("Cannot save multiple tensors or storages that view the same data as different types")
        return key


class CheckpointPickler(pickle._Pickler):
    """Pickler over `file`; the storages it meets are left in `table`."""
    dispatch = dict(pickle._Pickler.dispatch)

    def __init__(self, file, table, protocol=2):
        super().__init__(file, protocol)
        self.table = table
        self.plain = {}                         # exact tensor classes written by instruction strings

    # --- names -------------------------------------------------------------------------------
    def save_global(self, obj, name=None):
        name = name or getattr(obj, "__qualname__", None) or obj.__name__
        module = getattr(obj, "__module__", None)
        if module is None or kagari_module(module) == module and torch_module(module) == module:
            return super().save_global(obj, name)
        self.write_name(torch_module(module), name, obj)

    def write_name(self, module, name, obj=None):
        if self.proto >= 4:
            self.save(module)
            self.save(name)
            self.write(pickle.STACK_GLOBAL)
        elif "." in name and self.proto < 4:
            raise pickle.PicklingError(f"Can't pickle {obj!r}: a nested name needs pickle_protocol 4")
        else:
            self.write(b"c" + module.encode() + b"\n" + name.encode() + b"\n")
        if obj is not None:
            self.memoize(obj)

    def save_type(self, obj):
        if obj in (type(None), type(NotImplemented), type(...)):
            return self.save_reduce(type, ({type(None): None, type(NotImplemented): NotImplemented, type(...): ...}[obj],), obj=obj)
        return self.save_global(obj)

    dispatch[types.FunctionType] = save_global
    dispatch[type] = save_type

    # --- storages ----------------------------------------------------------------------------
    def storage_id(self, class_module, class_name, untyped, dtype, size):
        """Instructions that push the storage's persistent id and load it."""
        if self.table.legacy and class_name == "UntypedStorage":     # the older format counts elements, so it needs a class with a dtype
            class_module, class_name = "torch", "ByteStorage"
        key = self.table.key(untyped, dtype)
        location = kagari.serialization.location_tag(untyped)
        parts = b"(" + _text("storage") + f"c{class_module}\n{class_name}\n".encode() + _text(key) + _text(location) + _integer(size)
        return parts + (b"N" if self.table.legacy else b"") + b"tQ"

    def persistent_id(self, obj):
        return None

    def save(self, obj, save_persistent_id=True):
        kind = type(obj)
        if kind in _ATOMS:
            return super().save(obj, save_persistent_id)
        if kind is kagari.Tensor or kind is self.plain.get("Parameter"):
            found = self.memo.get(id(obj))
            if found is not None:
                return self.write(self.get(found[0]))
            if self._save_plain_tensor(obj, kind):
                return None
        elif isinstance(obj, storages.UntypedStorage):
            return self.write(self.storage_id("torch.storage", "UntypedStorage", obj, None, obj.nbytes()))
        elif isinstance(obj, storages.TypedStorage):
            return self.write(self.storage_id("torch", obj.pickle_storage_type(), obj.untyped(), obj.dtype, obj.size()))
        elif isinstance(obj, kagari.dtype):
            return self.write(f"ctorch\n{str(obj).rpartition('.')[2]}\n".encode())
        elif kind.__name__ == "qscheme" and isinstance(obj, kagari.qscheme):
            return self.write(f"ctorch\n{str(obj).rpartition('.')[2]}\n".encode())
        elif isinstance(obj, kagari.layout):
            return self.write(b"ctorch.serialization\n_get_layout\n" + _text(str(obj)) + b"\x85R")
        elif isinstance(obj, kagari.device):
            return self.write(b"ctorch\ndevice\n" + (_text(obj.type) + (b"\x85" if obj.index is None else _integer(obj.index) + b"\x86")) + b"R")
        elif kind is kagari.Size and id(obj) not in self.memo:
            self.write(b"ctorch\nSize\n" + _integers(obj) + b"\x85R")
            return self.memoize(obj)
        elif (kind is list or kind is dict) and len(obj) >= _FLAT and id(obj) not in self.memo and self.proto == 2:
            if set(map(type, obj)) <= _ATOMS and (kind is list or set(map(type, obj.values())) <= _ATOMS):
                return self._save_flat(obj)
        if isinstance(obj, kagari.Tensor) and kind.__reduce_ex__ is kagari.Tensor.__reduce_ex__:
            found = self.memo.get(id(obj))
            if found is not None:
                return self.write(self.get(found[0]))
            return self.save_reduce(obj=obj, *_TensorMixin.__reduce_ex__(obj, self.proto))
        return super().save(obj, save_persistent_id)

    def _save_flat(self, obj):
        """Lists and dicts of atoms: the C pickler writes them, without memo numbers that could collide with ours."""
        buffer = io.BytesIO()
        pickler = pickle.Pickler(buffer, 2)
        pickler.fast = True
        pickler.dump(obj)
        self.write(buffer.getvalue()[2:-1])     # without PROTO and STOP
        self.memoize(obj)

    def _save_plain_tensor(self, tensor, kind):
        """A tensor without anything unusual, as one string; False if it has to go the long way."""
        if tensor.device.type != "cpu" or tensor.layout != kagari.strided or tensor.is_quantized or tensor.__dict__ or tensor._backward_hooks:
            return False
        if tensor.is_conj() or tensor.is_neg():
            return False
        if tensor.requires_grad and not tensor.is_leaf:
            return False
        dtype, untyped = tensor.dtype, tensor.untyped_storage()
        name = storages._class_name(dtype)
        parameter = kind is not kagari.Tensor
        front = b"ctorch._utils\n_rebuild_parameter\n" if parameter else b""
        if name is None:
            head = front + b"ctorch._utils\n_rebuild_tensor_v3\n("
            store = self.storage_id("torch.storage", "UntypedStorage", untyped, dtype, untyped.nbytes())
            tail = f"ctorch\n{str(dtype).rpartition('.')[2]}\n".encode()
        else:
            head = front + b"ctorch._utils\n_rebuild_tensor_v2\n("
            store = self.storage_id("torch", name, untyped, dtype, untyped.nbytes() // dtype.itemsize)
            tail = b""
        flag = b"\x88" if tensor.requires_grad else b"\x89"
        inner = b"\x89" if parameter else flag
        self.write(head + store + _integer(tensor.storage_offset()) + _integers(tensor.size()) + _integers(tensor.stride()) + inner + _NO_HOOKS
                   + tail + b"tR" + (flag + _NO_HOOKS + b"\x87R" if parameter else b""))
        self.memoize(tensor)
        return True

    def dump(self, obj):
        import sys
        parameter = sys.modules.get("kagari.nn.parameter")
        if parameter is not None:
            self.plain["Parameter"] = parameter.Parameter
        super().dump(obj)


def pickle_object(obj, table, protocol=2, pickle_module=None):
    """The pickle of `obj` as bytes; its storages are in `table` afterwards."""
    buffer = io.BytesIO()
    if pickle_module is None or pickle_module is pickle:
        CheckpointPickler(buffer, table, protocol).dump(obj)
    else:
        _foreign_pickler(pickle_module, table)(buffer, protocol=protocol).dump(obj)
    return buffer.getvalue()


def _foreign_pickler(pickle_module, table):
    """The Pickler of another module (dill, cloudpickle): storages leave by persistent id, the rest is that module's."""
    class Pickler(pickle_module.Pickler):
        def persistent_id(self, obj):
            if isinstance(obj, storages.TypedStorage):
                kind, untyped, dtype, size = getattr(storages, obj.pickle_storage_type()), obj.untyped(), obj.dtype, obj.size()
            elif isinstance(obj, storages.UntypedStorage):
                kind, untyped, dtype, size = storages.UntypedStorage, obj, None, obj.nbytes()
            else:
                return None
            identity = ("storage", kind, table.key(untyped, dtype), kagari.serialization.location_tag(untyped), size)
            return identity + (None,) if table.legacy else identity
    return Pickler


__all__ = ["CheckpointPickler", "StorageTable", "pickle_object"]
