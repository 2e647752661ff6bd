"""DistributedDataParallel: a copy of the model in each process, with gradients averaged over the processes.

Note [Reducing gradients]
The parameters are cut into buckets, in the reverse of their order, which is about the order in which backward reaches them. When all gradients
of a bucket are there, it is put into one flat tensor and reduced by the group's thread, while backward goes on. Buckets are started in the
same order in every process. At the end of the backward pass the results are written into the gradients.
"""
import contextlib

import kagari
from kagari.distributed.algorithms.join import Join, Joinable, JoinHook
from kagari.nn.modules.module import Module

__all__ = ["DistributedDataParallel"]

_FIRST_BUCKET = 1 << 20                                # bytes; small, so that the first reduction starts early


class GradBucket:
    """What a communication hook gets: some gradients in one flat tensor."""

    def __init__(self, index, buffer, parameters, offsets, is_last):
        self._index, self._buffer, self._parameters, self._offsets, self._last = index, buffer, parameters, offsets, is_last

    def index(self):
        return self._index

    def buffer(self):
        return self._buffer

    def set_buffer(self, tensor):
        self._buffer = tensor

    def gradients(self):
        """The gradients, views of the buffer."""
        return [self._buffer[begin:begin + p.numel()].view(p.shape) for p, begin in zip(self._parameters, self._offsets, strict=True)]

    def parameters(self):
        return list(self._parameters)

    def is_last(self):
        return self._last


class _Bucket:
    """Parameters of one dtype whose gradients are reduced together."""

    def __init__(self, parameters):
        self.parameters, self.offsets, total = parameters, [], 0
        for parameter in parameters:
            self.offsets.append(total)
            total += parameter.numel()
        self.flat = kagari.zeros(total, dtype=parameters[0].dtype)
        self.waiting, self.ready, self.future = 0, False, None

    def views(self):
        return [self.flat[begin:begin + p.numel()].view(p.shape) for p, begin in zip(self.parameters, self.offsets, strict=True)]


def _buckets(parameters, first, most):
    """The parameters, last ones first, in buckets of at most `most` bytes."""
    made, open_buckets = [], {}
    for parameter in reversed(parameters):
        current, limit = open_buckets.setdefault(parameter.dtype, ([], first if not made else most))
        current.append(parameter)
        if sum(p.numel() * p.element_size() for p in current) >= limit:
            made.append(_Bucket(current))
            del open_buckets[parameter.dtype]
    return made + [_Bucket(current) for current, _ in open_buckets.values()]


