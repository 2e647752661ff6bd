"""Lists and dicts that cannot be changed: arguments of nodes, whose uses the graph counts."""
from kagari.utils import _pytree

__all__ = ["immutable_dict", "immutable_list"]

_ADVICE = "If you are attempting to modify the kwargs or args of a torch.fx.Node object,\ninstead create a new copy of it and assign the copy to the node:\n" \
          "    new_args = ... # copy and mutate args\n    node.args = new_args\n"


def _frozen(name):
    def refuse(self, *args, **kwargs):
        raise NotImplementedError(f"{type(self).__name__!r} object does not support mutation. {_ADVICE}")
    refuse.__name__ = name
    return refuse


class immutable_list(list):
    """A list that raises NotImplementedError when it is changed."""
    for _name in ("__delitem__", "__iadd__", "__imul__", "__setitem__", "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"):
        locals()[_name] = _frozen(_name)
    del _name

    def __hash__(self):
        return hash(tuple(self))

    def __reduce__(self):
        return immutable_list, (tuple(self),)


class immutable_dict(dict):
    """A dict that raises NotImplementedError when it is changed."""
    for _name in ("__delitem__", "__ior__", "__setitem__", "clear", "pop", "popitem", "setdefault", "update"):
        locals()[_name] = _frozen(_name)
    del _name

    def __hash__(self):
        return hash(frozenset(self.items()))

    def __reduce__(self):
        return immutable_dict, (tuple(self.items()),)


_pytree.register_pytree_node(immutable_list, lambda values: (list(values), None), lambda values, context: immutable_list(values),
                             serialized_type_name="torch.fx.immutable_collections.immutable_list")
_pytree.register_pytree_node(immutable_dict, lambda values: (list(values.values()), list(values)), lambda values, keys: immutable_dict(zip(keys, values)),
                             serialized_type_name="torch.fx.immutable_collections.immutable_dict")
