"""autograd.Function inside transforms: forward, backward and jvp are Python, so that each level has to be taken off before they run.

A Function at a batch level runs as its own `vmap` says, or, with generate_vmap_rule, as a Function one level down whose methods see examples
again. At a level of tangents it runs on the values, and its `jvp` maps the tangents.
"""
from typing import NamedTuple

import kagari
from kagari import _C
from kagari.autograd.function import Function, FunctionCtx
from kagari._functorch.vmap import _add_batch_dim, vmap_increment_nesting
from kagari.utils._pytree import _broadcast_to_and_flatten, tree_flatten


class VmapInfo(NamedTuple):
    """What the vmap method of a Function is told: the number of examples and how random numbers are drawn."""
    batch_size: int
    randomness: str


def _level_of(args):
    """(number, whether it is a batch level) of the highest level among the arguments."""
    states = [_C._transform_state(arg) for arg in args if isinstance(arg, kagari.Tensor)]
    return max(((state[0], state[1]) for state in states if state is not None))


def apply(cls, with_setup, args):
    """cls.apply(*args), where some argument belongs to a level."""
    level, batch = _level_of(args)
    if batch:
        if not with_setup:
            raise RuntimeError("In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, ...), it must override the setup_context "
                               "staticmethod. For more details, please see https://pytorch.org/docs/main/notes/extending.func.html")
        compute = _mapped(cls, level)
    else:
        compute = _with_tangents(cls, with_setup, level)
    return _C._apply_function(cls, with_setup, args, compute)


# --- batches -------------------------------------------------------------------------------
def _unbatched(args, level):
    pairs = [_C._transform_unbatch(arg, level) if isinstance(arg, kagari.Tensor) else (arg, None) for arg in args]
    return tuple(value for value, _ in pairs), tuple(dim for _, dim in pairs)


def _batched(values, dims, level):
    return tuple(value if dim is None else _add_batch_dim(value, dim, level) for value, dim in zip(values, dims))


def _mapped(cls, level):
    own_rule = cls.vmap is not Function.vmap
    if cls.generate_vmap_rule and own_rule:
        raise RuntimeError(f"You tried to vmap over {cls.__name__}, but it has both generate_vmap_rule=True and an overriden vmap staticmethod. Please set "
                           "generate_vmap_rule=False or delete the overriden vmap staticmethod to avoid ambiguity. For more details, please see "
                           "https://pytorch.org/docs/main/notes/extending.func.html")
    if not cls.generate_vmap_rule and not own_rule:
        raise RuntimeError(f"You tried to vmap over {cls.__name__}, but it does not have vmap support. Please override and implement the vmap staticmethod or set "
                           "generate_vmap_rule=True. For more details, please see https://pytorch.org/docs/main/notes/extending.func.html")
    size, randomness = _C._transform_batch_of(level)

    def compute(*args):
        values, dims = _unbatched(args, level)
        with _C._transform_below(level):
            if own_rule:
                made = cls.vmap(VmapInfo(size, randomness), dims, *values)
                if not (isinstance(made, tuple) and len(made) == 2):
                    raise RuntimeError(f"Expected the vmap staticmethod to have two returns, an output and out_dims with pytree structure compatible with the "
                                       f"output. Got a {type(made)}.")
                outputs, out_dims = made
            else:
                outputs, out_dims = _one_level_down(cls, size, randomness, dims)(*values)
        flat, spec = tree_flatten(outputs)
        flat_dims = _broadcast_to_and_flatten(out_dims, spec)
        if flat_dims is None:
            raise RuntimeError(f"The vmap staticmethod of {cls.__name__} returned out_dims that do not fit its outputs")
        wrapped = tuple(_add_batch_dim(out, -1 if dim is None else dim % out.dim(), level) if isinstance(out, kagari.Tensor) else out
                        for out, dim in zip(flat, flat_dims))
        return wrapped if isinstance(outputs, (tuple, list)) else wrapped[0]
    return compute


class _Inner(FunctionCtx):
    """The ctx that a method sees inside its own level."""
    saved_tensors = ()


