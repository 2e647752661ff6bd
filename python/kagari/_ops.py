"""torch.ops: operators as objects, `torch.ops.aten.add.Tensor(a, b)`. aten is kagari's registry; libraries add namespaces (torch.library)."""
import types

from kagari import _C, _function_schema
from kagari._overload_names import base_name, overload_of, overloads_of

__all__ = ["OpOverload", "OpOverloadPacket", "HigherOrderOperator"]


class OperatorBase:
    """What all operator objects have in common."""

    def __deepcopy__(self, memo=None):
        return self

    def __copy__(self):
        return self


class HigherOrderOperator(OperatorBase):
    """An operator that takes functions; programs ask isinstance() of it. kagari has none."""

    def __init__(self, name, *, cacheable=False):
        self._name = self.__name__ = name


class OpOverload(OperatorBase):
    """One overload of an operator, e.g. torch.ops.aten.add.Tensor.

    Calling it runs the operator. `_schema` says what it takes, name() is its full name.
    """

    def __init__(self, overloadpacket, function, schema, tags=()):
        self._overloadpacket, self._op, self._schema, self.tags = overloadpacket, function, schema, list(tags)
        self._overloadname = schema.overload_name or "default"
        self._name = schema.name + (f".{schema.overload_name}" if schema.overload_name else "")
        self.__name__ = f"{overloadpacket.__name__}.{self._overloadname}"
        self.__qualname__ = self._name
        self.__module__ = overloadpacket.__module__
        self.op = overloadpacket.op

    @property
    def overloadpacket(self):
        return self._overloadpacket

    @property
    def namespace(self):
        return self._schema.name.partition("::")[0]

    @property
    def is_view(self):
        """Whether the result shares memory with an argument that is not written."""
        aliased = [a.alias_info for a in self._schema.returns if a.alias_info is not None]
        return bool(aliased) and not any(info.is_write for info in aliased)

    def name(self):
        return self._name

    def __call__(self, *args, **kwargs):
        return self._op(*args, **kwargs)

    def redispatch(self, keyset, *args, **kwargs):
        return self._op(*args, **kwargs)

    def decompose(self, *args, **kwargs):
        """NotImplemented: compositions decompose by themselves below a dispatch mode."""
        return NotImplemented

    def has_kernel_for_dispatch_key(self, key):
        name = getattr(key, "name", key)
        definition = self._overloadpacket._definition
        return name in definition.kernels if definition is not None else name in ("CPU", "Meta", "AutogradCPU")

    has_kernel_for_any_dispatch_key = has_kernel_for_dispatch_key

    def __repr__(self):
        return f"<OpOverload(op='{self._schema.name.replace('::', '.')}', overload='{self._overloadname}')>"

    def __str__(self):
        return f"{self._schema.name.replace('::', '.')}.{self._overloadname}"

    def __reduce__(self):
        return _find, (self._schema.name, self._overloadname)


def _find(name, overload):
    space, _, local = name.partition("::")
    return getattr(getattr(getattr(ops, space), local), overload)


class OpOverloadPacket(OperatorBase):
    """All overloads of one operator, e.g. torch.ops.aten.add. Calling it chooses one by the arguments."""

    def __init__(self, qualified_name, function, schemas, names, definition=None, exact=None):
        self._qualified_op_name = qualified_name
        self.__name__ = qualified_name.partition("::")[2]
        self.__module__ = f"torch._ops.{qualified_name.partition('::')[0]}"
        self.op = self._op = function
        self._schemas, self._overload_names, self._definition, self._made, self._exact = schemas, names, definition, {}, exact

    def overloads(self):
        """The names of the overloads."""
        return list(self._overload_names)

    def __iter__(self):
        return iter(self._overload_names)

    def __getattr__(self, name):
        if name.startswith("__") or name in ("_made", "_overload_names"):
            raise AttributeError(name)
        found = self._made.get(name)
        if found is None:
            if name not in self._overload_names:
                raise AttributeError(f"The underlying op of '{self._qualified_op_name.replace('::', '.')}' has no overload name '{name}'")
            function = self._op if self._definition is None else self._definition.function(name)
            if self._exact is not None:
                function = self._exact(name) or function
            found = self._made[name] = OpOverload(self, function, self._schema_of(name), getattr(function, "tags", ()))
            setattr(self, name, found)
        return found

    def _schema_of(self, overload):
        wanted = "" if overload == "default" else overload
        for schema in self._schemas:
            if schema.overload_name == wanted:
                return schema
        model = next((s for s in self._schemas if not s.overload_name), self._schemas[0])
        return _function_schema.FunctionSchema(model.name, wanted, model.arguments, model.returns)

    def __call__(self, *args, **kwargs):
        return self._op(*args, **kwargs)

    def __repr__(self):
        return f"<OpOverloadPacket(op='{self._qualified_op_name.replace('::', '.')}')>"

    def __str__(self):
        return self._qualified_op_name.replace("::", ".")

    def __reduce__(self):
        return _find_packet, (self._qualified_op_name,)


