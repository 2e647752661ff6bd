"""torch.onnx: modules as ONNX files."""
import enum

import kagari
from kagari.export._trace import refuse_reads, warn_of_reads
from kagari.onnx import errors
from kagari.onnx._exporter import DEFAULT_OPSET, _exporting, build, is_in_onnx_export, prepare, write
from kagari.onnx._program import ONNXProgram
from kagari.onnx.errors import OnnxExporterError

__all__ = ["ONNXProgram", "OnnxExporterError", "OperatorExportTypes", "TensorProtoDataType", "TrainingMode", "errors", "export", "is_in_onnx_export", "producer_name",
           "producer_version", "register_custom_op_symbolic", "select_model_mode_for_export", "unregister_custom_op_symbolic"]

producer_name = "kagari"
producer_version = kagari.__version__


class TrainingMode(enum.IntEnum):
    """In which mode a module is exported: EVAL, PRESERVE (as it is), TRAINING."""
    EVAL = 0
    PRESERVE = 1
    TRAINING = 2


class OperatorExportTypes(enum.IntEnum):
    """Ways of the exporter; only ONNX has a meaning here."""
    ONNX = 0
    ONNX_ATEN = 1
    ONNX_ATEN_FALLBACK = 2
    ONNX_FALLTHROUGH = 3


class TensorProtoDataType(enum.IntEnum):
    """ONNX's numbers of element types."""
    UNDEFINED, FLOAT, UINT8, INT8, UINT16, INT16, INT32, INT64, STRING, BOOL, FLOAT16, DOUBLE, UINT32, UINT64, COMPLEX64, COMPLEX128, BFLOAT16, FLOAT8E4M3FN, \
        FLOAT8E4M3FNUZ, FLOAT8E5M2, FLOAT8E5M2FNUZ = range(21)


def export(model, args=(), f=None, export_params=True, verbose=None, training=TrainingMode.EVAL, input_names=None, output_names=None,
           operator_export_type=OperatorExportTypes.ONNX, opset_version=None, do_constant_folding=True, dynamic_axes=None, keep_initializers_as_inputs=False,
           custom_opsets=None, export_modules_as_functions=False, autograd_inlining=True, *, kwargs=None, dynamo=True, external_data=True, dynamic_shapes=None,
           custom_translation_table=None, report=False, optimize=True, verify=False, profile=False, dump_exported_program=False, artifacts_dir=".", fallback=False):
    """Writes a module as an ONNX file f (a path, an open file, or None).

    The module runs on the example arguments and every operator is written in its ONNX form; compositions without one are
    opened. Sizes are fixed unless dynamic_shapes (as in torch.export.export) or dynamic_axes ({input name: {dim: name}})
    names them. opset_version is 18 by default; 11 to 23 are supported. With dynamo=True the result is an ONNXProgram, with
    dynamo=False it is None and the module is exported in the mode that `training` says.
    custom_translation_table and register_custom_op_symbolic give ONNX forms of further operators.
    Raises torch.onnx.errors.UnsupportedOperatorError for an operator without a form, OnnxExporterError for other reasons.
    """
    module, args, kwargs, dynamic = prepare(model, args, kwargs, dynamic_shapes, dynamic_axes, input_names)
    mode = None if dynamo or training == TrainingMode.PRESERVE else training == TrainingMode.TRAINING
    opset = DEFAULT_OPSET if opset_version is None else opset_version
    custom = {**_custom_forms(opset), **_translations(custom_translation_table)}
    with _exporting(module, mode):
        graph = build(module, args, kwargs, dynamic, opset, input_names, output_names, custom, refuse_reads if dynamo else warn_of_reads)
    program = ONNXProgram(graph, model if isinstance(model, kagari.export.ExportedProgram) else None)
    if f is not None:
        write(graph, f, external_data, keep_initializers_as_inputs, export_params)
    if verify:
        _verify(program, module, args, kwargs)
    return program if dynamo else None


def _verify(program, module, args, kwargs):
    """OnnxExporterError if ONNX Runtime gives other results than the module."""
    with kagari.no_grad():
        expected = [one for one in kagari.utils._pytree.tree_leaves(module(*args, **kwargs)) if isinstance(one, kagari.Tensor)]
    for i, (a, b) in enumerate(zip(program(*args, **kwargs), expected)):
        kagari.testing.assert_close(a, b, rtol=1e-3, atol=1e-4, msg=lambda text, i=i: f"output {i} of the ONNX model differs: {text}")


# --- forms of further operators ----------------------------------------------------------------
_registered = {}                                 # operator -> [(opset, function)]


def register_custom_op_symbolic(symbolic_name, symbolic_fn, opset_version):
    """symbolic_fn(g, *arguments) makes the ONNX form of the operator 'namespace::name' with g.op("Kind", *values, name_i=1)."""
    namespace, _, name = symbolic_name.partition("::")
    if not name:
        raise errors.OnnxExporterError(f"Failed to register operator {symbolic_name}. The symbolic name must match the format domain::name")
    _registered.setdefault(name, {})[opset_version] = symbolic_fn


def unregister_custom_op_symbolic(symbolic_name, opset_version):
    """Takes a registration back."""
    _registered.get(symbolic_name.partition("::")[2], {}).pop(opset_version, None)


def _custom_forms(opset):
    from kagari.onnx._symbolic_graph import as_form
    found = {}
    for name, versions in _registered.items():
        fitting = [version for version in versions if version <= opset]
        if fitting:
            found[name] = as_form(versions[max(fitting)])
    return found


def _translations(table):
    from kagari.onnx._symbolic_graph import as_translation
    return {target: as_translation(function) for target, function in (table or {}).items()}


def select_model_mode_for_export(model, mode):
    """Context manager: the module is in the mode meanwhile."""
    return _exporting(model, None if mode == TrainingMode.PRESERVE else mode == TrainingMode.TRAINING)


def __getattr__(name):
    import importlib
    if name in ("symbolic_helper", "operators", "utils") or name.startswith("symbolic_opset"):
        return importlib.import_module(f"kagari.onnx.{name}")
    raise AttributeError(f"module 'torch.onnx' has no attribute {name!r}")
