"""record_function: names for parts of a program, which a profiler would show. Nothing records them yet."""
import functools

__all__ = ["record_function", "profile", "emit_nvtx", "emit_itt"]


class record_function:
    """Context manager and decorator that names the calls inside it."""

    def __init__(self, name, args=None):
        self.name, self.args = name, args

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None

    def __call__(self, function):
        @functools.wraps(function)
        def inside(*args, **kwargs):
            with self:
                return function(*args, **kwargs)
        return inside


class _Off:
    """A profiler, off or not supported."""

    def __init__(self, enabled=True, **options):
        if enabled:
            raise NotImplementedError(f"torch.autograd.profiler.{type(self).__name__}: kagari has no profiler yet")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None


class profile(_Off):
    """Profiler; enabled=False does nothing."""


class emit_nvtx(_Off):
    """Ranges for NVIDIA's profiler; enabled=False does nothing."""


class emit_itt(_Off):
    """Ranges for Intel's profiler; enabled=False does nothing."""
