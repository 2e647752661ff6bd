"""Tensor parallelism does not exist here; the names raise NotImplementedError when used."""
from kagari.distributed._absent import absent

globals().update(absent("torch.distributed.tensor.parallel",
                        classes=("ParallelStyle", "ColwiseParallel", "RowwiseParallel", "SequenceParallel", "PrepareModuleInput", "PrepareModuleOutput",
                                 "PrepareModuleInputOutput"),
                        functions=("parallelize_module", "loss_parallel")))
