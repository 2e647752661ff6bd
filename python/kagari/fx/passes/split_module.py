"""A graph cut into parts that are modules of their own."""
import dataclasses

from kagari.fx.graph import Graph
from kagari.fx.graph_module import GraphModule
from kagari.fx.node import map_arg

__all__ = ["Partition", "split_module"]


@dataclasses.dataclass
class Partition:
    """One part while it is being built."""
    name: str
    submod_name: str = ""
    node_names: list = dataclasses.field(default_factory=list)
    inputs: dict = dataclasses.field(default_factory=dict)
    outputs: dict = dataclasses.field(default_factory=dict)
    dependencies: dict = dataclasses.field(default_factory=dict)
    graph: Graph = dataclasses.field(default_factory=Graph)
    environment: dict = dataclasses.field(default_factory=dict)
    targets: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        self.submod_name = self.submod_name or f"submod_{self.name}"


def split_module(m, root_m, split_callback, qualname_map=None, keep_original_order=False, keep_original_node_name=False,
                 keep_original_input_name=True, *, partition_affix=None):
    """A module that calls submod_0, submod_1, ..., each with the nodes of m for which split_callback(node) gives that number.

    Raises RuntimeError if the parts depend on each other in a circle.
    """
    affix = "" if partition_affix is None else f"{partition_affix}_"
    parts, of = {}, {}
    calls = [node for node in m.graph.nodes if node.op not in ("placeholder", "output")]
    for node in calls:
        if node.op == "get_attr":
            continue
        name = str(split_callback(node))
        part = parts.setdefault(name, Partition(name, f"submod_{affix}{name}"))
        part.node_names.append(node.name)
        of[node] = part
    output = m.graph.output_node()
    for node in of:
        for used in node.all_input_nodes:
            if used.op == "get_attr":
                continue
            if of.get(used) is not of[node]:
                of[node].inputs.setdefault(used)
                if used in of:
                    of[used].outputs.setdefault(used)
                    of[node].dependencies.setdefault(of[used].name)
    for used in output.all_input_nodes:
        if used in of:
            of[used].outputs.setdefault(used)
    order = list(parts) if keep_original_order else _sorted(parts)
    for part in parts.values():
        for used in part.inputs:
            placeholder = part.graph.placeholder(used.name, type_expr=used.type)
            placeholder.meta = dict(used.meta)
            part.environment[used] = placeholder
    attributes = {}
    for node in calls:
        if node.op == "get_attr":
            attributes[node] = node.target
            continue
        part = of[node]

        def mapped(used, part=part):
            if used not in part.environment:
                part.environment[used] = part.graph.node_copy(used)          # an attribute, read in the part that needs it
            return part.environment[used]
        made = part.graph.create_node(node.op, node.target, map_arg(node.args, mapped), map_arg(node.kwargs, mapped),
                                      node.name if keep_original_node_name else None, node.type)
        made.meta = dict(node.meta)
        part.environment[node] = made
        if qualname_map is not None and isinstance(node.target, str):
            qualname_map[f"{part.submod_name}.{node.target}"] = node.target
    return _assemble(m, root_m, parts, order, output, attributes)


def _sorted(parts):
    """Names of the parts, each after those it depends on."""
    order, state = [], {}

    def visit(name):
        if state.get(name) == "done":
            return
        if state.get(name) == "open":
            raise RuntimeError("cycle exists between partitions!")
        state[name] = "open"
        for before in parts[name].dependencies:
            visit(before)
        state[name] = "done"
        order.append(name)
    for name in parts:
        visit(name)
    return order


def _assemble(m, root_m, parts, order, output, attributes):
    base, base_env, modules = Graph(), {}, {}
    for node in m.graph.nodes:
        if node.op == "placeholder":
            base_env[node] = base.node_copy(node)
    for name in order:
        part = parts[name]
        results = tuple(part.environment[node] for node in part.outputs)
        if results:
            part.graph.output(results[0] if len(results) == 1 else results)
        else:
            part.graph.output(None)
        modules[part.submod_name] = GraphModule(root_m, part.graph)
        call = base.call_module(part.submod_name, tuple(base_env[used] for used in part.inputs))
        if len(part.outputs) == 1:
            base_env[next(iter(part.outputs))] = call
        else:
            import operator
            for i, node in enumerate(part.outputs):
                base_env[node] = base.call_function(operator.getitem, (call, i))
    for node, target in attributes.items():
        if node in output.all_input_nodes:
            base_env[node] = base.get_attr(target)
            value = root_m
            for part in target.split("."):
                value = getattr(value, part)
            modules[target] = value
    base.output(map_arg(output.args[0], lambda used: base_env[used]))
    return GraphModule(modules, base)
