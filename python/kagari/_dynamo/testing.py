"""Backends for tests of programs that use torch.compile."""

__all__ = ["CompileCounter", "CompileCounterWithBackend", "EagerAndRecordGraphs"]


class CompileCounter:
    """Counts graphs and calls in them, and runs the graphs as they are."""

    def __init__(self):
        self.clear()

    def clear(self):
        self.frame_count, self.op_count = 0, 0

    def __call__(self, gm, example_inputs):
        self.frame_count += 1
        self.op_count += sum(node.op in ("call_function", "call_method", "call_module") for node in gm.graph.nodes)
        return gm.forward


class CompileCounterWithBackend(CompileCounter):
    """The same, and keeps the graphs."""

    def __init__(self, backend="eager"):
        super().__init__()
        self.backend, self.graphs = backend, []

    def __call__(self, gm, example_inputs):
        super().__call__(gm, example_inputs)
        self.graphs.append(gm)
        from kagari._dynamo.backends.registry import lookup_backend
        backend = lookup_backend(self.backend)
        return gm.forward if backend is None else backend(gm, example_inputs)


class EagerAndRecordGraphs:
    """Keeps the graphs, and runs them as they are."""

    def __init__(self):
        self.graphs = []

    def __call__(self, gm, example_inputs):
        self.graphs.append(gm)
        return gm.forward
