"""Function: operators with a gradient of their own, written in Python."""
import functools
import inspect

import kagari
from kagari import _C

__all__ = ["FunctionCtx", "BackwardCFunction", "FunctionMeta", "Function", "once_differentiable", "InplaceFunction", "NestedIOFunction"]


class FunctionCtx:
    """What forward and setup_context tell backward; backward reads `saved_tensors` and `needs_input_grad` from it."""

    def save_for_backward(self, *tensors):
        """Keeps tensors (or None) for backward, which finds them in `saved_tensors`."""
        self.to_save = tensors

    def save_for_forward(self, *tensors):
        """Keeps tensors (or None) for jvp."""
        for position, tensor in enumerate(tensors):
            if not (tensor is None or isinstance(tensor, kagari.Tensor)):
                raise AssertionError(f"save_for_forward expects tensors or None, but argument {position} is {type(tensor).__name__}")
        self.saved_for_forward = tensors

    def mark_dirty(self, *args):
        """Says that forward changed these inputs in place."""
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args):
        """Says that these outputs have no gradient."""
        self.non_differentiable = args

    def set_materialize_grads(self, value):
        """False: backward gets None, not zeros, for outputs that took no part."""
        self.materialize_grads = value

    def mark_shared_storage(self, *pairs):
        """Accepted for old programs; sharing is found out by itself."""


class BackwardCFunction(_C._FunctionBase, FunctionCtx):
    """Base of the nodes that Functions leave in the graph; each is the `ctx` of one call."""

    def apply(self, *grads):
        """Runs the backward of the Function; the engine calls it."""
        forward_class = self._forward_cls
        backward, vjp = forward_class.backward, forward_class.vjp
        if backward is not Function.backward:
            if vjp is not Function.vjp:
                raise RuntimeError("Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only implement one of them.")
            return backward(self, *grads)
        return vjp(self, *grads)

    def apply_jvp(self, *tangents):
        return self._forward_cls.jvp(self, *tangents)


class FunctionMeta(type):
    """Makes, for each Function class, the class of its nodes: `Name` leaves nodes of class `NameBackward`."""

    def __init__(cls, name, bases, attributes):
        cls._backward_cls = type(name + "Backward", (BackwardCFunction,), {"_forward_cls": cls, "__module__": "torch.autograd.function"})
        super().__init__(name, bases, attributes)


class Function(metaclass=FunctionMeta):
    """Base of custom differentiable operators. A subclass has static methods and is called by `apply`:

        forward(ctx, *inputs) and backward(ctx, *grads), or
        forward(*inputs), setup_context(ctx, inputs, output) and backward(ctx, *grads).

    backward gets one gradient per output of forward and gives one per input (None for those that need none). It is
    itself recorded, so it can be differentiated again, unless it is marked @once_differentiable.
    """
    generate_vmap_rule = False

    def __init__(self, *args, **kwargs):
        import warnings
        warnings.warn(f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you should invoke them on the class "
                      "itself. Instantiating an autograd function will raise an error in a future version of PyTorch.", DeprecationWarning, stacklevel=2)

    def __call__(self, *args, **kwargs):
        raise RuntimeError("Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd function with static "
                           "forward method. (Example: https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)")

    @staticmethod
    def forward(*args, **kwargs):
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx, inputs, output):
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        raise NotImplementedError("You must implement either the backward or vjp method for your custom autograd.Function to use it with backward mode AD.")

    @staticmethod
    def vjp(ctx, *grad_outputs):
        """Another name for backward."""
        raise NotImplementedError("You must implement either the backward or vjp method for your custom autograd.Function to use it with backward mode AD.")

    @staticmethod
    def jvp(ctx, *grad_inputs):
        raise NotImplementedError("You must implement the jvp function for custom autograd.Function to use it with forward mode AD.")

    @staticmethod
    def vmap(info, in_dims, *args):
        raise NotImplementedError("To use autograd.Function with vmap, you must either override the vmap staticmethod or set generate_vmap_rule=True.")

    @classmethod
    def apply(cls, *args, **kwargs):
        """Runs forward on the arguments and records the node."""
        with_setup = cls.setup_context is not Function.setup_context
        if kwargs:
            if not with_setup:
                raise TypeError(f"{cls.__name__}.apply() takes no keyword arguments")
            bound = inspect.signature(cls.forward).bind(*args, **kwargs)
            bound.apply_defaults()
            args = bound.args
        return _C._apply_function(cls, with_setup, args)


_SingleLevelFunction = Function


def _is_setup_context_defined(function):
    return function is not Function.setup_context


class _DifferentiatedTwice(Function):
    """Passes its inputs through; its backward is the error."""

    @staticmethod
    def forward(ctx, *tensors):
        return tuple(tensor.detach() for tensor in tensors)

    @staticmethod
    def backward(ctx, *grads):
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")


def once_differentiable(fn):
    """Decorator for a backward that cannot be differentiated itself: doing so raises RuntimeError."""

    @functools.wraps(fn)
    def wrapper(ctx, *args):
        with kagari.no_grad():
            outputs = fn(ctx, *args)
        if not kagari.is_grad_enabled() or not any(isinstance(arg, kagari.Tensor) and arg.requires_grad for arg in args):
            return outputs
        single = not isinstance(outputs, tuple)
        outputs = (outputs,) if single else outputs
        tensors = [out.detach().requires_grad_() for out in outputs if out is not None]
        marked = iter(_DifferentiatedTwice.apply(*tensors))
        outputs = tuple(None if out is None else next(marked) for out in outputs)
        return outputs[0] if single else outputs
    return wrapper


class InplaceFunction(Function):
    """Base class of older programs for operators with an in-place form."""

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace


class NestedIOFunction(Function):
    """Base class of older programs; nested inputs are no longer flattened for it."""
