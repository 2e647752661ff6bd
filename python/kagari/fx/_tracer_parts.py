"""The parts of a tracer under the names by which libraries reach them when they bring a `trace` of their own (torch.fx._symbolic_trace.*)."""
import types

import kagari
from kagari.fx import _symbolic_trace as tracing

FunctionType = types.FunctionType
_orig_module_call, _orig_module_getattr = tracing._original_call, tracing._original_getattr


class _Patcher(tracing._Patches):
    """Replaces attributes of classes and entries of dicts while it is open."""

    def patch(self, frame_dict, name, new_fn, deduplicate=True):
        self.item(frame_dict, name, new_fn)

    def patch_method(self, cls, name, new_fn, deduplicate=True):
        self.attribute(cls, name, new_fn)


def _patch_wrapped_functions(patcher):
    """Functions that a program wrapped are recorded as calls."""
    tracing._patch_wrapped(patcher)
    tracing._patch_functionals(patcher, vars(kagari.nn.functional))


def _autowrap_check(patcher, frame_dict, function_ids):
    """So are functions of a namespace that are to be wrapped wherever they are found."""
    if id(frame_dict) not in patcher.seen and frame_dict.get("__name__", "").partition(".")[0] != "kagari":
        tracing._patch_functionals(patcher, frame_dict)
    tracing._autowrap(patcher, frame_dict, function_ids)
