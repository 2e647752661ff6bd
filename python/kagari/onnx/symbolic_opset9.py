"""ONNX forms of a few operators as functions of g, for programs that build theirs on them."""
import kagari

__all__ = ["dropout", "masked_fill", "select", "softmax", "squeeze", "unsqueeze"]


def _list_input(g):
    return g.opset >= 13


def _ints(g, *values):
    return g.op("Constant", value_t=kagari.tensor(values, dtype=kagari.int64))


def unsqueeze(g, self, dim):
    """A new dimension of size 1."""
    return g.op("Unsqueeze", self, _ints(g, dim)) if _list_input(g) else g.op("Unsqueeze", self, axes_i=[dim])


def squeeze(g, self, dim=None):
    """Without one dimension of size 1, or without all."""
    if dim is None:
        return g.op("Squeeze", self)
    return g.op("Squeeze", self, _ints(g, dim)) if _list_input(g) else g.op("Squeeze", self, axes_i=[dim])


def select(g, self, dim, index):
    """One index of a dimension."""
    if isinstance(index, int):
        index = g.op("Constant", value_t=kagari.tensor(index))
    return g.op("Gather", self, index, axis_i=dim)


def softmax(g, input, dim, dtype=None):
    return g.op("Softmax", input, axis_i=dim)


def masked_fill(g, self, mask, value):
    """`value` where mask is true."""
    if isinstance(value, (int, float)):
        value = g.op("Constant", value_t=kagari.tensor(value, dtype=self.dtype() or kagari.float32))
    return g.op("Where", g.op("Cast", mask, to_i=9), value, self)


def dropout(g, input, p, train):
    """The input: dropout is for training."""
    return input
