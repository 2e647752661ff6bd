"""Gradients of every operator of the registry, first and second, against differences of values, in one random direction each; for arguments
in several layouts and, where the operator takes them, complex ones. A direction sees every entry of the Jacobian, so one is enough."""
import re

import pytest

import kagari
from operator_samples import ROUNDED, deterministic_calls, outputs_of

STEP = 1e-5
# Of several values written to one place, any may win.
WRITES_TWICE = re.compile(r"^(index_copy|index_put|put|scatter\.src|scatter_reduce\.two|max_unpool|assign positions)")
# The gradient does not pass through these results or arguments: statistics.
WITH_STATISTICS = re.compile(r"^(native_)?(batch|layer|group)_norm")
# Matrices must be Hermitian, or triangular, for the operator to be what its gradient says.
HERMITIAN = re.compile(r"^linalg_(cholesky(_ex)?|eigh|eigvalsh|ldl.*)$")
TRIANGULAR = re.compile(r"^cholesky_(inverse|solve)")
# Not differentiable where rows are equal, or where singular values are cut off.
OF_MATRICES = re.compile(r"linalg|det|svd|qr|lu|eig|inv|solve|cholesky|norm|std|cond|pdist")
CUT_OFF = re.compile(r"^linalg_pinv\.|^linalg_matrix_rank")
# Vectors whose phase is free, in the complex case; a transpose that is not the adjoint.
FREE_PHASE = re.compile(r"^(linalg_)?(eig|eigh|svd)$|^(cholesky|eigvalsh)$")
# Reads the memory around its argument; rounds; keeps one of several values.
OTHER = re.compile(r"^(as_strided|to$|index_reduce)")


def _samples():
    seen = {}
    for call in deterministic_calls():
        if call.name in ROUNDED or WRITES_TWICE.match(call.name) or WITH_STATISTICS.match(call.name) or CUT_OFF.match(call.name) or OTHER.match(call.name):
            continue
        seen[call.name] = seen.get(call.name, 0) + 1
        yield pytest.param(call, id=f"{call.name}-{seen[call.name]}")


SAMPLES = list(_samples())


def _gaps(t):
    """The same numbers with dimensions in reverse order in memory and gaps between them."""
    return t.permute(*range(t.dim() - 1, -1, -1)).unsqueeze(-1).expand(*t.shape[::-1], 2).contiguous()[..., 1].permute(*range(t.dim() - 1, -1, -1))


def _first_row(t):
    return t[:1].clone() if t.dim() else t.clone()


# How the point that varies is made from a sample, and the argument from the point and the sample's shape.
LAYOUTS = {"dense": (kagari.clone, lambda p, shape: p), "transposed": (kagari.clone, lambda p, shape: _gaps(p)), "expanded": (_first_row, lambda p, shape: p.expand(shape))}


def _wave(shape, dtype, phase):
    """Numbers without pattern in [-1, 1]."""
    n = 1
    for s in shape:
        n *= s
    x = (kagari.arange(1, n + 1, dtype=kagari.float64) * 1.7 + phase).sin()
    if dtype.is_complex:
        x = kagari.complex(x, (kagari.arange(1, n + 1, dtype=kagari.float64) * 2.3 + phase).cos())
    return x.to(dtype).reshape(shape)


def _inner(a, b):
    """The real inner product, for complex tensors of pairs of numbers."""
    return (a.conj() * b).real.sum() if a.is_complex() else (a * b).sum()


def _objective(outputs):
    """A number that depends on every output, through a curve, so that the second derivative of a linear operator is not zero."""
    total = kagari.zeros((), dtype=kagari.float64)
    for k, out in enumerate(outputs):
        if out.is_floating_point() or out.is_complex():
            total = total + _inner(_wave(out.shape, out.dtype, 3.0 * k), out).double()
            total = total + 0.5 * _inner(out, out * _wave(out.shape, kagari.float64, 5.0 * k + 1)).double()
    return total


def _structured(name, t):
    if t.dim() < 2 or t.shape[-1] != t.shape[-2]:
        return t
    if HERMITIAN.match(name):
        return (t + t.mH) / 2 + 3 * kagari.eye(t.shape[-1], dtype=t.dtype)
    return t.tril() + 2 * kagari.eye(t.shape[-1], dtype=t.dtype) if TRIANGULAR.match(name) else t


class Objective:
    """The function of the varied tensors of a call, the rest fixed."""

    def __init__(self, call, tensors, layout):
        self.call, self.tensors = call, tensors
        self.varied = [i for i, t in enumerate(tensors) if t.is_floating_point() or t.is_complex()]
        first, self.arranged = LAYOUTS[layout]
        self.points = [first(tensors[i]).requires_grad_() for i in self.varied]

    def __call__(self, points):
        given = list(self.tensors)
        for i, p in zip(self.varied, points):
            given[i] = _structured(self.call.name, self.arranged(p, self.tensors[i].shape))
        return _objective(outputs_of(self.call(*given)))

    def gradient(self, points, record=False):
        """The gradients at the points, zero where the result does not depend on one; None if it depends on none."""
        value = self(points)
        if not value.requires_grad:
            return None
        grads = kagari.autograd.grad(value, points, allow_unused=True, create_graph=record)
        return [kagari.zeros_like(p) if g is None else g for p, g in zip(points, grads)]


