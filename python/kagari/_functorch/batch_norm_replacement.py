"""Batch normalisation without running statistics, which vmap cannot update."""

__all__ = ["replace_all_batch_norm_modules_", "batch_norm_without_running_stats"]


def batch_norm_without_running_stats(module):
    """Makes a batch normalisation work without running statistics, in place; other modules stay as they are."""
    from kagari.nn.modules.batchnorm import _BatchNorm

    if isinstance(module, _BatchNorm) and module.track_running_stats:
        module.running_mean = module.running_var = module.num_batches_tracked = None
        module.track_running_stats = False


def replace_all_batch_norm_modules_(root):
    """Makes all batch normalisations of ``root`` work without running statistics, in place. Returns ``root``."""
    for module in root.modules():
        batch_norm_without_running_stats(module)
    return root
