"""Groups of nodes that came from the same module or function of the program."""
import dataclasses

__all__ = ["SourcePartition", "check_subgraphs_connected", "get_source_partitions"]


@dataclasses.dataclass
class SourcePartition:
    """The nodes that one source made, with those that lead into and out of them."""
    nodes: list
    source: object
    input_nodes: list = dataclasses.field(default_factory=list)
    output_nodes: list = dataclasses.field(default_factory=list)
    params: list = dataclasses.field(default_factory=list)


def get_source_partitions(graph, wanted_sources, filter_fn=None):
    """source -> its partitions, for modules' classes in nodes' nn_module_stack and functions that are targets."""
    found = {}
    for node in graph.nodes:
        stack = node.meta.get("source_fn_stack") or [(path, kind) for path, kind in node.meta.get("nn_module_stack", {}).values()][-1:]
        source = stack[-1] if stack else (node.name, node.target) if node.op == "call_function" else None
        if source is not None and source[1] in wanted_sources:
            found.setdefault(source[1], {}).setdefault(source[0], []).append(node)
    out = {}
    for source, groups in found.items():
        for nodes in groups.values():
            inside = set(nodes)
            inputs = [used for node in nodes for used in node.all_input_nodes if used not in inside]
            params = [used for used in inputs if used.op == "get_attr"]
            outputs = [node for node in nodes if any(user not in inside for user in node.users)]
            part = SourcePartition(nodes, source, [used for used in dict.fromkeys(inputs) if used.op != "get_attr"], outputs, params)
            if filter_fn is None or all(map(filter_fn, nodes)):
                out.setdefault(source, []).append(part)
    return out


def check_subgraphs_connected(subgraph1, subgraph2):
    """Whether a node of the second uses one of the first."""
    return any(used in subgraph1.output_nodes for node in subgraph2.nodes for used in node.all_input_nodes)
