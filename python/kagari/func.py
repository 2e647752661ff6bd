"""Functions of functions: calling modules with given parameters, and derivatives as functions.

Inputs and outputs may be nested lists, tuples and dicts of tensors. Derivatives are computed with autograd, so they can
be nested; ``vmap`` and forward mode are not in this version.
"""
import kagari
from kagari.utils import _pytree as pytree

__all__ = ["functional_call", "stack_module_state", "replace_all_batch_norm_modules_", "grad", "grad_and_value", "vjp",
           "jacrev", "hessian"]


def functional_call(module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """``module(*args, **kwargs)`` with the tensors of the dictionary (or of several), by dotted name, in place of its own.

    args: a tuple, or the only argument. tie_weights: whether all names of one tensor get the value given for one of
    them. strict: whether missing and unexpected names are errors. Raises ValueError for a name in two dictionaries.

    >>> layer = kagari.nn.Linear(2, 1, bias=False)
    >>> kagari.func.functional_call(layer, {"weight": kagari.ones(1, 2)}, kagari.tensor([3.0, 4.0]))
    tensor([7.])
    """
    from kagari.nn.utils.stateless import _functional_call

    given = parameter_and_buffer_dicts
    if not isinstance(given, dict):
        if not isinstance(given, (list, tuple)):
            raise ValueError("Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
                             f"{type(given)}")
        if not all(isinstance(part, dict) for part in given):
            raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
        names = [name for part in given for name in part]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
        given = {name: tensor for part in given for name, tensor in part.items()}
    return _functional_call(module, given, args, kwargs, tie_weights=tie_weights, strict=strict)


def stack_module_state(models):
    """(parameters, buffers) of several modules of one class, each stacked along a new first dimension, by name."""
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if not (all(m.training for m in models) or not any(m.training for m in models)):
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if any(type(m) is not type(models[0]) for m in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")

    def stacked(tensors):
        if not all(t.is_leaf for t in tensors) or not any(t.requires_grad for t in tensors):
            return kagari.stack(tensors)
        # Leaves again, so that they can be trained.
        return kagari.stack([t.detach() for t in tensors]).requires_grad_()

    params = {name: stacked([dict(m.named_parameters())[name] for m in models])
              for name, _ in models[0].named_parameters()}
    buffers = {name: stacked([dict(m.named_buffers())[name] for m in models]) for name, _ in models[0].named_buffers()}
    return params, buffers


def replace_all_batch_norm_modules_(root):
    """Makes all batch normalisations of ``root`` work without running statistics, in place. Returns ``root``."""
    from kagari.nn.modules.batchnorm import _BatchNorm

    for module in root.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root


def _fresh(tree):
    """(a copy of ``tree`` whose tensors are new points of the graph, the tensors)."""
    leaves, spec = pytree.tree_flatten(tree)
    if not all(isinstance(leaf, kagari.Tensor) for leaf in leaves):
        raise RuntimeError("expected the differentiated arguments to hold tensors only")
    # A view instead of a detached tensor keeps an outer derivative connected.
    leaves = [leaf.view_as(leaf) if leaf.requires_grad else leaf.detach().requires_grad_() for leaf in leaves]
    return pytree.tree_unflatten(leaves, spec), leaves, spec


def _closed(tensor, inputs):
    """``tensor``, out of the graph unless it depends on something besides ``inputs``, such as the arguments of an outer
    derivative or parameters that the function uses."""
    own = {id(x) for x in inputs}
    seen, waiting = set(), [tensor.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        variable = getattr(node, "variable", None)
        if variable is not None and id(variable) not in own:
            return tensor
        waiting.extend(following for following, _ in node.next_functions)
    return tensor.detach()


def _gradients(output, inputs, vector):
    grads = kagari.autograd.grad(output, inputs, vector, create_graph=True, allow_unused=True)
    return [kagari.zeros_like(x) if g is None else g for g, x in zip(grads, inputs)]


def _selected(args, argnums):
    single = isinstance(argnums, int)
    numbers = (argnums,) if single else tuple(argnums)
    numbers = tuple(n + len(args) if n < 0 else n for n in numbers)
    if not all(0 <= n < len(args) for n in numbers):
        raise RuntimeError(f"Got argnum={argnums}, but only {len(args)} positional inputs")
    return numbers, (args[numbers[0]] if single else tuple(args[n] for n in numbers)), single


def _with(args, numbers, chosen, single):
    args = list(args)
    for n, value in zip(numbers, (chosen,) if single else chosen):
        args[n] = value
    return args


def grad_and_value(func, argnums=0, has_aux=False):
    """A function that returns (the gradient of ``func`` with respect to its arguments ``argnums``, its value).

    ``func`` returns a scalar tensor, or with ``has_aux`` (scalar, anything else); then the value is (value, aux).
    """
    def wrapped(*args, **kwargs):
        with kagari.enable_grad():
            numbers, chosen, single = _selected(args, argnums)
            fresh, leaves, spec = _fresh(chosen)
            output = func(*_with(args, numbers, fresh, single), **kwargs)
            aux = None
            if has_aux:
                if not (isinstance(output, tuple) and len(output) == 2):
                    raise RuntimeError("grad_and_value(f)(*args): output of function f should be a tuple: (output, aux) "
                                       "if has_aux is True")
                output, aux = output
            if not isinstance(output, kagari.Tensor) or output.dim() != 0:
                raise RuntimeError("grad_and_value(f)(*args): Expected f(*args) to return a scalar tensor")
            grads = _gradients(output, leaves, None) if output.requires_grad else [kagari.zeros_like(x) for x in leaves]
            grads = pytree.tree_unflatten([_closed(g, leaves) for g in grads], spec)
            value = _closed(output, leaves)
        return (grads, (value, aux)) if has_aux else (grads, value)

    return wrapped


def grad(func, argnums=0, has_aux=False):
    """A function that returns the gradient of ``func``, which returns a scalar tensor, with respect to its arguments
    ``argnums``; with ``has_aux`` (gradient, aux).

    >>> kagari.func.grad(lambda x: x ** 3)(kagari.tensor(2.0))
    tensor(12.)
    """
    both = grad_and_value(func, argnums, has_aux)

    def wrapped(*args, **kwargs):
        grads, value = both(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return wrapped


def vjp(func, *primals, has_aux=False):
    """(``func(*primals)``, a function that takes a cotangent of the output's form and returns those of the primals)."""
    with kagari.enable_grad():
        fresh, leaves, spec = _fresh(primals)
        output = func(*fresh)
        aux = None
        if has_aux:
            output, aux = output
    outputs, output_spec = pytree.tree_flatten(output)

    def pull_back(cotangents, retain_graph=True, create_graph=None):
        pairs = [(o, v) for o, v in zip(outputs, pytree.tree_leaves(cotangents)) if o.requires_grad]
        with kagari.enable_grad():
            result = (_gradients([o for o, _ in pairs], leaves, [v for _, v in pairs]) if pairs
                      else [kagari.zeros_like(x) for x in leaves])
        return pytree.tree_unflatten([_closed(g, leaves) for g in result], spec)

    value = pytree.tree_unflatten([_closed(o, leaves) for o in outputs], output_spec)
    return (value, pull_back, aux) if has_aux else (value, pull_back)


def jacrev(func, argnums=0, has_aux=False, *, chunk_size=None, _preallocate_and_copy=False):
    """A function that returns the Jacobian of ``func`` with respect to its arguments ``argnums``, by one backward pass
    per element of the output: per tensor of output and argument a tensor (*output shape, *argument shape)."""
    def wrapped(*args, **kwargs):
        with kagari.enable_grad():
            numbers, chosen, single = _selected(args, argnums)
            fresh, leaves, spec = _fresh(chosen)
            output = func(*_with(args, numbers, fresh, single), **kwargs)
            aux = None
            if has_aux:
                output, aux = output
            outputs, output_spec = pytree.tree_flatten(output)
            rows = []
            for tensor in outputs:
                flat = tensor.reshape(-1)
                columns = ([_gradients(flat[i], leaves, None) for i in range(flat.numel())]
                           if tensor.requires_grad else [[kagari.zeros_like(x) for x in leaves]] * flat.numel())
                parts = [kagari.stack([column[k] for column in columns]).reshape(*tensor.shape, *x.shape)
                         for k, x in enumerate(leaves)]
                rows.append(pytree.tree_unflatten([_closed(part, leaves) for part in parts], spec))
            result = pytree.tree_unflatten(rows, output_spec)
        return (result, aux) if has_aux else result

    return wrapped


def hessian(func, argnums=0):
    """A function that returns the second derivatives of ``func`` with respect to its arguments ``argnums``."""
    return jacrev(jacrev(func, argnums), argnums)
