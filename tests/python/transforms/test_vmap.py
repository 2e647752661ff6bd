"""kagari.vmap: where examples are, what is forbidden, random numbers."""
import numpy as np
import pytest

import kagari
from kagari import vmap
from kagari.func import functional_call, stack_module_state

A = np.arange(24.0).reshape(2, 4, 3)
x = kagari.tensor(A)
rows = x[0]


def test_dimensions():
    assert vmap(lambda a: a.sum(0), in_dims=1, out_dims=1)(x).shape == (3, 4)
    assert np.array_equal(vmap(lambda a: a.t(), in_dims=-1, out_dims=-1)(x).numpy(), A.transpose(1, 0, 2))
    out = vmap(lambda d: {"s": d["a"] * d["b"][0], "t": (d["a"].sum(),)}, in_dims=({"a": 0, "b": (None,)},), out_dims={"s": 1, "t": (0,)})({"a": rows, "b": (rows[0],)})
    assert np.array_equal(out["s"].numpy(), (A[0] * A[0, 0]).T) and np.array_equal(out["t"][0].numpy(), A[0].sum(1))
    assert vmap(lambda a: kagari.ones(2))(rows).shape == (4, 2)
    assert kagari.equal(vmap(lambda a, k: a * k, in_dims=(0, None))(rows, 3), rows * 3)
    assert kagari.equal(vmap(lambda a: kagari.ones(2), out_dims=None)(rows), kagari.ones(2))


def test_results_of_operators_are_named_tuples():
    found = vmap(lambda a: a.max(0))(x)
    assert found.values.tolist() == A.max(1).tolist() and found.indices.tolist() == A.argmax(1).tolist()


def test_nesting_and_chunks():
    assert np.array_equal(vmap(vmap(vmap(kagari.mul)))(x, x).numpy(), A * A)
    outer = vmap(vmap(kagari.mul, (0, None)), (None, 0))(kagari.arange(3.0), kagari.arange(2.0))
    assert np.array_equal(outer.numpy(), np.outer([0, 1], [0, 1, 2]))
    assert kagari.equal(vmap(kagari.sum, chunk_size=3)(rows), rows.sum(1))
    assert vmap(lambda a: a * 2)(kagari.ones(0, 2)).shape == (0, 2)


def test_a_batch_of_numbers_promotes_as_a_number():
    halves = kagari.ones(2, dtype=kagari.float16)
    assert vmap(lambda n: halves * n)(kagari.ones(3, dtype=kagari.float64)).dtype == kagari.float16
    assert vmap(lambda n: kagari.tensor(1) + n)(kagari.ones(3, dtype=kagari.float32)).dtype == kagari.float32


def test_writing():
    def shifted(a):
        out = kagari.zeros_like(a)
        out[0] = a[1]
        out[1:] += a[:2]
        return out
    expected = np.stack([A[0][:, 1], A[0][:, 0], A[0][:, 1]], 1)
    assert np.array_equal(vmap(shifted)(rows).numpy(), expected)
    weights = np.arange(3)
    grads = vmap(kagari.func.grad(lambda a: (shifted(a) * kagari.arange(3.0)).sum()))(rows)
    assert np.array_equal(grads.numpy(), np.tile([weights[1], weights[0] + weights[2], 0], (4, 1)))
    original = rows.clone()
    vmap(lambda a: a.add_(1))(original)
    assert kagari.equal(original, rows + 1)
    with pytest.raises(RuntimeError, match="vmap: inplace arithmetic"):
        vmap(lambda a: kagari.zeros(3, dtype=a.dtype).add_(a))(rows)


@pytest.mark.parametrize("function, kind, text", [
    (lambda a: a[0].item(), RuntimeError, r"vmap: It looks like you're calling .item\(\) on a Tensor"),
    (lambda a: a if a[0] > 0 else -a, RuntimeError, "data-dependent control flow"),
    (lambda a: a.numpy(), RuntimeError, "Cannot access data pointer of Tensor that doesn't have storage"),
    (lambda a: kagari.nonzero(a), RuntimeError, "We do not support batching operators that can output dynamic shape"),
    (lambda a: kagari.rand(2), RuntimeError, "called random operation while in randomness error mode"),
    (lambda a: 1, ValueError, "must only return Tensors"),
])
def test_forbidden(function, kind, text):
    with pytest.raises(kind, match=text):
        vmap(function)(rows)


