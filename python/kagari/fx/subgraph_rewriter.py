"""Replacing parts of a graph by other graphs."""
import copy
import typing

from kagari.fx._symbolic_trace import symbolic_trace
from kagari.fx.graph import Graph
from kagari.fx.graph_module import GraphModule
from kagari.fx.node import Node
from kagari.fx.passes.utils.matcher_utils import SubgraphMatcher
from kagari.nn import Module

__all__ = ["Match", "ReplacedPatterns", "replace_pattern", "replace_pattern_with_filters"]


class Match(typing.NamedTuple):
    """Where a pattern was found: the node of its result, and the graph's node for each of the pattern's."""
    anchor: Node
    nodes_map: dict


class ReplacedPatterns:
    """A match and the nodes that took its place."""

    def __init__(self, anchor, nodes_map, replacements):
        self.anchor, self.nodes_map, self.replacements = anchor, nodes_map, replacements


def _replace_attributes(gm, replacement):
    """Gives gm the modules and attributes that nodes from `replacement` name; drops those that nobody names any more."""
    gm.delete_all_unused_submodules()
    if not isinstance(replacement, (GraphModule, Module)):
        return
    for node in gm.graph.nodes:
        if node.op not in ("call_module", "get_attr") or _attribute(gm, node.target) is not None:
            continue
        found = _attribute(replacement, node.target)
        if found is None:
            raise RuntimeError(f'Attempted to create a "{node.op}" node with target "{node.target}", which neither the graph module nor the replacement has')
        if isinstance(found, Module):
            gm.add_submodule(node.target, copy.deepcopy(found))
        else:
            from kagari.fx.graph_module import _assign_attr
            _assign_attr(found, gm, node.target)


def _attribute(module, path):
    for part in path.split("."):
        module = getattr(module, part, None)
    return module


def replace_pattern(gm, pattern, replacement):
    """Replaces every part of gm's graph that does what `pattern` does by what `replacement` does.

    Both are functions or modules with the same arguments. Returns a Match for each place; overlapping places after the first
    are left as they are.

    >>> import kagari as torch
    >>> gm = torch.fx.symbolic_trace(lambda x: torch.relu(torch.neg(x)))
    >>> len(torch.fx.replace_pattern(gm, lambda a: torch.relu(a), lambda a: torch.abs(a)))
    1
    >>> gm(torch.tensor([2.]))
    tensor([2.])
    """
    return [Match(one.anchor, one.nodes_map) for one in _replace_pattern(gm, pattern, replacement)]


def replace_pattern_with_filters(gm, pattern, replacement=None, match_filters=None, ignore_literals=False, replacement_callback=None,
                                 node_name_match=""):
    """The same, where every filter(match, graph, pattern graph) agrees. ReplacedPatterns for each place.

    replacement_callback(match, graph, pattern graph) gives the replacement's graph instead of `replacement`.
    """
    return _replace_pattern(gm, pattern, replacement, match_filters, ignore_literals, replacement_callback)


def _graph_of(thing):
    if isinstance(thing, GraphModule):
        return thing.graph
    return thing if isinstance(thing, Graph) else symbolic_trace(thing).graph


def _replace_pattern(gm, pattern, replacement=None, match_filters=None, ignore_literals=False, replacement_callback=None):
    graph, pattern_graph = gm.graph, _graph_of(pattern)
    matcher = SubgraphMatcher(pattern_graph, match_output=False, match_placeholder=False, remove_overlapping_matches=True, ignore_literals=ignore_literals)
    matches = [match for match in matcher.match(graph) if all(test(match, graph, pattern_graph) for test in match_filters or ())]
    fixed = None if replacement is None else _graph_of(replacement)
    if fixed is None and replacement_callback is None:
        raise AssertionError("Must provide either a replacement GraphModule or a replacement callback")
    done, moved = [], {}
    for match in matches:
        new = fixed if fixed is not None else replacement_callback(match, graph, pattern_graph)
        placeholders = [node for node in new.nodes if node.op == "placeholder"]
        if len(placeholders) != len(match.placeholder_nodes):
            raise AssertionError("the pattern and the replacement need the same number of arguments")
        value_map = {}
        for ours, theirs in zip(placeholders, match.placeholder_nodes):
            theirs = moved.get(theirs, theirs) if isinstance(theirs, Node) else theirs
            value_map[ours] = theirs
        last_input = max((node for node in value_map.values() if isinstance(node, Node)), key=lambda n: n._position(), default=None)
        first = min((node for node in match.returning_nodes), key=lambda n: n._position())
        place = first if last_input is None or last_input._position() < first._position() else last_input.next
        with graph.inserting_before(place):
            result = graph.graph_copy(new, value_map)
        outs = [result] if isinstance(result, Node) else list(result)
        if len(outs) != len(match.returning_nodes):
            raise AssertionError("the pattern and the replacement need the same number of results")
        for old, node in zip(match.returning_nodes, outs):
            old.replace_all_uses_with(node)
            moved[old] = node
        for node in reversed(pattern_graph.nodes):
            if node.op not in ("placeholder", "output"):
                found = match.nodes_map[node]
                if not found.users and not found._erased:
                    graph.erase_node(found)
        done.append(ReplacedPatterns(match.anchors[0], match.nodes_map, [value for key, value in value_map.items() if key not in placeholders]))
    gm.recompile()
    _replace_attributes(gm, replacement if isinstance(replacement, Module) else None)
    return done

