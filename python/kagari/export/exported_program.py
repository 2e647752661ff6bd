"""Exported programs: a graph without Python, its weights, and what its inputs may be."""
import dataclasses

import kagari
from kagari.export._trace import lift, record
from kagari.export.graph_signature import InputKind, OutputKind
from kagari.fx._dynamic_sizes import evaluate, text
from kagari.fx._codegen import _PyTreeCodeGen, _PyTreeInfo
from kagari.fx.graph import Graph
from kagari.fx.graph_module import GraphModule, _assign_attr
from kagari.utils import _pytree

__all__ = ["ExportedProgram", "ModuleCallEntry", "ModuleCallSignature"]


@dataclasses.dataclass
class ModuleCallSignature:
    """How a module of the original program is called."""
    inputs: list
    outputs: list
    in_spec: object
    out_spec: object
    forward_arg_names: object = None


@dataclasses.dataclass
class ModuleCallEntry:
    """A module's path and its signature, if that was kept."""
    fqn: str
    signature: object = None


@dataclasses.dataclass
class CallSpec:
    """The structure of arguments and results."""
    in_spec: object
    out_spec: object


class ValueRange:
    """The sizes that a dynamic dimension may have."""

    def __init__(self, lower, upper):
        self.lower, self.upper = lower, upper

    def __repr__(self):
        return f"VR[{self.lower}, {'int_oo' if self.upper is None else self.upper}]"


class _Guards(kagari.nn.Module):
    """Checks that arguments have the sizes the graph was recorded for. AssertionError if not."""

    def __init__(self, checks, symbols):
        super().__init__()
        self.checks, self.symbols = checks, symbols

    def forward(self, *args):
        sizes = {}
        for name, entry in self.symbols.items():
            place, dim = entry["source"]
            i = next(i for i, (one, _) in enumerate(self.checks) if one == place)
            size = args[i].shape[dim]
            if size < entry["min"] or entry["max"] is not None and size > entry["max"]:
                raise AssertionError(f"Guard failed: {entry['min']} <= {place}.size()[{dim}]" + (f" <= {entry['max']}" if entry["max"] is not None else ""))
            sizes[name] = size
        for (name, expected), value in zip(self.checks, args):
            if expected is None:
                continue
            if not isinstance(value, kagari.Tensor) or value.dim() != len(expected):
                raise AssertionError(f"Guard failed: {name} is a tensor of {len(expected)} dimensions")
            for dim, (want, have) in enumerate(zip(expected, value.shape)):
                if evaluate(want, sizes) != have:
                    raise AssertionError(f"Guard failed: {name}.size()[{dim}] == {text(want)}")


class _ExportedCodeGen(_PyTreeCodeGen):
    """forward(*positional, **keywords) with the names of the exported module."""

    def __init__(self, info, positional, keywords):
        super().__init__(info)
        self.positional, self.keywords = positional, keywords

    def gen_fn_def(self, free_vars, maybe_return_annotation):
        names = [*self.positional, *(["*"] if self.keywords else []), *self.keywords]
        head = f"def {self._func_name}({', '.join(['self', *names])}){maybe_return_annotation}:"
        if not free_vars:
            return head
        keywords = "{" + ", ".join(f"'{name}': {name}" for name in self.keywords) + "}"
        plain = [name.partition(":")[0].strip() for name in free_vars]
        return (f"{head}\n    {', '.join(plain)}{',' if len(plain) == 1 else ''} = fx_pytree.tree_flatten_spec(([{', '.join(self.positional)}], {keywords}), "
                "self._in_spec)")

    def process_inputs(self, *args):
        return _pytree.tree_leaves((args, {}))


