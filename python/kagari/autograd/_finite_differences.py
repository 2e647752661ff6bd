"""The checks behind gradcheck.

Complex numbers are treated as pairs of real ones: the gradient g of L = Re(sum(conj(v) * output)) has real part dL/d(re)
and imaginary part dL/d(im), so every Jacobian here is a real matrix of shape (input numbers, output numbers).
"""
import itertools
import warnings

import kagari
from kagari.autograd.function import Function
from kagari.autograd.gradcheck import GradcheckError


def _tuple(value):
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _reals(tensor):
    """All numbers of a tensor as a flat real tensor: real part, imaginary part, real part, ..."""
    tensor = tensor.detach()
    return (kagari.view_as_real(tensor.resolve_conj().contiguous()) if tensor.is_complex() else tensor).reshape(-1)


def _wide(tensor):
    return tensor if tensor.dtype == kagari.float32 else tensor.double()


class _Undefined(Function):
    """Passes values on and no gradient back."""

    @staticmethod
    def forward(ctx, *tensors):
        return tuple(tensor.clone() for tensor in tensors)

    @staticmethod
    def backward(ctx, *grads):
        return (None,) * len(grads)


class Checker:
    """One gradcheck of func at inputs."""

    def __init__(self, func, inputs, eps, atol, rtol, nondet_tol, fast):
        self.func, self.inputs, self.eps, self.atol, self.rtol, self.nondet_tol, self.fast = func, _tuple(inputs), eps, atol, rtol, nondet_tol, fast
        self.varied = [x for x in self.inputs if isinstance(x, kagari.Tensor) and x.requires_grad]
        self._check_inputs()

    def _check_inputs(self):
        if not self.varied:
            raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True.")
        for position, x in enumerate(self.inputs):
            if not (isinstance(x, kagari.Tensor) and x.requires_grad):
                continue
            if x.layout != kagari.strided:
                raise NotImplementedError(f"gradcheck of sparse inputs (input {position} has layout {x.layout}) is not supported")
            if x.dtype not in (kagari.float64, kagari.complex128):
                warnings.warn(f"Input #{position} requires gradient and is not a double precision floating point or complex. "
                              "This check will likely fail if all the inputs are not of double precision floating point or complex.", stacklevel=4)
            if any(step == 0 and size > 1 for step, size in zip(x.stride(), x.shape)):
                raise RuntimeError(f"The {position}th input has a dimension with stride 0. gradcheck only supports inputs that are non-overlapping to be able "
                                   "to compute the numerical gradients correctly. You should call .contiguous on the input before passing it to gradcheck.")
            x.retain_grad()

    def run(self, backward, forward, undefined, dtypes, batched, batched_forward=False):
        outputs = _tuple(self.func(*self.inputs))
        checked = [out for out in outputs if out.requires_grad]
        if any(out.layout != kagari.strided for out in checked):
            raise ValueError("Sparse output is not supported at gradcheck yet. Please call to_dense(masked_grad=...) on the output of fn for gradcheck.")
        if not checked:
            return self._check_constant()
        if forward:
            self._check_forward(checked, batched_forward)
        if not backward:
            return None
        if self.fast:
            self._check_projection(checked)
        else:
            self._check_jacobians(checked, dtypes)
        if undefined:
            self._check_undefined(checked)
        if batched:
            self._check_batched(checked)
        return None

    def _check_constant(self):
        for x in self.varied:
            for column in self._columns(x, lambda outs: [_wide(_reals(out)) for out in outs if out.is_floating_point() or out.is_complex()]):
                if any(bool((part != 0).any()) for part in column):
                    raise GradcheckError("Numerical gradient for function expected to be zero")

    # --- finite differences ------------------------------------------------------------------
    def _columns(self, x, read):
        """For each real number of x: the central differences of read(outputs), a list of tensors."""
        data = x.data
        for index in itertools.product(*map(range, x.shape)):
            original = data[index].clone()
            for direction in (self.eps, self.eps * 1j)[:2 if x.is_complex() else 1]:
                both = []
                for sign in (1, -1):
                    data[index] = original + sign * direction
                    both.append(read(_tuple(self.func(*self.inputs))))
                data[index] = original
                yield [(plus - minus) / (2 * self.eps) for plus, minus in zip(*both)]

    def _differentiable(self, outputs):
        return [_reals(out).clone() for out in outputs if out.requires_grad]

    def _numerical(self, x):
        """One Jacobian per output."""
        columns = list(self._columns(x, self._differentiable))
        return [kagari.stack([column[i] for column in columns]) for i in range(len(columns[0]))] if columns else None

    # --- recorded gradients ------------------------------------------------------------------
    def _pull_back(self, output, vector):
        grads = kagari.autograd.grad(output, self.varied, vector, retain_graph=True, allow_unused=True)
        return [kagari.zeros_like(x) if g is None else g for g, x in zip(grads, self.varied)]

    def _analytical(self, output, dtypes):
        """One Jacobian per varied input, from one backward pass per number of the output."""
        rows = [[] for _ in self.varied]
        for index in itertools.product(*map(range, output.shape)):
            for unit in (1, 1j)[:2 if output.is_complex() else 1]:
                vector = kagari.zeros_like(output)
                vector[index] = unit
                for row, grad, x in zip(rows, self._pull_back(output, vector), self.varied):
                    if grad.shape != x.shape:
                        raise GradcheckError("Analytical gradient has incorrect size")
                    if dtypes and grad.dtype != x.dtype:
                        raise GradcheckError("Analytical gradient has incorrect type")
                    row.append(_wide(_reals(grad)))
        return [kagari.stack(row, 1) if row else None for row in rows]

    def _check_jacobians(self, outputs, dtypes):
        numerical = [self._numerical(x) for x in self.varied]
        for i, output in enumerate(outputs):
            analytical, again = self._analytical(output, dtypes), self._analytical(output, dtypes)
            for j, matrix in enumerate(analytical):
                if matrix is None or numerical[j] is None:
                    continue
                expected = _wide(numerical[j][i])
                matrix = matrix.to(expected.dtype)
                if not kagari.allclose(matrix, expected, self.rtol, self.atol):
                    raise GradcheckError(f"Jacobian mismatch for output {i} with respect to input {j},\nnumerical:{expected}\nanalytical:{matrix}\n")
                if matrix.numel() and (matrix - again[j]).abs().max().item() > self.nondet_tol:
                    raise GradcheckError("Backward is not reentrant, i.e., running backward with same input and grad_output multiple times gives different "
                                         "values, although analytical gradient matches numerical gradient."
                                         f"The tolerance for nondeterminism was {self.nondet_tol}. A larger `nondet_tol` accepts the difference.")

    # --- forward mode ------------------------------------------------------------------------
    def _pushed(self, x, tangent, forward_ad):
        """The tangents of the differentiable outputs, for a tangent of x alone, inside of a dual level."""
        dual = forward_ad.make_dual(x, tangent)
        outputs = _tuple(self.func(*[dual if other is x else other for other in self.inputs]))
        pairs = [forward_ad.unpack_dual(out) for out in outputs if out.requires_grad or forward_ad.unpack_dual(out).tangent is not None]
        return [kagari.zeros_like(primal) if pushed is None else pushed for primal, pushed in pairs]

    def _check_forward(self, outputs, batched):
        from kagari.autograd import forward_ad
        for j, x in enumerate(self.varied):
            numerical, rows, directions = self._numerical(x), [[] for _ in outputs], []
            for index in itertools.product(*map(range, x.shape)):
                for unit in (1, 1j)[:2 if x.is_complex() else 1]:
                    direction = kagari.zeros_like(x)
                    direction[index] = unit
                    directions.append(direction.detach())
            for direction in directions:
                with forward_ad.dual_level():
                    for row, pushed in zip(rows, self._pushed(x, direction, forward_ad)):
                        row.append(_wide(_reals(pushed)))
            if numerical is None:
                continue
            for i, row in enumerate(rows):
                expected, matrix = _wide(numerical[i]), kagari.stack(row)
                if not kagari.allclose(matrix.to(expected.dtype), expected, self.rtol, self.atol):
                    raise GradcheckError(f"Jacobian computed with forward mode mismatch for output {i} with respect to input {j},\nnumerical:{expected}\nanalytical:{matrix}\n")
            if batched:
                self._check_batched_forward(x, directions[:2], forward_ad, j)

    def _check_batched_forward(self, x, directions, forward_ad, j):
        with forward_ad.dual_level():
            apart = [self._pushed(x, direction, forward_ad) for direction in directions]
            together = kagari.vmap(lambda direction: tuple(self._pushed(x, direction, forward_ad)))(kagari.stack(directions))
        for i, pushed in enumerate(together):
            if not kagari.allclose(pushed, kagari.stack([one[i] for one in apart]), self.rtol, self.atol):
                raise GradcheckError(f"tangents of a batch differ from those computed one by one, for output {i} with respect to input {j}")

    def _check_projection(self, outputs):
        """v.J.u for random unit vectors u and v, both ways."""
        generator = kagari.Generator().manual_seed(0)

        def unit(count):
            vector = kagari.rand(count, generator=generator, dtype=kagari.float64) + 0.1
            return vector / vector.norm()
        for j, x in enumerate(self.varied):
            u = unit(_reals(x).numel())
            step = self._like(u, x) * self.eps
            data, original = x.data, x.data.clone()
            both = []
            for sign in (1, -1):
                data.copy_(original + sign * step)
                both.append(self._differentiable(_tuple(self.func(*self.inputs))))
            data.copy_(original)
            for i, output in enumerate(outputs):
                v = unit(both[0][i].numel())
                numerical = (((both[0][i] - both[1][i]).double() / (2 * self.eps)) * v).sum()
                analytical = (_reals(self._pull_back(output, self._like(v, output))[j]).double() * u).sum()
                scale = (u.sum() * v.sum()).item()
                if not kagari.allclose(analytical, numerical, self.rtol, self.atol * max(scale, 1.0)):
                    raise GradcheckError(f"Jacobian mismatch for output {i} with respect to input {j},\nnumerical:{numerical.item()}\nanalytical:"
                                         f"{analytical.item()}\n\nThese are projections of the Jacobians on random vectors (fast_mode=True).")

    @staticmethod
    def _like(flat, tensor):
        """Flat reals brought to the tensor's shape and dtype."""
        if tensor.is_complex():
            return kagari.view_as_complex(flat.reshape(*tensor.shape, 2)).to(tensor.dtype)
        return flat.reshape(tensor.shape).to(tensor.dtype)

    # --- other checks ------------------------------------------------------------------------
    def _check_undefined(self, outputs):
        for group in [outputs] + ([[out] for out in outputs] if len(outputs) > 1 else []):
            passed = _Undefined.apply(*group)
            try:
                grads = kagari.autograd.grad(passed, self.varied, [kagari.ones_like(out) for out in passed], retain_graph=True, allow_unused=True)
            except RuntimeError as error:
                raise GradcheckError("Expected backward function to handle undefined output grads. Please look at 'Notes about undefined output gradients' "
                                     f"in the documentation of autograd functions: {error}") from error
            for grad in grads:
                if grad is not None and bool((grad != 0).any()):
                    raise GradcheckError("Expected all input grads to be undefined or zero when all output grads are undefined or zero.")

    def _check_batched(self, outputs):
        for output in outputs:
            vectors = kagari.stack([kagari.randn_like(output) for _ in range(2)])
            together = kagari.autograd.grad(output, self.varied, vectors, retain_graph=True, allow_unused=True, is_grads_batched=True)
            apart = [self._pull_back(output, vector) for vector in vectors]
            for j, grads in enumerate(together):
                if grads is not None and not kagari.allclose(grads, kagari.stack([apart[0][j], apart[1][j]]), self.rtol, self.atol):
                    raise GradcheckError(f"gradients of a batch differ from those computed one by one, for input {j}")


def backward_as_function(func, inputs, grad_outputs, strided):
    """(function, its inputs): the function gives the gradients of func's outputs, from func's inputs and from the gradients
    that come in, both of which are varied."""
    inputs = _tuple(inputs)
    if grad_outputs is None:
        outputs = [out for out in _tuple(func(*inputs)) if out.requires_grad]
        grad_outputs = []
        for out in outputs:
            dtype = out.dtype if out.is_floating_point() or out.is_complex() else kagari.float64
            noise = kagari.randn(out.shape, dtype=dtype)
            if strided and noise.dim():
                noise = kagari.stack([noise, noise], -1)[..., 0]
            grad_outputs.append(noise.detach().requires_grad_())
    grad_outputs = _tuple(grad_outputs)

    def function(*arguments):
        given, grads = arguments[:len(inputs)], arguments[len(inputs):]
        outputs = [out for out in _tuple(func(*given)) if out.requires_grad]
        varied = [x for x in given if isinstance(x, kagari.Tensor) and x.requires_grad]
        found = kagari.autograd.grad(outputs, varied, grads, create_graph=True, allow_unused=True)
        return tuple(grad for grad in found if grad is not None)
    return function, inputs + grad_outputs
