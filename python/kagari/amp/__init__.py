"""Mixed precision: GradScaler, and autocast as far as it is off."""
from kagari.amp.autocast_mode import autocast, custom_bwd, custom_fwd, is_autocast_available
from kagari.amp.grad_scaler import GradScaler

__all__ = ["autocast", "custom_bwd", "custom_fwd", "is_autocast_available", "GradScaler"]
