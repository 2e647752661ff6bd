"""Remote calls do not exist here: is_available() is False."""
from kagari.distributed._absent import absent


def is_available():
    """False."""
    return False


globals().update(absent("torch.distributed.rpc", classes=("RRef", "WorkerInfo", "TensorPipeAgent", "TensorPipeRpcBackendOptions"),
                        functions=("init_rpc", "rpc_sync", "rpc_async", "remote", "shutdown", "get_worker_info")))
