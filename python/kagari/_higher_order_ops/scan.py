"""A loop with a carried value."""
import kagari
from kagari.utils import _pytree


def scan(combine_fn, init, xs, *, dim=0, reverse=False):
    """Calls (carry, y) = combine_fn(carry, x) for every slice x of xs along dim, from the end if reverse; carry begins as init.

    init and xs are trees of tensors. Returns the last carry, and the ys stacked along a new dimension 0, in the order of the slices.
    RuntimeError if there are no slices, or if the carry changes its tree.

    >>> torch._higher_order_ops.scan(lambda carry, x: (carry + x, carry * x), torch.tensor(0), torch.tensor([1, 2, 3]))
    (tensor(6), tensor([0, 2, 9]))
    """
    if not callable(combine_fn):
        raise RuntimeError(f"Combine_fn must be a callable, but got {combine_fn}")
    leaves, tree = _pytree.tree_flatten(xs)
    if any(not isinstance(leaf, kagari.Tensor) for leaf in leaves):
        raise RuntimeError("xs must be a tree of tensors")
    if not leaves:
        raise RuntimeError("xs must hold at least one tensor")
    size = leaves[0].size(dim)
    if any(leaf.size(dim) != size for leaf in leaves) or size == 0:
        raise RuntimeError(f"all tensors of xs must have the same number of slices, at least 1, in dimension {dim}, but they have "
                           f"{[leaf.size(dim) for leaf in leaves]}")
    slices = zip(*[leaf.unbind(dim) for leaf in leaves])
    carry, carry_tree = init, _pytree.tree_flatten(init)[1]
    outputs = []
    for x in reversed(list(slices)) if reverse else slices:
        carry, y = combine_fn(carry, _pytree.tree_unflatten(list(x), tree))
        outputs.append(_pytree.tree_flatten(y))
        if _pytree.tree_flatten(carry)[1] != carry_tree:
            raise RuntimeError("combine_fn must return a carry like init")
    if reverse:
        outputs.reverse()
    stacked = [kagari.stack(ys) for ys in zip(*[ys for ys, _ in outputs])]
    return carry, _pytree.tree_unflatten(stacked, outputs[0][1])
