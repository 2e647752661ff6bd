"""Pooling."""
import kagari
from kagari.onnx._operators import form
from kagari.onnx.errors import OnnxExporterError


def _windows(c, x, dims, kernel, stride, padding):
    def each(values):
        return list(values) * (dims if len(values) == 1 else 1)
    kernel = each(kernel)
    alone = c.rank(x) == dims + 1
    value = c.axes_op("Unsqueeze", c.value(x), [0]) if alone else c.value(x)
    return value, alone, {"kernel_shape": kernel, "strides": each(stride) if len(stride) else kernel, "pads": each(padding) * 2}


def _finish(c, value, alone):
    return c.axes_op("Squeeze", value, [0]) if alone else value


@form("_max_pool_windows")
def max_pool(c, node, x, dims, kernel, stride, padding, dilation, ceil_mode):
    value, alone, options = _windows(c, x, dims, kernel, stride, padding)
    options.update(dilations=list(dilation) * (dims if len(dilation) == 1 else 1), ceil_mode=int(ceil_mode))
    if not _second_is_used(node):
        return [_finish(c, c.op("MaxPool", value, **options), alone), None]
    pooled, positions = c.op("MaxPool", value, outputs=2, **options)
    plane = 1
    for n in c.shape(x)[-dims:]:
        plane *= n
    if any(c.is_dynamic(x, c.rank(x) - 1 - d) for d in range(dims)):
        raise OnnxExporterError("positions of maxima in planes of dynamic size are not supported")
    positions = c.op("Mod", positions, c.value(plane, kagari.int64))       # ONNX counts through the whole tensor
    return [_finish(c, pooled, alone), _finish(c, positions, alone)]


def _second_is_used(node):
    return any(user.args[1] == 1 for user in node.users)


@form("_avg_pool_windows")
def avg_pool(c, node, x, dims, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override=None):
    value, alone, options = _windows(c, x, dims, kernel, stride, padding)
    if divisor_override is not None:
        raise OnnxExporterError("avg_pool with divisor_override has no form in ONNX")
    return _finish(c, c.op("AveragePool", value, ceil_mode=int(ceil_mode), count_include_pad=int(count_include_pad), **options), alone)


def _adaptive(c, x, dims, output_size, whole, windows):
    sizes = list(output_size) * (dims if len(output_size) == 1 else 1)
    alone = c.rank(x) == dims + 1
    value = c.axes_op("Unsqueeze", c.value(x), [0]) if alone else c.value(x)
    if all(n == 1 for n in sizes):
        return _finish(c, c.op(whole, value), alone)
    have = c.shape(x)[-dims:]
    if any(c.is_dynamic(x, c.rank(x) - dims + i) for i in range(dims)) or any(h % n for h, n in zip(have, sizes)):
        raise OnnxExporterError("adaptive pooling to sizes that do not divide the input's has no form in ONNX")
    kernel = [h // n for h, n in zip(have, sizes)]
    return _finish(c, c.op(windows, value, kernel_shape=kernel, strides=kernel), alone)


@form("_adaptive_avg_pool")
def adaptive_avg_pool(c, node, x, dims, output_size):
    return _adaptive(c, x, dims, output_size, "GlobalAveragePool", "AveragePool")


@form("_adaptive_max_pool")
def adaptive_max_pool(c, node, x, dims, output_size):
    if _second_is_used(node):
        raise OnnxExporterError("positions of maxima of adaptive pooling have no form in ONNX")
    return [_adaptive(c, x, dims, output_size, "GlobalMaxPool", "MaxPool"), None]
