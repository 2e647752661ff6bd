"""The functions of torch.distributed: starting and ending groups of processes, and collective operations on CPU tensors.

The backend is called "gloo", which is what PyTorch's programs ask for on CPUs; it is kagari's own, over TCP (see _process_group.py).
"""
import enum
import io
import itertools
import os
import pickle
from datetime import timedelta

import kagari
from kagari.distributed._errors import DistBackendError, DistError, DistNetworkError, DistStoreError, QueueEmptyError  # noqa: F401
from kagari.distributed._process_group import ProcessGroup, Work  # noqa: F401
from kagari.distributed._reduction import ReduceOp, supports_complex  # noqa: F401
from kagari.distributed._store import FileStore, HashStore, PrefixStore, Store, TCPStore  # noqa: F401
from kagari.distributed.constants import default_pg_timeout
from kagari.distributed.rendezvous import register_rendezvous_handler, rendezvous  # noqa: F401

__all__ = [
    "Backend", "BackendConfig", "GroupMember", "P2POp", "all_gather", "all_gather_coalesced", "all_gather_object", "all_reduce", "all_reduce_coalesced",
    "all_to_all", "all_to_all_single", "barrier", "batch_isend_irecv", "broadcast", "send_object_list", "recv_object_list", "broadcast_object_list",
    "destroy_process_group", "gather", "gather_object", "get_backend_config", "get_backend", "get_default_backend_for_device", "get_rank",
    "get_world_size", "get_pg_count", "group", "init_process_group", "irecv", "is_gloo_available", "is_initialized", "is_mpi_available",
    "is_backend_available", "is_nccl_available", "is_torchelastic_launched", "is_ucc_available", "is_xccl_available", "isend", "monitored_barrier",
    "new_group", "new_subgroups", "new_subgroups_by_enumeration", "recv", "reduce", "reduce_scatter", "scatter", "scatter_object_list", "send",
    "supports_complex", "PrefixStore", "ProcessGroup", "ReduceOp", "Store", "Work", "default_pg_timeout", "get_group_rank", "get_global_rank",
    "get_process_group_ranks", "reduce_op", "all_gather_single", "all_gather_into_tensor", "reduce_scatter_single", "reduce_scatter_tensor",
    "get_node_local_rank", "DebugLevel", "get_debug_level",
]


class Backend(str):
    """The name of a backend, in small letters. "gloo" is there; the others exist as names."""
    UNDEFINED, GLOO, NCCL, UCC, MPI, XCCL, FAKE = "undefined", "gloo", "nccl", "ucc", "mpi", "xccl", "fake"
    backend_list = [UNDEFINED, GLOO, NCCL, XCCL, UCC, MPI, FAKE]
    default_device_backend_map = {"cpu": GLOO, "cuda": NCCL, "xpu": XCCL, "mps": GLOO}
    backend_capability = {GLOO: ["cpu", "cuda"], NCCL: ["cuda"], XCCL: ["xpu"], UCC: ["cpu", "cuda"], MPI: ["cpu", "cuda"]}

    def __new__(cls, name):
        if not isinstance(name, str):
            raise ValueError(f"Backend constructor parameter must be string-ish, got {type(name)}")
        return super().__new__(cls, name.lower())

    @classmethod
    def register_backend(cls, name, func, extended_api=False, devices=None):
        raise NotImplementedError("torch.distributed.Backend.register_backend: kagari has one backend, for CPUs")


class BackendConfig:
    """Which backend serves which device."""

    def __init__(self, backend):
        self.device_backend_map = {"cpu": Backend(_cpu_backend(backend))}

    def get_device_backend_map(self):
        return self.device_backend_map

    def __repr__(self):
        return ",".join(f"{device}:{backend}" for device, backend in self.device_backend_map.items())


class DebugLevel(enum.IntEnum):
    """What TORCH_DISTRIBUTED_DEBUG asks for."""
    OFF = 0
    INFO = 1
    DETAIL = 2


def get_debug_level():
    return DebugLevel[os.environ.get("TORCH_DISTRIBUTED_DEBUG", "OFF").upper()]


