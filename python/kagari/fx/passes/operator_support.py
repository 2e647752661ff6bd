"""Which nodes a backend takes."""
__all__ = ["OperatorSupport", "OperatorSupportBase", "any_chain", "chain", "create_op_support"]


class OperatorSupportBase:
    """is_node_supported(submodules, node) says whether a backend takes the node."""

    def is_node_supported(self, submodules, node):
        raise NotImplementedError


class OperatorSupport(OperatorSupportBase):
    """Supports the targets that are keys of the table (functions and modules by their full names)."""

    def __init__(self, support_dict=None):
        self._support_dict = support_dict or {}

    def is_node_supported(self, submodules, node):
        if node.op not in ("call_module", "call_function", "call_method"):
            return True
        from kagari.fx.node import _get_qualified_name
        target = type(submodules[node.target]).__name__ if node.op == "call_module" else node.target if node.op == "call_method" else _get_qualified_name(node.target)
        return target in self._support_dict


class _Function(OperatorSupportBase):
    def __init__(self, function):
        self.function = function

    def is_node_supported(self, submodules, node):
        return self.function(submodules, node)


def create_op_support(is_node_supported):
    """An OperatorSupportBase from a function."""
    return _Function(is_node_supported)


def chain(*op_support):
    """Supported where all of them support."""
    return create_op_support(lambda submodules, node: all(one.is_node_supported(submodules, node) for one in op_support))


def any_chain(*op_support):
    """Supported where one of them supports."""
    return create_op_support(lambda submodules, node: any(one.is_node_supported(submodules, node) for one in op_support))
