"""Marks for the compiler front end."""
from kagari._dynamo import (allow_in_graph, assume_constant_result, disable, disallow_in_graph, forbid_in_graph, graph_break, mark_dynamic, mark_static, mark_static_address,
                            mark_unbacked, maybe_mark_dynamic, run, set_stance, substitute_in_graph)

__all__ = ["allow_in_graph", "assume_constant_result", "disable", "disallow_in_graph", "forbid_in_graph", "graph_break", "mark_dynamic", "mark_static",
           "mark_static_address", "mark_unbacked", "maybe_mark_dynamic", "run", "set_stance", "substitute_in_graph"]


class _DimRange:
    """The range of a dynamic dimension. Checkpoints of nested tensors hold some; they say nothing here."""

    def __setstate__(self, state):
        self.state = state