class DistributedDataParallel(Module, Joinable):
    """Wraps a module so that backward() leaves the mean of all processes' gradients in `.grad`.

    Every process calls forward and backward equally often. Parameters and buffers begin as those of rank 0.

    Arguments:
        module: a module on the CPU; it is `.module` of the wrapper.
        broadcast_buffers: whether forward() gives all processes the buffers of rank 0 (default True).
        process_group: None for the default group.
        bucket_cap_mb: size of the buckets of gradients (default 25).
        find_unused_parameters: whether backward may miss parameters; costs a walk through the graph per step.
        gradient_as_bucket_view: whether gradients are views of the buckets, which saves one copy of them.
        static_graph: whether the same parameters take part in every step.

    Raises RuntimeError for a module without parameters that require a gradient, ValueError for device_ids.

        >>> model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(4, 2))      # doctest: +SKIP
        >>> model(batch).sum().backward()                                                 # doctest: +SKIP
    """

    def __init__(self, module, device_ids=None, output_device=None, dim=0, broadcast_buffers=None, init_sync=True, process_group=None, bucket_cap_mb=None,
                 find_unused_parameters=False, check_reduction=False, gradient_as_bucket_view=False, static_graph=False,
                 delay_all_reduce_named_params=None, param_to_hook_all_reduce=None, mixed_precision=None, device_mesh=None,
                 skip_all_reduce_unused_params=False, bucket_cap_mb_list=None, batched_grad_copy=False, forward_sync_buffers=None):
        Module.__init__(self)
        Joinable.__init__(self)
        from kagari.distributed import distributed_c10d
        if device_mesh is not None:
            process_group = device_mesh.get_group()
        self.process_group = process_group if process_group is not None else distributed_c10d._get_default_group()
        if not any(p.requires_grad for p in module.parameters()):
            raise RuntimeError("DistributedDataParallel is not needed when a module doesn't have any parameters that require a gradient.")
        if device_ids or output_device is not None:
            raise ValueError("DistributedDataParallel device_ids and output_device arguments only work with single-device/multiple-device GPU modules or CPU modules, "
                             f"but got device_ids {device_ids}, output_device {output_device}, and module parameters { {p.device for p in module.parameters()} }.")
        for name, value in (("mixed_precision", mixed_precision), ("delay_all_reduce_named_params", delay_all_reduce_named_params)):
            if value is not None:
                raise NotImplementedError(f"DistributedDataParallel: {name} is not supported")
        self.module, self.dim = module, dim
        self.device = next(p for p in module.parameters() if p.requires_grad).device
        self.device_type, self.device_ids, self.output_device, self.is_multi_device_module = self.device.type, None, None, False
        self.broadcast_buffers = forward_sync_buffers if broadcast_buffers is None and forward_sync_buffers is not None else broadcast_buffers is not False
        self.find_unused_parameters, self.gradient_as_bucket_view, self.static_graph = find_unused_parameters, gradient_as_bucket_view, static_graph
        self.require_backward_grad_sync = self.require_forward_param_sync = True
        self.bucket_bytes_cap = int((25 if bucket_cap_mb is None else bucket_cap_mb) * (1 << 20))
        self.parameters_to_ignore = set(getattr(module, "_ddp_params_and_buffers_to_ignore", ()))
        self._size = self.process_group.size()
        named = [(name, p) for name, p in module.named_parameters() if name not in self.parameters_to_ignore]
        trained = [p for _, p in named if p.requires_grad]
        self._buffers_to_sync = [b for name, b in module.named_buffers() if name not in self.parameters_to_ignore]
        if init_sync:
            self._check_shapes(named)
            self._broadcast([p.detach() for _, p in named] + self._buffers_to_sync)
        self._ddp_buckets = _buckets(trained, min(_FIRST_BUCKET, self.bucket_bytes_cap), self.bucket_bytes_cap)
        self._home = {id(p): bucket for bucket in self._ddp_buckets for p in bucket.parameters}
        self._comm_hooks = []
        self._used, self._active, self._queued, self._next, self._seen = None, False, False, 0, set()
        self._divisor = self._size
        self._listen()

    def _listen(self):
        for bucket in self._ddp_buckets:
            for parameter in bucket.parameters:
                parameter.register_post_accumulate_grad_hook(self._gradient_is_ready)

    def _check_shapes(self, named):
        from kagari.distributed import distributed_c10d
        shapes = [(name, tuple(p.shape), str(p.dtype)) for name, p in named]
        everyone = [None] * self._size
        distributed_c10d.all_gather_object(everyone, shapes, group=self.process_group)
        for rank, theirs in enumerate(everyone):
            if len(theirs) != len(everyone[0]):
                raise RuntimeError(f"DDP expects same model across all ranks, but Rank 0 has {len(everyone[0])} params, while rank {rank} has inconsistent {len(theirs)} params.")
            for mine, other in zip(everyone[0], theirs, strict=True):
                if mine[1:] != other[1:]:
                    raise RuntimeError(f"DDP expects same model across all ranks, but parameter {mine[0]} has shape {mine[1]} on rank 0 and {other[1]} on rank {rank}")

    def _broadcast(self, tensors, root=0):
        """Gives all processes the tensors of root, all of one dtype in one message."""
        by_dtype = {}
        for tensor in tensors:
            by_dtype.setdefault(tensor.dtype, []).append(tensor)
        with kagari.no_grad():
            for some in by_dtype.values():
                flat = kagari.cat([tensor.reshape(-1) for tensor in some])
                self.process_group.broadcast([flat], root, asynchronous=False).wait()
                if self.process_group.rank() != root:
                    for tensor, part in zip(some, flat.split([tensor.numel() for tensor in some]), strict=True):
                        tensor.copy_(part.view(tensor.shape))

    # ---- pickling and copying keep the wrapper without its hooks, which are set again
    def __getstate__(self):
        state = dict(self.__dict__)
        for name in ("process_group", "_ddp_buckets", "_home", "_buffers_to_sync"):
            state.pop(name, None)
        return state

    def __setstate__(self, state):
        from kagari.distributed import distributed_c10d
        super().__setstate__(state)
        self.process_group = distributed_c10d._get_default_group()
        self._buffers_to_sync = [b for name, b in self.module.named_buffers() if name not in self.parameters_to_ignore]
        trained = [p for name, p in self.module.named_parameters() if p.requires_grad and name not in self.parameters_to_ignore]
        self._ddp_buckets = _buckets(trained, min(_FIRST_BUCKET, self.bucket_bytes_cap), self.bucket_bytes_cap)
        self._home = {id(p): bucket for bucket in self._ddp_buckets for p in bucket.parameters}
        self._listen()

    # ---- forward
    def forward(self, *inputs, **kwargs):
        if kagari.is_grad_enabled() and self.require_backward_grad_sync:
            if self._active and self._seen:
                raise RuntimeError("Expected to have finished reduction in the prior iteration before starting a new one. This error indicates that your module has "
                                   "parameters that were not used in producing loss. You can enable unused parameter detection by passing the keyword argument "
                                   "`find_unused_parameters=True` to `torch.nn.parallel.DistributedDataParallel`, and by making sure all `forward` function "
                                   "outputs participate in calculating loss. Parameters without a gradient: " + ", ".join(self._unfinished()))
            notified = Join.notify_join_context(self)
            if notified is not None:
                notified.wait()
        if self.broadcast_buffers and self.require_forward_param_sync and self._buffers_to_sync:
            self._broadcast(self._buffers_to_sync, self._authority())
        output = self.module(*inputs, **kwargs)
        if kagari.is_grad_enabled() and self.require_backward_grad_sync:
            self._prepare(output)
        return output

    def _authority(self):
        """The rank whose buffers count: 0, or under join() the highest one that still has data."""
        if not self._join_config.enable:
            return 0
        rank = kagari.tensor([self.process_group.rank()])
        from kagari.distributed import ReduceOp
        self.process_group.allreduce([rank], ReduceOp.MAX, asynchronous=False).wait()
        return int(rank)

    def _unfinished(self):
        return [name for name, p in self.module.named_parameters() if id(p) in self._home and id(p) not in self._seen]

    def _prepare(self, output=None):
        """Waits for the gradients of all parameters, or of those that the output depends on."""
        self._active, self._next, self._seen, self._used = True, 0, set(), None
        for bucket in self._ddp_buckets:
            bucket.waiting, bucket.ready, bucket.future = len(bucket.parameters), False, None
        if self.find_unused_parameters and output is not None:
            self._used = _reachable(output, self._home)
            for bucket in self._ddp_buckets:
                for parameter in bucket.parameters:
                    if id(parameter) not in self._used:
                        self._seen.add(id(parameter))
                        bucket.waiting -= 1

    # ---- backward
    def _gradient_is_ready(self, parameter):
        if not self.require_backward_grad_sync:
            return
        if not self._active:
            self._prepare()
        if not self._queued:
            self._queued = True
            kagari._C._queue_callback(self._end_of_backward)
        if id(parameter) not in self._seen:
            self._seen.add(id(parameter))
            self._home[id(parameter)].waiting -= 1
            self._start_full_buckets()

    def _start_full_buckets(self):
        while self._next < len(self._ddp_buckets) and self._ddp_buckets[self._next].waiting == 0:
            self._reduce(self._next, self._ddp_buckets[self._next])
            self._next += 1

    def _reduce(self, index, bucket):
        views = bucket.views()
        with kagari.no_grad():
            for parameter, view in zip(bucket.parameters, views, strict=True):
                if parameter.grad is None:
                    view.zero_()
                elif parameter.grad.data_ptr() != view.data_ptr():
                    view.copy_(parameter.grad)
            if not self._comm_hooks:
                bucket.flat.div_(self._divisor)
                bucket.future = self.process_group.allreduce([bucket.flat]).get_future()
                return
        hook, state = self._comm_hooks[0]
        bucket.future = hook(state, GradBucket(index, bucket.flat, bucket.parameters, bucket.offsets, index == len(self._ddp_buckets) - 1))

    def _end_of_backward(self):
        self._queued = False
        if not self._active:
            return
        if self.static_graph or self._used is not None:
            for bucket in self._ddp_buckets:           # what backward did not reach counts as zero
                bucket.waiting = 0
        self._start_full_buckets()
        if self._next < len(self._ddp_buckets):
            return                                     # forward() will say which parameters are missing
        somewhere = self._used_somewhere()
        with kagari.no_grad():
            for bucket in self._ddp_buckets:
                result = bucket.future.wait()
                result = result[0] if isinstance(result, (list, tuple)) else result
                if result is not bucket.flat:
                    bucket.flat.copy_(result.view(-1))
                for parameter, view in zip(bucket.parameters, bucket.views(), strict=True):
                    if somewhere is not None and id(parameter) not in somewhere:
                        continue
                    if self.gradient_as_bucket_view:
                        parameter.grad = view
                    elif parameter.grad is None:
                        parameter.grad = view.clone()
                    else:
                        parameter.grad.copy_(view)
        self._active, self._seen = False, set()

    def _used_somewhere(self):
        """The parameters that any process used, by id; None for all."""
        if self._used is None and not self.static_graph:
            return None
        order = [p for bucket in self._ddp_buckets for p in bucket.parameters]
        counts = kagari.tensor([int(p.grad is not None if self._used is None else id(p) in self._used) for p in order])
        self.process_group.allreduce([counts], asynchronous=False).wait()
        return {id(p) for p, count in zip(order, counts.tolist(), strict=True) if count}

    # ---- the rest of the interface
    @contextlib.contextmanager
    def no_sync(self):
        """Context manager: backward passes of forwards inside it only add to the local gradients. The first pass after it reduces the sums."""
        before = self.require_backward_grad_sync
        self.require_backward_grad_sync = self.require_forward_param_sync = False
        try:
            yield
        finally:
            self.require_backward_grad_sync = self.require_forward_param_sync = before

    def register_comm_hook(self, state, hook):
        """hook(state, GradBucket) gives a Future of the reduced flat tensor; it stands for the division and the all_reduce."""
        if not callable(hook):
            raise TypeError("Communication hook must be callable.")
        if self._comm_hooks:
            raise RuntimeError("register_comm_hook or register_builtin_comm_hook can only be called once.")
        self._comm_hooks.append((hook, state))

    def will_sync_module_buffers(self):
        """Whether the next forward gives all processes the same buffers."""
        return bool(self.require_forward_param_sync and self.broadcast_buffers and self._buffers_to_sync)

    def _set_static_graph(self):
        self.static_graph = True

    def _get_ddp_logging_data(self):
        return {"world_size": self._size, "rank": self.process_group.rank(), "backend_name": "gloo", "module_name": type(self.module).__name__,
                "num_parameter_tensors": sum(len(b.parameters) for b in self._ddp_buckets), "broadcast_buffers": int(self.broadcast_buffers),
                "find_unused_parameters": int(self.find_unused_parameters), "static_graph": int(self.static_graph)}

    @staticmethod
    def _set_params_and_buffers_to_ignore_for_model(module, params_and_buffers_to_ignore):
        """Parameters and buffers, by dotted name, that a later wrapper leaves alone."""
        module._ddp_params_and_buffers_to_ignore = params_and_buffers_to_ignore

    # ---- uneven inputs
    def join(self, divide_by_initial_world_size=True, enable=True, throw_on_early_termination=False):
        """Context manager for processes with different numbers of batches: those that are done take part with zeros until all are."""
        return Join([self], enable, throw_on_early_termination, divide_by_initial_world_size=divide_by_initial_world_size)

    def join_hook(self, **kwargs):
        return _DDPJoinHook(self, kwargs.get("divide_by_initial_world_size", True))

    @property
    def join_device(self):
        return self.device

    @property
    def join_process_group(self):
        return self.process_group


