"""Methods of Tensor that need Python: copying, pickling, storages, and a few composed operators.

`_TensorMixin` holds them as plain functions; the core attaches each to the Tensor type under its own name.
"""
import collections
import copyreg

import kagari


def _rebuild_from_type_v2(func, new_type, args, state):
    """Pickles of tensor subclasses, and of tensors with attributes of their own, name this function."""
    made = func(*args)
    if type(made) is not new_type:
        made = made.as_subclass(new_type)
    if getattr(new_type, "__setstate__", None) is not getattr(kagari.Tensor, "__setstate__", None):
        made.__setstate__(state)
        return made
    return kagari._utils.set_state(made, state)


def _rebuild_from_type(func, new_type, args, dict):
    """The form older pickles use."""
    made = func(*args)
    if type(made) is not new_type:
        made = made.as_subclass(new_type)
    made.__dict__ = dict
    return made


def reduce_tensor(tensor):
    """(function, arguments) that make the tensor again; its storage appears as a TypedStorage or an UntypedStorage."""
    from kagari import _utils, storage as storages
    hooks = collections.OrderedDict()
    if tensor.layout != kagari.strided:
        return _utils._rebuild_sparse_tensor, (tensor.layout, _sparse_parts(tensor))
    if tensor.device.type == "meta":
        return _utils._rebuild_meta_tensor_no_storage, (tensor.dtype, tuple(tensor.size()), tensor.stride(), tensor.requires_grad)
    untyped, dtype = tensor.untyped_storage(), tensor.dtype
    if tensor.is_quantized:
        how = tensor.qscheme()
        if how == kagari.per_tensor_affine:
            parameters = how, tensor.q_scale(), tensor.q_zero_point()
        else:
            parameters = how, tensor.q_per_channel_scales(), tensor.q_per_channel_zero_points(), tensor.q_per_channel_axis()
        return _utils._rebuild_qtensor, (storages.TypedStorage._wrap(untyped, dtype), tensor.storage_offset(), tuple(tensor.size()), tensor.stride(), parameters,
                                         tensor.requires_grad, hooks)
    layout = tensor.storage_offset(), tuple(tensor.size()), tensor.stride(), tensor.requires_grad, hooks
    metadata = {name: True for name, has in (("conj", tensor.is_conj()), ("neg", tensor.is_neg())) if has}
    extra = (metadata,) if metadata else ()
    if storages._class_name(dtype) is None:
        return _utils._rebuild_tensor_v3, (untyped, *layout, dtype, *extra)
    return _utils._rebuild_tensor_v2, (storages.TypedStorage._wrap(untyped, dtype), *layout, *extra)


def _sparse_parts(tensor):
    if tensor.layout == kagari.sparse_coo:
        return tensor._indices(), tensor._values(), tensor.size(), tensor.is_coalesced()
    if tensor.layout in (kagari.sparse_csr, kagari.sparse_bsr):
        return tensor.crow_indices(), tensor.col_indices(), tensor.values(), tensor.size()
    if tensor.layout in (kagari.sparse_csc, kagari.sparse_bsc):
        return tensor.ccol_indices(), tensor.row_indices(), tensor.values(), tensor.size()
    raise NotImplementedError(f"pickling a tensor of layout {tensor.layout} is not supported")


def _named(name):
    """A dtype, layout or memory format by its name."""
    return getattr(kagari, name)


def _device(*arguments):
    return kagari.device(*arguments)


def _size(lengths):
    return kagari.Size(lengths)


# The small types call themselves torch's, which cannot be imported unless `import torch` means kagari: plain pickles go
# through the functions above.
for _type in (kagari.dtype, kagari.layout, kagari.memory_format):
    copyreg.pickle(_type, lambda value: (_named, (str(value).rpartition(".")[2],)))
copyreg.pickle(kagari.device, lambda device: (_device, (device.type,) if device.index is None else (device.type, device.index)))
copyreg.pickle(kagari.Size, lambda size: (_size, (tuple(size),)))


