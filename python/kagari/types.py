"""Names of types for annotations."""
import builtins
import collections.abc
import os
import typing

import kagari

__all__ = ["Number", "Device", "FileLike", "Storage"]

_int, _float, _bool = builtins.int, builtins.float, builtins.bool
_complex = builtins.complex
Number = typing.Union[_int, _float, _bool]
FileLike = typing.Union[str, os.PathLike, typing.IO[bytes]]
_size = typing.Union[kagari.Size, list, tuple]
_symsize = typing.Union[kagari.Size, collections.abc.Sequence]
_dtype, _device, _layout, _qscheme = kagari.dtype, kagari.device, kagari.layout, None
Device = typing.Union[kagari.device, str, _int, None]
_TensorOrTensors = typing.Union[kagari.Tensor, collections.abc.Sequence]
_TensorOrOptionalTensors = typing.Union[kagari.Tensor, collections.abc.Sequence]
PySymType = typing.Union[_int, _float, _bool]
IntLikeType = _int
FloatLikeType = _float
BoolLikeType = _bool
Tensor = kagari.Tensor


class _StorageType(type):
    def __instancecheck__(cls, instance):
        return kagari.is_storage(instance)


class Storage(metaclass=_StorageType):
    """isinstance(x, Storage) holds for typed and untyped storages."""
