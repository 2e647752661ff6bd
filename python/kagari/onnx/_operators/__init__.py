"""The ONNX form of each operator: a function of (converter, node, *arguments), found by the operator's name."""
import importlib

_FILES = ("elementwise", "activation", "shaping", "reduction", "indexing", "neural", "pooling", "recurrent", "creation", "compound")
TABLE = {}
_loaded = []


def form(*names):
    """Decorator: the function is the ONNX form of the operators of these names."""
    def add(function):
        for name in names:
            TABLE[name] = function
        return function
    return add


def table():
    """Operator -> function, of all files."""
    if not _loaded:
        for file in _FILES:
            importlib.import_module(f"kagari.onnx._operators.{file}")
        _loaded.append(True)
    return TABLE


def find(name):
    return table().get(name)
