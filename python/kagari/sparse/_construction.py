"""The functions that make sparse tensors from their parts, and the switch of their checks."""
import functools

import kagari

__all__ = ["sparse_coo_tensor", "sparse_compressed_tensor", "sparse_csr_tensor", "sparse_csc_tensor", "sparse_bsr_tensor",
           "sparse_bsc_tensor", "check_sparse_tensor_invariants"]


class check_sparse_tensor_invariants:
    """Switches the strict checks of new sparse tensors: a context manager, a decorator, or ``enable()`` and ``disable()``.

    Shapes and bounds of indices are checked always. Strict checks also reject compressed indices that are not sorted and distinct.
    """
    _strict = False

    def __init__(self, enable=True):
        self._wanted = enable
        self._before = None

    @staticmethod
    def is_enabled():
        """Whether new sparse tensors are checked strictly."""
        return check_sparse_tensor_invariants._strict

    @staticmethod
    def enable():
        """From now on new sparse tensors are checked strictly."""
        check_sparse_tensor_invariants._strict = True

    @staticmethod
    def disable():
        """Ends strict checks."""
        check_sparse_tensor_invariants._strict = False

    def __enter__(self):
        if self._before is not None:
            raise RuntimeError("this instance of check_sparse_tensor_invariants is active already; make another one for a nested block")
        self._before = self.is_enabled()
        check_sparse_tensor_invariants._strict = self._wanted

    def __exit__(self, *exception):
        check_sparse_tensor_invariants._strict, self._before = self._before, None

    def __call__(self, function):
        @functools.wraps(function)
        def checked(*args, **kwargs):
            with type(self)(self._wanted):
                return function(*args, **kwargs)
        return checked


def _strict(check_invariants):
    return check_sparse_tensor_invariants.is_enabled() if check_invariants is None else bool(check_invariants)


def _tensor(data, dtype=None, device=None):
    if isinstance(data, kagari.Tensor):
        return data if dtype is None and device is None else data.to(dtype=dtype, device=device)
    return kagari.tensor(data, dtype=dtype, device=device)


def _indices(data):
    made = _tensor(data)
    return made.to(kagari.int64) if not made.dtype.is_complex and made.numel() == 0 else made


def _finish(made, requires_grad):
    return made.detach().requires_grad_() if requires_grad else made


def sparse_coo_tensor(indices=None, values=None, size=None, *, dtype=None, device=None, pin_memory=False, requires_grad=False,
                      check_invariants=None, is_coalesced=None):
    """A sparse tensor of coordinates: ``values[n]`` stands at ``indices[:, n]``; values of one place count as their sum.

    Arguments:
        indices: (sparse dimensions, nnz), integers; a tensor or nested sequences.
        values: (nnz, dense dimensions...). Gradients flow to it.
        size: by default the smallest that holds the indices. With a size alone the tensor has no values.
        dtype, device, requires_grad: as for :func:`torch.tensor`.
        check_invariants: bounds and shapes are checked always.
        is_coalesced: says that the indices are sorted and distinct, which is checked.

    RuntimeError for an index out of range and for shapes that do not fit.

    >>> torch.sparse_coo_tensor([[0, 1], [2, 0]], [3., 4.], (2, 3)).to_dense()
    tensor([[0., 0., 3.],
            [4., 0., 0.]])
    """
    if values is None and (indices is None) != (size is None):
        sizes = indices if size is None else size
        if isinstance(sizes, kagari.Tensor) or not all(isinstance(s, int) for s in sizes):
            raise TypeError("sparse_coo_tensor(): expected indices and values, or a size of ints")
        made = kagari._empty_sparse(tuple(sizes), dtype or kagari.get_default_dtype(), kagari.sparse_coo)
        return _finish(made, requires_grad)
    if indices is None or values is None:
        raise TypeError("sparse_coo_tensor(): expected indices and values, or a size of ints")
    indices, values = _indices(indices), _tensor(values, dtype, device)
    if size is None:
        made = kagari._sparse_coo_tensor_unsafe(indices, values)
    else:
        made = kagari._sparse_coo_tensor_unsafe(indices, values, tuple(size), is_coalesced=is_coalesced)
    return _finish(made, requires_grad)


def sparse_compressed_tensor(compressed_indices, plain_indices, values, size=None, *, dtype=None, layout=None, device=None,
                             pin_memory=False, requires_grad=False, check_invariants=None):
    """A matrix whose rows (CSR, BSR) or columns (CSC, BSC) are compressed.

    Arguments:
        compressed_indices: where each row (column) begins among the values, and the end; one more than there are rows (columns).
        plain_indices: the column (row) of each value.
        values: (nnz,), or (nnz, block rows, block columns) for blocks.
        size: by default the smallest that holds the indices.
        layout: one of ``torch.sparse_csr``, ``sparse_csc``, ``sparse_bsr``, ``sparse_bsc``; required.
        check_invariants: also check that the indices of a row (column) are sorted and distinct.

    RuntimeError for indices out of range and for shapes that do not fit.
    """
    if layout is None or layout not in (kagari.sparse_csr, kagari.sparse_csc, kagari.sparse_bsr, kagari.sparse_bsc):
        raise RuntimeError("sparse_compressed_tensor expected sparse compressed tensor layout but got "
                           + ("none" if layout is None else str(layout)))
    compressed, plain, values = _indices(compressed_indices), _indices(plain_indices), _tensor(values, dtype, device)
    if size is None:
        by_rows = layout in (kagari.sparse_csr, kagari.sparse_bsr)
        blocks = values.shape[1:3] if layout in (kagari.sparse_bsr, kagari.sparse_bsc) else (1, 1)
        along, across = compressed.shape[-1] - 1, int(plain.max()) + 1 if plain.numel() else 0
        rows, columns = (along, across) if by_rows else (across, along)
        size = (rows * blocks[0], columns * blocks[1], *values.shape[(3 if len(blocks) and layout in (kagari.sparse_bsr, kagari.sparse_bsc) else 1):])
    made = kagari._sparse_compressed_tensor_unsafe(compressed, plain, values, tuple(size), layout, _strict(check_invariants))
    return _finish(made, requires_grad)


def _in_layout(name, compressed, plain):
    layout = getattr(kagari, name)

    def make(compressed_indices, plain_indices, values, size=None, *, dtype=None, device=None, pin_memory=False, requires_grad=False,
             check_invariants=None):
        return sparse_compressed_tensor(compressed_indices, plain_indices, values, size, dtype=dtype, layout=layout, device=device,
                                        pin_memory=pin_memory, requires_grad=requires_grad, check_invariants=check_invariants)

    def by_name(*args, **kwargs):
        for own, general in ((compressed, "compressed_indices"), (plain, "plain_indices")):
            if own in kwargs:
                kwargs[general] = kwargs.pop(own)
        return make(*args, **kwargs)

    by_name.__name__ = by_name.__qualname__ = f"{name}_tensor"
    by_name.__doc__ = (f"``{name}_tensor({compressed}, {plain}, values, size=None, *, dtype=None, device=None, requires_grad=False, "
                       f"check_invariants=None)``\n\n    A matrix of layout ``torch.{name}``: see :func:`sparse_compressed_tensor`.")
    return by_name


sparse_csr_tensor = _in_layout("sparse_csr", "crow_indices", "col_indices")
sparse_csc_tensor = _in_layout("sparse_csc", "ccol_indices", "row_indices")
sparse_bsr_tensor = _in_layout("sparse_bsr", "crow_indices", "col_indices")
sparse_bsc_tensor = _in_layout("sparse_bsc", "ccol_indices", "row_indices")
