"""Handles for removable hooks, and the hook pair that carries a module's backward hooks."""
import functools
import warnings
import weakref
from collections import OrderedDict

__all__ = ["RemovableHandle", "unserializable_hook", "warn_if_has_hooks", "BackwardHook"]


class RemovableHandle:
    """Removes one entry from a dictionary of hooks; also a context manager that removes it on exit.

    Arguments:
        hooks_dict: an ``OrderedDict`` of hooks, indexed by the handle's ``id``. Only a weak reference is kept.
        extra_dict: one more such dictionary, or a list of them, from which the same id is removed.
    """

    next_id = 0

    def __init__(self, hooks_dict, *, extra_dict=None):
        self.hooks_dict_ref = weakref.ref(hooks_dict)
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1
        self.extra_dict_ref = _weak_refs(extra_dict)

    def remove(self):
        """Removes the hook. Calling it again, or after the dictionary died, does nothing."""
        for ref in (self.hooks_dict_ref, *self.extra_dict_ref):
            hooks = ref()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __getstate__(self):
        own = self.hooks_dict_ref()
        extras = tuple(ref() for ref in self.extra_dict_ref)
        return (own, self.id, extras) if extras else (own, self.id)

    def __setstate__(self, state):
        # A handle whose dictionary is gone gets an empty one, so that remove() stays harmless.
        own, self.id = state[0], state[1]
        self.hooks_dict_ref = weakref.ref(OrderedDict() if own is None else own)
        extras = state[2] if len(state) > 2 else ()
        self.extra_dict_ref = tuple(weakref.ref(OrderedDict() if d is None else d) for d in extras)
        RemovableHandle.next_id = max(RemovableHandle.next_id, self.id + 1)

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        self.remove()


def _weak_refs(extra):
    if extra is None:
        return ()
    if isinstance(extra, list):
        return tuple(weakref.ref(d) for d in extra)
    return (weakref.ref(extra),)


def unserializable_hook(f):
    """Marks ``f`` as a hook that is lost when its tensor is saved, so that saving warns about it."""
    f.__torch_unserializable__ = True
    return f


def warn_if_has_hooks(tensor):
    """Warns for each hook of ``tensor`` that was not marked by :func:`unserializable_hook`."""
    hooks = getattr(tensor, "_backward_hooks", None)
    if not hooks:
        return
    for hook in hooks.values():
        if not hasattr(hook, "__torch_unserializable__"):
            warnings.warn(f"backward hook {hook!r} on tensor will not be serialized. If this is expected, decorate "
                          "the function with @torch.utils.hooks.unserializable_hook to suppress this warning",
                          stacklevel=2)


@functools.lru_cache(maxsize=None)
def _identity_function():
    """The autograd function that marks the border of a module in the graph. Made on first use: importing this file
    must not import the whole of autograd."""
    import kagari

    class BackwardHookFunction(kagari.autograd.Function):
        @staticmethod
        def forward(ctx, *tensors):
            ctx.mark_non_differentiable(*(t for t in tensors if not t.requires_grad))
            return tensors

        @staticmethod
        def backward(ctx, *grads):
            return grads

    return BackwardHookFunction


