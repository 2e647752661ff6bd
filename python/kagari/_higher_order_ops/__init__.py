"""Control flow as functions of functions: torch._higher_order_ops."""
from kagari._higher_order_ops.associative_scan import associative_scan
from kagari._higher_order_ops.map import map
from kagari._higher_order_ops.scan import scan
from kagari._native_names import cond, while_loop

__all__ = ["associative_scan", "cond", "map", "scan", "while_loop"]
