"""torch.functional: the same functions that torch itself has."""

_NAMES = ("atleast_1d", "atleast_2d", "atleast_3d", "align_tensors", "broadcast_shapes", "broadcast_tensors", "cartesian_prod", "block_diag", "cdist",
          "chain_matmul", "einsum", "istft", "lu", "norm", "meshgrid", "pca_lowrank", "split", "stft", "svd_lowrank", "tensordot", "unique",
          "unique_consecutive", "unravel_index")
__all__ = list(_NAMES)


def __getattr__(name):
    if name in _NAMES:
        import kagari
        return getattr(kagari, name)
    raise AttributeError(f"module 'torch.functional' has no attribute {name!r}")
