"""Dimensions that may have other sizes, and how programs say which."""
import kagari
from kagari.utils import _pytree

__all__ = ["AdditionalInputs", "Constraint", "Dim", "ShapesCollection", "dims", "refine_dynamic_shapes_from_suggested_fixes"]


class _DimHint:
    """Dim.AUTO, Dim.DYNAMIC, Dim.STATIC: dimensions without a name."""

    def __init__(self, kind, min=None, max=None):
        self.type, self.min, self.max = kind, min, max

    def __call__(self, min=None, max=None):
        return _DimHint(self.type, min, max)

    def __repr__(self):
        return f"DimHint({self.type})"


class Dim:
    """A named dimension: Dim("batch", min=1, max=64). Sizes of dimensions with the same name are the same.

    2 * d, d + 1 and d - 1 are dimensions that depend on it. Dim.AUTO may be dynamic, Dim.DYNAMIC must, Dim.STATIC is not.
    """
    AUTO, DYNAMIC, STATIC = _DimHint("AUTO"), _DimHint("DYNAMIC"), _DimHint("STATIC")

    def __init__(self, name, *, min=None, max=None):
        low, high = 0 if min is None else min, max
        if high is not None and high <= low:
            raise ValueError(f"Cannot create Dim with inconsistent min={min}, max={max}")
        if not name.isidentifier():
            raise ValueError(f"Dim name must be a valid identifier, got {name}")
        self.__name__, self.min, self.max = name, low, high
        self.root, self.scale, self.offset = self, 1, 0

    def _derived(self, scale, offset, name):
        made = object.__new__(_DerivedDim)
        made.__name__, made.root, made.scale, made.offset = name, self.root, scale, offset
        made.min = self.root.min * scale + offset
        made.max = None if self.root.max is None else self.root.max * scale + offset
        return made

    def __add__(self, other):
        _check_int(other, "add")
        return self._derived(self.scale, self.offset + other, f"{self.__name__}+{other}" if other >= 0 else f"{self.__name__}{other}")

    __radd__ = __add__

    def __sub__(self, other):
        _check_int(other, "subtract")
        return self + -other

    def __mul__(self, other):
        _check_int(other, "multiply")
        if other <= 0:
            raise NotImplementedError(f"cannot multiply {self.__name__} by {other}: the factor must be positive")
        return self._derived(self.scale * other, self.offset * other, f"{other}*{self.__name__}")

    __rmul__ = __mul__

    def value(self, root_size):
        """The size for a size of the dimension it depends on."""
        return root_size * self.scale + self.offset

    def __repr__(self):
        return f"Dim('{self.__name__}', min={self.min}" + (f", max={self.max})" if self.max is not None else ")")


class _DerivedDim(Dim):
    """A dimension that depends on another."""


def _check_int(other, verb):
    if type(other) is not int:
        raise NotImplementedError(f"cannot {verb} {other!r}: dimensions depend on each other by int factors and int differences only")


def dims(*names, min=None, max=None):
    """Several dimensions at once."""
    return tuple(Dim(name, min=min, max=max) for name in names)


class Constraint:
    """A relation between dimensions; kept for programs that name it."""


class ShapesCollection:
    """Dynamic shapes by tensor: collection[x] = (Dim.AUTO, 4)."""

    def __init__(self):
        self._shapes = {}

    def __setitem__(self, tensor, shape):
        self._shapes[id(tensor)] = (tensor, shape)

    def __getitem__(self, tensor):
        if id(tensor) not in self._shapes:
            self._shapes[id(tensor)] = (tensor, {})
        return self._shapes[id(tensor)][1]

    def __len__(self):
        return len(self._shapes)

    def dynamic_shapes(self, m, args, kwargs=None):
        """The shapes in the structure of the arguments."""
        def shape(x):
            return self._shapes[id(x)][1] if id(x) in self._shapes else None
        return _pytree.tree_map(shape, _by_name(m, args, kwargs))


class AdditionalInputs:
    """Further arguments; dimensions in which they differ are dynamic."""

    def __init__(self):
        self._examples = []

    def add(self, args, kwargs=None):
        if type(args) is not tuple:
            raise AssertionError(f"Representative args {args} must be a tuple")
        self._examples.append((args, kwargs or {}))

    def dynamic_shapes(self, m, args, kwargs=None):
        first = _pytree.tree_flatten(_by_name(m, args, kwargs))
        others = [_pytree.tree_leaves(_by_name(m, *one)) for one in self._examples]
        shapes = []
        for i, leaf in enumerate(first[0]):
            if isinstance(leaf, kagari.Tensor):
                shapes.append(tuple(Dim.DYNAMIC if any(one[i].shape[d] != n for one in others) else None for d, n in enumerate(leaf.shape)))
            else:
                shapes.append(None)
        return _pytree.tree_unflatten(shapes, first[1])

    def verify(self, ep):
        """Runs the exported program on all examples."""
        for args, kwargs in self._examples:
            ep.module()(*args, **kwargs)


