"""Parts of torch.onnx that programs look for here."""
from kagari.onnx import _exporting, export, is_in_onnx_export, register_custom_op_symbolic, select_model_mode_for_export, unregister_custom_op_symbolic

__all__ = ["export", "exporter_context", "is_in_onnx_export", "register_custom_op_symbolic", "select_model_mode_for_export", "unregister_custom_op_symbolic"]


def exporter_context(model, mode, verbose=False):
    """Context manager of an export."""
    from kagari.onnx import TrainingMode
    return _exporting(model, None if mode == TrainingMode.PRESERVE else mode == TrainingMode.TRAINING)
