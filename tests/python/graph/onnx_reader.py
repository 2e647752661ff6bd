"""Reads ONNX files and runs the operators that the tests meet, with NumPy: an oracle that shares no code with the exporter."""
import math
import struct

import numpy as np

DTYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64}


def fields(raw):
    """(number, value) of a message: ints for varints, bytes for the rest."""
    at = 0
    while at < len(raw):
        key, at = varint(raw, at)
        if key & 7 == 0:
            value, at = varint(raw, at)
        elif key & 7 == 2:
            size, at = varint(raw, at)
            value, at = raw[at:at + size], at + size
        else:
            assert key & 7 == 5
            value, at = struct.unpack("<f", raw[at:at + 4])[0], at + 4
        yield key >> 3, value
    assert at == len(raw)


def varint(raw, at):
    value = shift = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return (value - (1 << 64) if value >> 63 else value), at


def tensor(raw):
    dims, kind, name, data = [], None, "", b""
    for number, value in fields(raw):
        if number == 1:
            dims.append(value)
        elif number == 2:
            kind = value
        elif number == 8:
            name = value.decode()
        elif number == 9:
            data = value
    return name, np.frombuffer(data, DTYPES[kind]).reshape(dims)


def attribute(raw):
    parts = {}
    for number, value in fields(raw):
        parts.setdefault(number, []).append(value)
    kind = parts[20][0]
    value = {1: lambda: parts[2][0], 2: lambda: parts[3][0], 3: lambda: parts[4][0].decode(), 6: lambda: parts[7], 7: lambda: parts.get(8, []),
             8: lambda: [one.decode() for one in parts[9]]}[kind]()
    return parts[1][0].decode(), value


def info(raw):
    parts = dict(fields(raw))
    kind = dict(fields(dict(fields(parts[2]))[1]))
    dims = [next((value if number == 1 else value.decode()) for number, value in fields(dim)) for number, dim in fields(kind.get(2, b"")) if number == 1]
    return parts[1].decode(), kind[1], dims


class Model:
    """A parsed file: nodes, initializers, inputs, outputs, opset."""

    def __init__(self, raw):
        top = list(fields(raw))
        self.opset = next(dict(fields(value))[2] for number, value in top if number == 8)
        graph = next(value for number, value in top if number == 7)
        self.nodes, self.initializers, self.inputs, self.outputs = [], {}, [], []
        for number, value in fields(graph):
            if number == 1:
                parts = list(fields(value))
                self.nodes.append((next(v.decode() for n, v in parts if n == 4), [v.decode() for n, v in parts if n == 1], [v.decode() for n, v in parts if n == 2],
                                   dict(attribute(v) for n, v in parts if n == 5)))
            elif number == 5:
                name, array = tensor(value)
                self.initializers[name] = array
            elif number == 11:
                self.inputs.append(info(value))
            elif number == 12:
                self.outputs.append(info(value))

    def run(self, *arrays):
        values = {**self.initializers, "": None, **{name: array for (name, _, _), array in zip(self.inputs, arrays, strict=True)}}
        for kind, inputs, outputs, attributes in self.nodes:
            result = OPERATORS[kind](*(values[name] for name in inputs), **attributes)
            for name, one in zip(outputs, result if isinstance(result, (list, tuple)) else [result]):
                values[name] = np.asarray(one)
        return [values[name] for name, _, _ in self.outputs]


def reduction(function):
    def reduce(x, axes=None, keepdims=1, **attributes):
        return function(x, axis=tuple(int(a) for a in (axes if axes is not None else attributes.get("axes", range(x.ndim)))), keepdims=bool(keepdims)).astype(x.dtype)
    return reduce


def cast(x, to):
    return x.astype(DTYPES[to])


def slice_(x, starts, ends, axes=None, steps=None):
    index = [slice(None)] * x.ndim
    for i, (start, end) in enumerate(zip(starts, ends)):
        index[int(axes[i]) if axes is not None else i] = slice(int(start), int(end) if int(end) > -(1 << 62) else None, int(steps[i]) if steps is not None else 1)
    return x[tuple(index)]


def reshape(x, shape):
    return x.reshape([x.shape[i] if n == 0 else int(n) for i, n in enumerate(shape)])


def windows(x, kernel_shape, strides, pads, dilations=None, fill=0.0):
    """(N, C, outputs..., kernel...)"""
    dims = len(kernel_shape)
    dilations = dilations or [1] * dims
    x = np.pad(x, [(0, 0), (0, 0), *zip(pads[:dims], pads[dims:])], constant_values=fill)
    wide = [d * (k - 1) + 1 for k, d in zip(kernel_shape, dilations)]
    view = np.lib.stride_tricks.sliding_window_view(x, wide, tuple(range(2, 2 + dims)))
    return view[(slice(None), slice(None), *(slice(None, None, s) for s in strides), *(slice(None, None, d) for d in dilations))]


def conv(x, weight, bias=None, *, kernel_shape, strides, pads, dilations, group=1):
    seen, outs = windows(x, kernel_shape, strides, pads, dilations), []
    step_in, step_out = x.shape[1] // group, weight.shape[0] // group
    for g in range(group):
        part, own = seen[:, g * step_in:(g + 1) * step_in], weight[g * step_out:(g + 1) * step_out]
        axes = [1, *range(part.ndim - len(kernel_shape), part.ndim)]
        outs.append(np.moveaxis(np.tensordot(part, own, (axes, [1, *range(2, own.ndim)])), -1, 1))
    out = np.concatenate(outs, 1)
    return out if bias is None else out + bias.reshape(1, -1, *[1] * len(kernel_shape))


