"""Running combinations of an associative function."""
import kagari
from kagari.utils import _pytree


def associative_scan(combine_fn, xs, dim, reverse=False, combine_mode="pointwise"):
    """The tensors y with y[i] = combine_fn(y[i - 1], xs[i]) and y[0] = xs[0], where i counts along dim, from its end if reverse.

    xs is a tensor or a tree of tensors of one shape; combine_fn takes two such trees and returns one. It must be associative, because
    it is called about 2 log2(n) times with slices of many elements, and not once per element. Gradients pass. Both modes, "pointwise" (which
    PyTorch has on GPUs only) and "generic", do the same. ValueError for a dim without elements.

    >>> torch._higher_order_ops.associative_scan(torch.mul, torch.tensor([1, 2, 3, 4]), 0)
    tensor([ 1,  2,  6, 24])
    """
    if not callable(combine_fn):
        raise ValueError(f"Combine_fn must be a callable, but got {combine_fn}")
    if combine_mode not in ("pointwise", "generic"):
        raise ValueError(f"Combine_mode must either 'pointwise' or 'generic', but got {combine_mode}")
    leaves, tree = _pytree.tree_flatten(xs)
    if not leaves:
        raise ValueError("Expected at least 1 xs leaf")
    if any(not isinstance(leaf, kagari.Tensor) for leaf in leaves):
        raise ValueError(f"xs leaves must be Tensors, but got {[type(leaf) for leaf in leaves]}")
    ndim = leaves[0].ndim
    if not -ndim <= dim < ndim:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {dim})")
    dim %= ndim
    if any(leaf.ndim <= dim or leaf.shape[dim] == 0 for leaf in leaves):
        raise ValueError("All xs leaves must at least have 'dim' number of dimensions and scan dimension > 0")

    def combine(left, right):
        result, result_tree = _pytree.tree_flatten(combine_fn(_pytree.tree_unflatten(left, tree), _pytree.tree_unflatten(right, tree)))
        if len(result) != len(leaves):
            raise AssertionError(f"combine_fn must return a tree like xs, with {len(leaves)} tensors, but its tree is {result_tree}")
        return result

    if reverse:
        leaves = [leaf.flip(dim) for leaf in leaves]
    leaves = _scan(combine, leaves, dim)
    if reverse:
        leaves = [leaf.flip(dim) for leaf in leaves]
    return _pytree.tree_unflatten(leaves, tree)


def _part(tensors, dim, start, end, step):
    index = (slice(None),) * dim + (slice(start, end, step),)
    return [tensor[index] for tensor in tensors]


def _scan(combine, xs, dim):
    """Combines neighbours, scans the half as long result, which is every second element, and gets the others from it."""
    size = xs[0].shape[dim]
    if size < 2:
        return xs
    odd = _scan(combine, combine(_part(xs, dim, 0, size - 1, 2), _part(xs, dim, 1, size, 2)), dim)
    even = _part(xs, dim, 0, 1, 1)
    if size > 2:
        after = combine(_part(odd, dim, 0, (size - 1) // 2, 1), _part(xs, dim, 2, size, 2))
        even = [kagari.cat(pair, dim) for pair in zip(even, after)]
    return [_interleaved(first, second, dim) for first, second in zip(even, odd)]


def _interleaved(first, second, dim):
    """first[0], second[0], first[1], ... along dim; first may have one element more."""
    size = second.shape[dim]
    pairs = kagari.stack((first.narrow(dim, 0, size), second), dim + 1).flatten(dim, dim + 1)
    return pairs if first.shape[dim] == size else kagari.cat((pairs, first.narrow(dim, size, 1)), dim)
