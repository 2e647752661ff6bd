"""Hooks for DistributedDataParallel.register_comm_hook: the mean of the gradients, as it is or sent in a smaller dtype."""
import kagari
from kagari.distributed import distributed_c10d

__all__ = ["allreduce_hook", "bf16_compress_hook", "bf16_compress_wrapper", "fp16_compress_hook", "fp16_compress_wrapper"]


def allreduce_hook(process_group, bucket):
    """The mean over the processes; what DistributedDataParallel does without a hook."""
    group = process_group or distributed_c10d._get_default_group()
    tensor = bucket.buffer().div_(group.size())
    return group.allreduce([tensor]).get_future().then(lambda future: future.value()[0])


def _compressed(process_group, buffer, dtype):
    group = process_group or distributed_c10d._get_default_group()
    small = buffer.to(dtype).div_(group.size())
    return group.allreduce([small]).get_future().then(lambda future: buffer.copy_(future.value()[0]))


def fp16_compress_hook(process_group, bucket):
    """allreduce_hook with the gradients sent as float16."""
    return _compressed(process_group, bucket.buffer(), kagari.float16)


def bf16_compress_hook(process_group, bucket):
    """allreduce_hook with the gradients sent as bfloat16."""
    return _compressed(process_group, bucket.buffer(), kagari.bfloat16)


def _wrapper(hook, dtype):
    def compressed(state, bucket):
        buffer = bucket.buffer()
        bucket.set_buffer(buffer.to(dtype))
        return hook(state, bucket).then(lambda future: buffer.copy_(_first(future.value())))
    return compressed


def _first(value):
    return value[0] if isinstance(value, (list, tuple)) else value


def fp16_compress_wrapper(hook):
    """The hook with gradients cast to float16 before and back after."""
    return _wrapper(hook, kagari.float16)


def bf16_compress_wrapper(hook):
    """The hook with gradients cast to bfloat16 before and back after."""
    return _wrapper(hook, kagari.bfloat16)
