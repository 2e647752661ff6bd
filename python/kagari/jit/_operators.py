"""The operators as TorchScript files call them: `torch.name(...)` and `ops.namespace.name(...)` with ATen's signatures."""
import functools

import kagari
from kagari import _C
from kagari.jit._builtins import PLAIN, SCALAR, raise_exception, text
from kagari.jit._numbers import dtype_of, layout_of, memory_format_of, number_of

Tensor = kagari.Tensor


def _options(keywords):
    """Keyword arguments with numbers turned into dtypes, layouts and memory formats; absent ones left out."""
    out = {}
    for name, value in keywords.items():
        if value is None and name in ("layout", "device", "pin_memory", "memory_format", "dtype", "generator"):
            continue
        if name == "dtype":
            value = dtype_of(value)
        elif name == "layout":
            value = layout_of(value)
        elif name == "memory_format":
            value = memory_format_of(value)
        elif name == "pin_memory":
            continue
        elif name == "implicit":                # of expand: a note for the compiler
            continue
        out[name] = value
    return out


# --- operators whose arguments differ from kagari's ------------------------------------------

def _to(x, *args, **options):
    """The overloads of aten::to: (dtype, ...), (device, dtype, ...), (other, ...), each with non_blocking, copy, memory_format."""
    device = dtype = None
    rest = list(args)
    if rest and isinstance(rest[0], Tensor):
        other = rest.pop(0)
        device, dtype = other.device, other.dtype
    elif rest and (isinstance(rest[0], (kagari.device, str)) or (rest[0] is None and len(rest) > 1 and type(rest[1]) is int)):
        device = rest.pop(0)
        if rest and type(rest[0]) is not bool:
            dtype = dtype_of(rest.pop(0))
    elif rest and type(rest[0]) is not bool:
        dtype = dtype_of(rest.pop(0))
    options = _options(options)
    names = iter(("non_blocking", "copy", "memory_format"))
    for value, name in zip(rest, names):
        if value is not None:
            options[name] = memory_format_of(value) if name == "memory_format" else value
    if options.get("memory_format") is kagari.preserve_format:
        options.pop("memory_format")
    return x.to(device=options.pop("device", device), dtype=options.pop("dtype", dtype), **options)


def _convolution(x, weight, bias, stride, padding, dilation, transposed, output_padding, groups, *flags):
    return kagari.convolution(x, weight, bias, stride, padding, dilation, transposed, output_padding, groups)


def _softmax(function):
    return lambda x, dim, dtype=None: function(x, dim, dtype=dtype_of(dtype))


def _scan(function):
    return lambda x, dim, *, dtype=None: function(x, dim, dtype=dtype_of(dtype))


def _size(x, dim=None):
    return list(x.shape) if dim is None else x.shape[dim]


def _len(x):
    return len(x)


def _embedding(weight, indices, padding_idx=-1, scale_grad_by_freq=False, sparse=False):
    return kagari.nn.functional.embedding(indices, weight, None if padding_idx == -1 else padding_idx, None, 2.0, scale_grad_by_freq, sparse)


def _pad(x, pad, mode="constant", value=None):
    return kagari.nn.functional.pad(x, pad, mode, value)


def _upsample(mode):
    linear = mode != "nearest" and mode != "nearest-exact"

    def resize(x, size, *rest):
        """(size, align_corners, scales...) or, of the nearest kinds, (size, scales...)."""
        align, scales = (rest[0], rest[1:]) if linear else (None, rest)
        factors = list(scales[0]) if scales and type(scales[0]) is list else None
        function = kagari.nn.functional.interpolate
        if size is not None:
            return function(x, size=list(size), mode=mode, align_corners=align)
        return function(x, scale_factor=factors, mode=mode, align_corners=align)
    return resize


def _tensor(value, *, dtype=None, device=None, requires_grad=False):
    return kagari.tensor(value, dtype=dtype_of(dtype), device=device, requires_grad=requires_grad)


def _as_tensor(value, *, dtype=None, device=None):
    return kagari.as_tensor(value, dtype=dtype_of(dtype), device=device)


def _mean_of_type(function):
    """Reductions whose dtype may stand last among the positional arguments."""
    def reduce(x, *args, dtype=None, **options):
        return function(x, *args, **({"dtype": dtype_of(dtype)} if dtype is not None else {}), **options)
    return reduce