def _moved(points, directions, distance):
    return [(p.detach() + distance * d).requires_grad_() for p, d in zip(points, directions)]


def _slope(f, size):
    """The derivative of f at 0 by differences; None at a kink or a jump."""
    here, ahead, behind, further, before = (f(k * STEP) for k in (0, 1, -1, 2, -2))
    slope, coarse = (ahead - behind) / (2 * STEP), (further - before) / (4 * STEP)
    unit = max(1.0, abs(slope), size)
    bend = abs(ahead - 2 * here + behind) / STEP
    return slope if abs(slope - coarse) <= 1e-5 * unit and bend <= 1e-2 * unit else None


def _agree(found, expected, scale):
    assert abs(found - expected) <= 2e-5 * max(1.0, abs(expected), scale), f"got {found}, differences give {expected}"


def _check(objective):
    points = objective.points
    directions = [_wave(p.shape, p.dtype, 0.3 + 2 * k) for k, p in enumerate(points)]
    try:
        first = objective.gradient(points)
    except NotImplementedError:
        return
    if first is None:
        return
    for g, p in zip(first, points):
        assert g.shape == p.shape and g.dtype == p.dtype
    along = sum(_inner(g, d).item() for g, d in zip(first, directions))
    size = sum(float(g.abs().sum()) for g in first)
    with kagari.no_grad():
        slope = _slope(lambda s: objective(_moved(points, directions, s)).item(), size)
    if slope is None:
        return
    _agree(along, slope, size)
    # the second derivative: the gradient's inner product with a direction, differentiated
    try:
        recorded = objective.gradient(points, record=True)
        weights = [_wave(p.shape, p.dtype, 1.1 + 3 * k) for k, p in enumerate(points)]
        inner = sum(_inner(g, w) for g, w in zip(recorded, weights))
        if not inner.requires_grad:
            return
        second = kagari.autograd.grad(inner, points, allow_unused=True)
    except NotImplementedError:
        return
    along = sum(_inner(g, d).item() for g, d in zip(second, directions) if g is not None)
    size = sum(float(g.abs().sum()) for g in second if g is not None)
    slope = _slope(lambda s: sum(_inner(g, w).item() for g, w in zip(objective.gradient(_moved(points, directions, s)), weights)), size)
    if slope is not None:
        _agree(along, slope, size)


def _check_in(layout, call, tensors):
    objective = Objective(call, tensors, layout)
    try:
        objective(objective.points)
    except (RuntimeError, IndexError, ValueError, TypeError, NotImplementedError):
        return  # not for such arguments: a singular matrix, a leaf that would be written to, a dtype that it does not take
    _check(objective)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("call", SAMPLES)
def test_layouts(call, layout):
    if layout == "expanded" and OF_MATRICES.search(call.name):
        return
    _check_in(layout, call, [t.clone() for t in call.tensors()])


@pytest.mark.parametrize("call", SAMPLES)
def test_complex_arguments(call):
    if FREE_PHASE.match(call.name):
        return
    _check_in("dense", call, [kagari.complex(t, _wave(t.shape, t.dtype, 0.7) * 0.4) if t.dtype == kagari.float64 else t.clone() for t in call.tensors()])


def _gradients(call, tensors, wanted):
    """Of the arguments `wanted`, with no other recorded; None where the operator gives none."""
    points = [t.clone().requires_grad_() if i in wanted else t.clone() for i, t in enumerate(tensors)]
    try:
        value = _objective(outputs_of(call(*points)))
    except (RuntimeError, NotImplementedError):
        return None
    return kagari.autograd.grad(value, [points[i] for i in wanted], allow_unused=True) if value.requires_grad else None


@pytest.mark.parametrize("call", SAMPLES)
def test_one_argument_at_a_time(call):
    tensors = call.tensors()
    varied = [i for i, t in enumerate(tensors) if t.is_floating_point()]
    try:
        together = _gradients(call, tensors, varied)
    except NotImplementedError:
        return
    if together is None or len(varied) < 2:
        return
    for i, expected in zip(varied, together):
        alone = _gradients(call, tensors, [i])
        assert (alone is None or alone[0] is None) == (expected is None)
        if expected is not None:
            assert kagari.allclose(alone[0], expected, rtol=1e-9, atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("call", SAMPLES)
def test_in_place(call):
    """f_ of an intermediate result has the gradients of f."""
    method = getattr(kagari.Tensor, call.name.partition(".")[0] + "_", None)
    if method is None or not call.args or not isinstance(call.args[0], kagari.Tensor) or not call.args[0].is_floating_point():
        return

    def written(first, *rest):
        target = first * 1
        given = iter(rest)
        return method(target, *[next(given) if isinstance(a, kagari.Tensor) else a for a in call.args[1:]], **call.kwargs)
    tensors = call.tensors()
    varied = [i for i, t in enumerate(tensors) if t.is_floating_point()]
    try:
        if written(*[t.clone() for t in tensors]).shape != tensors[0].shape:
            return
        expected = _gradients(call, tensors, varied)
    except (RuntimeError, TypeError, NotImplementedError):
        return  # the result does not fit into the argument
    if expected is None:
        return
    found = _gradients(written, tensors, varied)
    assert found is not None
    for a, b in zip(found, expected):
        assert (a is None) == (b is None) or not (a if b is None else b).any()
        assert a is None or b is None or kagari.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)
