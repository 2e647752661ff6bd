"""Modules that keep no intermediate results and compute them again in backward."""
import enum
from functools import partial

from kagari.nn.modules.module import Module
from kagari.utils.checkpoint import checkpoint

__all__ = ["CheckpointImpl", "CheckpointWrapper", "apply_activation_checkpointing", "checkpoint_wrapper"]


class CheckpointImpl(enum.Enum):
    """The two ways of torch.utils.checkpoint."""
    REENTRANT = enum.auto()
    NO_REENTRANT = enum.auto()


class CheckpointWrapper(Module):
    """Calls a module through torch.utils.checkpoint; attributes and the state dict are those of the module."""

    def __init__(self, mod, checkpoint_impl=CheckpointImpl.NO_REENTRANT, checkpoint_fn=None, **checkpoint_fn_kwargs):
        super().__init__()
        self._checkpoint_wrapped_module = mod
        self.checkpoint_impl = checkpoint_impl
        self.checkpoint_fn = partial(checkpoint_fn, **checkpoint_fn_kwargs) if checkpoint_fn is not None else \
            partial(checkpoint, use_reentrant=checkpoint_impl == CheckpointImpl.REENTRANT, **checkpoint_fn_kwargs)
        self._register_state_dict_hook(lambda module, state, prefix, _: _renamed(state, prefix + "_checkpoint_wrapped_module.", prefix))
        self._register_load_state_dict_pre_hook(lambda state, prefix, *_: _renamed(state, prefix, prefix + "_checkpoint_wrapped_module."))

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("_checkpoint_wrapped_module"), name)

    def __getitem__(self, key):
        return self._checkpoint_wrapped_module[key]

    def forward(self, *args, **kwargs):
        return self.checkpoint_fn(self._checkpoint_wrapped_module, *args, **kwargs)


def _renamed(state, old, new):
    for name in [name for name in state if name.startswith(old) and not name.startswith(new) or new.startswith(old) and name.startswith(old)]:
        state[new + name[len(old):]] = state.pop(name)


def checkpoint_wrapper(module, checkpoint_impl=CheckpointImpl.NO_REENTRANT, checkpoint_fn=None, **checkpoint_fn_kwargs):
    """The module in a CheckpointWrapper."""
    return CheckpointWrapper(module, checkpoint_impl, checkpoint_fn, **checkpoint_fn_kwargs)


def apply_activation_checkpointing(model, checkpoint_wrapper_fn=checkpoint_wrapper, check_fn=lambda _: True, auto_wrap_policy=None):
    """Wraps, in place, the submodules for which check_fn is true."""
    if auto_wrap_policy is not None:
        raise NotImplementedError("apply_activation_checkpointing: auto_wrap_policy; pass check_fn")
    for name, child in list(model.named_children()):
        apply_activation_checkpointing(child, checkpoint_wrapper_fn, check_fn)
        if check_fn(child) and not isinstance(child, CheckpointWrapper):
            setattr(model, name, checkpoint_wrapper_fn(child))
