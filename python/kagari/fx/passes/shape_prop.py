"""Shapes and dtypes of all nodes, found by running the graph."""
import typing

import kagari
from kagari.fx.interpreter import Interpreter
from kagari.fx.node import map_aggregate

__all__ = ["ShapeProp", "TensorMetadata"]


class TensorMetadata(typing.NamedTuple):
    """What is known of a tensor besides its values."""
    shape: tuple
    dtype: object
    requires_grad: bool
    stride: tuple
    memory_format: object
    is_quantized: bool
    qparams: dict


def _extract_tensor_metadata(result, include_contiguity=True):
    memory_format = None
    if include_contiguity:
        for candidate in (kagari.contiguous_format, kagari.channels_last, kagari.channels_last_3d):
            if (candidate is kagari.contiguous_format or result.dim() == (4 if candidate is kagari.channels_last else 5)) and result.is_contiguous(memory_format=candidate):
                memory_format = candidate
                break
    return TensorMetadata(result.shape, result.dtype, result.requires_grad, result.stride(), memory_format, result.is_quantized, {})


class ShapeProp(Interpreter):
    """propagate(*args) runs the graph and writes meta["tensor_meta"] and meta["type"] of each node."""

    def __init__(self, gm, fake_mode=None):
        super().__init__(gm)

    def run_node(self, n):
        result = super().run_node(n)
        found = []

        def describe(value):
            if isinstance(value, kagari.Tensor):
                found.append(value)
                return _extract_tensor_metadata(value)
            return value
        meta = map_aggregate(result, describe)
        if found:
            n.meta["tensor_meta"] = meta
        n.meta["type"] = type(result)
        return result

    def propagate(self, *args):
        return self.run(*args)
