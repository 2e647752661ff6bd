"""vmap: a function of one example becomes one of a batch.

The function runs once, on tensors that stand for one example and hold all of them (see the note in kagari/transforms/level.h).
"""
import functools
import itertools

import kagari
from kagari import _C
from kagari.utils._pytree import TreeSpec, _broadcast_to_and_flatten, tree_flatten, tree_map, tree_map_, tree_unflatten

in_dims_t = int | tuple
out_dims_t = int | tuple


def _name_of(func):
    if isinstance(func, functools.partial):
        return f"functools.partial({_name_of(func.func)}, ...)"
    return getattr(func, "__name__", None) or repr(func)


def _as_tuple(value, number, what):
    """`value` as a tuple of `number` items."""
    if number == 1 and not isinstance(value, tuple):
        return (value,)
    if len(value) != number:
        raise ValueError(what())
    return value


def _check_randomness(randomness):
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")


def _validate_and_get_batch_size(flat_in_dims, flat_args):
    """The size of the mapped dimension of all arguments; ValueError unless it is one."""
    sizes = [arg.size(dim) for dim, arg in zip(flat_in_dims, flat_args) if dim is not None]
    if not sizes:
        raise ValueError("vmap: at least one input must be mapped over, but all in_dims are None")
    if any(size != sizes[0] for size in sizes):
        raise ValueError(f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sizes} for the mapped dimension")
    return sizes[0]


def _process_batched_inputs(in_dims, args, func):
    """(batch size, dimension per leaf, leaves, their structure)."""
    if not isinstance(in_dims, int) and not isinstance(in_dims, tuple):
        raise ValueError(f"vmap({_name_of(func)}, in_dims={in_dims}, ...)(<inputs>): expected `in_dims` to be int or a (potentially nested) tuple matching "
                         f"the structure of inputs, got: {type(in_dims)}.")
    if len(args) == 0:
        raise ValueError(f"vmap({_name_of(func)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to vmap over a function with no "
                         "inputs. The latter is unsupported.")
    flat_args, spec = tree_flatten(args)
    flat_dims = _broadcast_to_and_flatten(in_dims, spec)
    if flat_dims is None:
        raise ValueError(f"vmap({_name_of(func)}, in_dims={in_dims}, ...)(<inputs>): in_dims is not compatible with the structure of `inputs`. in_dims has "
                         f"structure {tree_flatten(in_dims)[1]} but inputs has structure {spec}.")
    for i, (arg, dim) in enumerate(zip(flat_args, flat_dims)):
        start = f"vmap({_name_of(func)}, in_dims={in_dims}, ...)(<inputs>): Got in_dim={dim} for "
        if dim is None:
            continue
        if not isinstance(dim, int):
            raise ValueError(start + "an input but in_dim must be either an integer dimension or None.")
        if not isinstance(arg, kagari.Tensor):
            raise ValueError(start + f"an input but the input is of type {type(arg)}. We cannot vmap over non-Tensor arguments, please use None as the "
                             "respective in_dim")
        if dim < -arg.dim() or dim >= arg.dim():
            raise ValueError(start + f"some input, but that input is a Tensor of dimensionality {arg.dim()} so expected in_dim to satisfy -{arg.dim()} <= in_dim "
                             f"< {arg.dim()}.")
        if dim < 0:
            flat_dims[i] = dim % arg.dim()
    return _validate_and_get_batch_size(flat_dims, flat_args), flat_dims, flat_args, spec


def _add_batch_dim(tensor, dim, level):
    """`tensor` as one example at the level."""
    return _C._transform_batch(tensor, dim, level)


def _remove_batch_dim(tensor, level, batch_size, out_dim):
    """All examples of what the level sees as `tensor`, along dimension `out_dim`."""
    value, dim = _C._transform_unbatch(tensor, level)
    if dim is None:
        if out_dim is None:
            return value
        wrapped = out_dim if out_dim >= 0 else out_dim + value.dim() + 1
        if not 0 <= wrapped <= value.dim():
            raise IndexError(f"Dimension out of range (expected to be in range of [{-value.dim() - 1}, {value.dim()}], but got {out_dim})")
        return value.unsqueeze(wrapped).expand(*value.shape[:wrapped], batch_size, *value.shape[wrapped:])
    return value if dim == out_dim else value.movedim(dim, out_dim)


def _create_batched_inputs(flat_in_dims, flat_args, level, args_spec):
    return tree_unflatten([arg if dim is None else _C._transform_batch(arg, dim, level) for dim, arg in zip(flat_in_dims, flat_args)], args_spec)


def _unwrap_batched(outputs, out_dims, level, batch_size, func):
    flat, spec = tree_flatten(outputs)

    def incompatible():
        raise ValueError(f"vmap({_name_of(func)}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with the structure of `outputs`. out_dims has "
                         f"structure {tree_flatten(out_dims)[1]} but outputs has structure {spec}.")
    if isinstance(outputs, kagari.Tensor):
        # a tuple of one dimension may stand for it
        if isinstance(out_dims, (int, type(None))):
            dims = [out_dims]
        elif isinstance(out_dims, tuple) and len(out_dims) == 1:
            dims = [out_dims[0]]
        else:
            incompatible()
    else:
        dims = _broadcast_to_and_flatten(out_dims, spec)
        if dims is None:
            incompatible()
    results = []
    for output, dim in zip(flat, dims):
        if not isinstance(output, kagari.Tensor):
            if dim is None:
                results.append(output)
                continue
            raise ValueError(f"vmap({_name_of(func)}, ...): `{_name_of(func)}` must only return Tensors, got type {type(output)}. Did you mean to set out_dims= to "
                             "None for output?")
        if dim is None and _C._transform_unbatch(output, level)[1] is not None:
            raise ValueError(f"vmap({_name_of(func)}, ...): `{_name_of(func)}` can not return a BatchedTensor when out_dim is None")
        results.append(_remove_batch_dim(output, level, batch_size, dim))
    return tree_unflatten(results, spec)


