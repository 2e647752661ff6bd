"""Products with few rows or one column, whose kernels read half types as they are."""
import numpy as np
import pytest

import kagari


@pytest.mark.parametrize("dtype", [kagari.float32, kagari.float16, kagari.bfloat16, kagari.float64])
@pytest.mark.parametrize("n, k", [(1, 1), (7, 5), (70, 100), (300, 33), (2100, 64)])
def test_vector_times_matrix(dtype, n, k):
    kagari.manual_seed(0)
    x, w, b = kagari.randn(1, k).to(dtype), kagari.randn(n, k).to(dtype), kagari.randn(n).to(dtype)
    t = w.t().contiguous()
    exact = x.double().numpy() @ w.double().numpy().T
    unit = {kagari.float64: 1e-14, kagari.float32: 1e-6, kagari.float16: 1e-3, kagari.bfloat16: 8e-3}[dtype]
    size = np.abs(x.double().numpy()) @ np.abs(w.double().numpy()).T + np.abs(b.double().numpy())
    for got in (x @ w.t(), x @ t, (w @ x.t()).t(), (w @ x[0]).unsqueeze(0), x[:, ::1] @ w.t()):
        assert np.all(np.abs(got.double().numpy() - exact) <= unit * size)
    with_bias = kagari.nn.functional.linear(x, w, b)
    assert np.all(np.abs(with_bias.double().numpy() - exact - b.double().numpy()) <= unit * size)
    added = kagari.addmm(b, x, t, beta=2, alpha=0.5)
    assert np.all(np.abs(added.double().numpy() - 0.5 * exact - 2 * b.double().numpy()) <= 2 * unit * size)
    far = kagari.randn(1, 2 * k).to(dtype)[:, ::2]
    assert np.all(np.abs((far @ w.t()).double().numpy() - far.double().numpy() @ w.double().numpy().T) <= unit * 4 * k ** 0.5 * (1 + size))


@pytest.mark.parametrize("dtype", [kagari.float32, kagari.float16, kagari.bfloat16])
@pytest.mark.parametrize("rows", [2, 3, 5, 8, 9])
def test_few_rows(dtype, rows):
    kagari.manual_seed(1)
    x, w, b = kagari.randn(rows, 700).to(dtype), kagari.randn(90, 700).to(dtype), kagari.randn(90).to(dtype)
    exact = x.double().numpy() @ w.double().numpy().T
    size = np.abs(x.double().numpy()) @ np.abs(w.double().numpy()).T
    unit = {kagari.float32: 1e-6, kagari.float16: 1e-3, kagari.bfloat16: 8e-3}[dtype]
    out = kagari.nn.functional.linear(x, w, b).double().numpy()
    assert np.all(np.abs(out - exact - b.double().numpy()) <= unit * size)
    summed = kagari.addmm(b.expand(rows, 90), x, w.t(), beta=2, alpha=0.5).double().numpy()
    assert np.all(np.abs(summed - 0.5 * exact - 2 * b.double().numpy()) <= unit * size)
