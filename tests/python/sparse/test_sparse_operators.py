"""Operators on sparse tensors against the same operators on NumPy arrays, and their gradients."""
import numpy as np
import pytest
import scipy.sparse

import kagari as torch


def random_dense(rows, columns, seed=0, dtype=np.float64, density=0.3):
    rng = np.random.default_rng(seed)
    return np.where(rng.random((rows, columns)) < density, rng.standard_normal((rows, columns)), 0).astype(dtype)


def uncoalesced(dense):
    """The same matrix with every value split in two entries, in reverse order."""
    s = torch.from_numpy(dense).to_sparse()
    indices, values = s.indices().flip(1), s.values().flip(0)
    return torch.sparse_coo_tensor(torch.cat([indices, indices], 1), torch.cat([values * 0.25, values * 0.75]), dense.shape)


def layouts(dense):
    t = torch.from_numpy(dense)
    return [t.to_sparse(), uncoalesced(dense), t.to_sparse_csr(), t.to_sparse_csc()]


ZERO_PRESERVING = "neg abs sin sinh asinh tan tanh atan relu sign floor ceil round trunc frac expm1 square erf deg2rad positive isnan signbit".split()


@pytest.mark.parametrize("name", ZERO_PRESERVING)
def test_functions_that_keep_zeros(name):
    dense = random_dense(5, 7)
    expected = getattr(torch, name)(torch.from_numpy(dense)).numpy()
    for s in layouts(dense):
        result = getattr(torch, name)(s)
        assert result.layout == s.layout
        np.testing.assert_allclose(result.to_dense().numpy(), expected, rtol=1e-12, atol=1e-12)


def test_arithmetic():
    a, b, d = random_dense(4, 6), random_dense(4, 6, seed=1), np.random.default_rng(2).standard_normal((4, 6))
    for x, y in zip(layouts(a), layouts(b)):
        for result, expected in ((x + y, a + b), (x - y, a - b), (x * y, a * b), (x * 2.5, a * 2.5), (2.5 * x, a * 2.5), (x / 4, a / 4),
                                 (torch.from_numpy(d) + x, d + a), (torch.from_numpy(d) - x, d - a), (x * torch.from_numpy(d), a * d),
                                 (torch.from_numpy(d) * x, a * d), (x ** 2, a ** 2), (torch.add(x, y, alpha=3), a + 3 * b),
                                 (x * torch.from_numpy(d[0]), a * d[0])):
            assert result.layout in (x.layout, torch.strided)
            np.testing.assert_allclose(result.to_dense().numpy(), expected, rtol=1e-12, atol=1e-12)
        with pytest.raises(RuntimeError, match="Use add\\(dense, sparse\\) instead"):
            x + torch.from_numpy(d)
    with pytest.raises(RuntimeError, match="Sparse division requires a scalar"):
        layouts(a)[0] / layouts(b)[0]


def test_in_place():
    a, b = random_dense(3, 4), random_dense(3, 4, seed=1)
    x, y = torch.from_numpy(a).to_sparse(), torch.from_numpy(b).to_sparse()
    kept = x
    x.add_(y).mul_(2)
    assert kept is x and x._version > 0
    np.testing.assert_allclose(x.to_dense().numpy(), (a + b) * 2)
    x.zero_()
    assert x._nnz() == 0
    d = torch.ones(3, 4, dtype=torch.float64)
    d.add_(y, alpha=2).sub_(y)
    np.testing.assert_allclose(d.numpy(), 1 + b)
    with pytest.raises(RuntimeError, match="sqrt_ requires coalesced input"):
        uncoalesced(a).sqrt_()


def test_products():
    a, b, d, v = random_dense(5, 7), random_dense(7, 4, seed=1), np.random.default_rng(2).standard_normal((7, 19)), np.arange(7.)
    reference = scipy.sparse.csr_matrix(a) @ scipy.sparse.csr_matrix(b)
    for s in layouts(a):
        for result, expected in ((s @ torch.from_numpy(d), a @ d), (torch.mm(s, torch.from_numpy(d)), a @ d), (s @ torch.from_numpy(v), a @ v),
                                 (torch.from_numpy(d.T[:, :5]).contiguous() @ s if d.T[:, :5].shape[1] == 5 else s, d.T[:, :5] @ a),
                                 (torch.addmm(torch.ones(5, 19, dtype=torch.float64), s, torch.from_numpy(d), beta=2, alpha=3), 2 + 3 * (a @ d)),
                                 (torch.nn.functional.linear(torch.from_numpy(d.T.copy()), s), d.T @ a.T)):
            np.testing.assert_allclose(result.numpy(), expected, rtol=1e-12, atol=1e-12)
        with pytest.raises(RuntimeError, match="Expected dim 0 size 7, got 6"):
            s @ torch.ones(6, 2, dtype=torch.float64)
    for x, y in zip(layouts(a), layouts(b)):
        np.testing.assert_allclose((x @ y).to_dense().numpy(), reference.toarray(), rtol=1e-12, atol=1e-12)
    for dtype in (torch.float32, torch.bfloat16, torch.int64, torch.complex64):
        x, y = torch.tensor([[0, 2], [3, 0]]).to(dtype), torch.tensor([[1, 2, 3], [4, 5, 6]]).to(dtype)
        assert (x.to_sparse() @ y).tolist() == [[8, 10, 12], [3, 6, 9]]


