"""ONNX forms of a few operators for opset version 18; see symbolic_opset9."""
from kagari.onnx.symbolic_opset9 import dropout, masked_fill, select, softmax, squeeze, unsqueeze

__all__ = ["dropout", "masked_fill", "select", "softmax", "squeeze", "unsqueeze"]
