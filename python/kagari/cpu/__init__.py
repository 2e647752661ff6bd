"""torch.cpu: the CPU as a device with one stream."""
import contextlib

__all__ = ["is_available", "is_initialized", "synchronize", "current_device", "current_stream", "stream", "set_device", "device_count", "Stream",
           "StreamContext", "Event", "get_capabilities"]


def is_available():
    return True


def is_initialized():
    return True


def device_count():
    return 1


def current_device():
    return "cpu"


def set_device(device):
    """Accepted: there is one CPU device."""


def synchronize(device=None):
    """Returns at once: work on the CPU is done when its call returns."""


class Stream:
    """The CPU's order of work, which is the program's."""

    def __init__(self, priority=-1):
        self.priority = priority

    def wait_stream(self, stream):
        """Returns at once."""

    def record_event(self):
        return Event()

    def wait_event(self, event):
        """Returns at once."""


class Event:
    """A point in the CPU's work; reached when it is recorded."""

    def query(self):
        return True

    def record(self, stream=None):
        """Does nothing."""

    def synchronize(self):
        """Returns at once."""

    def wait(self, stream=None):
        """Returns at once."""


_stream = Stream()


def current_stream(device=None):
    return _stream


class StreamContext(contextlib.AbstractContextManager):
    """Context manager of a stream; changes nothing."""

    def __init__(self, stream):
        self.stream = stream

    def __exit__(self, *exception):
        return None


def stream(stream):
    return StreamContext(stream)


def get_capabilities():
    """Which instruction sets the CPU has, as a dict of flags."""
    try:
        with open("/proc/cpuinfo") as file:
            flags = next((line.split(":", 1)[1].split() for line in file if line.startswith("flags")), [])
    except OSError:
        flags = []
    known = ("sse4_1", "sse4_2", "avx", "avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx512_bf16",
             "amx_tile", "amx_int8", "amx_bf16", "clflush", "aes")
    return {name: name in flags for name in known}
