"""FakeTensorMode: a program runs on tensors that have no memory but say that they lie on a device.

A FakeTensor wraps a meta tensor; every operator runs on meta tensors, and its results are wrapped again.
"""
import contextlib

import kagari
from kagari import _C
from kagari.utils._python_dispatch import TorchDispatchMode, _disable_current_modes, _get_current_dispatch_mode_stack, is_traceable_wrapper_subclass
from kagari.utils._pytree import tree_leaves, tree_map
from kagari.utils.weak import WeakIdKeyDictionary

__all__ = ["FakeTensor", "FakeTensorMode", "FakeTensorConverter", "DynamicOutputShapeException", "DataDependentOutputException", "UnsupportedFakeTensorException",
           "is_fake", "maybe_get_fake_mode", "unset_fake_temporarily"]


class UnsupportedFakeTensorException(RuntimeError):
    """The tensor cannot be imitated."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class DynamicOutputShapeException(RuntimeError):
    """The shape of the result depends on values."""

    def __init__(self, func):
        super().__init__(str(func))
        self.func = func


class DataDependentOutputException(RuntimeError):
    """The result is a value."""

    def __init__(self, func):
        super().__init__(str(func))
        self.func = func


class FakeTensor(kagari.Tensor):
    """A tensor with shape, strides, dtype and device, but no memory. Made by FakeTensorMode.from_tensor, and inside the mode."""

    @staticmethod
    def __new__(cls, fake_mode, elem, device, constant=None):
        made = kagari.Tensor._make_wrapper_subclass(cls, elem.size(), strides=elem.stride(), storage_offset=elem.storage_offset(), dtype=elem.dtype, layout=elem.layout,
                                                    device=device, requires_grad=elem.requires_grad)
        made._elem, made.fake_mode, made.fake_device, made.constant = elem, fake_mode, kagari.device(device), constant
        return made

    @staticmethod
    def from_tensor(t, fake_mode):
        """The fake tensor that imitates t."""
        return fake_mode.from_tensor(t)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        modes = {id(one.fake_mode): one.fake_mode for one in tree_leaves((args, kwargs)) if isinstance(one, FakeTensor)}
        if len(modes) > 1:
            raise AssertionError("Mixing fake modes NYI")
        (mode,) = modes.values()
        return mode.dispatch(func, types, args, kwargs or {})

    def __repr__(self, *, tensor_contents=None):
        text = f"FakeTensor(..., size={tuple(self.shape)}"
        if self.fake_device.type != "cpu":
            text += f", device='{self.fake_device}'"
        if self.dtype != kagari.get_default_dtype():
            text += f", dtype={self.dtype}"
        if self.grad_fn is not None:
            text += f", grad_fn=<{self.grad_fn.name()}>"
        elif self.requires_grad:
            text += ", requires_grad=True"
        return text + ")"

    def tolist(self):
        raise DataDependentOutputException(kagari.ops.aten._local_scalar_dense.default)

    def __deepcopy__(self, memo):
        with kagari.no_grad():
            made = FakeTensor(self.fake_mode, self._elem.clone(), self.fake_device)
        made.requires_grad_(self.requires_grad)
        memo[id(self)] = made
        return made


# Operators whose results' shapes depend on values.
_DYNAMIC = frozenset("nonzero masked_select _unique2 unique_dim _unique_consecutive bincount repeat_interleave argwhere".split())


class FakeTensorMode(TorchDispatchMode):
    """Context manager inside which new tensors are fake.

    Arguments:
        allow_non_fake_inputs: real tensors may take part in operators with fake ones; otherwise that is an AssertionError.

    The other arguments are accepted: shapes are always numbers here, and there are no fallback kernels.
    """

    def __init__(self, *, allow_fallback_kernels=True, allow_non_fake_inputs=False, shape_env=None, static_shapes=None, export=False):
        super().__init__()
        self.allow_fallback_kernels, self.allow_non_fake_inputs, self.shape_env, self.static_shapes = allow_fallback_kernels, allow_non_fake_inputs, shape_env, static_shapes
        self._known, self._depth = WeakIdKeyDictionary(), 0

    @classmethod
    def is_infra_mode(cls):
        return True

    def __enter__(self):
        if self in _get_current_dispatch_mode_stack():
            self._depth += 1
            return self
        return super().__enter__()

    def __exit__(self, kind, value, trace):
        if self._depth:
            self._depth -= 1
            return None
        return super().__exit__(kind, value, trace)

    def from_tensor(self, tensor, *, static_shapes=None, source=None, symbolic_context=None, trace=True):
        """The fake tensor that imitates `tensor`; always the same one for the same tensor."""
        if isinstance(tensor, FakeTensor):
            if tensor.fake_mode is not self:
                raise AssertionError("Mixing fake modes NYI")
            return tensor
        if is_traceable_wrapper_subclass(tensor):
            raise UnsupportedFakeTensorException(f"a wrapper of class {type(tensor).__name__}")
        found = self._known.get(tensor)
        if found is None:
            with _disable_current_modes():
                elem = kagari.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, device="meta")
            found = FakeTensor(self, elem, tensor.device)
            if tensor.requires_grad:
                found.requires_grad_(True)
            if isinstance(tensor, kagari.nn.Parameter):
                found._is_param = True
            self._known[tensor] = found
        return found

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return self.dispatch(func, types, args, kwargs or {})

    def is_our_fake(self, t):
        return isinstance(t, FakeTensor) and t.fake_mode is self

    def _inner(self, func, device):
        def inner(value):
            if isinstance(value, FakeTensor):
                if value.fake_mode is not self:
                    raise AssertionError("Mixing fake modes NYI")
                if value.dim() or device[0] is None:
                    device[0] = value.fake_device
                return value._elem
            if isinstance(value, kagari.Tensor) and value.device.type != "meta":
                if not self.allow_non_fake_inputs and not (value.dim() == 0 and device[1]):
                    raise AssertionError("Please convert all Tensors to FakeTensors first or instantiate FakeTensorMode with 'allow_non_fake_inputs'. "
                                         f"Found in {func}")
                return self.from_tensor(value)._elem
            return value
        return inner

    def dispatch(self, func, types, args, kwargs):
        """Runs an operator on meta tensors and wraps what comes out."""
        name = func._schema.name.partition("::")[2]
        if name == "_local_scalar_dense":
            raise DataDependentOutputException(func)
        if name in _DYNAMIC:
            raise DynamicOutputShapeException(func)
        if name == "lift_fresh":
            return self.from_tensor(args[0])
        device = [None, any(isinstance(one, FakeTensor) for one in tree_leaves((args, kwargs)))]
        inner_args, inner_kwargs = tree_map(self._inner(func, device), (args, kwargs))
        wanted = kwargs.get("device", device[0])
        wanted = kagari.get_default_device() if wanted is None else kagari.device(wanted)
        if wanted.type not in ("cpu", "meta"):
            raise AssertionError(f"Torch not compiled with {wanted.type.upper()} enabled")
        takes_device = any(argument.name == "device" for argument in func._schema.arguments)
        if takes_device and (kwargs.get("device") is not None or not device[1]):
            inner_kwargs = {**inner_kwargs, "device": "meta"}
        with contextlib.ExitStack() as off:
            off.enter_context(_disable_current_modes())
            try:
                out = func(*inner_args, **inner_kwargs)
            except NotImplementedError as error:
                if "meta" in str(error).lower():
                    raise DynamicOutputShapeException(func) from error
                raise
        written = {id(inner): outer for outer, inner in zip(tree_leaves((args, kwargs)), tree_leaves((inner_args, inner_kwargs))) if isinstance(outer, FakeTensor)}

        def wrap(value):
            if not isinstance(value, kagari.Tensor):
                return value
            return written.get(id(value)) if id(value) in written else FakeTensor(self, value, wanted)
        return tree_map(wrap, out)


class FakeTensorConverter:
    """Makes fake tensors for a mode."""

    def from_real_tensor(self, fake_mode, t, **options):
        return fake_mode.from_tensor(t)


def is_fake(x):
    """Whether x is a FakeTensor, or wraps one."""
    if isinstance(x, FakeTensor):
        return True
    if is_traceable_wrapper_subclass(x):
        names, _ = x.__tensor_flatten__()
        return all(is_fake(getattr(x, name)) for name in names)
    return False


def maybe_get_fake_mode(t):
    """The mode that a FakeTensor belongs to, or None."""
    return t.fake_mode if isinstance(t, FakeTensor) else None


@contextlib.contextmanager
def unset_fake_temporarily():
    """Fake modes are off inside; gives the innermost one, or None."""
    found = next((mode for mode in reversed(_get_current_dispatch_mode_stack()) if isinstance(mode, FakeTensorMode)), None)
    with _disable_current_modes() as modes:
        others = [mode for mode in modes if not isinstance(mode, FakeTensorMode)]
        for mode in others:
            _C._push_on_torch_dispatch_stack(mode)
        try:
            yield found
        finally:
            for _ in others:
                _C._pop_torch_dispatch_stack()
