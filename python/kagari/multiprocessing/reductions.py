"""How tensors and storages travel between processes: as descriptors of shared memory."""
from multiprocessing.reduction import DupFd, ForkingPickler

import kagari
from kagari import _C


def rebuild_storage(descriptor, nbytes):
    """The storage in the shared memory that another process described."""
    if descriptor is None:
        return kagari.UntypedStorage(nbytes)
    return _C._storage_from_descriptor(descriptor.detach(), nbytes)


def reduce_storage(storage):
    """Moves the storage into shared memory and describes that."""
    if storage.nbytes() == 0:
        return rebuild_storage, (None, 0)
    storage.share_memory_()
    descriptor, nbytes = storage._share_fd_cpu_()
    return rebuild_storage, (DupFd(descriptor), nbytes)


def rebuild_typed_storage(storage, dtype):
    return kagari.storage.TypedStorage._wrap(storage, dtype)


def reduce_typed_storage(storage):
    return rebuild_typed_storage, (storage.untyped(), storage.dtype)


def rebuild_tensor(cls, storage, dtype, offset, size, stride, requires_grad, state):
    """The tensor over a storage; parameters become parameters. cls is None for plain tensors."""
    tensor = _C._tensor_over(storage, dtype, offset, size, stride)
    if cls is not None:
        tensor = cls(tensor, requires_grad) if issubclass(cls, kagari.nn.Parameter) else tensor.as_subclass(cls)
    elif requires_grad:
        tensor.requires_grad_()
    return kagari._utils.set_state(tensor, state) if state else tensor


def reduce_tensor(tensor):
    """Describes a tensor whose storage goes into shared memory. RuntimeError for results of recorded operators."""
    if tensor.requires_grad and not tensor.is_leaf:
        raise RuntimeError("Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not support crossing process boundaries.  "
                           "If you just want to transfer the data, call detach() on the tensor before serializing (e.g., putting it on the queue).")
    if tensor.layout != kagari.strided or tensor.device.type != "cpu":
        return tensor.__reduce_ex__(2)
    cls = None if type(tensor) is kagari.Tensor else type(tensor)
    return rebuild_tensor, (cls, tensor.untyped_storage(), tensor.dtype, tensor.storage_offset(), tuple(tensor.size()), tensor.stride(),
                            tensor.requires_grad, dict(tensor.__dict__))


def init_reductions():
    """Registers the above with multiprocessing's pickler."""
    ForkingPickler.register(kagari.UntypedStorage, reduce_storage)
    ForkingPickler.register(kagari.storage.TypedStorage, reduce_typed_storage)
    ForkingPickler.register(kagari.Tensor, reduce_tensor)
    from kagari.nn.parameter import Parameter
    ForkingPickler.register(Parameter, reduce_tensor)
