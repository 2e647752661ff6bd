"""torch.xpu on a machine that kagari drives without Intel GPUs: it says so."""
from kagari._absent_device import members as _members

globals().update(_members("XPU"))
