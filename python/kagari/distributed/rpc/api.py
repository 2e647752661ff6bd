"""Remote calls do not exist here."""
from kagari.distributed.rpc import get_worker_info, init_rpc, remote, rpc_async, rpc_sync, shutdown  # noqa: F401


def _require_initialized(func):
    """Decorator: the function, which raises RuntimeError since no remote calls were started."""
    import functools

    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        raise RuntimeError("RPC has not been initialized. Call torch.distributed.rpc.init_rpc first.")
    return wrapper
