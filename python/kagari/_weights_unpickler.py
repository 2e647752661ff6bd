"""A pickle reader that builds data and nothing else: the reader behind `load(weights_only=True)`.

It knows the instructions that protocol 2 pickles of tensors, containers and numbers need. A global is looked up by name
in a table of allowed ones (plus those the caller declared safe); no module is imported for a name from the file, and
only the allowed ones are called. Whatever does not fit raises UnpicklingError.
"""
import _compat_pickle
import collections
import functools
import struct
from pickle import UnpicklingError

import kagari
from kagari._alias.names import torch_module

_INT = struct.Struct("<i")
_UINT = struct.Struct("<I")
_USHORT = struct.Struct("<H")
_DOUBLE = struct.Struct(">d")
_MARK = object()                                # stands on the stack where a MARK instruction was

_REBUILD = ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_parameter", "_rebuild_parameter_with_state",
            "_rebuild_meta_tensor_no_storage", "_rebuild_sparse_tensor", "_rebuild_qtensor", "_rebuild_nested_tensor",
            "_rebuild_wrapper_subclass", "_rebuild_device_tensor_from_numpy", "_rebuild_device_tensor_from_cpu_tensor")
_LETTERS = ("Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool", "ComplexDouble", "ComplexFloat")
_DTYPES = ("float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 uint16 uint32 uint64 bool complex32 complex64 complex128 "
           "float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 qint8 quint8 qint32 quint4x2 "
           "quint2x4 bits8 bits16 bits1x8 bits2x4 bits4x2 int1 int2 int3 int4 int5 int6 int7 uint1 uint2 uint3 uint4 uint5 uint6 "
           "uint7").split()
_SCHEMES = ("per_tensor_affine", "per_channel_affine", "per_tensor_symmetric", "per_channel_symmetric", "per_channel_affine_float_qparams")


def _encode(text, encoding="utf-8"):
    """`_codecs.encode` for the two encodings that pickles of bytes use; any other would import a codec by name."""
    if encoding not in ("latin1", "utf-8", "utf8"):
        raise UnpicklingError(f"encoding {encoding!r} is not allowed")
    return text.encode(encoding)


class _StorageMark:
    """Stands for a storage class: it names a dtype inside a persistent id and cannot be called."""
    __slots__ = ("name",)

    def __init__(self, name):
        self.name = name


@functools.lru_cache(None)
def _builtin_globals():
    """Full name -> how to get the object. Nothing is fetched before a file asks for it."""
    table = {
        "collections.OrderedDict": lambda: collections.OrderedDict, "collections.Counter": lambda: collections.Counter,
        "builtins.set": lambda: set, "builtins.bytearray": lambda: bytearray, "builtins.complex": lambda: complex,
        "_codecs.encode": lambda: _encode, "torch.Size": lambda: kagari.Size, "torch.device": lambda: kagari.device,
        "torch.Tensor": lambda: kagari.Tensor, "torch.nn.parameter.Parameter": lambda: kagari.nn.Parameter,
        "torch.serialization._get_layout": lambda: kagari.serialization._get_layout,
        "torch._tensor._rebuild_from_type_v2": lambda: kagari._tensor._rebuild_from_type_v2,
        "torch.nested._internal.nested_tensor._rebuild_njt": lambda: kagari.nested._internal.nested_tensor._rebuild_njt,
        "torch.nested._internal.nested_tensor.NestedTensor": lambda: kagari.nested._internal.nested_tensor.NestedTensor,
        "torch._dynamo.decorators._DimRange": lambda: kagari._dynamo.decorators._DimRange,
    }
    for name in _REBUILD:
        table[f"torch._utils.{name}"] = lambda name=name: getattr(kagari._utils, name)
    for name in _DTYPES + list(_SCHEMES):
        table[f"torch.{name}"] = lambda name=name: getattr(kagari, name)
    storages = [f"torch.{kind}Storage" for kind in _LETTERS + ("QInt8", "QUInt8", "QInt32", "QUInt4x2", "QUInt2x4")]
    for name in storages + ["torch.storage.TypedStorage", "torch.storage.UntypedStorage"] + [f"torch.cuda.{kind}Storage" for kind in _LETTERS]:
        table[name] = lambda name=name: _StorageMark(name.rpartition(".")[2])
    for kind in _LETTERS:
        table[f"torch.{kind}Tensor"] = lambda kind=kind: getattr(kagari, f"{kind}Tensor")
    return table


_safe = []                                      # what the user declared safe: objects, or (object, full name)


def safe_globals_list():
    return list(_safe)


