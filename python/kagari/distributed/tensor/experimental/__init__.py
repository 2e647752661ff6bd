"""Experiments with spread tensors; the names raise NotImplementedError when used."""
from kagari.distributed._absent import absent

globals().update(absent("torch.distributed.tensor.experimental", functions=("context_parallel", "implicit_replication", "local_map", "register_sharding")))
