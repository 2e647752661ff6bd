"""Collective operations through which gradients flow: backward is the collective operation that runs the other way.

Every process must run backward, too, since it exchanges gradients.
"""
import kagari
from kagari.autograd import Function
from kagari.distributed import distributed_c10d
from kagari.distributed.distributed_c10d import ReduceOp


def _group_of(group):
    return distributed_c10d._group_of(group)


class _AllReduce(Function):
    @staticmethod
    def forward(ctx, op, group, tensor):
        ctx.how = op, group
        out = tensor.clone(memory_format=kagari.contiguous_format)
        group.allreduce([out], op, asynchronous=False).wait()
        return out

    @staticmethod
    def backward(ctx, gradient):
        return None, None, _AllReduce.apply(*ctx.how, gradient)


def all_reduce(tensor, op=ReduceOp.SUM, group=None):
    """The combination of all processes' tensors, a new tensor."""
    return _AllReduce.apply(op, _group_of(group), tensor)


class _Broadcast(Function):
    @staticmethod
    def forward(ctx, src, group, tensor):
        ctx.how = src, group
        out = tensor.clone(memory_format=kagari.contiguous_format)
        group.broadcast([out], src, asynchronous=False).wait()
        return out

    @staticmethod
    def backward(ctx, gradient):
        src, group = ctx.how
        total = gradient.clone(memory_format=kagari.contiguous_format)
        group.reduce([total], src, asynchronous=False).wait()
        return None, None, total if group.rank() == src else kagari.zeros_like(total)


def broadcast(tensor, src, group=None):
    """The tensor of the process src; its gradient is the sum of all."""
    found = _group_of(group)
    return _Broadcast.apply(distributed_c10d._group_rank(found, src, None, "src"), found, tensor)


class _Reduce(Function):
    @staticmethod
    def forward(ctx, dst, op, group, tensor):
        ctx.how = dst, group
        out = tensor.clone(memory_format=kagari.contiguous_format)
        group.reduce([out], dst, op, asynchronous=False).wait()
        return out

    @staticmethod
    def backward(ctx, gradient):
        dst, group = ctx.how
        return None, None, None, _Broadcast.apply(dst, group, gradient)


def reduce(tensor, dst, op=ReduceOp.SUM, group=None):
    """The combination of all processes' tensors at dst."""
    found = _group_of(group)
    return _Reduce.apply(distributed_c10d._group_rank(found, dst, None, "dst"), op, found, tensor)


class _AllGather(Function):
    @staticmethod
    def forward(ctx, group, tensor):
        ctx.group, tensor = group, tensor.contiguous()
        outputs = [kagari.empty_like(tensor) for _ in range(group.size())]
        group.allgather([outputs], [tensor], asynchronous=False).wait()
        return tuple(outputs)

    @staticmethod
    def backward(ctx, *gradients):
        gradients = [gradient.contiguous() for gradient in gradients]
        out = kagari.empty_like(gradients[ctx.group.rank()])
        ctx.group.reduce_scatter([out], [gradients], asynchronous=False).wait()
        return None, out


def all_gather(tensor, group=None):
    """The tensors of all processes, a tuple; the gradient is the sum over the processes of this one's piece."""
    return _AllGather.apply(_group_of(group), tensor)


class _AllToAll(Function):
    @staticmethod
    def forward(ctx, group, outputs, *tensors):
        ctx.group, ctx.shapes = group, [tensor.shape for tensor in tensors]
        group.alltoall(outputs, [tensor.contiguous() for tensor in tensors], asynchronous=False).wait()
        return tuple(outputs)

    @staticmethod
    def backward(ctx, *gradients):
        back = [kagari.empty(shape, dtype=gradients[0].dtype) for shape in ctx.shapes]
        ctx.group.alltoall(back, [gradient.contiguous() for gradient in gradients], asynchronous=False).wait()
        return None, None, *back


def all_to_all(output_tensor_list, input_tensor_list, group=None):
    """Element `rank` goes to rank; what came from the others, a tuple."""
    return _AllToAll.apply(_group_of(group), [kagari.empty_like(out) for out in output_tensor_list], *input_tensor_list)


def all_to_all_single(output, input, output_split_sizes=None, input_split_sizes=None, group=None):
    """all_to_all of the pieces of one tensor along dimension 0."""
    size = _group_of(group).size()
    outputs = output.split(output_split_sizes or output.size(0) // size)
    return kagari.cat(all_to_all(list(outputs), list(input.split(input_split_sizes or input.size(0) // size)), group))


def gather(tensor, dst=0, group=None):
    """The tensors of all processes at dst, zeros elsewhere, a tuple."""
    found = _group_of(group)
    root = distributed_c10d._group_rank(found, dst, None, "dst")
    pieces = [tensor if rank == root else kagari.zeros_like(tensor) for rank in range(found.size())]
    received = all_to_all([kagari.empty_like(tensor)] * found.size(), pieces, group)
    return received


def scatter(tensors, src=0, group=None):
    """This process's piece of the list of the process src."""
    found = _group_of(group)
    return all_to_all([kagari.empty_like(tensor) for tensor in tensors], list(tensors), group)[distributed_c10d._group_rank(found, src, None, "src")]


def reduce_scatter(output, input_list, op=ReduceOp.SUM, group=None):
    """This process's piece of the combination of all lists."""
    if op not in (ReduceOp.SUM, ReduceOp.AVG):
        raise NotImplementedError(f"torch.distributed.nn.functional.reduce_scatter with {op}")
    received = all_to_all([kagari.empty_like(output) for _ in input_list], list(input_list), group)
    total = kagari.stack(received).sum(0)
    return total / len(received) if op == ReduceOp.AVG else total
