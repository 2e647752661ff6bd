"""torch.profiler.profile: a recorder with a schedule of steps."""
import enum
import os
import socket
import time
import warnings

from kagari.autograd import profiler as prof
from kagari.autograd.profiler_util import EventList

__all__ = ["supported_activities", "ProfilerAction", "schedule", "tensorboard_trace_handler", "profile", "ProfilerActivity", "ExecutionTraceObserver"]
PROFILER_STEP_NAME = "ProfilerStep"


class ProfilerActivity(enum.Enum):
    """What a profiler looks at. Only the CPU can be looked at here."""
    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    HPU = 4
    PrivateUse1 = 5


class ProfilerAction(enum.Enum):
    """What a profiler does in a step."""
    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def supported_activities():
    """The activities that can be recorded: {ProfilerActivity.CPU}."""
    return {ProfilerActivity.CPU}


def schedule(*, wait, warmup, active, repeat=0, skip_first=0, skip_first_wait=0):
    """A function from the step's number to the action of a profiler that waits, warms up and records in turn.

    It skips `skip_first` steps, then goes round for ever, or `repeat` times; skip_first_wait != 0 leaves the first wait out.
    """
    if wait < 0 or warmup < 0 or active <= 0 or repeat < 0 or skip_first < 0:
        raise AssertionError(f"Invalid profiler schedule arguments. Got wait={wait} (need >= 0), warmup={warmup} (need >= 0), active={active} (need > 0), "
                             f"repeat={repeat} (need >= 0), skip_first={skip_first} (need >= 0).")
    if warmup == 0:
        warnings.warn("Profiler won't be using warmup, this can skew profiler results", stacklevel=2)

    def action(step):
        if step < 0:
            raise AssertionError(f"Step must be non-negative. Got {step}.")
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait != 0:
            step += wait
        length = wait + warmup + active
        if repeat > 0 and step // length >= repeat:
            return ProfilerAction.NONE
        position = step % length
        if position < wait:
            return ProfilerAction.NONE
        if position < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD_AND_SAVE if position == length - 1 else ProfilerAction.RECORD
    return action


def _always(step):
    return ProfilerAction.RECORD


_default_schedule_fn = _always


def tensorboard_trace_handler(dir_name, worker_name=None, use_gzip=False, use_python_export=False):
    """A handler for on_trace_ready that writes each trace as a file of its own into dir_name."""
    def handler(profiler):
        os.makedirs(dir_name, exist_ok=True)
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        profiler.export_chrome_trace(os.path.join(dir_name, f"{worker}.{time.time_ns()}.pt.trace.json" + (".gz" if use_gzip else "")))
    return handler


class _ExperimentalConfig:
    """Options of PyTorch's own recorder; kept, without effect."""

    def __init__(self, **options):
        vars(self).update(options)


class ExecutionTraceObserver:
    """PyTorch's recorder of execution traces; registering one raises NotImplementedError."""

    def register_callback(self, output_file_path):
        raise NotImplementedError("torch.profiler.ExecutionTraceObserver: kagari writes Chrome traces only")


class _KinetoProfile:
    """A recorder without a schedule: start(), stop(), and the reports."""

    def __init__(self, *, activities=None, record_shapes=False, profile_memory=False, with_stack=False, with_flops=False, with_modules=False,
                 experimental_config=None, execution_trace_observer=None, acc_events=False, custom_trace_id_callback=None, post_processing_timeout_s=None):
        chosen = set(activities) if activities is not None else supported_activities()
        if not chosen:
            raise AssertionError("No valid profiler activities found")
        if ProfilerActivity.CUDA in chosen:
            warnings.warn("CUDA is not available, disabling CUDA profiling", stacklevel=3)
        if execution_trace_observer is not None:
            raise NotImplementedError("torch.profiler: execution traces are not supported; export_chrome_trace is")
        self.activities = chosen & supported_activities()
        self.record_shapes, self.profile_memory, self.with_stack, self.with_flops, self.with_modules = record_shapes, profile_memory, with_stack, with_flops, with_modules
        self.acc_events, self.experimental_config, self.use_device, self.profiler = acc_events, experimental_config, None, None
        self.custom_trace_id_callback, self.preset_metadata, self._earlier = custom_trace_id_callback, {}, []

    def start(self):
        self.prepare_trace()
        self.start_trace()

    def stop(self):
        self.stop_trace()

    def prepare_trace(self):
        """Makes a recorder."""
        if self.profiler is not None and self.acc_events and self.profiler.function_events is not None:
            self._earlier += self.profiler.function_events
        self.profiler = prof.profile(use_cpu=ProfilerActivity.CPU in self.activities, record_shapes=self.record_shapes, with_flops=self.with_flops,
                                     profile_memory=self.profile_memory, with_stack=self.with_stack, with_modules=self.with_modules)
        self.profiler._prepare_trace()

    def start_trace(self):
        """Records from here."""
        if self.profiler is None:
            raise AssertionError("Profiler must be initialized before starting trace")
        self.profiler._start_trace()
        self.profiler._metadata.update(self.preset_metadata)

    def stop_trace(self):
        """Records up to here."""
        if self.profiler is None:
            raise AssertionError("Profiler must be initialized before stopping trace")
        self.profiler.__exit__(None, None, None)

    def toggle_collection_dynamic(self, enable, activities):
        """Interrupts recording or goes on. `activities` must contain the CPU to have an effect."""
        if self.profiler is not None and ProfilerActivity.CPU in set(activities):
            self.profiler.toggle_collection_dynamic(enable)

    def _finished(self):
        if self.profiler is None:
            raise AssertionError("Profiler must be initialized before getting events")
        self.profiler._check_finish()
        return self.profiler

    def events(self):
        """The list of all events."""
        events = self._finished().function_events
        if not self._earlier:
            return events
        return EventList([*self._earlier, *events], profile_memory=self.profile_memory, with_flops=self.with_flops)

    def key_averages(self, group_by_input_shape=False, group_by_stack_n=0, group_by_overload_name=False):
        """Sums over the events of each name."""
        return self.events().key_averages(group_by_input_shape, group_by_stack_n, group_by_overload_name)

    def export_chrome_trace(self, path):
        """Writes the trace for chrome://tracing and Perfetto; gzipped if the name ends in .gz."""
        self._finished().export_chrome_trace(path)

    def export_stacks(self, path, metric="self_cpu_time_total"):
        """Lines for flame graphs; needs with_stack=True."""
        self._finished().export_stacks(path, metric)

    def export_memory_timeline(self, path, device=None):
        """NotImplementedError: events have sums of bytes, not single allocations."""
        raise NotImplementedError("torch.profiler.profile.export_memory_timeline: kagari records no single allocations")

    def add_metadata(self, key, value):
        """A text that the trace file holds beside the events."""
        self.add_metadata_json(key, value)

    def add_metadata_json(self, key, value):
        """The same for a text that is JSON."""
        self.preset_metadata[key] = value
        if self.profiler is not None:
            self.profiler._metadata[key] = value

    preset_metadata_json = add_metadata_json

    def get_trace_id(self):
        return None if self.profiler is None else f"{id(self.profiler):032X}"


