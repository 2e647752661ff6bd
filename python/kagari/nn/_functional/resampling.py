"""Interpolation and sampling on grids: modes by name, sizes and scales."""
import math
import warnings

import kagari

_GRID_MODES = {"bilinear": 0, "nearest": 1, "bicubic": 2}
_PADDING_MODES = {"zeros": 0, "border": 1, "reflection": 2}


def _resample(name, input, size, *options):
    """Calls the core's operator ``name``: ``(input, output_size, [align_corners,] scale_factors)``."""
    operator = kagari._C._space__C.get(name)
    if operator is None:
        raise NotImplementedError(f"interpolate: the core has no operator {name}")
    return operator(input, size, *options)


def _check_sizes(size, scale_factor, input):
    spatial = list(input.shape[2:])
    dim = input.dim() - 2
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is not None:
        if not isinstance(size, (list, tuple)):
            return [size] * dim, None
        if len(size) != dim:
            raise ValueError(f"Input and output must have the same number of spatial dimensions, but got input with "
                             f"spatial dimensions of {spatial} and output size of {size}. Please provide input tensor in "
                             "(N, C, d1, d2, ...,dK) format and output size in (o1, o2, ...,oK) format.")
        size = [int(s) if isinstance(s, kagari.Tensor) and s.dim() == 0 and not s.is_floating_point() else s for s in size]
        if not all(isinstance(s, int) for s in size):
            raise TypeError("expected size to be one of int or Tuple[int] or Tuple[int, int] or Tuple[int, int, int], "
                            f"but got size with types {[type(s) for s in size]}")
        return size, None
    if scale_factor is not None:
        if not isinstance(scale_factor, (list, tuple)):
            return None, [float(scale_factor)] * dim
        if len(scale_factor) != dim:
            raise ValueError(f"Input and scale_factor must have the same number of spatial dimensions, but got input "
                             f"with spatial dimensions of {spatial} and scale_factor of shape {scale_factor}. Please "
                             "provide input tensor in (N, C, d1, d2, ...,dK) format and scale_factor in "
                             "(s1, s2, ...,sK) format.")
        return None, [float(s) for s in scale_factor]
    raise ValueError("either size or scale_factor should be defined")


def interpolate(input, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None,
                antialias=False):
    """Resizes (N, C, *spatial) to ``size`` or by ``scale_factor``.

    mode: nearest, nearest-exact, area, linear (3-D input), bilinear and bicubic (4-D), trilinear (5-D).
    align_corners: for the linear modes, whether the corner pixels' centres are the corners.
    recompute_scale_factor: whether the scale is computed again from the rounded output size.
    antialias: for bilinear and bicubic, whether to smooth when shrinking.
    Raises ValueError or NotImplementedError for combinations that make no sense.
    """
    from kagari.nn import functional as F

    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise ValueError("align_corners option can only be set with the interpolating modes: linear | bilinear | "
                             "bicubic | trilinear")
    elif align_corners is None:
        align_corners = False
    size, scales = _check_sizes(size, scale_factor, input)
    if recompute_scale_factor and size is not None:
        raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
    if mode == "area" and size is None:
        recompute_scale_factor = True
    if recompute_scale_factor:
        size = [math.floor(n * s) for n, s in zip(input.size()[2:], scales)]
        scales = None
    if antialias and not (mode in ("bilinear", "bicubic", "lanczos") and input.dim() == 4):
        raise ValueError("Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D "
                         "tensor as input")

    dims = input.dim()
    if mode in ("nearest", "nearest-exact"):
        if dims not in (3, 4, 5):
            raise NotImplementedError(_unsupported(dims, mode))
        prefix = "upsample_nearest" if mode == "nearest" else "_upsample_nearest_exact"
        return _resample(f"{prefix}{dims - 2}d", input, size, scales)
    if mode == "area":
        if dims not in (3, 4, 5):
            raise NotImplementedError(_unsupported(dims, mode))
        return getattr(F, f"adaptive_avg_pool{dims - 2}d")(input, size)
    if dims == 3 and mode == "linear":
        return _resample("upsample_linear1d", input, size, align_corners, scales)
    if dims == 4 and mode == "bilinear":
        name = "_upsample_bilinear2d_aa" if antialias else "upsample_bilinear2d"
        return _resample(name, input, size, align_corners, scales)
    if dims == 4 and mode == "bicubic":
        name = "_upsample_bicubic2d_aa" if antialias else "upsample_bicubic2d"
        return _resample(name, input, size, align_corners, scales)
    if dims == 5 and mode == "trilinear":
        return _resample("upsample_trilinear3d", input, size, align_corners, scales)
    if dims == 4 and mode == "lanczos":
        if not antialias:
            raise ValueError("Lanczos mode requires antialias=True")
        return _resample("_upsample_lanczos2d_aa", input, size, align_corners, scales)
    needs = {"linear": 3, "bilinear": 4, "trilinear": 5}
    if mode in needs and dims in (3, 4, 5):
        raise NotImplementedError(f"Got {dims}D input, but {mode} mode needs {needs[mode]}D input")
    raise NotImplementedError(_unsupported(dims, mode))


