"""Exported programs in files: a checkpoint of plain data, which loads without running any code."""
import operator

import kagari
from kagari.export.exported_program import CallSpec, ExportedProgram
from kagari.export.graph_signature import (ConstantArgument, ExportGraphSignature, InputKind, InputSpec, OutputKind, OutputSpec, TensorArgument)
from kagari.fx._dynamic_sizes import size_target, sym_size
from kagari.fx._recording import TensorValue, operator_name, target_of
from kagari.fx.graph import Graph
from kagari.fx.graph_module import GraphModule
from kagari.fx.node import Node
from kagari.utils import _pytree

FORMAT = "kagari.export"
VERSION = 1
_OPERATORS = {name: getattr(operator, name) for name in ("getitem", "add", "mul", "floordiv", "sub")}


def _write_target(target):
    for name, function in _OPERATORS.items():
        if target is function:
            return f"operator.{name}"
    if target is sym_size or target is size_target():
        return "sym_size"
    return f"aten.{operator_name(target)}"


def _read_target(text):
    kind, _, name = text.partition(".")
    if kind == "operator":
        return _OPERATORS[name]
    return size_target() if kind == "sym_size" else target_of(name, "")


def _write(value):
    if isinstance(value, Node):
        return {"node": value.name}
    if isinstance(value, (list, tuple)):
        return {"list" if isinstance(value, list) else "tuple": [_write(one) for one in value]}
    if isinstance(value, dict):
        return {"dict": [[key, _write(one)] for key, one in value.items()]}
    if isinstance(value, (kagari.memory_format, kagari.layout)):
        return {"torch": str(value).removeprefix("torch.")}
    return value


def _read(value, nodes):
    if not isinstance(value, dict):
        return value
    (kind, content), = value.items()
    if kind == "node":
        return nodes[content]
    if kind == "torch":
        found = getattr(kagari, content, None)
        if not isinstance(found, (kagari.memory_format, kagari.layout)):
            raise RuntimeError(f"the file of the exported program names {content!r}")
        return found
    if kind == "dict":
        return {key: _read(one, nodes) for key, one in content}
    items = [_read(one, nodes) for one in content]
    return items if kind == "list" else tuple(items)


def _spec(spec):
    argument = spec.arg
    constant = isinstance(argument, ConstantArgument)
    return [spec.kind.name, argument.name, constant, argument.value if constant else None, spec.target, getattr(spec, "persistent", None)]


def save(ep, f, *, extra_files=None, opset_version=None, pickle_protocol=2):
    """Writes an exported program to a path or file, in a format of kagari's own."""
    if not isinstance(ep, ExportedProgram):
        raise TypeError(f"The 'ep' parameter must be an instance of 'ExportedProgram', got '{type(ep).__name__}' instead.")
    nodes = []
    for node in ep.graph.nodes:
        value = node.meta.get("val")
        shape = [list(value.shape), value.dtype] if isinstance(value, TensorValue) else None
        nodes.append([node.op, node.name, _write_target(node.target) if node.op == "call_function" else node.target, _write(node.args), _write(dict(node.kwargs)), shape,
                      node.meta.get("sizes")])
    data = {"format": FORMAT, "version": VERSION, "nodes": nodes, "inputs": [_spec(one) for one in ep.graph_signature.input_specs],
            "outputs": [_spec(one) for one in ep.graph_signature.output_specs], "state": dict(ep.state_dict), "constants": dict(ep.constants),
            "in_spec": _pytree.treespec_dumps(ep.call_spec.in_spec), "out_spec": _pytree.treespec_dumps(ep.call_spec.out_spec), "symbols": ep._symbols,
            "names": list(ep._argument_names), "extra": dict(extra_files or {})}
    kagari.save(data, f)


def load(f, *, extra_files=None, expected_opset_version=None):
    """Reads an exported program that save() wrote. RuntimeError for other files."""
    data = kagari.load(f, weights_only=True)
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise RuntimeError("the file is no exported program of kagari (programs exported by PyTorch cannot be read; export them to ONNX or TorchScript)")
    if data["version"] > VERSION:
        raise RuntimeError(f"the exported program has version {data['version']}; this kagari reads versions up to {VERSION}")
    graph, nodes = Graph(), {}
    for op, name, target, args, kwargs, shape, sizes in data["nodes"]:
        node = graph.create_node(op, _read_target(target) if op == "call_function" else target, _read(args, nodes), _read(kwargs, nodes), name)
        nodes[name] = node
        if shape is not None:
            node.meta["val"] = TensorValue(kagari.empty(shape[0], dtype=shape[1], device="meta"))
        if sizes is not None:
            node.meta["sizes"] = sizes

    def argument(name, constant, value):
        return ConstantArgument(name, value) if constant else TensorArgument(name)
    signature = ExportGraphSignature([InputSpec(InputKind[kind], argument(name, constant, value), target, keep) for kind, name, constant, value, target, keep in data["inputs"]],
                                     [OutputSpec(OutputKind[kind], argument(name, constant, value), target) for kind, name, constant, value, target, _ in data["outputs"]])
    if extra_files is not None:
        extra_files.update(data["extra"])
    return ExportedProgram(GraphModule({}, graph), signature, data["state"], data["constants"],
                           CallSpec(_pytree.treespec_loads(data["in_spec"]), _pytree.treespec_loads(data["out_spec"])), data["symbols"], tuple(data["names"]))


__all__ = ["load", "save"]