class _reduce_op:
    """The old name of ReduceOp's members."""
    SUM, PRODUCT, MAX, MIN = ReduceOp.SUM, ReduceOp.PRODUCT, ReduceOp.MAX, ReduceOp.MIN


reduce_op = _reduce_op()


class _World:
    """The state of this process: the default group, and all groups it belongs to."""
    default = None
    groups = {}                                   # group -> {global rank: rank in the group}
    numbers = itertools.count()


class _WorldMeta(type):
    @property
    def WORLD(cls):
        return _World.default

    @WORLD.setter
    def WORLD(cls, group):
        _World.default = group


class group(metaclass=_WorldMeta):
    """group.WORLD is the default group, or None."""


class GroupMember(metaclass=_WorldMeta):
    """What new_group returns to processes that are not in the new group: NON_GROUP_MEMBER."""
    NON_GROUP_MEMBER = -100


# ---- what exists
def is_available():
    """True."""
    return True


def is_initialized():
    """Whether init_process_group was called."""
    return _World.default is not None


def _yes():
    return True


def _no():
    return False


is_gloo_available = _yes
is_mpi_available = is_nccl_available = is_ucc_available = is_xccl_available = _no


def is_backend_available(backend):
    """Whether the backend can be used: "gloo"."""
    return backend.lower() == "gloo"


def is_torchelastic_launched():
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def get_default_backend_for_device(device):
    return Backend.default_device_backend_map[(device if isinstance(device, str) else device.type).split(":")[0]]


# ---- groups
def _not_initialized():
    raise ValueError("Default process group has not been initialized, please make sure to call init_process_group.")


def _get_default_group():
    return _World.default or _not_initialized()


def _group_of(group):
    """The ProcessGroup meant by an argument; None for processes outside of it."""
    if group is None:
        return _get_default_group()
    if _World.default is None:
        _not_initialized()
    return None if group == GroupMember.NON_GROUP_MEMBER else group


def _member(group):
    """The ProcessGroup, which this process must belong to."""
    found = _group_of(group)
    if found is None:
        raise ValueError("Invalid process group specified: this process is not in it")
    return found


def _cpu_backend(backend):
    """The backend for CPU tensors in "gloo" or "cpu:gloo,cuda:nccl"; RuntimeError for those that are not there."""
    if backend is None:
        return "gloo"
    text = backend.lower()
    if ":" in text:
        text = dict(part.split(":") for part in text.split(",")).get("cpu", "undefined")
    if text in ("undefined", "gloo"):
        return "gloo"
    if text in ("nccl", "mpi", "ucc", "xccl"):
        raise RuntimeError(f"Distributed package doesn't have {text.upper()} built in")
    raise ValueError(f"Invalid backend: '{backend}'")


def init_process_group(backend=None, init_method=None, timeout=None, world_size=-1, rank=-1, store=None, group_name="", pg_options=None, device_id=None,
                       _ranks=None):
    """Joins the default group of a job's processes.

    backend: "gloo" or None. The processes meet through `store`, or through init_method: "env://" (the default: RANK, WORLD_SIZE, MASTER_ADDR and
    MASTER_PORT in the environment, as torchrun sets them), "tcp://host:port" or "file:///path" (both with rank and world_size).
    timeout: how long operations wait for others (default 30 minutes). ValueError if called twice.
    """
    if _World.default is not None:
        raise ValueError("trying to initialize the default process group twice!")
    if store is not None and init_method is not None:
        raise AssertionError("Cannot specify both init_method and store.")
    if timeout is not None and not isinstance(timeout, timedelta):
        raise TypeError(f"Expected timeout argument to be of type datetime.timedelta, got {timeout}")
    _cpu_backend(backend)
    timeout = timeout or default_pg_timeout
    if store is None:
        store, rank, world_size = next(iter(rendezvous(init_method or "env://", rank, world_size, timeout=timeout)))
    elif world_size <= 0 or rank < 0:
        raise AssertionError("world_size and rank must be positive if using store" if world_size <= 0 else "rank must be non-negative if using store")
    if not 0 <= rank < world_size:
        raise ValueError(f"rank {rank} is not in [0, {world_size})")
    from kagari.distributed._connections import Connections
    store = PrefixStore("default_pg", store)
    made = ProcessGroup(Connections(store, rank, world_size, timeout), range(world_size), group_name or "0", store, timeout, "default_pg")
    _World.default, _World.numbers = made, itertools.count(1)
    _World.groups[made] = {each: each for each in range(world_size)}
    if world_size > 1:
        made.barrier().wait()


