"""Quantisation of the graph of a model: no stubs, and functions are quantised like layers.

Note [Which values are rounded]
A layer or function that computes with integers (a convolution, a linear layer, a sum, ...) has observers behind its inputs, unless what makes them is rounded
already, and one behind its output. One that only moves or compares elements (pooling, reshaping, ReLU) keeps the scale of its input, whose observer it
shares. All others get float32 numbers. `convert_fx` puts a rounding in the place of an observer behind a float32 value, gives the scale of an observer behind
an integer layer to that layer, and turns values back to float32 where something needs them so.
"""
import copy
import operator

import kagari
from kagari import fx, nn
from kagari.ao.nn import intrinsic, quantized
from kagari.ao.quantization import fuser_method_mappings as fusing
from kagari.ao.quantization import quantization_mappings as mappings
from kagari.ao.quantization.qconfig_mapping import QConfigMapping
from kagari.ao.quantization.quantize import _is_activation_post_process, swap_module

__all__ = ["convert_fx", "convert_to_reference_fx", "fuse_fx", "prepare_fx", "prepare_qat_fx"]

functional = nn.functional
_JOINED = {operator.add: "add", kagari.add: "add", operator.mul: "mul", kagari.mul: "mul", operator.iadd: "add", operator.imul: "mul", "add": "add", "mul": "mul",
           "add_": "add", "mul_": "mul", kagari.cat: "cat", kagari.matmul: "matmul", operator.matmul: "matmul", "matmul": "matmul"}
_COMPUTED = {functional.hardswish: lambda q, args, kwargs: (), functional.leaky_relu: lambda q, args, kwargs: (kwargs.get("negative_slope", args[1] if len(args) > 1 else 0.01), False),
             functional.layer_norm: lambda q, args, kwargs: tuple(args[1:]) + tuple(kwargs.get(name) for name in ("weight", "bias")[max(0, len(args) - 2):]) + (kwargs.get("eps", 1e-5),)}
_KEPT_LAYERS = (nn.ReLU, nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d,
                nn.Flatten, nn.Dropout, nn.Identity, nn.Hardtanh, nn.ReLU6, nn.Upsample, nn.ChannelShuffle, nn.PixelShuffle, nn.Unflatten)
_KEPT = {functional.relu, kagari.relu, "relu", "relu_", functional.max_pool1d, functional.max_pool2d, functional.max_pool3d, functional.avg_pool2d, kagari.avg_pool1d,
         functional.avg_pool1d, functional.avg_pool3d, functional.adaptive_avg_pool1d, functional.adaptive_avg_pool2d, functional.adaptive_avg_pool3d,
         kagari.flatten, "reshape", kagari.reshape, "view", "permute", kagari.permute, "transpose", kagari.transpose, "squeeze", kagari.squeeze, "unsqueeze",
         kagari.unsqueeze, functional.dropout, functional.interpolate, kagari.mean, "mean", "contiguous", "clamp", kagari.clamp, functional.hardtanh, functional.relu6,
         "chunk", kagari.chunk, "split", operator.getitem, "repeat", "detach", "clone"}
_FIXED_LAYERS = (nn.Sigmoid, nn.Tanh, nn.Hardsigmoid, nn.Softmax)
_FIXED = {kagari.sigmoid, "sigmoid", kagari.tanh, "tanh", functional.hardsigmoid, functional.sigmoid, functional.tanh}


class _Kind:
    """How a node is treated: "integers" (computes with them), "kept" (keeps the scale), or "floats"."""

    def __init__(self, graph_module):
        self.modules = dict(graph_module.named_modules())
        self.layers = tuple(kind for kind in mappings.DEFAULT_STATIC_QUANT_MODULE_MAPPINGS if kind not in _KEPT_LAYERS and kind not in (nn.Embedding, nn.EmbeddingBag))

    def of(self, node):
        if node.op == "call_module":
            module = self.modules[node.target]
            if type(module) in self.layers or isinstance(module, _FIXED_LAYERS):
                return "integers"
            return "kept" if isinstance(module, _KEPT_LAYERS) else "floats"
        if node.op in ("call_function", "call_method"):
            if node.target in _JOINED:
                tensors = [one for one in node.all_input_nodes]
                numbers = node.target is not kagari.cat and len(tensors) < 2
                return "kept" if numbers else "integers"
            if node.target in _COMPUTED or node.target in _FIXED:
                return "integers"
            return "kept" if node.target in _KEPT else "floats"
        return "floats"


def _traced(model, leaves=()):
    if isinstance(model, fx.GraphModule):
        return model

    class Tracer(fx.Tracer):
        def is_leaf_module(self, m, name):
            return type(m) in leaves or isinstance(m, (intrinsic._FusedModule, quantized.FloatFunctional)) or super().is_leaf_module(m, name)
    tracer = Tracer()
    graph = tracer.trace(model)
    return fx.GraphModule(model, graph, type(model).__name__)


