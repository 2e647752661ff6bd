"""__torch_function__: classes and modes that take over calls of kagari's functions.

The binding asks for overrides itself; this module serves functions written in Python, the modes, and programs that want
to know which functions can be taken over.
"""
import functools
import threading
import warnings

import kagari
from kagari import _C

__all__ = ["get_ignored_functions", "get_overridable_functions", "get_testing_overrides", "handle_torch_function", "has_torch_function",
           "resolve_name", "is_tensor_like", "is_tensor_method_or_property", "wrap_torch_function", "enable_reentrant_dispatch"]

has_torch_function = _C._has_torch_function                     # an iterable of arguments
has_torch_function_variadic = _C._has_torch_function_variadic   # the arguments themselves


def has_torch_function_unary(obj):
    """Whether one argument's class, or an active mode, takes over calls."""
    return _C._has_torch_function_variadic(obj)


# --- modes -----------------------------------------------------------------------------------

class _Modes(threading.local):
    def __init__(self):
        self.stack = []


_modes = _Modes()


def _set_stack(stack):
    _modes.stack = stack
    _C._set_torch_function_modes(len(stack))


def _push_mode(mode):
    _set_stack([*_modes.stack, mode])


def _pop_mode():
    mode = _modes.stack[-1]
    _set_stack(_modes.stack[:-1])
    return mode


def _len_torch_function_stack():
    return len(_modes.stack)


def _get_current_function_mode():
    return _modes.stack[-1] if _modes.stack else None


def _get_current_function_mode_stack():
    return list(_modes.stack)


def _call_top_mode(function, types, args, kwargs):
    """The innermost mode's answer; while it runs, the next one out is the innermost. NotImplemented is no answer."""
    before = _modes.stack
    mode = before[-1]
    _set_stack(before[:-1])
    try:
        return mode.__torch_function__(function, types, args, kwargs)
    finally:
        _set_stack(before)


class TorchFunctionMode:
    """A context manager inside which __torch_function__(func, types, args, kwargs) sees every call of a kagari function.

    Inside the method itself the mode is off.
    """
    inner = None

    def __init__(self):
        pass

    def __torch_function__(self, func, types, args=(), kwargs=None):
        raise NotImplementedError

    def __enter__(self):
        _push_mode(self)
        return self

    def __exit__(self, kind, value, trace):
        _pop_mode()

    @classmethod
    def push(cls, *args, **kwargs):
        warnings.warn("`Mode.push()` is no longer necessary and can be replaced with just `with Mode()`", stacklevel=2)
        return cls(*args, **kwargs)


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that changes nothing."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


class _pop_mode_temporarily:
    """Context manager: the innermost mode is off."""

    def __enter__(self):
        self.mode = _pop_mode()
        return self.mode

    def __exit__(self, *exception):
        _push_mode(self.mode)


class _enable_torch_function:
    """Context manager: overrides are on, also inside DisableTorchFunction. Kept for programs that name it."""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None


class enable_reentrant_dispatch(_enable_torch_function):
    """Context manager for __torch_dispatch__, which kagari lacks; changes nothing."""


# --- functions written in Python -------------------------------------------------------------

def _get_overloaded_args(relevant_args, get_type_fn=type):
    """One argument of each class with a __torch_function__ of its own, subclasses before their bases."""
    found = []
    if not _C._is_torch_function_enabled():
        return found
    for arg in relevant_args:
        kind = get_type_fn(arg)
        method = getattr(kind, "__torch_function__", None)
        if kind is kagari.Tensor or method is None or method is _C._disabled_torch_function_impl or any(get_type_fn(seen) is kind for seen in found):
            continue
        at = next((i for i, seen in enumerate(found) if issubclass(kind, get_type_fn(seen))), len(found))
        found.insert(at, arg)
    return found


def handle_torch_function(public_api, relevant_args, *args, **kwargs):
    """Lets modes and the classes of relevant_args answer the call public_api(*args, **kwargs).

    Raises TypeError if all of them decline.
    """
    overloaded = _get_overloaded_args(relevant_args)
    types = tuple(map(type, overloaded))
    if _modes.stack:
        result = _call_top_mode(public_api, types, args, kwargs)
        if result is not NotImplemented:
            return result
    for arg in overloaded:
        result = type(arg).__torch_function__(public_api, types, args, kwargs)
        if result is not NotImplemented:
            return result
    name = f"{public_api.__module__.replace('kagari', 'torch')}.{public_api.__name__}"
    lines = "\n\n  - ".join(["", *(f"tensor subclass {kind}" for kind in types)])
    raise TypeError(f"Multiple dispatch failed for '{name}'; all __torch_function__ handlers returned NotImplemented:{lines}")


def wrap_torch_function(dispatcher):
    """Decorator: the function can be taken over by the arguments that dispatcher(*args, **kwargs) gives."""
    def decorate(function):
        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(tuple(relevant)):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return function(*args, **kwargs)
        return wrapped
    return decorate


