"""What the modules of devices that kagari does not have (torch.cuda, torch.xpu) share.

Questions are answered truthfully (no device, no memory in use), seeds are accepted because programs set them for every
device, and whatever needs the device raises AssertionError, as in a PyTorch built without it.
"""
import collections
import contextlib

_NEEDS_DEVICE = ("current_device", "current_stream", "default_stream", "get_device_capability", "get_device_name", "get_device_properties",
                 "get_rng_state", "set_rng_state", "initial_seed", "synchronize", "mem_get_info", "init", "current_blas_handle", "ipc_collect",
                 "can_device_access_peer", "get_per_process_memory_fraction", "set_per_process_memory_fraction", "set_stream", "memory_summary",
                 "reset_peak_memory_stats", "reset_max_memory_allocated", "reset_max_memory_cached", "reset_accumulated_memory_stats",
                 "memory_snapshot", "graph_pool_handle", "make_graphed_callables", "get_stream_from_external", "get_sync_debug_mode",
                 "set_sync_debug_mode", "clock_rate", "power_draw", "temperature", "utilization", "memory_usage", "device_memory_used",
                 "list_gpu_processes", "caching_allocator_alloc", "caching_allocator_delete", "change_current_allocator", "use_mem_pool")
_ZERO = ("device_count", "memory_allocated", "memory_reserved", "memory_cached", "max_memory_allocated", "max_memory_reserved", "max_memory_cached")
_FALSE = ("is_available", "is_initialized", "is_tf32_supported", "is_current_stream_capturing")
_NOTHING = ("empty_cache", "seed", "seed_all", "caching_allocator_enable")
_SEEDS = ("manual_seed", "manual_seed_all")
_CLASSES = ("Event", "Stream", "ExternalStream", "MemPool")


def members(title):
    """The functions and classes of the module of an absent device; `title` is its name in messages."""
    made = {}

    def named(function, name, doc):
        function.__name__ = function.__qualname__ = name
        function.__doc__ = doc
        made[name] = function

    for name in _NEEDS_DEVICE:
        named(_raiser(title), name, f"Raises AssertionError: there is no {title} device.")
    for name in _ZERO:
        named(lambda device=None: 0, name, f"0: there is no {title} device.")
    for name in _FALSE:
        named(lambda: False, name, f"False: there is no {title} device.")
    for name in _NOTHING:
        named(lambda value=None: None, name, f"Does nothing: there is no {title} device.")
    for name in _SEEDS:
        named(lambda seed: None, name, f"Does nothing: there is no {title} device.")
    named(lambda including_emulation=True: False, "is_bf16_supported", f"False: there is no {title} device.")
    named(lambda: [], "get_arch_list", "An empty list.")
    named(lambda: "", "get_gencode_flags", "An empty string.")
    named(lambda: [], "get_rng_state_all", f"An empty list: there is no {title} device.")
    named(_set_none(title), "set_rng_state_all", f"Accepts an empty list; AssertionError for states of {title} devices.")
    named(lambda device=None: collections.OrderedDict(), "memory_stats", "An empty dict.")
    named(lambda device=None: {}, "memory_stats_as_nested_dict", "An empty dict.")
    named(_set_device(title), "set_device", "Accepts -1; AssertionError for any device.")
    named(_stream, "stream", "A context manager; None, the only stream there is, changes nothing.")
    for name in _CLASSES:
        made[name] = _device_class(name, title)
    made["device"], made["device_of"] = _device_context("device", title), _device_context("device_of", title)
    made["StreamContext"] = _StreamContext
    made["default_generators"] = ()
    return made


def _raiser(title):
    def fail(*args, **kwargs):
        raise AssertionError(f"Torch not compiled with {title} enabled")
    return fail


def _set_none(title):
    def set_rng_state_all(new_states):
        if list(new_states):
            raise AssertionError(f"Torch not compiled with {title} enabled")
    return set_rng_state_all


def _set_device(title):
    def set_device(device):
        if not isinstance(device, int) or device >= 0:
            raise AssertionError(f"Torch not compiled with {title} enabled")
    return set_device


class _StreamContext:
    """Context of a stream; only None exists."""

    def __init__(self, stream):
        if stream is not None:
            raise RuntimeError("a stream of a device that does not exist")
        self.stream = stream

    def __enter__(self):
        return None

    def __exit__(self, *exception):
        return None


def _stream(stream):
    return _StreamContext(stream)


def _device_class(name, title):
    def __new__(cls, *args, **kwargs):
        raise RuntimeError(f"Tried to instantiate dummy base class {name}: there is no {title} device")
    return type(name, (), {"__new__": __new__, "__doc__": "Exists for isinstance and annotations; making one raises RuntimeError.",
                           "__module__": f"torch.{title.lower()}"})


def _device_context(name, title):
    class Context(contextlib.AbstractContextManager):
        def __init__(self, device):
            self.idx = -1 if device is None else getattr(device, "index", device)

        def __enter__(self):
            if isinstance(self.idx, int) and self.idx >= 0:
                raise AssertionError(f"Torch not compiled with {title} enabled")
            return self

        def __exit__(self, *exception):
            return False
    Context.__name__ = Context.__qualname__ = name
    Context.__doc__ = f"Context manager that selects a device; does nothing for -1 and for CPU tensors, AssertionError for a {title} device."
    return Context
