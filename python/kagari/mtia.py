"""torch.mtia: Meta's accelerator, of which there is none."""
from kagari._absent_device import members as _members

globals().update(_members("MTIA"))


def attach_out_of_memory_observer(observer):
    """Does nothing: there is no memory of such a device."""


def record_memory_history(enabled="all", stacks="python", max_entries=0):
    """Does nothing: there is no memory of such a device."""


def snapshot():
    """An empty dict."""
    return {}
