"""Types on stand-ins."""
from kagari.fx.proxy import Proxy

__all__ = ["annotate"]


def annotate(val, type):
    """`val`, whose node gets the type if it is a stand-in. RuntimeError if it has one."""
    if isinstance(val, Proxy):
        if val.node.type:
            raise RuntimeError(f"Tried to annotate a value that already had a type on it! Existing type is {val.node.type} and new type is {type}.")
        val.node.type = type
    return val
