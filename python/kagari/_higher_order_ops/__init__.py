"""Control flow as functions of functions. They run as the Python loops that they stand for."""
from kagari import cond, while_loop
from kagari._higher_order_ops.scans import associative_scan, map, scan

__all__ = ["associative_scan", "cond", "map", "scan", "while_loop"]
