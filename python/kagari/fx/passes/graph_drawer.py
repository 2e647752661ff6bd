"""Pictures of graphs, drawn with Graphviz through the package pydot."""
from kagari.fx.node import _get_qualified_name

__all__ = ["FxGraphDrawer"]

_COLORS = {"placeholder": "AliceBlue", "call_module": "LemonChiffon1", "get_param": "Yellow2", "get_attr": "LightGrey", "output": "PowderBlue"}


class FxGraphDrawer:
    """A drawing of a GraphModule. Raises RuntimeError if pydot is not installed."""

    def __init__(self, graph_module, name, ignore_getattr=False, ignore_parameters_and_buffers=False, skip_node_names_in_args=True,
                 parse_stack_trace=False, dot_graph_shape=None, normalize_args=False):
        try:
            import pydot
        except ImportError:
            raise RuntimeError("FXGraphDrawer requires the pydot package to be installed. Please install pydot through your favorite Python package "
                               "manager.") from None
        self._name, self.shape = name, dot_graph_shape or "record"
        self._dot_graphs = {name: self._draw(pydot, graph_module, name, ignore_getattr)}

    def get_dot_graph(self, submod_name=None):
        """The pydot.Dot of the module."""
        return self._dot_graphs[self._name if submod_name is None else submod_name]

    def get_main_dot_graph(self):
        return self._dot_graphs[self._name]

    def get_submod_dot_graph(self, submod_name):
        return self._dot_graphs[f"{self._name}_{submod_name}"]

    def get_all_dot_graphs(self):
        return self._dot_graphs

    def _draw(self, pydot, module, name, ignore_getattr):
        dot = pydot.Dot(name, rankdir="TB")
        for node in module.graph.nodes:
            if ignore_getattr and node.op == "get_attr":
                continue
            target = node.target if isinstance(node.target, str) else _get_qualified_name(node.target)
            label = "{" + f"name=%{node.name}|op_code={node.op}\\n|target={target}\\n" + "}"
            dot.add_node(pydot.Node(node.name, label=label, shape=self.shape, style='"filled,rounded"', fillcolor=_COLORS.get(node.op, "LightBlue")))
            for used in node.all_input_nodes:
                if not (ignore_getattr and used.op == "get_attr"):
                    dot.add_edge(pydot.Edge(used.name, node.name))
        return dot
