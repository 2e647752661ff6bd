"""Stand-ins for values: what is done to them becomes nodes of a graph."""
import collections
import dis
import enum
import inspect
import operator
import traceback

import kagari
from kagari.fx.node import Node, base_types, map_aggregate

__all__ = ["Attribute", "GraphAppendingTracer", "ParameterProxy", "Proxy", "Scope", "ScopeContextManager", "TraceError", "TracerBase"]


class TraceError(ValueError):
    """A program asked a stand-in for what only a value has."""


class Scope:
    """The module whose forward is being recorded."""

    def __init__(self, module_path, module_type):
        self.module_path, self.module_type = module_path, module_type


class ScopeContextManager:
    """Makes a scope the current one for the time of a with block."""

    def __init__(self, scope, current_scope):
        self._scope, self._prev = scope, (scope.module_path, scope.module_type)
        scope.module_path, scope.module_type = current_scope.module_path, current_scope.module_type

    def __enter__(self):
        return self._scope

    def __exit__(self, *exception):
        self._scope.module_path, self._scope.module_type = self._prev


class TracerBase:
    """Makes nodes and proxies. Subclasses say how programs are run."""
    graph = None
    record_stack_traces = False
    check_mutable_operations = False
    trace_asserts = False
    proxy_buffer_attributes = False
    traced_func_name = "forward"

    def create_node(self, kind, target, args, kwargs, name=None, type_expr=None):
        """Adds a node to the graph."""
        node = self.graph.create_node(kind, target, args, kwargs, name, type_expr)
        scope = getattr(self, "scope", None)
        if scope is not None:
            self.node_name_to_scope[node.name] = (scope.module_path, scope.module_type)
            if getattr(self, "module_stack", None):
                node.meta["nn_module_stack"] = dict(self.module_stack)
        return node

    def proxy(self, node):
        return Proxy(node, self)

    def create_proxy(self, kind, target, args, kwargs, name=None, type_expr=None, proxy_factory_fn=None):
        """Adds a node whose arguments are stand-ins or constants; gives the stand-in of its value."""
        args, kwargs = self.create_arg(args), self.create_arg(kwargs)
        if not isinstance(args, tuple) or not isinstance(kwargs, dict):
            raise AssertionError("arguments must stay a tuple and a dict")
        node = self.create_node(kind, target, args, kwargs, name, type_expr)
        proxy = proxy_factory_fn(node) if proxy_factory_fn else self.proxy(node)
        if self.record_stack_traces and not node.stack_trace:
            frames = [frame for frame in traceback.extract_stack() if "/fx/" not in frame.filename.replace("\\", "/")]
            node.stack_trace = "".join(traceback.StackSummary.from_list(frames).format()).strip()
        return proxy

    def create_arg(self, a):
        """What a node holds for an argument: nodes for stand-ins, containers of such, constants."""
        if isinstance(a, Proxy):
            return a.node
        if hasattr(a, "__fx_create_arg__"):
            return a.__fx_create_arg__(self)
        if isinstance(a, tuple):
            made = tuple(self.create_arg(one) for one in a)
            return type(a)(*made) if hasattr(a, "_fields") else made
        if isinstance(a, list):
            return [self.create_arg(one) for one in a]
        if isinstance(a, dict):
            for key in a:
                if isinstance(key, Proxy):
                    raise RuntimeError(f"Keys for dictionaries used as an argument cannot contain a Node. Got key: {key}")
            return {self.create_arg(key): self.create_arg(value) for key, value in a.items()}
        if isinstance(a, slice):
            return slice(self.create_arg(a.start), self.create_arg(a.stop), self.create_arg(a.step))
        if isinstance(a, range):
            return range(self.create_arg(a.start), self.create_arg(a.stop), self.create_arg(a.step))
        if isinstance(a, base_types) or isinstance(a, enum.Enum) or a is None or a is ... or isinstance(a, (Node, type)) or inspect.isroutine(a):
            return a
        import dataclasses
        if dataclasses.is_dataclass(a):
            fields = {field.name: self.create_arg(getattr(a, field.name)) for field in dataclasses.fields(a)}
            return self.create_node("call_function", type(a), (), fields)
        raise NotImplementedError(f"argument of type: {type(a)}")

    def to_bool(self, obj):
        """A program branches on a stand-in."""
        raise TraceError("symbolically traced variables cannot be used as inputs to control flow")

    def iter(self, obj):
        """A program iterates over a stand-in: only unpacking into a known number of names can be recorded."""
        frame = inspect.currentframe().f_back.f_back
        current = next((one for one in dis.get_instructions(frame.f_code) if one.offset == frame.f_lasti), None)
        if current is not None and current.opname == "UNPACK_SEQUENCE":
            return (obj[i] for i in range(current.argval))
        raise TraceError("Proxy object cannot be iterated. This can be attempted when the Proxy is used in a loop or as a *args or **kwargs function "
                         "argument. See the torch.fx docs on pytorch.org for a more detailed explanation of what types of control flow can be traced, "
                         "and check out the Proxy docstring for help troubleshooting Proxy iteration errors")

    def keys(self, obj):
        """A program asks a stand-in for its keys, for **: a stand-in for them."""
        return Attribute(obj, "keys")()


