"""What functions do with masked tensors, by the name of the function.

Elementwise functions work on the data and keep the mask; reductions are those of kagari.masked; functions that move elements move data and
mask alike. A function without a rule raises TypeError with its name.
"""
import kagari
from kagari._holder import ELEMENTWISE
from kagari.masked import _ops
from kagari.masked.maskedtensor.core import MaskedTensor
from kagari.utils._pytree import tree_leaves, tree_map

_MOVING = frozenset("""
    transpose t T mT view reshape flatten unflatten unsqueeze squeeze expand expand_as permute swapaxes swapdims movedim moveaxis select narrow split
    split_with_sizes tensor_split chunk unbind index_select gather take_along_dim repeat tile flip fliplr flipud roll rot90 contiguous diagonal ravel
    broadcast_to view_as reshape_as repeat_interleave tril triu
""".split())
_REDUCTIONS = frozenset("sum mean prod amax amin argmax argmin var std norm logsumexp".split())
_ALONG = frozenset("softmax log_softmax softmin cumsum cumprod".split())


def call(func, args, kwargs):
    """The answer of a masked tensor's __torch_function__."""
    name = getattr(func, "__name__", "")
    rule = _RULES.get(name)
    if rule is not None:
        return rule(func, *args, **kwargs)
    if name in _MOVING:
        return _moved(func, args, kwargs)
    if name in _REDUCTIONS:
        return _reduced(name, *args, **kwargs)
    if name in _ALONG:
        return _along(name, *args, **kwargs)
    if name in ELEMENTWISE or name.rstrip("_") in ELEMENTWISE or getattr(func, "elementwise", False):
        return _elementwise(func, args, kwargs)
    raise TypeError(f"no implementation found for '{name or func}' on MaskedTensor; use get_data() and get_mask()")


def _data(value):
    return value._masked_data if isinstance(value, MaskedTensor) else value


def _mask(value):
    return value._masked_mask if isinstance(value, MaskedTensor) else value


def _elementwise(func, args, kwargs):
    masks = [value._masked_mask for value in tree_leaves((args, kwargs)) if isinstance(value, MaskedTensor)]
    if any(mask is not masks[0] and not (mask.shape == masks[0].shape and bool((mask == masks[0]).all())) for mask in masks[1:]):
        raise ValueError("Input masks must match: the masked tensors of one operation must have equal masks")
    inner_args, inner_kwargs = tree_map(_data, (args, kwargs))
    result = func(*inner_args, **inner_kwargs)
    name = getattr(func, "__name__", "")
    if name.endswith("_") and not name.endswith("__") or name.startswith("__i") and name != "__invert__":
        return args[0]
    mask = masks[0]
    if result.shape != mask.shape:
        mask = mask.expand(result.shape)
    return MaskedTensor._around(result, mask)


def _moved(func, args, kwargs):
    data, mask = (func(*inner[0], **inner[1]) for inner in (tree_map(_data, (args, kwargs)), tree_map(_mask, (args, kwargs))))
    return MaskedTensor._around(data, mask) if isinstance(data, kagari.Tensor) else type(data)(MaskedTensor._around(*pair) for pair in zip(data, mask))


def item(tensor, key):
    """tensor[key]"""
    key = tree_map(_data, key)
    return MaskedTensor._around(tensor._masked_data[key], tensor._masked_mask[key])


def _reduced(name, input, *args, **kwargs):
    args = list(args)
    options = {key: value for key, value in kwargs.items() if value is not None}
    if name == "norm":
        options["ord"] = args.pop(0) if args else options.pop("p", 2.0)
        options["ord"] = 2.0 if options["ord"] in (None, "fro") else options["ord"]
    for key in ("dim", "unbiased" if name in ("var", "std") and len(args) > 1 and not isinstance(args[0], bool) else "keepdim"):
        if args:
            options[key] = args.pop(0)
    if isinstance(options.get("dim"), bool):
        options["unbiased"] = options.pop("dim")
    mask = input._masked_mask
    dim, keepdim = options.get("dim"), options.get("keepdim", False)
    result = getattr(_ops, name)(input.get_data(), mask=mask, **options)
    kept = mask.any() if dim is None and not keepdim else mask.any(dim=dim if dim is not None else tuple(range(mask.dim())), keepdim=keepdim)
    return MaskedTensor._around(result, kept.reshape(result.shape))


def _truth(func, input, dim=None, keepdim=False):
    mask = input._masked_mask
    data = input._masked_data.to(kagari.bool)
    data = data | ~mask if func.__name__ == "all" else data & mask
    if dim is None:
        return MaskedTensor._around(func(data), mask.any())
    return MaskedTensor._around(func(data, dim=dim, keepdim=keepdim), mask.any(dim=dim, keepdim=keepdim))


def _along(name, input, dim, dtype=None, **kwargs):
    return MaskedTensor._around(getattr(_ops, name)(input.get_data(), dim, dtype=dtype, mask=input._masked_mask), input._masked_mask)


def _joined(func, tensors, dim=0):
    masks = [tensor._masked_mask if isinstance(tensor, MaskedTensor) else kagari.ones_like(tensor, dtype=kagari.bool) for tensor in tensors]
    return MaskedTensor._around(func([_data(tensor) for tensor in tensors], dim), func(masks, dim))


def _where(func, condition, input=None, other=None):
    if not isinstance(input, MaskedTensor) or not isinstance(other, MaskedTensor):
        raise ValueError("where(): both values must be masked tensors")
    condition = _data(condition)
    return MaskedTensor._around(kagari.where(condition, input.get_data(), other.get_data()), kagari.where(condition, input._masked_mask, other._masked_mask))


def _converted(func, input, *args, **kwargs):
    other = [arg for arg in args if isinstance(arg, kagari.Tensor)]
    device = other[0].device if other else next((arg for arg in [*args, kwargs.get("device")] if isinstance(arg, (str, kagari.device))), None)
    mask = input._masked_mask if device is None else input._masked_mask.to(device)
    return MaskedTensor._around(input._masked_data.to(*map(_data, args), **kwargs), mask)


_RULES = {"all": _truth, "any": _truth, "cat": _joined, "concat": _joined, "concatenate": _joined, "stack": _joined, "where": _where, "to": _converted,
          "to_dense": lambda func, input, *args, **kwargs: input}
