"""IterDataPipe and MapDataPipe, the bases of data pipes, and functional_datapipe, which makes a pipe a method of all others."""
import contextlib
import functools

from kagari.utils.data.dataset import Dataset, IterableDataset

__all__ = ["DFIterDataPipe", "DataChunk", "IterDataPipe", "MapDataPipe", "argument_validation", "functional_datapipe", "guaranteed_datapipes_determinism",
           "non_deterministic", "runtime_validation", "runtime_validation_disabled"]


class IterDataPipe(IterableDataset):
    """An iterable dataset; registered pipes are its methods: ``pipe.map(f).batch(4)``."""
    functions = {}

    def __getattr__(self, name):
        made = IterDataPipe.functions.get(name)
        if made is None:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        return lambda *args, **kwargs: made(self, *args, **kwargs)

    @classmethod
    def register_datapipe_as_function(cls, function_name, cls_to_register, enable_df_api_tracing=False):
        if function_name in cls.functions:
            raise Exception(f"Unable to add DataPipe function name {function_name} as it is already taken")
        cls.functions[function_name] = cls_to_register

    def reset(self):
        """Called by programs before another pass; nothing by default."""

    def __getstate__(self):
        return self.__dict__

    def __setstate__(self, state):
        self.__dict__.update(state)


class MapDataPipe(Dataset):
    """A dataset with indices whose registered pipes are its methods."""
    functions = {}

    def __getattr__(self, name):
        made = MapDataPipe.functions.get(name)
        if made is None:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        return lambda *args, **kwargs: made(self, *args, **kwargs)

    @classmethod
    def register_datapipe_as_function(cls, function_name, cls_to_register):
        if function_name in cls.functions:
            raise Exception(f"Unable to add DataPipe function name {function_name} as it is already taken")
        cls.functions[function_name] = cls_to_register

    def __getstate__(self):
        return self.__dict__

    def __setstate__(self, state):
        self.__dict__.update(state)


def functional_datapipe(name, enable_df_api_tracing=False):
    """Class decorator: the pipe becomes the method `name` of its kind."""
    def decorate(cls):
        base = MapDataPipe if issubclass(cls, MapDataPipe) else IterDataPipe
        if not issubclass(cls, (IterDataPipe, MapDataPipe)):
            raise TypeError("`functional_datapipe` can only decorate IterDataPipe and MapDataPipe")
        base.register_datapipe_as_function(name, cls)
        return cls
    return decorate


class DataChunk(list):
    """A batch of elements: a list."""

    @property
    def items(self):
        """The elements."""
        return list(self)

    def raw_iterator(self):
        """An iterator over the elements."""
        return iter(self)

    def as_str(self, indent=""):
        """The elements as text."""
        return indent + "[" + ", ".join(map(str, self)) + "]"


class DFIterDataPipe(IterDataPipe):
    """Base of pipes over data frames."""

    def _is_dfpipe(self):
        return True

    def __iter__(self):
        raise NotImplementedError("a pipe over data frames defines __iter__")


def argument_validation(f):
    """Decorator: the function itself; the types of arguments are not checked."""
    return f


def runtime_validation(f):
    """Decorator: the function itself; the types of elements are not checked."""
    return f


@contextlib.contextmanager
def runtime_validation_disabled():
    """Within the context the types of elements are not checked; they never are."""
    yield


_determinism = [False]


@contextlib.contextmanager
def guaranteed_datapipes_determinism():
    """Within the context pipes that are marked as non_deterministic cannot be made."""
    before = _determinism[0]
    _determinism[0] = True
    try:
        yield
    finally:
        _determinism[0] = before


def non_deterministic(mark):
    """Class decorator of pipes whose order may change from run to run; mark: the class, or a function of the constructor's arguments."""
    def decorate(cls, of=lambda *args, **kwargs: True):
        made = cls.__init__

        @functools.wraps(made)
        def __init__(self, *args, **kwargs):
            if _determinism[0] and of(*args, **kwargs):
                raise TypeError(f"{cls.__name__} is non-deterministic, but you set 'guaranteed_datapipes_determinism'.")
            made(self, *args, **kwargs)
        cls.__init__ = __init__
        return cls
    if isinstance(mark, type):
        return decorate(mark)
    return lambda cls: decorate(cls, mark)