def is_tensor_like(inp):
    """Whether inp is a tensor or an object with a __torch_function__."""
    return type(inp) is kagari.Tensor or hasattr(inp, "__torch_function__")


# --- which functions -------------------------------------------------------------------------

_IGNORED = ("typename is_tensor is_storage set_default_tensor_type set_default_device set_default_dtype get_default_device get_default_dtype "
            "manual_seed initial_seed seed save load set_printoptions fork get_rng_state set_rng_state is_grad_enabled set_grad_enabled "
            "arange as_tensor asarray empty empty_strided eye from_file from_numpy frombuffer full linspace logspace ones rand randint randn "
            "randperm range tensor zeros scalar_tensor get_num_threads set_num_threads get_num_interop_threads set_num_interop_threads "
            "is_inference_mode_enabled promote_types can_cast result_type compile no_grad enable_grad inference_mode broadcast_shapes "
            "block_diag_ set_flush_denormal set_deterministic_debug_mode get_deterministic_debug_mode use_deterministic_algorithms "
            "are_deterministic_algorithms_enabled sparse_coo_tensor sparse_csr_tensor complex_ polar_ triu_indices tril_indices "
            "from_dlpack vmap is_anomaly_enabled set_anomaly_enabled").split()


@functools.lru_cache(None)
def _tables():
    """(module or class -> its functions, function -> its full name)."""
    namespaces = [("torch", kagari), ("torch.nn.functional", kagari.nn.functional), ("torch.nn.init", kagari.nn.init), ("torch.Tensor", kagari.Tensor),
                  ("torch.linalg", getattr(kagari, "linalg", None)), ("torch.fft", getattr(kagari, "fft", None)),
                  ("torch.special", getattr(kagari, "special", None))]
    ignored = get_ignored_functions()
    table, names = {}, {}
    for path, space in namespaces:
        if space is None:
            continue
        found = table.setdefault(space, [])
        for name in dir(space):
            if space is not kagari.Tensor and (name.startswith("_") or not name.islower()):
                continue
            thing = getattr(space, name, None)
            if space is kagari.Tensor:
                if name in ("__class__", "__new__", "__init__", "__getattribute__", "__setattr__", "__delattr__", "__init_subclass__", "__subclasshook__",
                            "__torch_function__", "__dict__", "__weakref__", "__doc__", "__module__", "__hash__", "__sizeof__", "__dir__"):
                    continue
                if not callable(thing) and hasattr(thing, "__get__"):
                    getter = thing.__get__
                    found.append(getter)
                    names.setdefault(getter, f"{path}.{name}.__get__")
                    if hasattr(thing, "__set__"):
                        names.setdefault(thing.__set__, f"{path}.{name}.__set__")
                    continue
            if not callable(thing) or isinstance(thing, type):
                continue
            try:
                names.setdefault(thing, f"{path}.{name}")
                if thing not in ignored:
                    found.append(thing)
            except TypeError:                   # not hashable
                continue
    return table, names


def get_overridable_functions():
    """Dict from module or class to its functions that __torch_function__ can take over."""
    return {space: list(functions) for space, functions in _tables()[0].items()}


@functools.lru_cache(None)
def get_ignored_functions():
    """The functions of kagari that __torch_function__ never sees."""
    found = {getattr(kagari, name, None) for name in _IGNORED}
    found |= {kagari.Tensor.__new__, kagari.Tensor.__init__, kagari.Tensor.__torch_function__} if hasattr(kagari.Tensor, "__torch_function__") else set()
    found.discard(None)
    return found


def get_testing_overrides():
    """Dict from each overridable function to a function of any arguments that returns -1."""
    return {function: (lambda *args, **kwargs: -1) for functions in get_overridable_functions().values() for function in functions}


@functools.lru_cache(None)
def get_default_nowrap_functions():
    """Functions whose results Tensor's own __torch_function__ leaves as they are: attributes that are no results."""
    names = ("_base", "grad", "_grad")
    return {getattr(kagari.Tensor, name).__get__ for name in names if hasattr(kagari.Tensor, name)}


def resolve_name(f):
    """Full name of a function under which PyTorch's users know it; None for others."""
    try:
        return _tables()[1].get(f)
    except TypeError:
        return None


def is_tensor_method_or_property(func):
    """Whether func is a method of Tensor or the getter of one of its attributes."""
    return func in set(get_overridable_functions()[kagari.Tensor]) or getattr(func, "__name__", "") == "__get__"


def redispatch_function(func, types, args, kwargs):
    """Calls func as if from outside of the current handler."""
    return func(*args, **(kwargs or {}))


def _disable_user_warnings(func, regex=".*is deprecated, please use.*", module="torch"):
    @functools.wraps(func)
    def wrapped(*args, **kwargs):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning, message=regex, module=module)
            return func(*args, **kwargs)
    return wrapped
