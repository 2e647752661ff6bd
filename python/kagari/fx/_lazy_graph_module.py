"""GraphModules are generated at once."""
import contextlib

from kagari.fx.graph_module import GraphModule
from kagari.fx._symbolic_trace import _make_graph_module

__all__ = ["_LazyGraphModule", "_force_skip_lazy_graph_module", "_make_graph_module", "_use_lazy_graph_module"]

_LazyGraphModule = GraphModule


@contextlib.contextmanager
def _use_lazy_graph_module(should_use):
    yield


@contextlib.contextmanager
def _force_skip_lazy_graph_module():
    yield
