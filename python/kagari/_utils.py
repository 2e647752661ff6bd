"""The functions that pickled tensors name. Their names, and the order of their arguments, are part of the file format."""
import kagari
from kagari import _C


def _rebuild_tensor(storage, storage_offset, size, stride):
    return _C._tensor_over(storage._untyped_storage, storage.dtype, storage_offset, size, stride)


def _finish(tensor, requires_grad, backward_hooks, metadata):
    if requires_grad:
        tensor.requires_grad_(True)
    if backward_hooks:
        tensor._backward_hooks = backward_hooks
    if metadata:
        for name in metadata:
            if name == "conj" and metadata[name]:
                tensor = tensor.conj()
            elif name == "neg" and metadata[name]:
                tensor = tensor._neg_view()
            elif name not in ("conj", "neg"):
                raise RuntimeError(f"a pickled tensor carries metadata {name!r}, which kagari does not know")
    return tensor


def _rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks, metadata=None):
    tensor = _C._tensor_over(storage._untyped_storage, storage.dtype, storage_offset, size, stride)
    if requires_grad or backward_hooks or metadata:
        return _finish(tensor, requires_grad, backward_hooks, metadata)
    return tensor


def _rebuild_tensor_v3(storage, storage_offset, size, stride, requires_grad, backward_hooks, dtype, metadata=None):
    """For dtypes that have no storage class of their own."""
    untyped = getattr(storage, "_untyped_storage", storage)
    return _finish(_C._tensor_over(untyped, dtype, storage_offset, size, stride), requires_grad, backward_hooks, metadata)


def _rebuild_parameter(data, requires_grad, backward_hooks):
    parameter = kagari.nn.Parameter(data, requires_grad)
    if backward_hooks:
        parameter._backward_hooks = backward_hooks
    return parameter


def _rebuild_parameter_with_state(data, requires_grad, backward_hooks, state):
    parameter = _rebuild_parameter(data, requires_grad, backward_hooks)
    set_state(parameter, state)
    return parameter


def set_state(target, state):
    """Puts pickled attributes back: a dict, or a dict and the values of slots."""
    attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    for part in (attributes, slots):
        if part:
            if not isinstance(part, dict):
                raise RuntimeError(f"the state of a pickled {type(target).__name__} must be a dict, got {type(part).__name__}")
            for name, value in part.items():
                setattr(target, name, value)
    return target


def _rebuild_meta_tensor_no_storage(dtype, size, stride, requires_grad):
    return kagari.empty_strided(size, stride, dtype=dtype, device="meta", requires_grad=requires_grad)


def _rebuild_qtensor(storage, storage_offset, size, stride, quantizer_params, requires_grad, backward_hooks):
    """A quantized tensor over the levels in a storage."""
    from kagari._quantized import levels_of
    levels = _C._tensor_over(getattr(storage, "_untyped_storage", storage), levels_of(storage.dtype), storage_offset, size, stride)
    if quantizer_params[0] == kagari.per_tensor_affine:
        made = kagari._make_per_tensor_quantized_tensor(levels, *quantizer_params[1:])
    else:
        made = kagari._make_per_channel_quantized_tensor(levels, *quantizer_params[1:])
    return _finish(made, False, backward_hooks, None)


def _rebuild_sparse_tensor(layout, data):
    name = str(layout)
    if name == "torch.sparse_coo":
        indices, values, size, *coalesced = data
        return kagari.sparse_coo_tensor(indices, values, size, is_coalesced=bool(coalesced and coalesced[0]))
    if name in ("torch.sparse_csr", "torch.sparse_csc", "torch.sparse_bsr", "torch.sparse_bsc"):
        compressed, plain, values, size = data
        return kagari.sparse_compressed_tensor(compressed, plain, values, size, layout=layout)
    raise NotImplementedError(f"rebuilding a sparse tensor of layout {layout} is not supported")


def _rebuild_nested_tensor(buffer, sizes, strides, storage_offsets):
    """A nested tensor of the strided layout, of a buffer with all elements, and a row of sizes and of strides for each component."""
    from kagari.nested._tensor import StridedNestedTensor
    flat = buffer.reshape(-1)
    return StridedNestedTensor([flat.as_strided(tuple(size), tuple(stride), offset)
                                for size, stride, offset in zip(sizes.tolist(), strides.tolist(), storage_offsets.tolist())], flat.dtype, flat.device)


def _not_supported(name, what):
    def rebuild(*args, **kwargs):
        raise NotImplementedError(f"this checkpoint holds {what} ({name}), which kagari cannot rebuild")
    rebuild.__name__ = rebuild.__qualname__ = name
    rebuild.__doc__ = f"Raises NotImplementedError: {what}."
    return rebuild


