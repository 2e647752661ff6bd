"""Containers among the arguments of a traced function, taken apart by the spec that tracing recorded."""
from kagari.utils import _pytree

SUPPORTED_NODES = {}
SUPPORTED_NODES_EXACT_MATCH = {}


def register_pytree_flatten_spec(cls, flatten_fn_spec, flatten_fn_exact_match_spec=None):
    """flatten_fn_spec(value, spec) gives the children of a `cls` that correspond to the spec's."""
    SUPPORTED_NODES[cls] = flatten_fn_spec
    SUPPORTED_NODES_EXACT_MATCH[cls] = flatten_fn_exact_match_spec


def tree_flatten_spec(pytree, spec, exact_structural_match=False):
    """The leaves of `pytree` where spec has leaves; containers of other classes below a leaf stay whole."""
    if spec.is_leaf():
        return [pytree]
    flatten = SUPPORTED_NODES.get(spec.type)
    if flatten is not None:
        children = flatten(pytree, spec)
    elif isinstance(pytree, dict) and spec.type in (dict,):
        children = [pytree[key] for key in spec.context]
    elif isinstance(pytree, (list, tuple)):
        children = list(pytree)
    else:
        children = _pytree.SUPPORTED_NODES[spec.type].flatten_fn(pytree)[0]
    specs = spec.children_specs if hasattr(spec, "children_specs") else spec.children()
    if exact_structural_match and len(children) != len(specs):
        raise ValueError(f"expected {len(specs)} items, got {len(children)}")
    return [leaf for child, one in zip(children, specs) for leaf in tree_flatten_spec(child, one, exact_structural_match)]
