"""torch.ops.quantized: operators of quantized tensors, and weights packed with their biases."""
import types

import kagari
from kagari import _C

_ops = _C._space_ops


def _copy(function):
    """The same function as an object of its own, for another name."""
    return types.FunctionType(function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__)


class LinearPackedParams:
    """A quantized weight (out, in) and a bias, as linear_prepack gives them."""

    def __init__(self, weight, bias=None):
        self._weight, self._bias = weight, bias

    def unpack(self):
        return self._weight, self._bias

    def bias(self):
        return self._bias

    def __reduce__(self):
        return type(self), (self._weight, self._bias)


class ConvPackedParams:
    """A quantized weight and a bias with what else a convolution needs."""

    def __init__(self, weight, bias, stride, padding, dilation, groups, transposed=False, output_padding=()):
        self._weight, self._bias, self._groups, self._transposed = weight, bias, groups, transposed
        self._stride, self._padding, self._dilation = [list(one) for one in (stride, padding, dilation)]
        self._output_padding = list(output_padding) or [0] * len(self._stride)

    def unpack(self):
        return self._weight, self._bias

    def stride(self):
        return self._stride

    def padding(self):
        return self._padding

    def dilation(self):
        return self._dilation

    def groups(self):
        return self._groups

    def __reduce__(self):
        return type(self), (self._weight, self._bias, self._stride, self._padding, self._dilation, self._groups, self._transposed, self._output_padding)


def linear_prepack(W, B=None):
    return LinearPackedParams(W, B)


def linear_unpack(packed):
    return packed.unpack()


def linear(X, W_prepack, Y_scale_i, Y_zero_point_i):
    return _ops["_quantized_linear"](X, W_prepack._weight, W_prepack._bias, float(Y_scale_i), int(Y_zero_point_i), False)


def linear_relu(X, W_prepack, Y_scale_i, Y_zero_point_i):
    return _ops["_quantized_linear"](X, W_prepack._weight, W_prepack._bias, float(Y_scale_i), int(Y_zero_point_i), True)


def linear_dynamic(X, W_prepack, reduce_range=False):
    return _ops["_quantized_linear_dynamic"](X, W_prepack._weight, W_prepack._bias, reduce_range, False)


def linear_relu_dynamic(X, W_prepack, reduce_range=False):
    return _ops["_quantized_linear_dynamic"](X, W_prepack._weight, W_prepack._bias, reduce_range, True)


def linear_dynamic_fp16(X, W_prepack):
    return kagari.nn.functional.linear(X, W_prepack._weight.float(), W_prepack._bias)


def linear_prepack_fp16(W, B=None):
    return LinearPackedParams(W.half(), B)


def conv2d_prepack(weight, bias, stride, padding, dilation, groups):
    return ConvPackedParams(weight, bias, stride, padding, dilation, groups)


conv1d_prepack, conv3d_prepack = _copy(conv2d_prepack), _copy(conv2d_prepack)


def conv_transpose2d_prepack(weight, bias, stride, padding, output_padding, dilation, groups):
    return ConvPackedParams(weight, bias, stride, padding, dilation, groups, True, output_padding)


conv_transpose1d_prepack, conv_transpose3d_prepack = _copy(conv_transpose2d_prepack), _copy(conv_transpose2d_prepack)


def _convolved(x, packed, scale, zero_point, relu):
    rank = packed._weight.dim() - 2
    stride, padding, dilation, more = [(one * rank)[:rank] if len(one) < rank else one[-rank:] for one in (packed._stride, packed._padding, packed._dilation,
                                                                                                          packed._output_padding)]
    single = x.dim() == rank + 1
    out = _ops["_quantized_convolution"](x.unsqueeze(0) if single else x, packed._weight, packed._bias, stride, padding, dilation, packed._transposed, more,
                                         packed._groups, float(scale), int(zero_point), relu)
    return out.squeeze(0) if single else out


def conv2d(qx, packed_weight, output_scale, output_zero_point):
    return _convolved(qx, packed_weight, output_scale, output_zero_point, False)


def conv2d_relu(qx, packed_weight, output_scale, output_zero_point):
    return _convolved(qx, packed_weight, output_scale, output_zero_point, True)


conv1d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d = (_copy(conv2d) for _ in range(5))
conv1d_relu, conv3d_relu = _copy(conv2d_relu), _copy(conv2d_relu)


def _same(q, scale, zero_point):
    return (q.q_scale() if scale is None else float(scale)), (q.q_zero_point() if zero_point is None else int(zero_point))


def _binary(name, number, relu):
    def run(qa, qb, scale=None, zero_point=None):
        if not isinstance(qb, kagari.Tensor):
            out = number(qa, qb)
            return kagari.relu(out) if relu else out
        return _ops[f"_quantized_{name}"](qa, qb, *_same(qa, scale, zero_point), relu)
    return run


