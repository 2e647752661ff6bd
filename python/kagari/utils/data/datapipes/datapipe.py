"""IterDataPipe and MapDataPipe, the bases of data pipes, and functional_datapipe, which makes a pipe a method of all others."""
from kagari.utils.data.dataset import Dataset, IterableDataset

__all__ = ["IterDataPipe", "MapDataPipe", "functional_datapipe"]


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
