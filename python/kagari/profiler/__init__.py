"""torch.profiler: the names that programs use around training; profile() itself is not supported yet."""
import enum

from kagari.autograd.profiler import record_function

__all__ = ["profile", "schedule", "supported_activities", "ProfilerAction", "ProfilerActivity", "kineto_available", "record_function",
           "tensorboard_trace_handler"]


class ProfilerActivity(enum.Enum):
    """What a profiler looks at."""
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


def kineto_available():
    return False


def supported_activities():
    return set()


def schedule(*, wait, warmup, active, repeat=0, skip_first=0, skip_first_wait=0):
    """A function from the step's number to the action of a profiler that waits, warms up and records in turn."""
    def action(step):
        if step < 0:
            raise AssertionError(f"Step must be non-negative. Got {step}.")
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
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


def tensorboard_trace_handler(dir_name, worker_name=None, use_gzip=False):
    raise NotImplementedError("torch.profiler.tensorboard_trace_handler: kagari has no profiler yet")


class profile:
    """Profiler; making one raises NotImplementedError."""

    def __init__(self, *args, **options):
        raise NotImplementedError("torch.profiler.profile: kagari has no profiler yet")