def _find_packet(name):
    space, _, local = name.partition("::")
    return getattr(getattr(ops, space), local)


# --- aten ------------------------------------------------------------------------------------

_VIEWS = frozenset("alias as_strided detach diagonal expand permute select slice split split_with_sizes squeeze t transpose unbind unfold unsqueeze view "
                   "view_as_complex view_as_real real imag movedim swapaxes narrow chunk".split())


def _aten_schema(text, name, inplace):
    """kagari's schema as ATen writes it: with the namespace, TensorOptions spelled out and memory marked that is shared or written."""
    schema = _function_schema.parse(text)
    arguments = []
    for argument in schema.arguments:
        if argument.type == "Options":
            for kind, word in (("ScalarType?", "dtype"), ("Layout?", "layout"), ("Device?", "device"), ("bool?", "pin_memory")):
                arguments.append(_function_schema.Argument(kind, word, None, True, True))
            continue
        if argument.type == "Tensor|Scalar":
            argument.type = argument.real_type = "Tensor"
        arguments.append(argument)
    if inplace and arguments:
        arguments[0].alias_info = _function_schema.AliasInfo("a", True)
        schema.returns[0].alias_info = _function_schema.AliasInfo("a", True)
    elif name in _VIEWS and schema.returns:
        arguments[0].alias_info = _function_schema.AliasInfo("a", False)
        schema.returns[0].alias_info = _function_schema.AliasInfo("a", False)
    return _function_schema.FunctionSchema(f"aten::{name}", schema.overload_name, arguments, schema.returns)


# Names under which PyTorch dispatches, for operators that stand here under another one. Without an accelerator no memory needs pinning.
_SAME_AS = {"_pin_memory": "alias", "_sparse_addmm": "addmm", "_sparse_mm_reduce_impl": "_sparse_mm_reduce"}


def _aten_packet(name):
    table, inplace = _C._space_ops, False
    function = table.get(_SAME_AS.get(name, name))
    if function is None and name != base_name(name):
        try:
            function, inplace = _C._function_by_name(f"Tensor.{name}"), True
        except AttributeError:
            return None
    if function is None:
        return None
    schemas = [_aten_schema(text, name, inplace) for text in function.schemas]
    parsed = [(text, _function_schema.parse(text)) for text in function.schemas]
    own = [(text, schema) for text, schema in parsed if schema.name in (name, base_name(name))] or parsed      # not those of which it is another name
    names = overloads_of(name, [schema for _, schema in own])
    if not inplace and all(schema.returns and schema.returns[0].type == "Tensor" for schema in schemas):
        names = [*names, *(one for one in ("out",) if one not in names)]

    def exact(overload):
        """The operator that this overload is, without the others of its name."""
        found = next((text for text, schema in own if schema.overload_name == overload), None)
        if found is None:
            plain = [text for text, schema in own if not schema.overload_name]
            found = plain[0] if len(plain) == 1 and overload != "out" else None
        return None if found is None else _C._operator_of_schema(found, inplace)
    return OpOverloadPacket(f"aten::{name}", function, schemas, names, exact=exact)


# Operators of ATen that are methods of Tensor here: the overloads, and how they are called.
_METHODS = {
    "to": (("dtype", "device", "other", "dtype_layout"), lambda self, *args, **kwargs: self.to(*args, **{k: v for k, v in kwargs.items() if k not in ("layout", "pin_memory")})),
    "unique_consecutive": (("default",), lambda self, *args, **kwargs: self.unique_consecutive(*args, **kwargs)),
    "sym_size": (("int", "default"), lambda self, *dim: self.size(*dim)),
    "sym_stride": (("int", "default"), lambda self, *dim: self.stride(*dim)),
    "sym_numel": (("default",), lambda self: self.numel()),
    "sym_storage_offset": (("default",), lambda self: self.storage_offset()),
    "is_pinned": (("default",), lambda self, device=None: self.is_pinned()),
    "_pin_memory": (("default",), lambda self, device=None: self.pin_memory()),
}


