"""Finding the places where a graph does what another graph does."""
import dataclasses

from kagari.fx.node import Node

__all__ = ["InternalMatch", "SubgraphMatcher"]


@dataclasses.dataclass
class InternalMatch:
    """One place: anchors are its last nodes, nodes_map leads from the pattern's nodes to the graph's."""
    anchors: list
    nodes_map: dict = dataclasses.field(default_factory=dict)
    placeholder_nodes: list = dataclasses.field(default_factory=list)
    returning_nodes: list = dataclasses.field(default_factory=list)
    name_node_map: dict = dataclasses.field(default_factory=dict)

    def __copy__(self):
        return InternalMatch(list(self.anchors), dict(self.nodes_map), list(self.placeholder_nodes), list(self.returning_nodes), dict(self.name_node_map))


class SubgraphMatcher:
    """Looks for `pattern` in graphs, from its results backwards.

    match_output: the pattern's output must be the graph's. match_placeholder: its arguments must be arguments.
    remove_overlapping_matches: of two places that share a node the first is kept. ignore_literals: constants may differ.
    """

    def __init__(self, pattern, match_output=False, match_placeholder=False, remove_overlapping_matches=True, ignore_literals=False):
        self.pattern, self.match_output, self.match_placeholder = pattern, match_output, match_placeholder
        self.remove_overlapping_matches, self.ignore_literals = remove_overlapping_matches, ignore_literals
        if len(pattern.nodes) == 0:
            raise ValueError("SubgraphMatcher cannot be initialized with an empty pattern")
        self.pattern_placeholder_nodes = [node for node in pattern.nodes if node.op == "placeholder"]
        output = next(node for node in reversed(pattern.nodes) if node.op == "output")
        self.pattern_returning_nodes = list(output.all_input_nodes)
        if match_output:
            self.pattern_anchors = [output]
        else:
            self.pattern_anchors = [node for node in output.all_input_nodes if len(node.users) == 1]

    def _same_target(self, pn, gn):
        if pn.op != gn.op:
            return False
        if pn.op == "placeholder" or pn.op == "output":
            return True
        if pn.op == "get_attr":
            return _attribute_of(pn, self.pattern) is _attribute_of(gn, gn.graph) or pn.target.rpartition(".")[2] == gn.target.rpartition(".")[2]
        if pn.op == "call_module":
            mine, theirs = _attribute_of(pn, self.pattern), _attribute_of(gn, gn.graph)
            return type(mine) is type(theirs) if mine is not None and theirs is not None else pn.target == gn.target
        return pn.target == gn.target

    def _match(self, pn, gn, match):
        if isinstance(pn, Node) != isinstance(gn, Node):
            if not isinstance(pn, Node):
                return False
            if pn.op == "placeholder" and not self.match_placeholder:          # a constant where the pattern has an argument
                return match.nodes_map.setdefault(pn, gn) is gn or match.nodes_map[pn] == gn
            return False
        if not isinstance(pn, Node):
            return self.ignore_literals or (type(pn) is type(gn) and pn == gn)
        if pn in match.nodes_map:
            return match.nodes_map[pn] is gn
        if gn in match.nodes_map.values() and not (pn.op == "placeholder"):
            return False
        if pn.op == "placeholder" and not self.match_placeholder:
            match.nodes_map[pn] = gn
            return True
        if not self._same_target(pn, gn):
            return False
        match.nodes_map[pn] = gn
        if pn.op == "placeholder":
            return True
        if self._match_arguments(pn, gn, match):
            return True
        del match.nodes_map[pn]
        return False

    def _match_arguments(self, pn, gn, match):
        (pargs, pkwargs), (gargs, gkwargs) = _bound(pn), _bound(gn)
        if len(pargs) != len(gargs) or list(pkwargs) != list(gkwargs):
            return False
        before = dict(match.nodes_map)
        if self._match_tree(pargs, gargs, match) and self._match_tree([*pkwargs.values()], [*gkwargs.values()], match):
            return True
        match.nodes_map.clear()
        match.nodes_map.update(before)
        return False

    def _match_tree(self, p, g, match):
        if isinstance(p, (list, tuple)):
            return isinstance(g, (list, tuple)) and len(p) == len(g) and all(self._match_tree(a, b, match) for a, b in zip(p, g))
        if isinstance(p, dict):
            return isinstance(g, dict) and list(p) == list(g) and all(self._match_tree(p[key], g[key], match) for key in p)
        return self._match(p, g, match)

    def _is_contained(self, nodes_map):
        """Nobody outside of the place uses what the replacement will not give."""
        inside = {gn: pn for pn, gn in nodes_map.items() if isinstance(gn, Node) and pn.op != "placeholder"}
        return all(pn in self.pattern_returning_nodes or all(user in inside for user in gn.users) for gn, pn in inside.items())

    def match(self, graph, node_name_match=""):
        """The places in `graph`, in its order."""
        anchors = self.pattern_anchors
        candidates = [[node for node in graph.nodes if self._same_target(anchor, node)] for anchor in anchors]
        found = []

        def extend(i, match):
            if i == len(anchors):
                found.append(match)
                return
            for node in candidates[i]:
                trial = match.__copy__()
                if self._match(anchors[i], node, trial):
                    trial.anchors.append(node)
                    extend(i + 1, trial)
        extend(0, InternalMatch(anchors=[]))
        out, taken = [], set()
        for match in found:
            if len(match.nodes_map) < sum(node.op != "output" for node in self.pattern.nodes) - sum(1 for p in self.pattern_placeholder_nodes if not p.users):
                continue
            if not self._is_contained(match.nodes_map):
                continue
            inside = {gn for pn, gn in match.nodes_map.items() if isinstance(gn, Node) and pn.op not in ("placeholder", "output")}
            if self.remove_overlapping_matches and inside & taken:
                continue
            taken |= inside
            match.placeholder_nodes = [match.nodes_map.get(node) for node in self.pattern_placeholder_nodes]
            match.returning_nodes = [match.nodes_map[node] for node in self.pattern_returning_nodes]
            out.append(match)
        return out


def _attribute_of(node, graph):
    value = graph.owning_module
    if value is None:
        return None
    for part in node.target.split("."):
        value = getattr(value, part, None)
    return value


def _bound(node):
    """Arguments with those that have names under these, where the target's signature is known."""
    if node.op == "call_function":
        from kagari.fx.operator_schemas import normalize_function
        found = normalize_function(node.target, node.args, node.kwargs, normalize_to_only_use_kwargs=True)
        if found is not None:
            return found
    return node.args, node.kwargs


