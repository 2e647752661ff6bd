"""Recording what a program's operators cost: `profile`, and names for parts of a program."""
import threading
from contextlib import ContextDecorator as _ContextDecorator

from kagari import _C
from kagari.autograd.profiler_util import EventList, FunctionEvent, FunctionEventAvg, Interval, events_of  # noqa: F401  PyTorch has them here, too

__all__ = ["profile", "record_function", "emit_itt", "emit_nvtx", "load_nvprof", "EnforceUnique", "parse_nvprof_trace", "KinetoStepTracker", "EventList",
           "FunctionEvent"]


def kineto_available():
    """True: this build can record."""
    return True


class profile:
    """Context manager that records the operators of the calling thread, forward and backward.

    Arguments:
        enabled: False records nothing.
        record_shapes: the shapes of the arguments, too.
        profile_memory: by how many bytes storages grew during each event.
        with_stack: the Python stack of each event; slow.
        with_flops: the arithmetic of matrix products, sums and products.

    use_cuda, use_device and use_kineto are accepted: there is only the CPU.
    """

    def __init__(self, enabled=True, *, use_cuda=False, use_device=None, record_shapes=False, with_flops=False, profile_memory=False, with_stack=False,
                 with_modules=False, use_kineto=False, use_cpu=True, experimental_config=None, acc_events=False, custom_trace_id_callback=None,
                 post_processing_timeout_s=None, activity_filters=None):
        self.enabled, self.use_cpu, self.use_device = enabled, use_cpu, None
        self.record_shapes, self.with_flops, self.profile_memory, self.with_stack = record_shapes or with_flops, with_flops, profile_memory, with_stack
        self.entered, self.acc_events, self.function_events, self._metadata = False, acc_events, None, {}
        self._shapes_shown = record_shapes

    def __enter__(self):
        if not self.enabled:
            return self
        if self.entered:
            raise RuntimeError("Profiler context manager is not reentrant")
        self._start_trace()
        return self

    def _prepare_trace(self):
        self.entered = True

    def _start_trace(self):
        self.entered = True
        self._thread = threading.get_native_id()
        self._started = _C._profiler_start(self.record_shapes, self.with_stack)

    def __exit__(self, kind, value, trace):
        if not self.enabled or not self.entered:
            return False
        self._records = _C._profiler_stop()
        self.entered = False
        self.function_events = events_of(self._records, self._started, self._thread, self.profile_memory, self.with_flops)
        if not self._shapes_shown:
            for event in self.function_events:
                event.input_shapes = []
        return False

    def _check_finish(self):
        if self.function_events is None:
            raise RuntimeError("Profiler didn't finish running")

    def toggle_collection_dynamic(self, enabled, activities=()):
        """Interrupts recording or goes on."""
        _C._profiler_toggle(enabled)

    def __repr__(self):
        return "<unfinished torch.autograd.profile>" if self.function_events is None else repr(self.function_events)

    def __str__(self):
        return "<unfinished torch.autograd.profile>" if self.function_events is None else str(self.function_events)

    def table(self, sort_by=None, row_limit=100, max_src_column_width=75, max_name_column_width=55, max_shapes_column_width=80, header=None,
              top_level_events_only=False, time_unit=None):
        self._check_finish()
        return self.function_events.table(sort_by, row_limit, max_src_column_width, max_name_column_width, max_shapes_column_width, header, top_level_events_only)

    table.__doc__ = EventList.table.__doc__

    def export_chrome_trace(self, path):
        """Writes the events for chrome://tracing and Perfetto."""
        from kagari.autograd.profiler_util import write_chrome_trace
        self._check_finish()
        write_chrome_trace(self.function_events, path, self._metadata)

    def export_stacks(self, path, metric="self_cpu_time_total"):
        """Lines for flame graphs; needs with_stack=True."""
        self._check_finish()
        if not self.with_stack:
            raise ValueError("export_stacks() requires with_stack=True")
        self.function_events.export_stacks(path, metric)

    def key_averages(self, group_by_input_shape=False, group_by_stack_n=0, group_by_overload_name=False):
        """Sums over the events of each name."""
        self._check_finish()
        return self.function_events.key_averages(group_by_input_shape, group_by_stack_n, group_by_overload_name)

    def total_average(self):
        """The sum of all events."""
        self._check_finish()
        return self.function_events.total_average()

    @property
    def self_cpu_time_total(self):
        """Microseconds in all events."""
        self._check_finish()
        return self.function_events.self_cpu_time_total


class record_function(_ContextDecorator):
    """Context manager and decorator that names the calls inside it for a profiler; without one it does nothing.

    >>> with torch.profiler.profile() as p:
    ...     with torch.profiler.record_function("part"):
    ...         _ = torch.ones(2) + 1
    >>> p.key_averages()[0].key
    'part'
    """

    def __init__(self, name, args=None):
        self.name, self.args, self.run_callbacks_on_exit, self.record = name, args, True, None

    def __enter__(self):
        self.record = _C._profiler_enter(self.name)
        return self

    def __exit__(self, kind, value, trace):
        if self.record and self.run_callbacks_on_exit:
            _C._profiler_leave()
        self.record = None

    def _call_end_callbacks_on_future(self, fut):
        """Ends the event when the future is done."""
        if not self.run_callbacks_on_exit:
            raise RuntimeError("_call_end_callbacks_on_future can only be called once.")
        self.run_callbacks_on_exit = False

        def done(completed):
            _C._profiler_leave()
            return completed.value()
        return fut.then(done)


class _Ranges:
    """Ranges for another program's profiler."""
    _what = ""

    def __init__(self, enabled=True, record_shapes=False):
        if enabled:
            raise NotImplementedError(f"torch.autograd.profiler.{type(self).__name__}: there is no {self._what} here; torch.profiler.profile records on the CPU")
        self.enabled, self.record_shapes = enabled, record_shapes

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return False


class emit_nvtx(_Ranges):
    """Ranges for NVIDIA's profiler; enabled=False does nothing, enabled=True raises NotImplementedError."""
    _what = "NVIDIA device"


class emit_itt(_Ranges):
    """Ranges for Intel's profiler; enabled=False does nothing, enabled=True raises NotImplementedError."""
    _what = "connection to Intel's profiler"


def load_nvprof(path):
    """NotImplementedError: traces of NVIDIA's profiler cannot be read."""
    raise NotImplementedError("torch.autograd.profiler.load_nvprof: kagari does not read NVIDIA's traces")


parse_nvprof_trace = load_nvprof


class EnforceUnique:
    """Raises if a key is seen more than once."""

    def __init__(self):
        self.seen = set()

    def see(self, *key):
        if key in self.seen:
            raise RuntimeError("duplicate key: " + str(key))
        self.seen.add(key)


class KinetoStepTracker:
    """Counts steps for several parties, such as the profiler and optimizers; the number of steps is the largest count."""
    _current_step, _steps = 0, {}

    @classmethod
    def init_step_count(cls, requester):
        cls._steps[requester] = cls._current_step

    @classmethod
    def erase_step_count(cls, requester):
        return cls._steps.pop(requester, None) is not None

    @classmethod
    def increment_step(cls, requester):
        cls._steps[requester] = cls._steps.get(requester, cls._current_step) + 1
        cls._current_step = max(cls._current_step, *cls._steps.values())
        return cls._current_step

    @classmethod
    def current_step(cls):
        return cls._current_step

