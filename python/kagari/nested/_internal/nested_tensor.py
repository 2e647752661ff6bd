"""The class of nested tensors with the jagged layout, under the name that programs import."""
from kagari.nested._structure import NestedInt
from kagari.nested._tensor import NestedTensor

__all__ = ["NestedInt", "NestedTensor"]
