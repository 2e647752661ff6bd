"""Classes, modules and functions of a TorchScript archive, as the Python objects a program sees.

Note [What scripted code can touch]: the built functions read and write attributes and call methods only through the
functions at the end of this file, which answer for scripted classes alone. A class lists its attributes and methods; no
name outside these lists, and nothing of Python's own objects, can be reached.
"""
import typing

import kagari
from kagari.nn.modules.module import Module


class _Scripted:
    """What modules and objects of scripted classes share."""
    _script_methods = {}
    _script_attributes = _script_parameters = _script_buffers = frozenset()
    _script_texts = {}
    _script_name = ""


class ScriptObject(_Scripted):
    """An object of a class of a TorchScript archive."""

    def _restore(self, state):
        if "__setstate__" in self._script_methods:
            self._script_methods["__setstate__"](self, state)
            return
        for name, value in state.items():
            object.__setattr__(self, name, value)

    def __getattr__(self, name):
        method = type(self)._script_methods.get(name)
        if method is None:
            raise AttributeError(f"'{type(self)._script_name}' object has no attribute '{name}'")
        return method.__get__(self)


class ScriptModule(Module, _Scripted):
    """A module of a TorchScript program. As a base class for modules of one's own it is a plain Module."""

    def _restore(self, state):
        if "__setstate__" in self._script_methods:
            Module.__init__(self)
            self._script_methods["__setstate__"](self, state)
            return
        self._fill(state)

    def _fill(self, state):
        Module.__init__(self)
        for name, value in state.items():
            if isinstance(value, Module):
                self._modules[name] = value
            elif name in self._script_parameters:
                self._parameters[name] = value if value is None or isinstance(value, kagari.nn.Parameter) else kagari.nn.Parameter(value, value.requires_grad)
            elif name in self._script_buffers:
                self._buffers[name] = value
            elif name == "training":
                self.__dict__["training"] = bool(value)
            else:
                self.__dict__[name] = value

    def save(self, f, _extra_files=None):
        """Writes the module as a TorchScript archive; see torch.jit.save."""
        kagari.jit.save(self, f, _extra_files)


class RecursiveScriptModule(ScriptModule):
    """A module that came from a TorchScript archive, or was scripted."""

    @property
    def original_name(self):
        """Name of the class that was scripted."""
        return type(self)._script_name.rpartition(".")[2]

    @property
    def code(self):
        """TorchScript text of `forward`."""
        return self._method_text("forward")

    @property
    def code_with_constants(self):
        return self.code, self._script_unit.constants

    @property
    def graph(self):
        raise NotImplementedError("kagari runs TorchScript from its text; it has no graph of its intermediate form. See .code")

    inlined_graph = graph

    def _method_text(self, name):
        text = self._script_texts.get(name)
        if text is None:
            raise AttributeError(f"'{self.original_name}' has no scripted method '{name}'")
        return text

    def _method_names(self):
        return list(self._script_methods)

    def extra_repr(self):
        return f"original_name={self.original_name}"

    def _get_name(self):
        return "RecursiveScriptModule"

    def forward(self, *args, **kwargs):
        raise NotImplementedError(f'Module [{self.original_name}] is missing the required "forward" function')


class ScriptFunction:
    """A function of a TorchScript archive, or a scripted one."""

    def __init__(self, function, name, code=None):
        self._function, self.name, self.__name__, self._code = function, name, name, code
        self.__doc__ = getattr(function, "__doc__", None)

    def __call__(self, *args, **kwargs):
        return self._function(*args, **kwargs)

    @property
    def code(self):
        """TorchScript text of the function."""
        if self._code is None:
            raise NotImplementedError("this function runs as Python and has no TorchScript text")
        return self._code

    @property
    def graph(self):
        raise NotImplementedError("kagari runs TorchScript from its text; it has no graph of its intermediate form. See .code")

    inlined_graph = graph

    @property
    def qualified_name(self):
        return f"__torch__.{self.name}"

    def save(self, f, _extra_files=None):
        """Writes the function as a TorchScript archive; see torch.jit.save."""
        kagari.jit.save(self, f, _extra_files)


# --- what scripted code calls; see Note [What scripted code can touch] -------------------------

def get_attribute(value, name):
    kind = type(value)
    if isinstance(value, _Scripted):
        if name in kind._script_attributes or name in kind._script_methods:
            return getattr(value, name)
    elif isinstance(value, tuple) and name in getattr(kind, "_fields", ()):
        return getattr(value, name)
    elif getattr(kind, "_script_enum", False) and name in ("name", "value"):
        return getattr(value, name)
    raise RuntimeError(f"TorchScript: '{getattr(kind, '_script_name', kind.__name__)}' has no attribute '{name}'")


def set_attribute(value, name, new):
    kind = type(value)
    if not isinstance(value, _Scripted) or name not in kind._script_attributes:
        raise RuntimeError(f"TorchScript: '{kind.__name__}' has no attribute '{name}' that can be set")
    if isinstance(value, Module):
        for table in (value._buffers, value._parameters, value._modules):
            if name in table:
                table[name] = new
                return
        value.__dict__[name] = new
    else:
        object.__setattr__(value, name, new)


def call_method(value, name, *args, **kwargs):
    if isinstance(value, _Scripted):
        method = type(value)._script_methods.get(name)
        if method is not None:
            return method(value, *args, **kwargs)
    raise RuntimeError(f"TorchScript: '{getattr(type(value), '_script_name', type(value).__name__)}' has no method '{name}'")


def new_object(kind):
    if not issubclass(kind, ScriptObject):
        raise RuntimeError("TorchScript: only objects of scripted classes can be made")
    return kind.__new__(kind)


class Context:
    """A scripted object with __enter__ and __exit__ as a context manager of Python."""

    def __init__(self, value):
        self.value = value

    def __enter__(self):
        return call_method(self.value, "__enter__")

    def __exit__(self, *exception):
        call_method(self.value, "__exit__", None, None, None)


def get_item(values, key):
    """values[key] of lists, tuples, strings and dicts."""
    if not isinstance(values, (list, tuple, str, dict)):
        raise RuntimeError(f"TorchScript: a {type(values).__name__} has no items")
    return values[key]


def has_type(value, kind):
    return kagari.jit._matches(value, kind)


def convert(kind):
    def to_number(value=kind(), *rest):
        return kind(value.item() if isinstance(value, kagari.Tensor) and kind is not str else value, *rest)
    return to_number


PRIMITIVES = {"get": get_attribute, "set": set_attribute, "call": call_method, "new": new_object, "context": Context, "item": get_item,
              "isinstance": has_type, "int": convert(int), "float": convert(float), "bool": convert(bool), "complex": convert(complex), "str": convert(str),
              "range": range}
TYPES = {"Tensor": kagari.Tensor, "int": int, "float": float, "bool": bool, "str": str, "complex": complex, "NoneType": type(None), "Any": object, "List": typing.List,
         "Dict": typing.Dict, "Tuple": typing.Tuple, "Optional": typing.Optional, "Union": typing.Union, "number": typing.Union[int, float, complex],
         "Device": kagari.device, "list": list, "tuple": tuple, "AnyList": list, "AnyTuple": tuple}
