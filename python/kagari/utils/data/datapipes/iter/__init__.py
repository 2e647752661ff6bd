"""The iterable data pipes."""
import itertools
import random

from kagari.utils.data._utils.collate import default_collate
from kagari.utils.data.datapipes.datapipe import DataChunk, IterDataPipe, functional_datapipe
from kagari.utils.data.datapipes.iter._branches import Demultiplexer, Forker, Grouper, Multiplexer
from kagari.utils.data.datapipes.iter._files import FileLister, FileOpener, StreamReader

__all__ = ["Batcher", "Collator", "Concater", "Demultiplexer", "FileLister", "FileOpener", "Filter", "Forker", "Grouper", "IterableWrapper", "Mapper",
           "Multiplexer", "Sampler", "ShardingFilter", "Shuffler", "StreamReader", "UnBatcher", "Zipper"]


class IterableWrapper(IterDataPipe):
    """A pipe over any iterable, which is copied for each pass with deepcopy."""

    def __init__(self, iterable, deepcopy=True):
        self.iterable, self.deepcopy = iterable, deepcopy

    def __iter__(self):
        import copy
        yield from copy.deepcopy(self.iterable) if self.deepcopy else self.iterable

    def __len__(self):
        return len(self.iterable)


class _Over(IterDataPipe):
    def __init__(self, datapipe):
        super().__init__()
        self.datapipe = datapipe


@functional_datapipe("map")
class Mapper(_Over):
    """fn of each element, or of some of its entries.

    input_col: the index or key of the entry (or a list of them, the arguments) that fn gets. output_col: where the result goes: in place of the
    first input by default, -1 for a new entry at the end.
    """

    def __init__(self, datapipe, fn, input_col=None, output_col=None):
        super().__init__(datapipe)
        if input_col is None and output_col is not None:
            raise ValueError("`output_col` must be None when `input_col` is None.")
        self.fn, self.input_col, self.output_col = fn, input_col, output_col

    def _applied(self, element):
        if self.input_col is None:
            return self.fn(element)
        several = isinstance(self.input_col, (list, tuple))
        result = self.fn(*[element[column] for column in self.input_col]) if several else self.fn(element[self.input_col])
        kind = type(element)
        made = list(element) if isinstance(element, tuple) else element.copy()
        if self.output_col is None and several:
            made[self.input_col[0]] = result
            for column in sorted(self.input_col[1:], reverse=True):
                del made[column]
        elif self.output_col == -1 and not isinstance(made, dict):
            made.append(result)
        else:
            target = self.input_col if self.output_col is None else self.output_col
            made[target[0] if isinstance(target, (list, tuple)) else target] = result
        return kind(made) if kind is tuple else made

    def __iter__(self):
        yield from map(self._applied, self.datapipe)

    def __len__(self):
        return len(self.datapipe)


@functional_datapipe("filter")
class Filter(_Over):
    """The elements for which filter_fn, of the element or of its entries input_col, is true."""

    def __init__(self, datapipe, filter_fn, input_col=None):
        super().__init__(datapipe)
        self.filter_fn, self.input_col = filter_fn, input_col

    def _kept(self, element):
        if self.input_col is None:
            return self.filter_fn(element)
        if isinstance(self.input_col, (list, tuple)):
            return self.filter_fn(*[element[column] for column in self.input_col])
        return self.filter_fn(element[self.input_col])

    def __iter__(self):
        yield from filter(self._kept, self.datapipe)


