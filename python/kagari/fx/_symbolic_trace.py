"""Recording: a module or function is run once on stand-ins, and what it does to them is the graph."""
import builtins
import collections
import functools
import inspect
import math
import threading
import types

import kagari
from kagari.fx._codegen import _PyTreeCodeGen, _PyTreeInfo
from kagari.fx._compatibility import compatibility  # noqa: F401  libraries find it here
from kagari.fx.graph import Graph
from kagari.fx.graph_module import GraphModule
from kagari.fx.node import map_aggregate
from kagari.fx.proxy import ParameterProxy, Proxy, Scope, ScopeContextManager, TracerBase
from kagari.jit._script_objects import ScriptObject  # noqa: F401  libraries find it here
from kagari.nn.modules.module import Module
from kagari.utils import _pytree

__all__ = ["PH", "ProxyableClassMeta", "Tracer", "is_fx_tracing", "symbolic_trace", "wrap"]

_original_call, _original_getattr = Module.__call__, Module.__getattr__
_wrapped = {}                                     # (id of globals, name) -> (globals, name), from wrap()
_wrapped_methods = []                             # (class, name)
_state = threading.local()


def is_fx_tracing():
    """Whether a program is being recorded on this thread."""
    return getattr(_state, "depth", 0) > 0


def is_fx_symbolic_tracing():
    return is_fx_tracing()


class PHBase:
    """In concrete_args: this argument stays an argument."""

    def __repr__(self):
        return "PH"


PH = PHBase()


class PHWithMeta(PHBase):
    """The same with a value for the placeholder's metadata."""

    def __init__(self, ph_key=None, **meta):
        self.ph_key, self.meta = ph_key, meta


class ProxyableClassMeta(type):
    """A class whose objects, made from stand-ins, are calls of the class in the graph."""

    def __call__(cls, *args, **kwargs):
        made = cls.__new__(cls)
        if not is_fx_tracing():
            cls.__init__(made, *args, **kwargs)
            return made
        found = []

        def note(one):
            if isinstance(one, Proxy):
                found.append(one.tracer)
            return one
        map_aggregate((args, kwargs), note)
        if found:
            return found[0].create_proxy("call_function", cls, args, kwargs)
        cls.__init__(made, *args, **kwargs)
        return made


def _find_proxy(*values):
    found = []

    def note(one):
        if isinstance(one, Proxy):
            found.append(one)
        return one
    map_aggregate(values, note)
    return found[0] if found else None


def _recorded_function(original):
    """A function that becomes one node when it is given a stand-in."""
    @functools.wraps(original)
    def wrapped(*args, **kwargs):
        proxy = _find_proxy(args, kwargs)
        if proxy is None:
            return original(*args, **kwargs)
        made = proxy.tracer.create_proxy("call_function", original, args, kwargs)
        made.node.meta["is_wrapped"] = True
        return made
    return wrapped


def _recorded_method(cls, name):
    original = getattr(cls, name)

    @functools.wraps(original)
    def wrapped(*args, **kwargs):
        proxy = _find_proxy(args, kwargs)
        return original(*args, **kwargs) if proxy is None else proxy.tracer.create_proxy("call_method", name, args, kwargs)
    return wrapped


def wrap(fn_or_name):
    """Calls of this function, of the calling module, are nodes and are not looked into. Takes its name, or decorates it.

    It stands at the top of a module: raises NotImplementedError elsewhere, RuntimeError for what is neither function nor name.
    """
    if not callable(fn_or_name) and not isinstance(fn_or_name, str):
        raise RuntimeError("Unsupported type for global function! Must be either a callable or string name")
    name = fn_or_name.__name__ if callable(fn_or_name) else fn_or_name
    frame = inspect.currentframe().f_back
    if frame.f_code.co_name != "<module>":
        raise NotImplementedError("wrap must be called at the top level of a module")
    _wrapped[id(frame.f_globals), name] = (frame.f_globals, name)
    return fn_or_name


