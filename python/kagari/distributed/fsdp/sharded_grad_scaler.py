"""The scaler of gradients for sharded parameters, which do not exist."""
from kagari.amp.grad_scaler import GradScaler
from kagari.distributed._absent import absent_class

ShardedGradScaler = absent_class("ShardedGradScaler", "torch.distributed.fsdp.sharded_grad_scaler", (GradScaler,))