@pytest.mark.parametrize("columns", [1, 2, 3, 15, 16, 17, 63, 64, 65, 129, 200])
def test_product_of_any_width(columns):
    a, d = random_dense(9, 11, dtype=np.float32), np.random.default_rng(0).standard_normal((11, columns)).astype(np.float32)
    np.testing.assert_allclose((torch.from_numpy(a).to_sparse_csr() @ torch.from_numpy(d)).numpy(), a @ d, rtol=1e-5, atol=1e-6)


def test_sums_norms_softmax():
    a = random_dense(4, 5)
    for s in layouts(a)[:2]:
        np.testing.assert_allclose(s.sum().item(), a.sum())
        for dim in (0, 1, -1):
            np.testing.assert_allclose(torch.sparse.sum(s, dim).to_dense().numpy(), a.sum(dim))
        np.testing.assert_allclose(s.sum(1, keepdim=True).to_dense().numpy(), a.sum(1, keepdims=True))
        np.testing.assert_allclose(s.norm().item(), np.linalg.norm(a))
        for dim in (0, 1):
            with np.errstate(all="ignore"):
                shown = np.where(a != 0, np.exp(a), 0)
                expected = np.nan_to_num(shown / shown.sum(dim, keepdims=True))
            np.testing.assert_allclose(torch.sparse.softmax(s, dim).to_dense().numpy(), expected)
            logs = torch.sparse.log_softmax(s, dim)
            np.testing.assert_allclose(np.exp(logs.values().numpy()), torch.sparse.softmax(s, dim).values().numpy())
    hybrid = torch.from_numpy(np.arange(12.).reshape(2, 3, 2)).to_sparse(1)
    np.testing.assert_allclose(torch.sparse.sum(hybrid, 0).numpy(), np.arange(12.).reshape(2, 3, 2).sum(0))
    np.testing.assert_allclose(torch.sparse.sum(hybrid, 2).to_dense().numpy(), np.arange(12.).reshape(2, 3, 2).sum(2))


def test_shapes():
    a = random_dense(4, 5)
    for s in layouts(a)[:2]:
        for result, expected in ((s.t(), a.T), (s.transpose(0, 1), a.T), (s.T, a.T), (s.permute(1, 0), a.T), (s.unsqueeze(1), a[:, None]), (s[2], a[2]), (s[:, 1], a[:, 1]),
                                 (s[-1, 2], a[-1, 2]), (s[1:3], a[1:3]), (s.index_select(1, torch.tensor([3, 0, 3])), a[:, [3, 0, 3]]), (torch.cat([s, s]), np.vstack([a, a])),
                                 (torch.cat([s, s], 1), np.hstack([a, a])), (torch.stack([s, s], 1), np.stack([a, a], 1)), (s.narrow_copy(1, 1, 3), a[:, 1:4])):
            np.testing.assert_allclose(result.to_dense().numpy(), expected)
        assert [r.to_dense().tolist() for r in s] == a.tolist()
    with pytest.raises(IndexError):
        torch.from_numpy(a).to_sparse()[4]
    with pytest.raises(IndexError):
        torch.from_numpy(a).to_sparse().index_select(0, torch.tensor([4]))