def _by_name(m, args, kwargs):
    import inspect
    forward = m.forward if isinstance(m, kagari.nn.Module) else m
    return dict(inspect.signature(forward).bind(*args, **(kwargs or {})).arguments)


def refine_dynamic_shapes_from_suggested_fixes(msg, dynamic_shapes):
    """The shapes themselves: errors of kagari suggest none."""
    return dynamic_shapes


class Dynamic:
    """One dynamic dimension of one tensor argument: which, and the Dim or hint."""
    __slots__ = ("leaf", "dim", "spec")

    def __init__(self, leaf, dim, spec):
        self.leaf, self.dim, self.spec = leaf, dim, spec


def collect(dynamic_shapes, args, kwargs, parameters):
    """[Dynamic] for the flat leaves of (args, kwargs). parameters: names of the function's positional arguments.

    Raises torch._dynamo.exc.UserError where dynamic_shapes does not have the structure of the arguments.
    """
    if dynamic_shapes is None or not len(dynamic_shapes):
        return []
    named = {parameters[i] if i < len(parameters) else f"args_{i - len(parameters)}": value for i, value in enumerate(args)}
    named.update(kwargs)
    if isinstance(dynamic_shapes, dict):
        unknown = [name for name in dynamic_shapes if name not in named]
        if unknown:
            raise _user_error(f"When `dynamic_shapes` is specified as a dict, its top-level keys must be the arg names {list(named)} of `inputs`, but here they are "
                              f"{list(dynamic_shapes)}.")
        shapes = [dynamic_shapes.get(name) for name in named]
    else:
        shapes = list(dynamic_shapes)
        rest = len(parameters)
        if len(args) > rest and len(shapes) == rest + 1 + len(kwargs) and isinstance(shapes[rest], (list, tuple)):
            shapes[rest:rest + 1] = shapes[rest]        # one entry stands for *args
        if len(shapes) != len(named):
            raise _user_error(f"`dynamic_shapes` has {len(shapes)} entries, but there are {len(named)} arguments")
    found, leaf = [], [0]

    def walk(value, shape, name):
        if isinstance(value, kagari.Tensor):
            found.extend(_of_tensor(leaf[0], value, shape, name))
            leaf[0] += 1
            return
        leaves = _pytree.tree_leaves(value)
        if shape is None or not isinstance(value, (list, tuple, dict)):
            leaf[0] += len(leaves)
            return
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            inner = shape.get(key) if isinstance(shape, dict) else shape[key] if key < len(shape) else None
            walk(item, inner, f"{name}[{key!r}]")
    for (name, value), shape in zip(named.items(), shapes):
        walk(value, shape, name)
    return found


def _of_tensor(leaf, tensor, shape, name):
    if shape is None:
        return []
    entries = shape.items() if isinstance(shape, dict) else enumerate(shape)
    if not isinstance(shape, dict) and len(shape) != tensor.dim():
        raise _user_error(f"Expected dynamic shape spec {shape} at `dynamic_shapes[{name!r}]` to have the same length as the actual tensor shape {tuple(tensor.shape)}")
    found = []
    for dim, spec in entries:
        if spec is None or (isinstance(spec, _DimHint) and spec.type == "STATIC"):
            continue
        if type(spec) is int:
            if spec != tensor.shape[dim]:
                raise _user_error(f"Static shape constraint of {spec} does not match input size of {tensor.shape[dim]}, for {name}.shape[{dim}]")
            continue
        if isinstance(spec, str):
            spec = Dim(spec)
        if not isinstance(spec, (Dim, _DimHint)):
            raise _user_error(f"dynamic_shapes[{name!r}] has {spec!r} for dimension {dim}; None, an int, a string, a Dim, Dim.AUTO, Dim.STATIC or "
                              "Dim.DYNAMIC is expected")
        found.append(Dynamic(leaf, dim % max(tensor.dim(), 1), spec))
    return found


def _user_error(text):
    from kagari._dynamo.exc import UserError, UserErrorType
    return UserError(UserErrorType.INVALID_INPUT, text)
