"""Modes below the operators (`__torch_dispatch__`), which the core does not offer, and the questions programs ask about them."""


class TorchDispatchMode:
    """A mode that sees every operator; entering one raises NotImplementedError."""

    def __init__(self, _dispatch_key=None):
        pass

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        raise NotImplementedError("__torch_dispatch__")

    def __enter__(self):
        raise NotImplementedError("TorchDispatchMode: kagari has no __torch_dispatch__ modes")

    def __exit__(self, *exception):
        return None


BaseTorchDispatchMode = TorchDispatchMode


def is_traceable_wrapper_subclass(t):
    """Whether t wraps other tensors and says how (`__tensor_flatten__`)."""
    return is_traceable_wrapper_subclass_type(type(t))


def is_traceable_wrapper_subclass_type(t):
    return hasattr(t, "__tensor_flatten__") and hasattr(t, "__tensor_unflatten__")


def is_in_torch_dispatch_mode(include_infra_modes=True):
    return False


def any_torch_dispatch_mode_on_stack():
    return False


def _get_current_dispatch_mode():
    return None


def _get_current_dispatch_mode_stack():
    return []
