"""Derivatives as functions. Inputs and outputs may be nested lists, tuples and dicts of tensors.

Reverse mode uses the autograd graph: inputs become new points of it, at the innermost open level of vmap or jvp (see the note in
kagari/transforms/level.h), and a result leaves it unless something else than those inputs is behind it. Forward mode opens a level.
"""
import contextlib
import functools

import kagari
from kagari import _C
from kagari._functorch.vmap import vmap_impl
from kagari.utils._pytree import tree_flatten, tree_map, tree_map_only, tree_unflatten

argnums_t = int | tuple
_impl = functools.partial(vmap_impl)


# --- arguments -----------------------------------------------------------------------------
def _as_tuple(value):
    return value if isinstance(value, tuple) else (value,)


def _validate_and_wrap_argnum(argnum, num_args):
    if not isinstance(argnum, int):
        raise RuntimeError(f"argnum must be int, got: {type(argnum)}")
    if not -num_args <= argnum < num_args:
        raise RuntimeError(f"Got argnum={argnum}, but only {num_args} positional inputs")
    return argnum % num_args


def _numbers(argnums, count):
    """argnums as a tuple of positions."""
    if isinstance(argnums, int):
        return (_validate_and_wrap_argnum(argnums, count),)
    if isinstance(argnums, tuple):
        numbers = tuple(_validate_and_wrap_argnum(n, count) for n in argnums)
        if len(set(numbers)) != len(numbers):
            raise RuntimeError(f"argnums elements must be unique, got {argnums}")
        return numbers
    raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")


def _slice_argnums(args, argnums, as_tuple=True):
    """The arguments argnums: as a tuple if argnums is one (or if as_tuple)."""
    numbers = _numbers(argnums, len(args))
    if isinstance(argnums, int):
        return (args[numbers[0]],) if as_tuple else args[numbers[0]]
    return tuple(args[n] for n in numbers)


def _replace_args(args, new, argnums):
    """args with those at argnums replaced."""
    numbers = _numbers(argnums, len(args))
    replaced = list(args)
    for n, value in zip(numbers, (new,) if isinstance(argnums, int) else new):
        replaced[n] = value
    return tuple(replaced)


def _only_tensors(flat, what):
    for leaf in flat:
        if not isinstance(leaf, kagari.Tensor):
            raise RuntimeError(f"{what}, got unsupported type {type(leaf)}")


# --- reverse mode --------------------------------------------------------------------------
def _create_differentiable(inputs):
    """(inputs as new points of the graph, those, their structure)."""
    flat, spec = tree_flatten(inputs)
    leaves = []
    for leaf in flat:
        if not isinstance(leaf, kagari.Tensor):
            raise ValueError(f"Thing passed to transform API must be Tensor, got {type(leaf)}")
        leaves.append(_C._transform_track(leaf))
    return tree_unflatten(leaves, spec), leaves, spec


def _closed(tensor, leaves, records):
    """The tensor, in the graph only if it is to be recorded and something else than the leaves is behind it."""
    if not isinstance(tensor, kagari.Tensor) or not tensor.requires_grad:
        return tensor
    return tensor if records and _C._transform_leads_elsewhere([tensor], leaves) else _C._transform_close(tensor)


def _close_all(tree, leaves, records):
    return tree_map(lambda leaf: _closed(leaf, leaves, records), tree)


def _gradients(outputs, leaves, vectors, create_graph, retain_graph):
    pairs = [(output, vector) for output, vector in zip(outputs, vectors) if output.requires_grad]
    if not pairs:
        return [kagari.zeros_like(leaf) for leaf in leaves]
    grads = _C._run_backward(tuple(output for output, _ in pairs), tuple(vector for _, vector in pairs), retain_graph, create_graph, tuple(leaves), True, False)
    return [kagari.zeros_like(leaf) if grad is None else grad for grad, leaf in zip(grads, leaves)]


