"""torch.onnx.export: record, convert, write."""
import contextlib
import os

import kagari
from kagari.export import dynamic_shapes as shapes
from kagari.export._trace import parameters_of, record, refuse_reads
from kagari.export.exported_program import ExportedProgram
from kagari.fx._dynamic_sizes import text
from kagari.fx.node import Node
from kagari.onnx import _protobuf as proto
from kagari.onnx._builder import HIGHEST_OPSET, IR_VERSIONS, LOWEST_OPSET, onnx_dtype, raw_bytes
from kagari.onnx._converter import Converter
from kagari.onnx.errors import OnnxExporterError
from kagari.utils import _pytree
from kagari.version import __version__

DEFAULT_OPSET = 18
INLINE_BYTES = 1 << 30                           # weights beyond that go to a file of their own: a Protocol Buffers file ends at 2 GB
# Composed operators that have a form in ONNX; all others are opened.
WHOLE = frozenset("matmul layer_norm batch_norm group_norm instance_norm rms_norm _resample pad cat repeat _einsum glu scaled_dot_product_attention lstm gru rnn_tanh "
                  "rnn_relu one_hot pixel_shuffle contiguous reshape flatten unflatten swapaxes swapdims dropout feature_dropout alpha_dropout grid_sampler "
                  "take_along_dim index index_put detach fold".split())
_depth = [0]


def is_in_onnx_export():
    """Whether torch.onnx.export is running."""
    return _depth[0] > 0


@contextlib.contextmanager
def _exporting(model, mode):
    """Marks the time of an export; a module is in the wanted mode (None: as it is) meanwhile."""
    _depth[0] += 1
    modules = [(one, one.training) for one in model.modules()] if isinstance(model, kagari.nn.Module) and mode is not None else []
    for one, _ in modules:
        one.training = mode
    try:
        yield
    finally:
        _depth[0] -= 1
        for one, before in modules:
            one.training = before


