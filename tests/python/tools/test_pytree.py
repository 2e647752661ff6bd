"""Trees of containers: facts recorded from PyTorch 2.13."""
import collections

import pytest

from kagari.utils import _pytree as pytree

Point = collections.namedtuple("Point", "x y")
TREES = [1, None, [1, 2], {"b": 1, "a": [2, (3,)]}, Point(1, [2]), collections.OrderedDict(x=1, y=2), collections.defaultdict(list, a=[1]),
         collections.deque([1, 2], maxlen=3), (), [[], {}]]


@pytest.mark.parametrize("tree", TREES, ids=repr)
def test_round_trip(tree):
    leaves, spec = pytree.tree_flatten(tree)
    again = pytree.tree_unflatten(leaves, spec)
    assert again == tree and type(again) is type(tree) and spec.num_leaves == len(leaves)
    assert [leaf for _, leaf in pytree.tree_leaves_with_path(tree)] == leaves
    if not isinstance(tree, Point):
        assert pytree.treespec_loads(pytree.treespec_dumps(spec)) == spec


def test_texts():
    spec = pytree.tree_structure([1, (2, {"x": 3})])
    assert repr(spec) == "TreeSpec(list, None, [*,\n  TreeSpec(tuple, None, [*,\n    TreeSpec(dict, ['x'], [*])])])"
    assert (spec.num_leaves, spec.num_nodes, spec.num_children) == (3, 6, 2) and repr(pytree.LeafSpec()) == "*"
    assert pytree.treespec_dumps(pytree.tree_structure([1])) == ('[1, {"type": "builtins.list", "context": "null", "children_spec": '
                                                                 '[{"type": null, "context": null, "children_spec": []}]}]')
    assert pytree.keystr(pytree.tree_leaves_with_path({"a": [1]})[0][0]) == "['a'][0]"


def test_maps():
    assert pytree.tree_map(lambda x: x + 1, {"a": 1, "b": [2]}) == {"a": 2, "b": [3]}
    assert pytree.tree_map(lambda x, y: x + y, [1, (2,)], [3, (4,)]) == [4, (6,)]
    assert pytree.tree_map_only(int, lambda x: x * 2, [1, "a", 2.0]) == [2, "a", 2.0]
    assert pytree.tree_any(lambda x: x > 1, [1, 2]) and not pytree.tree_all(lambda x: x > 1, [1, 2])
    assert pytree.tree_leaves({"a": [1, None]}, is_leaf=lambda x: isinstance(x, list)) == [[1, None]]


def test_mistakes():
    with pytest.raises(ValueError, match="Node arity mismatch; expected 1, but got 2."):
        pytree.tree_map(lambda x, y: x + y, [1], [2, 3])
    with pytest.raises(ValueError, match="`leaves` has length 1 but the spec refers to a pytree that holds 2 items"):
        pytree.tree_unflatten([1], pytree.tree_structure([1, 2]))
    with pytest.raises(ValueError, match="is already registered as pytree node"):
        pytree.register_pytree_node(list, None, None)


def test_registration():
    class Pair:
        def __init__(self, a, b):
            self.a, self.b = a, b
    pytree.register_pytree_node(Pair, lambda p: ([p.a, p.b], None), lambda parts, context: Pair(*parts))
    doubled = pytree.tree_map(lambda x: 2 * x, [Pair(1, [2])])[0]
    assert (doubled.a, doubled.b) == (2, [4])
    pytree._deregister_pytree_node(Pair)
