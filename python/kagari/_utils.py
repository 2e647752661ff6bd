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


def _not_supported(name, what):
    def rebuild(*args, **kwargs):
        raise NotImplementedError(f"this checkpoint holds {what} ({name}), which kagari cannot rebuild")
    rebuild.__name__ = rebuild.__qualname__ = name
    rebuild.__doc__ = f"Raises NotImplementedError: {what}."
    return rebuild


_rebuild_nested_tensor = _not_supported("_rebuild_nested_tensor", "a nested tensor")
_rebuild_wrapper_subclass = _not_supported("_rebuild_wrapper_subclass", "a tensor without data of a wrapper class")
_rebuild_device_tensor_from_numpy = _not_supported("_rebuild_device_tensor_from_numpy", "a tensor of another device")
_rebuild_device_tensor_from_cpu_tensor = _not_supported("_rebuild_device_tensor_from_cpu_tensor", "a tensor of another device")
_rebuild_xla_tensor = _not_supported("_rebuild_xla_tensor", "a tensor of another device")