def destroy_process_group(group=None):
    """Leaves a group; without an argument all of them, and closes the connections."""
    if group == GroupMember.NON_GROUP_MEMBER:
        return
    found = group or _World.default
    if found is None:
        raise AssertionError("Process group cannot be None")
    if found not in _World.groups:
        raise ValueError("Invalid process group specified or has been destroyed.")
    for each in list(_World.groups) if found is _World.default else [found]:
        each.shutdown()
        del _World.groups[each]
    if found is _World.default:
        _World.default = None
        found._connections.close()


def new_group(ranks=None, timeout=None, backend=None, pg_options=None, use_local_synchronization=False, group_desc=None, device_id=None, sort_ranks=True):
    """A group of some of the processes (global ranks; None: all). All processes must call this, in the same order."""
    world = _get_default_group()
    _cpu_backend(backend)
    ranks = list(range(world.size())) if ranks is None else list(ranks)
    if len(ranks) > world.size():
        raise ValueError("the new group's world size should be less or equal to the world size set by init_process_group")
    if any(not 0 <= rank < world.size() for rank in ranks):
        raise ValueError("The new group's rank should be within the world_size set by init_process_group")
    if len(set(ranks)) != len(ranks):
        raise ValueError(f"the ranks of a group must differ, got {ranks}")
    ranks = sorted(ranks) if sort_ranks else ranks
    number = "_".join(map(str, ranks)) if use_local_synchronization else next(_World.numbers)
    if world.rank() not in ranks:
        return GroupMember.NON_GROUP_MEMBER
    store = PrefixStore(f"group_{number}", world.store)
    made = ProcessGroup(world._connections, ranks, str(number), store, timeout or world._timeout, group_desc or f"group_{number}")
    _World.groups[made] = {each: index for index, each in enumerate(ranks)}
    return made


def new_subgroups(group_size=None, group=None, timeout=None, backend=None, pg_options=None, group_desc=None):
    """(this process's group, all groups) of group_size neighbouring ranks each."""
    size = get_world_size()
    group_size = group_size or int(os.environ.get("LOCAL_WORLD_SIZE", size))
    if group_size <= 0 or size % group_size:
        raise ValueError(f"The world size ({size}) must be divisible by group_size={group_size}")
    return new_subgroups_by_enumeration([list(range(begin, begin + group_size)) for begin in range(0, size, group_size)], timeout, backend)


def new_subgroups_by_enumeration(ranks_per_subgroup_list, timeout=None, backend=None, pg_options=None, group_desc=None):
    """(this process's group, all groups) of the given ranks."""
    if not ranks_per_subgroup_list:
        raise ValueError("The arg 'ranks_per_subgroup_list' cannot be empty")
    mine, made = None, []
    for ranks in ranks_per_subgroup_list:
        made.append(new_group(ranks, timeout, backend))
        if get_rank() in ranks:
            mine = made[-1]
    return mine, made


def get_rank(group=None):
    """This process's number in the group; -1 outside of it."""
    found = _group_of(group)
    return -1 if found is None else found.rank()


def get_world_size(group=None):
    """The number of processes in the group; -1 outside of it."""
    found = _group_of(group)
    return -1 if found is None else found.size()


def get_backend(group=None):
    """"gloo"."""
    _member(group)
    return Backend("gloo")


def get_backend_config(group=None):
    _member(group)
    return "cpu:gloo"


def get_pg_count():
    """The number of groups this process belongs to."""
    return len(_World.groups)


def get_node_local_rank(fallback_rank=None):
    """LOCAL_RANK of the environment, as torchrun sets it."""
    if "LOCAL_RANK" in os.environ:
        return int(os.environ["LOCAL_RANK"])
    if fallback_rank is not None:
        return int(fallback_rank)
    raise RuntimeError("LOCAL_RANK is not in the environment. Consider passing fallback_rank to allow `get_node_local_rank` to work, "
                       "assuming you are not running in a multi-device context and want the code to run locally instead.")


