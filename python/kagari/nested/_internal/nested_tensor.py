"""The class of nested tensors with the jagged layout, under the name that programs and checkpoints use."""
from kagari.nested._structure import NestedInt
from kagari.nested._tensor import NestedTensor

__all__ = ["NestedInt", "NestedTensor"]


def _rebuild_njt(constructor_kwargs):
    """A jagged tensor of what a checkpoint holds; its name and argument are part of the file format."""
    given = dict(constructor_kwargs)
    made = NestedTensor(given["values"], given["offsets"], lengths=given.get("lengths"), _ragged_idx=given.get("_ragged_idx", 1))
    return made.requires_grad_() if given.get("requires_grad") else made
