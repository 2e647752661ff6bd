"""Statistics and events of a program: numbers that are summed up over intervals of time, and handlers that hear of them."""
import datetime
import enum
import time

__all__ = ["Aggregation", "Event", "Stat", "TensorboardEventHandler", "log_event", "register_event_handler", "unregister_event_handler"]
_handlers = {}


class Aggregation(enum.Enum):
    """What a Stat computes of the numbers of an interval."""
    VALUE, MEAN, COUNT, SUM, MAX, MIN = range(6)


VALUE, MEAN, COUNT, SUM, MAX, MIN = Aggregation


class Event:
    """Something that happened: a name, a time, and data, a dict of numbers and texts."""

    def __init__(self, name, timestamp=None, data=None):
        self.name, self.timestamp, self.data = name, timestamp or datetime.datetime.now(), dict(data or {})


class EventHandlerHandle:
    """What unregister_event_handler takes."""


def register_event_handler(callback):
    """callback(event) is called for every event from now on; the result unregisters it."""
    handle = EventHandlerHandle()
    _handlers[handle] = callback
    return handle


def unregister_event_handler(handler):
    """The handler hears of no more events."""
    _handlers.pop(handler, None)


def log_event(event):
    """Tells all handlers."""
    for callback in list(_handlers.values()):
        callback(event)


class Stat:
    """Numbers, summed up over intervals of window_size, or of max_samples numbers; each interval that ends is an event torch.monitor.Stat.

    >>> stat = torch.monitor.Stat("time", [torch.monitor.Aggregation.SUM, torch.monitor.Aggregation.COUNT], datetime.timedelta(hours=1), 2)
    >>> stat.add(1.5)
    >>> stat.add(2)
    >>> stat.get()
    {<Aggregation.COUNT: 2>: 2.0, <Aggregation.SUM: 3>: 3.5}
    """

    def __init__(self, name, aggregations, window_size, max_samples=2 ** 63 - 1):
        self.name, self._aggregations, self._window, self._most = name, sorted(aggregations, key=lambda one: one.value), window_size.total_seconds(), max_samples
        self._values, self._last, self._begin = [], {}, time.monotonic()

    def _end_window(self):
        values = self._values
        made = {Aggregation.VALUE: values[-1] if values else 0.0, Aggregation.MEAN: sum(values) / len(values) if values else 0.0,
                Aggregation.COUNT: float(len(values)), Aggregation.SUM: float(sum(values)), Aggregation.MAX: max(values, default=0.0), Aggregation.MIN: min(values, default=0.0)}
        self._last = {one: made[one] for one in self._aggregations}
        log_event(Event("torch.monitor.Stat", data={f"{self.name}.{one.name.lower()}": value for one, value in self._last.items()}))
        self._values, self._begin = [], time.monotonic()

    def add(self, v):
        """Adds a number."""
        if self._values and time.monotonic() - self._begin >= self._window:
            self._end_window()
        self._values.append(float(v))
        if len(self._values) >= self._most:
            self._end_window()

    def get(self):
        """What was computed of the last interval that ended."""
        if self._values and time.monotonic() - self._begin >= self._window:
            self._end_window()
        return dict(self._last)

    @property
    def count(self):
        """How many numbers the current interval has."""
        return len(self._values)


class TensorboardEventHandler:
    """A handler that writes the numbers of events with a SummaryWriter."""

    def __init__(self, writer):
        self._writer = writer

    def __call__(self, event):
        if event.name == "torch.monitor.Stat":
            for name, value in event.data.items():
                self._writer.add_scalar(name, value, walltime=event.timestamp.timestamp())
