"""Derivatives of functions: products with Jacobians and Hessians, and the matrices themselves."""
import kagari
from kagari import _C

__all__ = ["vjp", "jvp", "jacobian", "hessian", "hvp", "vhp"]


def _tensors(values, what, function):
    """(values as a tuple, whether they were one); TypeError unless all are tensors."""
    single = not isinstance(values, tuple)
    values = (values,) if single else values
    for position, value in enumerate(values):
        if not isinstance(value, kagari.Tensor):
            if single:
                raise TypeError(f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but the given {what} has type {type(value)}.")
            raise TypeError(f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but the value at index {position} has type "
                            f"{type(value)}.")
    return values, not single


def _prepared(inputs, create_graph, needs_graph=True):
    """Copies of the inputs that require a gradient, connected to the originals if the result is to be differentiated."""
    return tuple(_C._transform_track(x) if create_graph and needs_graph else x.detach().requires_grad_(needs_graph) for x in inputs)


def _finished(value, create_graph):
    if isinstance(value, kagari.Tensor):
        return value if create_graph else value.detach()
    return tuple(_finished(part, create_graph) for part in value)


def _unpacked(value, was_tuple):
    return value if was_tuple else value[0]


def _called(func, inputs, function):
    return _tensors(func(*inputs), "outputs of the user-provided function", function)


def _require(tensors, strict, what):
    """strict: every tensor must depend on the inputs."""
    if not strict:
        return
    for position, tensor in enumerate(tensors):
        if tensor is None or not tensor.requires_grad:
            if what == "outputs":
                raise RuntimeError(f"Output {position} of the user-provided function does not require gradients. The outputs must be computed in a "
                                   "differentiable manner from the input when running in strict mode.")
            raise RuntimeError(f"While computing the {what}, found that the jacobian of the user-provided function with respect to input {position} is "
                               "independent of the input. This is not allowed in strict mode. You should ensure that your function is twice differentiable "
                               "and that the jacobian depends on the inputs (this would be violated by a linear function for example).")


def _gradients(outputs, inputs, vectors=None, create_graph=False, retain_graph=None):
    """Gradients, None where there is no path; outputs that need no gradient are left out."""
    vectors = (None,) * len(outputs) if vectors is None else vectors
    kept = [(out, vector) for out, vector in zip(outputs, vectors) if out is not None and out.requires_grad]
    if not kept:
        return (None,) * len(inputs)
    outputs, vectors = zip(*kept)
    return kagari.autograd.grad(outputs, inputs, vectors, allow_unused=True, create_graph=create_graph, retain_graph=retain_graph)


def _zeros_for(grads, like, strict, stage, create_graph):
    """Gradients with zeros where there is none; strict: RuntimeError instead."""
    filled = []
    for position, (grad, source) in enumerate(zip(grads, like)):
        if grad is None:
            if strict:
                if stage == "back":
                    raise RuntimeError(f"The output of the user-provided function is independent of input {position}. This is not allowed in strict mode.")
                if stage == "back_trick":
                    raise RuntimeError(f"The gradient with respect to the input is independent of entry {position} in the grad_outputs when using the double "
                                       "backward trick to compute forward mode gradients. This is not allowed in strict mode.")
                raise RuntimeError(f"The hessian of the user-provided function with respect to input {position} is independent of the input. This is not "
                                   "allowed in strict mode.")
            grad = kagari.zeros_like(source)
        elif strict and create_graph and not grad.requires_grad:
            raise RuntimeError(f"The jacobian of the user-provided function is independent of input {position}. This is not allowed in strict mode when "
                               "create_graph=True.")
        filled.append(grad)
    return tuple(filled)


def _vectors(v, like, is_tuple, function, none_text):
    """The vectors, checked against the shapes; for one-element tensors they may be left out."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(none_text)
        return (kagari.ones_like(like[0]),)
    v, _ = _tensors(v, "v", function)
    if len(v) != len(like):
        raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(v)}." if is_tuple
                           else "The given v should contain a single Tensor.")
    for position, (vector, tensor) in enumerate(zip(v, like)):
        if vector.shape != tensor.shape:
            where = f"Entry {position} in v" if is_tuple else "v"
            raise RuntimeError(f"{where} has invalid size: should be {tensor.shape} but got {vector.shape}.")
    return v


def vjp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(*inputs), v^T J): the product of a vector with the Jacobian; v may be left out for one-element outputs."""
    with kagari.enable_grad():
        inputs, is_tuple = _tensors(inputs, "inputs", "vjp")
        inputs = _prepared(inputs, create_graph)
        outputs, out_tuple = _called(func, inputs, "vjp")
        _require(outputs, strict, "outputs")
        v = _vectors(v, outputs, out_tuple, "vjp", "The vector v can only be None if the user-provided function returns a single Tensor with a single element.")
    with kagari.set_grad_enabled(create_graph or kagari.is_grad_enabled()):
        grads = _zeros_for(_gradients(outputs, inputs, v, create_graph), inputs, strict, "back", create_graph)
    return _unpacked(_finished(outputs, create_graph), out_tuple), _unpacked(_finished(grads, create_graph), is_tuple)


def _forward_product(outputs, inputs, v, strict, create_graph):
    """J v by differentiating u -> u^T J, which is linear in u, once more."""
    probes = tuple(kagari.zeros_like(out, requires_grad=True) for out in outputs)
    pulled = _gradients(outputs, inputs, probes, create_graph=True)
    products = _gradients([grad for grad in pulled if grad is not None], probes, [vector for vector, grad in zip(v, pulled) if grad is not None],
                          create_graph)
    return _zeros_for(products, outputs, strict, "back_trick", create_graph)


def jvp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(*inputs), J v): the product of the Jacobian with a vector; v may be left out for a one-element input."""
    with kagari.enable_grad():
        inputs, is_tuple = _tensors(inputs, "inputs", "jvp")
        v = _vectors(v, inputs, is_tuple, "jvp", "The vector v can only be None if the input to the user-provided function is a single Tensor with a single element.")
        inputs = _prepared(inputs, create_graph)
        outputs, out_tuple = _called(func, inputs, "jvp")
        _require(outputs, strict, "outputs")
        products = _forward_product(outputs, inputs, v, strict, create_graph)
    return _unpacked(_finished(outputs, create_graph), out_tuple), _unpacked(_finished(products, create_graph), out_tuple)


def _vectorized(outputs, inputs, create_graph):
    """Blocks [output][input] of the Jacobian, from one pass of vmap over the unit vectors of all outputs."""
    from kagari._functorch.eager_transforms import _basis
    counts = [output.numel() for output in outputs]
    if any(output.requires_grad for output in outputs) and sum(counts):
        kept = [(output, basis) for output, basis in zip(outputs, _basis(outputs)) if output.requires_grad]
        columns = kagari.autograd.grad([output for output, _ in kept], inputs, [basis for _, basis in kept], create_graph=create_graph, allow_unused=True,
                                       is_grads_batched=True)
    else:
        columns = (None,) * len(inputs)
    columns = [source.new_zeros(sum(counts), *source.shape) if column is None else column for column, source in zip(columns, inputs)]
    parts = [column.split(counts, 0) for column in columns]
    return tuple(tuple(part[i].reshape(output.shape + source.shape) for part, source in zip(parts, inputs)) for i, output in enumerate(outputs))


def _forward_jacobian(func, inputs):
    """The Jacobian by forward mode."""
    from kagari._functorch.eager_transforms import jacfwd
    inputs, is_tuple = _tensors(inputs, "inputs", "jacobian")
    shape = []

    def called(*points):
        outputs, single = _called(func, points, "jacobian")
        shape.append(single)
        return outputs
    blocks = jacfwd(called, argnums=tuple(range(len(inputs))))(*inputs)
    return _unpacked(tuple(_unpacked(block, is_tuple) for block in blocks), shape[0])


def jacobian(func, inputs, create_graph=False, strict=False, vectorize=False, strategy="reverse-mode"):
    """All derivatives of the outputs to the inputs, of shape output.shape + input.shape; nested tuples [output][input] where
    either is a tuple.

    vectorize: all backward passes at once, by vmap, instead of one per number of the output. strategy: "forward-mode" (only with
    vectorize) runs func once with one tangent per number of the inputs instead, which pays for functions with many outputs.
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more outputs than inputs, '
                             '"forward-mode" tends to be more performant. Otherwise, prefer to use "reverse-mode".')
    if strategy == "forward-mode":
        if create_graph:
            raise NotImplementedError("torch.autograd.functional.jacobian: `create_graph=True` and `strategy=\"forward-mode\"` are not supported together")
        if strict:
            raise RuntimeError("torch.autograd.functional.jacobian: `strict=True` and `strategy=\"forward-mode\"` are not supported together")
        if not vectorize:
            raise NotImplementedError("Computing Jacobian using forward-AD or forward-over-reverse Hessian is only implemented for `vectorize=True`.")
    if vectorize and strict:
        raise RuntimeError("torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported together. Please either set "
                           "`strict=False` or `vectorize=False`.")
    if strategy == "forward-mode":
        return _forward_jacobian(func, inputs)
    with kagari.enable_grad():
        inputs, is_tuple = _tensors(inputs, "inputs", "jacobian")
        inputs = _prepared(inputs, create_graph)
        outputs, out_tuple = _called(func, inputs, "jacobian")
        _require(outputs, strict, "outputs")
        if vectorize:
            blocks = _vectorized(outputs, inputs, create_graph)
            return _unpacked(tuple(_unpacked(_finished(block, create_graph), is_tuple) for block in blocks), out_tuple)
        blocks = []
        for i, output in enumerate(outputs):
            rows = [[] for _ in inputs]
            for element in output.reshape(-1):
                grads = _gradients((element,), inputs, create_graph=create_graph, retain_graph=True)
                for j, (grad, source) in enumerate(zip(grads, inputs)):
                    if grad is None:
                        if strict:
                            raise RuntimeError(f"Output {i} of the user-provided function is independent of input {j}. This is not allowed in strict mode.")
                        grad = kagari.zeros_like(source)
                    elif strict and create_graph and not grad.requires_grad:
                        raise RuntimeError("The jacobian of the user-provided function is independent of input "
                                           f"{j}. This is not allowed in strict mode when create_graph=True.")
                    rows[j].append(grad)
            blocks.append(tuple((kagari.stack(row) if row else source.new_zeros((0, *source.shape))).reshape(output.shape + source.shape)
                                for row, source in zip(rows, inputs)))
    blocks = _finished(tuple(blocks), create_graph)
    return _unpacked(tuple(_unpacked(block, is_tuple) for block in blocks), out_tuple)