def grad_and_value_impl(func, argnums, has_aux, args, kwargs):
    """(gradient, value) of func at args."""
    records = kagari.is_grad_enabled()
    with kagari.enable_grad():
        tracked, leaves, spec = _create_differentiable(_slice_argnums(args, argnums, as_tuple=False))
        output = func(*_replace_args(args, tracked, argnums), **kwargs)
        aux = None
        if has_aux:
            if not (isinstance(output, tuple) and len(output) == 2):
                raise RuntimeError("grad_and_value(f)(*args): output of function f should be a tuple: (output, aux) if has_aux is True")
            output, aux = output
        if not isinstance(output, kagari.Tensor):
            raise RuntimeError(f"grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got {type(output)}")
        if output.dim() != 0:
            raise RuntimeError(f"grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor with {output.dim()} dims. Maybe you wanted to use "
                               "the vjp or jacrev APIs instead?")
        elsewhere = records and _C._transform_leads_elsewhere([output], leaves)
        grads = _gradients([output], leaves, [None], elsewhere, elsewhere)
        if elsewhere:
            grads = [_closed(grad, leaves, True) for grad in grads]
        else:
            output = _C._transform_close(output)
        if has_aux:
            aux = _close_all(aux, leaves, records)
    grads = tree_unflatten(grads, spec)
    return (grads, (output, aux)) if has_aux else (grads, output)


def grad_impl(func, argnums, has_aux, args, kwargs):
    grads, value = grad_and_value_impl(func, argnums, has_aux, args, kwargs)
    return (grads, value[1]) if has_aux else grads


def grad_and_value(func, argnums=0, has_aux=False):
    """See kagari.func.grad_and_value."""
    return functools.wraps(func)(lambda *args, **kwargs: grad_and_value_impl(func, argnums, has_aux, args, kwargs))


def grad(func, argnums=0, has_aux=False):
    """See kagari.func.grad."""
    return functools.wraps(func)(lambda *args, **kwargs: grad_impl(func, argnums, has_aux, args, kwargs))


def vjp(func, *primals, has_aux=False):
    """(func(*primals), a function that takes cotangents of the output's form and returns those of the primals).

    The function runs once; what it saved serves all calls of the returned one. With has_aux func returns (output, aux), and a
    third item is aux.

    >>> value, pull_back = kagari.func.vjp(kagari.sin, kagari.zeros(2))
    >>> pull_back(kagari.tensor([1., 2.]))
    (tensor([1., 2.]),)
    """
    return _vjp_with_argnums(func, *primals, has_aux=has_aux)


def _vjp_with_argnums(func, *primals, argnums=None, has_aux=False):
    records = kagari.is_grad_enabled()
    with kagari.enable_grad():
        tracked, leaves, spec = _create_differentiable(primals if argnums is None else _slice_argnums(primals, argnums, as_tuple=False))
        output = func(*(tracked if argnums is None else _replace_args(primals, tracked, argnums)))
        aux = None
        if has_aux:
            if not (isinstance(output, tuple) and len(output) == 2):
                raise RuntimeError("vjp(f, *primals): output of function f should be a tuple: (output, aux) if has_aux is True")
            output, aux = output
            aux = _close_all(aux, leaves, records)
        outputs, output_spec = tree_flatten(output)
        _only_tensors(outputs, "vjp(f, *primals): expected f(*primals) to return only tensors")
    elsewhere = records and _C._transform_leads_elsewhere(outputs, leaves)

    def pull_back(cotangents, retain_graph=True, create_graph=None):
        vectors, vector_spec = tree_flatten(cotangents)
        _only_tensors(vectors, "vjp_fn(*cotangents): expected cotangents to be only tensors")
        if vector_spec != output_spec:
            raise RuntimeError("Expected pytree structure of cotangents to be the same as pytree structure of outputs to the function. cotangents: "
                               f"{vector_spec}, primal output: {output_spec}")
        recording = kagari.is_grad_enabled() if create_graph is None else create_graph
        create = recording and (elsewhere or any(map(_C._transform_belongs_to_graph, vectors)))
        with kagari.enable_grad():
            grads = _gradients(outputs, leaves, vectors, create, retain_graph)
            if create:
                grads = [_closed(grad, leaves, True) for grad in grads]
        return tree_unflatten(grads, spec)

    value = tree_unflatten([_closed(out, leaves, records) for out in outputs], output_spec)
    return (value, pull_back, aux) if has_aux else (value, pull_back)