def _one_level_down(cls, size, randomness, in_dims):
    """The Function whose arguments hold all examples: each method opens a level and runs that of cls there."""
    seen = {}

    class Mapped(Function):
        @staticmethod
        def forward(*values):
            with vmap_increment_nesting(size, randomness) as level:
                outputs = cls.forward(*_batched(values, in_dims, level))
                seen["tuple"] = isinstance(outputs, tuple)
                flat, seen["out_dims"] = _unbatched(outputs if seen["tuple"] else (outputs,), level)
            return flat if seen["tuple"] else flat[0]

        @staticmethod
        def setup_context(ctx, inputs, output):
            flat = output if seen["tuple"] else (output,)
            inner = ctx.inner = _Inner()
            with vmap_increment_nesting(size, randomness) as level:
                given, made = _batched(inputs, in_dims, level), _batched(flat, seen["out_dims"], level)
                cls.setup_context(inner, given, made if seen["tuple"] else made[0])
                saved = list(getattr(inner, "to_save", None) or ())
                # the very tensors that came in or go out keep their places in the graph
                known = {id(a): b for a, b in [*zip(given, inputs), *zip(made, flat)] if isinstance(a, kagari.Tensor)}
                ctx.saved_dims = [None if t is None else _C._transform_unbatch(t, level)[1] for t in saved]
                ctx.save_for_backward(*[None if t is None else known.get(id(t), _C._transform_unbatch(t, level)[0]) for t in saved])
                forward = list(getattr(inner, "saved_for_forward", None) or ())
                ctx.forward_dims = [None if t is None else _C._transform_unbatch(t, level)[1] for t in forward]
                ctx.save_for_forward(*[None if t is None else known.get(id(t), _C._transform_unbatch(t, level)[0]) for t in forward])
                plain = {id(t) for t in getattr(inner, "non_differentiable", ())}
            if plain:
                ctx.mark_non_differentiable(*[b for a, b in zip(made, flat) if id(a) in plain])
            ctx.set_materialize_grads(getattr(inner, "materialize_grads", True))

        @staticmethod
        def backward(ctx, *grads):
            with vmap_increment_nesting(size, randomness) as level:
                inner = ctx.inner
                inner.saved_tensors = _batched(ctx.saved_tensors, ctx.saved_dims, level)
                inner.needs_input_grad = ctx.needs_input_grad
                method = cls.backward if cls.backward is not Function.backward else cls.vjp
                found = method(inner, *[g if g is None else _batched((g,), (dim,), level)[0] for g, dim in zip(grads, seen["out_dims"])])
                found = found if isinstance(found, tuple) else (found,)
                return tuple(_gradient(g, dim, level, size) for g, dim in zip(found, in_dims))

        @staticmethod
        def jvp(ctx, *tangents):
            with vmap_increment_nesting(size, randomness) as level:
                inner = ctx.inner
                inner.saved_tensors = _batched(ctx.saved_tensors, ctx.forward_dims, level)
                found = cls.jvp(inner, *[t if t is None else _batched((t,), (dim,), level)[0] for t, dim in zip(tangents, in_dims)])
                flat = found if isinstance(found, tuple) else (found,)
                flat = tuple(_placed(t, dim, level, size) for t, dim in zip(flat, seen["out_dims"]))
            return flat if isinstance(found, tuple) else flat[0]

    Mapped.__name__ = Mapped.__qualname__ = f"Vmapped{cls.__name__}"

    def run(*values):
        outputs = Mapped.apply(*values)
        return outputs, seen["out_dims"] if seen["tuple"] else seen["out_dims"][0]
    return run


def _placed(tensor, dim, level, size):
    """The value with its examples at `dim`."""
    if tensor is None:
        return None
    value, found = _C._transform_unbatch(tensor, level)
    if dim is None:
        return value
    return value.unsqueeze(dim).expand(*value.shape[:dim], size, *value.shape[dim:]) if found is None else value.movedim(found, dim)


def _gradient(tensor, dim, level, size):
    """The gradient of an input: an input that all examples share gets the sum of theirs."""
    if tensor is None:
        return None
    if dim is not None:
        return _placed(tensor, dim, level, size)
    value, found = _C._transform_unbatch(tensor, level)
    return value * size if found is None else value.sum(found)


# --- tangents ------------------------------------------------------------------------------
def _with_tangents(cls, with_setup, level):
    def compute(*args):
        pairs = [_C._transform_undual(arg, level) if isinstance(arg, kagari.Tensor) else (arg, None) for arg in args]
        values = tuple(value for value, _ in pairs)
        ctx = cls._backward_cls()
        ctx.needs_input_grad = tuple(tangent is not None for _, tangent in pairs)
        if with_setup:
            outputs = cls.apply(*values)
            cls.setup_context(ctx, values, outputs)
        else:
            # the methods share one ctx, which only a run of forward fills; the recorded run is another one
            outputs = cls.apply(*values)
            with kagari.no_grad():
                cls.forward(ctx, *[v.detach() if isinstance(v, kagari.Tensor) else v for v in values])
        ctx.to_save = getattr(ctx, "saved_for_forward", ())
        materialize = getattr(ctx, "materialize_grads", True)
        tangents = [kagari.zeros_like(value) if tangent is None and materialize and isinstance(value, kagari.Tensor) and (value.is_floating_point() or value.is_complex())
                    else tangent for value, tangent in pairs]
        found = cls.jvp(ctx, *tangents)
        flat = outputs if isinstance(outputs, tuple) else (outputs,)
        found = found if isinstance(found, tuple) else (found,)
        if len(found) != len(flat):
            raise RuntimeError(f"{cls.__name__}.jvp returned {len(found)} tangents for {len(flat)} outputs")
        made = tuple(_C._transform_dual(out, tangent, level) if isinstance(out, kagari.Tensor) else out for out, tangent in zip(flat, found))
        return made if isinstance(outputs, tuple) else made[0]
    return compute
