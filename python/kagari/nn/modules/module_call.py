"""The part of Module that runs ``forward`` between hooks."""
import warnings

from kagari import Tensor
from kagari.nn.modules import hook_registry
from kagari.nn.modules.hook_registry import (_global_backward_hooks, _global_backward_pre_hooks, _global_forward_hooks,
                                             _global_forward_hooks_always_called,
                                             _global_forward_hooks_with_kwargs, _global_forward_pre_hooks,
                                             _WrappedHook)
from kagari.utils.hooks import BackwardHook, RemovableHandle


class ModuleHooks:
    """Registration of a module's own hooks, and the call that runs them. A base of Module only."""

    def register_forward_pre_hook(self, hook, *, prepend=False, with_kwargs=False):
        """Calls ``hook(module, args)`` before each forward; a result other than None replaces the arguments.

        prepend: whether it runs before the hooks that are there already.
        with_kwargs: it is ``hook(module, args, kwargs)``, and a result must be ``(args, kwargs)``.
        """
        handle = RemovableHandle(self._forward_pre_hooks, extra_dict=self._forward_pre_hooks_with_kwargs)
        if with_kwargs:
            self._forward_pre_hooks_with_kwargs[handle.id] = True
        return self._add_hook(self._forward_pre_hooks, handle, hook, prepend)

    def register_forward_hook(self, hook, *, prepend=False, with_kwargs=False, always_call=False):
        """Calls ``hook(module, args, output)`` after each forward; a result other than None replaces the output.

        prepend: whether it runs before the hooks that are there already.
        with_kwargs: it is ``hook(module, args, kwargs, output)``.
        always_call: whether it also runs if forward raised.
        """
        handle = RemovableHandle(self._forward_hooks, extra_dict=[self._forward_hooks_with_kwargs,
                                                                  self._forward_hooks_always_called])
        if with_kwargs:
            self._forward_hooks_with_kwargs[handle.id] = True
        if always_call:
            self._forward_hooks_always_called[handle.id] = True
        return self._add_hook(self._forward_hooks, handle, hook, prepend)

    def register_full_backward_pre_hook(self, hook, prepend=False):
        """Calls ``hook(module, grad_output)`` in each backward pass, before the gradients of the inputs are computed;
        a result other than None replaces ``grad_output``."""
        handle = RemovableHandle(self._backward_pre_hooks)
        return self._add_hook(self._backward_pre_hooks, handle, hook, prepend)

    def register_full_backward_hook(self, hook, prepend=False):
        """Calls ``hook(module, grad_input, grad_output)`` each time the gradients of the inputs were computed;
        a result other than None replaces ``grad_input``."""
        self._set_backward_hook_kind(True)
        handle = RemovableHandle(self._backward_hooks)
        return self._add_hook(self._backward_hooks, handle, hook, prepend)

    def register_backward_hook(self, hook):
        """Like ``register_full_backward_hook``, which is to be preferred: here ``grad_input`` belongs to the last
        operator of the module only."""
        self._set_backward_hook_kind(False)
        handle = RemovableHandle(self._backward_hooks)
        return self._add_hook(self._backward_hooks, handle, hook, False)

    @staticmethod
    def _add_hook(hooks, handle, hook, prepend):
        hooks[handle.id] = hook
        if prepend:
            hooks.move_to_end(handle.id, last=False)
        return handle

    def _set_backward_hook_kind(self, full):
        if self._is_full_backward_hook is (not full):
            raise RuntimeError("Cannot use both regular backward hooks and full backward hooks on a single Module. "
                               "Please use only one of them.")
        self._is_full_backward_hook = full

    def _get_backward_hooks(self):
        """(full hooks, non-full hooks), the global ones first."""
        full, non_full = [], []
        if hook_registry.is_global_backward_hook_full() is True:
            full += _global_backward_hooks.values()
        else:
            non_full += _global_backward_hooks.values()
        if self._is_full_backward_hook is True:
            full += self._backward_hooks.values()
        else:
            non_full += self._backward_hooks.values()
        return full, non_full

    def _get_backward_pre_hooks(self):
        return [*_global_backward_pre_hooks.values(), *self._backward_pre_hooks.values()]

    def _call_impl(self, *args, **kwargs):
        if not (self._backward_hooks or self._backward_pre_hooks or self._forward_hooks or self._forward_pre_hooks
                or _global_backward_hooks or _global_backward_pre_hooks or _global_forward_hooks
                or _global_forward_pre_hooks):
            return self.forward(*args, **kwargs)
        called = set()
        try:
            return self._call_with_hooks(args, kwargs, called)
        except Exception:
            self._run_always_called(args, kwargs, called)
            raise

    def _call_with_hooks(self, args, kwargs, called):
        full, non_full = self._get_backward_hooks()
        backward_pre = self._get_backward_pre_hooks()
        args, kwargs = self._run_forward_pre_hooks(args, kwargs)
        carrier = None
        if full or backward_pre:
            carrier = BackwardHook(self, full, backward_pre)
            args = carrier.setup_input_hook(args)
        result = self.forward(*args, **kwargs)
        for hook_id, hook, with_kwargs in self._all_forward_hooks():
            if self._is_always_called(hook_id):
                called.add(hook_id)
            replaced = hook(self, args, kwargs, result) if with_kwargs else hook(self, args, result)
            if replaced is not None:
                result = replaced
        if carrier is not None:
            if not isinstance(result, (Tensor, tuple)):
                warnings.warn("For backward hooks to be called, module output should be a Tensor or a tuple of Tensors "
                              f"but received {type(result)}", stacklevel=3)
            result = carrier.setup_output_hook(result)
        if non_full:
            self._hook_last_node(non_full, args, result)
        return result

    def _run_forward_pre_hooks(self, args, kwargs):
        for hook_id, hook in (*_global_forward_pre_hooks.items(), *self._forward_pre_hooks.items()):
            if hook_id in self._forward_pre_hooks_with_kwargs:
                result = hook(self, args, kwargs)
                if result is None:
                    continue
                if not (isinstance(result, tuple) and len(result) == 2):
                    raise RuntimeError("forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                                       f"but got {result}.")
                args, kwargs = result
            else:
                result = hook(self, args)
                if result is not None:
                    args = result if isinstance(result, tuple) else (result,)
        return args, kwargs

    def _all_forward_hooks(self):
        """(id, hook, whether it takes kwargs), as a list: a hook may remove itself."""
        return ([(i, hook, i in _global_forward_hooks_with_kwargs) for i, hook in _global_forward_hooks.items()]
                + [(i, hook, i in self._forward_hooks_with_kwargs) for i, hook in self._forward_hooks.items()])

    def _is_always_called(self, hook_id):
        return hook_id in self._forward_hooks_always_called or hook_id in _global_forward_hooks_always_called

    def _run_always_called(self, args, kwargs, called):
        # Runs the always_call hooks that did not get their turn because of an error, with None for the output.
        for hook_id, hook, with_kwargs in self._all_forward_hooks():
            if hook_id in called or not self._is_always_called(hook_id):
                continue
            try:
                hook(self, args, kwargs, None) if with_kwargs else hook(self, args, None)
            except Exception as error:
                kind = "global module" if hook_id in _global_forward_hooks else "module"
                warnings.warn(f"{kind} forward hook with ``always_call=True`` raised an exception that was silenced as "
                              f"another error was raised in forward: {error}", stacklevel=3)

    def _hook_last_node(self, hooks, args, result):
        tensor = result
        while not isinstance(tensor, Tensor):
            if isinstance(tensor, dict):
                tensor = next(v for v in tensor.values() if isinstance(v, Tensor))
            else:
                tensor = tensor[0]
        node = tensor.grad_fn
        if node is not None:
            for hook in hooks:
                node.register_hook(_WrappedHook(hook, self))
            self._maybe_warn_non_full_backward_hook(args, result, node)

    def _maybe_warn_non_full_backward_hook(self, inputs, result, grad_fn):
        if isinstance(result, Tensor):
            result = (result,)
        if not (isinstance(result, tuple) and all(isinstance(r, Tensor) for r in result)):
            problem = ("on a Module that does not return a single Tensor or a tuple of Tensors is deprecated and will "
                       "be removed in future versions. This hook will be missing some of the grad_output.")
        elif not (isinstance(inputs, tuple) and all(isinstance(i, Tensor) for i in inputs)):
            problem = ("on a Module that does not take as input a single Tensor or a tuple of Tensors is deprecated "
                       "and will be removed in future versions. This hook will be missing some of the grad_input.")
        elif len(result) > 1 and any(r.grad_fn is not grad_fn for r in result):
            problem = ("when outputs are generated by different autograd Nodes is deprecated and will be removed in "
                       "future versions. This hook will be missing some grad_output.")
        else:
            feeding = {i.grad_fn for i in inputs if i.grad_fn is not None}
            below = {n[0] for n in grad_fn.next_functions}
            if feeding <= below:
                return
            problem = ("when the forward contains multiple autograd Nodes is deprecated and will be removed in future "
                       "versions. This hook will be missing some grad_input.")
        warnings.warn(f"Using a non-full backward hook {problem} Please use register_full_backward_hook to get the "
                      "documented behavior.", FutureWarning, stacklevel=4)