def add_scalar(qa, b):
    """The levels shift by a number of steps; where they would leave the range, the scale grows. Relu and the range of the dtype as in `add`."""
    scale, zero_point, levels = qa.q_scale(), qa.q_zero_point(), qa.int_repr()
    info = kagari.iinfo(levels.dtype)
    shifted = zero_point - round(b / scale)
    if info.min <= shifted <= info.max:
        return kagari._make_per_tensor_quantized_tensor(levels, scale, shifted)
    least, most = shifted if shifted < info.min else info.min, shifted if shifted > info.max else info.max
    wider = scale * (most - least) / (info.max - info.min)
    point = info.min if shifted < info.min else info.max
    return kagari.quantize_per_tensor(qa.dequantize() + b, wider, point, qa.dtype)


def mul_scalar(qa, b):
    """The scale times the number; of a negative one, the levels are mirrored."""
    scale, zero_point, levels = qa.q_scale(), qa.q_zero_point(), qa.int_repr()
    if b > 0:
        return kagari._make_per_tensor_quantized_tensor(levels, scale * b, zero_point)
    if b == 0:
        return kagari._make_per_tensor_quantized_tensor(kagari.zeros_like(levels), 1.0, 0)
    info = kagari.iinfo(levels.dtype)
    total = info.max + info.min
    return kagari._make_per_tensor_quantized_tensor((total - levels.to(kagari.int64)).to(levels.dtype), scale * abs(b), total - zero_point)


add, add_relu = _binary("add", add_scalar, False), _binary("add", add_scalar, True)
mul, mul_relu = _binary("mul", mul_scalar, False), _binary("mul", mul_scalar, True)


def matmul(qa, qb, scale, zero_point):
    return _ops["_quantized_matmul"](qa, qb, float(scale), int(zero_point))


def _rounded(numbers, like, scale, zero_point):
    return kagari.quantize_per_tensor(numbers, *_same(like, scale, zero_point), like.dtype)


def cat(qx, dim, scale=None, zero_point=None):
    scale, zero_point = _same(qx[0], scale, zero_point)
    if all(q.q_scale() == scale and q.q_zero_point() == zero_point for q in qx):
        return kagari.cat(list(qx), dim)
    return _rounded(kagari.cat([q.dequantize() for q in qx], dim), qx[0], scale, zero_point)


def cat_relu(qx, dim, scale=None, zero_point=None):
    return kagari.relu(cat(qx, dim, scale, zero_point))


def _through(function, *names):
    def run(qx, *args):
        *options, scale, zero_point = args
        return _rounded(function(qx.dequantize(), *options), qx, scale, zero_point)
    return run


functional = kagari.nn.functional
leaky_relu = _through(lambda x, slope, inplace=False: functional.leaky_relu(x, slope))
hardswish = _through(functional.hardswish)
sigmoid = _through(kagari.sigmoid)
prelu = _through(lambda x, weight: functional.prelu(x, weight.dequantize()))
layer_norm = _through(functional.layer_norm)
group_norm = _through(functional.group_norm)
instance_norm = _through(lambda x, weight=None, bias=None, eps=1e-5: functional.instance_norm(x, weight=weight, bias=bias, eps=eps))


def elu(self, output_scale, output_zero_point, alpha=1.0, scale=1.0, input_scale=1.0):
    return _rounded(functional.elu(self.dequantize(), alpha), self, output_scale, output_zero_point)


def celu(self, output_scale, output_zero_point, alpha=1.0):
    return _rounded(functional.celu(self.dequantize(), alpha), self, output_scale, output_zero_point)


def softmax(qx, dim, output_scale, output_zero_point):
    return _rounded(kagari.softmax(qx.dequantize(), dim), qx, output_scale, output_zero_point)


def batch_norm2d(qx, weight, bias, mean, var, eps, output_scale, output_zero_point):
    return _rounded(functional.batch_norm(qx.dequantize(), mean, var, weight, bias, False, 0.0, eps), qx, output_scale, output_zero_point)


def batch_norm2d_relu(qx, weight, bias, mean, var, eps, output_scale, output_zero_point):
    return kagari.relu(batch_norm2d(qx, weight, bias, mean, var, eps, output_scale, output_zero_point))


batch_norm, batch_norm1d, batch_norm3d = (_copy(batch_norm2d) for _ in range(3))
batch_norm_relu, batch_norm1d_relu, batch_norm3d_relu = (_copy(batch_norm2d_relu) for _ in range(3))


def relu6(qx, inplace=False):
    return functional.relu6(qx)


def max_pool2d(qx, kernel_size, stride, padding, dilation, ceil_mode):
    return functional.max_pool2d(qx, kernel_size, stride or None, padding, dilation, ceil_mode)


def dropout(self, output_scale, output_zero_point, p=0.5, training=False):
    return self


def embedding_4bit(*args, **kwargs):
    raise NotImplementedError("torch.ops.quantized.embedding_4bit: there are no tensors with two levels in a byte")


def embedding_byte(weight, indices, pruned_weights=False):
    return functional.embedding(indices, weight.dequantize())


_public = {name: value for name, value in globals().items()
           if callable(value) and not isinstance(value, type) and not name.startswith("_") and getattr(value, "__module__", None) == __name__}
for _name, _value in _public.items():
    _value.__name__ = _value.__qualname__ = _name
    _value.__module__ = "torch.ops.quantized"                # where programs, and the code of graphs, find it


def function(name):
    """The operator torch.ops.quantized.<name>, or None."""
    return _public.get(name)
