"""Backends made of compilers for graphs of operators."""

__all__ = ["aot_autograd", "fake_tensor_unsupported"]


def aot_autograd(fw_compiler=None, bw_compiler=None, inference_compiler=None, **options):
    """A backend that gives fw_compiler the graph of operators. Gradients are those of the operators that its result runs."""
    def backend(gm, example_inputs, **kwargs):
        return fw_compiler(gm, example_inputs)
    return backend


def fake_tensor_unsupported(fn):
    """Decorator: the backend itself, since examples are real tensors."""
    return fn
