"""Small functions of torch's own namespace that need no operator."""
import kagari
from kagari import Tensor, _C


def is_tensor(obj):
    """Whether the object is a Tensor."""
    return isinstance(obj, Tensor)


def is_storage(obj):
    """Whether the object is a storage."""
    from kagari.storage import TypedStorage
    return isinstance(obj, (TypedStorage, kagari.UntypedStorage))


def is_floating_point(input):
    """Whether the dtype of the tensor is a floating one."""
    return input.dtype.is_floating_point


def is_complex(input):
    """Whether the dtype of the tensor is a complex one."""
    return input.dtype.is_complex


def is_signed(input):
    """Whether the dtype of the tensor has negative numbers."""
    return input.dtype.is_signed


def is_conj(input):
    """False: kagari computes conjugates at once."""
    return False


def is_neg(input):
    """False: kagari computes negations at once."""
    return False


def is_nonzero(input):
    """Whether the only element of a tensor is not zero. RuntimeError for tensors of more elements or none."""
    if input.numel() != 1:
        raise RuntimeError("Boolean value of Tensor with " + ("more than one value" if input.numel() else "no values") + " is ambiguous")
    return bool(input)


def is_inference(input):
    """Whether the tensor was made in inference mode."""
    return input.is_inference()


def is_same_size(input, other):
    """Whether two tensors have the same shape."""
    return input.is_same_size(other)


def numel(input):
    """The number of elements."""
    return input.numel()


def spmm(input, mat2):
    """The product of a sparse matrix with a matrix or vector; another name of :func:`torch.mm`."""
    return kagari.mm(input, mat2)


def get_device(input):
    """The index of the tensor's device; -1 on the CPU."""
    return input.get_device()


def typename(obj):
    """The qualified name of an object's type, or the legacy type of a tensor."""
    if isinstance(obj, Tensor):
        return obj.type()
    kind = type(obj)
    module = kind.__module__
    return kind.__name__ if module in ("builtins", None) else f"{module}.{kind.__qualname__}"


def set_default_tensor_type(t):
    """Sets the default dtype from a legacy tensor type."""
    name = t if isinstance(t, str) else f"torch.{t.__name__}"
    dtypes = {"torch.FloatTensor": kagari.float32, "torch.DoubleTensor": kagari.float64, "torch.HalfTensor": kagari.float16,
              "torch.BFloat16Tensor": kagari.bfloat16}
    if name not in dtypes:
        raise TypeError(f"only floating-point types are supported as the default type, got {name}")
    kagari.set_default_dtype(dtypes[name])


_settings = {"deterministic": False, "warn_only": False, "precision": "highest", "warn_always": False, "interop_threads": 1}


def use_deterministic_algorithms(mode, *, warn_only=False):
    """Accepted: kagari's operators always give the same result for the same input, whatever the number of threads."""
    _settings.update(deterministic=bool(mode), warn_only=bool(warn_only))


def are_deterministic_algorithms_enabled():
    """What use_deterministic_algorithms was told."""
    return _settings["deterministic"]


def is_deterministic_algorithms_warn_only_enabled():
    """What use_deterministic_algorithms was told."""
    return _settings["warn_only"]


def set_deterministic_debug_mode(debug_mode):
    """0 or "default", 1 or "warn", 2 or "error"."""
    levels = {0: 0, 1: 1, 2: 2, "default": 0, "warn": 1, "error": 2}
    if debug_mode not in levels:
        raise RuntimeError(f"invalid value for debug_mode: {debug_mode!r}, expected one of 'default', 'warn', 'error'")
    level = levels[debug_mode]
    use_deterministic_algorithms(level > 0, warn_only=level == 1)


def get_deterministic_debug_mode():
    """0, 1 or 2: see set_deterministic_debug_mode."""
    return 0 if not _settings["deterministic"] else 1 if _settings["warn_only"] else 2


def set_float32_matmul_precision(precision):
    """Accepted for "highest", "high" and "medium": products of float32 are always computed in float32."""
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(f"unknown precision {precision!r}: expected 'highest', 'high' or 'medium'")
    _settings["precision"] = precision


def get_float32_matmul_precision():
    """What set_float32_matmul_precision was told."""
    return _settings["precision"]


def set_warn_always(b):
    """Whether repeated warnings are shown again."""
    _settings["warn_always"] = bool(b)


def is_warn_always_enabled():
    """What set_warn_always was told."""
    return _settings["warn_always"]


def get_num_interop_threads():
    """The number of threads for independent operators: kagari runs them one after the other."""
    return _settings["interop_threads"]


def set_num_interop_threads(n):
    """Accepted: kagari has one pool of threads, see set_num_threads."""
    if not isinstance(n, int) or n < 1:
        raise RuntimeError("set_num_interop_threads expects a positive integer")
    _settings["interop_threads"] = n


def set_flush_denormal(mode):
    """False: kagari keeps subnormal numbers."""
    return False


def compiled_with_cxx11_abi():
    """True."""
    return True


