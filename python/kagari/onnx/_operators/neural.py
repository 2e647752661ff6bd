"""Products of matrices, convolution, normalisation, attention, resizing."""
import kagari
from kagari.onnx._operators import form
from kagari.onnx.errors import OnnxExporterError


@form("linear")
def linear(c, node, x, weight, bias=None):
    if c.rank(x) == 2 and bias is not None:
        return c.op("Gemm", c.value(x), c.value(weight), c.value(bias), transB=1)
    product = c.op("MatMul", c.value(x), c.op("Transpose", c.value(weight), perm=[1, 0]) if c.rank(weight) == 2 else c.value(weight))
    return product if bias is None else c.op("Add", product, c.value(bias))


@form("mm", "bmm", "matmul", "mv", "dot")
def matmul(c, node, a, b):
    return c.op("MatMul", c.value(a), c.value(b))


@form("addmm")
def addmm(c, node, x, a, b, beta=1, alpha=1):
    return c.op("Gemm", c.value(a), c.value(b), c.value(x), alpha=float(alpha), beta=float(beta))


@form("baddbmm")
def baddbmm(c, node, x, a, b, beta=1, alpha=1):
    dtype, product = c.dtype(node), c.op("MatMul", c.value(a), c.value(b))
    if alpha != 1:
        product = c.op("Mul", product, c.value(alpha, dtype))
    left = c.value(x) if beta == 1 else c.op("Mul", c.value(x), c.value(beta, dtype))
    return c.op("Add", left, product)


@form("_einsum")
def einsum(c, node, equation, operands):
    return c.op("Einsum", *(c.value(one, c.dtype(node)) for one in operands), equation=equation.replace(" ", ""))


@form("convolution")
def convolution(c, node, x, weight, bias, stride, padding, dilation, transposed, output_padding, groups):
    dims = c.rank(weight) - 2

    def each(values):
        return list(values) * (dims if len(values) == 1 else 1)
    alone = c.rank(x) == dims + 1
    value = c.axes_op("Unsqueeze", c.value(x), [0]) if alone else c.value(x)
    options = {"strides": each(stride), "pads": each(padding) * 2, "dilations": each(dilation), "group": groups, "kernel_shape": c.shape(weight)[2:]}
    if transposed:
        if any(output_padding):
            options["output_padding"] = each(output_padding)
        made = c.op("ConvTranspose", value, c.value(weight), None if bias is None else c.value(bias), **options)
    else:
        made = c.op("Conv", value, c.value(weight), None if bias is None else c.value(bias), **options)
    return c.axes_op("Squeeze", made, [0]) if alone else made


def _affine(c, x, weight, bias, dtype):
    if weight is not None:
        x = c.op("Mul", x, c.value(weight, dtype))
    return x if bias is None else c.op("Add", x, c.value(bias, dtype))


def _layer_norm(c, x, shape, weight, bias, eps):
    dtype, count = c.dtype(x), len(shape)
    if c.opset >= 17:
        scale = c.constant(kagari.ones([int(n) for n in shape], dtype=dtype)) if weight is None else c.value(weight)
        return c.op("LayerNormalization", c.value(x), scale, None if bias is None else c.value(bias), axis=-count, epsilon=float(eps))
    axes = list(range(c.rank(x) - count, c.rank(x)))
    apart = c.op("Sub", c.value(x), c.axes_op("ReduceMean", c.value(x), axes, keepdims=1))
    spread = c.axes_op("ReduceMean", c.op("Mul", apart, apart), axes, keepdims=1)
    return _affine(c, c.op("Div", apart, c.op("Sqrt", c.op("Add", spread, c.value(float(eps), dtype)))), weight, bias, dtype)


@form("layer_norm")
def layer_norm(c, node, x, shape, weight=None, bias=None, eps=1e-5, cudnn_enable=True):
    return _layer_norm(c, x, shape, weight, bias, eps)


@form("native_layer_norm")
def native_layer_norm(c, node, x, shape, weight, bias, eps):
    return [_layer_norm(c, x, shape, weight, bias, eps), None, None]


