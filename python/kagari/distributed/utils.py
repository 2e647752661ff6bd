"""Small functions that libraries import."""
import kagari
from kagari.distributed import distributed_c10d


def _sync_module_states(module, process_group, broadcast_bucket_size=0, src=0, params_and_buffers_to_ignore=(), broadcast_buffers=True):
    """Gives all processes the parameters and buffers of the process src."""
    group = process_group or distributed_c10d._get_default_group()
    named = [*module.named_parameters(), *(module.named_buffers() if broadcast_buffers else ())]
    with kagari.no_grad():
        for name, tensor in named:
            if name not in params_and_buffers_to_ignore:
                group.broadcast([tensor.detach()], src, asynchronous=False).wait()
