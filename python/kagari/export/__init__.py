"""torch.export: modules as graphs of operators, with their weights and without Python."""
import kagari
from kagari.export._files import load, save
from kagari.export._trace import parameters_of
from kagari.export.dynamic_shapes import AdditionalInputs, Constraint, Dim, ShapesCollection, collect, dims
from kagari.export.exported_program import ExportedProgram, ModuleCallEntry, ModuleCallSignature, make_exported
from kagari.export.graph_signature import ExportBackwardSignature, ExportGraphSignature
from kagari.utils import _pytree

__all__ = ["AdditionalInputs", "Constraint", "CustomDecompTable", "Dim", "ExportBackwardSignature", "ExportGraphSignature", "ExportedProgram", "ModuleCallEntry",
           "ModuleCallSignature", "ShapesCollection", "default_decompositions", "dims", "draft_export", "export", "export_for_training", "load", "register_dataclass", "save"]


def export(mod, args, kwargs=None, *, dynamic_shapes=None, strict=False, preserve_module_call_signature=(), prefer_deferred_runtime_asserts_over_guards=False):
    """Records mod(*args, **kwargs) as an ExportedProgram.

    The module runs on the example arguments; what its Python code decides from sizes is fixed. dynamic_shapes names
    the dimensions of arguments that may have other sizes (Dim); for these the module runs on further sizes, and the sizes in
    the graph become expressions of them. Raises torch._dynamo.exc.UserError if the program does something else for other
    sizes, GuardOnDataDependentSymNode if it turns a tensor that depends on the arguments into a Python value.

    >>> import kagari as torch
    >>> ep = torch.export.export(torch.nn.Linear(2, 3), (torch.ones(4, 2),), dynamic_shapes=({0: torch.export.Dim("batch")},))
    >>> ep.module()(torch.ones(7, 2)).shape
    torch.Size([7, 3])
    """
    if not isinstance(mod, kagari.nn.Module):
        raise ValueError(f"Expected `mod` to be an instance of `torch.nn.Module`, got {type(mod)}.")
    if not isinstance(args, tuple):
        from kagari._dynamo.exc import UserError, UserErrorType
        raise UserError(UserErrorType.INVALID_INPUT, f"Expecting `args` to be a tuple of example positional inputs, got {type(args)}")
    if isinstance(dynamic_shapes, (ShapesCollection, AdditionalInputs)):
        dynamic_shapes = dynamic_shapes.dynamic_shapes(mod, args, kwargs)
    kwargs = kwargs or {}
    return make_exported(mod, args, kwargs, collect(dynamic_shapes, args, kwargs, parameters_of(mod.forward)))


export_for_training = export


def draft_export(mod, args, kwargs=None, *, dynamic_shapes=None, **options):
    """export()."""
    return export(mod, args, kwargs, dynamic_shapes=dynamic_shapes)


def register_dataclass(cls, *, serialized_type_name=None):
    """Lets arguments and results hold objects of a dataclass."""
    _pytree.register_dataclass(cls)


class CustomDecompTable(dict):
    """A table of decompositions; empty, since compositions of the core open themselves."""

    def materialize(self):
        return dict(self)


def default_decompositions():
    """The table that run_decompositions() uses when it is given none."""
    return CustomDecompTable()


def __getattr__(name):
    if name == "decomp_utils":
        import importlib
        return importlib.import_module("kagari.export.decomp_utils")
    if name in ("unflatten", "UnflattenedModule"):
        raise AttributeError(f"module 'torch.export' has no attribute {name!r}: kagari's exported graphs are flat; see ExportedProgram.module()")
    raise AttributeError(f"module 'torch.export' has no attribute {name!r}")
