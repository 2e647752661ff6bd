"""Functions of sparse tensors: products, sums, softmax, and the check of their invariants.

A sparse tensor keeps the elements that are not zero and where they are: as coordinates (``torch.sparse_coo``), or as a matrix whose
rows or columns are compressed (``torch.sparse_csr``, ``sparse_csc``, and ``sparse_bsr``, ``sparse_bsc`` for blocks).
"""
import kagari

from ._construction import check_sparse_tensor_invariants

__all__ = ["addmm", "check_sparse_tensor_invariants", "mm", "sum", "softmax", "log_softmax", "as_sparse_gradcheck",
           "SparseSemiStructuredTensor", "SparseSemiStructuredTensorCUSPARSELT", "SparseSemiStructuredTensorCUTLASS", "to_sparse_semi_structured", "solve"]


def mm(mat1, mat2, reduce=None):
    """The product of two matrices, of which at least one is sparse.

    sparse @ dense is dense, sparse @ sparse is sparse; both arguments get gradients, a sparse one at its places. ``reduce`` ("sum",
    "mean", "amax", "amin"), for a CSR matrix times a dense one, says how the terms of an element are combined.

    >>> torch.sparse.mm(torch.eye(2).to_sparse(), torch.ones(2, 1))
    tensor([[1.],
            [1.]])
    """
    return kagari.mm(mat1, mat2) if reduce is None else kagari._sparse_mm_reduce(mat1, mat2, reduce)


def addmm(mat, mat1, mat2, *, beta=1.0, alpha=1.0):
    """``beta * mat + alpha * (mat1 @ mat2)`` for a sparse ``mat1``."""
    return kagari.addmm(mat, mat1, mat2, beta=beta, alpha=alpha)


sampled_addmm = kagari.sparse_sampled_addmm


def sum(input, dim=None, dtype=None):
    """The sum over some dimensions (all by default): sparse as long as a sparse dimension is left.

    >>> torch.sparse.sum(torch.eye(3).to_sparse(), 0).to_dense()
    tensor([1., 1., 1.])
    """
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return input.sum(dtype=dtype)
    if dtype is None and input.dtype == kagari.bool:
        dtype = kagari.bool             # the "or" of truth values, where Tensor.sum counts them
    return input.sum(dim, dtype=dtype)


def softmax(input, dim, *, dtype=None):
    """The softmax along ``dim`` of a COO tensor, where a place without a value counts as minus infinity."""
    return kagari._sparse_softmax(input, dim, dtype)


def log_softmax(input, dim, *, dtype=None):
    """The logarithm of :func:`softmax`."""
    return kagari._sparse_log_softmax(input, dim, dtype)


def spdiags(diagonals, offsets, shape, layout=None):
    """A sparse matrix of the given shape with row k of ``diagonals`` on the diagonal ``offsets[k]``.

    Element (i, i + offset) is ``diagonals[k, i + offset]``. Offsets must be distinct; ``layout`` is COO, CSR or CSC.
    """
    made = kagari._spdiags(diagonals, offsets, tuple(shape))
    return made if layout is None else made.to_sparse(layout=layout)


class _ClassOfOneDtype(type):
    """The old classes of sparse tensors: calling one makes a COO tensor of its dtype."""

    def __call__(cls, *arguments, **options):
        if len(arguments) == 1 and isinstance(arguments[0], (tuple, list)):
            return kagari.sparse_coo_tensor(size=arguments[0], dtype=cls.dtype, **options)
        if arguments and all(isinstance(a, int) for a in arguments):
            return kagari.sparse_coo_tensor(size=arguments, dtype=cls.dtype, **options)
        if not arguments:
            return kagari.sparse_coo_tensor(size=(0,), dtype=cls.dtype, **options)
        return kagari.sparse_coo_tensor(*arguments, dtype=cls.dtype, **options)

    def __instancecheck__(cls, obj):
        return isinstance(obj, kagari.Tensor) and obj.is_sparse and obj.dtype == cls.dtype


for _name, _dtype in (("Float", kagari.float32), ("Double", kagari.float64), ("Half", kagari.float16), ("BFloat16", kagari.bfloat16),
                      ("Byte", kagari.uint8), ("Char", kagari.int8), ("Short", kagari.int16), ("Int", kagari.int32), ("Long", kagari.int64)):
    globals()[f"{_name}Tensor"] = _ClassOfOneDtype(f"{_name}Tensor", (), {"dtype": _dtype, "__module__": __name__,
                                                   "__doc__": f"COO tensors of dtype {_dtype}; the old form of torch.sparse_coo_tensor."})
del _name, _dtype


def _of_values(func, inputs):
    """A function of strided tensors, and its arguments: in place of each sparse one stand its values."""
    patterns = [x.detach() if isinstance(x, kagari.Tensor) and x.layout != kagari.strided else None for x in inputs]
    patterns = [p.coalesce() if p is not None and p.is_sparse else p for p in patterns]
    arguments = tuple(x if p is None else p.values().clone().requires_grad_(x.requires_grad) for x, p in zip(inputs, patterns))

    def function(*values):
        result = func(*(v if p is None else kagari._with_sparse_values(p, v) for v, p in zip(values, patterns)))
        results = result if isinstance(result, (tuple, list)) else (result,)
        results = tuple(r.to_dense() if isinstance(r, kagari.Tensor) and r.layout != kagari.strided else r for r in results)
        return results if isinstance(result, (tuple, list)) else results[0]

    return function, arguments


def as_sparse_gradcheck(gradcheck):
    """``gradcheck`` for functions of sparse tensors: the checked variables are the values of the sparse arguments.

    ``masked`` is accepted: gradients of sparse tensors have the places of the tensor in any case.
    """
    def checked(func, inputs, **options):
        options.pop("masked", None)
        return gradcheck(*_of_values(func, (inputs,) if isinstance(inputs, kagari.Tensor) else tuple(inputs)), **options)
    return checked


def solve(*args, **kwargs):
    """RuntimeError: sparse systems are solved on CUDA devices only; of a dense matrix: torch.linalg.solve."""
    raise RuntimeError("sparse.solve needs a CUDA device; torch.linalg.solve takes dense matrices")


def __getattr__(name):
    if name in ("SparseSemiStructuredTensor", "SparseSemiStructuredTensorCUSPARSELT", "SparseSemiStructuredTensorCUTLASS", "to_sparse_semi_structured"):
        from kagari.sparse import semi_structured
        return getattr(semi_structured, name)
    raise AttributeError(f"module 'torch.sparse' has no attribute {name!r}")