_rebuild_wrapper_subclass = _not_supported("_rebuild_wrapper_subclass", "a tensor without data of a wrapper class")
_rebuild_device_tensor_from_numpy = _not_supported("_rebuild_device_tensor_from_numpy", "a tensor of another device")
_rebuild_device_tensor_from_cpu_tensor = _not_supported("_rebuild_device_tensor_from_cpu_tensor", "a tensor of another device")
_rebuild_xla_tensor = _not_supported("_rebuild_xla_tensor", "a tensor of another device")


# ---------------------------------------------------------------- names that libraries import from here

def _element_size(dtype):
    """Bytes of one element."""
    return dtype.itemsize


def _flatten_dense_tensors(tensors):
    """The elements of all tensors, which have one dtype, in one dimension."""
    return kagari.cat([tensor.contiguous().view(-1) for tensor in tensors])


def _unflatten_dense_tensors(flat, tensors):
    """Views of a flat tensor with the sizes of `tensors`, as a tuple."""
    parts = flat.split([tensor.numel() for tensor in tensors])
    return tuple(part.view(tensor.shape) for part, tensor in zip(parts, tensors))


def _take_tensors(tensors, size_limit):
    """Lists of tensors of one type, each of about size_limit bytes at most."""
    groups = {}
    for tensor in tensors:
        group, size = groups.setdefault(tensor.type(), ([], 0))
        bytes_of = tensor.numel() * tensor.element_size()
        if group and size + bytes_of > size_limit:
            yield group
            group, size = [], 0
        groups[tensor.type()] = (group + [tensor], size + bytes_of)
    yield from (group for group, _ in groups.values() if group)


def _reorder_tensors_as(tensors, ordered_tensors):
    """The tensors, which are in order within each type, in the order of types of ordered_tensors."""
    queues = {}
    for tensor in tensors:
        queues.setdefault(tensor.type(), []).append(tensor)
    queues = {kind: iter(found) for kind, found in queues.items()}
    return tuple(next(queues[tensor.type()]) for tensor in ordered_tensors)


def _get_device_index(device, optional=False, allow_cpu=False):
    """The index of a device: -1 for the CPU if that is allowed. ValueError for devices without an index, unless it is optional."""
    if isinstance(device, str):
        device = kagari.device(device)
    index = None
    if isinstance(device, kagari.device):
        if not allow_cpu and device.type == "cpu":
            raise ValueError(f"Expected a non cpu device, but got: {device}")
        index = -1 if device.type == "cpu" else device.index
    elif isinstance(device, int):
        index = device
    if index is None:
        if optional:
            raise RuntimeError("there is no accelerator whose current device could be meant")
        raise ValueError(f"Expected a torch.device with a specified index or an integer, but got:{device}")
    return index


def _get_available_device_type():
    """The type of the machine's accelerator: None."""
    return None


def _get_device_attr(get_member):
    """What get_member gives for the module of the machine's accelerator: None, there is none."""
    return None


def _get_all_device_indices():
    """The indices of all accelerators: None."""
    return None


def _handle_complex(tensor):
    """The tensor as pairs of real numbers if it is complex."""
    return kagari.view_as_real(tensor) if isinstance(tensor, kagari.Tensor) and tensor.is_complex() else tensor


def _import_dotted_name(name):
    """The object a.b.c of module a."""
    import importlib
    first, *rest = name.split(".")
    found = importlib.import_module(first)
    for part in rest:
        found = getattr(found, part)
    return found


def _functionalize_sync(t):
    """Does nothing: there are no functional tensors whose changes could be pending."""


def cpu_count():
    """How many processors this process may use."""
    import os
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def is_compiling():
    """torch.compiler.is_compiling()"""
    return kagari.compiler.is_compiling()


def try_import(module_name):
    """The module, or None if it is not installed."""
    import importlib
    import importlib.util
    return importlib.import_module(module_name) if importlib.util.find_spec(module_name) is not None else None


class classproperty:
    """A property of a class: calls the function with the class."""

    def __init__(self, func):
        self.fget = func.__func__ if isinstance(func, (classmethod, staticmethod)) else func

    def __get__(self, instance, owner=None):
        return self.fget(type(instance) if owner is None else owner)


class CallbackRegistry:
    """Functions that are called, one after the other, when something happens; errors are logged."""

    def __init__(self, name):
        self.name, self.callback_list = name, []

    def add_callback(self, cb):
        """Adds a function."""
        self.callback_list.append(cb)

    def fire_callbacks(self, *args, **kwargs):
        """Calls all functions."""
        import logging
        for callback in self.callback_list:
            try:
                callback(*args, **kwargs)
            except Exception:
                logging.getLogger(__name__).exception("Exception in callback for %s", self.name)


def __getattr__(name):
    if name in ("ExceptionWrapper", "KeyErrorMessage"):
        from kagari.utils.data._utils import exception_wrapper
        return getattr(exception_wrapper, name)
    raise AttributeError(f"module 'torch._utils' has no attribute {name!r}")
