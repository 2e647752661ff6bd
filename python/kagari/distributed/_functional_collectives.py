"""Collective operations that return new tensors, and whose gradients flow (the *_autograd ones)."""
import kagari
from kagari.distributed import distributed_c10d
from kagari.distributed.device_mesh import DeviceMesh


def _group_of(group):
    if isinstance(group, DeviceMesh):
        return group.get_group()
    if isinstance(group, tuple) and len(group) == 2 and isinstance(group[0], DeviceMesh):
        return group[0].get_group(group[1])
    if isinstance(group, str):
        return distributed_c10d._resolve_process_group(group)
    if isinstance(group, list):
        world = distributed_c10d._get_default_group()
        if group == world.ranks:
            return world
        return next(made for made in distributed_c10d._World.groups if made.ranks == group)
    return group or distributed_c10d._get_default_group()


def _operation(name):
    names = {"sum": "SUM", "avg": "AVG", "product": "PRODUCT", "min": "MIN", "max": "MAX", "band": "BAND", "bor": "BOR", "bxor": "BXOR"}
    if name.lower() not in names:
        raise ValueError(f"Invalid reduce operation {name}, expected one of {sorted(names)}")
    return getattr(distributed_c10d.ReduceOp, names[name.lower()])


def wait_tensor(tensor):
    """The tensor: the functions here have waited already."""
    return tensor


def broadcast(self, src, group, tag=""):
    """The tensor of the process src (its rank in the group)."""
    out = self.detach().clone(memory_format=kagari.contiguous_format)
    _group_of(group).broadcast([out], src, asynchronous=False).wait()
    return out


def all_reduce(self, reduceOp, group, tag=""):
    """The combination ("sum", "avg", "max", ...) of all processes' tensors."""
    out = self.detach().clone(memory_format=kagari.contiguous_format)
    _group_of(group).allreduce([out], _operation(reduceOp), asynchronous=False).wait()
    return out


def all_reduce_coalesced(self, reduceOp, group, tag=""):
    return [all_reduce(tensor, reduceOp, group) for tensor in self]


def all_gather_tensor(self, gather_dim, group, tag=""):
    """All processes' tensors, concatenated along gather_dim."""
    found = _group_of(group)
    outputs = [kagari.empty(self.shape, dtype=self.dtype) for _ in range(found.size())]
    found.allgather([outputs], [self.detach()], asynchronous=False).wait()
    return kagari.cat(outputs, gather_dim)


def reduce_scatter_tensor(self, reduceOp, scatter_dim, group, tag=""):
    """This process's piece along scatter_dim of the combination of all processes' tensors."""
    found = _group_of(group)
    if self.size(scatter_dim) % found.size():
        raise AssertionError(f"input dimension {scatter_dim} ({self.size(scatter_dim)} must be a multiple of group_size {found.size()})")
    pieces = [piece.contiguous() for piece in self.detach().chunk(found.size(), scatter_dim)]
    out = kagari.empty_like(pieces[0])
    found.reduce_scatter([out], [pieces], _operation(reduceOp), asynchronous=False).wait()
    return out


def all_to_all_single(self, output_split_sizes, input_split_sizes, group, tag=""):
    """Exchanges pieces along dimension 0, equal ones or of the given sizes."""
    found = _group_of(group)
    rows = sum(output_split_sizes) if output_split_sizes else self.size(0)
    out = kagari.empty(rows, *self.shape[1:], dtype=self.dtype)
    distributed_c10d.all_to_all_single(out, self.detach().contiguous(), output_split_sizes, input_split_sizes, group=found)
    return out


class _AllToAll(kagari.autograd.Function):
    @staticmethod
    def forward(ctx, tensor, output_sizes, input_sizes, group):
        ctx.how = input_sizes, output_sizes, group
        return all_to_all_single(tensor, output_sizes, input_sizes, group)

    @staticmethod
    def backward(ctx, gradient):
        return all_to_all_single(gradient.contiguous(), *ctx.how), None, None, None


def all_to_all_single_autograd(self, output_split_sizes, input_split_sizes, group, tag=""):
    """all_to_all_single whose gradient goes the way back."""
    return _AllToAll.apply(self, output_split_sizes, input_split_sizes, group)


class _AllGather(kagari.autograd.Function):
    @staticmethod
    def forward(ctx, tensor, dim, group):
        ctx.how = dim, group
        return all_gather_tensor(tensor, dim, group)

    @staticmethod
    def backward(ctx, gradient):
        return reduce_scatter_tensor(gradient, "sum", *ctx.how), None, None


def all_gather_tensor_autograd(self, gather_dim, group, tag=""):
    """all_gather_tensor whose gradient is the sum over the processes of this one's piece."""
    return _AllGather.apply(self, gather_dim, group)


class _ReduceScatter(kagari.autograd.Function):
    @staticmethod
    def forward(ctx, tensor, operation, dim, group):
        if operation not in ("sum", "avg"):
            raise NotImplementedError(f"the gradient of reduce_scatter with {operation}")
        ctx.how = operation, dim, group
        return reduce_scatter_tensor(tensor, operation, dim, group)

    @staticmethod
    def backward(ctx, gradient):
        operation, dim, group = ctx.how
        whole = all_gather_tensor(gradient.contiguous(), dim, group)
        return whole / _group_of(group).size() if operation == "avg" else whole, None, None, None


def reduce_scatter_tensor_autograd(self, reduceOp, scatter_dim, group, tag=""):
    """reduce_scatter_tensor whose gradient is all processes' gradients, concatenated."""
    return _ReduceScatter.apply(self, reduceOp, scatter_dim, group)


all_gather_single, all_gather_single_autograd = all_gather_tensor, all_gather_tensor_autograd
reduce_scatter_single, reduce_scatter_single_autograd = reduce_scatter_tensor, reduce_scatter_tensor_autograd
