"""Nodes of a graph: one call, input or output each."""
import builtins
import inspect
import operator
import types
import typing

import kagari
from kagari.fx.immutable_collections import immutable_dict, immutable_list

__all__ = ["Node", "has_side_effect", "map_aggregate", "map_arg"]

BaseArgumentTypes = typing.Union[str, int, float, bool, complex, kagari.dtype, kagari.Tensor, kagari.device, kagari.memory_format, kagari.layout]
base_types = typing.get_args(BaseArgumentTypes)
Target = typing.Union[typing.Callable[..., typing.Any], str]
Argument = typing.Optional[typing.Any]

_OPS = ("placeholder", "get_attr", "call_function", "call_module", "call_method", "output", "root")
_side_effectful_functions = {print}


def has_side_effect(fn):
    """Calls of this function are kept by eliminate_dead_code. Returns the function."""
    _side_effectful_functions.add(fn)
    return fn


def _find_module_of_method(orig_method):
    name = orig_method.__name__
    for guess in (kagari, kagari.nn.functional, kagari.Tensor):
        if getattr(guess, name, None) is orig_method:
            return {kagari: "torch", kagari.nn.functional: "torch.nn.functional", kagari.Tensor: "torch.Tensor"}[guess]
    raise RuntimeError(f"cannot find module for {orig_method}")


def _get_qualified_name(func):
    """'torch.nn.functional.relu': how generated code names a function."""
    from kagari._alias.names import torch_module
    if getattr(builtins, getattr(func, "__name__", ""), None) is func:
        return func.__name__
    if isinstance(func, (types.MethodDescriptorType, types.WrapperDescriptorType)):
        return f"{torch_module(func.__objclass__.__module__)}.{func.__objclass__.__name__}.{func.__name__}"
    name = getattr(func, "__name__", None) or type(func).__name__
    module = getattr(func, "__module__", None)
    if module is not None and module.startswith("kagari.nn._functional"):                # where these functions live is nobody's business
        return f"torch.nn.functional.{name}"
    if module is None:
        module = _find_module_of_method(func)
    module = "operator" if module == "_operator" else torch_module(module)
    qualified = getattr(func, "__qualname__", name)
    if module == "torch" and "." in qualified and "<" not in qualified:                    # linalg.norm, Tensor.add
        return f"torch.{qualified}"
    return f"{module}.{name}"


def map_arg(a, fn):
    """`a` with fn(node) in place of every node in it; tuples, lists, dicts and slices are searched."""
    return map_aggregate(a, lambda x: fn(x) if isinstance(x, Node) else x)


def map_aggregate(a, fn):
    """`a` with fn(x) in place of everything in it that is no tuple, list, dict or slice."""
    if isinstance(a, tuple):
        mapped = tuple(map_aggregate(one, fn) for one in a)
        return type(a)(*mapped) if hasattr(a, "_fields") else mapped
    if isinstance(a, list):
        return immutable_list(map_aggregate(one, fn) for one in a)
    if isinstance(a, dict):
        return immutable_dict((key, map_aggregate(value, fn)) for key, value in a.items())
    if isinstance(a, slice):
        return slice(map_aggregate(a.start, fn), map_aggregate(a.stop, fn), map_aggregate(a.step, fn))
    return fn(a)


def _type_repr(obj):
    if isinstance(obj, type) and not isinstance(obj, types.GenericAlias):
        from kagari._alias.names import torch_module
        if obj.__module__ == "builtins":
            return obj.__qualname__
        return f"{torch_module(obj.__module__)}.{obj.__qualname__}"
    if obj is ...:
        return "..."
    if isinstance(obj, types.FunctionType):
        return obj.__name__
    return repr(obj)


