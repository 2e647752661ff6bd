"""Calls operators of the registry with random arguments, many of them wrong. Run as a program by test_fuzz_operators.

    python random_calls.py LOG SEED FIRST COUNT

The calls FIRST to FIRST + COUNT - 1 of a seed are made; each is written to LOG before it happens, so that the last line names the call
that crashed the process or did not come back. An exception is an answer. Printed as JSON lines: calls whose exception or result is not
an acceptable one. Call N of a seed is the same in every run: `random_calls.py /dev/stdout SEED N 1` repeats it.
"""
import json
import os
import random
import re
import resource
import sys
import time
import warnings

import kagari as torch
from kagari import _C
from changed_calls import changed_call, working_calls

MEMORY = 3 << 30
SLOW = 5.0
ACCEPTED = (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError, OverflowError, MemoryError, AttributeError, KeyError, AssertionError)
DTYPES = [torch.float32, torch.float32, torch.float32, torch.float64, torch.int64, torch.int64, torch.bool, torch.complex64, torch.bfloat16,
          torch.float16, torch.uint8, torch.int32, torch.int8, torch.int16, torch.complex128, torch.uint16, torch.uint64, torch.float8_e4m3fn]
SIZES = [0, 1, 1, 2, 2, 3, 3, 4, 5, 8]
INTS = [-1, 0, 1, 1, 2, 2, 3, 4, 5, 7, -2, -5, 17, 100, 1000, 2 ** 31, -2 ** 31, 2 ** 40, 2 ** 62, 2 ** 63 - 1, -2 ** 63]
FLOATS = [0.0, 0.5, 1.0, -1.0, 2.0, 1e-8, 1e30, -1e308, float("inf"), float("-inf"), float("nan"), 3]
WORDS = ["mean", "sum", "none", "prod", "amax", "amin", "max", "reduced", "complete", "r", "fro", "nuc", "linear", "nearest", "trunc", "floor", "ij", "xy",
         "L", "U", "reflect", "replicate", "circular", "constant", "left", "i,i->i", "ij,jk->ik", "...i->...", "gels", "gelsd", "valid", "same", "tanh", "", "x"]


class Broken(BaseException):
    """A result that cannot be right."""