def add_safe(items):
    for item in items:
        if not (callable(item) or (isinstance(item, tuple) and len(item) == 2 and isinstance(item[1], str))):
            raise TypeError("add_safe_globals() takes a list of functions and classes, or of (function or class, full name) pairs, "
                            f"got {type(item).__name__}")
        if item not in _safe:
            _safe.append(item)


def replace_safe(items):
    _safe[:] = items


def full_name(thing):
    """Name under which files know a function or class."""
    return f"{torch_module(thing.__module__)}.{thing.__qualname__}"


def _safe_table():
    table = {}
    for item in _safe:
        if isinstance(item, tuple):
            table[item[1]] = item[0]
        else:
            table[full_name(item)] = item
    return table


def is_allowed(name):
    return name in _builtin_globals() or name in _safe_table()


def python3_name(module, name, protocol):
    """Module and name as Python 3 spells them; pickles of protocol 2 and less use the old ones."""
    if protocol < 3:
        if (module, name) in _compat_pickle.NAME_MAPPING:
            return _compat_pickle.NAME_MAPPING[module, name]
        return _compat_pickle.IMPORT_MAPPING.get(module, module), name
    return module, name


class WeightsUnpickler:
    """Reads one pickle from `data` starting at `position`; `persistent_load` turns a persistent id into a storage."""

    def __init__(self, data, persistent_load=None, position=0, encoding="ASCII"):
        self.data, self.position, self.persistent_load, self.encoding = data, position, persistent_load, encoding
        self.protocol, self.memo, self.stack = 0, {}, []
        self.builtin, self.safe = _builtin_globals(), _safe_table()
        self.found = {}

    def load(self):
        """The object. UnpicklingError for anything that is not allowed or makes no sense."""
        try:
            return self._run()
        except (IndexError, KeyError, TypeError, ValueError, struct.error, AttributeError, OverflowError, RecursionError) as error:
            raise UnpicklingError(f"the pickled data is damaged or not made by torch.save ({type(error).__name__}: {error})") from error

    def _run(self):
        data, stack, memo = self.data, self.stack, self.memo
        end = len(data)
        at = self.position
        while True:
            if at >= end:
                raise UnpicklingError("the pickled data ends before its STOP instruction")
            code = data[at]
            at += 1
            if code == 0x71:                    # BINPUT
                memo[data[at]] = stack[-1]
                at += 1
            elif code == 0x68:                  # BINGET
                stack.append(memo[data[at]])
                at += 1
            elif code == 0x4B:                  # BININT1
                stack.append(data[at])
                at += 1
            elif code == 0x58:                  # BINUNICODE
                text = at + 4 + _UINT.unpack_from(data, at)[0]
                if text > end:
                    raise UnpicklingError("a string reaches past the end of the pickled data")
                stack.append(str(data[at + 4:text], "utf-8", "surrogatepass"))
                at = text
            elif code == 0x28:                  # MARK
                stack.append(_MARK)
            elif code == 0x72:                  # LONG_BINPUT
                memo[_UINT.unpack_from(data, at)[0]] = stack[-1]
                at += 4
            elif code == 0x6A:                  # LONG_BINGET
                stack.append(memo[_UINT.unpack_from(data, at)[0]])
                at += 4
            elif code == 0x51:                  # BINPERSID
                if self.persistent_load is None:
                    raise UnpicklingError("a storage is named where none can be")
                stack.append(self.persistent_load(stack.pop()))
            elif code == 0x52:                  # REDUCE
                arguments = stack.pop()
                stack[-1] = self._call(stack[-1], arguments)
            elif code == 0x2E:                  # STOP
                self.position = at
                return stack.pop()
            else:
                method = _INSTRUCTIONS.get(code)
                if method is None:
                    raise UnpicklingError(f"Unsupported operand {code}")
                at = method(self, data, stack, at)

    def _call(self, function, arguments):
        if type(arguments) is not tuple:
            raise UnpicklingError("a call without a tuple of arguments")
        if id(function) not in self.found:
            raise UnpicklingError(f"Trying to call reduce for unrecognized function {function}")
        return function(*arguments)

    def _global(self, module, name):
        module, name = python3_name(module, name, self.protocol)
        full = f"{module}.{name}"
        if full in self.safe:
            thing = self.safe[full]
        elif full in self.builtin:
            thing = self.builtin[full]()
        else:
            if module.partition(".")[0] in ("os", "sys", "posix", "nt", "subprocess", "socket", "shutil", "runpy", "pty", "importlib"):
                raise UnpicklingError(f"Trying to load unsupported GLOBAL {full} whose module {module} is blocked.")
            shown = full[9:] if module == "builtins" else full
            raise UnpicklingError(
                f"Unsupported global: GLOBAL {shown} was not an allowed global by default. If you trust this function or class, "
                f"allow it with `torch.serialization.add_safe_globals([{shown}])` or inside "
                f"`torch.serialization.safe_globals([{shown}])`.")
        self.found[id(thing)] = thing
        return thing

    def restore(self, target, state):
        """Fills an object of a class of the reader's own with its state; False if it is none."""
        return False

    def _after_mark(self):
        stack = self.stack
        at = len(stack) - 1
        while stack[at] is not _MARK:           # raises IndexError below the bottom
            at -= 1
            if at < 0:
                raise UnpicklingError("a MARK is missing")
        items = stack[at + 1:]
        del stack[at:]
        return items

    # One method per instruction that is not in the loop: takes the data and the position, gives the next position.
    def _proto(self, data, stack, at):
        self.protocol = data[at]
        if self.protocol > 5:
            raise UnpicklingError(f"unsupported pickle protocol: {self.protocol}")
        return at + 1

    def _line(self, data, at):
        end = data.index(b"\n", at) if isinstance(data, (bytes, bytearray)) else bytes(data).index(b"\n", at)
        return str(data[at:end], "utf-8"), end + 1

    def _read_global(self, data, stack, at):
        module, at = self._line(data, at)
        name, at = self._line(data, at)
        stack.append(self._global(module, name))
        return at

    def _stack_global(self, data, stack, at):
        name = stack.pop()
        stack[-1] = self._global(str(stack[-1]), str(name))
        return at

    def _new_object(self, data, stack, at):
        arguments = stack.pop()
        kind = stack[-1]
        if id(kind) not in self.found or not isinstance(kind, type) or type(arguments) is not tuple:
            raise UnpicklingError(f"Trying to create new object for unrecognized class {kind}")
        stack[-1] = kind.__new__(kind, *arguments)
        return at

    def _build(self, data, stack, at):
        state = stack.pop()
        target = stack[-1]
        kind = type(target)
        if self.restore(target, state):
            return at
        if kind is collections.OrderedDict:
            target.__dict__.update(_plain_names(state))
        elif isinstance(target, kagari.Tensor):
            target.__setstate__(state) if hasattr(kind, "__setstate__") else kagari._utils.set_state(target, state)
        elif kind.__module__ == "kagari._dynamo.decorators":        # remarks for a compiler
            return at
        elif kind in self.safe.values():
            if hasattr(target, "__setstate__"):
                target.__setstate__(state)
            elif isinstance(state, tuple) and len(state) == 2:
                kagari._utils.set_state(target, state)
            elif hasattr(target, "__dict__"):
                target.__dict__.update(_plain_names(state))
            else:
                kagari._utils.set_state(target, state)
        else:
            raise UnpicklingError(f"Can only build Tensor, Parameter, OrderedDict or types allowlisted via `add_safe_globals`, but got {kind}")
        return at

    def _append(self, data, stack, at):
        item = stack.pop()
        _only(stack[-1], list).append(item)
        return at

    def _appends(self, data, stack, at):
        items = self._after_mark()
        _only(stack[-1], list).extend(items)
        return at

    def _set_item(self, data, stack, at):
        value = stack.pop()
        key = stack.pop()
        _only(stack[-1], dict)[key] = value
        return at

    def _set_items(self, data, stack, at):
        items = self._after_mark()
        target = _only(stack[-1], dict)
        for i in range(0, len(items) - 1, 2):
            target[items[i]] = items[i + 1]
        return at

    def _add_items(self, data, stack, at):
        items = self._after_mark()
        _only(stack[-1], set).update(items)
        return at

    def _tuple_of(count):
        def make(self, data, stack, at):
            if count > len(stack) or _MARK in stack[-count:]:
                raise UnpicklingError("a tuple needs more items than there are")
            stack[-count:] = [tuple(stack[-count:])]
            return at
        return make

    def _marked(kind):
        def make(self, data, stack, at):
            items = self._after_mark()
            stack.append(kind(items))
            return at
        return make

    def _push(make_value):
        def push(self, data, stack, at):
            stack.append(make_value())
            return at
        return push

    def _number(layout):
        def push(self, data, stack, at):
            stack.append(layout.unpack_from(data, at)[0])
            return at + layout.size
        return push

    def _bytes(layout, decode):
        def push(self, data, stack, at):
            length = layout.unpack_from(data, at)[0]
            start = at + layout.size
            if length < 0 or start + length > len(data):
                raise UnpicklingError("a value reaches past the end of the pickled data")
            stack.append(decode(self, bytes(data[start:start + length])))
            return start + length
        return push

    def _old_text(self, raw):
        return raw if self.encoding == "bytes" else raw.decode(self.encoding)

    def _pop(self, data, stack, at):
        stack.pop()
        return at

    def _pop_mark(self, data, stack, at):
        self._after_mark()
        return at

    def _dup(self, data, stack, at):
        stack.append(stack[-1])
        return at

    def _memoize(self, data, stack, at):
        self.memo[len(self.memo)] = stack[-1]
        return at

    def _frame(self, data, stack, at):
        return at + 8


