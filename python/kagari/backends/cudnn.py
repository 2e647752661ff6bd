"""Settings for cuDNN. They can be set and read, and have no effect: there is no CUDA device."""
from kagari.backends._flags import flags_of

enabled = True
benchmark = False
benchmark_limit = 10
deterministic = False
allow_tf32 = True
fp32_precision = "none"

flags = flags_of(__name__, ("enabled", "benchmark", "benchmark_limit", "deterministic", "allow_tf32", "fp32_precision"))


def is_available():
    return False


def version():
    """None: there is no cuDNN."""
    return None


def is_acceptable(tensor):
    return False


def set_flags(_enabled=None, _benchmark=None, _benchmark_limit=None, _deterministic=None, _allow_tf32=None, _fp32_precision="none"):
    """Sets the settings that are given; returns the old values of all."""
    old = enabled, benchmark, benchmark_limit, deterministic, allow_tf32, fp32_precision
    given = {"enabled": _enabled, "benchmark": _benchmark, "benchmark_limit": _benchmark_limit, "deterministic": _deterministic, "allow_tf32": _allow_tf32}
    globals().update({name: value for name, value in given.items() if value is not None})
    return old
