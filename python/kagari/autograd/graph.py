"""The graph of the backward pass: nodes, edges, and hooks on what it saves."""
import abc
import contextlib
import threading
import typing

import kagari
from kagari import _C

__all__ = ["saved_tensors_hooks", "save_on_cpu", "disable_saved_tensors_hooks", "register_multi_grad_hook", "allow_mutation_on_saved_tensors",
           "Node", "GradientEdge", "get_gradient_edge", "increment_version",
           "region_activation_memory_budget", "set_warn_on_accumulate_grad_stream_mismatch", "set_override_stale_capture_stream"]


class Node(abc.ABC):
    """A recorded operator: what `tensor.grad_fn` is. Made by the engine only; useful for isinstance."""

    @abc.abstractmethod
    def name(self):
        """Its name, for example 'MulBackward0'."""

    @property
    @abc.abstractmethod
    def next_functions(self):
        """Where gradients flow next: pairs (node or None, which of its outputs)."""

    @abc.abstractmethod
    def metadata(self):
        """A dict for any purpose."""

    @abc.abstractmethod
    def register_hook(self, fn):
        """fn(grad_inputs, grad_outputs) runs after the node and may give other grad_inputs. Returns a handle."""

    @abc.abstractmethod
    def register_prehook(self, fn):
        """fn(grad_outputs) runs before the node and may give other grad_outputs. Returns a handle."""

    @classmethod
    def __subclasshook__(cls, other):
        from kagari.autograd.function import BackwardCFunction
        if cls is Node and (issubclass(other, (BackwardCFunction, _C._Node))):
            return True
        return NotImplemented


class GradientEdge(typing.NamedTuple):
    """One output of a node: where a tensor's gradient enters the graph."""
    node: Node
    output_nr: int
    ownership_token: typing.Optional[Node] = None


def get_gradient_edge(tensor):
    """The edge of a tensor that requires a gradient; it can stand for the tensor in backward() and grad()."""
    if not tensor.requires_grad:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    return GradientEdge(_node_of(tensor), tensor.output_nr)


def _node_of(tensor):
    """grad_fn, or for a leaf the node that adds to its .grad."""
    if tensor.requires_grad and tensor.grad_fn is None:
        with kagari.enable_grad():
            return tensor.view_as(tensor).grad_fn.next_functions[0][0]
    return tensor.grad_fn


def increment_version(tensor):
    """Tells autograd that the data of a tensor (or of several) was changed without its knowledge."""
    _C._increment_version((tensor,) if isinstance(tensor, kagari.Tensor) else tensor)


class saved_tensors_hooks:
    """Context manager: tensors that operators inside it save pass through pack_hook, and through unpack_hook when used."""

    def __init__(self, pack_hook, unpack_hook):
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self):
        _C._autograd._push_saved_tensors_default_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *exception):
        _C._autograd._pop_saved_tensors_default_hooks()


class save_on_cpu(saved_tensors_hooks):
    """Context manager: saved tensors are copied to the CPU until they are used. `pin_memory` is accepted."""

    def __init__(self, pin_memory=False, device_type="cuda"):
        def pack(tensor):
            return tensor.device, tensor.detach().to("cpu", copy=True)

        def unpack(packed):
            return packed[1].to(packed[0])
        super().__init__(pack, unpack)


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message):
    """Context manager: inside it, saved_tensors_hooks raises RuntimeError(error_message)."""
    before = _C._autograd._saved_tensors_hooks_get_disabled_error_message()
    _C._autograd._saved_tensors_hooks_disable(error_message)
    try:
        yield
    finally:
        if before is None:
            _C._autograd._saved_tensors_hooks_enable()
        else:
            _C._autograd._saved_tensors_hooks_disable(before)


class _AllowMutationOnSavedContext:
    """What allow_mutation_on_saved_tensors yields."""

    def clear(self):
        """Nothing to free: copies live as long as the nodes that saved them."""


@contextlib.contextmanager
def allow_mutation_on_saved_tensors():
    """Context manager: tensors saved inside it may be changed in place later; each is copied when it is saved."""
    with saved_tensors_hooks(lambda tensor: tensor.detach().clone(), lambda kept: kept):
        yield _AllowMutationOnSavedContext()


class _MultiHandle:
    """Handle of several hooks together."""

    def __init__(self, handles):
        self.handles = tuple(handles)

    def remove(self):
        for handle in self.handles:
            handle.remove()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.remove()


def register_multi_grad_hook(tensors, fn, *, mode="all"):
    """mode 'all': fn(list of gradients or None) runs in each backward pass once all of the tensors' gradients that the
    pass computes are there; 'any': fn(gradient) runs for the first of them. Returns a handle with remove()."""
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    lock = threading.Lock()
    nodes = [_node_of(tensor) for tensor in tensors]
    if mode == "any":
        seen = set()

        def first(grad):
            task = _C._current_graph_task_id()
            with lock:
                if task in seen:
                    return
                seen.add(task)
            fn(grad)
        return _MultiHandle(tensor.register_hook(first) for tensor in tensors)

    passes = {}                                  # pass -> [gradients, how many are still to come]

    def hook_for(position):
        def hook(grad):
            task = _C._current_graph_task_id()
            if task == -1:
                raise AssertionError("expected this hook to be called inside a backward call")
            with lock:
                if task not in passes:
                    passes[task] = [[None] * len(nodes), sum(map(_C._will_engine_execute_node, nodes))]
                state = passes[task]
                state[0][position] = grad
                state[1] -= 1
                done = state[1] == 0
                if done:
                    del passes[task]
            if done:
                fn(state[0])
        return hook
    return _MultiHandle(tensor.register_hook(hook_for(position)) for position, tensor in enumerate(tensors))


@contextlib.contextmanager
def region_activation_memory_budget(budget):
    """How much of the activations of a compiled region is kept, from 0 to 1; programs are not compiled, so that it changes nothing."""
    if not 0 <= budget <= 1:
        raise ValueError(f"budget must be between 0 and 1, but is {budget}")
    yield


def set_warn_on_accumulate_grad_stream_mismatch(enabled):
    """Accepted: there are no streams of devices."""


def set_override_stale_capture_stream(enabled):
    """Accepted: there are no streams of devices."""
