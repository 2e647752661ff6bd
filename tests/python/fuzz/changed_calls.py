"""Calls that work, with one or two arguments changed: what random arguments rarely reach lies behind the first check of an operator."""
import itertools
import pathlib
import sys

import kagari as torch
from kagari import _C

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "transforms"))
from operator_samples import calls, more_calls, outputs_of  # noqa: E402

INTS = [0, -1, 1, 2, -2, 3, 5, 100, -100, 2 ** 31, -2 ** 31, 2 ** 40, 2 ** 62, 2 ** 63 - 1, -2 ** 63, 10 ** 30]
FLOATS = [0.0, -1.0, 1e30, -1e308, 1e-300, float("inf"), float("-inf"), float("nan"), float(2 ** 63)]
DTYPES = [getattr(torch, n) for n in "float32 float64 int64 int32 int16 int8 uint8 bool float16 bfloat16 complex64 complex128 uint16 uint32 uint64".split()]
STRANGERS = [None, 1, 1.5, "x", [], [1, 2], (None,), {}, torch.float32, True, 10 ** 30, [1.5], 2j, b"x", slice(1), ...]


def working_calls():
    """[(name, function, args, kwargs)]: one per overload of the registry, and the operators inside of them, the private ones among them."""
    made = [*calls(1), *more_calls()]
    found = [(c.name, c, c.tensors(), {}) if c.function.__class__.__name__ == "function" else (c.name, c.function, c.args, c.kwargs) for c in made]
    inside = {}

    def report(name, schema, arguments, results, written, is_list):
        if schema and not written:
            inside.setdefault(schema, (name, arguments))

    def run():
        for call in made:
            try:
                tensors = [t.clone().requires_grad_() if t.is_floating_point() else t.clone() for t in call.tensors()]
                outputs = [t for t in outputs_of(call(*tensors)) if t.requires_grad]
                if outputs:
                    torch.autograd.grad(sum((t.abs() if t.is_complex() else t).sum() for t in outputs), [t for t in tensors if t.requires_grad], allow_unused=True)
            except (RuntimeError, IndexError, ValueError, TypeError, NotImplementedError):
                pass
    _C._capture(report, (), run)
    by_name = {}
    for qualified in _C._operator_names():
        by_name.setdefault(qualified.rpartition(".")[2], qualified)
    for schema, (name, arguments) in sorted(inside.items()):
        if name in by_name:
            args, kwargs = as_call(schema, arguments)
            found.append((name, _C._function_by_name(by_name[name]), args, kwargs))
    return found


def as_call(schema, arguments):
    """Positional and keyword arguments from all of them in the order of the schema."""
    inside = schema[schema.index("(") + 1:schema.rindex(") -> ")]
    star = len([p for p in inside.split("*", 1)[0].split(", ") if p.strip()]) if "*" in inside else len(arguments)
    names = [p.split("=")[0].split(" ")[-1] for p in inside.replace("*, ", "").split(", ") if p]
    given = [a.detach().clone() if isinstance(a, torch.Tensor) else a for a in arguments]
    return given[:star], {n: v for n, v in itertools.islice(zip(names, given), star, None) if v is not None}


def changed_tensor(rng, t):
    """The tensor with another shape, layout, dtype, content or place, or something else instead."""
    if t.layout != torch.strided or t.is_meta:
        return t
    d = t.detach()
    some_dim = rng.randrange(d.dim()) if d.dim() else 0
    numbers = [0, 1, -1, 100, 2 ** 31 - 1] + ([float("nan"), float("inf"), 1e30] if d.is_floating_point() else [])
    ways = [
        lambda: d.to(rng.choice(DTYPES)), lambda: d[..., :0], lambda: d.unsqueeze(some_dim), lambda: d.reshape(-1), lambda: d.flatten()[0], lambda: d.select(some_dim, 0),
        lambda: d.narrow(some_dim, 0, 1), lambda: torch.cat([d, d], some_dim), lambda: torch.stack([d, d], -1)[..., 0], lambda: d.transpose(0, -1), lambda: None,
        lambda: d.narrow(some_dim, 0, 1).expand(d.shape), lambda: rng.choice(INTS + FLOATS + STRANGERS), lambda: d.to("meta"), lambda: d.new_empty([0]),
        lambda: d.new_empty([0 if i == some_dim else n for i, n in enumerate(d.shape)]), lambda: d.new_full(d.shape, rng.choice(numbers)), lambda: one_changed(rng, d, numbers),
        lambda: d.to_sparse(), lambda: d.as_strided(d.shape, [rng.choice([0, 1, 2]) for _ in d.shape]), lambda: d.clone().requires_grad_(), lambda: [d, d],
    ]
    try:
        return rng.choice(ways)()
    except (RuntimeError, IndexError, TypeError, ValueError):  # has no such dimension or element
        return t


def one_changed(rng, d, numbers):
    e = d.clone()
    e.view(-1)[rng.randrange(e.numel())] = rng.choice(numbers + ([10 ** 6, -2 ** 62] if d.dtype == torch.int64 else []))
    return e


def changed(rng, value):
    if isinstance(value, torch.Tensor):
        return changed_tensor(rng, value)
    if rng.random() < 0.08:
        return rng.choice(STRANGERS + [torch.zeros(2, 2), [torch.zeros(2)]])
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return rng.choice(INTS) if rng.random() < 0.8 else value + rng.choice([-1, 1, 2])
    if isinstance(value, float):
        return rng.choice(FLOATS)
    if isinstance(value, str):
        return rng.choice(["", "x", "mean", "sum", "none", value + "x"])
    if type(value) in (list, tuple):
        items, way = list(value), rng.random()
        if way < 0.7 and items:
            i = rng.randrange(len(items))
            items[i] = changed(rng, items[i])
        elif way < 0.8 and items:
            items.pop(rng.randrange(len(items)))
        else:
            items = items + (items[-1:] or [1]) if way < 0.9 else []
        return type(value)(items)
    if isinstance(value, torch.dtype):
        return rng.choice(DTYPES)
    return rng.choice([0, 1, -1, 0.5, True, "x", [1], torch.zeros(2)]) if value is None else value


def changed_call(rng, working):
    """(name, function, args, kwargs) of a working call with one to three changes."""
    name, function, args, kwargs = rng.choice(working)
    copied = [[t.clone() if isinstance(t, torch.Tensor) and t.layout == torch.strided else t for t in a] if type(a) is list else
              a.clone() if isinstance(a, torch.Tensor) and a.layout == torch.strided else a for a in args]
    args, kwargs = copied, dict(kwargs)
    for _ in range(rng.choice([1, 1, 1, 2, 2, 3])):
        i = rng.randrange(max(1, len(args) + len(kwargs)))
        if i < len(args):
            args[i] = changed(rng, args[i])
        elif kwargs:
            key = sorted(kwargs)[i - len(args)]
            kwargs[key] = changed(rng, kwargs[key])
    if rng.random() < 0.5:
        for a in args:
            if isinstance(a, torch.Tensor) and (a.is_floating_point() or a.is_complex()) and a.is_leaf and a.layout == torch.strided and not a.is_meta and rng.random() < 0.7:
                a.requires_grad_()
    return name, function, args, kwargs
