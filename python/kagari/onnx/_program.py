"""What torch.onnx.export returns."""
import kagari
from kagari.onnx._exporter import write
from kagari.utils import _pytree

__all__ = ["ONNXProgram"]


class ONNXProgram:
    """An exported model: save() writes it, a call runs it with ONNX Runtime (package onnxruntime)."""

    def __init__(self, graph, exported_program=None):
        self._graph, self.exported_program, self._session = graph, exported_program, None

    @property
    def model_proto(self):
        """The model as onnx.ModelProto (package onnx)."""
        import onnx
        return onnx.load_from_string(self._graph.to_bytes())

    def save(self, destination, *, include_initializers=True, keep_initializers_as_inputs=False, external_data=None):
        """Writes the .onnx file."""
        write(self._graph, destination, external_data is not False, keep_initializers_as_inputs, include_initializers)

    def optimize(self):
        """Nothing to do: operators were chosen when the graph was made."""

    def apply_weights(self, state_dict):
        """Replaces weights by those of a state_dict, by name."""
        for name, value in state_dict.items():
            if name in self._graph.initializers:
                self._graph.initializers[name] = value.detach()
        self._session = None

    def initialize_inference_session(self, initializer=None):
        """Makes the ONNX Runtime session that calls use. initializer: a function from a path or bytes to a session."""
        if initializer is None:
            import onnxruntime

            def initializer(model):
                return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        self._session = initializer(self._graph.to_bytes())

    def release(self):
        """Drops the session."""
        self._session = None

    def __call__(self, *args, **kwargs):
        """The outputs for these arguments, as a list of tensors."""
        if self._session is None:
            self.initialize_inference_session()
        leaves = [leaf for leaf in _pytree.tree_leaves((args, kwargs)) if isinstance(leaf, kagari.Tensor)]
        feed = {name: leaf.detach().numpy() for name, leaf in zip(self._graph.input_order, leaves)}
        return [kagari.from_numpy(one) for one in self._session.run(None, feed)]

    call_reference = __call__

    def __repr__(self):
        rows = [f"    {', '.join(outputs)} = {domain + '.' if domain else ''}{kind}({', '.join(inputs)})" for kind, inputs, outputs, _, domain in self._graph.converter.nodes]
        return "\n".join(["ONNXProgram(", *rows, ")"])
