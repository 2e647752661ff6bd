"""What libraries ask of the compiler front end."""
import collections

__all__ = ["CompileProfiler", "counters", "is_compile_supported"]

counters = collections.defaultdict(collections.Counter)


def is_compile_supported(device_type):
    """Whether torch.compile takes functions for a kind of device."""
    return device_type == "cpu"


def is_compile_time():
    return False


class CompileProfiler:
    """A backend that counts the graphs it gets and runs them as they are."""

    def __init__(self):
        self.frame_count = self.op_count = 0

    def __call__(self, gm, example_inputs):
        self.frame_count += 1
        self.op_count += sum(node.op.startswith("call") for node in gm.graph.nodes)
        return gm.forward

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return None

    def report(self):
        return f"{self.frame_count} graphs, {self.op_count} calls"