class ExportedProgram:
    """What torch.export.export gives.

    graph_module: a graph of operators whose first inputs are parameters, buffers and constants; graph_signature says which.
    module() gives a callable module again.
    """

    def __init__(self, graph_module, graph_signature, state_dict, constants, call_spec, symbols, argument_names, example_inputs=None, dynamic=()):
        self._graph_module, self._graph_signature, self._state_dict, self._constants = graph_module, graph_signature, state_dict, constants
        self._call_spec, self._symbols, self._argument_names = call_spec, symbols, argument_names
        self._example_inputs, self._dynamic = example_inputs, list(dynamic)

    # --- parts ---------------------------------------------------------------------------------
    graph_module = property(lambda self: self._graph_module)
    graph = property(lambda self: self._graph_module.graph)
    graph_signature = property(lambda self: self._graph_signature)
    state_dict = property(lambda self: self._state_dict)
    constants = property(lambda self: self._constants)
    tensor_constants = property(lambda self: self._constants)
    call_spec = property(lambda self: self._call_spec)
    example_inputs = property(lambda self: self._example_inputs)
    dialect = property(lambda self: "TRAINING")

    @property
    def module_call_graph(self):
        return [ModuleCallEntry("", ModuleCallSignature([], [], self._call_spec.in_spec, self._call_spec.out_spec))]

    @property
    def range_constraints(self):
        """Dynamic dimension -> the sizes it may have."""
        return {name: ValueRange(entry["min"], entry["max"]) for name, entry in self._symbols.items()}

    def parameters(self):
        for _, value in self.named_parameters():
            yield value

    def named_parameters(self):
        for name in self._graph_signature.parameters:
            yield name, self._state_dict[name]

    def buffers(self):
        for _, value in self.named_buffers():
            yield value

    def named_buffers(self):
        for name in self._graph_signature.buffers:
            yield name, self._state_dict[name] if name in self._state_dict else self._constants[name]

    def _value_of(self, target):
        return self._state_dict[target] if target in self._state_dict else self._constants[target]

    # --- use -----------------------------------------------------------------------------------
    def module(self, check_guards=True):
        """A GraphModule that is called like the exported module, with the program's weights."""
        graph, made, root = Graph(), {}, kagari.nn.Module()
        specs = self._graph_signature.input_specs
        lifted = {spec.arg.name: spec.target for spec in specs if spec.kind is not InputKind.USER_INPUT}
        placeholders = [node for node in self.graph.nodes if node.op == "placeholder"]
        user = [node for node in placeholders if node.name not in lifted]
        for node in user:
            made[node] = graph.node_copy(node)
        for node in placeholders:
            if node.name in lifted:
                made[node] = graph.get_attr(lifted[node.name])
                made[node].meta = dict(node.meta)
                _assign_attr(self._value_of(lifted[node.name]), root, lifted[node.name])
        if check_guards:
            checks = [(node.target, node.meta.get("sizes", list(node.meta["val"].shape)) if hasattr(node.meta["val"], "shape") else None) for node in user]
            root.add_module("_guards_fn", _Guards(checks, self._symbols))
            graph.call_module("_guards_fn", tuple(made[node] for node in user))
        values, out_specs = graph.graph_copy(self.graph, made), self._graph_signature.output_specs
        values = list(values)
        for spec, value in zip(out_specs, values):
            if spec.kind in (OutputKind.BUFFER_MUTATION, OutputKind.PARAMETER_MUTATION):
                graph.call_method("copy_", (graph.get_attr(spec.target), value))
            elif spec.kind is OutputKind.USER_INPUT_MUTATION:
                graph.call_method("copy_", (next(made[node] for node in user if node.target == spec.target), value))
        graph.output([value for spec, value in zip(out_specs, values) if spec.kind is OutputKind.USER_OUTPUT])
        positional, keywords = self._argument_names
        graph.set_codegen(_ExportedCodeGen(_PyTreeInfo([*positional, *keywords], self._call_spec.in_spec, self._call_spec.out_spec), positional, keywords))
        module = GraphModule(root, graph)
        for name, _ in self.named_buffers():
            if name not in self._state_dict and "." not in name and name in module._buffers:
                module._non_persistent_buffers_set.add(name)
        return module

    def __call__(self, *args, **kwargs):
        raise RuntimeError("Unable to call ExportedProgram directly; call exported_program.module()")

    def run_decompositions(self, decomp_table=None, decompose_custom_triton_ops=False):
        """The program in terms of the operators that kagari's compositions consist of."""
        if decomp_table is not None and len(decomp_table):
            raise NotImplementedError("run_decompositions: tables of decompositions are not supported; the compositions of the core are opened")
        return self.recorded_again(())

    def recorded_again(self, whole):
        """The same program recorded with other composed operators kept whole."""
        if self._example_inputs is None:
            raise RuntimeError("the program was loaded without example inputs, which recording it again needs")
        args, kwargs = self._example_inputs
        return make_exported(self.module(check_guards=False), args, kwargs, self._dynamic, whole, self._argument_names)

    def validate(self):
        """Raises if the graph is not sound."""
        self.graph.lint()

    def __str__(self):
        def indented(text):
            return text.replace("\n", "\n    ")
        code = indented(self._graph_module.print_readable(print_output=False))
        ranges = ", ".join(f"{name}: {entry!r}" for name, entry in self.range_constraints.items())
        return f"ExportedProgram:\n    {code}\nGraph signature: {indented(str(self._graph_signature))}\nRange constraints: {{{ranges}}}\n"

    def __deepcopy__(self, memo):
        import copy
        return ExportedProgram(copy.deepcopy(self._graph_module, memo), copy.deepcopy(self._graph_signature, memo), copy.deepcopy(self._state_dict, memo),
                               copy.deepcopy(self._constants, memo), self._call_spec, self._symbols, self._argument_names, self._example_inputs, self._dynamic)


def make_exported(module, args, kwargs, dynamic, whole=None, argument_names=None):
    """Records the module and puts the ExportedProgram together."""
    recorded = record(module, args, kwargs, dynamic, whole)
    graph_module, signature = lift(recorded, module)
    is_module = isinstance(module, kagari.nn.Module)
    state = dict(module.state_dict(keep_vars=True)) if is_module else {}
    constants = dict(recorded.constants)
    if is_module:
        constants.update((name, value) for name, value in module.named_buffers() if name not in state)
    if argument_names is None:
        from kagari.export._trace import parameters_of
        names = parameters_of(module.forward if is_module else module)
        positional = [names[i] if i < len(names) else f"args_{i - len(names)}" for i in range(len(args))]
        argument_names = (positional, list(kwargs))
    return ExportedProgram(graph_module, signature, state, constants, CallSpec(recorded.in_spec, recorded.out_spec), recorded.symbols, argument_names,
                           (tuple(args), dict(kwargs)), dynamic)


