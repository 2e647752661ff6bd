"""Names by which programs switch parts of PyTorch's dispatcher on and off, in terms of kagari's modes.

kagari has no table of dispatch keys: the keys are names. Of the guards those have an effect that mean autograd, autocast or
__torch_dispatch__.
"""
import contextlib
import enum

import kagari
from kagari import _C

DispatchKey = enum.Enum("DispatchKey", (
    "Undefined CatchAll Dense CPU CUDA MPS XPU HPU Meta MTIA XLA Lazy PrivateUse1 QuantizedCPU SparseCPU SparseCsrCPU NestedTensorCPU MkldnnCPU Sparse SparseCsr "
    "Quantized NestedTensor BackendSelect Python Fake PythonTLSSnapshot PythonDispatcher FuncTorchDynamicLayerBackMode Functionalize Named Conjugate Negative "
    "ZeroTensor ADInplaceOrView AutogradOther AutogradCPU AutogradCUDA AutogradXPU AutogradMPS AutogradMeta AutogradNestedTensor AutogradFunctionality Tracer "
    "AutocastCPU AutocastCUDA AutocastXPU AutocastMPS AutocastHPU AutocastXLA AutocastMTIA AutocastPrivateUse1 FuncTorchBatched FuncTorchVmapMode Batched VmapMode "
    "FuncTorchGradWrapper FuncTorchDynamicLayerFrontMode PreDispatch TESTING_ONLY_GenericWrapper TESTING_ONLY_GenericMode Autograd CompositeImplicitAutograd "
    "CompositeExplicitAutograd CompositeExplicitAutogradNonFunctional CompositeImplicitAutogradNestedTensor").split(), start=0)


class DispatchKeySet:
    """A set of keys."""

    def __init__(self, *keys):
        self._keys = frozenset(key for one in keys for key in (one._keys if isinstance(one, DispatchKeySet) else (one,)))

    def __or__(self, other):
        return DispatchKeySet(*self._keys, *other._keys)

    def __and__(self, other):
        return DispatchKeySet(*(self._keys & other._keys))

    def __sub__(self, other):
        return DispatchKeySet(*(self._keys - other._keys))

    def __contains__(self, key):
        return key in self._keys

    def __eq__(self, other):
        return isinstance(other, DispatchKeySet) and self._keys == other._keys

    def __hash__(self):
        return hash(self._keys)

    def has(self, key):
        """Whether the key is in the set."""
        return key in self._keys

    def add(self, key):
        """The set with another key."""
        return DispatchKeySet(*self._keys, key)

    def remove(self, key):
        """The set without a key."""
        return DispatchKeySet(*(self._keys - {key}))

    def __repr__(self):
        return f"DispatchKeySet({', '.join(sorted(key.name for key in self._keys))})"


class _DisableTorchDispatch:
    """Inside, __torch_dispatch__ is off: of classes and of modes."""

    def __enter__(self):
        _C._change_dispatch_disabled(1)
        return self

    def __exit__(self, *exception):
        _C._change_dispatch_disabled(-1)


class _AutoDispatchBelowAutograd:
    """Inside, autograd records nothing."""

    def __enter__(self):
        self._off = kagari.no_grad()
        self._off.__enter__()
        return self

    def __exit__(self, *exception):
        self._off.__exit__(*exception)


def _parts_off(keys):
    """What the keys name, switched off."""
    names = {key.name for key in keys._keys}
    off = contextlib.ExitStack()
    if "AutocastCPU" in names and kagari.is_autocast_enabled("cpu"):
        off.enter_context(kagari.autocast("cpu", enabled=False))
    if "Python" in names:
        off.enter_context(_DisableTorchDispatch())
    if names & {"Autograd", "AutogradCPU", "AutogradFunctionality"}:
        off.enter_context(_AutoDispatchBelowAutograd())
    return off


class _ExcludeDispatchKeyGuard:
    """Inside, what the keys name is off."""

    def __init__(self, keys):
        self._wanted = keys

    def __enter__(self):
        self._off = _parts_off(self._wanted)
        self._off.__enter__()
        return self

    def __exit__(self, *exception):
        return self._off.__exit__(*exception)


class _IncludeDispatchKeyGuard(_ExcludeDispatchKeyGuard):
    """Changes nothing: no part of kagari waits to be switched on by a key."""

    def __enter__(self):
        self._off = contextlib.ExitStack()
        return self


def _dispatch_keys(tensor):
    """The keys that a tensor has in PyTorch, as far as they have a meaning here."""
    kind = "Meta" if tensor.device.type == "meta" else "CPU"
    keys = [DispatchKey[kind], DispatchKey[f"Autograd{kind}"], DispatchKey.ADInplaceOrView]
    if type(tensor).__torch_dispatch__ is not _C._disabled_torch_dispatch_impl:
        keys.append(DispatchKey.Python)
    return DispatchKeySet(*keys)


def _dispatch_has_kernel(name):
    """Whether there is an operator `namespace::name`."""
    from kagari import _ops
    return _ops.has_operator(name.partition(".")[0])


def _dispatch_get_all_op_names():
    """The names of all operators."""
    from kagari import _ops
    own = [name.replace("__", "::", 1) if "__" in name and not name.startswith("_") else f"aten::{name}" for name in _C._space_ops]
    return own + list(_ops._definitions)


def _dispatch_tls_is_dispatch_key_excluded(key):
    """Whether what the key names is off on this thread."""
    return {"Python": bool(_C._is_dispatch_disabled()), "AutogradCPU": not kagari.is_grad_enabled()}.get(key.name, False)


def _dispatch_tls_is_dispatch_key_included(key):
    return False


def _get_dispatch_mode(key):
    """None: machinery's modes stand in the ordinary stack."""
    return None


def _get_tracing_state():
    """None: nothing is traced."""
    return None


def _is_tracing():
    return False


def _log_api_usage_once(name):
    """Does nothing: nobody collects which functions a program uses."""


def _log_api_usage_metadata(name, metadata):
    """Does nothing: nobody collects which functions a program uses."""


def _get_function_stack_at(index):
    """The index-th active TorchFunctionMode from outside."""
    return kagari.overrides._modes.stack[index]


def _len_torch_function_stack():
    return len(kagari.overrides._modes.stack)


def _push_on_torch_function_stack(mode):
    kagari.overrides._push_mode(mode)


def _pop_torch_function_stack():
    return kagari.overrides._pop_mode()


def parse_schema(text):
    """torch._C.FunctionSchema of a schema's text."""
    return kagari._function_schema.parse(text)


def _autocast_supported_devices():
    return list(kagari.amp.autocast_mode._AVAILABLE)


def _is_any_autocast_enabled():
    return any(kagari.is_autocast_enabled(device) for device in kagari.amp.autocast_mode._AVAILABLE)


def _is_autocast_available(device):
    return kagari.amp.is_autocast_available(device)


FunctionSchema = kagari._function_schema.FunctionSchema
Argument = kagari._function_schema.Argument
_TensorMeta = type(kagari.Tensor)
TensorBase = _TensorBase = kagari.Tensor