def _unsupported(dims, mode):
    return (f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {dims}D) for the modes: nearest | linear | "
            f"bilinear | bicubic | trilinear | lanczos | area | nearest-exact (got {mode})")


def upsample(input, size=None, scale_factor=None, mode="nearest", align_corners=None):
    """An old name of ``interpolate``."""
    warnings.warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2)
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input, size=None, scale_factor=None):
    """An old name of ``interpolate`` with mode nearest."""
    warnings.warn("`nn.functional.upsample_nearest` is deprecated. Use `nn.functional.interpolate` instead.",
                  stacklevel=2)
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input, size=None, scale_factor=None):
    """An old name of ``interpolate`` with mode bilinear and corners aligned."""
    warnings.warn("`nn.functional.upsample_bilinear` is deprecated. Use `nn.functional.interpolate` instead.",
                  stacklevel=2)
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=None):
    """The values of ``input`` (N, C, H, W) at the points of ``grid`` (N, H', W', 2), which are x, y in [-1, 1]; likewise
    with depth. Points outside count as ``padding_mode`` says: zeros, border or reflection."""
    if mode not in _GRID_MODES:
        raise ValueError("nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but "
                         f"got: '{mode}'")
    if padding_mode not in _PADDING_MODES:
        raise ValueError("nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', "
                         f"but got: '{padding_mode}'")
    if align_corners is None:
        warnings.warn("Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. "
                      "Please specify align_corners=True if the old behavior is desired. See the documentation of "
                      "grid_sample for details.", stacklevel=2)
        align_corners = False
    return kagari.grid_sampler(input, grid, _GRID_MODES[mode], _PADDING_MODES[padding_mode], align_corners)


def affine_grid(theta, size, align_corners=None):
    """The grid for ``grid_sample`` that maps by the matrices ``theta`` (N, 2, 3) to outputs of ``size`` (N, C, H, W), or
    (N, 3, 4) to (N, C, D, H, W)."""
    if align_corners is None:
        warnings.warn("Default grid_sample and affine_grid behavior has changed to align_corners=False since 1.3.0. "
                      "Please specify align_corners=True if the old behavior is desired. See the documentation of "
                      "grid_sample for details.", stacklevel=2)
        align_corners = False
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    if len(size) == 4:
        if theta.dim() != 3 or theta.shape[-2] != 2 or theta.shape[-1] != 3:
            raise ValueError(f"Expected a batch of 2D affine matrices of shape Nx2x3 for size {size}. "
                             f"Got {theta.shape}.")
        spatial = size[-2:]
    elif len(size) == 5:
        if theta.dim() != 3 or theta.shape[-2] != 3 or theta.shape[-1] != 4:
            raise ValueError(f"Expected a batch of 3D affine matrices of shape Nx3x4 for size {size}. "
                             f"Got {theta.shape}.")
        spatial = size[-3:]
    else:
        raise NotImplementedError("affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
                                  f"respectively. Got size {size}.")
    if align_corners and min(spatial) == 1:
        warnings.warn("Since version 1.3.0, affine_grid behavior has changed for unit-size grids when "
                      "align_corners=True. See the documentation of affine_grid for details.", stacklevel=2)
    elif min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    return kagari.affine_grid_generator(theta, size, align_corners)
