"""An ONNX graph while it is being made."""
import numpy as np

import kagari
from kagari.onnx import _protobuf as proto

DTYPES = {kagari.float32: proto.FLOAT, kagari.uint8: proto.UINT8, kagari.int8: proto.INT8, kagari.uint16: proto.UINT16, kagari.int16: proto.INT16,
          kagari.int32: proto.INT32, kagari.int64: proto.INT64, kagari.bool: proto.BOOL, kagari.float16: proto.FLOAT16, kagari.float64: proto.DOUBLE,
          kagari.uint32: proto.UINT32, kagari.uint64: proto.UINT64, kagari.complex64: proto.COMPLEX64, kagari.complex128: proto.COMPLEX128,
          kagari.bfloat16: proto.BFLOAT16}
IR_VERSIONS = {9: 4, 10: 5, 11: 6, 12: 7, 13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11}
LOWEST_OPSET, HIGHEST_OPSET = 11, 23
_LIST_INPUT_OPSETS = {"Squeeze": 13, "Unsqueeze": 13, "ReduceSum": 13, "ReduceMean": 18, "ReduceMax": 18, "ReduceMin": 18, "ReduceProd": 18, "ReduceL1": 18, "ReduceL2": 18,
                      "ReduceLogSumExp": 18}


def onnx_dtype(dtype):
    """ONNX's number of a dtype."""
    if dtype not in DTYPES:
        raise kagari.onnx.errors.OnnxExporterError(f"ONNX has no type for {dtype}")
    return DTYPES[dtype]


class Builder:
    """Collects nodes and initializers. Values are names; op() adds a node and gives the names of its results."""

    def __init__(self, opset):
        self.opset, self.nodes, self.initializers, self.names, self.constants = opset, [], {}, set(), {}
        self.domains, self.hint = {}, "v"

    def name(self, wish):
        """A name that is not taken."""
        number, name = 1, wish
        while name in self.names or name in self.initializers:
            name, number = f"{wish}_{number}", number + 1
        self.names.add(name)
        return name

    def op(self, kind, *inputs, outputs=1, domain="", **attributes):
        """Adds a node. Inputs are names, None for absent ones, or NumPy arrays and lists of ints, which become constants."""
        names = ["" if one is None else one if isinstance(one, str) else self.constant(one) for one in inputs]
        while names and names[-1] == "":
            names.pop()
        results = [self.name(f"{self.hint}_{kind.lower()}" if outputs == 1 else f"{self.hint}_{kind.lower()}_{i}") for i in range(outputs)]
        attributes = {key: value for key, value in attributes.items() if value is not None}
        self.nodes.append((kind, names, results, attributes, domain))
        if domain:
            self.domains.setdefault(domain, 1)
        return results[0] if outputs == 1 else results

    def axes_op(self, kind, x, axes, **attributes):
        """An operator whose axes were an attribute in older operator sets and are an input in newer ones."""
        axes = [int(one) for one in axes]
        if self.opset >= _LIST_INPUT_OPSETS[kind]:
            return self.op(kind, x, axes, **attributes)
        return self.op(kind, x, axes=axes, **attributes)

    def constant(self, value, dtype=None):
        """The name of a constant: an array, a number or a list of ints. Equal small ones share a name."""
        if isinstance(value, (list, tuple)):
            value = np.array(value, dtype=np.int64)
        if isinstance(value, np.ndarray):
            value = kagari.from_numpy(np.ascontiguousarray(value)).reshape(value.shape)
        if not isinstance(value, kagari.Tensor):
            value = kagari.tensor(value, dtype=dtype)
        value = value.detach()
        if dtype is not None:
            value = value.to(dtype)
        key = (value.dtype, tuple(value.shape), repr(value.tolist())) if value.numel() <= 16 else None
        if key is not None and key in self.constants:
            return self.constants[key]
        name = self.name("const")
        self.initializers[name] = value
        if key is not None:
            self.constants[key] = name
        return name

    def initializer(self, name, value):
        """A weight under its own name."""
        if name not in self.initializers:
            self.names.add(name)
            self.initializers[name] = value.detach()
        return name

    def cast(self, x, dtype):
        return self.op("Cast", x, to=onnx_dtype(dtype))

    def size(self, x, dim):
        """The size of one dimension, as a tensor of one int64."""
        return self.op("Gather", self.op("Shape", x), [dim], axis=0)

    def rename(self, old, new):
        """Gives a value of this graph another name."""
        for i, (kind, inputs, outputs, attributes, domain) in enumerate(self.nodes):
            self.nodes[i] = (kind, [new if one == old else one for one in inputs], [new if one == old else one for one in outputs], attributes, domain)
        self.names.discard(old)
        self.names.add(new)
        self.renamed(old, new)

    def renamed(self, old, new):
        """For subclasses: a value has another name now."""

    def prune(self, results):
        """Drops nodes and initializers that no result needs."""
        needed, kept = set(results), []
        for one in reversed(self.nodes):
            if any(output in needed for output in one[2]):
                needed.update(one[1])
                kept.append(one)
        self.nodes = kept[::-1]
        self.initializers = {name: value for name, value in self.initializers.items() if name in needed}


def raw_bytes(value):
    """A tensor's elements in order, little-endian."""
    return bytes(kagari.storage.storage_bytes(value.detach().contiguous().clone().untyped_storage()))
