"""Tensors that a Module treats specially: Parameter, Buffer, and their uninitialized forms."""
from collections import OrderedDict

import kagari
from kagari import Tensor

__all__ = ["Parameter", "UninitializedParameter", "is_lazy", "Buffer", "UninitializedBuffer",
           "UninitializedTensorMixin"]

_no_torch_function = kagari._C._disabled_torch_function_impl


class _ParameterMeta(type(Tensor)):
    # A tensor of a user's own Tensor subclass stays of that class and is only marked as a parameter.
    def __instancecheck__(cls, instance):
        if cls is Parameter and isinstance(instance, Tensor) and getattr(instance, "_is_param", False):
            return True
        return super().__instancecheck__(instance)


class Parameter(Tensor, metaclass=_ParameterMeta):
    """A tensor that becomes a parameter of the Module it is assigned to.

    Arguments:
        data: the values; the parameter shares their memory. An empty tensor if None.
        requires_grad: whether gradients are computed for it. Integer data need ``False`` here.
    """

    def __new__(cls, data=None, requires_grad=True):
        if data is None:
            return Tensor._make_subclass(cls, kagari.empty(0), requires_grad)
        if type(data) is Tensor or type(data) is Parameter:
            return Tensor._make_subclass(cls, data, requires_grad)
        result = data.detach().requires_grad_(requires_grad)
        if type(result) is not type(data):
            raise RuntimeError(
                f"Creating a Parameter from an instance of type {type(data).__name__} requires that detach() returns "
                f"an instance of the same type, but return type {type(result).__name__} was found instead. To use the "
                "type as a Parameter, please correct the detach() semantics defined by its __torch_dispatch__() "
                "implementation.")
        result._is_param = True
        return result

    def __deepcopy__(self, memo):
        if id(self) in memo:
            return memo[id(self)]
        result = type(self)(self.data.clone(memory_format=kagari.preserve_format), self.requires_grad)
        memo[id(self)] = result
        return result

    def __repr__(self):
        # As a plain tensor, so that the text does not name this class.
        return "Parameter containing:\n" + repr(self.detach().requires_grad_(self.requires_grad))

    def __reduce_ex__(self, protocol):
        from kagari import _utils

        state = self.__dict__
        arguments = (self.data, self.requires_grad, OrderedDict())
        if not state:
            return _utils._rebuild_parameter, arguments
        return _utils._rebuild_parameter_with_state, (*arguments, dict(state))

    __torch_function__ = _no_torch_function


# Operators treat this class as they treat Tensor itself, without asking for its __torch_function__.
kagari._C._set_parameter_type(Parameter)


class _BufferMeta(type(Tensor)):
    # A buffer is a plain tensor with a mark on it.
    def __instancecheck__(cls, instance):
        if cls is Buffer and getattr(instance, "_is_buffer", False) and isinstance(instance, Tensor):
            return True
        return super().__instancecheck__(instance)


class Buffer(Tensor, metaclass=_BufferMeta):
    """A tensor that becomes a buffer of the Module it is assigned to: state that is not trained.

    Arguments:
        data: the values; an empty tensor if None.
        persistent: whether the buffer is part of the module's ``state_dict``.
    """

    def __new__(cls, data=None, *, persistent=True):
        if data is None:
            data = kagari.empty(0)
        result = data.detach().requires_grad_(data.requires_grad)
        result.persistent = persistent
        result._is_buffer = True
        return result

    __torch_function__ = _no_torch_function


class UninitializedTensorMixin:
    """A tensor whose shape is not known yet; ``materialize(shape)`` turns it into an ordinary one."""

    _allowed_names = frozenset(
        "__hash__ size copy_ is_complex is_floating_point half float double char short int long cuda cpu to "
        "get_device _has_compatible_shallow_copy_type data dtype device is_leaf requires_grad grad grad_fn layout "
        "_version is_meta is_cuda is_sparse _backward_hooks requires_grad_ detach type __deepcopy__".split())

    def materialize(self, shape, device=None, dtype=None):
        """Gives the tensor memory of ``shape`` (contents undefined) and makes it an instance of ``cls_to_become``."""
        device = self.data.device if device is None else device
        dtype = self.data.dtype if dtype is None else dtype
        self.data = kagari.empty(shape, device=device, dtype=dtype)
        self.__class__ = self.cls_to_become

    @property
    def shape(self):
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
            "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. Call `forward` "
            "to initialize the parameters before accessing their attributes.")

    def share_memory_(self):
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to initialize the parameters "
            "before calling `module.share_memory()`.")

    def __repr__(self):
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol):
        return type(self), (self.requires_grad,)

    @classmethod
    def _like(cls, source, result):
        """What a cast or move of ``source`` returns."""
        return result

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        if name in ("__get__", "__set__", "__delete__"):
            name = getattr(getattr(func, "__self__", None), "__name__", name)
        if name in cls._allowed_names:
            result = _no_torch_function(func, types, args, kwargs or {})
            return cls._like(args[0], result) if type(result) is Tensor else result
        raise ValueError(
            f"Attempted to use an uninitialized parameter in {func}. This error happens when you are using a "
            "`LazyModule` or explicitly manipulating `torch.nn.parameter.UninitializedParameter` objects. When using "
            "LazyModules Call `forward` with a dummy batch to initialize the parameters before calling torch functions")


def is_lazy(param):
    """Whether ``param`` is a parameter or buffer that has no shape yet."""
    return isinstance(param, UninitializedTensorMixin)


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A Parameter that gets its shape from the first input of a lazy module."""

    cls_to_become = Parameter

    def __new__(cls, requires_grad=True, device=None, dtype=None):
        return Tensor._make_subclass(cls, kagari.empty(0, device=device, dtype=dtype), requires_grad)

    def __deepcopy__(self, memo):
        if id(self) in memo:
            return memo[id(self)]
        result = type(self)(self.requires_grad, self.data.device, self.data.dtype)
        memo[id(self)] = result
        return result


class UninitializedBuffer(UninitializedTensorMixin, Tensor):
    """A buffer that gets its shape from the first input of a lazy module."""

    cls_to_become = Tensor

    def __new__(cls, requires_grad=False, device=None, dtype=None, persistent=True):
        result = Tensor._make_subclass(cls, kagari.empty(0, device=device, dtype=dtype), requires_grad)
        result.persistent = persistent
        result._is_buffer = True
        return result

    @classmethod
    def _like(cls, source, result):
        # A buffer that is cast before it has a shape still has none; a parameter takes the result as its data instead.
        if result.numel() != 0 or not isinstance(source, cls):
            return result
        return cls(device=result.device, dtype=result.dtype, persistent=source.persistent)
