"""torch._foreach_*: an operator on every element of lists of tensors. kagari's optimizers have passes of their own and need none of these.

_foreach_f(tensors, ...) gives a list, _foreach_f_(tensors, ...) changes the tensors. Further arguments are one value for all, or a list (or a
one-dimensional tensor of scalars) with one value for each.
"""
import kagari

_UNARY = ("abs acos asin atan ceil clone cos cosh erf erfc exp expm1 floor frac lgamma log log10 log1p log2 neg reciprocal round rsqrt sigmoid sign sin sinh "
          "sqrt tan tanh trunc zero").split()
_BINARY = "add clamp_max clamp_min copy div maximum minimum mm mul pow sub".split()
_OTHERS = "addcdiv addcmul lerp max norm powsum".split()
_SAME = {"maximum": "clamp_min", "minimum": "clamp_max"}            # with a number


def _listed(value, count):
    """One value per tensor."""
    if isinstance(value, (list, tuple)):
        if len(value) != count:
            raise RuntimeError(f"Tensor lists must have the same number of tensors, got {count} and {len(value)}")
        return value
    return [value] * count


def _named(name, inplace):
    return getattr(kagari.Tensor, name + "_" * inplace) if inplace else getattr(kagari, name, None) or getattr(kagari.Tensor, name)


def _make(name, inplace):
    def over(self, *args, **kwargs):
        if not isinstance(self, (list, tuple)):
            raise TypeError(f"_foreach_{name}(): argument 'self' must be tuple of Tensors, not {type(self).__name__}")
        if not self:
            raise RuntimeError("Tensor list must have at least one tensor.")
        count, results = len(self), []
        args = [_listed(arg, count) for arg in args]
        kwargs = {key: value if key == "alpha" else _listed(value, count) for key, value in kwargs.items()}
        for index, tensor in enumerate(self):
            results.append(_one(name, inplace, tensor, [arg[index] for arg in args],
                                {key: value if key == "alpha" else value[index] for key, value in kwargs.items()}))
        return None if inplace else results
    over.__name__ = over.__qualname__ = f"_foreach_{name}" + "_" * inplace
    over.__doc__ = f"torch.{name} of every tensor in a list" + (", in place." if inplace else ".")
    return over


def _one(name, inplace, tensor, args, kwargs):
    if name in ("addcdiv", "addcmul") and len(args) == 3:            # the factor of each
        kwargs["value"] = args.pop()
    if name in ("addcdiv", "addcmul") and "scalars" in kwargs:
        kwargs["value"] = kwargs.pop("scalars")
    for key in ("value",):
        if isinstance(kwargs.get(key), kagari.Tensor):
            kwargs[key] = kwargs[key].item()
    for key in ("scalar", "other", "scalars", "exponent", "weight", "tensors1", "src"):
        if key in kwargs:
            args.append(kwargs.pop(key))
    if name == "max":
        return tensor.max()
    if name == "norm":
        order = args[0] if args else kwargs.pop("ord", 2)
        return kagari.linalg.vector_norm(tensor, order, **kwargs)
    if name == "powsum":
        order = args[0] if args else kwargs.pop("ord", 2)
        return tensor.abs().pow(order).sum(**kwargs)
    if name in _SAME and not isinstance(args[0], kagari.Tensor):
        name = _SAME[name]
    if name == "pow" and not isinstance(tensor, kagari.Tensor):
        return kagari.pow(tensor, *args)
    return _named(name, inplace)(tensor, *args, **kwargs)


def function(name):
    """The function torch.<name>, or None."""
    base = name[len("_foreach_"):]
    inplace = base.endswith("_")
    base = base.rstrip("_")
    if base not in (*_UNARY, *_BINARY, *_OTHERS):
        return None
    if inplace and base in ("clone", "max", "norm", "powsum", "mm") or not inplace and base in ("copy", "zero"):
        return None
    return _make(base, inplace)
