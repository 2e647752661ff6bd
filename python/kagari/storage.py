"""Storages as Python objects: bytes without a type (UntypedStorage, from the core) and the typed classes over it.

TypedStorage and its subclasses (FloatStorage, LongStorage, ...) exist because checkpoints name them and older programs
use them; a tensor's own storage is untyped.
"""
import kagari
from kagari import _C

UntypedStorage = _C.UntypedStorage

# name of the class in checkpoint files -> name of its dtype. Newer dtypes have none: their tensors carry the dtype.
STORAGE_DTYPES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8",
    "BoolStorage": "bool", "ComplexDoubleStorage": "complex128", "ComplexFloatStorage": "complex64",
    "QInt8Storage": "qint8", "QUInt8Storage": "quint8", "QInt32Storage": "qint32", "QUInt4x2Storage": "quint4x2",
    "QUInt2x4Storage": "quint2x4",
}


def storage_bytes(storage):
    """A writable one-dimensional view of the storage's bytes, without a copy."""
    return memoryview(storage).cast("B")


def storage_over(view):
    """A storage on the bytes of a writable memory view, without a copy; it keeps the view's owner alive."""
    return _C._storage_over(view)


def tensor_over(storage, dtype):
    """A one-dimensional tensor of `dtype` that shares the whole untyped storage."""
    return _C._tensor_over(storage, dtype, 0, (storage.nbytes() // dtype.itemsize,), (1,))


class TypedStorage:
    """An untyped storage together with a dtype; its elements are numbers of that dtype.

    TypedStorage(size, dtype=..., device=...), TypedStorage(sequence, dtype=...) or
    TypedStorage(wrap_storage=untyped, dtype=...), which shares memory.
    """
    is_sparse = False

    def __init__(self, *args, wrap_storage=None, dtype=None, device=None, _internal=False):
        dtype = dtype or getattr(type(self), "dtype", None)
        self.dtype = kagari.get_default_dtype() if dtype is None or isinstance(dtype, property) else dtype
        if len(args) > 1:
            raise ValueError(f"{type(self).__name__}() takes at most one positional argument, got {len(args)}")
        if wrap_storage is not None:
            if args:
                raise ValueError(f"{type(self).__name__}(): wrap_storage excludes a size or a sequence")
            if not isinstance(wrap_storage, UntypedStorage):
                raise TypeError(f"{type(self).__name__}(): wrap_storage must be an UntypedStorage, got {type(wrap_storage).__name__}")
            self._untyped_storage = wrap_storage
        elif not args or isinstance(args[0], int):
            self._untyped_storage = kagari.empty(args[0] if args else 0, dtype=self.dtype, device=device).untyped_storage()
        else:
            self._untyped_storage = kagari.tensor(list(args[0]), dtype=self.dtype, device=device).untyped_storage()

    @classmethod
    def from_buffer(cls, *args, dtype=None, device=None, **kwargs):
        """A storage with a copy of the bytes of a buffer; byte_order: "native", "little" or "big"."""
        import sys
        dtype = dtype or cls.dtype
        copied = kagari.frombuffer(bytearray(args[0]), dtype=dtype).untyped_storage()
        if kwargs.get("byte_order", args[1] if len(args) > 1 else "native") not in ("native", sys.byteorder):
            copied.byteswap(dtype)
        return cls._wrap(copied, dtype)

    _from_buffer = from_buffer

    @classmethod
    def from_file(cls, filename, shared, size):
        """A storage of `size` elements in a file; what is written goes there if shared."""
        return cls._wrap(UntypedStorage.from_file(filename, shared, size * cls.dtype.itemsize), cls.dtype)

    @classmethod
    def _wrap(cls, untyped, dtype):
        """Quick constructor for the loader: no checks."""
        self = cls.__new__(cls)
        self._untyped_storage, self.dtype = untyped, dtype
        return self

    def untyped(self):
        return self._untyped_storage

    def _tensor(self):
        return tensor_over(self._untyped_storage, self.dtype)

    def _like(self, tensor):
        return _typed(tensor.untyped_storage(), tensor.dtype)

    @property
    def device(self):
        return self._untyped_storage.device

    @property
    def is_cuda(self):
        return self.device.type == "cuda"

    def nbytes(self):
        return self._untyped_storage.nbytes()

    def element_size(self):
        return self.dtype.itemsize

    def size(self):
        return self._untyped_storage.nbytes() // self.dtype.itemsize

    __len__ = size

    def data_ptr(self):
        return self._untyped_storage.data_ptr()

    def is_shared(self):
        return self._untyped_storage.is_shared()

    def share_memory_(self):
        self._untyped_storage.share_memory_()
        return self

    def is_pinned(self, device=None):
        return False

    def resizable(self):
        return self._untyped_storage.resizable()

    def resize_(self, size):
        self._untyped_storage.resize_(size * self.element_size())
        return self

    def tolist(self):
        return self._tensor().tolist()

    def __iter__(self):
        return iter(self.tolist())

    def __getitem__(self, index):
        if isinstance(index, slice):
            raise RuntimeError("slices of a typed storage are not supported; slice a tensor over it")
        return self._tensor()[index].item()

    def __setitem__(self, index, value):
        self._tensor()[index] = value

    def fill_(self, value):
        self._tensor().fill_(value)
        return self

    def copy_(self, source, non_blocking=None):
        self._tensor().copy_(source._tensor() if isinstance(source, TypedStorage) else tensor_over(source, self.dtype))
        return self

    def clone(self):
        return self._like(self._tensor().clone())

    def cpu(self):
        return self._like(self._tensor().cpu())

    def to(self, *, device, non_blocking=False):
        return self._like(self._tensor().to(device))

    def type(self, dtype=None, non_blocking=False):
        """The class's name, or a copy as another storage class (by class, name or dtype)."""
        if dtype is None:
            return f"torch.{_class_name(self.dtype) or 'storage.TypedStorage'}"
        name = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", None)
        if name is not None:
            dtype = getattr(kagari, STORAGE_DTYPES[name.rpartition(".")[2]])
        return self._like(self._tensor().to(dtype))

    def __eq__(self, other):
        return isinstance(other, TypedStorage) and self.data_ptr() == other.data_ptr() and self.nbytes() == other.nbytes()

    __hash__ = object.__hash__

    def __copy__(self):
        return self.clone()

    def __deepcopy__(self, memo):
        memo = memo.setdefault("torch", {})
        key = self.data_ptr(), self.nbytes()
        if key not in memo:
            memo[key] = self.clone()
        return memo[key]

    def __reduce__(self):
        import io
        buffer = io.BytesIO()
        kagari.save(self, buffer, _use_new_zipfile_serialization=False)
        return _load_from_bytes, (buffer.getvalue(),)

    def __repr__(self):
        data = "...\n(not stored on this device)" if self.device.type == "meta" else "\n ".join(str(v) for v in self.tolist())
        return f" {data}\n[{type(self).__module__.replace('kagari', 'torch')}.{type(self).__name__}(dtype={self.dtype}, device={self.device}) of size {self.size()}]"

    def pickle_storage_type(self):
        """Name of the storage class in checkpoint files; KeyError for a dtype that has none."""
        name = _class_name(self.dtype)
        if name is None:
            raise KeyError(f"dtype {self.dtype} has no storage class")
        return name


def _conversion(dtype_name):
    def convert(self):
        return self._like(self._tensor().to(getattr(kagari, dtype_name)))
    convert.__doc__ = f"A copy with elements of dtype {dtype_name}."
    return convert


for _method, _dtype_name in {"double": "float64", "float": "float32", "half": "float16", "bfloat16": "bfloat16", "long": "int64",
                             "int": "int32", "short": "int16", "char": "int8", "byte": "uint8", "bool": "bool",
                             "complex_double": "complex128", "complex_float": "complex64"}.items():
    setattr(TypedStorage, _method, _conversion(_dtype_name))


class _LegacyStorageType(type):
    """Typed storages of one dtype are instances of its class, whatever class made them."""

    @property
    def dtype(cls):
        return getattr(kagari, STORAGE_DTYPES[cls.__name__])

    def __instancecheck__(cls, instance):
        return type.__instancecheck__(cls, instance) or (
            cls.__name__ in STORAGE_DTYPES and isinstance(instance, TypedStorage) and instance.dtype == cls.dtype)


class _LegacyStorage(TypedStorage, metaclass=_LegacyStorageType):
    """Base of the classes with a fixed dtype."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, dtype=type(self).dtype, **kwargs)


def _class_name(dtype):
    name = str(dtype).rpartition(".")[2]
    return _class_of_dtype.get(name)


_class_of_dtype = {dtype: name for name, dtype in STORAGE_DTYPES.items()}


def _typed(untyped, dtype):
    return TypedStorage._wrap(untyped, dtype)


def _load_from_bytes(data):
    """Pickles of storages and tensors name this function: the bytes are a checkpoint that holds one storage."""
    import io
    return kagari.load(io.BytesIO(data), weights_only=False)


def __getattr__(name):
    """The storage classes are made when first asked for."""
    if name in STORAGE_DTYPES:
        made = _LegacyStorageType(name, (_LegacyStorage,), {"__module__": "kagari", "__doc__": f"Typed storage of {STORAGE_DTYPES[name]}."})
        globals()[name] = made
        return made
    raise AttributeError(f"module 'torch.storage' has no attribute {name!r}")
