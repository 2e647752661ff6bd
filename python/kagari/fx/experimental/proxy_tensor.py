"""make_fx: functions as graphs of operators."""
import contextlib

import kagari
from kagari.fx._recording import Recorder
from kagari.fx.graph_module import GraphModule
from kagari.utils import _pytree

__all__ = ["disable_proxy_modes_tracing", "get_innermost_proxy_mode", "get_proxy_mode", "is_sym_node", "make_fx", "maybe_disable_fake_tensor_mode",
           "maybe_enable_thunkify"]


def make_fx(f, decomposition_table=None, tracing_mode="real", _allow_non_fake_inputs=False, *, pre_dispatch=False, record_module_stack=False,
            _allow_fake_constant=False, _error_on_data_dependent_ops=True, record_stack_traces=False):
    """A function that runs f on its arguments and gives the GraphModule of the operators that f called.

    Compositions are opened. Tensors that f closes over become attributes of the module. Raises NotImplementedError for
    decomposition tables and symbolic sizes (see torch.export.export for these).

    >>> import kagari as torch
    >>> print(torch.fx.experimental.proxy_tensor.make_fx(lambda x: torch.sin(x) + 1)(torch.ones(2)).code.strip())
    def forward(self, arg0_1):
        sin = torch.ops.aten.sin.default(arg0_1);  arg0_1 = None
        add = torch.ops.aten.add.Tensor(sin, 1);  sin = None
        return add
    """
    if decomposition_table:
        raise NotImplementedError("make_fx: tables of decompositions are not supported; the compositions of the core are opened")
    if tracing_mode not in ("real", "fake"):
        raise NotImplementedError(f"make_fx: tracing_mode={tracing_mode!r} is not supported; torch.export.export records dynamic sizes")

    def wrapped(*args):
        recorder = Recorder(None if pre_dispatch else ())
        attributes = dict([*f.named_parameters(), *f.named_buffers()]) if isinstance(f, kagari.nn.Module) else {}
        for name, value in attributes.items():
            recorder.attribute(value, name)

        def own(x):
            return x.detach().clone() if isinstance(x, kagari.Tensor) else x
        leaves, spec = _pytree.tree_flatten(args)
        clones = [own(leaf) for leaf in leaves]
        named = [(f"arg{i}_1", leaf) for i, leaf in enumerate(clones)]
        result = recorder.run(lambda: f(*_pytree.tree_unflatten(clones, spec)), named)
        flat, out_spec = _pytree.tree_flatten(result)
        output = recorder.finish(flat)
        output.args = (_pytree.tree_unflatten(list(output.args[0]), out_spec),)
        root = {**recorder.constants, **attributes}
        used = {node.target for node in recorder.graph.nodes if node.op == "get_attr"}
        return GraphModule({name: value for name, value in root.items() if name in used}, recorder.graph)
    return wrapped


def get_proxy_mode():
    """The mode that records operators: None, since recording is done by the core."""
    return None


get_innermost_proxy_mode = get_proxy_mode


def is_sym_node(node):
    """Whether a node is a size."""
    return "expression" in node.meta


@contextlib.contextmanager
def disable_proxy_modes_tracing(enable_current=False):
    """Inside nothing is recorded by modes; changes nothing."""
    yield


@contextlib.contextmanager
def maybe_disable_fake_tensor_mode():
    """Changes nothing: there are no fake tensors."""
    yield


@contextlib.contextmanager
def maybe_enable_thunkify():
    """Changes nothing."""
    yield
