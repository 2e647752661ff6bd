"""A function of every slice."""
import kagari
from kagari.utils import _pytree


def map(f, xs, *args):
    """f(x, *args) of every slice x of xs along its first dimension, stacked.

    xs is a tensor or a tree of tensors, as is f's result. RuntimeError if there are no slices.

    >>> torch._higher_order_ops.map(lambda x, y: x * y, torch.tensor([1, 2, 3]), 10)
    tensor([10, 20, 30])
    """
    leaves, tree = _pytree.tree_flatten(xs)
    if not leaves or any(not isinstance(leaf, kagari.Tensor) for leaf in leaves):
        raise RuntimeError("Mapped xs can only consist of tensors")
    sizes = {leaf.shape[0] if leaf.ndim else 0 for leaf in leaves}
    if len(sizes) != 1 or 0 in sizes:
        raise RuntimeError(f"Leading dimensions of mapped xs must be consistent and positive, got {sorted(sizes)}")
    outputs = [_pytree.tree_flatten(f(_pytree.tree_unflatten(list(x), tree), *args)) for x in zip(*[leaf.unbind() for leaf in leaves])]
    return _pytree.tree_unflatten([kagari.stack(ys) for ys in zip(*[ys for ys, _ in outputs])], outputs[0][1])
