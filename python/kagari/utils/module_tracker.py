"""Which modules are being run, forward or backward."""
import weakref

import kagari
from kagari.utils._pytree import tree_leaves

__all__ = ["ModuleTracker"]


class ModuleTracker:
    """Context manager whose `parents` is the set of names of the modules that run at the moment, "Global" always among them.

    The outermost module is called by its class, others by their path below it. During backward passes the modules are those whose
    forward call recorded the node that runs.
    """

    def __init__(self):
        self.parents = {"Global"}
        self._known, self._seen, self._hooks, self._has_callback = weakref.WeakKeyDictionary(), set(), [], False

    def _name(self, module):
        if module not in self._known:
            self._known[module] = type(module).__name__
        name = self._known[module]
        if module not in self._seen:
            self._seen.add(module)
            for child, part in module.named_children():
                self._known[part] = f"{name}.{child}"
                self._name(part)
        return name

    def _at_backward_end(self):
        if self._has_callback:
            return
        self._has_callback = True

        def done():
            self.parents, self._has_callback = {"Global"}, False
        kagari.autograd.Variable._execution_engine.queue_callback(done)

    @property
    def is_bw(self):
        """Whether a backward pass runs."""
        return kagari._C._current_graph_task_id() != -1

    def _enter(self, name, backward):
        def enter(*_):
            if backward:
                self._at_backward_end()
            self.parents.add(name)
        return enter

    def _leave(self, name):
        def leave(*_):
            self.parents.discard(name)
        return leave

    @staticmethod
    def _differentiable(values):
        return [one for one in tree_leaves(values) if isinstance(one, kagari.Tensor) and one.requires_grad]

    def _before(self, module, inputs):
        name = self._name(module)
        self._enter(name, False)()
        tensors = self._differentiable(inputs)
        if tensors and kagari.is_grad_enabled():
            self._hooks.append(kagari.autograd.graph.register_multi_grad_hook(tensors, self._leave(name)))

    def _after(self, module, inputs, output):
        name = self._name(module)
        self._leave(name)()
        tensors = self._differentiable(output)
        if tensors and kagari.is_grad_enabled():
            self._hooks.append(kagari.autograd.graph.register_multi_grad_hook(tensors, self._enter(name, True)))

    def __enter__(self):
        from kagari.nn.modules import module
        self._global = [module.register_module_forward_pre_hook(self._before), module.register_module_forward_hook(self._after, always_call=True)]
        return self

    def __exit__(self, *exception):
        for hook in [*self._global, *self._hooks]:
            hook.remove()
        self._hooks = []
