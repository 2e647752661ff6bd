"""torch.autograd.profiler_legacy: the older name of torch.autograd.profiler.profile."""
from kagari.autograd.profiler import profile

__all__ = ["profile"]