@functional_datapipe("batch")
class Batcher(_Over):
    """wrapper_class of lists of batch_size elements; the last one may be shorter unless drop_last."""

    def __init__(self, datapipe, batch_size, drop_last=False, wrapper_class=DataChunk):
        super().__init__(datapipe)
        if batch_size <= 0:
            raise AssertionError("Batch size is required to be larger than 0!")
        self.batch_size, self.drop_last, self.wrapper_class = batch_size, drop_last, wrapper_class

    def __iter__(self):
        elements = iter(self.datapipe)
        while batch := list(itertools.islice(elements, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield self.wrapper_class(batch)

    def __len__(self):
        count = len(self.datapipe)
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)


@functional_datapipe("unbatch")
class UnBatcher(_Over):
    """The elements of lists, unbatch_level levels deep (-1: all)."""

    def __init__(self, datapipe, unbatch_level=1):
        super().__init__(datapipe)
        self.unbatch_level = unbatch_level

    def __iter__(self):
        for element in self.datapipe:
            yield from self._flat(element, self.unbatch_level)

    def _flat(self, element, level):
        if not isinstance(element, list):
            if level > 0:
                raise IndexError(f"unbatch_level {self.unbatch_level} exceeds the depth of the DataPipe")
            yield element
        elif level == 0:
            yield element
        else:
            for part in element:
                yield from self._flat(part, level - 1) if level != 1 else (part,)


@functional_datapipe("collate")
class Collator(_Over):
    """collate_fn of each element."""

    def __init__(self, datapipe, conversion=default_collate, collate_fn=None):
        super().__init__(datapipe)
        self.fn = collate_fn or conversion

    def __iter__(self):
        yield from map(self.fn, self.datapipe)

    def __len__(self):
        return len(self.datapipe)


@functional_datapipe("shuffle")
class Shuffler(_Over):
    """The elements in random order, of which buffer_size are known at a time."""

    def __init__(self, datapipe, *, buffer_size=10000, unbatch_level=0):
        super().__init__(datapipe if unbatch_level == 0 else UnBatcher(datapipe, unbatch_level))
        if buffer_size <= 0:
            raise ValueError("buffer_size should be larger than 0")
        self.buffer_size, self.enabled, self._seed = buffer_size, True, None

    def set_shuffle(self, shuffle=True):
        self.enabled = shuffle
        return self

    def set_seed(self, seed):
        self._seed = seed
        return self

    def __iter__(self):
        if not self.enabled:
            yield from self.datapipe
            return
        import kagari
        chance = random.Random(int(kagari.empty((), dtype=kagari.int64).random_()) if self._seed is None else self._seed)
        self._seed, known = None, []
        for element in self.datapipe:
            if len(known) == self.buffer_size:
                place = chance.randint(0, len(known) - 1)
                element, known[place] = known[place], element
                yield element
            else:
                known.append(element)
        while known:
            yield known.pop(chance.randint(0, len(known) - 1))

    def __len__(self):
        return len(self.datapipe)


@functional_datapipe("sharding_filter")
class ShardingFilter(_Over):
    """Every num_of_instances-th element, once apply_sharding was called."""
    num_of_instances, instance_id = 1, 0

    def __init__(self, source_datapipe, sharding_group_filter=None):
        super().__init__(source_datapipe)
        self.sharding_group_filter = sharding_group_filter

    def apply_sharding(self, num_of_instances, instance_id, sharding_group=None):
        self.num_of_instances, self.instance_id = num_of_instances, instance_id

    def __iter__(self):
        return itertools.islice(iter(self.datapipe), self.instance_id, None, self.num_of_instances)

    def __len__(self):
        count = len(self.datapipe)
        return count // self.num_of_instances + (self.instance_id < count % self.num_of_instances)


class Sampler(_Over):
    """The elements in the order of a sampler, made of the pipe and the arguments given."""

    def __init__(self, datapipe, sampler=None, sampler_args=None, sampler_kwargs=None):
        super().__init__(datapipe)
        from kagari.utils.data.sampler import SequentialSampler
        self.sampler = (sampler or SequentialSampler)(*(sampler_args or ()), data_source=datapipe, **(sampler_kwargs or {}))

    def __iter__(self):
        return iter(self.sampler)

    def __len__(self):
        return len(self.sampler)


class _Several(IterDataPipe):
    def __init__(self, *datapipes):
        super().__init__()
        if not datapipes:
            raise ValueError("Expected at least one DataPipe, but got nothing")
        self.datapipes = datapipes


@functional_datapipe("concat")
class Concater(_Several):
    """One pipe after the other."""

    def __iter__(self):
        yield from itertools.chain(*self.datapipes)

    def __len__(self):
        return sum(map(len, self.datapipes))


@functional_datapipe("zip")
class Zipper(_Several):
    """Tuples of one element of each pipe, until the shortest ends."""

    def __iter__(self):
        yield from zip(*self.datapipes)

    def __len__(self):
        return min(map(len, self.datapipes))
