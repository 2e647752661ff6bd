"""Training on several processes, which kagari does not have yet: is_available() says so, and the rest raises."""
import enum


def is_available():
    return False


def is_initialized():
    return False


def is_torchelastic_launched():
    import os
    return "TORCHELASTIC_RUN_ID" in os.environ


def _is_no_backend():
    return False


is_gloo_available = is_mpi_available = is_nccl_available = is_ucc_available = is_xccl_available = _is_no_backend


class ReduceOp(enum.Enum):
    """Ways to combine values of several processes; named by programs before they start any."""
    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7


class ProcessGroup:
    """Exists for isinstance and annotations; making one raises RuntimeError."""

    def __init__(self, *args, **kwargs):
        raise RuntimeError("torch.distributed is not available in kagari")


class Work(ProcessGroup):
    """A collective operation under way; there is none."""


class group:
    """Names of groups of processes."""
    WORLD = None


class GroupMember:
    """Membership in a group."""
    WORLD = None
    NON_GROUP_MEMBER = -100


_NEED_GROUP = ("get_rank", "get_world_size", "get_backend", "barrier", "all_reduce", "broadcast", "all_gather", "all_gather_into_tensor", "gather",
               "scatter", "reduce", "reduce_scatter", "reduce_scatter_tensor", "all_to_all", "all_to_all_single", "send", "recv", "isend", "irecv",
               "all_gather_object", "gather_object", "broadcast_object_list", "scatter_object_list", "new_group", "destroy_process_group",
               "monitored_barrier", "get_process_group_ranks", "get_group_rank", "get_global_rank", "get_node_local_rank", "batch_isend_irecv")


def _needs_group(name):
    def fail(*args, **kwargs):
        raise ValueError("Default process group has not been initialized, please make sure to call init_process_group.")
    fail.__name__ = fail.__qualname__ = name
    fail.__doc__ = "Raises ValueError: no group of processes was started."
    return fail


globals().update({_name: _needs_group(_name) for _name in _NEED_GROUP})


def init_process_group(*args, **kwargs):
    raise NotImplementedError("torch.distributed.init_process_group: kagari does not run on several processes yet")