class DisableTorchFunctionSubclass:
    """Context manager: subclasses of Tensor do not take over calls."""
    _all = False

    def __enter__(self):
        kagari._C._torch_function_disable_push(self._all)

    def __exit__(self, *exception):
        kagari._C._torch_function_disable_pop(self._all)


class DisableTorchFunction(DisableTorchFunctionSubclass):
    """Context manager: nothing takes over calls, modes included."""
    _all = True


kagari._C._TensorMeta = type(kagari.Tensor)
for _class in (DisableTorchFunctionSubclass, DisableTorchFunction):
    setattr(kagari._C, _class.__name__, _class)      # PyTorch's programs look for them there


class _TensorMixin:
    """Python methods of Tensor."""

    def __reduce_ex__(self, protocol):
        if self.requires_grad and not self.is_leaf and self.__class__ is kagari.Tensor and self._backward_hooks:
            raise RuntimeError("only leaf tensors with hooks can be pickled")
        function, arguments = reduce_tensor(self)
        state = self.__dict__
        if type(self) is kagari.Tensor and not state:
            return function, arguments
        return _rebuild_from_type_v2, (function, type(self), arguments, dict(state))

    def __setstate__(self, state):
        if isinstance(state, tuple) and len(state) in (4, 5):     # written before functions to rebuild tensors existed
            storage, offset, size, stride = state[:4] if len(state) == 4 else (state[0], *state[1:4])
            self.set_(storage, offset, size, stride)
            return
        kagari._utils.set_state(self, state)

    def __deepcopy__(self, memo):
        """A copy with a storage of its own; views that share a storage share the copy's, too. Only leaves can be copied."""
        if not self.is_leaf:
            raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment. "
                               "If you were attempting to deepcopy a module, this may be because of a torch.nn.utils.weight_norm usage, "
                               "see https://github.com/pytorch/pytorch/pull/103001")
        found = memo.get(id(self))
        if found is not None:
            return found
        with kagari.no_grad():
            copied = _copied_data(self, memo)
            if type(self) is not kagari.Tensor and type(copied) is not type(self):
                copied = copied.as_subclass(type(self))
            copied.requires_grad_(self.requires_grad)
            if self.grad is not None:
                copied.grad = self.grad.__deepcopy__(memo)
        memo[id(self)] = copied
        if self.__dict__:
            import copy
            copied.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return copied

    def qscheme(self):
        """How scales belong to the elements of a quantized tensor: torch.per_tensor_affine, torch.per_channel_affine, ..."""
        from kagari._quantized import tensor_scheme
        return tensor_scheme(self)

    def to_sparse_coo(self):
        """The tensor in the layout ``torch.sparse_coo``."""
        return self.to_sparse()

    def storage(self):
        """The typed storage of the tensor's elements."""
        from kagari.storage import TypedStorage
        return TypedStorage._wrap(self.untyped_storage(), self.dtype)

    _typed_storage = storage

    def storage_type(self):
        """The storage class for the tensor's dtype."""
        from kagari import storage as storages
        return getattr(storages, self.storage().pickle_storage_type())

    def is_shared(self):
        """Whether the storage lies in memory shared between processes."""
        return self.untyped_storage().is_shared()

    def share_memory_(self):
        """Moves the storage into shared memory; the tensor itself stays the same object."""
        self.untyped_storage().share_memory_()
        return self

    def __dir__(self):
        names = set(object.__dir__(self))
        if not self.is_cuda:
            names.discard("__cuda_array_interface__")
        return sorted(name for name in names if not name[0].isdigit())

    def unique(self, sorted=True, return_inverse=False, return_counts=False, dim=None):
        from kagari._unique import unique
        return unique(self, sorted, return_inverse, return_counts, dim)

    def unique_consecutive(self, return_inverse=False, return_counts=False, dim=None):
        from kagari._unique import unique_consecutive
        return unique_consecutive(self, return_inverse, return_counts, dim)

    def lu(self, pivot=True, get_infos=False):
        """torch.lu of this matrix or batch of matrices."""
        return kagari.lu(self, pivot, get_infos)

    def is_nonzero(self):
        """Whether the only element is not zero."""
        return kagari.is_nonzero(self)

    def __rdiv__(self, other):
        return self.__rtruediv__(other)

    def is_nonzero(self):
        """Whether the only element is not zero. RuntimeError for any other number of elements."""
        if self.numel() != 1:
            raise RuntimeError("Boolean value of Tensor with no values is ambiguous" if self.numel() == 0 else
                               "Boolean value of Tensor with more than one value is ambiguous")
        return bool(self)

    def resize(self, *sizes):
        """The elements in another shape of as many elements; an older name of reshape."""
        import warnings
        warnings.warn("non-inplace resize is deprecated", stacklevel=2)
        sizes = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
        count = 1
        for size in sizes:
            count *= size
        if count != self.numel():
            raise RuntimeError(f"requested resize to {'x'.join(map(str, sizes))} ({count} elements in total), but the given tensor has a size of "
                               f"{'x'.join(map(str, self.shape))} ({self.numel()} elements); the number of elements cannot change")
        return self.contiguous().view(sizes)

    def resize_as(self, tensor):
        """resize to the shape of another tensor."""
        return self.resize(tensor.shape)

    def _removed(name):
        def method(self, *args, **kwargs):
            return getattr(kagari, name)(self, *args, **kwargs)
        method.__name__, method.__doc__ = name, f"RuntimeError: torch.{name} was removed in favour of torch.linalg."
        return method

    solve, symeig, eig, lstsq = _removed("solve"), _removed("symeig"), _removed("eig"), _removed("lstsq")
    del _removed

    def reinforce(self, reward):
        """RuntimeError: removed in favour of torch.distributions."""
        raise RuntimeError("reinforce() was removed. Use torch.distributions instead: sample, and multiply the log_prob by the reward")

    @property
    def volatile(self):
        """False; an older way to switch gradients off."""
        return False

    @property
    def grad_dtype(self):
        """The dtype of the gradient: that of the tensor."""
        return self.dtype

    @property
    def _cdata(self):
        """A number that only this tensor has while it lives."""
        return id(self)

    def __complex__(self):
        return complex(self.item())

    def __nonzero__(self):
        return bool(self)

    def __long__(self):
        return int(self)

    def __div__(self, other):
        return self / other

    def __idiv__(self, other):
        return self.__itruediv__(other)

    def const_data_ptr(self):
        """data_ptr() of a tensor that is only read."""
        return self.data_ptr()

    def map2_(self, x, y, callable):
        """Sets every element to callable(element, element of x, element of y); slow. RuntimeError for tensors that require a gradient."""
        if any(t.requires_grad for t in (self, x, y)):
            raise RuntimeError("Can't call map2_() on Variable that requires grad. Use var.detach().map2_() instead.")
        x, y = x.expand(self.shape), y.expand(self.shape)
        made = [callable(*values) for values in zip(self.reshape(-1).tolist(), x.reshape(-1).tolist(), y.reshape(-1).tolist())]
        return self.copy_(kagari.tensor(made, dtype=self.dtype).reshape(self.shape))

    def orgqr(self, input2):
        """torch.linalg.householder_product"""
        return kagari.linalg.householder_product(self, input2)

    def record_stream(self, stream):
        """Does nothing: memory is free for others when the tensor dies."""
        if not isinstance(stream, kagari.Stream):
            raise RuntimeError("unknown parameter type")

    def _no_device(name):
        def method(self, *args, **kwargs):
            raise RuntimeError(f"kagari was built without support for the device '{name}'")
        method.__name__, method.__doc__ = name, f"RuntimeError: there is no device of the type {name}."
        return method

    ipu, mtia = _no_device("ipu"), _no_device("mtia")
    del _no_device

    def to_mkldnn(self, dtype=None):
        """NotImplementedError: kagari uses oneDNN for ordinary tensors, in layouts of its own."""
        raise NotImplementedError("to_mkldnn(): the layout torch._mkldnn is not supported; ordinary tensors use oneDNN as they are")

    def to_padded_tensor(self, padding, output_size=None):
        """Of a nested tensor: an ordinary one with padding. RuntimeError for others."""
        return kagari.nested.to_padded_tensor(self, padding, output_size)

    def resize_as_sparse_(self, the_template):
        """Gives a sparse tensor the sizes of another one."""
        return kagari.resize_as_sparse_(self, the_template)

    def __array_namespace__(self, *, api_version=None):
        """The module whose functions the array API standard means: torch."""
        if api_version is not None and api_version not in ("2021.12", "2022.12", "2023.12", "2024.12"):
            raise ValueError(f"unsupported version of the array API standard: {api_version!r}")
        return kagari

    def to_device(self, device, /, *, stream=None):
        """The tensor on a device, as the array API standard calls it."""
        return self.to(device)

    def dim_order(self, ambiguity_check=False):
        """The dimensions in the order of their strides, the outermost first.

        ambiguity_check: RuntimeError if two dimensions of the same stride could stand in either order (True), or if the order is that of none of
        the given memory formats (a list of them).
        """
        if not isinstance(ambiguity_check, (bool, list)) or isinstance(ambiguity_check, list) and not all(
                isinstance(one, kagari.memory_format) for one in ambiguity_check):
            raise TypeError("The ambiguity_check argument must be a bool or a list of memory formats.")
        order = tuple(sorted(range(self.dim()), key=lambda d: -self.stride(d)))
        if ambiguity_check is True and len({self.stride(d) for d in order}) < len(order):
            raise RuntimeError("The tensor does not have unique dim order, or cannot map to exact one of the given memory formats.")
        if isinstance(ambiguity_check, list):
            known = {kagari.contiguous_format: range(self.dim()), kagari.channels_last: (0, 2, 3, 1), kagari.channels_last_3d: (0, 2, 3, 4, 1)}
            fitting = [one for one in ambiguity_check if (one == kagari.contiguous_format or len(known[one]) == self.dim())
                       and self.is_contiguous(memory_format=one)]
            if len(fitting) != 1:
                raise RuntimeError("The tensor does not have unique dim order, or cannot map to exact one of the given memory formats.")
            return tuple(known[fitting[0]])
        return order

    def module_load(self, other, assign=False):
        """What Module.load_state_dict puts in the place of this tensor: other (assign), or self with other's values."""
        if assign:
            return other if isinstance(other, type(self)) else other.detach()
        return self.copy_(other)

    def __contains__(self, element):
        """Whether any element equals `element`, a number or a tensor."""
        if isinstance(element, (kagari.Tensor, int, float, complex, bool)):
            return bool((element == self).any().item())
        raise RuntimeError(f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}.")

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        """The default: run the function without overrides, and give the results the subclass."""
        if not all(issubclass(cls, kind) for kind in types):
            return NotImplemented
        with DisableTorchFunctionSubclass():
            result = func(*args, **(kwargs or {}))
        return result if func in kagari.overrides.get_default_nowrap_functions() else _as_class(result, cls)


def _as_class(result, cls):
    if cls is kagari.Tensor:
        return result
    if isinstance(result, kagari.Tensor):
        return result if isinstance(result, cls) else result.as_subclass(cls)
    if isinstance(result, (tuple, list)):
        parts = [_as_class(part, cls) for part in result]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    return result


def _copied_data(tensor, memo):
    """A copy of the data with the same layout; storages are copied once per deepcopy."""
    if tensor.layout != kagari.strided or tensor.device.type == "meta" or tensor.is_quantized:
        return tensor.detach().clone()
    untyped = tensor.untyped_storage()
    storages = memo.setdefault("kagari storages", {})
    key = untyped._cdata
    if key not in storages:
        storages[key] = untyped.clone()
    copied = kagari._C._tensor_over(storages[key], tensor.dtype, tensor.storage_offset(), tuple(tensor.size()), tensor.stride())
    if tensor.is_conj():
        copied = copied.conj()
    return copied._neg_view() if tensor.is_neg() else copied
