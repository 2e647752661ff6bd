"""Graphs for backends that are functions: torch.compile(f, backend=function).

A call is recorded once for each kind of arguments (shapes, dtypes, other values); the backend gets the graph and example
inputs and gives the function that is called from then on. A program whose Python reads values of tensors (branches on them,
calls item()) cannot be recorded whole; it runs as it is, or raises Unsupported with fullgraph.
"""
import kagari
from kagari._dynamo.exc import BackendCompilerFailed, Unsupported
from kagari.fx._recording import Recorder, flat_names
from kagari.fx.graph_module import GraphModule
from kagari.utils import _pytree

class _ReadsValues(BaseException):
    """The program read a value while it was recorded. No Exception, so that it passes through the program's own handlers."""


def _refuse():
    raise _ReadsValues()


class CapturedFunction:
    """A function whose calls go to what a backend made of its graphs."""

    def __init__(self, function, backend, fullgraph, module=None, options=None):
        self.function, self.backend, self.fullgraph, self.module, self.options = function, backend, fullgraph, module, options or {}
        self.made = {}

    def __call__(self, *args, **kwargs):
        leaves, spec = _pytree.tree_flatten((args, kwargs))
        key = (repr(spec), kagari.is_grad_enabled(), getattr(self.module, "training", None), *map(_kind, leaves))
        found = self.made.get(key)
        if found is None:
            found = self.made[key] = self.compile(args, kwargs)
        if found is self.function:
            return found(*args, **kwargs)
        call, out_spec, constants = found
        values = list(call(*(leaf for leaf in leaves if isinstance(leaf, kagari.Tensor))))
        results = [values.pop(0) if constant is _TENSOR else constant for constant in constants]
        return _pytree.tree_unflatten(results, out_spec)

    def compile(self, args, kwargs):
        try:
            graph_module, inputs, out_spec, constants = self.record(args, kwargs)
        except (_ReadsValues, NotImplementedError) as error:
            if self.fullgraph:
                reason = "the function reads values of tensors in Python, so that it is not one graph" if isinstance(error, _ReadsValues) else str(error)
                raise Unsupported(reason) from None
            return self.function
        try:
            call = self.backend(graph_module, inputs, **self.options)
        except Exception as error:
            raise BackendCompilerFailed(self.backend, error) from error
        if not callable(call):
            raise BackendCompilerFailed(self.backend, TypeError("compiled_fn is not callable"))
        return call, out_spec, constants

    def record(self, args, kwargs):
        """(GraphModule, its tensor inputs, tree of the results, what each leaf of them is)."""
        recorder = Recorder(None)
        attributes = dict([*self.module.named_parameters(), *self.module.named_buffers()]) if self.module is not None else {}
        for name, value in attributes.items():
            recorder.attribute(value, name)

        def own(x):                              # the recording must not change the caller's tensors
            return x.detach().clone().requires_grad_(x.requires_grad) if isinstance(x, kagari.Tensor) else x
        clones = _pytree.tree_map(own, (args, kwargs))
        named, _ = flat_names(*clones, [])
        tensors = [(f"arg{i}", value) for i, (_, value) in enumerate(named) if isinstance(value, kagari.Tensor)]
        before = {name: value.detach().clone() for name, value in (self.module.named_buffers() if self.module is not None else ())}
        state = kagari.get_rng_state()
        try:
            result = recorder.run(lambda: self.function(*clones[0], **clones[1]), tensors, _refuse)
        finally:
            kagari.set_rng_state(state)
            with kagari.no_grad():
                for name, value in before.items():
                    if not kagari.equal(attributes[name], value):
                        attributes[name].copy_(value)
        leaves, out_spec = _pytree.tree_flatten(result)
        changed = [value for value in [*attributes.values(), *(value for _, value in tensors)] if _is_changed(recorder, value)]
        if changed:
            raise NotImplementedError("the function changes its arguments or buffers, which graphs for backends cannot do")
        recorder.finish([leaf for leaf in leaves if isinstance(leaf, kagari.Tensor)])
        root = {**recorder.constants, **attributes}
        used = {node.target for node in recorder.graph.nodes if node.op == "get_attr"}
        module = GraphModule({name: value for name, value in root.items() if name in used}, recorder.graph)
        inputs = [leaf for leaf in _pytree.tree_leaves((args, kwargs)) if isinstance(leaf, kagari.Tensor)]
        return module, inputs, out_spec, [_TENSOR if isinstance(leaf, kagari.Tensor) else leaf for leaf in leaves]


_TENSOR = object()


def _is_changed(recorder, tensor):
    handle = recorder.handles.get(kagari._C._tensor_identity(tensor))
    return handle is not None and handle.root.version > 0


def _kind(leaf):
    if isinstance(leaf, kagari.Tensor):
        return (type(leaf), tuple(leaf.shape), leaf.dtype, leaf.requires_grad)
    try:
        hash(leaf)
    except TypeError:
        return repr(leaf)
    return (type(leaf), leaf)