def get_process_group_ranks(group):
    """The global ranks of a group's processes."""
    return list(_member(group).ranks)


def get_group_rank(group, global_rank):
    """The rank in the group of a process; ValueError if it is not in it."""
    ranks = _member(group).ranks
    if global_rank not in ranks:
        raise ValueError(f"Global rank {global_rank} is not part of group {group}")
    return ranks.index(global_rank)


def get_global_rank(group, group_rank):
    """The global rank of a process of the group."""
    ranks = _member(group).ranks
    if not 0 <= group_rank < len(ranks):
        raise ValueError(f"Group rank {group_rank} is not part of group {group}")
    return ranks[group_rank]


def _resolve_process_group(group_name):
    """The group of this name."""
    for made in _World.groups:
        if made.group_name == group_name:
            return made
    raise LookupError(f"no process group is named {group_name!r}")


# ---- checks
def _check_tensor(value, name):
    if not isinstance(value, kagari.Tensor):
        raise TypeError(f"Invalid function argument. Expected parameter `{name}` of type torch.Tensor\n             but got {type(value)} instead.")


def _check_tensors(values, name):
    if not isinstance(values, list) or not all(isinstance(value, kagari.Tensor) for value in values):
        raise TypeError(f"Invalid function argument. Expected parameter `{name}` of type List[torch.Tensor]\n             but got {type(values)} instead.")


def _group_rank(group, rank, group_rank, name, default=None):
    """The rank in the group of a global rank (`src`) or of a rank in the group (`group_src`)."""
    if group_rank is not None:
        if rank is not None:
            raise ValueError(f"Can't specify both group_{name} and {name}")
        return group_rank
    rank = default if rank is None else rank
    if rank is None:
        raise ValueError(f"Must specify {name} or group_{name}")
    if group is _World.default:
        return rank
    return get_group_rank(group, rank)


def _done(work, async_op):
    if async_op:
        return work
    work.wait()
    return None


# ---- collectives
def all_reduce(tensor, op=ReduceOp.SUM, group=None, async_op=False):
    """Combines the tensors of all processes; each gets the result in its tensor.

    With async_op it returns a Work at once, whose wait() waits for the result. None outside of the group.

        >>> torch.distributed.all_reduce(gradient)            # doctest: +SKIP
        >>> gradient /= torch.distributed.get_world_size()    # doctest: +SKIP
    """
    _check_tensor(tensor, "tensor")
    found = _group_of(group)
    if found is None:
        return None
    if tensor.is_complex() and not supports_complex(op):
        raise ValueError(f"all_reduce does not support {op} on complex tensors")
    return _done(found.allreduce([tensor], op, asynchronous=async_op), async_op)


def all_reduce_coalesced(tensors, op=ReduceOp.SUM, group=None, async_op=False):
    """all_reduce of several tensors."""
    tensors = [tensors] if isinstance(tensors, kagari.Tensor) else tensors
    _check_tensors(tensors, "tensors")
    found = _group_of(group)
    return None if found is None else _done(found.allreduce(tensors, op, asynchronous=async_op), async_op)


def broadcast(tensor, src=None, group=None, async_op=False, group_src=None):
    """Every process gets the tensor of the process src."""
    _check_tensor(tensor, "tensor")
    found = _group_of(group)
    if found is None:
        return None
    return _done(found.broadcast([tensor], _group_rank(found, src, group_src, "src"), asynchronous=async_op), async_op)


def reduce(tensor, dst=None, op=ReduceOp.SUM, group=None, async_op=False, group_dst=None):
    """Combines the tensors of all processes; dst gets the result in its tensor."""
    _check_tensor(tensor, "tensor")
    found = _group_of(group)
    if found is None:
        return None
    return _done(found.reduce([tensor], _group_rank(found, dst, group_dst, "dst"), op, asynchronous=async_op), async_op)