class Maker:
    """Random values of the types that schemas have."""

    def __init__(self, rng):
        self.rng = rng
        self.text = []

    def size(self):
        return [self.rng.choice(SIZES) for _ in range(self.rng.choice([0, 1, 1, 2, 2, 2, 3, 3, 4, 5]))]

    def tensor(self, like=None):
        rng = self.rng
        size = list(like.shape) if like is not None and rng.random() < 0.5 else self.size()
        dtype = like.dtype if like is not None and rng.random() < 0.6 else rng.choice(DTYPES)
        if rng.random() < 0.04:
            return torch.empty(size, dtype=dtype, device="meta")
        count = 1
        for n in size:
            count *= n
        if dtype == torch.bool:
            values = [rng.random() < 0.5 for _ in range(count)]
        elif dtype in (torch.uint8, torch.uint16, torch.uint64):
            values = [rng.choice([0, 1, 2, 3, 250]) for _ in range(count)]
        elif not dtype.is_floating_point and not dtype.is_complex:
            values = [rng.choice([0, 1, 2, 3, -1, -4, 100] + ([2 ** 40, -2 ** 63, 2 ** 62] if dtype == torch.int64 and rng.random() < 0.1 else [])) for _ in range(count)]
        else:
            values = [rng.choice([0.0, 1.0, -2.5, rng.uniform(-3, 3), rng.uniform(0, 1)] + ([float("nan"), float("inf"), 1e30] if rng.random() < 0.1 else [])) for _ in range(count)]
        if dtype == torch.float8_e4m3fn:
            t = torch.tensor(values, dtype=torch.float32).to(dtype).reshape(size)
        else:
            t = torch.tensor(values, dtype=dtype).reshape(size)
        way = rng.random()
        if way < 0.12 and t.dim() > 1:
            t = t.transpose(rng.randrange(t.dim()), rng.randrange(t.dim()))
        elif way < 0.2 and t.dim() and t.shape[-1] > 1:
            t = t[..., ::2]
        elif way < 0.26 and t.dim() and t.shape[0] == 1:
            t = t.expand([rng.choice([2, 3])] + list(t.shape[1:]))
        elif way < 0.3 and t.dim() and t.shape[0] > 1:
            t = t[1:]
        if (dtype.is_floating_point and dtype != torch.float8_e4m3fn or dtype.is_complex) and rng.random() < 0.35:
            t = t.detach().requires_grad_()
            if rng.random() < 0.4:
                t = t * 1
        return t

    def integer(self):
        return self.rng.choice(INTS[:13]) if self.rng.random() < 0.85 else self.rng.choice(INTS)

    def number(self):
        rng = self.rng
        return rng.choice([self.integer(), rng.choice(FLOATS), rng.random() < 0.5, complex(rng.choice(FLOATS), 1)]) if rng.random() < 0.5 else rng.choice([0, 1, 2, 0.5])

    def wrong(self):
        rng = self.rng
        return rng.choice([None, 1, 1.5, "x", [], [1, 2], (None,), {}, object(), torch.float32, self.tensor(), [self.tensor()], True, 10 ** 30, [1.5], 2j, b"x", slice(1), ...])

    def value(self, kind, previous):
        rng = self.rng
        if rng.random() < 0.03:
            return self.wrong()
        optional = kind.endswith("?")
        if optional:
            if rng.random() < 0.4:
                return None
            kind = kind[:-1]
        if kind == "Tensor":
            return self.tensor(previous)
        if kind == "Tensor|Scalar":
            return self.tensor(previous) if rng.random() < 0.6 else self.number()
        if kind.startswith("Tensor[") or kind.startswith("Tensor?["):
            first = self.tensor(previous)
            return [first] + [None if "?" in kind and rng.random() < 0.2 else self.tensor(first) for _ in range(rng.choice([0, 1, 1, 2]))]
        if kind == "int":
            return self.integer()
        if kind.startswith("int["):
            many = rng.choice([0, 1, 1, 2, 2, 2, 3, 4]) if previous is None or rng.random() < 0.5 else previous.dim()
            return rng.choice([list, tuple])(self.integer() for _ in range(many))
        if kind == "float":
            return rng.choice(FLOATS)
        if kind.startswith("float["):
            return [rng.choice(FLOATS) for _ in range(rng.choice([0, 1, 2, 4]))]
        if kind == "bool":
            return rng.random() < 0.5
        if kind == "Scalar":
            return self.number()
        if kind == "str":
            return rng.choice(WORDS)
        if kind == "ScalarType":
            return rng.choice(DTYPES)
        if kind == "Device":
            return rng.choice(["cpu", "meta", "cuda:3", ""])
        if kind == "Layout":
            return rng.choice([torch.strided, torch.sparse_coo])
        if kind == "MemoryFormat":
            return rng.choice([torch.contiguous_format, torch.preserve_format, torch.channels_last, torch.channels_last_3d])
        return None


def arguments_of(schema):
    """[(name, type, keyword only, has a default)] of a schema's text."""
    inside = schema[schema.index("(") + 1:schema.rindex(") -> ")] if ") -> " in schema else ""
    parts, depth, at = [], 0, 0
    for i, c in enumerate(inside + ","):
        depth += (c in "([") - (c in ")]")
        if c == "," and depth == 0:
            parts.append(inside[at:i].strip())
            at = i + 1
    result, keyword = [], False
    for part in parts:
        if part == "*":
            keyword = True
        elif part and not part.startswith("Options"):
            kind, name = part.split(" ", 1)
            result.append((re.split("[= ]", name)[0], kind, keyword, "=" in name))
    return result


def functions():
    """(name, schemas) of all operators that Python can call."""
    return [(name, _C._function_by_name(name).schemas) for name in sorted(_C._operator_names()) if not name.endswith(".__get__")]


