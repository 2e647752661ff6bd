"""Fully sharded data parallelism: the options, which are data, and the names of what does not exist."""
import enum
from dataclasses import dataclass

import kagari
from kagari.distributed._absent import absent, absent_class, absent_function

globals().update(absent(__name__.replace("kagari", "torch"), classes=("UnshardHandle", "StateDictSettings", "DataParallelMeshDims"),
                        functions=("fully_shard", "register_fsdp_forward_method", "share_comm_ctx")))
FullyShardedDataParallel = absent_class("FullyShardedDataParallel", "torch.distributed.fsdp", (kagari.nn.Module,))
for _name in ("state_dict_type set_state_dict_type get_state_dict_type summon_full_params optim_state_dict optim_state_dict_to_load full_optim_state_dict "
              "sharded_optim_state_dict scatter_full_optim_state_dict shard_full_optim_state_dict rekey_optim_state_dict flatten_sharded_optim_state_dict").split():
    setattr(FullyShardedDataParallel, _name, staticmethod(absent_function(f"FullyShardedDataParallel.{_name}", "torch.distributed.fsdp")))
FullyShardedDataParallel.fsdp_modules = staticmethod(lambda module, root_only=False: [])
FSDPModule = absent_class("FSDPModule", "torch.distributed.fsdp")


class ShardingStrategy(enum.Enum):
    """What is sharded."""
    FULL_SHARD = enum.auto()
    SHARD_GRAD_OP = enum.auto()
    NO_SHARD = enum.auto()
    HYBRID_SHARD = enum.auto()
    _HYBRID_SHARD_ZERO2 = enum.auto()


class BackwardPrefetch(enum.Enum):
    """When the next parameters are fetched in backward."""
    BACKWARD_PRE = enum.auto()
    BACKWARD_POST = enum.auto()


class StateDictType(enum.Enum):
    """The form of state_dict()."""
    FULL_STATE_DICT = enum.auto()
    LOCAL_STATE_DICT = enum.auto()
    SHARDED_STATE_DICT = enum.auto()


class OptimStateKeyType(enum.Enum):
    """The keys of an optimizer's state."""
    PARAM_NAME = enum.auto()
    PARAM_ID = enum.auto()


@dataclass
class MixedPrecision:
    """Dtypes of parameters, gradients and buffers."""
    param_dtype: object = None
    reduce_dtype: object = None
    buffer_dtype: object = None
    keep_low_precision_grads: bool = False
    cast_forward_inputs: bool = False
    cast_root_forward_inputs: bool = True
    _module_classes_to_ignore: tuple = ()


@dataclass(frozen=True)
class MixedPrecisionPolicy:
    """Dtypes of parameters, gradients and outputs."""
    param_dtype: object = None
    reduce_dtype: object = None
    output_dtype: object = None
    cast_forward_inputs: bool = True


@dataclass
class OffloadPolicy:
    """Nothing is offloaded."""


@dataclass
class CPUOffloadPolicy(OffloadPolicy):
    """Parameters are kept on the CPU."""
    pin_memory: bool = True


@dataclass
class CPUOffload:
    """Whether parameters are kept on the CPU."""
    offload_params: bool = False


@dataclass
class StateDictConfig:
    """How state_dict() is made."""
    offload_to_cpu: bool = False


@dataclass
class FullStateDictConfig(StateDictConfig):
    rank0_only: bool = False


@dataclass
class LocalStateDictConfig(StateDictConfig):
    pass


@dataclass
class ShardedStateDictConfig(StateDictConfig):
    _use_dtensor: bool = False


@dataclass
class OptimStateDictConfig:
    """How an optimizer's state is made."""
    offload_to_cpu: bool = True


@dataclass
class FullOptimStateDictConfig(OptimStateDictConfig):
    rank0_only: bool = False


@dataclass
class LocalOptimStateDictConfig(OptimStateDictConfig):
    offload_to_cpu: bool = False


@dataclass
class ShardedOptimStateDictConfig(OptimStateDictConfig):
    _use_dtensor: bool = False


def __getattr__(name):
    if name in ("wrap", "sharded_grad_scaler"):
        import importlib
        return importlib.import_module(f"kagari.distributed.fsdp.{name}")
    raise AttributeError(f"module 'torch.distributed.fsdp' has no attribute {name!r}")
