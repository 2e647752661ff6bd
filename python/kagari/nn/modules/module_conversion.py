"""The part of Module that changes all of its tensors: device, dtype, memory format, gradients."""
import warnings

import kagari
from kagari import Tensor
from kagari.nn.parameter import Parameter


def _keeps_identity(old, new):
    # A tensor can take over the other's storage if both are of one kind; else a new Parameter takes its place.
    if old.device.type != new.device.type or old.layout != new.layout:
        return False
    future = getattr(kagari, "__future__", None)
    return future is None or not future.get_overwrite_module_params_on_conversion()


def _parse_to(args, kwargs):
    """(device, dtype, non_blocking, memory_format) from the arguments that ``Tensor.to`` takes."""
    names = ("device", "dtype", "non_blocking")
    if args and isinstance(args[0], kagari.dtype):
        names = ("dtype", "non_blocking")
    elif args and isinstance(args[0], Tensor):
        names = ("tensor", "non_blocking")
    if len(args) > len(names):
        raise TypeError(f"to() takes at most {len(names)} positional arguments but {len(args)} were given")
    given = dict(zip(names, args))
    for name, value in kwargs.items():
        if name in given or name not in ("device", "dtype", "non_blocking", "memory_format", "tensor"):
            raise TypeError(f"to() received an invalid combination of arguments - unexpected '{name}'")
        given[name] = value
    other = given.get("tensor")
    if other is not None:
        return other.device, other.dtype, given.get("non_blocking", False), given.get("memory_format")
    device = given.get("device")
    if device is not None and not isinstance(device, kagari.device):
        device = kagari.device(device)
    return device, given.get("dtype"), given.get("non_blocking", False), given.get("memory_format")


class ModuleConversion:
    """``to``, ``float``, ``requires_grad_`` and the like. A base of Module only."""

    def _apply(self, fn, recurse=True):
        if recurse:
            for module in self.children():
                module._apply(fn)
        for name, param in self._parameters.items():
            if param is None:
                continue
            with kagari.no_grad():
                applied = fn(param)
            grad = param.grad
            result = param
            if applied is not param:
                if _keeps_identity(param, applied):
                    # Without its gradient, which would have the wrong dtype for a moment.
                    param.grad = None
                    param.data = applied
                else:
                    result = applied if isinstance(applied, Parameter) else Parameter(applied, param.requires_grad)
                    self._parameters[name] = result
            if grad is None:
                continue
            with kagari.no_grad():
                applied = fn(grad)
            if result is param and _keeps_identity(grad, applied):
                grad.data = applied
                param.grad = grad
            else:
                result.grad = applied.requires_grad_(grad.requires_grad)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def apply(self, fn):
        """Calls ``fn(module)`` for every module below and then this one, as for initialisation. Returns self."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def to(self, *args, **kwargs):
        """Moves or casts all parameters and buffers in place: ``to(device, dtype)``, ``to(dtype)``, ``to(tensor)``,
        ``to(memory_format=...)``. Integer tensors keep their dtype. Returns self.

        Raises TypeError for a dtype that is neither floating point nor complex.
        """
        device, dtype, non_blocking, memory_format = _parse_to(args, kwargs)
        if dtype is not None:
            if not (dtype.is_floating_point or dtype.is_complex):
                raise TypeError("nn.Module.to only accepts floating point or complex dtypes, "
                                f"but got desired dtype={dtype}")
            if dtype.is_complex:
                warnings.warn("Complex modules are a new feature under active development whose design may change, and "
                              "some modules might not work as expected when using complex tensors as parameters or "
                              "buffers.", stacklevel=2)

        def convert(t):
            options = {"device": device, "non_blocking": non_blocking}
            if dtype is not None and (t.is_floating_point() or t.is_complex()):
                options["dtype"] = dtype
            if memory_format is not None and t.dim() in (4, 5):
                options["memory_format"] = memory_format
            if t.is_meta and device is not None and device.type != "meta":
                raise NotImplementedError(
                    "Cannot copy out of meta tensor; no data! Please use torch.nn.Module.to_empty() instead of "
                    "torch.nn.Module.to() when moving module from meta to a different device.")
            return t.to(**options)

        return self._apply(convert)

    def to_empty(self, *, device, recurse=True):
        """Moves all tensors to ``device`` without their values. Returns self."""
        return self._apply(lambda t: kagari.empty_like(t, device=device), recurse=recurse)

    def type(self, dst_type):
        """Casts all parameters and buffers to ``dst_type``. Returns self."""
        return self._apply(lambda t: t.type(dst_type))

    def float(self):
        """Casts floating point parameters and buffers to float32. Returns self."""
        return self._apply(lambda t: t.float() if t.is_floating_point() else t)

    def double(self):
        """Casts floating point parameters and buffers to float64. Returns self."""
        return self._apply(lambda t: t.double() if t.is_floating_point() else t)

    def half(self):
        """Casts floating point parameters and buffers to float16. Returns self."""
        return self._apply(lambda t: t.half() if t.is_floating_point() else t)

    def bfloat16(self):
        """Casts floating point parameters and buffers to bfloat16. Returns self."""
        return self._apply(lambda t: t.bfloat16() if t.is_floating_point() else t)

    def cpu(self):
        """Moves all parameters and buffers to the CPU. Returns self."""
        return self._apply(lambda t: t.cpu())

    def cuda(self, device=None):
        """Moves all parameters and buffers to a CUDA device. Returns self."""
        return self._apply(lambda t: t.cuda(device))

    def xpu(self, device=None):
        """Moves all parameters and buffers to an XPU. Returns self."""
        return self._apply(lambda t: t.xpu(device))

    def ipu(self, device=None):
        """Moves all parameters and buffers to an IPU. Returns self."""
        return self._apply(lambda t: t.ipu(device))

    def mtia(self, device=None):
        """Moves all parameters and buffers to an MTIA device. Returns self."""
        return self._apply(lambda t: t.mtia(device))

    def share_memory(self):
        """Moves all parameters and buffers to memory shared between processes. Returns self."""
        return self._apply(lambda t: t.share_memory_())

    def requires_grad_(self, requires_grad=True):
        """Sets whether the parameters of this module and all below get gradients. Returns self."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none=True):
        """Drops the gradients of all parameters, or fills them with zeros."""
        if getattr(self, "_is_replica", False):
            warnings.warn("Calling .zero_grad() from a module created with nn.DataParallel() has no effect. The "
                          "parameters are copied (in a differentiable manner) from the original module.", stacklevel=2)
        for param in self.parameters():
            grad = param.grad
            if grad is None:
                continue
            if set_to_none:
                param.grad = None
                continue
            if grad.grad_fn is not None:
                grad.detach_()
            else:
                grad.requires_grad_(False)
            grad.zero_()
