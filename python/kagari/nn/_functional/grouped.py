"""Products of groups of matrices, and of matrices with scales."""
import enum

import kagari


class ScalingType(enum.IntEnum):
    """Which elements of a matrix share a scale."""
    TensorWise = 0
    RowWise = 1
    BlockWise1x16 = 2
    BlockWise1x32 = 3
    BlockWise1x128 = 4
    BlockWise128x128 = 5


class SwizzleType(enum.IntEnum):
    """The order of scales in memory."""
    NO_SWIZZLE = 0
    SWIZZLE_32_4_4 = 1


def _bounds(offs, length):
    """Pairs (begin, end) of the groups."""
    if offs is None:
        raise RuntimeError("grouped_mm: offs is needed where a matrix is divided into groups")
    ends = offs.tolist()
    if any(not 0 <= a <= b <= length for a, b in zip([0, *ends], ends)):
        raise RuntimeError(f"grouped_mm: offs must not decrease nor exceed {length}, but are {ends}")
    return list(zip([0, *ends], ends))


def grouped_mm(mat_a, mat_b, *, offs=None, bias=None, out_dtype=None):
    """A product for each group: matrices that are divided, or a batch of them.

    (M, K) x (G, K, N): the rows of mat_a are divided into G groups: (M, N). (G, M, K) x (K, N): the columns of mat_b are: (M, N). (M, K) x (K, N):
    K is: (G, M, N). (G, M, K) x (G, K, N): one product for each. offs, int32 of shape (G,): where the groups end; rows, or columns, behind the last
    end are 0. bias (G, N) or (N,) is added. All matrices have one dtype; out_dtype: of the result.

    >>> a, b = torch.ones(3, 2), torch.stack([torch.eye(2), 2 * torch.eye(2)])
    >>> torch.nn.functional.grouped_mm(a, b, offs=torch.tensor([1, 3], dtype=torch.int32))
    tensor([[1., 1.],
            [2., 2.],
            [2., 2.]])
    """
    for name, mat in (("mat_a", mat_a), ("mat_b", mat_b)):
        if mat.dim() not in (2, 3):
            raise RuntimeError(f"grouped_mm: {name} has to be 2 or 3d, but has {mat.dim()} dimensions")
    if mat_a.shape[-1] != mat_b.shape[-2]:
        raise RuntimeError(f"contraction dimension of mat_a and mat_b must match, but the shapes are {tuple(mat_a.shape)} and {tuple(mat_b.shape)}")
    if mat_a.dtype != mat_b.dtype:
        raise RuntimeError(f"Expected mat_a and mat_b to have one dtype, got {mat_a.dtype} and {mat_b.dtype}")

    def added(product, group):
        return product if bias is None else product + (bias if bias.dim() == 1 else bias[group])

    if mat_a.dim() == 3 and mat_b.dim() == 3:
        if offs is not None:
            raise RuntimeError("grouped_mm: offs has no meaning for two batches of matrices")
        result = kagari.bmm(mat_a, mat_b)
        result = result if bias is None else result + (bias if bias.dim() == 1 else bias.unsqueeze(1))
    elif mat_a.dim() == 2 and mat_b.dim() == 2:
        result = kagari.stack([added(mat_a[:, a:b] @ mat_b[a:b], g) for g, (a, b) in enumerate(_bounds(offs, mat_a.shape[1]))])
    elif mat_a.dim() == 2:
        bounds = _bounds(offs, mat_a.shape[0])
        if len(bounds) != mat_b.shape[0]:
            raise RuntimeError("matrix batch sizes have to match: offs and mat_b have different numbers of groups")
        rest = mat_a.new_zeros(mat_a.shape[0] - bounds[-1][1], mat_b.shape[2])
        result = kagari.cat([*(added(mat_a[a:b] @ mat_b[g], g) for g, (a, b) in enumerate(bounds)), rest])
    else:
        bounds = _bounds(offs, mat_b.shape[1])
        if len(bounds) != mat_a.shape[0]:
            raise RuntimeError("matrix batch sizes have to match: offs and mat_a have different numbers of groups")
        if bias is not None:
            raise RuntimeError("grouped_mm: bias is not supported where the columns of mat_b are divided")
        rest = mat_a.new_zeros(mat_a.shape[1], mat_b.shape[1] - bounds[-1][1])
        result = kagari.cat([*(mat_a[g] @ mat_b[:, a:b] for g, (a, b) in enumerate(bounds)), rest], 1)
    return result if out_dtype is None else result.to(out_dtype)


def _scaled_mm(self, mat2, scale_a, scale_b, bias=None, scale_result=None, out_dtype=None, use_fast_accum=False):
    """(self * scale_a) @ (mat2 * scale_b) + bias for float8 matrices, with scales for the whole matrix, or one for each row and column.

    The product is computed in float32 and rounded once to out_dtype (by default the dtype of self).
    """
    for name, mat in (("self", self), ("mat2", mat2)):
        if mat.dim() != 2 or mat.dtype.itemsize != 1 or not mat.dtype.is_floating_point:
            raise RuntimeError(f"_scaled_mm: expected {name} to be a float8 matrix, but got {mat.dtype} with {mat.dim()} dimensions")
    rows, columns = self.shape[0], mat2.shape[1]
    for scale, shape in ((scale_a, (rows, 1)), (scale_b, (1, columns))):
        if scale.numel() != 1 and tuple(scale.shape) != shape:
            raise RuntimeError(f"_scaled_mm: a scale has one element, or the shape {shape}, but is {tuple(scale.shape)}")
    product = (self.float() @ mat2.float()) * scale_a.reshape(-1, 1).float() * scale_b.reshape(1, -1).float()
    if bias is not None:
        product = product + bias.float()
    if scale_result is not None:
        product = product * scale_result
    return product.to(out_dtype or self.dtype)


def scaled_mm(mat_a, mat_b, scale_a, scale_recipe_a, scale_b, scale_recipe_b, swizzle_a=None, swizzle_b=None, bias=None, output_dtype=kagari.bfloat16,
              contraction_dim=(), use_fast_accum=False):
    """(mat_a * scale_a) @ (mat_b * scale_b) + bias for float8 matrices. Recipes: ScalingType.TensorWise or RowWise; others NotImplementedError."""
    def only(value):
        return value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value
    for recipe, swizzle in ((only(scale_recipe_a), only(swizzle_a)), (only(scale_recipe_b), only(swizzle_b))):
        if recipe not in (ScalingType.TensorWise, ScalingType.RowWise) or swizzle not in (None, SwizzleType.NO_SWIZZLE):
            raise NotImplementedError(f"scaled_mm: scales of the kind {recipe!r} with the order {swizzle!r} are not supported")
    if contraction_dim:
        raise NotImplementedError("scaled_mm: contraction_dim is not supported")
    return _scaled_mm(mat_a, mat_b, only(scale_a), only(scale_b), bias, None, output_dtype, use_fast_accum)


def scaled_grouped_mm(mat_a, mat_b, scale_a, scale_recipe_a, scale_b, scale_recipe_b, swizzle_a=None, swizzle_b=None, bias=None, offs=None,
                      output_dtype=kagari.bfloat16, contraction_dim=(), use_fast_accum=False):
    """Products of groups of float8 matrices with a scale for each row: not supported."""
    raise NotImplementedError("scaled_grouped_mm is not supported")
