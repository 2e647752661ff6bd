"""The graph of data pipes behind one of them."""
from kagari.utils.data.datapipes.datapipe import IterDataPipe, MapDataPipe

__all__ = ["traverse", "traverse_dps"]


def _pipes_in(value, seen):
    """The pipes among the attributes of an object, containers opened."""
    if isinstance(value, (IterDataPipe, MapDataPipe)):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _pipes_in(inner, seen)
    elif isinstance(value, (list, tuple, set)):
        for inner in value:
            yield from _pipes_in(inner, seen)


def traverse_dps(datapipe):
    """{id of the pipe: (the pipe, the same for the pipes that it reads)}."""
    def graph(pipe, above):
        if id(pipe) in above:
            return {}
        inputs = {}
        for inner in _pipes_in(list(vars(pipe).values()), above):
            inputs.update(graph(inner, above | {id(pipe)}))
        return {id(pipe): (pipe, inputs)}
    return graph(datapipe, frozenset())


def traverse(datapipe, only_datapipe=None):
    """traverse_dps; an older name."""
    return traverse_dps(datapipe)