def _check_out_dims(out_dims, func):
    if isinstance(out_dims, int):
        return
    for dim in tree_flatten(out_dims)[0]:
        if not isinstance(dim, (int, type(None))):
            raise ValueError(f"vmap({_name_of(func)}, ..., out_dims={out_dims}): `out_dims` must be an int, None or a python collection of ints representing where "
                             "in the outputs the vmapped dimension should appear.")


class vmap_increment_nesting:
    """A batch level for as long as the block runs; gives its number."""

    def __init__(self, batch_size, randomness):
        self.batch_size, self.randomness = batch_size, randomness

    def __enter__(self):
        self.level = _C._transform_enter("batch", self.batch_size, self.randomness)
        return self.level

    def __exit__(self, *exception):
        _C._transform_exit(self.level)


def _flat_vmap(func, batch_size, flat_in_dims, flat_args, args_spec, out_dims, randomness, **kwargs):
    level = _C._transform_enter("batch", batch_size, randomness)
    try:
        outputs = func(*_create_batched_inputs(flat_in_dims, flat_args, level, args_spec), **kwargs)
        return _unwrap_batched(outputs, out_dims, level, batch_size, func)
    finally:
        _C._transform_exit(level)


def vmap_impl(func, in_dims, out_dims, randomness, chunk_size, *args, **kwargs):
    """vmap(func, in_dims, out_dims, randomness, chunk_size=chunk_size)(*args, **kwargs)"""
    _check_out_dims(out_dims, func)
    batch_size, flat_in_dims, flat_args, spec = _process_batched_inputs(in_dims, args, func)
    if chunk_size is None or chunk_size >= batch_size > 0:
        return _flat_vmap(func, batch_size, flat_in_dims, flat_args, spec, out_dims, randomness, **kwargs)
    chunks = _get_chunked_inputs(flat_args, flat_in_dims, batch_size, chunk_size)
    return _chunked_vmap(func, flat_in_dims, chunks, spec, out_dims, randomness, **kwargs)


def get_chunk_sizes(total_elems, chunk_size):
    """The sizes of the chunks of `total_elems` examples."""
    whole, rest = divmod(total_elems, chunk_size)
    return [chunk_size] * whole + [rest] * (rest > 0)


def _get_chunked_inputs(flat_args, flat_in_dims, batch_size, chunk_size):
    sizes = get_chunk_sizes(batch_size, chunk_size) or [0]
    ends = list(itertools.accumulate(sizes))
    for start, end in zip([0, *ends], ends):
        yield [arg if dim is None else arg.narrow(dim, start, end - start) for arg, dim in zip(flat_args, flat_in_dims)]


def _chunked_vmap(func, flat_in_dims, chunks_flat_args, args_spec, out_dims, randomness, **kwargs):
    pieces, spec, dims = [], None, None
    state = kagari.get_rng_state() if randomness == "same" else None
    for flat_args in chunks_flat_args:
        if state is not None:
            kagari.set_rng_state(state)
        size = _validate_and_get_batch_size(flat_in_dims, flat_args)
        flat, spec = tree_flatten(_flat_vmap(func, size, flat_in_dims, flat_args, args_spec, out_dims, randomness, **kwargs))
        dims = _broadcast_to_and_flatten(out_dims, spec) if not (isinstance(out_dims, tuple) and len(flat) == 1) else [out_dims[0]]
        pieces.append(flat)
    joined = [parts[0] if dim is None else kagari.cat(parts, dim) for dim, parts in zip(dims, zip(*pieces))]
    return tree_unflatten(joined, spec)


def restore_vmap(func, in_dims, batch_size, randomness):
    """A function that gives (outputs with all examples, where their dimension is), whatever func returns."""
    def inner(*args, **kwargs):
        with vmap_increment_nesting(batch_size, randomness) as level:
            return unwrap_batched(func(*wrap_batched(args, in_dims, level), **kwargs), level)
    return inner


def wrap_batched(args, bdims, level):
    flat_args, spec = tree_flatten(args)
    return _create_batched_inputs(_broadcast_to_and_flatten(bdims, spec), flat_args, level, spec)


def unwrap_batched(args, level):
    """(values, where their examples' dimension is, None if there is none)."""
    flat, spec = tree_flatten(args)
    if not flat:
        return args, ()
    pairs = [_C._transform_unbatch(arg, level) if isinstance(arg, kagari.Tensor) else (arg, None) for arg in flat]
    return tree_unflatten([value for value, _ in pairs], spec), tree_unflatten([dim for _, dim in pairs], spec)


def lazy_load_decompositions():
    """Nothing to load: operators without a rule of their own run once per example."""


def doesnt_support_saved_tensors_hooks(f):
    """f, with hooks for saved tensors off while it runs."""
    message = "torch.func transforms don't yet support saved tensor hooks. Please open an issue with your use case."

    @functools.wraps(f)
    def inner(*args, **kwargs):
        with kagari.autograd.graph.disable_saved_tensors_hooks(message):
            return f(*args, **kwargs)
    return inner
