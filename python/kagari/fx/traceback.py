"""Stack traces of the program for the nodes that it makes."""
import contextlib

__all__ = ["format_stack", "get_current_meta", "has_preserved_node_meta", "preserve_node_meta", "set_current_meta", "set_stack_trace"]

current_meta, _preserve = {}, False


@contextlib.contextmanager
def preserve_node_meta(enable=True):
    """Inside, metadata set by set_current_meta is meant for new nodes."""
    global _preserve, current_meta
    before = (_preserve, current_meta)
    _preserve, current_meta = enable, dict(current_meta)
    try:
        yield
    finally:
        _preserve, current_meta = before


def set_stack_trace(stack):
    if _preserve and stack:
        current_meta["stack_trace"] = "".join(stack)


@contextlib.contextmanager
def set_current_meta(node, pass_name=""):
    """Inside, the node's metadata is the current one."""
    global current_meta
    before = current_meta
    if _preserve and node.meta:
        current_meta = dict(node.meta)
    try:
        yield
    finally:
        current_meta = before


def get_current_meta():
    return current_meta


def has_preserved_node_meta():
    return _preserve


def format_stack():
    import traceback
    return [current_meta["stack_trace"]] if _preserve and "stack_trace" in current_meta else traceback.format_list(traceback.extract_stack()[:-1])
