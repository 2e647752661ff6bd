"""Calls of every operator of the registry, made up from its schemas: arguments by type and name, kept where the operator accepts them."""
import itertools

import kagari
from kagari import _C

# Shapes of all tensor arguments of one attempt.
PROFILES = [((3, 3),) * 6, ((4,),) * 6, ((2, 3, 4, 4), (3, 3, 2, 2), (3,), (3,), (3,), (3,)), ((3, 4), (4, 2), (4,), (4,), (4,), (4,)), ((2, 3, 3),) * 6,
            ((3, 3), (3,), (3,), (3,), (3,), (3,)), ((), (), (), (), (), ()), ((2, 3, 5), (4, 3, 2), (4,), (4,), (4,), (4,)), ((3, 4), (3,), (4,), (4,), (4,), (4,)),
            ((5, 4), (2, 4), (5, 4), (4,), (4,), (4,)), ((3,), (3, 3), (3,), (3,), (3,), (3,)), ((3, 3), (3, 3), (3, 3), (), (), ())]
INTEGERS = {"index", "indices", "target", "repeats", "LU_pivots", "input_lengths", "target_lengths", "indices_or_sections", "sorter", "offsets", "positions"}
BOOLS = {"mask", "condition", "attn_mask", "key_padding_mask"}
POSITIVE = {"input2_var", "var"}
TEXTS = {"reduction": "mean", "reduce": "prod", "mode": "constant", "UPLO": "L", "indexing": "ij", "padding_mode": "zeros", "approximate": "none", "equation": "ij,jk->ik",
         "rounding_mode": None, "padding": "same", "side": None, "ord": "fro", "driver": None, "norm": None, "interpolation": "linear"}
INTS = {"dim": 0, "dim0": 0, "dim1": 1, "dim2": 1, "n": 2, "k": 1, "num_groups": 1, "groups": 1, "dims": 2, "num_classes": 3, "num_weights": 5, "size": 2, "sections": 1,
        "split_size": 2, "chunks": 2, "dimension": 0, "ignore_index": -100, "padding_idx": -1, "batch_first": 0, "upscale_factor": 1, "downscale_factor": 2, "index": 1,
        "start": 0, "length": 1, "end": 2, "step": 1, "steps": 3, "offset": 0, "storage_offset": 0, "diagonal": 0, "num_samples": 2, "bins": 4, "correction": 1}


def parse(schema):
    """(name, [(argument, type, has a default, keyword only)])"""
    head, rest = schema.split("(", 1)
    body = rest.rsplit(" -> ", 1)[0][:-1]
    parts, depth, start, keyword = [], 0, 0, False
    for i, c in enumerate(body + ","):
        depth += (c in "([") - (c in ")]")
        if c == "," and depth == 0:
            text = body[start:i].strip()
            start = i + 1
            if text == "*":
                keyword = True
            elif text:
                kind, name = text.split("=")[0].split(" ")
                parts.append((name, kind, "=" in text, keyword))
    return head, parts


def _tensor(name, shape, generator):
    if name in BOOLS:
        return kagari.rand(shape, generator=generator) > 0.4
    if name in INTEGERS:
        return kagari.randint(0, 2, shape, generator=generator)
    # distinct, away from the kinks of common functions, inside (0, 1)
    return kagari.rand(shape, generator=generator, dtype=kagari.float64) * 0.8 + 0.1