def _scalar(func, function):
    def checked(*inputs):
        out = func(*inputs)
        outputs, is_tuple = _tensors(out, "outputs of the user-provided function", function)
        if is_tuple:
            raise RuntimeError(f"The function given to {function} should return a single Tensor")
        if outputs[0].numel() != 1:
            raise RuntimeError(f"The Tensor returned by the function given to {function} should contain a single element")
        return outputs[0].squeeze() if outputs[0].dim() else outputs[0]
    return checked


def hessian(func, inputs, create_graph=False, strict=False, vectorize=False, outer_jacobian_strategy="reverse-mode"):
    """Second derivatives of a function with one number as output; tuples [input][input] if inputs is a tuple."""
    inputs, is_tuple = _tensors(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')
    function = _scalar(func, "hessian")

    def first(*points):
        result = jacobian(function, points, create_graph=True)
        _require(result, strict, "hessian")
        return result
    result = jacobian(first, inputs, create_graph=create_graph, strict=strict, vectorize=vectorize, strategy=outer_jacobian_strategy)
    return result if is_tuple else result[0][0]


def _with_gradient(func, inputs, create_graph, strict, function):
    """(prepared inputs, output, its gradient with graph) of a function with one number as output."""
    inputs = _prepared(inputs, create_graph)
    output = _scalar(func, function)(*inputs)
    _require((output,), strict, "outputs")
    grads = _gradients((output,), inputs, create_graph=True)
    _require(grads, strict, "hessian")
    return inputs, output, grads


_NO_VECTOR = "The vector v can only be None if the input to the user-provided function is a single Tensor with a single element."


def vhp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(*inputs), v^T H) for a function with one number as output."""
    with kagari.enable_grad():
        inputs, is_tuple = _tensors(inputs, "inputs", "vhp")
        v = _vectors(v, inputs, is_tuple, "vhp", _NO_VECTOR)
        inputs, output, grads = _with_gradient(func, inputs, create_graph, strict, "vhp")
        products = _zeros_for(_gradients(grads, inputs, v, create_graph), inputs, strict, "double_back", create_graph)
    return _finished(output, create_graph), _unpacked(_finished(products, create_graph), is_tuple)


def hvp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(*inputs), H v) for a function with one number as output. vhp gives the same for smooth functions, and is faster."""
    with kagari.enable_grad():
        inputs, is_tuple = _tensors(inputs, "inputs", "hvp")
        v = _vectors(v, inputs, is_tuple, "hvp", _NO_VECTOR)
        inputs, output, grads = _with_gradient(func, inputs, create_graph, strict, "hvp")
        kept = [(grad, source) for grad, source in zip(grads, inputs)]
        present = [grad for grad, _ in kept if grad is not None]
        products = [kagari.zeros_like(source) for _, source in kept]
        if any(grad.requires_grad for grad in present):
            made = iter(_forward_product(present, inputs, v, strict, create_graph))
            products = [zero if grad is None else next(made) for zero, (grad, _) in zip(products, kept)]
    return _finished(output, create_graph), _unpacked(_finished(products, create_graph), is_tuple)