class profile(_KinetoProfile):
    """Context manager that records the operators of the calling thread.

    Arguments:
        activities: what to look at; only ProfilerActivity.CPU can be.
        schedule: function from a step's number to a ProfilerAction; step() goes on to the next step. Without it everything is recorded.
        on_trace_ready: called with the profiler when a cycle of the schedule ends, or at the end.
        record_shapes, profile_memory, with_stack, with_flops: what to note of each event, see torch.autograd.profiler.profile.

    >>> with torch.profiler.profile() as p:
    ...     _ = torch.ones(2, 2).sum()
    >>> [e.key for e in p.key_averages()]
    ['aten::ones', 'aten::sum']
    """

    def __init__(self, *, activities=None, schedule=None, on_trace_ready=None, record_shapes=False, profile_memory=False, with_stack=False, with_flops=False,
                 with_modules=False, experimental_config=None, execution_trace_observer=None, acc_events=False, use_cuda=None, custom_trace_id_callback=None,
                 post_processing_timeout_s=None):
        if use_cuda is not None:
            warnings.warn("`use_cuda` is deprecated, use `activities` argument instead", FutureWarning, stacklevel=2)
        super().__init__(activities=activities, record_shapes=record_shapes, profile_memory=profile_memory, with_stack=with_stack, with_flops=with_flops,
                         with_modules=with_modules, experimental_config=experimental_config, execution_trace_observer=execution_trace_observer,
                         acc_events=acc_events, custom_trace_id_callback=custom_trace_id_callback)
        self.record_steps = schedule is not None
        self.schedule, self.on_trace_ready = schedule or _always, on_trace_ready
        self.step_num, self.step_rec_fn = 0, None
        self.current_action = self.schedule(0)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, value, trace):
        self.stop()

    def _recording(self, action):
        return action in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)

    def _open_step(self):
        if self.record_steps and self._recording(self.current_action):
            self.step_rec_fn = prof.record_function(f"{PROFILER_STEP_NAME}#{self.step_num}")
            self.step_rec_fn.__enter__()

    def _close_step(self):
        if self.step_rec_fn is not None:
            self.step_rec_fn.__exit__(None, None, None)
            self.step_rec_fn = None

    def _trace_ready(self):
        if self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def start(self):
        """Enters the first step."""
        if self._recording(self.current_action):
            self.prepare_trace()
            self.start_trace()
        self._open_step()

    def stop(self):
        """Ends recording; a trace that was under way is ready."""
        self._close_step()
        if self._recording(self.current_action):
            self.stop_trace()
            self._trace_ready()

    def step(self):
        """The next step begins."""
        self._close_step()
        before = self.current_action
        self.step_num += 1
        self.current_action = self.schedule(self.step_num)
        if self._recording(before):
            if before is ProfilerAction.RECORD_AND_SAVE or not self._recording(self.current_action):
                self.stop_trace()
                self._trace_ready()
                if self._recording(self.current_action):
                    self.prepare_trace()
                    self.start_trace()
        elif self._recording(self.current_action):
            self.prepare_trace()
            self.start_trace()
        prof.KinetoStepTracker.increment_step(PROFILER_STEP_NAME)
        self._open_step()

    def key_averages(self, group_by_input_shape=False, group_by_stack_n=0, group_by_overload_name=False):
        """Sums over the events of each name; steps count as one name, ProfilerStep*."""
        events = self.events()
        for event in events:
            if event.name.startswith(PROFILER_STEP_NAME + "#"):
                event.name = PROFILER_STEP_NAME + "*"
        return events.key_averages(group_by_input_shape, group_by_stack_n, group_by_overload_name)

    def set_custom_trace_id_callback(self, callback):
        self.custom_trace_id_callback = callback