def test_bad_arguments():
    with pytest.raises(ValueError, match="Expected all tensors to have the same size in the mapped dimension"):
        vmap(kagari.add)(kagari.ones(3), kagari.ones(2))
    with pytest.raises(ValueError, match="in_dims is not compatible"):
        vmap(kagari.sin, in_dims=(0, 0))(rows)
    with pytest.raises(ValueError, match="Got in_dim=3 for some input"):
        vmap(kagari.sin, in_dims=3)(kagari.ones(2))
    with pytest.raises(ValueError, match="We cannot vmap over non-Tensor arguments"):
        vmap(lambda a: a)(2)
    with pytest.raises(ValueError, match="got no inputs"):
        vmap(lambda: 1)()
    with pytest.raises(ValueError, match="chunk_size should be None or greater than 0"):
        vmap(kagari.sin, chunk_size=0)
    with pytest.raises(RuntimeError, match="Only allowed values for randomness"):
        vmap(kagari.sin, randomness="x")
    with pytest.raises(ValueError, match="can not return a BatchedTensor when out_dim is None"):
        vmap(kagari.sin, out_dims=None)(rows)


def test_a_failure_closes_the_level():
    with pytest.raises(RuntimeError):
        vmap(lambda a: a.item())(kagari.ones(2))
    assert kagari._C._transform_level() is None and kagari.rand(2).shape == (2,)


def test_random_numbers():
    same = vmap(lambda a: kagari.rand(5), randomness="same")(rows)
    different = vmap(lambda a: kagari.rand(5), randomness="different")(rows)
    assert (same == same[0]).all() and not (different == different[0]).all()
    kagari.manual_seed(3)
    drawn = vmap(lambda a: kagari.randn(5), randomness="different")(rows)
    kagari.manual_seed(3)
    assert kagari.equal(drawn, kagari.randn(4, 5))
    for mode, count in (("same", 1), ("different", 2)):
        masks = vmap(lambda a: kagari.nn.functional.dropout(a, 0.5), randomness=mode)(kagari.ones(2, 64)) == 0
        assert len({str(mask.tolist()) for mask in masks}) == count
        channels = vmap(lambda a: kagari.nn.functional.dropout2d(a), randomness=mode)(kagari.ones(2, 1, 64, 2, 2))
        assert channels.shape == (2, 1, 64, 2, 2) and len({str(part.tolist()) for part in channels}) == count
    assert kagari.equal(vmap(lambda a: kagari.nn.functional.dropout(a, 0.5, training=False))(rows), rows)
    with pytest.raises(RuntimeError, match="Cannot ask for different inplace randomness on an unbatched tensor"):
        vmap(lambda a: kagari.zeros(3).normal_() + a, randomness="different")(rows)


def test_ensemble_and_batch_norm():
    models = [kagari.nn.Linear(3, 2) for _ in range(4)]
    params, buffers = stack_module_state(models)
    inputs = kagari.randn(5, 3)
    together = vmap(lambda p, b: functional_call(models[0], (p, b), (inputs,)))(params, buffers)
    assert kagari.allclose(together, kagari.stack([m(inputs) for m in models]), atol=1e-6)
    together.sum().backward()
    assert kagari.allclose(params["bias"].grad, kagari.full((4, 2), 5.0))
    norms = [kagari.nn.BatchNorm1d(3) for _ in range(2)]
    params, buffers = stack_module_state(norms)
    data = kagari.randn(2, 6, 3)
    vmap(lambda p, b, d: functional_call(norms[0], (p, b), (d,)))(params, buffers, data)
    assert kagari.allclose(buffers["running_mean"], data.mean(1) * 0.1, atol=1e-6)
    with pytest.raises(RuntimeError, match="Batch norm got a batched tensor"):
        vmap(norms[0])(data)


def test_printing():
    seen = []
    vmap(lambda a: seen.append(repr(a)) or a)(kagari.ones(2, 2))
    assert seen[0].startswith("BatchedTensor(lvl=1, bdim=0, value=\n    tensor([[1., 1.],")


@pytest.mark.parametrize("call", [
    lambda: vmap(kagari.linalg.slogdet)(kagari.eye(3)), lambda: vmap(kagari.linalg.lu_factor)(kagari.eye(3)), lambda: vmap(kagari.tril)(kagari.ones(3, 3)),
    lambda: vmap(lambda a: kagari.view_as_complex(a))(kagari.ones(3)), lambda: vmap(lambda a: kagari.embedding(a, kagari.tensor([0])))(kagari.ones(3)),
    lambda: vmap(lambda a: kagari.nn.functional.nll_loss(a, kagari.tensor(0)))(kagari.ones(3)), lambda: vmap(kagari.linalg.cholesky_ex)(kagari.ones(3)),
])
def test_examples_of_too_few_dimensions_do_not_become_one(call):
    with pytest.raises((RuntimeError, ValueError)):
        call()