def test_sampled_product_and_reduced_product():
    mask, x, y = random_dense(3, 4), np.random.default_rng(1).standard_normal((3, 6)), np.random.default_rng(2).standard_normal((6, 4))
    s = torch.from_numpy(mask).to_sparse_csr()
    result = torch.sparse.sampled_addmm(s, torch.from_numpy(x), torch.from_numpy(y), beta=0.5, alpha=2)
    np.testing.assert_allclose(result.to_dense().numpy(), (mask != 0) * (0.5 * mask + 2 * (x @ y)))
    d = np.abs(y[:4]) + 1
    for reduce, f in (("sum", np.sum), ("mean", np.mean), ("amax", np.max), ("amin", np.min), ("max", np.max), ("min", np.min)):
        expected = np.array([f([mask[i, j] * d[j] for j in range(4) if mask[i, j]], axis=0) if mask[i].any() else 0 * d[0] for i in range(3)])
        np.testing.assert_allclose(torch.sparse.mm(s, torch.from_numpy(d), reduce).numpy(), expected)
    with pytest.raises(RuntimeError, match="reduce type of prod"):
        torch.sparse.mm(s, torch.from_numpy(d), "prod")


# ---------------------------------------------------------------- gradients
FUNCTIONS = {
    "mm": lambda s: torch.sparse.mm(s, torch.arange(15., dtype=torch.float64).view(5, 3)), "mv": lambda s: s @ torch.arange(5., dtype=torch.float64),
    "sparse mm": lambda s: torch.sparse.mm(s, s.t()), "sin": torch.sin, "mul": lambda s: s * s, "scaled": lambda s: s * 3 + s, "softmax": lambda s: torch.sparse.softmax(s, 1),
    "log_softmax": lambda s: torch.sparse.log_softmax(s, 0), "sum": lambda s: torch.sparse.sum(s, 0), "t": lambda s: s.t() * 2, "to_dense": lambda s: s.to_dense() ** 2,
    "select": lambda s: s[1] * 2, "index_select": lambda s: s.index_select(0, torch.tensor([1, 1, 0])), "cat": lambda s: torch.cat([s, s * 2]), "dense times": lambda s: torch.ones(4, 5, dtype=torch.float64) * s,
    "values": lambda s: s.coalesce().values() ** 2, "csr": lambda s: s.to_sparse_csr() @ torch.ones(5, 2, dtype=torch.float64), "norm": lambda s: s.norm(), "dense plus": lambda s: (torch.ones(4, 5, dtype=torch.float64) + s) ** 2,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients(name):
    a = random_dense(4, 5)
    for s in layouts(a)[:1]:
        s.requires_grad_()
        check = torch.sparse.as_sparse_gradcheck(torch.autograd.gradcheck)
        assert check(FUNCTIONS[name], (s,), masked=True)
        assert torch.autograd.gradcheck(FUNCTIONS[name], s, masked=True) and torch.autograd.gradcheck(FUNCTIONS[name], (s.detach().to_sparse_csr().to_sparse().requires_grad_(),))


def test_gradient_of_the_dense_factor():
    for s in layouts(random_dense(4, 5)):
        d = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(lambda x: s @ x, (d,)) and torch.autograd.gradgradcheck(lambda x: (s @ x) ** 2, (d,))


def test_gradients_have_the_places_of_the_tensor():
    a = random_dense(4, 5)
    for s in layouts(a):
        s = s.detach().requires_grad_()
        (s @ torch.ones(5, 2, dtype=torch.float64)).sum().backward()
        assert s.grad.layout == s.layout
        np.testing.assert_array_equal(s.grad.to_dense().numpy(), 2. * (a != 0))
    values = torch.tensor([1., 2., 3.], requires_grad=True)
    torch.sparse_coo_tensor([[0, 1, 1]], values, (3,)).to_dense().pow(2).sum().backward()
    assert values.grad.tolist() == [2, 10, 10]
    x = torch.ones(2, 2, requires_grad=True)
    (x.to_sparse().to_dense() * 3).sum().backward()
    assert x.grad.tolist() == [[3, 3], [3, 3]]
    y = torch.ones(2, 2, requires_grad=True)
    y.sparse_mask(torch.eye(2).to_sparse()).to_dense().sum().backward()
    assert y.grad.tolist() == [[1, 0], [0, 1]]


def test_second_derivatives():
    at, d = [[0, 0, 2], [1, 0, 1]], torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    v = torch.randn(3, dtype=torch.float64, requires_grad=True)

    def matrix(values):
        return torch.sparse_coo_tensor(at, values, (3, 3))

    assert torch.autograd.gradgradcheck(lambda values, x: (matrix(values) @ x) ** 2, (v, d))
    assert torch.autograd.gradgradcheck(lambda values: torch.sparse.softmax(matrix(values), 1).to_dense(), (v,))
    assert torch.autograd.gradgradcheck(lambda values: (matrix(values).sin() * matrix(values)).to_dense() ** 2, (v,))
