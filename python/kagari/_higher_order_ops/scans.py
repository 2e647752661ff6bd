"""Loops over slices of tensors."""
import builtins

import kagari
from kagari.utils._pytree import tree_flatten, tree_map, tree_unflatten

__all__ = ["associative_scan", "map", "scan"]


def _slices(xs, dim, name):
    leaves, spec = tree_flatten(xs)
    if not leaves or any(not isinstance(leaf, kagari.Tensor) for leaf in leaves):
        raise ValueError(f"{name}(): expected tensors to loop over, in any containers")
    sizes = {leaf.shape[dim] for leaf in leaves}
    if len(sizes) != 1:
        raise ValueError(f"{name}(): the tensors must have the same size in dimension {dim}, but have {sorted(sizes)}")
    if not sizes.pop():
        raise ValueError(f"{name}(): there is nothing to loop over")
    return [tree_unflatten(parts, spec) for parts in zip(*[leaf.unbind(dim) for leaf in leaves])]


def _stacked(results, dim):
    leaves, spec = zip(*builtins.map(tree_flatten, results))
    return tree_unflatten([kagari.stack(parts, dim) for parts in zip(*leaves)], spec[0])


def map(f, xs, *args):
    """f(x, *args) of each slice x along the first dimension, stacked.

    >>> torch._higher_order_ops.map(lambda x, y: x * y, torch.arange(3), torch.tensor(2))
    tensor([0, 2, 4])
    """
    return _stacked([f(x, *args) for x in _slices(xs, 0, "map")], 0)


def scan(combine_fn, init, xs, *, dim=0, reverse=False):
    """(carry, y) = combine_fn(carry, x) for each slice x along `dim`, beginning with `init`: the last carry, and all y stacked in dimension 0.

    >>> torch._higher_order_ops.scan(lambda c, x: (c + x, c * x), torch.tensor(0), torch.arange(4))
    (tensor(6), tensor([0, 0, 2, 9]))
    """
    carry, results = init, []
    parts = _slices(xs, dim, "scan")
    for x in reversed(parts) if reverse else parts:
        carry, y = combine_fn(carry, x)
        results.append(y)
    return carry, _stacked(results[::-1] if reverse else results, 0)


def associative_scan(combine_fn, xs, dim, reverse=False, combine_mode="pointwise"):
    """Running results of combine_fn, an associative function, along `dim`: x0, f(x0, x1), f(f(x0, x1), x2), ... combine_mode changes nothing.

    >>> torch._higher_order_ops.associative_scan(lambda a, b: a + b, torch.arange(4), 0)
    tensor([0, 1, 3, 6])
    """
    if combine_mode not in ("pointwise", "generic"):
        raise ValueError(f"Combine_mode must either 'pointwise' or 'generic', but got {combine_mode}")
    parts = _slices(xs, dim, "associative_scan")
    parts = parts[::-1] if reverse else parts
    results = [tree_map(lambda x: x, parts[0])]
    for x in parts[1:]:
        results.append(combine_fn(results[-1], x))
    return _stacked(results[::-1] if reverse else results, dim)