def _stft(x, n_fft, hop_length=None, win_length=None, window=None, normalized=False, onesided=None, return_complex=None, align_to_window=None):
    return kagari._C._space_torch["stft"](x, n_fft, hop_length, win_length, window, normalized, onesided, return_complex) if "stft" in kagari._C._space_torch \
        else kagari.functional.stft(x, n_fft, hop_length, win_length, window, False, "reflect", normalized, onesided, return_complex)


def _max_pool_with_strides(function):
    def pool(x, kernel, stride=(), *rest):
        return function(x, kernel, stride if len(stride) else None, *rest)
    return pool


def _without_cudnn(function, count):
    return lambda *args: function(*args[:count])


def _group_norm(x, groups, weight=None, bias=None, eps=1e-5, cudnn=True):
    return kagari.nn.functional.group_norm(x, groups, weight, bias, eps)


def _tolist(x, *kinds):
    return x.tolist()


def _item(x):
    return x.item()


def _index(x, indices):
    return x[tuple(slice(None) if one is None else one for one in indices)]


def _index_put(x, indices, values, accumulate=False):
    return x.clone().index_put_(*_indices_for_put(x, indices), values, accumulate)


def _index_put_(x, indices, values, accumulate=False):
    if any(one is None for one in indices) and not accumulate:
        x[tuple(slice(None) if one is None else one for one in indices)] = values
        return x
    return x.index_put_(tuple(indices), values, accumulate)


def _indices_for_put(x, indices):
    return (tuple(indices),)


def _requires_grad(x, on=True):
    return x.requires_grad_(on)