class _Patches:
    """Replaced attributes and globals, put back at the end."""

    def __init__(self):
        self.undo, self.seen = [], set()

    def attribute(self, owner, name, value):
        self.undo.append((setattr, owner, name, owner.__dict__[name] if name in getattr(owner, "__dict__", {}) else getattr(owner, name)))
        setattr(owner, name, value)

    def item(self, table, name, value):
        present = name in table
        self.undo.append((table.__setitem__, name, table[name]) if present else (table.pop, name))
        table[name] = value

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for function, *arguments in reversed(self.undo):
            function(*arguments)
        self.undo.clear()


class Tracer(TracerBase):
    """Records a module or function as a Graph.

    Modules of torch.nn are nodes (is_leaf_module decides); other modules are run. autowrap_modules: modules whose
    functions, called with stand-ins, become nodes; autowrap_functions: further such functions. param_shapes_constant: shapes
    of parameters are numbers in the graph.
    """

    def __init__(self, autowrap_modules=(math,), autowrap_functions=(), param_shapes_constant=False):
        super().__init__()
        self._autowrap_function_ids = {id(value) for module in autowrap_modules for name, value in module.__dict__.items()
                                       if not name.startswith("_") and callable(value)}
        self._autowrap_function_ids.update(id(function) for function in autowrap_functions)
        self._autowrap_search = list(autowrap_modules)
        self.param_shapes_constant = param_shapes_constant
        self.submodule_paths = None
        self.root_module_name = ""
        self.scope, self.module_stack, self.node_name_to_scope = Scope("", None), collections.OrderedDict(), {}
        self.num_calls = {}

    # --- what subclasses change ----------------------------------------------------------------
    def is_leaf_module(self, m, module_qualified_name):
        """Whether a call of the module is one node."""
        return m.__module__.startswith(("kagari.nn", "torch.nn", "kagari.ao.nn", "torch.ao.nn")) and not isinstance(m, kagari.nn.Sequential)

    def path_of_module(self, mod):
        """Path of a module in the root. NameError if it is not there."""
        if self.submodule_paths:
            path = self.submodule_paths.get(mod)
            if path is None:
                raise NameError("module is not installed as a submodule")
            return path
        for name, one in self.root.named_modules():
            if one is mod:
                return name
        raise NameError("module is not installed as a submodule")

    def call_module(self, m, forward, args, kwargs):
        """A call of module m: a node, or what its forward does."""
        path = self.path_of_module(m)
        with ScopeContextManager(self.scope, Scope(path, type(m))):
            count = self.num_calls.get(path, 0)
            self.num_calls[path] = count + 1
            key = path if count == 0 else f"{path}@{count}"
            self.module_stack[key] = (path, type(m))
            try:
                if self.is_leaf_module(m, path):
                    return self.create_proxy("call_module", path, args, kwargs)
                return forward(*args, **kwargs)
            finally:
                self.module_stack.pop(key, None)

    def getattr(self, attr, attr_val, parameter_proxy_cache):
        """What a module's attribute is while recording: parameters (and buffers, if proxy_buffer_attributes) are stand-ins."""
        def stand_in(named, make):
            for name, value in named:
                if attr_val is value:
                    if name not in parameter_proxy_cache:
                        parameter_proxy_cache[name] = self.create_proxy("get_attr", name, (), {}, **make(name))
                    return parameter_proxy_cache[name]
            return None
        if isinstance(attr_val, kagari.nn.Parameter):
            factory = (lambda name: {"proxy_factory_fn": lambda node: ParameterProxy(self, node, name, attr_val)}) if self.param_shapes_constant else (lambda name: {})
            found = stand_in(self.root.named_parameters(), factory)
            if found is not None:
                return found
        if self.proxy_buffer_attributes and isinstance(attr_val, kagari.Tensor):
            found = stand_in(self.root.named_buffers(), lambda name: {})
            if found is not None:
                return found
        return attr_val

    _module_getattr = getattr

    def create_arg(self, a):
        """Tensors and modules among arguments become attributes of the root."""
        if isinstance(a, kagari.nn.Parameter):
            for name, value in self.root.named_parameters():
                if a is value:
                    return self.create_node("get_attr", name, (), {})
            raise NameError("parameter is not a member of this module")
        if isinstance(a, kagari.Tensor):
            for name, value in self.root.named_buffers():
                if a is value:
                    return self.create_node("get_attr", name, (), {})
        elif isinstance(a, Module):
            for name, value in self.root.named_modules():
                if a is value:
                    return self.create_node("get_attr", name, (), {})
        if isinstance(a, kagari.Tensor):
            name = self.tensor_attrs.get(a)
            if name is None:
                number = 0
                while hasattr(self.root, f"_tensor_constant{number}"):
                    number += 1
                name = f"_tensor_constant{number}"
                self.tensor_attrs[a] = name
                setattr(self.root, name, a)
            return self.create_node("get_attr", name, (), {})
        if type(a) in _proxyable_classes:
            number = 0
            while hasattr(self.root, f"_{a.__class__.__name__}_constant_{number}"):
                number += 1
            name = f"_{a.__class__.__name__}_constant_{number}"
            setattr(self.root, name, a)
            return self.create_node("get_attr", name, (), {})
        return super().create_arg(a)

    def _proxy_placeholder(self, name, concrete_args, signature, fn_for_analysis):
        plain = name.lstrip("*")
        if concrete_args is not None and plain in concrete_args:
            return self._concrete_argument(plain, concrete_args[plain])
        default = () if name[0] == "*" else _default_of(signature, name)
        kind = fn_for_analysis.__annotations__.get(plain) if hasattr(fn_for_analysis, "__annotations__") else None
        return self.create_proxy("placeholder", name, default, {}, type_expr=kind if not isinstance(kind, str) else None)

    def _concrete_argument(self, name, value):
        """Containers with PH in them keep these as arguments; everything else is a constant."""
        count = [0]

        def leaf(x):
            count[0] += 1
            made = self.create_proxy("placeholder", f"{name}_{count[0]}", (), {})
            if isinstance(x, PHBase):
                made.node.meta.update(getattr(x, "meta", {}))
                return made
            if type(x) in (bool, int, float, str):
                kagari._assert(made == x, f"{name} has been specialized to have value {x} but got another value")
            elif x is None:
                self.create_proxy("call_function", _assert_is_none, (made, f"{name} has been specialized to have value None but got another value"), {})
            return x
        return _pytree.tree_map(leaf, value)

    def create_args_for_root(self, root_fn, is_module, concrete_args=None):
        """(function, stand-ins for its arguments)."""
        fn = inspect.unwrap(root_fn)
        code = fn.__code__
        names = list(code.co_varnames[:code.co_argcount + code.co_kwonlyargcount])
        signature = inspect.signature(fn)
        args, skip = [], 0
        if is_module:
            if code.co_argcount == 0:
                raise RuntimeError("``self`` argument cannot be part of *args expansion!")
            args.append(self.root)
            skip = 1
        if isinstance(concrete_args, tuple):
            if len(names) - skip != len(concrete_args):
                raise RuntimeError(f"Tracing expected {len(names) - skip} arguments but got {len(concrete_args)} concrete arguments")
            concrete_args = dict(zip(names[skip:], concrete_args))
        names_of_args = names[skip:]
        args.extend(self._proxy_placeholder(name, concrete_args, signature, fn) for name in names_of_args)
        at = code.co_argcount + code.co_kwonlyargcount
        if code.co_flags & inspect.CO_VARARGS:
            args.append(self._proxy_placeholder("*" + code.co_varnames[at], concrete_args, signature, fn))
            at += 1
        if code.co_flags & inspect.CO_VARKEYWORDS:
            args.append(self._proxy_placeholder("**" + code.co_varnames[at], concrete_args, signature, fn))
        if code.co_kwonlyargcount or code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS):
            fn = _plain_arguments(fn, len(args))
        if isinstance(concrete_args, dict):
            return self._with_concrete_args(fn, names_of_args, args[skip:]), args
        return fn, args

    def _with_concrete_args(self, fn, names, values):
        """The graph's function keeps the containers of its arguments; see _PyTreeCodeGen."""
        in_spec = _pytree.tree_flatten(tuple(values))[1]
        simple = all(not isinstance(value, (list, tuple, dict)) for value in values)
        if not simple:
            self.graph.set_codegen(_PyTreeCodeGen(_PyTreeInfo(list(names), in_spec, None)))

        def flat(*args):
            out = fn(*args)
            if simple:
                return out
            flattened, out_spec = _pytree.tree_flatten(out)
            self.graph._codegen.pytree_info = self.graph._codegen.pytree_info._replace(out_spec=out_spec)
            return flattened
        return flat

    # --- recording -------------------------------------------------------------------------------
    def trace(self, root, concrete_args=None):
        """The graph of a module's forward or of a function.

        Raises TraceError where the program branches or loops on a stand-in.
        """
        _state.depth = getattr(_state, "depth", 0) + 1
        try:
            return self._trace(root, concrete_args)
        finally:
            _state.depth -= 1

    def _trace(self, root, concrete_args):
        if isinstance(root, Module):
            self.root = root
            if not hasattr(type(root), self.traced_func_name):
                raise AssertionError(f"traced_func_name={self.traced_func_name} doesn't exist in {type(root).__name__}")
            fn = getattr(type(root), self.traced_func_name)
            self.root_module_name = root._get_name()
            self.submodule_paths = {module: name for name, module in root.named_modules()}
        else:
            self.root, fn, self.submodule_paths = Module(), root, None
        self.graph = Graph(tracer_cls=type(self))
        self.tensor_attrs = {}
        if isinstance(root, Module):
            for path, module in root.named_modules():
                for name, value in vars(module).items():
                    if type(value) is kagari.Tensor:
                        self.tensor_attrs.setdefault(value, f"{path}.{name}" if path else name)
        if not inspect.isfunction(inspect.unwrap(fn)):
            raise AssertionError(f"a module or a Python function is expected, got {fn}")
        space = fn.__globals__ if hasattr(fn, "__globals__") else inspect.unwrap(fn).__globals__
        fn, args = self.create_args_for_root(fn, isinstance(root, Module), concrete_args)
        cache = {}

        def module_getattr(module, name):
            return self._module_getattr(name, _original_getattr(module, name), cache)

        def module_call(module, *args, **kwargs):
            def forward(*args, **kwargs):
                return _original_call(module, *args, **kwargs)
            self._wrap_globals(patches, getattr(getattr(module, "forward", module), "__globals__", {}))
            return self.call_module(module, forward, args, kwargs)
        with _Patches() as patches:
            patches.attribute(Module, "__getattr__", module_getattr)
            patches.attribute(Module, "__call__", module_call)
            _patch_wrapped(patches)
            _patch_functionals(patches, vars(kagari.nn.functional))
            self._wrap_globals(patches, space)
            for module in self._autowrap_search:
                _autowrap(patches, module.__dict__, self._autowrap_function_ids)
            result = fn(*args)
            kind = getattr(fn, "__annotations__", {}).get("return")
            self.create_node("output", "output", (self.create_arg(result),), {}, type_expr=None if isinstance(kind, str) else kind)
        self.submodule_paths = None
        return self.graph

    def _wrap_globals(self, patches, space):
        if id(space) not in patches.seen and space.get("__name__", "").partition(".")[0] != "kagari":
            _patch_functionals(patches, space)
        _autowrap(patches, space, self._autowrap_function_ids)

    def __deepcopy__(self, memo):
        import copy
        made = Tracer.__new__(type(self))
        for key, value in self.__dict__.items():
            made.__dict__[key] = value if key == "_autowrap_search" else copy.deepcopy(value, memo)
        return made