def _fuse(model, is_qat):
    """Joins what fuse_modules joins, wherever the first value goes to the second layer only."""
    modules = dict(model.named_modules())

    def kind(node):
        if node.op == "call_module":
            return type(modules[node.target])
        return nn.ReLU if node.op == "call_function" and node.target in (functional.relu, kagari.relu) or node.op == "call_method" and node.target in ("relu", "relu_") else None
    for node in list(model.graph.nodes):
        if node.op != "call_module" or node._erased:
            continue
        chain = [node]
        while len(chain) < 3 and len(chain[-1].users) == 1 and kind(next(iter(chain[-1].users))) is not None:
            chain.append(next(iter(chain[-1].users)))
        for length in range(len(chain), 1, -1):
            if tuple(kind(one) for one in chain[:length]) in fusing.METHODS:
                break
        else:
            continue
        chain = chain[:length]
        layers = [modules[one.target] if one.op == "call_module" else nn.ReLU().train(modules[node.target].training) for one in chain]
        fused = fusing.get_fuser_method([type(layer) for layer in layers])(is_qat, *layers)
        parent, _, last = node.target.rpartition(".")
        setattr(model.get_submodule(parent), last, fused)
        modules[node.target] = fused
        chain[-1].replace_all_uses_with(node)
        for one in reversed(chain[1:]):
            model.graph.erase_node(one)
    model.graph.lint()
    model.recompile()
    return model


def fuse_fx(model, fuse_custom_config=None, backend_config=None):
    """The graph of a model in evaluation with joined layers."""
    return _fuse(_traced(model), False)


def _mapping_of(qconfig_mapping):
    return qconfig_mapping if isinstance(qconfig_mapping, QConfigMapping) else QConfigMapping.from_dict(qconfig_mapping)


def _prepare(model, qconfig_mapping, is_qat, leaves):
    mapping, training = _mapping_of(qconfig_mapping), model.training
    model = _fuse(_traced(model, leaves), is_qat)
    modules = dict(model.named_modules())
    kinds, qconfigs = _Kind(model), {}
    for node in model.graph.nodes:
        if node.op == "call_module":
            module = modules[node.target]
            key = type(module[0]) if isinstance(module, intrinsic._FusedModule) else type(module)
            qconfigs[node] = mapping.find(node.target, type(module) if type(module) in mapping.object_type_qconfigs else key)
            module.qconfig = qconfigs[node]
        elif node.op in ("call_function", "call_method"):
            qconfigs[node] = mapping.find("", node.target)
    if is_qat:
        table = mappings.get_default_qat_module_mappings()
        for name, module in modules.items():
            if getattr(module, "qconfig", None) is not None and type(module) in table:
                parent, _, last = name.rpartition(".")
                setattr(model.get_submodule(parent), last, swap_module(module, table))
        kinds = _Kind(model)
    observed, joined, count = {}, {}, 0            # node -> name of the observer behind it; ReLU -> the sum that it is computed with

    def observe(node, name):
        nonlocal count
        if name is None:
            return
        with model.graph.inserting_after(node):
            made = model.graph.call_module(name, (node,))
        node.replace_all_uses_with(made, delete_user_cb=lambda user: user is not made)
        observed[made] = observed[node] = name

    def new_observer(qconfig):
        nonlocal count
        name = f"activation_post_process_{count}"
        count += 1
        model.add_module(name, qconfig.activation())
        return name
    for node in list(model.graph.nodes):
        qconfig, kind = qconfigs.get(node), kinds.of(node)
        if qconfig is None or kind == "floats":
            continue
        if node in joined:
            observe(node, new_observer(qconfigs[joined[node]]))
            continue
        inputs = [one for one in node.all_input_nodes if one.op != "get_attr"]
        if kind == "integers":
            for one in inputs:
                if one not in observed:
                    observe(one, new_observer(qconfig))
            relu = _relu_behind(node, modules)
            if relu is None:
                observe(node, new_observer(qconfig))
            else:
                joined[relu] = node
        elif inputs and inputs[0] in observed and not _gives_parts(node):
            observe(node, observed[inputs[0]])
        elif inputs and inputs[0] in observed:
            observed[node] = observed[inputs[0]]
    model.graph.lint()
    model.recompile()
    model.train(training)
    return model


def _relu_behind(node, modules):
    """The ReLU that is computed together with a sum or product, or None."""
    if node.op == "call_module" or _JOINED.get(node.target) not in ("add", "mul") or len(node.users) != 1:
        return None
    user = next(iter(node.users))
    is_relu = (user.op == "call_module" and type(modules.get(user.target)) is nn.ReLU or user.op == "call_function" and user.target in (functional.relu, kagari.relu)
               or user.op == "call_method" and user.target in ("relu", "relu_"))
    return user if is_relu else None


def _gives_parts(node):
    return node.target in ("chunk", "split", kagari.chunk)


def prepare_fx(model, qconfig_mapping, example_inputs=None, prepare_custom_config=None, _equalization_config=None, backend_config=None):
    """A GraphModule with joined layers and observers: see Note [Which values are rounded]. Run it on examples, then `convert_fx` it.

    model: in evaluation mode. qconfig_mapping: a QConfigMapping or a dict. What fx cannot trace raises as fx.symbolic_trace does.
    """
    return _prepare(copy.deepcopy(model), qconfig_mapping, False, ())


