"""Optimizers over several processes do not exist here; the names raise NotImplementedError when used."""
from kagari.distributed._absent import absent

globals().update(absent("torch.distributed.optim", classes=("DistributedOptimizer", "PostLocalSGDOptimizer", "ZeroRedundancyOptimizer"),
                        functions=("as_functional_optim",)))