class BackwardHook:
    """Carries the full backward hooks of one module call.

    The module's inputs and its outputs each pass through an identity node. The node of the outputs sees the
    gradients first: it keeps them and runs the pre-hooks, which may replace them. The node of the inputs sees the
    resulting gradients and runs the hooks with both. If no input needs a gradient the hooks run right at the outputs.

    Arguments:
        module: the object handed to the hooks as their first argument.
        user_hooks: functions ``(module, grad_input, grad_output) -> tuple | Tensor | None``.
        user_pre_hooks: functions ``(module, grad_output) -> tuple | Tensor | None``.
    """

    def __init__(self, module, user_hooks, user_pre_hooks):
        self.user_hooks = user_hooks
        self.user_pre_hooks = user_pre_hooks
        self.module = module
        self.grad_outputs = None
        self.n_outputs = -1
        self.output_tensors_index = None
        self.n_inputs = -1
        self.input_tensors_index = None

    def setup_input_hook(self, args):
        """Returns ``args`` with its tensors behind the input node."""
        result, self.n_inputs, self.input_tensors_index = self._wrap(args, self._register_on_inputs)
        return result

    def setup_output_hook(self, args):
        """Returns ``args`` (a tensor, or a tuple with tensors) with its tensors behind the output node."""
        alone = not isinstance(args, tuple)
        result, self.n_outputs, self.output_tensors_index = self._wrap((args,) if alone else args,
                                                                       self._register_on_outputs)
        return result[0] if alone else result

    def _wrap(self, args, register):
        import kagari

        index = [i for i, arg in enumerate(args) if isinstance(arg, kagari.Tensor)]
        if not (kagari.is_grad_enabled() and any(args[i].requires_grad for i in index)):
            return args, len(args), None
        wrapped = _identity_function().apply(*(args[i] for i in index))
        if not isinstance(wrapped, tuple):
            wrapped = (wrapped,)
        nodes = [t.grad_fn for t in wrapped if t.grad_fn is not None]
        if not nodes:
            raise RuntimeError("BackwardHook: the tensors that passed the identity node have no grad_fn")
        register(nodes[0])
        values = list(args)
        for i, tensor in zip(index, wrapped):
            values[i] = tensor
        # A named tuple is rebuilt from its fields, a plain tuple from a sequence.
        result = type(args)(*values) if hasattr(args, "_fields") else type(args)(values)
        return result, len(args), index

    def _register_on_inputs(self, node):
        def run_hooks(grad_input, _):
            if self.grad_outputs is None:
                # This call's outputs took no part in the backward pass, so there is nothing to report.
                return None
            result = self._run(self.user_hooks, self._spread(self.input_tensors_index, grad_input, self.n_inputs),
                               "input", self.grad_outputs)
            self.grad_outputs = None
            return tuple(result[i] for i in self.input_tensors_index)

        node.register_hook(run_hooks)

    def _register_on_outputs(self, node):
        def keep_and_run_pre_hooks(_, grad_output):
            self.grad_outputs = self._run_pre_hooks(
                self._spread(self.output_tensors_index, grad_output, self.n_outputs))
            picked = tuple(self.grad_outputs[i] for i in self.output_tensors_index)
            if self.input_tensors_index is None:
                warnings.warn("Full backward hook is firing when gradients are computed with respect to module outputs "
                              "since no inputs require gradients: grad_input holds None only.", stacklevel=2)
                nothing = self._spread([], [], self.n_inputs)
                for hook in self.user_hooks:
                    if hook(self.module, nothing, self.grad_outputs) is not None:
                        raise RuntimeError("Backward hook for Modules where no input requires gradient should "
                                           "always return None or None for all gradients.")
                self.grad_outputs = None
            return picked

        # The node is an identity: what its hook returns takes the place of the gradients that flow on.
        node.register_hook(keep_and_run_pre_hooks)

    def _run_pre_hooks(self, grad_output):
        for hook in self.user_pre_hooks:
            grad_output = _replaced(hook(self.module, grad_output), grad_output, "output", "Backward pre hook")
        return grad_output

    def _run(self, hooks, grads, what, grad_outputs):
        for hook in hooks:
            grads = _replaced(hook(self.module, grads, grad_outputs), grads, what)
        return grads

    @staticmethod
    def _spread(index, values, size):
        """A tuple of ``size`` Nones with ``values`` at ``index``."""
        result = [None] * size
        for i, value in zip(index, values):
            result[i] = value
        return tuple(result)


def _replaced(result, current, what, kind="Backward hook"):
    if result is None:
        return current
    if not isinstance(result, tuple):
        result = (result,)
    if len(result) != len(current):
        raise RuntimeError(f"{kind} returned an invalid number of grad_{what}, got {len(result)}, "
                           f"but expected {len(current)}")
    return result
