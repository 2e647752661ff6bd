"""A sampler that gives each process of a group its share of the dataset."""
import math

import kagari

from .sampler import Sampler

__all__ = ["DistributedSampler"]


def _process_group():
    try:
        from kagari import distributed
    except ImportError:
        raise RuntimeError("Requires distributed package to be available") from None
    return distributed


class DistributedSampler(Sampler):
    """Every ``num_replicas``-th index, beginning at ``rank``.

    All processes shuffle with the same seed, ``seed + epoch``: call :meth:`set_epoch` before each epoch.

    Arguments:
        dataset: a dataset with a length.
        num_replicas, rank: number of processes, and which one this is (None: of the default process group).
        shuffle: whether to permute the indices. seed: see above.
        drop_last: drop what cannot be shared evenly; otherwise some indices come twice.
    """

    def __init__(self, dataset, num_replicas=None, rank=None, shuffle=True, seed=0, drop_last=False):
        if num_replicas is None:
            num_replicas = _process_group().get_world_size()
        if rank is None:
            rank = _process_group().get_rank()
        if rank >= num_replicas or rank < 0:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        count = len(dataset)
        if drop_last and count % num_replicas != 0:
            self.num_samples = math.ceil((count - num_replicas) / num_replicas)
        else:
            self.num_samples = math.ceil(count / num_replicas)
        self.total_size = self.num_samples * num_replicas
        self.shuffle = shuffle
        self.seed = seed

    def __iter__(self):
        count = len(self.dataset)
        if self.shuffle:
            generator = kagari.Generator()
            generator.manual_seed(self.seed + self.epoch)
            indices = kagari.randperm(count, generator=generator).tolist()
        else:
            indices = list(range(count))
        if self.drop_last:
            indices = indices[:self.total_size]
        else:
            indices = (indices * math.ceil(self.total_size / max(1, count)))[:self.total_size]
        if len(indices) != self.total_size:
            raise AssertionError(f"Number of indices ({len(indices)}) does not match total_size ({self.total_size})")
        shared = indices[self.rank:self.total_size:self.num_replicas]
        if len(shared) != self.num_samples:
            raise AssertionError(f"Number of indices of this rank ({len(shared)}) does not match num_samples "
                                 f"({self.num_samples})")
        return iter(shared)

    def __len__(self):
        return self.num_samples

    def set_epoch(self, epoch):
        """Sets the epoch, which decides on the permutation."""
        self.epoch = epoch
