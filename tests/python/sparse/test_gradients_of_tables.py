"""Sparse gradients: embeddings and gather, their accumulation, and the optimizers that take them."""
import numpy as np
import pytest

import kagari as torch
from kagari import nn

ROWS = torch.tensor([[1, 2], [1, 4]])


def sparse_and_dense(make, *arguments):
    """The gradients of the same layer with and without sparse=True."""
    grads = []
    for sparse in (True, False):
        layer = make(sparse)
        with torch.no_grad():
            layer.weight.copy_(torch.arange(layer.weight.numel(), dtype=torch.float32).view_as(layer.weight))
        (layer(*arguments) ** 2).sum().backward()
        grads.append(layer.weight.grad)
    return grads


@pytest.mark.parametrize("make", [lambda sparse: nn.Embedding(10, 3, sparse=sparse), lambda sparse: nn.Embedding(10, 3, padding_idx=1, sparse=sparse),
                                  lambda sparse: nn.EmbeddingBag(10, 3, mode="sum", sparse=sparse), lambda sparse: nn.EmbeddingBag(10, 3, mode="mean", sparse=sparse),
                                  lambda sparse: nn.EmbeddingBag(10, 3, mode="sum", padding_idx=1, sparse=sparse)])
def test_embeddings(make):
    sparse, dense = sparse_and_dense(make, ROWS)
    assert sparse.layout == torch.sparse_coo and sparse.sparse_dim() == 1 and sparse._nnz() <= 4
    np.testing.assert_allclose(sparse.to_dense().numpy(), dense.numpy())


def test_gather():
    x = torch.randn(3, 4, requires_grad=True)
    torch.gather(x, 1, torch.tensor([[0, 0], [1, 3]]), sparse_grad=True).sum().backward()
    assert x.grad.layout == torch.sparse_coo and x.grad.to_dense().tolist() == [[2, 0, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0]]


def test_accumulation():
    layer = nn.Embedding(6, 2, sparse=True)
    for _ in range(2):
        (layer(torch.tensor([1, 1])).sum() + layer(torch.tensor([3])).sum()).backward()
    assert layer.weight.grad.layout == torch.sparse_coo
    assert layer.weight.grad.to_dense()[:, 0].tolist() == [0, 4, 0, 2, 0, 0]
    layer.weight.sum().backward()
    assert layer.weight.grad.layout == torch.strided and layer.weight.grad[:, 0].tolist() == [1, 5, 1, 3, 1, 1]
    layer(torch.tensor([0])).sum().backward()
    assert layer.weight.grad[:, 0].tolist() == [2, 5, 1, 3, 1, 1]


def test_hooks_see_sparse_gradients():
    layer, seen = nn.Embedding(6, 2, sparse=True), []
    layer.weight.register_hook(lambda g: seen.append(g.layout) or g * 2)
    layer(torch.tensor([1])).sum().backward()
    assert seen == [torch.sparse_coo] and layer.weight.grad.to_dense()[1].tolist() == [2, 2]


def test_frequencies_are_refused():
    layer = nn.Embedding(6, 2, sparse=True, scale_grad_by_freq=True)
    with pytest.raises(RuntimeError, match="scale_grad_by_freq not supported with sparse gradients"):
        layer(torch.tensor([1])).sum().backward()


@pytest.mark.parametrize("make", [lambda p: torch.optim.SGD(p, lr=0.1), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), lambda p: torch.optim.Adagrad(p, lr=0.1)])
def test_optimizers_agree_with_dense_gradients(make):
    results = []
    for sparse in (True, False):
        weight = nn.Parameter(torch.linspace(-1, 1, 12).view(6, 2))
        optimizer = make([weight])
        for rows in ([1, 1, 3], [3, 0, 5]):
            optimizer.zero_grad()
            (nn.functional.embedding(torch.tensor(rows), weight, sparse=sparse) ** 2).sum().backward()
            optimizer.step()
        results.append(weight.detach().numpy())
    np.testing.assert_allclose(results[0], results[1], rtol=1e-6)


def test_sparse_adam_leaves_other_rows_alone():
    weight = nn.Parameter(torch.ones(4, 2))
    optimizer = torch.optim.SparseAdam([weight], lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        nn.functional.embedding(torch.tensor([1, 1, 3]), weight, sparse=True).sum().backward()
        optimizer.step()
    np.testing.assert_allclose(weight.detach().numpy(), [[1, 1], [0.8, 0.8], [1, 1], [0.8, 0.8]], rtol=1e-6)
    weight.grad = torch.ones(4, 2)
    with pytest.raises(RuntimeError, match="SparseAdam does not support dense gradients"):
        optimizer.step()


def test_adam_refuses_sparse_gradients():
    weight = nn.Parameter(torch.ones(4, 2))
    weight.grad = torch.sparse_coo_tensor([[1]], torch.ones(1, 2), (4, 2))
    with pytest.raises(RuntimeError, match="please consider SparseAdam instead"):
        torch.optim.Adam([weight]).step()
