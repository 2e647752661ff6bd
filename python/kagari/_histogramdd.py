"""histogramdd: its result is a tensor and a tuple of tensors, which no schema of an operator has."""
import collections

from kagari import _C

_ops = _C._space_torch
histogramdd_result = collections.namedtuple("histogramdd", ("hist", "bin_edges"))


def histogramdd(input, bins, range=None, weight=None, density=False, out=None):
    """Counts of points, whose coordinates lie along the last dimension, in a grid.

    bins: the number of equal intervals, for all dimensions or for each; or a list of 1-d tensors of ascending edges.
    range: the lowest and highest edge of each dimension, one after the other; without it those of the data.
    weight: what a point counts, 1 by default. density: divide by the total and by the volume of each cell.
    Returns (hist, bin_edges).

    >>> torch.histogramdd(torch.tensor([[0., 1.], [1., 0.]]), bins=[2, 2]).hist
    tensor([[0., 1.],
            [1., 0.]])
    """
    if isinstance(bins, int):
        bins = [bins] * input.shape[-1]
    if len(bins) and all(not isinstance(b, int) for b in bins):
        edges = tuple(bins)
        hist = _ops["_histogramdd_from_bin_tensors"](input, list(bins), weight=weight, density=density)
    else:
        edges = tuple(_ops["_histogramdd_bin_edges"](input, bins, range=range, weight=weight, density=density))
        hist = _ops["_histogramdd_from_bin_cts"](input, bins, range=range, weight=weight, density=density)
    if out is not None:
        kept_hist, kept_edges = out
        hist = kept_hist.resize_(hist.shape).copy_(hist)
        edges = tuple(to.resize_(edge.shape).copy_(edge) for to, edge in zip(kept_edges, edges))
    return histogramdd_result(hist, edges)