def prepare_qat_fx(model, qconfig_mapping, example_inputs=None, prepare_custom_config=None, backend_config=None):
    """The same for quantisation-aware training; model: in training mode."""
    return _prepare(copy.deepcopy(model), qconfig_mapping, True, ())


def convert_fx(graph_module, convert_custom_config=None, _remove_qconfig=True, qconfig_mapping=None, backend_config=None):
    """The observed GraphModule with layers and functions of integers."""
    model = copy.deepcopy(graph_module)
    modules, kinds = dict(model.named_modules()), _Kind(model)
    table, graph, values, quantised, attributes, joined = mappings.get_default_static_quant_module_mappings(), fx.Graph(), {}, {}, {}, {}

    def is_observer(node):
        return node.op == "call_module" and _is_activation_post_process(modules.get(node.target))

    def parameters(observer, prefix):
        """Nodes for scale and zero point."""
        scale, zero_point = observer.calculate_qparams()
        made = []
        for name, value in ((f"{prefix}_scale_0", float(scale)), (f"{prefix}_zero_point_0", int(zero_point))):
            attributes[name] = kagari.tensor(value)
            made.append(graph.get_attr(name))
        return made

    def as_float(node):
        value = values[node]
        if quantised.get(node):
            return graph.call_method("dequantize", (value,))
        return value

    for node in model.graph.nodes:
        kind = kinds.of(node)
        inputs = [one for one in node.all_input_nodes if one.op != "get_attr"]
        if is_observer(node):
            source, observer = node.args[0], modules[node.target]
            if quantised.get(source) or getattr(observer, "dtype", kagari.float32) not in (kagari.quint8, kagari.qint8):
                values[node], quantised[node] = values[source], quantised.get(source)
            else:
                user = next(iter(node.users), node)
                name = user.target if user.op == "call_module" else user.name
                scale, zero_point = parameters(observer, f"{str(name).replace('.', '_')}_input")
                values[node] = graph.call_function(kagari.quantize_per_tensor, (values[source], scale, zero_point, observer.dtype))
                quantised[node] = True
            continue
        if node in joined:
            values[node], quantised[node] = values[joined[node]], True
            continue
        behind, relu = next((user for user in node.users if is_observer(user)), None), None
        if kind == "integers" and behind is None:
            relu = _relu_behind(node, modules)
            behind = relu and next((user for user in relu.users if is_observer(user)), None)
            if behind is not None:
                joined[relu] = node
        if kind == "integers" and behind is not None and inputs and all(quantised.get(one) for one in inputs):
            observer = modules[behind.target]
            if node.op == "call_module":
                module = modules[node.target]
                if isinstance(module, _FIXED_LAYERS):
                    values[node] = graph.node_copy(node, lambda one: values[one])
                else:
                    module.activation_post_process = observer
                    made = swap_module(module, table)
                    parent, _, last = node.target.rpartition(".")
                    setattr(model.get_submodule(parent), last, made)
                    values[node] = graph.node_copy(node, lambda one: values[one])
            elif node.target in _FIXED:
                values[node] = graph.node_copy(node, lambda one: values[one])
            else:
                scale, zero_point = parameters(observer, node.name)
                arguments = fx.node.map_arg(node.args, lambda one: values[one])
                if node.target in _JOINED:
                    name = _JOINED[node.target]
                    if name == "cat":
                        arguments = (arguments[0], arguments[1] if len(arguments) > 1 else node.kwargs.get("dim", 0))
                    values[node] = graph.call_function(getattr(kagari.ops.quantized, name if relu is None else f"{name}_relu"), (*arguments, scale, zero_point))
                else:
                    extra = _COMPUTED[node.target](None, arguments, fx.node.map_arg(node.kwargs, lambda one: values[one]))
                    values[node] = graph.call_function(getattr(kagari.ops.quantized, node.target.__name__), (arguments[0], *extra, scale, zero_point))
            quantised[node] = True
        elif kind == "kept" and inputs and quantised.get(inputs[0]):
            if node.target in _JOINED and node.op != "call_module":
                arguments = fx.node.map_arg(node.args, lambda one: values[one])
                values[node] = graph.call_function(getattr(kagari.ops.quantized, _JOINED[node.target]), arguments)
            else:
                values[node] = graph.node_copy(node, lambda one: values[one])
            quantised[node] = True
        else:
            if node.op == "call_method" and node.target in ("size", "dim") or node.target is getattr:
                values[node] = graph.node_copy(node, lambda one: values[one])
            else:
                floats = {one: as_float(one) for one in node.all_input_nodes}
                values[node] = graph.node_copy(node, lambda one: floats[one])
    for name, value in attributes.items():
        model.register_buffer(name, value)
    graph.lint()
    result = fx.GraphModule(model, graph, type(model).__name__)
    result.train(graph_module.training)
    for module in result.modules():
        module.__dict__.pop("qconfig", None)
    return result


def convert_to_reference_fx(graph_module, *args, **kwargs):
    """Raises NotImplementedError."""
    raise NotImplementedError("torch.ao.quantization.quantize_fx.convert_to_reference_fx")
