"""Making sparse tensors, their parts, their text, and bad input."""
import io
import pickle

import numpy as np
import pytest

import kagari as torch


def coo():
    return torch.sparse_coo_tensor([[0, 1, 1], [2, 0, 2]], [3., 4., 5.], (2, 3))


DENSE = np.array([[0, 0, 3], [4, 0, 5]], np.float32)


def test_coo_and_its_parts():
    s = coo()
    assert s.layout == torch.sparse_coo and s.is_sparse and not s.is_sparse_csr
    assert (s.shape, s.numel(), s.dim(), s._nnz(), s.sparse_dim(), s.dense_dim()) == ((2, 3), 6, 2, 3, 2, 0)
    assert not s.is_coalesced() and s.stride() == (0, 0) and not s.is_contiguous() and s.type() == "torch.sparse.FloatTensor"
    np.testing.assert_array_equal(s.to_dense().numpy(), DENSE)
    c = s.coalesce()
    assert c.is_coalesced() and c.indices().tolist() == [[0, 1, 1], [2, 0, 2]] and c.values().tolist() == [3, 4, 5]


def test_duplicates_are_added():
    s = torch.sparse_coo_tensor([[1, 0, 1]], [[1., 2.], [3., 4.], [5., 6.]], (3, 2)).coalesce()
    assert s.indices().tolist() == [[0, 1]] and s.values().tolist() == [[3, 4], [6, 8]]
    truth = torch.sparse_coo_tensor([[1, 1]], [True, False], (3,)).coalesce()
    assert truth.values().tolist() == [True]


def test_sizes_from_indices_and_sizes_alone():
    assert torch.sparse_coo_tensor([[0, 4]], [[1.], [2.]]).shape == (5, 1)
    empty = torch.sparse_coo_tensor(size=(2, 3))
    assert empty._nnz() == 0 and empty._indices().shape == (2, 0)
    assert torch.zeros(2, 3, layout=torch.sparse_csr).crow_indices().tolist() == [0, 0, 0]
    assert torch.zeros_like(coo())._nnz() == 0


@pytest.mark.parametrize("layout, compressed, plain, values", [
    ("csr", [0, 1, 3], [2, 0, 2], [3, 4, 5]), ("csc", [0, 1, 1, 3], [1, 0, 1], [4, 3, 5])])
def test_compressed_layouts(layout, compressed, plain, values):
    m = getattr(coo(), f"to_sparse_{layout}")()
    first, second = ("crow_indices", "col_indices") if layout == "csr" else ("ccol_indices", "row_indices")
    assert getattr(m, first)().tolist() == compressed and getattr(m, second)().tolist() == plain and m.values().tolist() == values
    again = getattr(torch, f"sparse_{layout}_tensor")(compressed, plain, m.values(), (2, 3))
    np.testing.assert_array_equal(again.to_dense().numpy(), DENSE)
    np.testing.assert_array_equal(again.to_sparse().to_dense().numpy(), DENSE)
    np.testing.assert_array_equal(again.to_sparse_csr().to_sparse_csc().to_dense().numpy(), DENSE)


