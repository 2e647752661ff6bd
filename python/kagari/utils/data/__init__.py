"""Datasets, samplers and the loader that makes batches of them."""
import importlib

from .dataloader import DataLoader, _DatasetKind, default_collate, default_convert, get_worker_info
from .dataset import (ChainDataset, ConcatDataset, Dataset, IterableDataset, StackDataset, Subset, TensorDataset,
                      random_split)
from .distributed import DistributedSampler
from .sampler import (BatchSampler, RandomSampler, Sampler, SequentialSampler, SubsetRandomSampler,
                      WeightedRandomSampler)

__all__ = ["BatchSampler", "ChainDataset", "ConcatDataset", "DataLoader", "Dataset", "DistributedSampler",
           "IterableDataset", "RandomSampler", "Sampler", "SequentialSampler", "StackDataset", "Subset",
           "SubsetRandomSampler", "TensorDataset", "WeightedRandomSampler", "_DatasetKind", "default_collate",
           "default_convert", "get_worker_info", "random_split"]


def __getattr__(name):
    if name in ("IterDataPipe", "MapDataPipe", "functional_datapipe"):
        from .datapipes import datapipe
        return getattr(datapipe, name)
    if name == "datapipes":
        return importlib.import_module("kagari.utils.data.datapipes")
    raise AttributeError(f"module 'torch.utils.data' has no attribute {name!r}")
