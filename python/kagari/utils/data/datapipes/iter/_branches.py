"""Pipes with several inputs or outputs, and groups."""
import collections
import copy as _copy

from kagari.utils.data.datapipes.datapipe import IterDataPipe, functional_datapipe

__all__ = ["Demultiplexer", "Forker", "Grouper", "Multiplexer"]


class _Child(IterDataPipe):
    """One output of a pipe with several."""

    def __init__(self, main_datapipe, instance_id):
        super().__init__()
        self.main_datapipe, self.instance_id = main_datapipe, instance_id

    def __iter__(self):
        return self.main_datapipe.elements_of(self.instance_id)

    def __len__(self):
        return len(self.main_datapipe)


class _Branching(IterDataPipe):
    """Reads its input once and keeps for every output what it has not taken yet; buffer_size elements at most, -1: any number."""

    def __init__(self, datapipe, num_instances, buffer_size):
        super().__init__()
        if num_instances < 1:
            raise ValueError(f"Expected `num_instances` larger than 0, but {num_instances} is found")
        if buffer_size == 0:
            raise ValueError("Expected a buffer size other than 0")
        self.main_datapipe, self.num_instances, self.buffer_size = datapipe, num_instances, buffer_size
        self._begin()

    def _begin(self):
        self._source, self._waiting, self._started = None, [collections.deque() for _ in range(self.num_instances)], set()

    def elements_of(self, instance):
        """A pass over one output. A second pass begins all outputs anew."""
        if instance in self._started:
            self._begin()
        self._started.add(instance)
        if self._source is None:
            self._source = iter(self.main_datapipe)
        source, waiting = self._source, self._waiting
        while True:
            while not waiting[instance]:
                try:
                    element = next(source)
                except StopIteration:
                    return
                self._distribute(element, waiting, instance)
                if self.buffer_size >= 0 and max(len(queue) for i, queue in enumerate(waiting) if i != instance or self.num_instances == 1) > self.buffer_size:
                    raise BufferError(f"{type(self).__name__} buffer overflow, buffer size {self.buffer_size} is insufficient.")
            yield waiting[instance].popleft()

    def __iter__(self):
        raise NotImplementedError("the outputs are read, not the pipe behind them")

    def __getstate__(self):
        return {key: value for key, value in self.__dict__.items() if key not in ("_source", "_waiting", "_started")}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._begin()


class _Fork(_Branching):
    def __init__(self, datapipe, num_instances, buffer_size, copy):
        if copy not in (None, "shallow", "deep"):
            raise ValueError(f"Unknown copy method `{copy}`. Please use `copy='shallow'` or `copy='deep'`")
        self.copy = {None: lambda x: x, "shallow": _copy.copy, "deep": _copy.deepcopy}[copy]
        super().__init__(datapipe, num_instances, buffer_size)

    def _distribute(self, element, waiting, instance):
        for queue in waiting:
            queue.append(self.copy(element))

    def __len__(self):
        return len(self.main_datapipe)


@functional_datapipe("fork")
class Forker(IterDataPipe):
    """A list of pipes that all give the elements of one. copy: "shallow" or "deep" copies for each; None: the elements themselves."""

    def __new__(cls, datapipe, num_instances, buffer_size=1000, copy=None):
        if num_instances == 1 and copy is None:
            return datapipe
        main = _Fork(datapipe, num_instances, buffer_size, copy)
        return [_Child(main, i) for i in range(num_instances)]


class _Demux(_Branching):
    def __init__(self, datapipe, num_instances, classifier_fn, drop_none, buffer_size):
        self.classifier_fn, self.drop_none = classifier_fn, drop_none
        super().__init__(datapipe, num_instances, buffer_size)

    def _distribute(self, element, waiting, instance):
        place = self.classifier_fn(element)
        if place is None and self.drop_none:
            return
        if place is None or not 0 <= place < self.num_instances:
            raise ValueError(f"Output of the classification fn should be between 0 and {self.num_instances - 1}. {place} is returned.")
        waiting[place].append(element)


@functional_datapipe("demux")
class Demultiplexer(IterDataPipe):
    """A list of pipes, of which classifier_fn(element) tells the one that gets an element; None drops it if drop_none."""

    def __new__(cls, datapipe, num_instances, classifier_fn, drop_none=False, buffer_size=1000):
        main = _Demux(datapipe, num_instances, classifier_fn, drop_none, buffer_size)
        return [_Child(main, i) for i in range(num_instances)]


@functional_datapipe("mux")
class Multiplexer(IterDataPipe):
    """One element of each pipe in turn, until the shortest ends."""

    def __init__(self, *datapipes):
        super().__init__()
        self.datapipes = datapipes

    def __iter__(self):
        for elements in zip(*self.datapipes):
            yield from elements

    def __len__(self):
        return len(self.datapipes) * min(map(len, self.datapipes))


@functional_datapipe("groupby")
class Grouper(IterDataPipe):
    """Lists of elements for which group_key_fn gives the same key.

    A group is complete when it has group_size elements, or when the pipe ends. keep_key: pairs (key, list). When buffer_size elements wait,
    the largest group of at least guaranteed_group_size is given, or dropped if drop_remaining; RuntimeError if there is none.
    """

    def __init__(self, datapipe, group_key_fn, *, keep_key=False, buffer_size=10000, group_size=None, guaranteed_group_size=None, drop_remaining=False):
        super().__init__()
        if group_size is not None and not 0 < group_size <= buffer_size:
            raise ValueError("group_size must be > 0 and <= buffer_size")
        if guaranteed_group_size is not None and not (group_size is not None and 0 < guaranteed_group_size <= group_size):
            raise ValueError("guaranteed_group_size must be > 0 and <= group_size, and group_size must be set")
        self.datapipe, self.group_key_fn, self.keep_key, self.max_buffer_size = datapipe, group_key_fn, keep_key, buffer_size
        self.group_size, self.guaranteed_group_size, self.drop_remaining = group_size, guaranteed_group_size or group_size, drop_remaining

    def _given(self, key, group):
        return (key, group) if self.keep_key else group

    def __iter__(self):
        groups, waiting = collections.defaultdict(list), 0
        for element in self.datapipe:
            key = self.group_key_fn(element)
            groups[key].append(element)
            waiting += 1
            if self.group_size is not None and len(groups[key]) == self.group_size:
                waiting -= self.group_size
                yield self._given(key, groups.pop(key))
            if waiting == self.max_buffer_size:
                key = max(groups, key=lambda one: len(groups[one]))
                group = groups.pop(key)
                waiting -= len(group)
                if self.guaranteed_group_size is not None and len(group) < self.guaranteed_group_size and not self.drop_remaining:
                    raise RuntimeError(f"Failed to group items {group}")
                if self.guaranteed_group_size is None or len(group) >= self.guaranteed_group_size:
                    yield self._given(key, group)
        for key in list(groups):
            yield self._given(key, groups.pop(key))