class GraphAppendingTracer(TracerBase):
    """A tracer that adds to a graph that is there."""

    def __init__(self, graph):
        super().__init__()
        self.graph, self.scope, self.module_stack, self.node_name_to_scope = graph, Scope("", None), collections.OrderedDict(), {}


class Proxy:
    """Stands for the value of a node. Operators, functions of torch, methods and attributes give further stand-ins."""

    def __init__(self, node, tracer=None):
        self.tracer = GraphAppendingTracer(node.graph) if tracer is None else tracer
        self.node = node

    def __repr__(self):
        return f"Proxy({self.node.name})"

    def __getattr__(self, k):
        return Attribute(self, k)

    def __getstate__(self):
        return self.__dict__

    def __setstate__(self, state):
        self.__dict__ = state

    def __deepcopy__(self, memo):
        import copy
        made = object.__new__(type(self))
        memo[id(self)] = made
        made.__dict__.update({key: copy.deepcopy(value, memo) for key, value in self.__dict__.items()})
        return made

    def __call__(self, *args, **kwargs):
        return self.tracer.create_proxy("call_method", "__call__", (self, *args), kwargs)

    def __iter__(self):
        return self.tracer.iter(self)

    def __abs__(self):
        return self.tracer.create_proxy("call_function", abs, (self,), {})

    def __bool__(self):
        if self.tracer.trace_asserts:
            frame = inspect.currentframe().f_back
            following = [one.opname for one in dis.get_instructions(frame.f_code) if one.offset > frame.f_lasti][:3]
            if any("ASSERTION_ERROR" in name for name in following):
                self.tracer.create_proxy("call_function", _assert_true, (self, ""), {})
                return True
        return self.tracer.to_bool(self)

    def keys(self):
        return self.tracer.keys(self)

    def __len__(self):
        raise RuntimeError("'len' is not supported in symbolic tracing by default. If you want this call to be recorded, please call torch.fx.wrap('len') "
                           "at module scope")

    @classmethod
    def __torch_function__(cls, orig_method, types, args=None, kwargs=None):
        args, kwargs = args or (), kwargs or {}
        found = {}

        def note(one):
            if isinstance(one, cls):
                found[one.tracer] = None
            return one
        map_aggregate(args, note)
        map_aggregate(kwargs, note)
        if len(found) > 1:
            raise RuntimeError(f"Found multiple different tracers {list(found)} while trying to trace operations {orig_method}")
        tracer = next(iter(found))
        if isinstance(orig_method, type(kagari.Tensor.add)) and getattr(orig_method, "__qualname__", "").startswith("Tensor."):
            name = orig_method.__name__
            if orig_method.__qualname__.endswith(".__get__"):
                return tracer.create_proxy("call_function", getattr, (args[0], name), {})
            return tracer.create_proxy("call_method", name, args, kwargs)
        if getattr(orig_method, "__name__", "") == "__get__" and hasattr(getattr(orig_method, "__self__", None), "__name__"):
            return tracer.create_proxy("call_function", getattr, (args[0], orig_method.__self__.__name__), {})
        return tracer.create_proxy("call_function", orig_method, args, kwargs, name=tracer.graph._target_to_str(getattr(orig_method, "__name__", "call")))


def _assert_true(condition, message):
    assert condition, message


class Attribute(Proxy):
    """An attribute of a stand-in: a node if it is used as a value, the method's name if it is called."""

    def __init__(self, root, attr):
        self.root, self.attr, self.tracer, self._node = root, attr, root.tracer, None

    @property
    def node(self):
        if self._node is None:
            self._node = self.tracer.create_proxy("call_function", getattr, (self.root, self.attr), {}).node
        return self._node

    def __call__(self, *args, **kwargs):
        return self.tracer.create_proxy("call_method", self.attr, (self.root, *args), kwargs)


class ParameterProxy(Proxy):
    """A stand-in for a parameter whose shape is known."""

    def __init__(self, tracer, node, name, param):
        super().__init__(node, tracer)
        if not isinstance(param, kagari.nn.Parameter):
            raise AssertionError("a parameter is expected")
        self.param, self.name = param, name

    def __repr__(self):
        return f"ParameterProxy({self.name})"

    @property
    def shape(self):
        return self.param.shape

    def size(self):
        return self.param.size()

    def dim(self):
        return self.param.dim()

    @property
    def ndim(self):
        return self.param.ndim

    def numel(self):
        return self.param.numel()

    def nelement(self):
        return self.param.nelement()


_BINARY = "add sub mul floordiv truediv mod pow lshift rshift and_ or_ xor getitem matmul eq ne lt gt le ge iadd isub imul itruediv ifloordiv iand ior ixor ipow imod imatmul".split()
_UNARY = "pos neg invert".split()
_REFLECTED = "add sub mul floordiv truediv mod pow lshift rshift and_ or_ xor matmul".split()


def _magic(name):
    function = getattr(operator, name)

    def method(self, *args):
        return self.tracer.create_proxy("call_function", function, (self, *args), {})
    return method


def _reflected(name):
    function = getattr(operator, name)

    def method(self, other):
        return self.tracer.create_proxy("call_function", function, (other, self), {})
    return method


for _name in _BINARY + _UNARY:
    setattr(Proxy, f"__{_name.rstrip('_')}__", _magic(_name))
for _name in _REFLECTED:
    setattr(Proxy, f"__r{_name.rstrip('_')}__", _reflected(_name))
Proxy.__hash__ = object.__hash__