def max_pool(x, kernel_shape, strides, pads, dilations, ceil_mode=0):
    seen = windows(x, kernel_shape, strides, pads, dilations, -np.inf)
    return seen.max(tuple(range(seen.ndim - len(kernel_shape), seen.ndim)))


def batch_norm(x, scale, shift, mean, var, epsilon):
    shape = (1, -1, *[1] * (x.ndim - 2))
    return (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + epsilon) * scale.reshape(shape) + shift.reshape(shape)


def layer_norm(x, scale, shift=None, axis=-1, epsilon=1e-5):
    axes = tuple(range(axis % x.ndim, x.ndim))
    out = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon) * scale
    return out if shift is None else out + shift


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def split(x, sizes=None, axis=0, num_outputs=None):
    return np.split(x, np.cumsum(sizes)[:-1].astype(int) if sizes is not None else num_outputs, axis)


def scatter_elements(x, index, values, axis):
    out = x.copy()
    np.put_along_axis(out, index, values, axis)
    return out


def lstm(x, weight, recurrent, bias, _, h, c, hidden_size, direction="forward"):
    """Gates input, output, forget, cell (ONNX operator LSTM)."""
    n, outs, ends = hidden_size, [], []
    for d in range(weight.shape[0]):
        state, cell, steps = h[d], c[d], []
        for t in range(len(x)) if d == 0 else reversed(range(len(x))):
            gates = x[t] @ weight[d].T + state @ recurrent[d].T + bias[d][:4 * n] + bias[d][4 * n:]
            i, o, f, g = (gates[:, k * n:(k + 1) * n] for k in range(4))
            sig = lambda v: 1 / (1 + np.exp(-v))
            cell = sig(f) * cell + sig(i) * np.tanh(g)
            state = sig(o) * np.tanh(cell)
            steps.append(state)
        outs.append(np.stack(steps if d == 0 else steps[::-1]))
        ends.append((state, cell))
    return np.stack(outs, 1), np.stack([e[0] for e in ends]), np.stack([e[1] for e in ends])


OPERATORS = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": lambda a, b: a / b if a.dtype.kind == "f" else a // b, "Pow": np.power, "Sqrt": np.sqrt, "Exp": np.exp,
    "Log": np.log, "Tanh": np.tanh, "Erf": lambda x: np.vectorize(math.erf)(x).astype(x.dtype), "Sigmoid": lambda x: 1 / (1 + np.exp(-x)), "Relu": lambda x: np.maximum(x, 0),
    "Neg": np.negative, "Abs": np.abs, "Floor": np.floor, "Reciprocal": lambda x: 1 / x, "Max": np.maximum, "Min": np.minimum, "Equal": np.equal, "Less": np.less,
    "Greater": np.greater, "And": np.logical_and, "Or": np.logical_or, "Not": np.logical_not, "Where": np.where, "Cast": cast, "Identity": lambda x: x,
    "MatMul": np.matmul, "Gemm": lambda a, b, c, transB=0, alpha=1.0, beta=1.0: alpha * (a @ (b.T if transB else b)) + beta * c, "Shape": lambda x: np.array(x.shape),
    "Reshape": reshape, "Transpose": lambda x, perm: x.transpose(perm), "Squeeze": lambda x, axes=None, **a: x.squeeze(tuple(axes if axes is not None else a["axes"])),
    "Unsqueeze": lambda x, axes=None, **a: np.expand_dims(x, tuple(axes if axes is not None else a["axes"])), "Concat": lambda *xs, axis: np.concatenate(xs, axis),
    "Gather": lambda x, i, axis=0: np.take(x, i, axis), "GatherElements": lambda x, i, axis: np.take_along_axis(x, i, axis), "Slice": slice_, "Split": split,
    "Expand": lambda x, shape: np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(int(n) for n in shape))), "Tile": lambda x, n: np.tile(x, n),
    "Range": lambda a, b, s: np.arange(a, b, s), "ReduceSum": reduction(np.sum), "ReduceMean": reduction(np.mean), "ReduceMax": reduction(np.max), "ReduceMin": reduction(np.min),
    "ReduceL2": reduction(lambda x, axis, keepdims: np.sqrt((x * x).sum(axis, keepdims=keepdims))), "HardSigmoid": lambda x, alpha, beta: np.clip(alpha * x + beta, 0, 1),
    "ArgMax": lambda x, axis, keepdims: np.argmax(x, axis, keepdims=bool(keepdims)), "Softmax": softmax, "LogSoftmax": lambda x, axis: np.log(softmax(x, axis)),
    "Conv": conv, "MaxPool": max_pool, "GlobalAveragePool": lambda x: x.mean(tuple(range(2, x.ndim)), keepdims=True), "BatchNormalization": batch_norm,
    "LayerNormalization": layer_norm, "HardSwish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1), "ScatterElements": scatter_elements, "LSTM": lstm,
    "Trilu": lambda x, k=0, *, upper: np.triu(x, int(k)) if upper else np.tril(x, int(k)), "CumSum": lambda x, axis: np.cumsum(x, int(axis)),
}