def _argument(name, kind, shape, rank, generator):
    base = kind.rstrip("?")
    if base in ("Tensor", "Tensor|Scalar"):
        return _tensor(name, shape, generator)
    if base.startswith("Tensor"):
        return [_tensor("index" if name == "indices" else name, shape, generator) for _ in range(2)] if name != "indices" else [kagari.randint(0, 2, (2,), generator=generator)]
    if base == "int":
        return INTS.get(name, 1)
    if base.startswith("int["):
        if name in ("size", "shape", "input_sizes", "sizes"):
            return list(shape)
        if name in ("dim", "dims"):
            return list(range(rank)) if name == "dims" else [0]
        if name == "normalized_shape":
            return list(shape[-1:])
        if name in ("padding", "output_padding"):
            return [0] * max(rank - 2, 1)
        if name in ("kernel_size", "stride", "dilation"):
            return [1 if name == "dilation" else 2] * max(rank - 2, 1)
        return [1] * max(rank - 2, 1)
    if base == "float":
        return 0.5
    if base == "Scalar":
        return 2
    if base == "bool":
        return False
    if base == "str":
        return TEXTS.get(name)
    if base == "ScalarType":
        return kagari.float64
    return None


class Call:
    """One call that works: function, arguments, and which of them are tensors."""

    def __init__(self, name, function, args, kwargs):
        self.name, self.function, self.args, self.kwargs = name, function, args, kwargs

    def tensors(self):
        return [a for a in self.args if isinstance(a, kagari.Tensor)]

    def __call__(self, *tensors):
        given = iter(tensors)
        return self.function(*[next(given) if isinstance(a, kagari.Tensor) else a for a in self.args], **self.kwargs)

    def examples(self, count):
        """`count` more sets of the tensors, alike in shape and range."""
        generator = kagari.Generator().manual_seed(7)

        def another(t):
            if t.dtype == kagari.bool:
                return t.roll(1) if t.dim() else ~t
            if not t.is_floating_point():
                return t.flip(tuple(range(t.dim()))) if t.dim() else t.clone()
            return kagari.rand(t.shape, generator=generator, dtype=t.dtype) * 0.8 + 0.1
        return [[t.clone() for t in self.tensors()]] + [[another(t) for t in self.tensors()] for _ in range(count - 1)]


def outputs_of(value):
    if isinstance(value, kagari.Tensor):
        return [value]
    return [t for part in value for t in outputs_of(part)] if isinstance(value, (tuple, list)) else []


def calls(limit=2):
    """Up to `limit` working calls per overload of every operator."""
    for qualified in _C._operator_names():
        # private operators trust their callers, and are reached through them
        if not qualified.startswith("ops.") or qualified.startswith("ops._") or qualified.endswith(("_backward", "_")):
            continue
        function = _C._function_by_name(qualified)
        for schema in function.schemas:
            name, arguments = parse(schema)
            found, seen = 0, set()
            for full, profile in itertools.product((True, False), PROFILES):
                generator = kagari.Generator().manual_seed(3)
                shapes, rank = iter(profile), len(profile[0])
                args, kwargs, fits = [], {}, True
                for argument, kind, default, keyword in arguments:
                    if kind in ("Options", "Generator?", "MemoryFormat?", "Device?", "Layout?") or (default and not (full and kind.startswith("Tensor"))):
                        if not keyword and any(k.startswith("Tensor") for _, k, _, kw in arguments[len(args) + 1:] if not kw) and full and kind.startswith(("int", "bool", "float", "Scalar", "str")):
                            value = _argument(argument, kind, profile[0], rank, generator)
                        else:
                            continue
                    else:
                        is_tensor = kind.startswith("Tensor")
                        value = _argument(argument, kind, next(shapes, (3,)) if is_tensor else profile[0], rank, generator)
                    if keyword:
                        kwargs[argument] = value
                    else:
                        args.append(value)
                key = str([(tuple(a.shape) if isinstance(a, kagari.Tensor) else a) for a in args])
                if key in seen or not any(isinstance(a, kagari.Tensor) for a in args):
                    continue
                seen.add(key)
                call = Call(name, function, args, kwargs)
                try:
                    outputs = outputs_of(call(*[t.clone() for t in call.tensors()]))
                except (RuntimeError, TypeError, IndexError, ValueError, NotImplementedError):
                    continue
                if not outputs:
                    continue
                yield call
                found += 1
                if found == limit:
                    break