def all_gather(tensor_list, tensor, group=None, async_op=False):
    """Every process gets the tensors of all, by rank, in tensor_list."""
    _check_tensors(tensor_list, "tensor_list")
    _check_tensor(tensor, "tensor")
    found = _group_of(group)
    return None if found is None else _done(found.allgather([tensor_list], [tensor], asynchronous=async_op), async_op)


def all_gather_coalesced(output_tensor_lists, input_tensor_list, group=None, async_op=False):
    """all_gather of several tensors: output_tensor_lists[i][rank] is rank's input_tensor_list[i]."""
    found = _group_of(group)
    if found is None:
        return None
    works = [found.allgather([outputs], [tensor], asynchronous=async_op) for outputs, tensor in zip(output_tensor_lists, input_tensor_list, strict=True)]
    return _done(works[-1], async_op) if works else None


def _rows(tensor, found, like, operation):
    """The tensor cut into one piece per process, each of the shape of `like`."""
    if tensor.numel() != found.size() * like.numel():
        raise RuntimeError(f"ProcessGroupGloo::{operation}: tensor of {found.size() * like.numel()} elements needed, got {tensor.numel()}")
    if not tensor.is_contiguous():
        raise ValueError(f"{operation}: Tensors must be contiguous")
    return list(tensor.detach().view(found.size(), *like.shape).unbind(0))


def all_gather_into_tensor(output_tensor, input_tensor, group=None, async_op=False):
    """all_gather into one tensor, the pieces one after the other."""
    _check_tensor(input_tensor, "input_tensor")
    _check_tensor(output_tensor, "output_tensor")
    found = _group_of(group)
    if found is None:
        return None
    outputs = _rows(output_tensor, found, input_tensor, "_allgather_base")
    return _done(found.allgather([outputs], [input_tensor], asynchronous=async_op), async_op)


all_gather_single = _all_gather_base = all_gather_into_tensor


def gather(tensor, gather_list=None, dst=None, group=None, async_op=False, group_dst=None):
    """The process dst gets the tensors of all, by rank, in gather_list."""
    _check_tensor(tensor, "tensor")
    found = _group_of(group)
    if found is None:
        return None
    root = _group_rank(found, dst, group_dst, "dst", default=0)
    if found.rank() == root and not gather_list:
        raise ValueError("Argument ``gather_list`` must be specified on destination rank.")
    if found.rank() != root and gather_list:
        raise ValueError("Argument ``gather_list`` must NOT be specified on non-destination ranks.")
    return _done(found.gather([gather_list] if gather_list else [], [tensor], root, asynchronous=async_op), async_op)


def scatter(tensor, scatter_list=None, src=None, group=None, async_op=False, group_src=None):
    """Each process gets its piece of scatter_list of the process src."""
    _check_tensor(tensor, "tensor")
    found = _group_of(group)
    if found is None:
        return None
    root = _group_rank(found, src, group_src, "src", default=0)
    if found.rank() == root and not scatter_list:
        raise ValueError("Argument ``scatter_list`` must be specified on source rank.")
    if found.rank() != root and scatter_list:
        raise ValueError("Argument ``scatter_list`` must NOT be specified on non-source ranks.")
    return _done(found.scatter([tensor], [scatter_list] if scatter_list else [], root, asynchronous=async_op), async_op)


def reduce_scatter(output, input_list, op=ReduceOp.SUM, group=None, async_op=False):
    """Combines the lists of all processes; each gets its piece in output."""
    _check_tensor(output, "output")
    _check_tensors(input_list, "input_list")
    found = _group_of(group)
    return None if found is None else _done(found.reduce_scatter([output], [input_list], op, asynchronous=async_op), async_op)


def reduce_scatter_tensor(output, input, op=ReduceOp.SUM, group=None, async_op=False):
    """reduce_scatter of one tensor, the pieces one after the other."""
    _check_tensor(output, "output")
    _check_tensor(input, "input")
    found = _group_of(group)
    if found is None:
        return None
    return _done(found.reduce_scatter([output], [_rows(input, found, output, "_reduce_scatter_base")], op, asynchronous=async_op), async_op)


reduce_scatter_single = _reduce_scatter_base = reduce_scatter_tensor


