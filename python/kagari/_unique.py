"""unique and unique_consecutive: which of the operators' three results are returned depends on the arguments."""
from kagari import _C

_all = _C._space_torch["_unique2"]
_along = _C._space__C["unique_dim"]
_runs = _C._space__C["_unique_consecutive"]


def _chosen(values, inverse, counts, return_inverse, return_counts):
    if not return_inverse and not return_counts:
        return values
    return (values,) + ((inverse,) if return_inverse else ()) + ((counts,) if return_counts else ())


def unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """The distinct elements in ascending order, or the distinct slices along ``dim``.

    ``return_inverse`` adds, for every element, its position in the result; ``return_counts`` how often each occurs.
    """
    if dim is None:
        results = _all(input, sorted, return_inverse, return_counts)
    else:
        results = _along(input, dim, sorted, return_inverse, return_counts)
    return _chosen(*results, return_inverse, return_counts)


def unique_consecutive(input, return_inverse=False, return_counts=False, dim=None):
    """The first of each run of equal elements, or of equal slices along ``dim``."""
    return _chosen(*_runs(input, return_inverse, return_counts, dim), return_inverse, return_counts)