def _pairs(items):
    return {items[i]: items[i + 1] for i in range(0, len(items) - 1, 2)}


def _only(target, kind):
    if not isinstance(target, kind):
        raise UnpicklingError(f"Can only add to a {kind.__name__}, but got {type(target)}")
    return target


def _plain_names(state):
    if not isinstance(state, dict) or not all(type(name) is str for name in state):
        raise UnpicklingError("the state of an object must be a dict of names")
    return state


_U8 = struct.Struct("<B")
_U64 = struct.Struct("<Q")
_W = WeightsUnpickler
# Instruction (PEP 307, PEP 3154; the protocol 4 ones that data needs are read, too) -> method.
_INSTRUCTIONS = {
    ord("c"): _W._read_global, 0x93: _W._stack_global, 0x80: _W._proto, 0x81: _W._new_object, ord("b"): _W._build,
    ord("a"): _W._append, ord("e"): _W._appends, ord("s"): _W._set_item, ord("u"): _W._set_items, 0x90: _W._add_items,
    0x85: _W._tuple_of(1), 0x86: _W._tuple_of(2), 0x87: _W._tuple_of(3), ord("t"): _W._marked(tuple), ord("l"): _W._marked(list),
    ord("d"): _W._marked(_pairs), 0x91: _W._marked(frozenset), ord(")"): _W._push(tuple), ord("]"): _W._push(list),
    ord("}"): _W._push(dict), 0x8F: _W._push(set), ord("N"): _W._push(lambda: None), 0x88: _W._push(lambda: True),
    0x89: _W._push(lambda: False), ord("J"): _W._number(_INT), ord("M"): _W._number(_USHORT), ord("G"): _W._number(_DOUBLE),
    0x8A: _W._bytes(_U8, lambda self, raw: int.from_bytes(raw, "little", signed=True)),
    0x8B: _W._bytes(_INT, lambda self, raw: int.from_bytes(raw, "little", signed=True)),
    ord("U"): _W._bytes(_U8, _W._old_text), ord("T"): _W._bytes(_INT, _W._old_text), ord("C"): _W._bytes(_U8, lambda self, raw: raw),
    ord("B"): _W._bytes(_UINT, lambda self, raw: raw), 0x8E: _W._bytes(_U64, lambda self, raw: raw),
    0x96: _W._bytes(_U64, lambda self, raw: bytearray(raw)), 0x8C: _W._bytes(_U8, lambda self, raw: raw.decode("utf-8", "surrogatepass")),
    0x8D: _W._bytes(_U64, lambda self, raw: raw.decode("utf-8", "surrogatepass")), ord("0"): _W._pop, ord("1"): _W._pop_mark,
    ord("2"): _W._dup, 0x94: _W._memoize, 0x95: _W._frame,
}


def globals_in(data):
    """Full names of all globals that a pickle names, without building anything."""
    import pickletools
    names, protocol, strings, memo = set(), 0, [], {}
    for instruction, argument, _ in pickletools.genops(data):
        kind = instruction.name
        if kind == "PROTO":
            protocol = argument
        elif kind == "GLOBAL":
            names.add(".".join(python3_name(*argument.split(" ", 1), protocol)))
        elif kind == "STACK_GLOBAL":
            if len(strings) < 2 or None in strings[-2:]:
                raise UnpicklingError("a global's name cannot be read without building it")
            names.add(".".join(python3_name(strings[-2], strings[-1], protocol)))
        if "UNICODE" in kind:
            strings.append(argument)
        elif kind in ("BINGET", "LONG_BINGET", "GET"):
            strings.append(memo.get(argument))
        elif kind == "MEMOIZE":
            memo[len(memo)] = strings[-1] if strings else None
        elif kind in ("BINPUT", "LONG_BINPUT", "PUT"):
            memo[argument] = strings[-1] if strings else None
        elif kind not in ("FRAME", "PROTO"):
            strings.append(None)
    return sorted(names)