@form("rms_norm")
def rms_norm(c, node, x, shape, weight=None, eps=None):
    dtype = c.dtype(x)
    axes = list(range(c.rank(x) - len(shape), c.rank(x)))
    mean = c.axes_op("ReduceMean", c.op("Mul", c.value(x), c.value(x)), axes, keepdims=1)
    eps = kagari.finfo(dtype).eps if eps is None else eps
    return _affine(c, c.op("Div", c.value(x), c.op("Sqrt", c.op("Add", mean, c.value(float(eps), dtype)))), weight, None, dtype)


@form("batch_norm")
def batch_norm(c, node, x, *arguments, **keywords):
    names = ("running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
    given = {**dict(zip(names, arguments)), **keywords}
    if len(arguments) == 8:                       # the overload torch.batch_norm has the weight first
        given = dict(zip(("weight", "bias", "running_mean", "running_var", "training", "momentum", "eps"), arguments))
    return _batch_norm(c, x, given.get("weight"), given.get("bias"), given.get("running_mean"), given.get("running_var"), given.get("training", False), given.get("eps", 1e-5))


@form("native_batch_norm")
def native_batch_norm(c, node, x, weight, bias, mean, var, training, momentum, eps):
    return [_batch_norm(c, x, weight, bias, mean, var, training, eps), None, None]


def _batch_norm(c, x, weight, bias, mean, var, training, eps):
    channels, dtype = c.shape(x)[1], c.dtype(x)

    def value(given, default):
        return c.value(given) if given is not None else c.constant(kagari.full([channels], default, dtype=dtype))
    if training or mean is None:                 # statistics of the batch
        axes = [d for d in range(c.rank(x)) if d != 1]
        shape = [1, channels] + [1] * (c.rank(x) - 2)
        apart = c.op("Sub", c.value(x), c.axes_op("ReduceMean", c.value(x), axes, keepdims=1))
        spread = c.axes_op("ReduceMean", c.op("Mul", apart, apart), axes, keepdims=1)
        made = c.op("Div", apart, c.op("Sqrt", c.op("Add", spread, c.value(float(eps), dtype))))
        made = c.op("Mul", made, c.op("Reshape", value(weight, 1.0), shape))
        return c.op("Add", made, c.op("Reshape", value(bias, 0.0), shape))
    return c.op("BatchNormalization", c.value(x), value(weight, 1.0), value(bias, 0.0), c.value(mean), c.value(var), epsilon=float(eps))


@form("group_norm")
def group_norm(c, node, x, groups, weight=None, bias=None, eps=1e-5, cudnn_enabled=True):
    """InstanceNormalization of the groups as channels, then the weights of the channels."""
    dtype, channels = c.dtype(x), c.shape(x)[1]
    value = c.op("Reshape", c.value(x), [0, groups, -1])
    value = c.op("InstanceNormalization", value, c.constant(kagari.ones(groups, dtype=dtype)), c.constant(kagari.zeros(groups, dtype=dtype)), epsilon=float(eps))
    value = c.op("Reshape", value, c.op("Shape", c.value(x)))
    shape = [channels] + [1] * (c.rank(x) - 2)
    if weight is not None:
        value = c.op("Mul", value, c.op("Reshape", c.value(weight), shape))
    return value if bias is None else c.op("Add", value, c.op("Reshape", c.value(bias), shape))


@form("instance_norm")
def instance_norm(c, node, x, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, momentum=0.1, eps=1e-5, cudnn_enabled=True):
    if not use_input_stats:
        return _batch_norm(c, x, weight, bias, running_mean, running_var, False, eps)
    dtype, channels = c.dtype(x), c.shape(x)[1]
    scale = c.constant(kagari.ones(channels, dtype=dtype)) if weight is None else c.value(weight)
    shift = c.constant(kagari.zeros(channels, dtype=dtype)) if bias is None else c.value(bias)
    return c.op("InstanceNormalization", c.value(x), scale, shift, epsilon=float(eps))


@form("scaled_dot_product_attention")
def attention(c, node, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    if enable_gqa and c.shape(query)[-3] != c.shape(key)[-3]:
        raise OnnxExporterError("attention with groups of heads (enable_gqa) is not supported")
    dtype, rank = c.dtype(node), c.rank(key)
    factor = c.shape(query)[-1] ** -0.5 if scale is None else scale
    order = [*range(rank - 2), rank - 1, rank - 2]
    scores = c.op("MatMul", c.op("Mul", c.value(query), c.value(factor, dtype)), c.op("Transpose", c.value(key), perm=order))
    least = c.value(float("-inf"), dtype)
    if is_causal:
        sizes = c.op("Concat", c.size(c.value(query), c.rank(query) - 2), c.size(c.value(key), rank - 2), axis=0)
        ones = c.op("Expand", c.value(1, kagari.int32), sizes)
        keep = c.cast(c.op("Trilu", ones, upper=0), kagari.bool)
        scores = c.op("Where", keep, scores, least)
    if attn_mask is not None:
        if c.dtype(attn_mask) is kagari.bool:
            scores = c.op("Where", c.value(attn_mask), scores, least)
        else:
            scores = c.op("Add", scores, c.value(attn_mask, dtype))
    return c.op("MatMul", c.op("Softmax", scores, axis=-1), c.value(value))


@form("_resample")
def resample(c, node, x, output_size, kernel, align_corners, scales=None, antialias=False):
    mode = "nearest" if kernel.startswith("nearest") else {"linear": "linear", "cubic": "cubic"}.get(kernel)
    if mode is None or antialias and c.opset < 18:
        raise OnnxExporterError(f"resizing with the kernel {kernel!r} has no form in opset version {c.opset}")
    options = {"mode": mode}
    if kernel == "nearest":
        options.update(coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    elif kernel == "nearest-exact":
        options.update(coordinate_transformation_mode="half_pixel", nearest_mode="round_prefer_ceil")
    else:
        options["coordinate_transformation_mode"] = "align_corners" if align_corners else "half_pixel"
    if mode == "cubic":
        options["cubic_coeff_a"] = -0.5 if antialias else -0.75
    if antialias:
        options["antialias"] = 1
    if scales and not align_corners:
        return c.op("Resize", c.value(x), None, c.constant(kagari.tensor([1.0, 1.0, *scales])), **options)
    sizes = c.op("Concat", c.op("Slice", c.op("Shape", c.value(x)), [0], [2], [0]), c.ints(output_size), axis=0)
    return c.op("Resize", c.value(x), None, None, sizes, **options)


@form("grid_sampler")
def grid_sampler(c, node, x, grid, interpolation_mode, padding_mode, align_corners):
    if c.opset < 16:
        raise OnnxExporterError("grid_sample needs opset version 16")
    newer = c.opset >= 20
    modes = ("linear", "nearest", "cubic") if newer else ("bilinear", "nearest", "bicubic")
    return c.op("GridSample", c.value(x), c.value(grid), mode=modes[interpolation_mode], padding_mode=("zeros", "border", "reflection")[padding_mode],
                align_corners=int(align_corners))




@form("_nll_loss")
def nll_loss(c, node, x, target, weight, reduction, ignore_index):
    """Rows of log-probabilities and the class of each."""
    alone = c.rank(x) == 1
    value, wanted = c.value(x), c.value(target, kagari.int64)
    if alone:
        value, wanted = c.axes_op("Unsqueeze", value, [0]), c.op("Reshape", wanted, [1])
    made = c.op("NegativeLogLikelihoodLoss", value, wanted, None if weight is None else c.value(weight), reduction=reduction, ignore_index=ignore_index)
    made = c.axes_op("Squeeze", made, [0]) if alone and reduction == "none" else made
    return [made, *[None] * (len(node.meta["val"]) - 1)] if isinstance(node.meta["val"], tuple) else made


@form("fold")
def fold(c, node, x, output_size, kernel, dilation=(1,), padding=(0,), stride=(1,)):
    if c.opset < 18:
        raise OnnxExporterError("fold needs opset version 18")

    def pair(values):
        return [values] * 2 if type(values) is int else list(values) * (2 if len(values) == 1 else 1)
    alone = c.rank(x) == 2
    value = c.axes_op("Unsqueeze", c.value(x), [0]) if alone else c.value(x)
    made = c.op("Col2Im", value, c.ints(pair(output_size)), pair(kernel), dilations=pair(dilation), pads=pair(padding) * 2, strides=pair(stride))
    return c.axes_op("Squeeze", made, [0]) if alone else made
