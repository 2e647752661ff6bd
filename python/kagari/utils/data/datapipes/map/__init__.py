"""The data pipes with indices."""
import random

from kagari.utils.data.datapipes.datapipe import DataChunk, IterDataPipe, MapDataPipe, functional_datapipe

__all__ = ["Batcher", "Concater", "Mapper", "SequenceWrapper", "Shuffler", "Zipper"]


class SequenceWrapper(MapDataPipe):
    """A pipe over a sequence, or a dict, which is copied with deepcopy.

    >>> pipe = SequenceWrapper(range(3)).map(lambda x: x * x)
    >>> [pipe[i] for i in range(len(pipe))]
    [0, 1, 4]
    """

    def __init__(self, sequence, deepcopy=True):
        import copy
        self.sequence = copy.deepcopy(sequence) if deepcopy else sequence

    def __getitem__(self, index):
        return self.sequence[index]

    def __len__(self):
        return len(self.sequence)


class _Over(MapDataPipe):
    def __init__(self, datapipe):
        self.datapipe = datapipe

    def __len__(self):
        return len(self.datapipe)


@functional_datapipe("map")
class Mapper(_Over):
    """fn of each element."""

    def __init__(self, datapipe, fn):
        super().__init__(datapipe)
        self.fn = fn

    def __getitem__(self, index):
        return self.fn(self.datapipe[index])


@functional_datapipe("batch")
class Batcher(_Over):
    """wrapper_class of lists of batch_size elements; the last one may be shorter unless drop_last."""

    def __init__(self, datapipe, batch_size, drop_last=False, wrapper_class=DataChunk):
        super().__init__(datapipe)
        if batch_size <= 0:
            raise AssertionError("Batch size is required to be larger than 0!")
        self.batch_size, self.drop_last, self.wrapper_class = batch_size, drop_last, wrapper_class

    def __getitem__(self, index):
        places = range(len(self.datapipe))[index * self.batch_size:(index + 1) * self.batch_size]
        if not places or len(places) < self.batch_size and self.drop_last:
            raise IndexError(f"Index {index} is out of bound.")
        return self.wrapper_class([self.datapipe[i] for i in places])

    def __len__(self):
        count = len(self.datapipe)
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)


@functional_datapipe("concat")
class Concater(MapDataPipe):
    """One pipe after the other."""

    def __init__(self, *datapipes):
        if not datapipes:
            raise ValueError("Expected at least one DataPipe, but got nothing")
        self.datapipes = datapipes

    def __getitem__(self, index):
        rest = index
        for pipe in self.datapipes:
            if rest < len(pipe):
                return pipe[rest]
            rest -= len(pipe)
        raise IndexError(f"Index {index} is out of range.")

    def __len__(self):
        return sum(map(len, self.datapipes))


@functional_datapipe("zip")
class Zipper(MapDataPipe):
    """Tuples of one element of each pipe; as many as the shortest has."""

    def __init__(self, *datapipes):
        if not datapipes:
            raise ValueError("Expected at least one DataPipe, but got nothing")
        self.datapipes = datapipes

    def __getitem__(self, index):
        return tuple(pipe[index] for pipe in self.datapipes)

    def __len__(self):
        return min(map(len, self.datapipes))


class Shuffler(IterDataPipe):
    """The elements in random order, as an iterable pipe. indices: of the elements, if they are not 0, 1, ..."""

    def __init__(self, datapipe, *, indices=None):
        super().__init__()
        self.datapipe, self.indices = datapipe, list(range(len(datapipe))) if indices is None else indices
        self._enabled, self._seed = True, None

    def set_shuffle(self, shuffle=True):
        """Switches the shuffling on or off."""
        self._enabled = shuffle
        return self

    def set_seed(self, seed):
        """The seed of the next pass."""
        self._seed = seed
        return self

    def __iter__(self):
        indices = list(self.indices)
        if self._enabled:
            import kagari
            seed = int(kagari.empty((), dtype=kagari.int64).random_()) if self._seed is None else self._seed
            self._seed = None
            random.Random(seed).shuffle(indices)
        for index in indices:
            yield self.datapipe[index]

    def __len__(self):
        return len(self.datapipe)


MapDataPipe.register_datapipe_as_function("shuffle", Shuffler)
