"""Older names of torch.amp for the device type "cuda"."""
import warnings

import kagari


class autocast(kagari.amp.autocast):
    """torch.amp.autocast("cuda", ...)."""

    def __init__(self, enabled=True, dtype=kagari.float16, cache_enabled=True):
        warnings.warn("`torch.cuda.amp.autocast(args...)` is deprecated. Please use `torch.amp.autocast('cuda', args...)` instead.", FutureWarning, stacklevel=2)
        super().__init__("cuda", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)


class GradScaler(kagari.amp.GradScaler):
    """torch.amp.GradScaler("cuda", ...)."""

    def __init__(self, init_scale=65536.0, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000, enabled=True):
        super().__init__("cuda", init_scale=init_scale, growth_factor=growth_factor, backoff_factor=backoff_factor, growth_interval=growth_interval,
                         enabled=enabled)


def custom_fwd(fwd=None, **kwargs):
    """torch.amp.custom_fwd for the device type "cuda"."""
    return kagari.amp.custom_fwd(fwd, device_type="cuda", **kwargs)


def custom_bwd(bwd=None):
    """torch.amp.custom_bwd for the device type "cuda"."""
    return kagari.amp.custom_bwd(bwd, device_type="cuda")
