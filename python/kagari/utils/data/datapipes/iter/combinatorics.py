"""The iterable data pipes that choose an order."""
import random

from kagari.utils.data.datapipes.datapipe import IterDataPipe, functional_datapipe
from kagari.utils.data.datapipes.iter import UnBatcher
from kagari.utils.data.datapipes.iter._over import _Over
from kagari.utils.data.sampler import Sampler, SequentialSampler

__all__ = ["SamplerIterDataPipe", "ShufflerIterDataPipe"]


class SamplerIterDataPipe(IterDataPipe):
    """What sampler(data_source=datapipe, *sampler_args, **sampler_kwargs) yields: indices of a pipe with a length."""

    def __init__(self, datapipe, sampler=SequentialSampler, sampler_args=None, sampler_kwargs=None):
        if not hasattr(type(datapipe), "__len__"):
            raise AssertionError("Sampler class requires input datapipe implemented `__len__`")
        super().__init__()
        self.datapipe = datapipe
        self.sampler_args, self.sampler_kwargs = sampler_args or (), dict(sampler_kwargs or {}, data_source=datapipe)
        self.sampler: Sampler = sampler(*self.sampler_args, **self.sampler_kwargs)

    def __iter__(self):
        return iter(self.sampler)

    def __len__(self):
        return len(self.sampler)


@functional_datapipe("shuffle")
class ShufflerIterDataPipe(_Over):
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