_proxyable_classes = {}


def _assert_is_none(value, message):
    assert value is None, message


def _default_of(signature, name):
    parameter = signature.parameters.get(name)
    return () if parameter is None or parameter.default is inspect.Parameter.empty else (parameter.default,)


def _plain_arguments(fn, count):
    """fn with keyword-only arguments, *args and **kwargs turned into plain ones, so that each can be a stand-in."""
    code = fn.__code__
    plain = code.replace(co_argcount=count, co_posonlyargcount=0, co_kwonlyargcount=0, co_flags=code.co_flags & ~(inspect.CO_VARARGS | inspect.CO_VARKEYWORDS))
    return types.FunctionType(plain, fn.__globals__, fn.__name__, None, fn.__closure__)


@functools.lru_cache(None)
def _functionals():
    """Functions of torch.nn.functional that are written in Python, by their ids, as functions that become one node."""
    space = vars(kagari.nn.functional)
    names = [name for name in dir(kagari.nn.functional) if not name.startswith("__")]
    found = {}
    for name in names:
        function = space.get(name) or getattr(kagari.nn.functional, name)
        if inspect.isfunction(function) and function.__module__.startswith(("kagari.nn", "torch.nn")):
            found[id(function)] = _recorded_functional(function)
    return found


def _recorded_functional(function):
    """As PyTorch records them: arguments without a default by position, all others by name."""
    try:
        signature = inspect.signature(function)
    except ValueError:
        return _recorded_function(function)
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in signature.parameters.values()):
        return _recorded_function(function)

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        proxy = _find_proxy(args, kwargs)
        if proxy is None:
            return function(*args, **kwargs)
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        positional = [name for name, p in signature.parameters.items() if p.default is p.empty]
        return proxy.tracer.create_proxy("call_function", function, tuple(bound.arguments[name] for name in positional),
                                         {name: value for name, value in bound.arguments.items() if name not in positional})
    return wrapped


