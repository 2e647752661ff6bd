"""kagari: PyTorch's API on a small, fast C++20 core. `import kagari as torch`.

Submodules are imported when they are first used.
"""
import builtins as _builtins
import importlib as _importlib
import importlib.util as _util

from kagari import _C
from kagari._C import *  # noqa: F401,F403  dtypes, Tensor, Size, device, ...
from kagari.version import __version__

globals().update(_C._space_torch)
for _name in ("_enter_inference_mode", "_exit_inference_mode"):
    globals()[_name] = getattr(_C, _name)
del _name

inf = _builtins.float("inf")
nan = _builtins.float("nan")
pi = 3.141592653589793
e = 2.718281828459045
newaxis = None
legacy_contiguous_format = contiguous_format

# Names that live in a submodule and belong to torch's own namespace; imported when first asked for.
_HOMES = {
    "no_grad": "autograd.grad_mode", "enable_grad": "autograd.grad_mode", "inference_mode": "autograd.grad_mode", "set_grad_enabled": "autograd.grad_mode",
    "save": "serialization", "load": "serialization",
    "manual_seed": "random", "seed": "random", "initial_seed": "random", "get_rng_state": "random", "set_rng_state": "random", "default_generator": "random",
    "unique": "_unique", "unique_consecutive": "_unique",
    "UntypedStorage": "_C", "TypedStorage": "storage",
    "Generator": "_C",
    "compile": "_compile", "vmap": "_functorch.apis",
    "is_tensor": "_basics", "is_storage": "_basics", "is_floating_point": "_basics", "is_complex": "_basics", "is_conj": "_basics", "is_neg": "_basics",
    "is_signed": "_basics", "is_inference": "_basics", "numel": "_basics", "typename": "_basics", "set_default_tensor_type": "_basics",
    "set_printoptions": "_tensor_str", "use_deterministic_algorithms": "_basics", "are_deterministic_algorithms_enabled": "_basics",
    "is_deterministic_algorithms_warn_only_enabled": "_basics", "set_deterministic_debug_mode": "_basics", "get_deterministic_debug_mode": "_basics",
    "set_float32_matmul_precision": "_basics", "get_float32_matmul_precision": "_basics", "set_warn_always": "_basics", "is_warn_always_enabled": "_basics",
    "get_num_interop_threads": "_basics", "set_num_interop_threads": "_basics", "set_flush_denormal": "_basics", "is_same_size": "_basics",
    "einsum": "_basics", "broadcast_shapes": "_basics", "split": "_basics", "compiled_with_cxx11_abi": "_basics", "get_device": "_basics",
    "is_autocast_enabled": "_basics", "is_autocast_cpu_enabled": "_basics", "get_autocast_dtype": "_basics",
    "is_autocast_cache_enabled": "_basics", "get_autocast_cpu_dtype": "_basics", "get_autocast_gpu_dtype": "_basics", "tensordot": "_basics",
    "sym_int": "_basics", "sym_float": "_basics", "sym_max": "_basics", "sym_min": "_basics", "sym_not": "_basics", "sym_ite": "_basics",
    "SymInt": "_basics", "SymFloat": "_basics", "SymBool": "_basics", "autocast": "amp", "GradScaler": "amp", "get_default_device": "_C",
}


def _functional_op(name):
    """The operator behind nn.functional.<name>."""
    return _C._space_nn_functional[name]


def __getattr__(name):
    home = _HOMES.get(name)
    if home is not None:
        value = getattr(_importlib.import_module(f"kagari.{home}"), name)
        globals()[name] = value
        return value
    if name.endswith("Storage"):
        from kagari import storage
        return getattr(storage, name)
    if not name.startswith("__") and _util.find_spec(f"kagari.{name}") is not None:
        return _importlib.import_module(f"kagari.{name}")
    raise AttributeError(f"module 'torch' has no attribute {name!r}")


def __dir__():
    return sorted(set(globals()) | set(_HOMES))


def as_torch():
    """From now on `import torch` in this process, and in Python processes that it starts, gives kagari."""
    from kagari._alias import install
    install()


def _attach_tensor_mixin():
    from kagari._tensor import _TensorMixin
    for name, value in vars(_TensorMixin).items():
        if name not in ("__dict__", "__weakref__", "__module__", "__doc__", "__qualname__"):
            setattr(Tensor, name, value)


_attach_tensor_mixin()
del _attach_tensor_mixin
