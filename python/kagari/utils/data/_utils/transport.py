"""Sends objects with tensors through a connection between two processes.

A message is the pickled object, in which tensors are references into one buffer, and that buffer. A small buffer goes
through the connection; a large one lies in anonymous shared memory (a memfd, whose descriptor is sent), which the
system frees when the last process has let go of it, also if a process is killed.
"""
import io
import mmap
import os
import pickle
import struct
import threading
from multiprocessing import reduction

import kagari

_INLINE_LIMIT = 1 << 17
_ALIGNMENT = 64
_HAS_MEMFD = hasattr(os, "memfd_create")
_HEADER = struct.Struct("<QB")
_loading = threading.local()


class _Pickler(pickle.Pickler):
    """Keeps the plain tensors that it meets out of the stream, in ``tensors`` with their offsets."""

    def __init__(self, stream):
        super().__init__(stream, protocol=pickle.HIGHEST_PROTOCOL)
        self.tensors = []
        self.size = 0

    def reducer_override(self, obj):
        if type(obj) is not kagari.Tensor or obj.layout is not kagari.strided or obj.device.type != "cpu":
            return NotImplemented
        if obj.requires_grad or obj.numel() == 0 or obj.is_conj() or obj.is_neg():
            return NotImplemented
        order = sorted(range(obj.dim()), key=lambda d: -obj.stride(d))
        dense = obj.permute(order)
        if not dense.is_contiguous():
            order, dense = list(range(obj.dim())), obj
        offset = self.size
        self.tensors.append((offset, dense))
        self.size = offset + -(-obj.numel() * obj.element_size() // _ALIGNMENT) * _ALIGNMENT
        # The dtype goes by its name: how dtypes are pickled depends on whether the process knows kagari as torch.
        return _tensor_at, (offset, str(obj.dtype).rpartition(".")[2], tuple(dense.shape), order)


def _tensor_at(offset, dtype, shape, order):
    tensor = _in_buffer(_loading.buffer, offset, getattr(kagari, dtype), shape)
    if order == sorted(order):
        return tensor
    inverse = [0] * len(order)
    for position, dim in enumerate(order):
        inverse[dim] = position
    return tensor.permute(inverse)


def _in_buffer(buffer, offset, dtype, shape):
    count = 1
    for size in shape:
        count *= size
    return kagari.frombuffer(buffer, dtype=dtype, count=count, offset=offset).view(shape)


def send(connection, obj):
    """Sends ``obj``. Nothing is sent if it cannot be pickled; the error is that of pickle."""
    stream = io.BytesIO()
    pickler = _Pickler(stream)
    pickler.dump(obj)
    size = pickler.size
    shared = size > _INLINE_LIMIT and _HAS_MEMFD
    if not size:
        buffer = None
    elif shared:
        descriptor = os.memfd_create("kagari_batch", os.MFD_CLOEXEC)
        try:
            os.ftruncate(descriptor, size)
            buffer = mmap.mmap(descriptor, size)
        except BaseException:
            os.close(descriptor)
            raise
    else:
        buffer = bytearray(size)
    try:
        with kagari.no_grad():
            for offset, tensor in pickler.tensors:
                _in_buffer(buffer, offset, tensor.dtype, tuple(tensor.shape)).copy_(tensor)
        connection.send_bytes(_HEADER.pack(size, shared) + stream.getvalue())
        if shared:
            reduction.send_handle(connection, descriptor, None)
        elif size:
            connection.send_bytes(buffer)
    finally:
        if shared:
            os.close(descriptor)


def receive(connection):
    """Receives what :func:`send` sent. Raises EOFError when the other end is closed."""
    message = connection.recv_bytes()
    size, shared = _HEADER.unpack_from(message)
    if not size:
        buffer = None
    elif shared:
        descriptor = reduction.recv_handle(connection)
        try:
            buffer = mmap.mmap(descriptor, size)
        finally:
            os.close(descriptor)
    else:
        buffer = bytearray(size)
        connection.recv_bytes_into(buffer)
    _loading.buffer = buffer
    try:
        return pickle.loads(memoryview(message)[_HEADER.size:])
    finally:
        _loading.buffer = None