def broadcast_shapes(*shapes):
    """The shape to which tensors of these shapes broadcast. Raises RuntimeError if they do not."""
    result = []
    for shape in shapes:
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        for size in shape:
            if size < 0:
                raise RuntimeError(f"Trying to create tensor with negative dimension ({size}): ({size})")
        if len(shape) > len(result):
            result[:0] = [1] * (len(shape) - len(result))
        for i in range(1, len(shape) + 1):
            if shape[-i] == 1 or shape[-i] == result[-i]:
                continue
            if result[-i] != 1:
                raise RuntimeError("Shape mismatch: objects cannot be broadcast to a single shape")
            result[-i] = shape[-i]
    return kagari.Size(result)


def _equation_from_sublists(args):
    """einsum's other form, operand, labels, operand, labels, ..., [labels of the result], as equation and operands."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

    def term(labels):
        return "".join("..." if label is Ellipsis else letters[label] for label in labels)

    operands, terms = args[0:len(args) // 2 * 2:2], [term(labels) for labels in args[1:len(args) // 2 * 2:2]]
    equation = ",".join(terms)
    if len(args) % 2:
        equation += "->" + term(args[-1])
    return equation, list(operands)


def einsum(*args):
    """Sums of products by Einstein's convention: einsum("ij,jk->ik", a, b), or einsum(a, [0, 1], b, [1, 2], [0, 2])."""
    if len(args) < 2:
        raise ValueError("einsum(): must specify the equation string and at least one operand, or at least one operand and its subscripts list")
    if isinstance(args[0], Tensor):
        equation, operands = _equation_from_sublists(args)
    else:
        equation, operands = args[0], args[1:]
        if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
            operands = operands[0]
    if kagari.overrides.has_torch_function(tuple(operands)):
        return kagari.overrides.handle_torch_function(einsum, tuple(operands), equation, *operands)
    return _C._space__C["_einsum"](equation, list(operands))


def tensordot(a, b, dims=2, out=None):
    """Sums of products over `dims`: a number of last and first dimensions, or a pair of lists of dimensions."""
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.dim(), b.dim()):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        of_a, of_b = list(range(a.dim() - dims, a.dim())), list(range(dims))
    else:
        of_a, of_b = ([d] if isinstance(d, int) else list(d) for d in dims)
    return _C._space__C["_tensordot"](a, b, of_a, of_b, **({} if out is None else {"out": out}))


def lu(A, pivot=True, get_infos=False, out=None):
    """The LU decomposition in one matrix and the exchanged rows, counted from 1: (LU, pivots), with ``get_infos`` also 0
    or the first zero on U's diagonal for each matrix. The older form of torch.linalg.lu_factor; gradients flow through LU."""
    if not pivot:
        raise RuntimeError("linalg.lu_factor: LU without pivoting is not implemented on the CPU")
    result = _C._space_torch["_lu_with_info"](A, pivot)
    if not get_infos:
        result = tuple(result)[:2]
    if out is not None:
        if not isinstance(out, (tuple, list)):
            raise TypeError(f"argument 'out' must be tuple of Tensors, not {type(out).__name__}")
        if len(out) != len(result):
            raise TypeError(f"expected tuple of {len(result)} elements but got {len(out)}")
        for to, value in zip(out, result):
            to.resize_(value.shape).copy_(value)
        return out
    return result


class SymInt:
    """Type of symbolic sizes. kagari has none: sizes are int."""


class SymFloat:
    """Type of symbolic numbers. kagari has none."""


class SymBool:
    """Type of symbolic conditions. kagari has none."""


def sym_int(a):
    """int(a): kagari has no symbolic sizes."""
    return int(a)


def sym_float(a):
    """float(a)"""
    return float(a)


def sym_not(a):
    """not a"""
    return not a


def sym_max(a, b):
    """max(a, b)"""
    return max(a, b)


def sym_min(a, b):
    """min(a, b)"""
    return min(a, b)


def sym_ite(b, t, f):
    """t if b else f"""
    return t if b else f


def _assert(condition, message):
    """assert condition, message; as a function, which tracers can see."""
    if type(condition) is not Tensor and kagari.overrides.has_torch_function((condition,)):
        return kagari.overrides.handle_torch_function(_assert, (condition,), condition, message)
    assert condition, message


def _assert_async(input, assert_msg="Expected a nonzero value"):
    """RuntimeError unless the only element of the tensor is true."""
    if not bool(input):
        raise RuntimeError(assert_msg)


def get_device_module(device=None):
    """The module torch.cpu, torch.cuda, ... of a device (default: the CPU)."""
    if device is None:
        return kagari.cpu
    if not isinstance(device, (str, kagari.device)):
        raise RuntimeError(f"Invalid value of device '{device}', expect torch.device, str, or None")
    kind = kagari.device(device).type
    module = getattr(kagari, kind, None)
    if module is None:
        raise RuntimeError(f"Device '{kind}' does not have a corresponding module registered as 'torch.{kind}'.")
    return module
