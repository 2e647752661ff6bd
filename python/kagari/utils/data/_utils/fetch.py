"""Fetchers: from an index, or a list of indices, to a batch."""
import kagari

from ..dataset import Subset, TensorDataset
from .collate import collate_tensor_fn, default_collate, default_collate_fn_map


class _BaseDatasetFetcher:
    def __init__(self, dataset, auto_collation, collate_fn, drop_last):
        self.dataset = dataset
        self.auto_collation = auto_collation
        self.collate_fn = collate_fn
        self.drop_last = drop_last

    def fetch(self, possibly_batched_index):
        """The collated batch for a list of indices, or without automatic collation the converted sample of one."""
        raise NotImplementedError


class _IterableDatasetFetcher(_BaseDatasetFetcher):
    def __init__(self, dataset, auto_collation, collate_fn, drop_last):
        super().__init__(dataset, auto_collation, collate_fn, drop_last)
        self.dataset_iter = iter(dataset)
        self.ended = False

    def fetch(self, possibly_batched_index):
        """The next batch, of as many samples as there are indices. Raises StopIteration at the end."""
        if self.ended:
            raise StopIteration
        if not self.auto_collation:
            return self.collate_fn(next(self.dataset_iter))
        data = []
        for _ in possibly_batched_index:
            try:
                data.append(next(self.dataset_iter))
            except StopIteration:
                self.ended = True
                break
        if not data or (self.drop_last and len(data) < len(possibly_batched_index)):
            raise StopIteration
        return self.collate_fn(data)


class _MapDatasetFetcher(_BaseDatasetFetcher):
    def __init__(self, dataset, auto_collation, collate_fn, drop_last):
        super().__init__(dataset, auto_collation, collate_fn, drop_last)
        self._gathers = auto_collation and collate_fn is default_collate and _is_plain(dataset)

    def fetch(self, possibly_batched_index):
        """The collated batch for a list of indices, or without automatic collation the converted sample of one."""
        if not self.auto_collation:
            return self.collate_fn(self.dataset[possibly_batched_index])
        if self._gathers and default_collate_fn_map.get(kagari.Tensor) is collate_tensor_fn:
            batch = _gathered(self.dataset, possibly_batched_index)
            if batch is not None:
                return batch
        getitems = getattr(self.dataset, "__getitems__", None)
        if getitems:
            data = getitems(possibly_batched_index)
        else:
            data = [self.dataset[index] for index in possibly_batched_index]
        return self.collate_fn(data)


# Rows of plain tensors that are picked one by one and stacked again are a gather: one operator per tensor instead of
# one per sample. Only for exactly these classes, since a subclass may change what a sample is.
def _is_plain(dataset):
    while type(dataset) is Subset:
        dataset = dataset.dataset
    return type(dataset) is TensorDataset and all(type(tensor) is kagari.Tensor for tensor in dataset.tensors)


def _gathered(dataset, indices):
    indices = list(indices)
    while type(dataset) is Subset:
        indices = [dataset.indices[i] for i in indices]
        dataset = dataset.dataset
    if not indices or not all(type(i) is int for i in indices):
        return None
    rows = kagari.tensor(indices)
    return [tensor[rows] for tensor in dataset.tensors]
