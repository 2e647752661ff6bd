"""torch.accelerator: the one accelerator of the machine, of which there is none."""
__all__ = ["current_accelerator", "current_device_idx", "current_device_index", "current_stream", "device_count", "device_index", "empty_cache",
           "get_device_capability", "get_memory_info", "is_available", "max_memory_allocated", "max_memory_reserved", "memory_allocated",
           "memory_reserved", "memory_stats", "reset_accumulated_memory_stats", "reset_peak_memory_stats", "set_device_idx", "set_device_index",
           "set_stream", "synchronize"]


def is_available():
    return False


def device_count():
    return 0


def current_accelerator(check_available=False):
    """None: there is no accelerator."""
    return None


def _absent(*args, **kwargs):
    """Raises RuntimeError: there is no accelerator."""
    raise RuntimeError("Cannot access accelerator device when none is available.")


current_device_idx = current_device_index = current_stream = empty_cache = get_device_capability = get_memory_info = _absent
max_memory_allocated = max_memory_reserved = memory_allocated = memory_reserved = memory_stats = synchronize = _absent
reset_accumulated_memory_stats = reset_peak_memory_stats = set_device_idx = set_device_index = set_stream = _absent


class device_index:
    """Context manager that selects a device; None changes nothing."""

    def __init__(self, device=None, /):
        self.idx = device

    def __enter__(self):
        if self.idx is not None:
            _absent()

    def __exit__(self, *exception):
        return None
