"""Whether a package is there."""
import functools
import importlib.util


def _check_module_exists(name):
    """Whether a module can be imported, without doing so."""
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False


@functools.lru_cache
def dill_available():
    """Whether the package dill is installed."""
    return _check_module_exists("dill")


@functools.lru_cache
def import_dill():
    """The package dill, or None."""
    if not dill_available():
        return None
    import dill
    return dill
