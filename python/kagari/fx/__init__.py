"""torch.fx: programs as graphs of Python calls, recorded by running them on stand-ins, changed, and turned back into code."""
from kagari.fx import immutable_collections
from kagari.fx._symbolic_trace import PH, ProxyableClassMeta, Tracer, symbolic_trace, wrap
from kagari.fx.graph import CodeGen, Graph
from kagari.fx.graph_module import GraphModule
from kagari.fx.interpreter import Interpreter, Transformer
from kagari.fx.node import Node, has_side_effect, map_arg
from kagari.fx.proxy import Proxy
from kagari.fx.subgraph_rewriter import replace_pattern

__all__ = ["CodeGen", "Graph", "GraphModule", "Interpreter", "Node", "PH", "Proxy", "ProxyableClassMeta", "Tracer", "Transformer", "has_side_effect",
           "immutable_collections", "map_arg", "replace_pattern", "symbolic_trace", "wrap"]


def __getattr__(name):
    import importlib
    if name in ("experimental", "passes", "config", "operator_schemas", "traceback", "tensor_type", "annotate", "subgraph_rewriter", "_pytree", "_utils",
                "_compatibility", "_lazy_graph_module"):
        return importlib.import_module(f"kagari.fx.{name}")
    raise AttributeError(f"module 'torch.fx' has no attribute {name!r}")