@pytest.mark.parametrize("layout", ["bsr", "bsc"])
def test_blocks(layout):
    dense = np.arange(1., 25.).reshape(4, 6) * (np.indices((4, 6)).sum(0) // 2 % 2)
    m = getattr(torch.from_numpy(dense), f"to_sparse_{layout}")((2, 3))
    assert m.values().shape[1:] == (2, 3)
    np.testing.assert_array_equal(m.to_dense().numpy(), dense)
    np.testing.assert_array_equal(m.t().to_dense().numpy(), dense.T)


def test_hybrid_and_scalar():
    dense = np.zeros((3, 2, 2))
    dense[1] = [[1, 0], [2, 3]]
    s = torch.from_numpy(dense).to_sparse(1)
    assert (s.sparse_dim(), s.dense_dim(), s._nnz()) == (1, 2, 1)
    np.testing.assert_array_equal(s.to_dense().numpy(), dense)
    zero_dim = torch.sparse_coo_tensor(torch.zeros(0, 2, dtype=torch.int64), torch.tensor([2., 3.]), ())
    assert zero_dim.to_dense().item() == 5 and torch.tensor(2.).to_sparse().item() == 2


def test_old_classes():
    made = torch.sparse.DoubleTensor(torch.tensor([[0, 1]]), torch.tensor([1, 2]), torch.Size([3]))
    assert made.dtype == torch.float64 and made.to_dense().tolist() == [1, 2, 0] and isinstance(made, torch.sparse.DoubleTensor)
    assert not isinstance(made, torch.sparse.FloatTensor) and torch.sparse.FloatTensor(2, 3).shape == (2, 3)


def test_without_entries():
    for shape in ((0, 3), (3, 0), (2, 3)):
        s = torch.sparse_coo_tensor(size=shape)
        for made in (s, s.coalesce(), s.to_sparse_csr(), s.to_sparse_csc(), s + s, s.to_sparse_csr().t()):
            assert made._nnz() == 0 and (made.to_dense() == 0).all()
        assert s.sum() == 0 and (s @ torch.ones(shape[1], 2)).shape == (shape[0], 2)
    with pytest.raises(RuntimeError, match="sparse_dim\\(\\)!=2 is not supported"):
        torch.ones(2, 2).to_sparse(1).to_sparse_csr()


def test_text():
    assert repr(coo()) == ("tensor(indices=tensor([[0, 1, 1],\n                       [2, 0, 2]]),\n       values=tensor([3., 4., 5.]),\n"
                           "       size=(2, 3), nnz=3, layout=torch.sparse_coo)")
    assert repr(coo().double().to_sparse_csr()) == (
        "tensor(crow_indices=tensor([0, 1, 3]),\n       col_indices=tensor([2, 0, 2]),\n       values=tensor([3., 4., 5.]), size=(2, 3), "
        "nnz=3, dtype=torch.float64,\n       layout=torch.sparse_csr)")
    assert "values=tensor([], size=(0,))" in repr(torch.sparse_coo_tensor(size=(2, 3)))
    assert repr(coo().requires_grad_()).endswith("layout=torch.sparse_coo, requires_grad=True)")


BAD = [
    (lambda: torch.sparse_coo_tensor([[0, 5], [0, 0]], [1., 2.], (2, 3)), RuntimeError, "size is inconsistent with indices: for dim 0, size is 2 but found index 5"),
    (lambda: torch.sparse_coo_tensor([[0, -1], [0, 0]], [1., 2.], (2, 3)), RuntimeError, "found negative index -1 for dim 0"),
    (lambda: torch.sparse_coo_tensor([[0], [0]], [1.], (2,)), RuntimeError, r"'len\(size\) == sparse_dim \+ dense_dim' is not satisfied"),
    (lambda: torch.sparse_coo_tensor([[0, 1]], [1., 2., 3.], (2,)), RuntimeError, "indices and values must have same nnz"),
    (lambda: torch.sparse_coo_tensor([[0, 1]], torch.ones(2, 4), (2, 3)), RuntimeError, r"values has incorrect size, expected \[2, 3\], got \[2, 4\]"),
    (lambda: torch.sparse_coo_tensor([[1, 0]], [1., 2.], (2,), is_coalesced=True), RuntimeError, "cannot set is_coalesced to true"),
    (lambda: torch.sparse_csr_tensor([0, 1, 2], [0, 7], [1., 2.], (2, 3)), RuntimeError, "`0 <= col_indices < ncols` is not satisfied"),
    (lambda: torch.sparse_csr_tensor([1, 1, 2], [0, 1], [1., 2.], (2, 3)), RuntimeError, r"`crow_indices\[..., 0\] == 0` is not satisfied"),
    (lambda: torch.sparse_csr_tensor([0, 2, 1], [0, 1], [1., 2.], (2, 3)), RuntimeError, r"`crow_indices\[..., -1\] == nnz` is not satisfied"),
    (lambda: torch.sparse_csr_tensor([0, 3, 2], [0, 1], [1., 2.], (2, 3)), RuntimeError, "is not satisfied"),
    (lambda: torch.sparse_csr_tensor([0, 1, 2, 2], [0, 1], [1., 2.], (2, 3)), RuntimeError, "must be equal to the number of rows"),
    (lambda: torch.sparse_csr_tensor([0, 2, 2], [1, 0], [1., 2.], (2, 3), check_invariants=True), RuntimeError, "are sorted and distinct"),
    (lambda: torch.sparse_compressed_tensor([0, 1], [0], [1.], (1, 1)), RuntimeError, "expected sparse compressed tensor layout but got none"),
    (lambda: coo().indices(), RuntimeError, "Cannot get indices on an uncoalesced tensor"),
    (lambda: coo().crow_indices(), RuntimeError, "crow_indices expected sparse row compressed tensor layout but got Sparse"),
    (lambda: torch.ones(2).coalesce(), RuntimeError, "coalesce expected sparse coordinate tensor layout but got Strided"),
    (lambda: torch.ones(2, 2).to_sparse(3), RuntimeError, r"sparse_dim argument must be in \[0,2\] range, but 3 is given"),
    (lambda: coo().numpy(), TypeError, "can't convert Sparse layout tensor to numpy"),
    (lambda: coo().tolist(), RuntimeError, "torch.sparse_coo"),
    (lambda: coo().data_ptr(), RuntimeError, "torch.sparse_coo"),
    (lambda: coo().untyped_storage(), NotImplementedError, "Cannot access storage"),
    (lambda: coo().exp(), NotImplementedError, "Could not run 'aten::exp'"),
    (lambda: torch.where(coo(), 1, 2), NotImplementedError, "where"),
    (lambda: coo().view(6), NotImplementedError, "view"),
    (lambda: coo().reshape(6), RuntimeError, "reshape is not implemented for sparse tensors"),
    (lambda: coo().__setitem__(0, 1), TypeError, "Cannot assign to a sparse tensor"),
    (lambda: torch.ones(2, 3).copy_(coo()), RuntimeError, r"copy_\(\) between dense and sparse Tensors is not implemented"),
    (lambda: torch.add(torch.ones(2, 3), 1, out=coo()), RuntimeError, "cannot be written into a tensor of layout torch.sparse_coo"),
    (lambda: torch.ones(2, 2, layout=torch.sparse_coo), NotImplementedError, "cannot be filled"),
]


@pytest.mark.parametrize("call, error, text", BAD)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_indices_written_to_are_checked_again():
    s, c = coo().coalesce(), coo().to_sparse_csr()
    s._indices().fill_(1000)
    c.col_indices().fill_(-1)
    for call in (s.to_dense, s.coalesce, c.to_dense, lambda: s @ torch.ones(3, 1), lambda: c @ torch.ones(3, 1), s.to_sparse_csr):
        with pytest.raises(RuntimeError, match="indices of a sparse tensor are out of range"):
            call()


def test_strict_checks_can_be_switched():
    switch = torch.sparse.check_sparse_tensor_invariants
    unsorted = ([0, 2, 2], [1, 0], [1., 2.], (2, 3))
    assert not switch.is_enabled()
    with switch():
        assert switch.is_enabled()
        with pytest.raises(RuntimeError, match="sorted and distinct"):
            torch.sparse_csr_tensor(*unsorted)
    assert not switch.is_enabled()
    np.testing.assert_array_equal((torch.sparse_csr_tensor(*unsorted) @ torch.eye(3)).numpy(), [[2, 1, 0], [0, 0, 0]])


def test_saved_and_copied():
    import copy
    for s in (coo(), coo().coalesce(), coo().to_sparse_csr(), coo().to_sparse_csc(), torch.eye(4).to_sparse_bsr((2, 2))):
        file = io.BytesIO()
        torch.save({"s": s}, file)
        file.seek(0)
        for other in (torch.load(file)["s"], pickle.loads(pickle.dumps(s)), copy.deepcopy(s), s.clone()):
            assert other.layout == s.layout and other.shape == s.shape
            assert not s.is_sparse or other.is_coalesced() == s.is_coalesced()
            np.testing.assert_array_equal(other.to_dense().numpy(), s.to_dense().numpy())


def test_indices_from_one_form_to_another():
    rows, begins, columns = torch.tensor([0, 0, 2]), [0, 2, 2, 3], torch.tensor([1, 2, 0])
    assert torch._convert_indices_from_coo_to_csr(rows, 3).tolist() == begins
    assert torch._convert_indices_from_csr_to_coo(torch.tensor(begins), columns).tolist() == [[0, 0, 2], [1, 2, 0]]
    assert torch._convert_indices_from_csr_to_coo(torch.tensor(begins), columns, transpose=True, out_int32=True).dtype == torch.int32
    with pytest.raises(RuntimeError, match="out of range"):
        torch._convert_indices_from_coo_to_csr(rows, 2)


def test_diagonals():
    made = torch.sparse.spdiags(torch.tensor([[1., 2., 3.], [4., 5., 6.]]), torch.tensor([0, -1]), (3, 3))
    np.testing.assert_array_equal(made.to_dense().numpy(), [[1, 0, 0], [4, 2, 0], [0, 5, 3]])
    with pytest.raises(RuntimeError, match="duplicate"):
        torch.sparse.spdiags(torch.ones(2, 3), torch.tensor([0, 0]), (3, 3))
