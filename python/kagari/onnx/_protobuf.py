"""The few messages of ONNX's file format (onnx.proto, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), written as Protocol Buffers.

The encoding is https://protobuf.dev/programming-guides/encoding/: a field is a key (number << 3 | wire type) and a value; wire
type 0 is a varint, 2 a length and that many bytes, 5 four bytes.
"""
import struct

# TensorProto.DataType
FLOAT, UINT8, INT8, UINT16, INT16, INT32, INT64, STRING, BOOL, FLOAT16, DOUBLE, UINT32, UINT64, COMPLEX64, COMPLEX128, BFLOAT16 = range(1, 17)


def varint(value):
    """A non-negative int in groups of seven bits; a negative one as its 64-bit two's complement."""
    if value < 0:
        value += 1 << 64
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def data(field, value):
    """A bytes, string or message field."""
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def real(field, value):
    return varint(field << 3 | 5) + struct.pack("<f", value)


def tensor(name, dtype, dims, raw, external=None):
    """TensorProto. `external` is (file, offset, length) instead of the bytes."""
    parts = [number(1, n) for n in dims] + [number(2, dtype), data(8, name)]
    if external is None:
        parts.append(data(9, raw))
    else:
        for key, value in zip(("location", "offset", "length"), external):
            parts.append(data(13, data(1, key) + data(2, str(value))))
        parts.append(number(14, 1))
    return b"".join(parts)


def attribute(name, value):
    """AttributeProto from an int, float, str, bytes (a tensor message), or a list of ints, floats or strings."""
    head = data(1, name)
    if isinstance(value, bool) or isinstance(value, int):
        return head + number(3, int(value)) + number(20, 2)
    if isinstance(value, float):
        return head + real(2, value) + number(20, 1)
    if isinstance(value, str):
        return head + data(4, value) + number(20, 3)
    if isinstance(value, bytes):
        return head + data(5, value) + number(20, 4)
    if value and isinstance(value[0], float):
        return head + b"".join(real(7, one) for one in value) + number(20, 6)
    if value and isinstance(value[0], str):
        return head + b"".join(data(9, one) for one in value) + number(20, 8)
    return head + b"".join(number(8, one) for one in value) + number(20, 7)


def node(kind, inputs, outputs, name, attributes, domain=""):
    """NodeProto."""
    return b"".join([*(data(1, one) for one in inputs), *(data(2, one) for one in outputs), data(3, name), data(4, kind),
                     *(data(5, attribute(key, value)) for key, value in attributes.items()), *([data(7, domain)] if domain else [])])


def value_info(name, dtype, dims):
    """ValueInfoProto of a tensor; a dimension is an int or the name of a dynamic size."""
    shape = b"".join(data(1, number(1, one) if isinstance(one, int) else data(2, one)) for one in dims)
    return data(1, name) + data(2, data(1, number(1, dtype) + data(2, shape)))


def graph(name, nodes, initializers, inputs, outputs, values=()):
    """GraphProto from messages."""
    return b"".join([*(data(1, one) for one in nodes), data(2, name), *(data(5, one) for one in initializers), *(data(11, one) for one in inputs),
                     *(data(12, one) for one in outputs), *(data(13, one) for one in values)])


def model(body, opsets, ir_version, producer, version):
    """ModelProto. opsets: domain -> version."""
    return b"".join([number(1, ir_version), data(2, producer), data(3, version), data(7, body), *(data(8, data(1, domain) + number(2, n)) for domain, n in opsets.items())])
