"""Errors of torch.onnx."""
__all__ = ["OnnxExporterError", "OnnxExporterWarning", "SymbolicValueError", "UnsupportedOperatorError"]


class OnnxExporterWarning(UserWarning):
    """Category of the exporter's warnings."""


class OnnxExporterError(RuntimeError):
    """A program cannot be written as ONNX."""


class UnsupportedOperatorError(OnnxExporterError):
    """An operator that has no form in ONNX here."""

    def __init__(self, name, version=0, supported_version=None):
        self.name, self.version = name, version
        super().__init__(f"Exporting the operator '{name}' to ONNX opset version {version} is not supported.")


class SymbolicValueError(OnnxExporterError):
    """A value that an operator's form in ONNX cannot take."""

    def __init__(self, msg, value=None):
        super().__init__(msg)
