"""The pickles of TorchScript archives, with the few instructions that PyTorch's reader in C++ knows (protocol 2)."""
import struct

import kagari
from kagari._checkpoint_pickler import StorageTable
from kagari.jit._script_objects import ScriptModule, ScriptObject

_LISTS = {"List[int]": "build_intlist", "List[float]": "build_doublelist", "List[bool]": "build_boollist", "List[Tensor]": "build_tensorlist"}
_KINDS = {kagari.float32: "Float", kagari.float64: "Double", kagari.float16: "Half", kagari.bfloat16: "BFloat16", kagari.int64: "Long", kagari.int32: "Int",
          kagari.int16: "Short", kagari.int8: "Char", kagari.uint8: "Byte", kagari.bool: "Bool", kagari.complex64: "ComplexFloat", kagari.complex128: "ComplexDouble"}


class ScriptPickler:
    """Writes one value. Storages are left in `table`, under the names of their records."""

    def __init__(self, class_name=None):
        self.out, self.table, self.memo, self.kept = [b"\x80\x02"], StorageTable(), {}, []
        self.class_name = class_name or (lambda value: type(value)._script_name)

    def dump(self, value, kind="Any"):
        """The whole pickle."""
        self.save(value, kind)
        return b"".join(self.out) + b"."

    def put(self, *parts):
        self.out.extend(parts)

    def text(self, value):
        raw = value.encode("utf-8", "surrogatepass")
        self.put(b"X" + struct.pack("<I", len(raw)) + raw)

    def named(self, full):
        module, _, name = full.rpartition(".")
        self.put(f"c{module}\n{name}\n".encode())

    def integer(self, value):
        if 0 <= value < 256:
            self.put(bytes((0x4B, value)))
        elif -(1 << 31) <= value < 1 << 31:
            self.put(b"J" + struct.pack("<i", value))
        else:
            self.put(b"\x8a\x08" + struct.pack("<q", value))

    def save(self, value, kind="Any"):
        """One value; `kind` is its TorchScript type as text."""
        if value is None:
            self.put(b"N")
        elif value is True or value is False:
            self.put(b"\x88" if value else b"\x89")
        elif isinstance(value, int):
            self.integer(value)
        elif isinstance(value, float):
            self.put(b"G" + struct.pack(">d", value))
        elif isinstance(value, str):
            self.text(value)
        elif isinstance(value, kagari.Tensor):
            self.tensor(value)
        elif isinstance(value, (ScriptModule, ScriptObject)) or isinstance(value, kagari.nn.Module):
            self.object(value)
        elif isinstance(value, tuple):
            self.tuple(value, kind)
        elif isinstance(value, list):
            self.list(value, kind)
        elif isinstance(value, dict):
            self.typed(kind, lambda: self.dict(value, kind))
        elif isinstance(value, kagari.device):
            self.named("torch.device")
            self.text(str(value))
            self.put(b"\x85R")
        else:
            raise NotImplementedError(f"torch.jit.save: values of type {type(value).__name__} cannot be written")

    def tuple(self, value, kind):
        kinds = inner_types(kind) or ["Any"] * len(value)
        self.put(b"(")
        for one, own in zip(value, kinds):
            self.save(one, own)
        self.put(b"t")

    def list(self, value, kind):
        kind = strip_optional(kind)
        own = (inner_types(kind) or ["Any"])[0]

        def items():
            self.put(b"](")
            for one in value:
                self.save(one, own)
            self.put(b"e")
        if kind in _LISTS:
            self.named(f"torch.jit._pickle.{_LISTS[kind]}")
            items()
            self.put(b"\x85R")
        else:
            self.typed(kind, items)

    def dict(self, value, kind):
        key_kind, value_kind = (inner_types(strip_optional(kind)) or ["Any", "Any"])[:2]
        self.put(b"}(")
        for key, one in value.items():
            self.save(key, key_kind)
            self.save(one, value_kind)
        self.put(b"u")

    def typed(self, kind, write):
        """A container beside the text of its type."""
        self.named("torch.jit._pickle.restore_type_tag")
        write()
        self.text(strip_optional(kind))
        self.put(b"\x86R")

    def remember(self, value):
        number = len(self.memo)
        self.memo[id(value)] = number
        self.kept.append(value)
        self.put(b"r" + struct.pack("<I", number))

    def recall(self, value):
        number = self.memo.get(id(value))
        if number is None:
            return False
        self.put(b"j" + struct.pack("<I", number))
        return True

    def tensor(self, value):
        if self.recall(value):
            return
        if value.dtype not in _KINDS:
            raise NotImplementedError(f"torch.jit.save: tensors of {value.dtype} cannot be written")
        plain = value.detach().cpu()
        storage = plain.untyped_storage()
        self.named("torch._utils._rebuild_tensor_v2")
        self.put(b"((")
        self.text("storage")
        self.named(f"torch.{_KINDS[value.dtype]}Storage")
        self.text(self.table.key(storage, value.dtype))
        self.text("cpu")
        self.integer(storage.nbytes() // value.element_size())
        self.put(b"tQ")
        self.integer(plain.storage_offset())
        for numbers in (plain.shape, plain.stride()):
            self.put(b"(")
            for one in numbers:
                self.integer(one)
            self.put(b"t")
        self.put(b"\x88" if value.requires_grad else b"\x89")
        self.named("collections.OrderedDict")
        self.put(b")RtR")
        self.remember(value)
        self.kept.append(plain)

    def object(self, value):
        if self.recall(value):
            return
        self.named(self.class_name(value))
        self.put(b")\x81")
        self.put(b"}(")
        for name, one, kind in attributes_of(value):
            self.text(name)
            self.save(one, kind)
        self.put(b"ub")
        self.remember(value)


def strip_optional(kind):
    """'List[int]' of 'Optional[List[int]]'."""
    return kind[len("Optional["):-1] if kind.startswith("Optional[") else kind


def inner_types(kind):
    """['str', 'int'] of 'Dict[str, int]'."""
    if "[" not in kind:
        return []
    inner, depth, part, parts = kind[kind.index("[") + 1:-1], 0, "", []
    for c in inner:
        depth += (c == "[") - (c == "]")
        if c == "," and depth == 0:
            parts.append(part.strip())
            part = ""
        else:
            part += c
    return [*parts, part.strip()]


def attributes_of(value):
    """(name, value, type) of a scripted object's attributes, in the order of its class."""
    kind = type(value)
    names = [*kind._script_parameters, *kind._script_buffers] if isinstance(value, kagari.nn.Module) else []
    order = [*(name for name in kind._script_types if name not in kind._script_constants), *(name for name in names if name not in kind._script_types)]
    for name in order:
        yield name, getattr(value, name, None), kind._script_types.get(name, "Tensor")
