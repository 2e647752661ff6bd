"""Settings of all data pipes of a graph: who reads which part, and seeds."""
import kagari
from kagari.utils.data.graph import traverse_dps

__all__ = ["apply_random_seed", "apply_sharding", "apply_shuffle_seed", "apply_shuffle_settings", "get_all_graph_pipes"]


def get_all_graph_pipes(graph):
    """The pipes of a graph (of traverse_dps), each once."""
    found = {}

    def visit(part):
        for key, (pipe, inputs) in part.items():
            if key not in found:
                found[key] = pipe
                visit(inputs)
    visit(graph)
    return list(found.values())


def apply_sharding(datapipe, num_of_instances, instance_id, sharding_group=None):
    """Tells the pipes that divide elements among readers how many there are, and which one this is."""
    for pipe in get_all_graph_pipes(traverse_dps(datapipe)):
        if hasattr(type(pipe), "apply_sharding"):
            pipe.apply_sharding(num_of_instances, instance_id)
    return datapipe


def _shufflers(datapipe):
    return [pipe for pipe in get_all_graph_pipes(traverse_dps(datapipe)) if hasattr(type(pipe), "set_shuffle") and hasattr(type(pipe), "set_seed")]


def apply_shuffle_settings(datapipe, shuffle=None):
    """Switches the shuffling of all pipes on or off; None leaves it. Without a pipe that shuffles one is added, with a warning, for True."""
    if shuffle is None:
        return datapipe
    found = _shufflers(datapipe)
    if not found and shuffle:
        import warnings
        warnings.warn("`shuffle=True` was set, but the datapipe does not contain a `Shuffler`. Adding one at the end.", stacklevel=2)
        datapipe = datapipe.shuffle()
        found = _shufflers(datapipe)
    for pipe in found:
        pipe.set_shuffle(shuffle)
    return datapipe


def apply_shuffle_seed(datapipe, rng):
    """apply_random_seed; an older name."""
    return apply_random_seed(datapipe, rng)


def apply_random_seed(datapipe, rng):
    """A seed, drawn from the generator, for each pipe that takes one."""
    for pipe in get_all_graph_pipes(traverse_dps(datapipe)):
        if hasattr(type(pipe), "set_seed"):
            pipe.set_seed(int(kagari.empty((), dtype=kagari.int64).random_(generator=rng).item()))
    return datapipe