def brief(value):
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype)[6:]}{list(value.shape)}s{list(value.stride())}{'m' if value.is_meta else ''}{'g' if value.requires_grad else ''}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(brief, value)) + "]"
    return repr(value)[:60]


def tensors_in(value):
    if isinstance(value, torch.Tensor):
        return [value]
    return [t for v in value for t in tensors_in(v)] if isinstance(value, (list, tuple)) else []


def insist(holds, text):
    if not holds:
        raise Broken(text)


def check_result(result):
    """Broken if a tensor reaches beyond its memory or cannot be printed."""
    for t in tensors_in(result):
        if t.is_meta or t.layout != torch.strided:
            continue
        if t.numel():
            last = t.storage_offset() + sum((n - 1) * s for n, s in zip(t.shape, t.stride()))
            insist(t.storage_offset() >= 0 and (last + 1) * t.element_size() <= t.untyped_storage().nbytes(), f"a result of {brief(t)} reaches beyond its memory")
        repr(t)


def random_call(rng, make, names):
    """(name, function, args, kwargs, the last tensor among them)"""
    name, schemas = rng.choice(names)
    f = _C._function_by_name(name)
    args, kwargs, previous, by_name = [], {}, None, False
    for arg, kind, keyword, has_default in arguments_of(rng.choice(schemas)):
        if has_default and rng.random() < 0.45:
            by_name = True  # left out: what follows is passed by its name
            continue
        value = make.value(kind, previous)
        if isinstance(value, torch.Tensor):
            previous = value
        if keyword or by_name:
            kwargs[arg] = value
        else:
            args.append(value)
    if rng.random() < 0.02:
        args = args[:-1] if rng.random() < 0.5 else args + [make.wrong()]
    return name, f, args, kwargs, previous


def one_call(rng, names, working):
    """(text, function that makes the call)."""
    make = Maker(rng)
    if rng.random() < 0.5:
        name, f, args, kwargs, previous = random_call(rng, make, names)
    else:
        name, f, args, kwargs = changed_call(rng, working)
        previous = next(iter(tensors_in(args)), None)
    if rng.random() < 0.12 and not name.endswith("_"):
        given = tensors_in(args)
        kwargs["out"] = rng.choice(given) if given and rng.random() < 0.4 else make.tensor(previous)
        if rng.random() < 0.2:
            kwargs["out"] = (kwargs["out"], make.tensor(previous))
    text = f"{name}({', '.join(map(brief, args))}{', ' if kwargs else ''}{', '.join(f'{k}={brief(v)}' for k, v in kwargs.items())})"
    backward, twice = rng.random() < 0.5, rng.random() < 0.3

    def call():
        result = f(*args, **kwargs)
        check_result(result)
        if backward:
            for t in tensors_in(result):
                if t.requires_grad and t.layout == torch.strided:
                    (t.abs() if t.is_complex() else t).sum().backward(create_graph=twice)
                    break
            for t in tensors_in(args):
                if t.is_leaf and t.grad is not None:
                    check_result(t.grad)
                    insist(t.grad.shape == t.shape, f"a gradient of shape {tuple(t.grad.shape)} for {brief(t)}")
                    if t.grad.requires_grad and t.grad.layout == torch.strided:
                        torch.autograd.grad((t.grad.abs() if t.is_complex() else t.grad).sum(), [t], allow_unused=True)
    return text, call


def main(log, seed, first, count):
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    torch.set_num_threads(1)
    names, working = functions(), working_calls()
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number in range(first, first + count):
        text, call = one_call(random.Random(f"{seed}/{number}"), names, working)
        os.write(out, f"{number} {text}\n".encode())
        begin = time.monotonic()
        problem = None
        try:
            call()
        except ACCEPTED as error:
            if "INTERNAL" in str(error).upper():
                problem = f"{type(error).__name__}: {error}"
        except BaseException as error:  # SystemError, Broken and the like
            problem = f"{type(error).__name__}: {error}"
        seconds = time.monotonic() - begin
        if seconds > SLOW:
            problem = f"took {seconds:.1f} s"
        if problem:
            print(json.dumps([number, text, problem]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