def _basis(flat, dtype=None):
    """For each tensor, unit vectors of all their numbers together: (numbers of all, *shape)."""
    total = sum(tensor.numel() for tensor in flat)
    basis, start = [], 0
    for tensor in flat:
        count = tensor.numel()
        rows = kagari.zeros(total, count, dtype=tensor.dtype, device=tensor.device)
        rows[start:start + count].diagonal().fill_(1)
        basis.append(rows.view(total, *tensor.shape))
        start += count
    return basis


_construct_standard_basis_for = _basis


def _check_chunk_size(name, chunk_size):
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError(f"{name}: `chunk_size` should be greater than 0.")


def _mapped(func, chunk_size, randomness, *args):
    """vmap of a function over a basis; a basis of size 0 needs no call."""
    return vmap_impl(func, 0, 0, randomness, chunk_size, *args)


def jacrev(func, argnums=0, *, has_aux=False, chunk_size=None, _preallocate_and_copy=False):
    """A function that returns the Jacobian of func with respect to its arguments argnums, by reverse mode: for each tensor of
    the output and of the arguments a tensor (*output shape, *argument shape), nested [output][argument].

    One backward pass of vmap handles all numbers of the output, or chunk_size at a time. With has_aux (Jacobian, aux).

    >>> kagari.func.jacrev(kagari.sin)(kagari.zeros(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    _check_chunk_size("jacrev", chunk_size)

    @functools.wraps(func) if hasattr(func, "__name__") else (lambda f: f)
    def wrapped(*args):
        made = _vjp_with_argnums(func, *args, argnums=argnums, has_aux=has_aux)
        output, pull_back = made[:2]
        outputs, output_spec = tree_flatten(output)
        primals, primal_spec = tree_flatten(_slice_argnums(args, argnums, as_tuple=False))
        basis = _basis(outputs)
        if sum(out.numel() for out in outputs) == 0:
            columns = [primal.new_zeros(0, *primal.shape) for primal in primals]
        else:
            columns = tree_flatten(_mapped(lambda *vectors: pull_back(tree_unflatten(list(vectors), output_spec)), chunk_size, "error", *basis))[0]
        counts = [out.numel() for out in outputs]
        rows = []
        for i, out in enumerate(outputs):
            start = sum(counts[:i])
            parts = [column.narrow(0, start, counts[i]).reshape(*out.shape, *primal.shape) for column, primal in zip(columns, primals)]
            rows.append(tree_unflatten(parts, primal_spec))
        result = tree_unflatten(rows, output_spec)
        return (result, made[2]) if has_aux else result
    return wrapped


# --- forward mode --------------------------------------------------------------------------
JVP_NESTING = 0
_forward_grad_disabled = 0


class _jvp_level:
    def __enter__(self):
        self.level = _C._transform_enter("tangent")
        return self.level

    def __exit__(self, *exception):
        _C._transform_exit(self.level)


jvp_increment_nesting = _jvp_level


def jvp(func, primals, tangents, *, strict=False, has_aux=False):
    """(func(*primals), the derivative of func at primals in the direction of tangents), in one run by forward mode.

    primals and tangents are tuples of the same structure. strict: RuntimeError for outputs that do not depend on the inputs,
    instead of zeros. With has_aux func returns (output, aux), and a third item is aux.

    >>> kagari.func.jvp(kagari.sin, (kagari.zeros(2),), (kagari.tensor([1., 2.]),))
    (tensor([0., 0.]), tensor([1., 2.]))
    """
    return _jvp_with_argnums(func, primals, tangents, argnums=None, strict=strict, has_aux=has_aux)


def _jvp_with_argnums(func, primals, tangents, argnums, *, strict=False, has_aux):
    if not isinstance(primals, tuple):
        raise RuntimeError("jvp(f, primals, tangents): Expected primals to be a tuple. E.g. it should be valid to call f(*primals).")
    varied = primals if argnums is None else _slice_argnums(primals, argnums)
    flat_primals, primal_spec = tree_flatten(varied)
    flat_tangents, tangent_spec = tree_flatten(tangents)
    if primal_spec != tangent_spec:
        raise RuntimeError("jvp(f, primals, tangents): Expected primals and tangents to have the same python structure. For example, if primals is a tuple of 3 "
                           f"tensors, tangents also must be. Got primals with structure {primal_spec} and tangents with structure {tangent_spec}")
    if not flat_primals:
        raise RuntimeError("jvp(f, primals, tangents): Expected at least one Tensor in primals")
    _only_tensors(flat_primals, "jvp(f, primals, tangents): Expected primals to be only tensors")
    _only_tensors(flat_tangents, "jvp(f, primals, tangents): Expected tangents to be only tensors")
    for primal, tangent in zip(flat_primals, flat_tangents):
        _check_tangent(primal, tangent)
    with _jvp_level() as level:
        duals = tree_unflatten([_C._transform_dual(primal, tangent, level) for primal, tangent in zip(flat_primals, flat_tangents)], primal_spec)
        if argnums is not None:
            duals = _replace_args(primals, duals[0] if isinstance(argnums, int) else duals, argnums)
        output = func(*duals)
        aux = None
        if has_aux:
            if not (isinstance(output, tuple) and len(output) == 2):
                raise RuntimeError("jvp_fn(*primals): output of function f should be a tuple: (output, aux) if has_aux is True")
            output, aux = output
            aux = tree_map_only(kagari.Tensor, lambda t: _C._transform_undual(t, level)[0], aux)
        flat, spec = tree_flatten(output)
        _only_tensors(flat, "jvp(f, primals, tangents): expected f(*primals) to return only tensors")
        pairs = [_C._transform_undual(t, level) for t in flat]
        if strict and any(tangent is None for _, tangent in pairs):
            raise RuntimeError("jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. This is not allowed with strict=True.")
        values = tree_unflatten([primal for primal, _ in pairs], spec)
        directions = tree_unflatten([kagari.zeros_like(primal) if tangent is None else tangent for primal, tangent in pairs], spec)
    return (values, directions, aux) if has_aux else (values, directions)


def _check_tangent(primal, tangent):
    if primal.shape != tangent.shape:
        raise RuntimeError("Trying to set a forward gradient that has a different size than that of the original Tensor, this is not supported. Tensor is of size "
                           f"{list(primal.shape)} while the given forward gradient is of size {list(tangent.shape)}.")
    if not (primal.is_floating_point() or primal.is_complex()):
        raise ValueError(f"Expected primal to be floating point or complex, but got: {primal.dtype}")
    if not (tangent.is_floating_point() or tangent.is_complex()):
        raise ValueError(f"Expected tangent to be floating point or complex, but got: {tangent.dtype}")


def jacfwd(func, argnums=0, has_aux=False, *, randomness="error", chunk_size=None):
    """A function that returns the Jacobian of func with respect to its arguments argnums, by forward mode: like jacrev, and
    cheaper where the output has more numbers than the arguments.

    >>> kagari.func.jacfwd(kagari.sin)(kagari.zeros(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    _check_chunk_size("jacfwd", chunk_size)

    @functools.wraps(func) if hasattr(func, "__name__") else (lambda f: f)
    def wrapped(*args):
        varied = _slice_argnums(args, argnums)
        flat_primals, primal_spec = tree_flatten(varied)
        _only_tensors(flat_primals, "jacfwd: Expected tensors")
        basis = _basis(flat_primals)
        kept = {}

        def push(*directions):
            made = _jvp_with_argnums(func, args, tree_unflatten(list(directions), primal_spec), argnums=argnums, has_aux=has_aux)
            kept["aux"] = tree_map_only(kagari.Tensor, _outside, made[2]) if has_aux else None
            outputs, kept["spec"] = tree_flatten(made[1])
            kept["shapes"] = [out.shape for out in outputs]
            return tuple(outputs)
        columns = _mapped(push, chunk_size, randomness, *basis)
        rows = []
        for column, shape in zip(columns, kept["shapes"]):
            column = column.movedim(0, -1)
            parts, start = [], 0
            for primal in flat_primals:
                parts.append(column.narrow(-1, start, primal.numel()).reshape(*shape, *primal.shape))
                start += primal.numel()
            nested = tree_unflatten(parts, primal_spec)
            rows.append(nested[0] if isinstance(argnums, int) else nested)
        result = tree_unflatten(rows, kept["spec"])
        return (result, kept["aux"]) if has_aux else result
    return wrapped


def _outside(tensor):
    """What does not differ between the directions of jacfwd is the same outside of its vmap."""
    level = _C._transform_level("batch")
    value, dim = _C._transform_unbatch(tensor, level)
    return value if dim is None else value.select(dim, 0)


def hessian(func, argnums=0):
    """A function that returns the second derivatives of func with respect to its arguments argnums: forward mode over reverse
    mode, for each output tensor nested [argument][argument].

    >>> kagari.func.hessian(lambda x: (x ** 3).sum())(kagari.ones(2))
    tensor([[6., 0.],
            [0., 6.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


def linearize(func, *primals):
    """(func(*primals), its derivative at primals as a linear function of tangents), which does not run func again.

    >>> value, push = kagari.func.linearize(kagari.sin, kagari.zeros(2))
    >>> push(kagari.tensor([1., 2.]))
    tensor([1., 2.])
    """
    records = kagari.is_grad_enabled()
    flat_primals, primal_spec = tree_flatten(primals)
    with kagari.enable_grad():
        tracked, leaves, _ = _create_differentiable(primals)
        outputs, output_spec = tree_flatten(func(*tracked))
        _only_tensors(outputs, "linearize(f, *primals): expected f(*primals) to return only tensors")
        # pulled(u) = u^T J is linear in u: its derivative in u maps tangents.
        probes = [_C._transform_track(kagari.zeros_like(out)) for out in outputs]
        pulled = _gradients(outputs, leaves, probes, True, True)
    value = tree_unflatten([_closed(out, leaves, records) for out in outputs], output_spec)

    def push(*tangents):
        flat, spec = tree_flatten(tangents)
        if spec != primal_spec:
            raise RuntimeError(f"Expected the tangents {spec} to have the same argspec as the primals {primal_spec}")
        for i, (primal, tangent) in enumerate(zip(flat_primals, flat)):
            if primal.shape != tangent.shape:
                raise RuntimeError(f"tangent:{i} with shape {tangent.shape} in flattened pytree doesn't match the shape {primal.shape} of the corresponding primal.")
            if primal.dtype != tangent.dtype:
                raise RuntimeError(f"tangent:{i} with dtype {tangent.dtype} in flattened pytree doesn't match the dtype {primal.dtype} of the corresponding primal.")
        with kagari.enable_grad():
            made = _gradients(pulled, probes, flat, False, True)
        return tree_unflatten(made, output_spec)
    return value, push


# --- the rest ------------------------------------------------------------------------------
def functionalize(func, *, remove="mutations"):
    """func itself: kagari's operators may change tensors in place wherever they run, and no transform needs a function without
    mutations. The result is what PyTorch's functionalize gives; only its trace would differ.

    remove: "mutations" or "mutations_and_views"; RuntimeError for anything else.
    """
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError("functionalize(f, remove='mutations'): received invalid argument for remove={}. Valid options are:\n     remove='mutations': all inplace "
                           "and out= operators will be removed from the program, and replaced with their out-of-place equivalents.\n     "
                           "remove='mutations_and_views': In addition to the above, all aliasing operators {{view}} will be replaced with their non-aliasing "
                           "counterparts, {{view}}_copy.\n".format(remove))
    return functools.wraps(func)(lambda *args, **kwargs: func(*args, **kwargs))


def debug_unwrap(tensor, *, recurse=True):
    """The tensor inside of one that belongs to a transform: one level down, or (recurse) the plain tensor at the bottom. Another
    tensor comes back unchanged. For looking at values while debugging; the transform does not see what is done with it.
    """
    state = _C._transform_state(tensor)
    while state is not None:
        tensor = state[2]
        if not recurse:
            break
        state = _C._transform_state(tensor)
    return tensor


@contextlib.contextmanager
def enable_inplace_requires_grad(enabled):
    """A switch of PyTorch's internals: requires_grad_() works inside transforms here, so that there is nothing to switch."""
    yield


def noop():
    """Does nothing."""