def _transformer_layer(src, embed_dim, num_heads, qkv_weight, qkv_bias, proj_weight, proj_bias, use_gelu, norm_first, eps, norm1_w, norm1_b, norm2_w, norm2_b,
                       ffn1_w, ffn1_b, ffn2_w, ffn2_b, mask=None, mask_type=None):
    """The fused encoder layer of traced modules, in parts."""
    F = kagari.nn.functional

    def attend(x):
        batch, length, _ = x.shape
        parts = F.linear(x, qkv_weight, qkv_bias).view(batch, length, 3, num_heads, embed_dim // num_heads).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(parts[0], parts[1], parts[2], attn_mask=_attention_mask(mask, mask_type, x.dtype))
        return F.linear(attended.transpose(1, 2).reshape(batch, length, embed_dim), proj_weight, proj_bias)

    def feed(x):
        return F.linear((F.gelu if use_gelu else F.relu)(F.linear(x, ffn1_w, ffn1_b)), ffn2_w, ffn2_b)

    def norm(x, weight, bias):
        return F.layer_norm(x, (embed_dim,), weight, bias, eps)
    if norm_first:
        src = src + attend(norm(src, norm1_w, norm1_b))
        return src + feed(norm(src, norm2_w, norm2_b))
    src = norm(src + attend(src), norm1_w, norm1_b)
    return norm(src + feed(src), norm2_w, norm2_b)


def _attention_mask(mask, kind, dtype):
    """Masks of the fused attention say what is left out; 1 is a mask of keys (batch, key), 0 of (query, key)."""
    if mask is None:
        return None
    if mask.dtype is kagari.bool:
        mask = kagari.zeros(mask.shape, dtype=dtype).masked_fill(mask, float("-inf"))
    return mask[:, None, None, :] if kind == 1 else mask


def _native_attention(query, key, value, embed_dim, num_head, qkv_weight, qkv_bias, proj_weight, proj_bias, mask=None, need_weights=True,
                      average_attn_weights=True, mask_type=None):
    F = kagari.nn.functional
    batch, length, _ = query.shape
    weights, biases = qkv_weight.chunk(3), (qkv_bias.chunk(3) if qkv_bias is not None else (None,) * 3)
    q, k, v = (F.linear(x, w, b).view(batch, x.shape[1], num_head, embed_dim // num_head).transpose(1, 2)
               for x, w, b in zip((query, key, value), weights, biases))
    scores = q @ k.transpose(-2, -1) / (embed_dim // num_head) ** 0.5
    if mask is not None:
        scores = scores + _attention_mask(mask, mask_type, scores.dtype)
    shares = scores.softmax(-1)
    out = F.linear((shares @ v).transpose(1, 2).reshape(batch, length, embed_dim), proj_weight, proj_bias)
    if not need_weights:
        return out, kagari.empty(0)
    return out, shares.mean(1) if average_attn_weights else shares


def _special():
    """Operator name -> function, for those that the tables of kagari's operators do not serve as they are."""
    F = kagari.nn.functional
    return {
        "to": _to, "_convolution": _convolution, "size": _size, "len": _len, "embedding": _embedding, "pad": _pad, "tensor": _tensor, "as_tensor": _as_tensor,
        "softmax": _softmax(kagari.softmax), "log_softmax": _softmax(kagari.log_softmax), "cumsum": _scan(kagari.cumsum), "cumprod": _scan(kagari.cumprod),
        "sum": _mean_of_type(kagari.sum), "mean": _mean_of_type(kagari.mean), "prod": _mean_of_type(kagari.prod),
        "group_norm": _group_norm, "instance_norm": _without_cudnn(_lookup("instance_norm"), 8), "item": _item, "index": _index, "index_put": _index_put, "index_put_": _index_put_, "requires_grad_": _requires_grad,
        "layer_norm": lambda x, shape, weight=None, bias=None, eps=1e-5, cudnn=True: F.layer_norm(x, shape, weight, bias, eps),
        "dim": lambda x: x.dim(), "numel": lambda x: x.numel(), "stride": lambda x, *dim: x.stride(*dim), "is_complex": lambda x: x.is_complex(),
        "numpy_T": lambda x: x.T, "alias": lambda x: x.view_as(x), "lift_fresh": lambda x: x, "detach": lambda x: x.detach(), "cpu": lambda x: x.cpu(),
        "Int": int, "Float": float, "Bool": bool, "IntImplicit": int, "FloatImplicit": float, "ScalarImplicit": lambda x: x.item(),
        "ComplexImplicit": complex, "Scalar": lambda x: x.item() if isinstance(x, Tensor) else x, "_shape_as_tensor": lambda x: kagari.tensor(x.shape),
        "linear": F.linear, "one_hot": F.one_hot, "einsum": lambda equation, tensors, path=None: kagari.einsum(equation, *tensors),
        "meshgrid": lambda tensors, *, indexing="ij": list(kagari.meshgrid(*tensors, indexing=indexing)), "feature_dropout": F.dropout2d,
        "chunk": lambda x, *args: list(x.chunk(*args)), "unbind": lambda x, dim=0: list(x.unbind(dim)),
        "split": lambda x, size, dim=0: list(x.split(size, dim)), "split_with_sizes": lambda x, sizes, dim=0: list(x.split(sizes, dim)),
        "tensor_split": lambda x, *args: list(x.tensor_split(*args)), "broadcast_tensors": lambda tensors: list(kagari.broadcast_tensors(*tensors)),
        "where": lambda *args: kagari.where(*args) if len(args) > 1 else list(kagari.where(*args)), "stft": _stft,
        "adaptive_max_pool2d": lambda x, size: F.adaptive_max_pool2d(x, size, return_indices=True),
        "adaptive_max_pool1d": lambda x, size: F.adaptive_max_pool1d(x, size, return_indices=True),
        "_transformer_encoder_layer_fwd": _transformer_layer, "_native_multi_head_attention": _native_attention, "is_nonzero": bool,
        "im2col": lambda x, kernel, dilation, padding, stride: F.unfold(x, kernel, dilation, padding, stride),
        "col2im": lambda x, size, kernel, dilation, padding, stride: F.fold(x, size, kernel, dilation, padding, stride),
        "expand": lambda x, size, *, implicit=False: x.expand(size), "permute": lambda x, dims: x.permute(dims), "repeat": lambda x, sizes: x.repeat(sizes),
        "reshape": lambda x, shape: x.reshape(shape), "view": lambda x, shape: x.view(dtype_of(shape) if type(shape) is int else shape),
        "movedim": lambda x, a, b: kagari.movedim(x, a, b), "norm": _norm, "get_device": lambda x: x.get_device(), "cuda": lambda x: x.cuda(),
        "type_as": lambda x, other: x.to(other.dtype), "__getitem__": lambda values, key: values[key], "backward": lambda x, *rest: x.backward(*rest),
        "retain_grad": lambda x: x.retain_grad(), "conj": lambda x: x.conj(), "is_leaf": lambda x: x.is_leaf, "data": lambda x: x.data,
        **{name: _max_pool_with_strides(getattr(F, name)) for name in ("max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d")},
        **{f"max_pool{n}d_with_indices": _pool_with_indices(getattr(F, f"max_pool{n}d")) for n in (1, 2, 3)},
        **{name: _upsample(mode) for name, mode in (("upsample_nearest1d", "nearest"), ("upsample_nearest2d", "nearest"), ("upsample_nearest3d", "nearest"),
                                                    ("upsample_linear1d", "linear"), ("upsample_bilinear2d", "bilinear"), ("upsample_bicubic2d", "bicubic"),
                                                    ("upsample_trilinear3d", "trilinear"), ("_upsample_nearest_exact2d", "nearest-exact"))},
    }


def _pool_with_indices(function):
    def pool(x, kernel, stride=(), padding=0, dilation=1, ceil_mode=False):
        return function(x, kernel, stride if len(stride) else None, padding, dilation, ceil_mode, True)
    return pool


def _norm(x, p=2, dim=None, keepdim=False, dtype=None):
    return kagari.norm(x, p, dim, keepdim, dtype=dtype_of(dtype))


_PRIM = {
    "RaiseException": raise_exception, "dtype": lambda x: number_of(x.dtype), "device": lambda x: x.device, "data": lambda x: x.data,
    "layout": lambda x: 0, "is_cuda": lambda x: x.is_cuda, "is_cpu": lambda x: x.device.type == "cpu", "is_sparse": lambda x: x.is_sparse,
    "is_quantized": lambda x: x.is_quantized, "is_nested": lambda x: x.is_nested, "is_meta": lambda x: x.is_meta, "is_mkldnn": lambda x: False, "is_mps": lambda x: False, "is_xla": lambda x: False,
    "shape": lambda x: list(x.shape), "requires_grad": lambda x: x.requires_grad, "grad": lambda x: x.grad, "itemsize": lambda x: x.itemsize,
    "nbytes": lambda x: x.nbytes, "ndim": lambda x: x.ndim, "T": lambda x: x.T, "H": lambda x: x.H, "mT": lambda x: x.mT, "mH": lambda x: x.mH,
    "max": max, "min": min, "abs": abs, "NumToTensor": lambda x: kagari.tensor(x), "Print": lambda *values: print(*values), "rangelist": lambda n: list(range(n)),
    "tolist": _tolist, "unchecked_unwrap_optional": lambda x: x, "name": lambda x: x.name, "type": lambda device: device.type, "index": lambda device: device.index,
    "TupleIndex": lambda values, at: values[at], "isinstance": isinstance, "id": id, "str": text, "Uninitialized": lambda: None,
}


def _lookup(name):
    """kagari's function for an operator: a method where there is one, since methods are many and take the tensor first."""
    for space in ("_space_ops", "_space_torch", "_space__C", "_space_nn_functional"):
        found = getattr(_C, space).get(name)
        if found is not None:
            return found
    method = getattr(Tensor, name, None)
    if method is not None and not name.startswith("_"):
        return method
    try:
        return getattr(kagari, name)
    except AttributeError:
        return getattr(kagari.nn.functional, name, None)


def _missing(full):
    def fail(*args, **kwargs):
        raise NotImplementedError(f"TorchScript calls the operator {full}, which kagari does not have")
    return fail


@functools.lru_cache(None)
def _table():
    return _special()


def _plain_function(function):
    def call(*args, **keywords):
        return function(*args, **_options(keywords)) if keywords else function(*args)
    return call


@functools.lru_cache(None)
def operator(full):
    """The callable for `torch.name` or `ops.namespace.name`. One that does not exist raises NotImplementedError when it is called."""
    parts = full.split(".")
    name = parts[-1]
    if parts[0] == "ops" and parts[1] == "prim":
        return _PRIM.get(name, _missing(full))
    if parts[0] == "ops" and parts[1] not in ("aten", "prim"):
        return _foreign(parts, full)
    if name in PLAIN:
        return PLAIN[name]
    function = _table().get(name)
    if function is None:
        function = _lookup(name)
        function = _plain_function(function) if function is not None else _missing(full)
    scalar = SCALAR.get(name)
    if scalar is None:
        return function

    def either(*args, **keywords):
        for value in args:
            if isinstance(value, Tensor):
                return function(*args, **keywords)
        return scalar(*args, **keywords)
    return either


def _foreign(parts, full):
    """Operators that other libraries register in torch.ops, looked up when they are called."""
    def call(*args, **keywords):
        space = getattr(getattr(kagari, "ops", None), parts[1], None)
        found = getattr(space, parts[2], None)
        if found is None:
            raise NotImplementedError(f"TorchScript calls the operator {full}, which nothing has registered")
        return found(*args, **keywords)
    return call
