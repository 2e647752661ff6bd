"""Recording a module as an exported program."""
import inspect
import warnings

import kagari
from kagari.export import dynamic_shapes as shapes
from kagari.export.graph_signature import (ConstantArgument, ExportGraphSignature, InputKind, InputSpec, OutputKind, OutputSpec, TensorArgument)
from kagari.fx._dynamic_sizes import Generalizer, NotExpressible
from kagari.fx._recording import Recorder, TensorValue, flat_names
from kagari.utils import _pytree

PROBES = 5                                       # recordings at other sizes, beside the one of the example


class Recorded:
    """A recorded program: graph with get_attr nodes for what belongs to the module, and what is known around it."""

    def __init__(self, graph, constants, spec, names, out_spec, outputs, mutated, symbols):
        self.graph, self.constants, self.in_spec, self.names = graph, constants, spec, names
        self.out_spec, self.outputs, self.mutated, self.symbols = out_spec, outputs, mutated, symbols


def parameters_of(function):
    """Names of a function's positional parameters."""
    try:
        return [p.name for p in inspect.signature(function).parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    except (TypeError, ValueError):
        return []


def refuse_reads():
    """What recording does when Python reads a value that depends on the inputs: the graph would hold what it was in the example."""
    from kagari.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode
    raise GuardOnDataDependentSymNode(None, "the program turns a tensor that depends on its inputs into a Python value (it branches on it, indexes with it, or calls item()), "
                                            "which cannot be recorded; use torch.where, gather or index_select instead")


def warn_of_reads():
    """The same for traces, which hold the example's value."""
    from kagari.jit import TracerWarning
    warnings.warn("Converting a tensor to a Python value might cause the trace to be incorrect: it holds what the value was for the example inputs, which it will "
                  "be for all other inputs, too.", TracerWarning, stacklevel=2)


def record(module, args, kwargs, dynamic, whole, on_read=refuse_reads):
    """Records module(*args, **kwargs); `dynamic` is a list of dynamic_shapes.Dynamic. Buffers and arguments keep their values."""
    attributes = [*module.named_parameters(), *module.named_buffers()] if isinstance(module, kagari.nn.Module) else []
    kept = [(value, value.detach().clone()) for name, value in (module.named_buffers() if isinstance(module, kagari.nn.Module) else ())]
    state = kagari.get_rng_state()
    symbols = _symbols(dynamic)
    try:
        base = _record_once(module, args, kwargs, attributes, whole, on_read)
        dropped = set()
        while symbols:
            wanted = {name: one for name, one in symbols.items() if name not in dropped}
            try:
                return _generalize(base, module, args, kwargs, attributes, whole, wanted, on_read, state)
            except NotExpressible as error:
                optional = [name for name, one in wanted.items() if one["auto"]]
                if not optional:
                    raise shapes._user_error(f"Constraints violated: the dynamic dimensions {', '.join(wanted)} cannot all be dynamic: {error}") from None
                dropped.update(optional)
                base = _record_once(module, args, kwargs, attributes, whole, on_read)
                if len(dropped) == len(symbols):
                    break
        return base
    finally:
        with kagari.no_grad():
            for value, before in kept:
                if not kagari.equal(value, before):
                    value.copy_(before)
        kagari.set_rng_state(state)


def _record_once(module, args, kwargs, attributes, whole, on_read):
    forward = module.forward if isinstance(module, kagari.nn.Module) else module
    clones = {}

    def own(x):
        if not isinstance(x, kagari.Tensor):
            return x
        if id(x) not in clones:
            clones[id(x)] = x.detach().clone(memory_format=kagari.preserve_format).requires_grad_(x.requires_grad and x.is_floating_point())
        return clones[id(x)]
    args, kwargs = _pytree.tree_map(own, (tuple(args), dict(kwargs)))
    named, spec = flat_names(args, kwargs, parameters_of(forward))
    named = _distinct(named)
    recorder = Recorder(whole)
    for name, value in attributes:
        recorder.attribute(value, name)
    with kagari.compiler._exporting():
        result = recorder.run(lambda: module(*args, **kwargs), named, on_read)
    leaves, out_spec = _pytree.tree_flatten(result)
    mutated = [(name, value) for name, value in [*attributes, *named] if isinstance(value, kagari.Tensor) and _changed(recorder, value)]
    recorder.finish([value for _, value in mutated] + leaves)
    return Recorded(recorder.graph, recorder.constants, spec, named, out_spec, leaves, [name for name, _ in mutated], {})


def _changed(recorder, tensor):
    handle = recorder.handles.get(kagari._C._tensor_identity(tensor))
    return handle is not None and handle.root.version > 0 and not handle.chain


def _distinct(named):
    seen, out = set(), []
    for name, value in named:
        base, number = name, 1
        while name in seen:
            name, number = f"{base}_{number}", number + 1
        seen.add(name)
        out.append((name, value))
    return out


def _symbols(dynamic):
    """name -> {places, dim}: one for each named dimension, one for each place of a hint."""
    symbols = {}
    for one in dynamic:
        if isinstance(one.spec, shapes.Dim):
            root = one.spec.root
            entry = symbols.setdefault(root.__name__, {"places": [], "min": root.min, "max": root.max, "auto": False})
            entry["places"].append(one)
        else:
            symbols[f"s{len(symbols)}"] = {"places": [one], "min": one.spec.min or 0, "max": one.spec.max, "auto": one.spec.type == "AUTO"}
    return symbols


def _size_now(entry, leaves):
    one = entry["places"][0]
    size = leaves[one.leaf].shape[one.dim]
    if isinstance(one.spec, shapes.Dim):
        return (size - one.spec.offset) // one.spec.scale
    return size


def _probe_sizes(entry, now, order, attempt):
    """Sizes unlike the example's and unlike those of other symbols."""
    low, high = max(entry["min"], 1), entry["max"] if entry["max"] is not None else 1 << 30
    steps = [(1, 3, 2, 7, 4), (2, 1, 5, 3, 8), (3, 4, 1, 6, 2), (5, 2, 4, 1, 7)][order % 4] if attempt == 0 else None
    if attempt == 0:
        wanted = [now + step for step in steps]
    else:                                        # models that need multiples of something: multiples of the present size, then of 32
        factor = (now, 32, 64)[min(attempt - 1, 2)]
        wanted = [factor * k for k in ([(2, 4, 3, 6, 5), (3, 2, 5, 4, 7), (4, 3, 2, 7, 5), (5, 4, 3, 2, 6)][order % 4])]
    out = []
    for size in wanted:
        if not low <= size <= high or size == now:
            size = next((s for s in range(low, min(high, low + 64) + 1) if s != now and s not in out), None)
            if size is None:
                raise shapes._user_error("a dynamic dimension whose range allows one size only")
        out.append(size)
    return out


def resized(tensor, dim, size):
    """A tensor of another size, with elements of this one."""
    at = kagari.arange(size) % max(tensor.shape[dim], 1)
    return tensor.detach().index_select(dim, at).requires_grad_(tensor.requires_grad and tensor.is_floating_point())


def _generalize(base, module, args, kwargs, attributes, whole, symbols, on_read, state):
    leaves, spec = _pytree.tree_flatten((tuple(args), dict(kwargs)))
    now = {name: _size_now(entry, leaves) for name, entry in symbols.items()}
    failure = None
    for attempt in range(3):
        probes = PROBES if len(symbols) > 1 else 3       # one dimension is told apart from constants sooner
        vectors = {name: [now[name], *_probe_sizes(entry, now[name], i, attempt)[:probes]] for i, (name, entry) in enumerate(symbols.items())}
        recordings = [base]
        try:
            for probe in range(1, probes + 1):
                other = list(leaves)
                for name, entry in symbols.items():
                    for one in entry["places"]:
                        size = vectors[name][probe]
                        size = one.spec.value(size) if isinstance(one.spec, shapes.Dim) else size
                        other[one.leaf] = resized(other[one.leaf], one.dim, size)
                probe_args, probe_kwargs = _pytree.tree_unflatten(other, spec)
                kagari.set_rng_state(state)
                recordings.append(_record_once(module, probe_args, probe_kwargs, attributes, whole, on_read))
            break
        except (RuntimeError, ValueError, IndexError, AssertionError) as error:
            failure = error
    else:
        raise NotExpressible(f"the program does not run on other sizes ({type(failure).__name__}: {failure})")
    names = [name for name, _ in base.names]
    sources = {}
    for name, entry in symbols.items():
        one = next((p for p in entry["places"] if not isinstance(p.spec, shapes.Dim) or (p.spec.scale, p.spec.offset) == (1, 0)), None)
        if one is None:
            raise shapes._user_error(f"the dimension {name} is only used in derived dimensions")
        sources[name] = (names[one.leaf], one.dim)
    _check_constants(recordings)
    Generalizer([one.graph for one in recordings], vectors, sources).run()
    base.symbols = {name: {"min": entry["min"], "max": entry["max"], "source": sources[name]} for name, entry in symbols.items()}
    return base


def _check_constants(recordings):
    first = recordings[0].constants
    for one in recordings[1:]:
        same = list(one.constants) == list(first) and all(kagari.equal(a, b) if a.shape == b.shape else False for a, b in zip(first.values(), one.constants.values()))
        if not same:
            raise NotExpressible("a tensor that the program makes from the sizes of inputs outside of operators")


def lift(recorded, module):
    """(GraphModule whose parameters, buffers and constants are inputs, signature, constants)."""
    graph = recorded.graph
    parameters = dict(module.named_parameters(remove_duplicate=False)) if isinstance(module, kagari.nn.Module) else {}
    buffers = dict(module.named_buffers(remove_duplicate=False)) if isinstance(module, kagari.nn.Module) else {}
    persistent = set(module.state_dict(keep_vars=True)) if isinstance(module, kagari.nn.Module) else set()
    used = {node.target: node for node in graph.nodes if node.op == "get_attr"}
    first = next(iter(graph.nodes))
    specs = []

    def lifted(prefix, name, kind, value, keep=None):
        with graph.inserting_before(first):
            node = graph.placeholder(f"{prefix}_{name.replace('.', '_').lstrip('_')}")
        node.meta["val"] = TensorValue(value)
        old = used.get(name)
        if old is not None:
            old.replace_all_uses_with(node)
            graph.erase_node(old)
        specs.append(InputSpec(kind, TensorArgument(node.name), name, keep))
    for name, value in (module.named_parameters() if isinstance(module, kagari.nn.Module) else ()):
        lifted("p", name, InputKind.PARAMETER, value)
    for name, value in (module.named_buffers() if isinstance(module, kagari.nn.Module) else ()):
        lifted("b", name, InputKind.BUFFER, value, name in persistent)
    for name, value in recorded.constants.items():
        lifted("c", name, InputKind.CONSTANT_TENSOR, value)
    user = [node for node in graph.nodes if node.op == "placeholder"][len(specs):]
    for node, (name, value) in zip(user, recorded.names):
        specs.append(InputSpec(InputKind.USER_INPUT, TensorArgument(node.name) if isinstance(value, kagari.Tensor) else ConstantArgument(node.name, value), None))
    output, out_specs = graph.output_node(), []
    for name, node in zip(recorded.mutated, output.args[0]):
        kind = OutputKind.BUFFER_MUTATION if name in buffers else OutputKind.PARAMETER_MUTATION if name in parameters else OutputKind.USER_INPUT_MUTATION
        out_specs.append(OutputSpec(kind, TensorArgument(node.name), name))
    for node in output.args[0][len(recorded.mutated):]:
        is_node = isinstance(node, kagari.fx.Node)
        out_specs.append(OutputSpec(OutputKind.USER_OUTPUT, TensorArgument(node.name) if is_node else ConstantArgument("", node), None))
    return kagari.fx.GraphModule({}, graph), ExportGraphSignature(specs, out_specs)
