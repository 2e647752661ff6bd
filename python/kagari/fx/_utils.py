"""Names of attributes of graph modules."""
from kagari.fx.graph_module import _assign_attr, _copy_attr, _get_attr

__all__ = ["_assign_attr", "_copy_attr", "_get_attr"]
