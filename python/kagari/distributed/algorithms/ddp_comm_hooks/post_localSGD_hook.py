"""Gradients averaged over all processes at first, later only over the processes of one machine."""
from kagari.distributed import distributed_c10d
from kagari.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook

__all__ = ["PostLocalSGDState", "post_localSGD_hook"]


class PostLocalSGDState:
    """process_group is averaged over until the step start_localSGD_iter, subgroup (None: of this machine) after it, if post_local_gradient_allreduce."""

    def __init__(self, process_group, subgroup, start_localSGD_iter, post_local_gradient_allreduce=True):
        self.process_group, self.subgroup = process_group, subgroup
        self.start_localSGD_iter, self.post_local_gradient_allreduce = start_localSGD_iter, post_local_gradient_allreduce
        self.iter = 0

    def maybe_increase_iter(self, bucket):
        """Counts steps."""
        self.iter += bucket.is_last()


def post_localSGD_hook(state, bucket):
    """The mean that PostLocalSGDState asks for."""
    local = state.iter >= state.start_localSGD_iter
    state.maybe_increase_iter(bucket)
    if not local:
        return allreduce_hook(state.process_group, bucket)
    if not state.post_local_gradient_allreduce:
        from kagari.futures import Future
        done = Future()
        done.set_result(bucket.buffer())
        return done
    if state.subgroup is None:
        state.subgroup, _ = distributed_c10d.new_subgroups()
    return allreduce_hook(state.subgroup, bucket)