def all_to_all(output_tensor_list, input_tensor_list, group=None, async_op=False):
    """Each process sends input_tensor_list[rank] to rank and receives into output_tensor_list[rank]."""
    _check_tensors(output_tensor_list, "output_tensor_list")
    _check_tensors(input_tensor_list, "input_tensor_list")
    found = _group_of(group)
    return None if found is None else _done(found.alltoall(output_tensor_list, input_tensor_list, asynchronous=async_op), async_op)


def all_to_all_single(output, input, output_split_sizes=None, input_split_sizes=None, group=None, async_op=False):
    """all_to_all of one tensor, cut along dimension 0 into equal pieces or by the given sizes."""
    _check_tensor(output, "output")
    _check_tensor(input, "input")
    found = _group_of(group)
    if found is None:
        return None

    def cut(tensor, sizes):
        if not sizes:
            if tensor.size(0) % found.size():
                raise RuntimeError("Tensor's dim 0 does not divide equally across group size")
            sizes = [tensor.size(0) // found.size()] * found.size()
        return list(tensor.detach().split(list(sizes)))
    return _done(found.alltoall(cut(output, output_split_sizes), cut(input, input_split_sizes), asynchronous=async_op), async_op)


def barrier(group=None, async_op=False, device_ids=None, timeout=None):
    """Waits until every process has come here."""
    found = _group_of(group)
    return None if found is None else _done(found.barrier(asynchronous=async_op), async_op)


def monitored_barrier(group=None, timeout=None, wait_all_ranks=False):
    """Like barrier; rank 0 raises a RuntimeError that names the processes that did not come."""
    found = _group_of(group)
    if found is not None:
        found.monitored_barrier(timeout, wait_all_ranks)


# ---- two processes
def isend(tensor, dst=None, group=None, tag=0, group_dst=None):
    """Sends a tensor to the process dst; a Work."""
    _check_tensor(tensor, "tensor")
    found = _group_of(group)
    if found is None:
        return None
    rank = _group_rank(found, dst, group_dst, "dst")
    if rank == found.rank():
        raise ValueError("Invalid destination rank: destination rank should not be the same as the rank of the current process.")
    return found.send([tensor], rank, tag)


def irecv(tensor, src=None, group=None, tag=0, group_src=None):
    """Receives a tensor from the process src (None: from any); a Work."""
    _check_tensor(tensor, "tensor")
    found = _group_of(group)
    if found is None:
        return None
    rank = None if src is None and group_src is None else _group_rank(found, src, group_src, "src")
    return found.recv([tensor], rank, tag)


def send(tensor, dst=None, group=None, tag=0, group_dst=None):
    """Sends a tensor to the process dst, which must receive one of this size and dtype with the same tag."""
    work = isend(tensor, dst, group, tag, group_dst)
    if work is not None:
        work.wait()


def recv(tensor, src=None, group=None, tag=0, group_src=None):
    """Receives a tensor from the process src (None: from any); the global rank of the sender, -1 outside of the group."""
    work = irecv(tensor, src, group, tag, group_src)
    if work is None:
        return -1
    work.wait()
    return _member(group).ranks[work._source]


class P2POp:
    """isend or irecv for batch_isend_irecv."""

    def __init__(self, op, tensor, peer=None, group=None, tag=0, group_peer=None):
        if op not in (isend, irecv):
            raise ValueError("Invalid ``op``. Expected ``op`` to be of type ``torch.distributed.isend`` or ``torch.distributed.irecv``.")
        self.op, self.tensor, self.peer, self.group, self.tag, self.group_peer = op, tensor, peer, group, tag, group_peer


def batch_isend_irecv(p2p_op_list):
    """Starts several sends and receives; a list of Work."""
    return [each.op(each.tensor, each.peer, each.group, each.tag, each.group_peer) for each in p2p_op_list]


# ---- objects
def _to_tensor(value):
    buffer = io.BytesIO()
    pickle.Pickler(buffer).dump(value)
    return kagari.frombuffer(bytearray(buffer.getvalue()), dtype=kagari.uint8)


def _to_object(tensor):
    return pickle.loads(tensor.numpy().tobytes())


def _gathered_tensors(tensor, found):
    """The byte tensors of all processes, which may differ in length."""
    lengths = [kagari.zeros(1, dtype=kagari.int64) for _ in range(found.size())]
    found.allgather([lengths], [kagari.tensor([tensor.numel()])]).wait()
    most = max(int(length) for length in lengths)
    padded = kagari.zeros(most, dtype=kagari.uint8)
    padded[:tensor.numel()] = tensor
    outputs = [kagari.zeros(most, dtype=kagari.uint8) for _ in range(found.size())]
    found.allgather([outputs], [padded]).wait()
    return [output[:int(length)] for output, length in zip(outputs, lengths, strict=True)]


def all_gather_object(object_list, obj, group=None):
    """object_list[rank] becomes rank's obj, for anything that can be pickled."""
    found = _group_of(group)
    if found is None:
        return
    for rank, tensor in enumerate(_gathered_tensors(_to_tensor(obj), found)):
        object_list[rank] = _to_object(tensor)


def gather_object(obj, object_gather_list=None, dst=None, group=None, group_dst=None):
    """Like all_gather_object, for the process dst only."""
    found = _group_of(group)
    if found is None:
        return
    root = _group_rank(found, dst, group_dst, "dst", default=0)
    if found.rank() == root and not object_gather_list:
        raise ValueError("Argument ``object_gather_list`` must be specified on destination rank.")
    if found.rank() != root and object_gather_list:
        raise ValueError("Argument ``object_gather_list`` must NOT be specified on non-destination ranks.")
    tensors = _gathered_tensors(_to_tensor(obj), found)
    if found.rank() == root:
        object_gather_list[:] = [_to_object(tensor) for tensor in tensors]


def broadcast_object_list(object_list, src=None, group=None, device=None, group_src=None):
    """Every process's list gets the objects of the process src."""
    found = _group_of(group)
    if found is None:
        return
    root = _group_rank(found, src, group_src, "src", default=0)
    tensors = [_to_tensor(value) for value in object_list] if found.rank() == root else []
    lengths = kagari.tensor([tensor.numel() for tensor in tensors]) if tensors else kagari.zeros(len(object_list), dtype=kagari.int64)
    found.broadcast([lengths], root).wait()
    body = kagari.cat(tensors) if tensors else kagari.empty(int(lengths.sum()), dtype=kagari.uint8)
    found.broadcast([body], root).wait()
    if found.rank() != root:
        object_list[:] = [_to_object(part) for part in body.split(lengths.tolist())]


def scatter_object_list(scatter_object_output_list, scatter_object_input_list=None, src=None, group=None, group_src=None):
    """Element 0 of each process's output list gets its object of the input list of the process src."""
    found = _group_of(group)
    if found is None:
        return
    if not isinstance(scatter_object_output_list, list) or not scatter_object_output_list:
        raise ValueError("Expected argument scatter_object_output_list to be a list of size at least 1.")
    root = _group_rank(found, src, group_src, "src", default=0)
    values = list(scatter_object_input_list) if found.rank() == root else [None] * found.size()
    if len(values) != found.size():
        raise ValueError(f"scatter_object_list needs one object per process, {found.size()}, got {len(values)}")
    broadcast_object_list(values, group=found, group_src=root)
    scatter_object_output_list[0] = values[found.rank()]


def send_object_list(object_list, dst=None, group=None, device=None, group_dst=None, use_batch=False):
    """Sends objects to the process dst."""
    tensors = [_to_tensor(value) for value in object_list]
    send(kagari.tensor([tensor.numel() for tensor in tensors]), dst, group, group_dst=group_dst)
    send(kagari.cat(tensors), dst, group, group_dst=group_dst)


def recv_object_list(object_list, src=None, group=None, device=None, group_src=None, use_batch=False):
    """Receives objects into the list, from the process src; its global rank."""
    lengths = kagari.zeros(len(object_list), dtype=kagari.int64)
    source = recv(lengths, src, group, group_src=group_src)
    body = kagari.empty(int(lengths.sum()), dtype=kagari.uint8)
    recv(body, source, group)
    object_list[:] = [_to_object(part) for part in body.split(lengths.tolist())]
    return source
