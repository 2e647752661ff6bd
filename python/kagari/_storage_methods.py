"""Methods of UntypedStorage that need Python: conversions, copies, and what other devices would need."""
import kagari

DTYPES = {"bfloat16": "bfloat16", "bool": "bool", "byte": "uint8", "char": "int8", "complex_double": "complex128", "complex_float": "complex64",
          "double": "float64", "float": "float32", "half": "float16", "int": "int32", "long": "int64", "short": "int16", "float8_e4m3fn": "float8_e4m3fn",
          "float8_e5m2": "float8_e5m2", "float8_e4m3fnuz": "float8_e4m3fnuz", "float8_e5m2fnuz": "float8_e5m2fnuz"}


def _typed(storage, dtype):
    from kagari.storage import TypedStorage
    return TypedStorage._wrap(storage.clone(), dtype)


def _as_elements(dtype):
    def method(self):
        return _typed(self, getattr(kagari, dtype))
    method.__doc__ = f"A copy of the bytes as elements of {dtype}."
    return method


def _no_device(kind):
    def method(self, device=None, non_blocking=False):
        raise RuntimeError(f"kagari was built without support for the device '{kind}'")
    method.__doc__ = f"RuntimeError: there is no device of the type {kind}."
    return method


class StorageMixin:
    """Plain functions that the core's class gets under their names."""

    def type(self, dtype=None, non_blocking=False):
        """The name of the class, or a copy as a storage with a dtype."""
        if dtype is None:
            return "torch.storage.UntypedStorage"
        from kagari.storage import STORAGE_DTYPES
        return _typed(self, getattr(kagari, STORAGE_DTYPES[str(dtype).rpartition(".")[2]]))

    def to(self, *, device, non_blocking=False):
        """The storage on a device: itself for the CPU."""
        if kagari.device(device) == self.device:
            return self
        raise RuntimeError(f"kagari was built without support for the device '{device}'")

    def new(self, *args):
        """Another storage, of a size."""
        return kagari.UntypedStorage(*args)

    def get_device(self):
        """-1, the CPU's index."""
        return -1

    def byteswap(self, dtype):
        """Reverses the bytes of each element, in place."""
        view, size = memoryview(self).cast("B"), dtype.itemsize // 2 if dtype.is_complex else dtype.itemsize
        for i in range(0, len(view) - size + 1, size):
            view[i:i + size] = bytes(view[i:i + size])[::-1]

    def __copy__(self):
        return self.clone()

    def __deepcopy__(self, memo):
        return memo.setdefault(("storage", self._cdata), self.clone())

    @property
    def filename(self):
        """The name of the file that is mapped: None."""
        return None

    cuda, hpu, mps = _no_device("cuda"), _no_device("hpu"), _no_device("mps")


for _name, _dtype in DTYPES.items():
    setattr(StorageMixin, _name, _as_elements(_dtype))
