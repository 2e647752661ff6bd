"""Every operator inside vmap equals the loop over examples, and forward mode agrees with the gradients."""
import pytest

import kagari
from kagari import func
from operator_samples import ROUNDED, deterministic_calls, outputs_of

# Shapes that depend on values.
DYNAMIC = "can output dynamic shape"
# Values of a batch that are written into a tensor that all examples share.
SHARED = "inplace arithmetic"


def _samples():
    seen = {}
    for call in deterministic_calls():
        seen[call.name] = seen.get(call.name, 0) + 1
        yield pytest.param(call, id=f"{call.name}-{seen[call.name]}")


SAMPLES = list(_samples())


def _close(a, b):
    assert a.shape == b.shape and a.dtype == b.dtype
    if a.is_floating_point() or a.is_complex():
        assert kagari.allclose(a, b, rtol=1e-6, atol=1e-8, equal_nan=True)
    else:
        assert kagari.equal(a, b)


def _choices(count):
    """Which tensors differ between the examples: all, the first, the last."""
    return {(True,) * count, (True,) + (False,) * (count - 1), (False,) * (count - 1) + (True,)}


@pytest.mark.parametrize("call", SAMPLES)
def test_vmap(call):
    examples = call.examples(3)
    for choice in _choices(len(examples[0])):
        each = [[example[i] if mapped else examples[0][i] for i, mapped in enumerate(choice)] for example in examples]
        try:
            expected = [outputs_of(call(*[t.clone() for t in one])) for one in each]
        except (RuntimeError, IndexError, ValueError):
            continue
        if any(a.shape != b.shape for one in expected for a, b in zip(one, expected[0])):
            continue
        stacked = [kagari.stack([one[i] for one in each]) if mapped else examples[0][i].clone() for i, mapped in enumerate(choice)]
        try:
            found = outputs_of(kagari.vmap(call, in_dims=tuple(0 if mapped else None for mapped in choice))(*stacked))
        except RuntimeError as error:
            if DYNAMIC in str(error) or (SHARED in str(error) and not choice[0]):
                continue
            raise
        for i, one in enumerate(found):
            _close(one, kagari.stack([example[i] for example in expected]))


def _weighted(outputs):
    total = 0
    for out in outputs:
        out = kagari.view_as_real(out) if out.is_complex() else out
        total = total + (out * kagari.arange(1, out.numel() + 1, dtype=kagari.float64).reshape(out.shape).sin()).sum()
    return total


@pytest.mark.parametrize("call", [sample for sample in SAMPLES if sample.values[0].name not in ROUNDED])
def test_forward_mode(call):
    tensors = call.tensors()
    varied = [i for i, t in enumerate(tensors) if t.is_floating_point()]

    def function(*values):
        given = list(tensors)
        for i, value in zip(varied, values):
            given[i] = value
        return outputs_of(call(*given))
    points = [tensors[i].clone().requires_grad_() for i in varied]
    try:
        recorded = [out.requires_grad for out in function(*points)]
    except RuntimeError:
        return  # works in place on its argument, a leaf
    if not any(recorded):
        return
    try:
        grads = kagari.autograd.grad(_weighted([out for out in function(*points) if out.requires_grad]), points, allow_unused=True)
    except (RuntimeError, NotImplementedError):
        return  # no gradient: nothing to compare with
    tangents = [kagari.cos(tensors[i] * 3) for i in varied]
    values, pushed = func.jvp(lambda *a: tuple(function(*a)), tuple(tensors[i] for i in varied), tuple(tangents))
    for value, out in zip(values, function(*[tensors[i] for i in varied])):
        _close(value, out)
    along = _weighted([t for t, used in zip(pushed, recorded) if used])
    expected = sum([(g * t).sum() for g, t in zip(grads, tangents) if g is not None], kagari.zeros((), dtype=kagari.float64))
    assert kagari.allclose(along, expected, rtol=1e-6, atol=1e-7, equal_nan=True)