class _DDPJoinHook(JoinHook):
    """Takes the part of a process that has no data left."""

    def __init__(self, ddp, divide_by_initial_world_size):
        self.ddp, self.keep_divisor = ddp, divide_by_initial_world_size

    def main_hook(self):
        ddp = self.ddp
        if ddp.broadcast_buffers and ddp._buffers_to_sync:
            rank = kagari.tensor([-1])
            from kagari.distributed import ReduceOp
            ddp.process_group.allreduce([rank], ReduceOp.MAX, asynchronous=False).wait()
            ddp._broadcast(ddp._buffers_to_sync, int(rank))
        for bucket in ddp._ddp_buckets:
            bucket.flat.zero_()
            ddp.process_group.allreduce([bucket.flat], asynchronous=False).wait()
        if ddp.find_unused_parameters or ddp.static_graph:
            ddp.process_group.allreduce([kagari.zeros(len(ddp._home), dtype=kagari.int64)], asynchronous=False).wait()

    def post_hook(self, is_last_joiner):
        """All processes end with the parameters of one that had data to the end."""
        ddp = self.ddp
        rank = kagari.tensor([ddp.process_group.rank() if is_last_joiner else -1])
        from kagari.distributed import ReduceOp
        ddp.process_group.allreduce([rank], ReduceOp.MAX, asynchronous=False).wait()
        ddp._broadcast([p.detach() for p in ddp.module.parameters()] + ddp._buffers_to_sync, int(rank))


def _reachable(output, wanted):
    """The ids among `wanted` of the leaves that the tensors in output depend on."""
    from kagari.utils._pytree import tree_leaves
    found, seen = set(), set()
    stack = [leaf.grad_fn for leaf in tree_leaves(output) if isinstance(leaf, kagari.Tensor) and leaf.grad_fn is not None]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        variable = getattr(node, "variable", None)
        if variable is not None and id(variable) in wanted:
            found.add(id(variable))
        stack.extend(following for following, _ in node.next_functions if following is not None)
    return found