class Node:
    """One step of a graph.

    op says what `target` is: "placeholder" (name of an argument; args hold a default), "get_attr" (path of an attribute),
    "call_function" (the function), "call_module" (path of the module), "call_method" (name of a method of args[0]),
    "output" (args[0] is what the graph returns). `users` are the nodes that use this one; `meta` is free for passes.
    """

    def __init__(self, graph, name, op, target, args, kwargs, return_type=None):
        if op not in _OPS:
            raise AssertionError(f"Node [graph = {graph}, name = '{name}'] has unknown op {op!r}")
        if op == "call_function":
            if not callable(target):
                raise ValueError(f"Node [graph = {graph}, name = '{name}'] target {target} has type {type(target)} but a Callable is expected")
        elif op != "root" and not isinstance(target, str):
            raise ValueError(f"Node [graph = {graph}, name = '{name}'] target {target} has type {type(target)} but a str is expected")
        self.graph, self.name, self.op, self.target = graph, name, op, target
        self._input_nodes, self.users, self.type = {}, {}, return_type
        self._args, self._kwargs = (), {}
        self._prev = self._next = self
        self._erased, self._repr_fn, self.meta, self._sort_key = False, None, {}, ()
        self._update_args_kwargs(args, kwargs)

    def __getstate__(self):
        return {**self.__dict__}

    # --- place in the graph ------------------------------------------------------------------
    @property
    def next(self):
        return self._next

    @property
    def prev(self):
        return self._prev

    def prepend(self, x):
        """Moves x in front of this node."""
        if x.graph is not self.graph:
            raise AssertionError("Attempting to move a Node into a different Graph")
        if x is self:
            return
        x._remove_from_list()
        before = self._prev
        before._next, x._prev, x._next, self._prev = x, before, self, x

    def append(self, x):
        """Moves x behind this node."""
        self._next.prepend(x)

    def _remove_from_list(self):
        self._prev._next, self._next._prev = self._next, self._prev

    def __lt__(self, other):
        return self._position() < other._position()

    def __gt__(self, other):
        return other < self

    def __le__(self, other):
        return not other < self

    def __ge__(self, other):
        return not self < other

    def _position(self):
        return next(i for i, node in enumerate(self.graph.nodes) if node is self)

    # --- arguments -----------------------------------------------------------------------------
    @property
    def args(self):
        return self._args

    @args.setter
    def args(self, a):
        self._update_args_kwargs(a, self._kwargs)

    @property
    def kwargs(self):
        return self._kwargs

    @kwargs.setter
    def kwargs(self, k):
        self._update_args_kwargs(self._args, k)

    def _update_args_kwargs(self, args, kwargs):
        for used in self._input_nodes:
            used.users.pop(self, None)
        self._input_nodes = {}

        def note(node):
            self._input_nodes.setdefault(node)
            node.users.setdefault(self)
            return node
        self._args = tuple(map_arg(one, note) for one in args)
        self._kwargs = map_arg(dict(kwargs), note)

    @property
    def all_input_nodes(self):
        """The nodes among the arguments, each once."""
        return list(self._input_nodes)

    def update_arg(self, idx, arg):
        """Sets one positional argument."""
        args = list(self.args)
        args[idx] = arg
        self.args = tuple(args)

    def insert_arg(self, idx, arg):
        """Inserts a positional argument."""
        if not 0 <= idx <= len(self.args):
            raise AssertionError("insert_args index must be between 0 and len(self.args)")
        self.args = (*self.args[:idx], arg, *self.args[idx:])

    def update_kwarg(self, key, arg):
        """Sets one keyword argument."""
        self.kwargs = {**self.kwargs, key: arg}

    def replace_all_uses_with(self, replace_with, delete_user_cb=lambda user: True, *, propagate_meta=False):
        """Puts replace_with where this node is used, in the users that delete_user_cb accepts; returns these users."""
        if propagate_meta:
            if replace_with.meta:
                raise AssertionError("Called node.replace_all_uses_with(replace_with, propagate_meta=True), but replace_with already has .meta keys")
            replace_with.meta.update(self.meta)
        changed = [user for user in list(self.users) if delete_user_cb(user)]
        for user in changed:
            user.replace_input_with(self, replace_with)
        return changed

    def replace_input_with(self, old_input, new_input):
        """Puts new_input where old_input is among the arguments."""
        def swap(node):
            return new_input if node is old_input else node
        self._update_args_kwargs(map_arg(self.args, swap), map_arg(self.kwargs, swap))

    # --- questions -------------------------------------------------------------------------------
    @property
    def stack_trace(self):
        return self.meta.get("stack_trace")

    @stack_trace.setter
    def stack_trace(self, trace):
        self.meta["stack_trace"] = trace

    def is_impure(self, impure_random=True):
        """Whether the node does something besides computing its value."""
        if self.op in ("placeholder", "output"):
            return True
        if self.op == "call_function":
            name = getattr(self.target, "__name__", "")
            schema = getattr(self.target, "_schema", None)
            if schema is not None and getattr(schema, "is_mutable", False):
                return True
            return self.target in _side_effectful_functions or (name.endswith("_") and not name.endswith("__")) or (impure_random and name in _RANDOM)
        if self.op == "call_method":
            return self.target.endswith("_") and not self.target.endswith("__")
        if self.op == "call_module":
            if self.graph.owning_module is None:
                raise AssertionError("self.graph.owning_module not set for purity check")
            try:
                target = self.graph.owning_module.get_submodule(self.target)
            except AttributeError:
                raise AssertionError(f"Did not find expected submodule target {self.target}") from None
            return getattr(target, "_is_impure", False)
        return False

    def normalized_arguments(self, root, arg_types=None, kwarg_types=None, normalize_to_only_use_kwargs=False):
        """(args, kwargs) with every argument under its name; None if the target's signature is not known."""
        from kagari.fx.operator_schemas import normalize_function, normalize_module
        if self.op == "call_function":
            return normalize_function(self.target, self.args, self.kwargs, arg_types, kwarg_types, normalize_to_only_use_kwargs)
        if self.op == "call_module":
            return normalize_module(root, self.target, self.args, self.kwargs, normalize_to_only_use_kwargs)
        return None

    def _pretty_print_target(self, target):
        if isinstance(target, str):
            return target
        return _get_qualified_name(target)

    def format_node(self, placeholder_names=None, maybe_return_typename=None, *, include_tensor_metadata=False):
        """One line about the node; None for a placeholder whose text goes to placeholder_names."""
        typename = f"{_type_repr(self.type)} " if self.type else ""
        if self.op == "placeholder":
            default = f"(default={self.args[0]})" if self.args else ""
            text = f"{self.target}{f': {_type_repr(self.type)}' if self.type else ''}{default}"
            if placeholder_names is not None:
                placeholder_names.append(text)
                return None
            return f"%{self.name} : {typename}[num_users={len(self.users)}] = {self.op}[target={self.target}]{default}"
        if self.op == "output":
            if self.type and maybe_return_typename is not None:
                maybe_return_typename[0] = f" -> {_type_repr(self.type)}"
            return f"return {self.args[0]}"
        text = f"%{self.name} : {typename}[num_users={len(self.users)}] = {self.op}[target={self._pretty_print_target(self.target)}]"
        if self.op == "get_attr":
            return text
        return f"{text}(args = {_format_arg(self.args)}, kwargs = {_format_arg(self.kwargs)})"

    def _rename(self, candidate):
        if candidate != self.name:
            self.name = self.graph._graph_namespace.create_name(candidate, None)
            self.graph._graph_namespace._rename_object(self, self.name)

    def __repr__(self):
        return self._repr_fn(self) if self._repr_fn else self.name

    __hash__ = object.__hash__
    __eq__ = object.__eq__


_RANDOM = frozenset("rand randn randint randperm bernoulli multinomial normal dropout alpha_dropout feature_dropout rand_like randn_like randint_like".split())


def _format_arg(arg):
    if isinstance(arg, list):
        return f"[{', '.join(map(_format_arg, arg))}]"
    if isinstance(arg, tuple):
        return f"({', '.join(map(_format_arg, arg))}{',' if len(arg) == 1 else ''})"
    if isinstance(arg, dict):
        return "{" + ", ".join(f"{key}: {_format_arg(value)}" for key, value in arg.items()) + "}"
    return f"%{arg.name}" if isinstance(arg, Node) else str(arg)


def is_operator(function):
    """Whether a function is one of Python's operators."""
    return inspect.isbuiltin(function) and getattr(operator, function.__name__, None) is function