def _patch_functionals(patches, space):
    known = _functionals()
    for name, value in list(space.items()):
        made = known.get(id(value))
        if made is not None:
            patches.item(space, name, made)


def _patch_wrapped(patches):
    for space, name in list(_wrapped.values()):
        if name not in space and hasattr(builtins, name):
            patches.item(space, name, _recorded_function(getattr(builtins, name)))
        elif name in space and not getattr(space[name], "__fx_already_patched", False):
            patches.item(space, name, _recorded_function(space[name]))
    for cls, name in _wrapped_methods:
        patches.attribute(cls, name, _recorded_method(cls, name))


def _autowrap(patches, space, ids):
    """Functions among a module's globals whose calls are nodes."""
    if not ids or id(space) in patches.seen:
        return
    patches.seen.add(id(space))
    for name, value in list(space.items()):
        if not name.startswith("_") and callable(value) and id(value) in ids:
            patches.item(space, name, _recorded_function(value))


def symbolic_trace(root, concrete_args=None):
    """A GraphModule of a module or function; see Tracer.

    concrete_args: values for arguments that the graph fixes, PH for those that stay.

    >>> import kagari as torch
    >>> print(torch.fx.symbolic_trace(lambda x: torch.relu(x) + 1).code.strip())
    def forward(self, x):
        relu = torch.relu(x);  x = None
        add = relu + 1;  relu = None
        return add
    """
    tracer = Tracer()
    graph = tracer.trace(root, concrete_args)
    return _make_graph_module(tracer.root, graph, root.__class__.__name__ if isinstance(root, Module) else root.__name__)


def _make_graph_module(root, graph, class_name):
    return GraphModule(root, graph, class_name)


def __getattr__(name):
    if name in ("FunctionType", "_Patcher", "_autowrap_check", "_orig_module_call", "_orig_module_getattr", "_patch_wrapped_functions"):
        from kagari.fx import _tracer_parts
        return getattr(_tracer_parts, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
