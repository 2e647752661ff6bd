"""Settings that programs change for PyTorch's compiler of backward passes, which kagari does not have: they may be set, and change nothing."""
import contextlib

activation_memory_budget = 1.0
functionalize_rng_ops = False
donated_buffer = False
enable_autograd_cache = False
debug_partitioner = False
strict_autograd_cache = False


@contextlib.contextmanager
def patch(*changes, **options):
    """Other settings inside of a `with` block."""
    for change in changes:
        options.update(change if isinstance(change, dict) else {})
    before = {name: globals()[name] for name in options if name in globals()}
    globals().update(options)
    try:
        yield
    finally:
        globals().update(before)