class OnnxGraph:
    """A finished graph: converter, inputs and outputs as (name, dtype, dims)."""

    def __init__(self, converter, inputs, outputs, names):
        self.converter, self.inputs, self.outputs, self.input_order = converter, inputs, outputs, names
        self.initializers = converter.initializers

    def to_bytes(self, external=None, initializers_as_inputs=False, with_initializers=True):
        """The file's bytes. `external` is the name of the file beside it that holds the weights (see external_bytes)."""
        c, messages, offset = self.converter, [], 0
        values = list(self.inputs)
        for name, value in self.initializers.items():
            if initializers_as_inputs:
                values.append((name, value.dtype, list(value.shape)))
            if not with_initializers:
                continue
            raw, place = raw_bytes(value), None
            if external is not None and len(raw) >= 1024:
                place = (external, offset, len(raw))
                offset += -(-len(raw) // 64) * 64
            messages.append(proto.tensor(name, onnx_dtype(value.dtype), value.shape, raw, place))
        nodes = [proto.node(kind, inputs, outputs, f"node_{i}_{kind}", attributes, domain) for i, (kind, inputs, outputs, attributes, domain) in enumerate(c.nodes)]

        def infos(items):
            return [proto.value_info(name, onnx_dtype(dtype), dims) for name, dtype, dims in items]
        body = proto.graph("main_graph", nodes, messages, infos(values), infos(self.outputs))
        return proto.model(body, {"": c.opset, **c.domains}, IR_VERSIONS[c.opset], "kagari", __version__)

    def external_bytes(self):
        """The bytes of the weights file that to_bytes(external=...) refers to."""
        parts = []
        for value in self.initializers.values():
            raw = raw_bytes(value)
            if len(raw) >= 1024:
                parts.append(raw + bytes(-len(raw) % 64))
        return b"".join(parts)

    def weight_bytes(self):
        return sum(value.numel() * value.element_size() for value in self.initializers.values())


def build(model, args, kwargs, dynamic, opset, input_names, output_names, custom=None, on_read=refuse_reads):
    """The OnnxGraph of model(*args, **kwargs)."""
    if not LOWEST_OPSET <= opset <= HIGHEST_OPSET:
        raise ValueError(f"Unsupported ONNX opset version: {opset}; versions {LOWEST_OPSET} to {HIGHEST_OPSET} are supported")
    recorded = record(model, args, kwargs, dynamic, WHOLE, on_read)
    converter = Converter(opset, custom)
    converter.symbols = recorded.symbols
    converter.tensors = dict(recorded.constants)
    if isinstance(model, kagari.nn.Module):
        converter.tensors.update(model.named_parameters())
        converter.tensors.update(model.named_buffers())
    inputs, taken = [], iter(input_names or ())
    for node, (_, value) in zip([n for n in recorded.graph.nodes if n.op == "placeholder"], recorded.names):
        if not isinstance(value, kagari.Tensor):
            continue
        name = converter.name(next(taken, node.target))
        converter.values[node] = name
        inputs.append((name, value.dtype, _dims(node, value)))
    if input_names is not None and len(input_names) > len(inputs):
        raise OnnxExporterError(f"number of input names provided ({len(input_names)}) exceeded number of inputs ({len(inputs)})")
    for node in recorded.graph.nodes:
        if node.op in ("get_attr", "call_function"):
            converter.convert(node)
    outputs = _outputs(converter, recorded, output_names, {name for name, _, _ in inputs})
    converter.prune([name for name, _, _ in outputs])
    return OnnxGraph(converter, inputs, outputs, [name for name, _, _ in inputs])


def _dims(node, value):
    sizes = node.meta.get("sizes")
    return [text(one) if isinstance(one, tuple) else int(one) for one in sizes] if sizes else [int(n) for n in value.shape]


def _outputs(converter, recorded, output_names, input_names):
    output, outputs, seen = recorded.graph.output_node(), [], set()
    leaves = output.args[0][len(recorded.mutated):]
    tensors = [(node, value) for node, value in zip(leaves, recorded.outputs) if isinstance(value, (kagari.Tensor, int, float)) and value is not None]
    if output_names is not None and len(output_names) > len(tensors):
        raise OnnxExporterError(f"number of output names provided ({len(output_names)}) exceeded number of outputs ({len(tensors)})")
    for i, (node, value) in enumerate(tensors):
        converter.hint = "output"
        name = converter.value(node)
        given = output_names is not None and i < len(output_names)
        wish = output_names[i] if given else (node.name if isinstance(node, Node) else "output")
        if name in input_names or name in converter.initializers or name in seen:
            name = converter.op("Identity", name)
        if name != wish:
            if wish in converter.names and wish not in input_names | seen and given:
                converter.rename(wish, converter.name(f"{wish}_inner"))
            new = converter.name(wish)
            if given and new != wish:
                raise OnnxExporterError(f"the output name {wish!r} is the name of an input or of another output")
            converter.rename(name, new)
            name = new
        seen.add(name)
        if isinstance(value, kagari.Tensor):
            outputs.append((name, value.dtype, _output_dims(node, value, bool(recorded.symbols))))
        else:
            outputs.append((name, kagari.tensor(value).dtype, []))
    return outputs


def _output_dims(node, value, dynamic):
    if isinstance(node, Node) and node.meta.get("sizes") is None and dynamic:
        return [f"{node.name}_dim_{i}" for i in range(value.dim())]
    return _dims(node, value) if isinstance(node, Node) else [int(n) for n in value.shape]


def dynamic_of_axes(axes, args, kwargs, input_names, parameters):
    """[Dynamic] for dynamic_axes: {input name: {dim: name} or [dims]}."""
    leaves = _pytree.tree_leaves((tuple(args), dict(kwargs)))
    names = list(input_names or ())
    if not names:
        names = [parameters[i] if i < len(parameters) else f"input_{i}" for i in range(len(args))] + list(kwargs)
    tensors = [i for i, leaf in enumerate(leaves) if isinstance(leaf, kagari.Tensor)]
    found, made = [], {}
    for name, dims in axes.items():
        if name not in names or names.index(name) >= len(tensors):
            continue                             # names of outputs: their sizes follow
        leaf = tensors[names.index(name)]
        for dim, label in (dims.items() if isinstance(dims, dict) else ((d, f"{name}_dynamic_axes_{d + 1}") for d in dims)):
            label = _identifier(str(label))
            key = label
            size = leaves[leaf].shape[dim]
            while key in made and made[key][1] != size:      # one label for dimensions of different sizes: they are not the same
                key = f"{key}_"
            dim_object = made.setdefault(key, (shapes.Dim(key, min=1), size))[0]
            found.append(shapes.Dynamic(leaf, dim % leaves[leaf].dim(), dim_object))
    return found


def _identifier(label):
    made = "".join(c if c.isalnum() or c == "_" else "_" for c in label)
    return made if made and not made[0].isdigit() else f"d{made}"


class _Called(kagari.nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        object.__setattr__(self, "function", function)

    def forward(self, *args, **kwargs):
        return self.function(*args, **kwargs)


def prepare(model, args, kwargs, dynamic_shapes, dynamic_axes, input_names):
    """(module, args, kwargs, [Dynamic])."""
    if isinstance(model, ExportedProgram):
        if model.example_inputs is None:
            raise OnnxExporterError("the exported program was loaded from a file and has no example inputs; pass a module instead")
        given, keywords = model.example_inputs
        return model.module(check_guards=False), given, keywords, model._dynamic
    if isinstance(args, kagari.Tensor) or not isinstance(args, (tuple, list)):
        args = (args,)
    args = tuple(args)
    if kwargs is None and args and isinstance(args[-1], dict):
        args, kwargs = args[:-1], args[-1]
    kwargs = dict(kwargs or {})
    module = model if isinstance(model, kagari.nn.Module) else _Called(model)
    parameters = parameters_of(model.forward if isinstance(model, kagari.nn.Module) else getattr(model, "_function", model))
    if dynamic_shapes:
        if isinstance(dynamic_shapes, (shapes.ShapesCollection, shapes.AdditionalInputs)):
            dynamic_shapes = dynamic_shapes.dynamic_shapes(module, args, kwargs)
        return module, args, kwargs, shapes.collect(dynamic_shapes, args, kwargs, parameters)
    return module, args, kwargs, dynamic_of_axes(dynamic_axes or {}, args, kwargs, input_names, parameters)


def write(graph, f, external_data=True, keep_initializers_as_inputs=False, include_initializers=True):
    """Writes the graph to a path (weights of more than a gigabyte to a second file `<f>.data`) or to an open file."""
    if hasattr(f, "write"):
        f.write(graph.to_bytes(None, keep_initializers_as_inputs, include_initializers))
        return
    path = os.fspath(f)
    external = f"{os.path.basename(path)}.data" if external_data and include_initializers and graph.weight_bytes() > INLINE_BYTES else None
    if external is not None:
        with open(f"{path}.data", "wb") as file:
            file.write(graph.external_bytes())
    with open(path, "wb") as file:
        file.write(graph.to_bytes(external, keep_initializers_as_inputs, include_initializers))
