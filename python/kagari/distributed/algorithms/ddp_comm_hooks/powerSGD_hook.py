"""Gradients compressed to low rank do not exist here; the names raise NotImplementedError when used."""
from kagari.distributed._absent import absent

globals().update(absent("torch.distributed.algorithms.ddp_comm_hooks.powerSGD_hook", classes=("PowerSGDState",), functions=("powerSGD_hook", "batched_powerSGD_hook")))
