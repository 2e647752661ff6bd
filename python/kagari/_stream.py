"""torch.Stream and torch.Event for any device: there is the CPU, whose only order of work is the program's."""
import kagari


class Stream:
    """The order of work on a device. RuntimeError for devices that are not there."""

    def __init__(self, device=None, *, priority=0, stream_id=0, device_index=-1, device_type=0):
        self.device = kagari.empty(0, device=device or "cpu").device
        self.priority, self.stream_id, self.device_index = priority, stream_id, device_index

    def query(self):
        return True

    def synchronize(self):
        """Returns at once: work is done when its call returns."""

    def wait_stream(self, stream):
        """Returns at once."""

    def wait_event(self, event):
        """Returns at once."""

    def record_event(self, event=None):
        """The event, which counts as reached."""
        event = event or Event(self.device)
        event.record(self)
        return event

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None

    def __eq__(self, other):
        return isinstance(other, Stream) and (self.device, self.stream_id) == (other.device, other.stream_id)

    def __hash__(self):
        return hash((self.device, self.stream_id))

    def __repr__(self):
        return f"torch.Stream device_type={self.device.type}, device_index={self.device_index}, stream_id={self.stream_id}"


class Event:
    """A point in the work on a device; with enable_timing, elapsed_time measures between two."""

    def __init__(self, device=None, *, enable_timing=False, blocking=False, interprocess=False):
        self.device = kagari.empty(0, device=device or "cpu").device
        self.enable_timing, self._time = enable_timing, None

    def record(self, stream=None):
        """Notes the time."""
        import time
        self._time = time.perf_counter()

    def query(self):
        return True

    def synchronize(self):
        """Returns at once."""

    def wait(self, stream=None):
        """Returns at once."""

    def elapsed_time(self, end_event):
        """Milliseconds from this event to another. ValueError unless both were recorded with enable_timing."""
        if not (self.enable_timing and end_event.enable_timing) or self._time is None or end_event._time is None:
            raise ValueError("Both events must be created with argument 'enable_timing=True' and be recorded.")
        return (end_event._time - self._time) * 1000

    def __repr__(self):
        return f"torch.Event device_type={self.device.type}, device_index=-1"


for _class in (Stream, Event):
    _class.__module__ = "torch"
