"""Hooks that run for every Module of the process, and the objects that hooks are stored as."""
import weakref
from collections import OrderedDict

from kagari.utils.hooks import RemovableHandle

__all__ = ["register_module_forward_pre_hook", "register_module_forward_hook",
           "register_module_full_backward_pre_hook", "register_module_backward_hook",
           "register_module_full_backward_hook", "register_module_buffer_registration_hook",
           "register_module_module_registration_hook", "register_module_parameter_registration_hook"]

_global_backward_pre_hooks = OrderedDict()
_global_backward_hooks = OrderedDict()
_global_forward_pre_hooks = OrderedDict()
_global_forward_hooks = OrderedDict()
_global_forward_hooks_always_called = OrderedDict()
_global_forward_hooks_with_kwargs = OrderedDict()
_global_buffer_registration_hooks = OrderedDict()
_global_module_registration_hooks = OrderedDict()
_global_parameter_registration_hooks = OrderedDict()

# None, or whether the global backward hooks are full ones: the two kinds cannot be mixed.
_global_is_full_backward_hook = None


class _WrappedHook:
    """A hook that may want its module as first argument. The module is held weakly, so that it can be freed."""

    def __init__(self, hook, module=None):
        self.hook = hook
        self.with_module = module is not None
        if self.with_module:
            self.module = weakref.ref(module)
        self.__name__ = getattr(hook, "__name__", type(hook).__name__)

    def __call__(self, *args, **kwargs):
        if not self.with_module:
            return self.hook(*args, **kwargs)
        module = self.module()
        if module is None:
            raise RuntimeError("You are trying to call the hook of a dead Module!")
        return self.hook(module, *args, **kwargs)

    def __getstate__(self):
        state = {"hook": self.hook, "with_module": self.with_module}
        if self.with_module:
            state["module"] = self.module()
        return state

    def __setstate__(self, state):
        self.hook = state["hook"]
        self.with_module = state["with_module"]
        self.__name__ = getattr(self.hook, "__name__", type(self.hook).__name__)
        if self.with_module:
            if state["module"] is None:
                raise RuntimeError("You are trying to revive the hook of a dead Module!")
            self.module = weakref.ref(state["module"])


def _register(hooks, hook, extra_dict=None):
    handle = RemovableHandle(hooks, extra_dict=extra_dict)
    hooks[handle.id] = hook
    return handle


def register_module_buffer_registration_hook(hook):
    """Calls ``hook(module, name, buffer)`` for each buffer that any module registers; a result replaces the buffer."""
    return _register(_global_buffer_registration_hooks, hook)


def register_module_module_registration_hook(hook):
    """Calls ``hook(module, name, submodule)`` for each child that any module registers; a result replaces it."""
    return _register(_global_module_registration_hooks, hook)


def register_module_parameter_registration_hook(hook):
    """Calls ``hook(module, name, param)`` for each parameter that any module registers; a result replaces it."""
    return _register(_global_parameter_registration_hooks, hook)


def register_module_forward_pre_hook(hook):
    """Calls ``hook(module, args)`` before the forward of every module; a result replaces the arguments."""
    return _register(_global_forward_pre_hooks, hook)


def register_module_forward_hook(hook, *, with_kwargs=False, always_call=False):
    """Calls ``hook(module, args, output)`` after the forward of every module; a result replaces the output.

    with_kwargs: the hook gets the keyword arguments, too, before the output.
    always_call: the hook runs even if the forward raised.
    """
    handle = _register(_global_forward_hooks, hook,
                       [_global_forward_hooks_with_kwargs, _global_forward_hooks_always_called])
    if with_kwargs:
        _global_forward_hooks_with_kwargs[handle.id] = True
    if always_call:
        _global_forward_hooks_always_called[handle.id] = True
    return handle


def _set_kind(full, text):
    global _global_is_full_backward_hook
    if _global_is_full_backward_hook is (not full):
        raise RuntimeError(text)
    _global_is_full_backward_hook = full


def register_module_backward_hook(hook):
    """Like ``register_module_full_backward_hook``, but ``grad_input`` is that of the output's last operator only."""
    _set_kind(False, "Cannot use both regular backward hooks and full backward hooks as a global Module hook. "
                     "Please use only one of them.")
    return _register(_global_backward_hooks, hook)


def register_module_full_backward_pre_hook(hook):
    """Calls ``hook(module, grad_output)`` before the gradients of any module's inputs are computed."""
    return _register(_global_backward_pre_hooks, hook)


def register_module_full_backward_hook(hook):
    """Calls ``hook(module, grad_input, grad_output)`` each time the gradients of any module's inputs are computed."""
    _set_kind(True, "Cannot use both regular backward hooks and full backward hooks as a global Module hook. "
                    "Please use only one of them.")
    return _register(_global_backward_hooks, hook)


def is_global_backward_hook_full():
    """True, False, or None if no global backward hook was registered."""
    return _global_is_full_backward_hook