def _method_packet(name):
    overloads, function = _METHODS[name]
    schemas = [_function_schema.FunctionSchema(f"aten::{name}", "" if one == "default" else one, [_function_schema.Argument("Tensor", "self")],
                                               [_function_schema.Argument("Tensor")]) for one in overloads]
    return OpOverloadPacket(f"aten::{name}", function, schemas, list(overloads))


class _OpNamespace(types.ModuleType):
    """torch.ops.<name>: operators by their names."""

    def __init__(self, name):
        super().__init__(f"torch.ops.{name}")
        self.name, self._dir = name, []

    def __getattr__(self, op_name):
        if op_name in ("__file__", "__path__", "__origin__", "__self__", "__wrapped__"):
            raise AttributeError(f"Invalid attribute '{op_name}' for '_OpNamespace' '{self.name}'")
        packet = None
        definition = _definitions.get(f"{self.name}::{op_name}")
        if definition is not None:
            packet = definition.packet()
        elif self.name in ("aten", "prims"):
            packet = _aten_packet(op_name) or (_method_packet(op_name) if op_name in _METHODS else None)
        elif f"{self.name}__{op_name}" in _C._space_ops:                # operators in C++ beside aten's
            function = _C._space_ops[f"{self.name}__{op_name}"]
            schemas = [_function_schema.parse(text.replace("__", "::", 1)) for text in function.schemas]
            packet = OpOverloadPacket(f"{self.name}::{op_name}", function, schemas, [schema.overload_name or "default" for schema in schemas])
        if packet is None and self.name == "quantized":
            from kagari.ao.nn.quantized import _operators
            packet = _operators.function(op_name)
        if packet is None:
            raise AttributeError(f"'_OpNamespace' '{self.name}' object has no attribute '{op_name}'")
        setattr(self, op_name, packet)
        self._dir.append(op_name)
        return packet

    def __iter__(self):
        return iter(self._dir)


_definitions = {}        # "namespace::name" -> kagari.library's definition of an operator in Python


class _Ops(types.ModuleType):
    """torch.ops: namespaces of operators."""
    __file__ = "_ops.py"

    def __init__(self):
        super().__init__("torch.ops")
        self._dir, self.loaded_libraries = [], set()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        space = _OpNamespace(name)
        setattr(self, name, space)
        self._dir.append(name)
        return space

    def __iter__(self):
        return iter(self._dir)

    def import_module(self, module):
        """Imports a module that registers operators."""
        import importlib
        importlib.import_module(module)

    def load_library(self, path):
        """OSError: operators compiled for PyTorch's C++ library cannot run in kagari. torchvision's are built in and need no file."""
        import os
        path = os.fspath(path)
        if "torchvision" in path.replace("\\", "/").split("/"):
            self.loaded_libraries.add(path)
            _add_vision_names()
            return
        raise OSError(f"{path}: kagari cannot load operators that were compiled for PyTorch's C++ library")


_VISION = ("_cuda_version() -> int", "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
           "qroi_align(Tensor input, float input_scale, int input_zero_point, Tensor rois, float rois_scale, int rois_zero_point, float spatial_scale, "
           "int pooled_height, int pooled_width, int sampling_ratio, bool aligned) -> Tensor")


def _add_vision_names():
    """What torchvision's Python part names beside the operators that are built in. The quantized ones have no kernel."""
    from kagari import library
    for schema in _VISION:
        name = f"torchvision::{schema.partition('(')[0]}"
        if name not in _definitions:
            library.define(name, schema[schema.index("("):])
    if not _definitions["torchvision::_cuda_version"].kernels:
        library.impl("torchvision::_cuda_version", "default", lambda: -1)                # not built with CUDA


ops = _Ops()
ops.higher_order = types.ModuleType("torch.ops.higher_order")


def overload_called(name, own, given):
    """The OpOverload of a call of a registry operator."""
    space = ops.aten
    if "__" in name and not name.startswith("__"):
        prefix, _, name = name.partition("__")
        space = getattr(ops, prefix)
    packet = getattr(space, name)
    overload = overload_of(name, own, given) if space is ops.aten else own or "default"
    if overload not in packet._overload_names:
        overload = packet._overload_names[0]
    return getattr(packet, overload)


def has_operator(qualified_name):
    """Whether torch.ops has `namespace::name`."""
    try:
        _find_packet(qualified_name)
    except AttributeError:
        return False
    return True

