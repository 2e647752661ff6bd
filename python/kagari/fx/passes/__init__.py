"""Passes over graphs."""
from kagari._submodules import submodules

__getattr__, __dir__ = submodules(globals(), "graph_drawer", "infra", "operator_support", "shape_prop", "split_module", "utils")
