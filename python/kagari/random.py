"""The default random number generator: seeds and states."""
import contextlib

from kagari import _C

__all__ = ["set_rng_state", "get_rng_state", "manual_seed", "seed", "initial_seed", "fork_rng", "default_generator"]


def __getattr__(name):
    if name == "default_generator":
        return _C.default_generator
    raise AttributeError(f"module 'torch.random' has no attribute {name!r}")


def set_rng_state(new_state):
    """Sets the default generator's state, a uint8 tensor from get_rng_state()."""
    _C.default_generator.set_state(new_state)


def get_rng_state():
    """The default generator's state as a uint8 tensor."""
    return _C.default_generator.get_state()


def manual_seed(seed):
    """Seeds the default generator with an integer from -2^63 to 2^64 - 1, and returns it."""
    return _C.default_generator.manual_seed(int(seed))


def seed():
    """Seeds the default generator from the system's randomness and returns the seed."""
    return _C.default_generator.seed()


def initial_seed():
    """The seed that was last set."""
    return _C.default_generator.initial_seed()


def thread_safe_generator():
    """None: there is no generator of its own for data workers."""
    return None


@contextlib.contextmanager
def fork_rng(devices=None, enabled=True, _caller="fork_rng", _devices_kw="devices", device_type=None):
    """Context manager: random numbers drawn inside it do not change those drawn after it. `devices` of other kinds than
    the CPU may be given and are ignored unless there are any."""
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
