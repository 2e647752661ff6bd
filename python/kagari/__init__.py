"""kagari: PyTorch's API on a small, fast C++20 core. `import kagari as torch`.

Submodules are imported when they are first used.
"""
import builtins as _builtins
import importlib as _importlib
import importlib.util as _util
import os as _os
import sys as _sys

# Threads that wait for each other spin, and a processor that others use, too, spins in vain: on a loaded machine GCC's default makes two
# threads several times slower than one. The runtime reads this when the core is loaded.
_spins = not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & set(_os.environ)
if _spins:
    _os.environ["GOMP_SPINCOUNT"] = "4000"
from kagari import _C
if _spins:
    del _os.environ["GOMP_SPINCOUNT"]
del _spins
from kagari._C import *  # noqa: F401,F403  dtypes, Tensor, Size, device, ...
from kagari.version import __version__

globals().update(_C._space_torch)
_C.__path__ = []                          # its submodules are entries of the alias' table
for _name in ("_enter_inference_mode", "_exit_inference_mode"):
    globals()[_name] = getattr(_C, _name)
del _name

inf = _builtins.float("inf")
nan = _builtins.float("nan")
pi = 3.141592653589793
e = 2.718281828459045
newaxis = None
torch = _sys.modules[__name__]  # the package imports itself under its alias: torch.torch
legacy_contiguous_format = contiguous_format

# Names that live in a submodule and belong to torch's own namespace; imported when first asked for.
_HOMES = {name: home for home, names in {
    "_C": "DisableTorchFunction DisableTorchFunctionSubclass Generator UntypedStorage get_default_device",
    "_archive_file": "PyTorchFileReader PyTorchFileWriter",
    "_array_api": """
        __array_api_version__ __array_namespace_info__ astype bitwise_invert broadcast_arrays cumulative_prod cumulative_sum expand_dims isdtype
        matrix_transpose permute_dims take_along_axis unique_all unique_counts unique_inverse unique_values unstack vecdot
    """,
    "_basics": """
        _assert _assert_async get_device_module
        SymBool SymFloat SymInt are_deterministic_algorithms_enabled broadcast_shapes compiled_with_cxx11_abi einsum
        get_deterministic_debug_mode get_device get_float32_matmul_precision get_num_interop_threads is_complex
        is_conj is_deterministic_algorithms_warn_only_enabled is_floating_point is_inference is_neg is_nonzero is_same_size
        is_signed is_storage is_tensor is_warn_always_enabled lu numel set_default_tensor_type
        set_deterministic_debug_mode set_float32_matmul_precision set_flush_denormal set_num_interop_threads
        set_warn_always sym_float sym_int sym_ite sym_max sym_min spmm sym_not tensordot typename
        use_deterministic_algorithms
    """,
    "_checks": """
        _check _check_index _check_is_size _check_not_implemented _check_tensor_all _check_tensor_all_with _check_type _check_value _check_with
        _is_all_true _is_any_true _shape_as_tensor sym_constrain_range sym_constrain_range_for_size sym_fresh_size
    """,
    "_classes": "classes",
    "_compile": "compile",
    "_dispatch_keys": "DispatchKey DispatchKeySet",
    "_function_schema": "Argument FunctionSchema",
    "_functorch.apis": "vmap",
    "_histogramdd": "histogramdd",
    "_lobpcg": "lobpcg",
    "_native_names": """
        binary_cross_entropy_with_logits chain_matmul cond conv_tbc cosine_embedding_loss ctc_loss eig
        embedding_renorm_ frobenius_norm hinge_embedding_loss instance_norm is_distributed is_nonzero kl_div lstsq
        margin_ranking_loss matrix_rank native_norm norm_except_dim nuclear_norm poisson_nll_loss saddmm solve
        sym_sqrt sym_sum symeig triplet_margin_loss while_loop zero_
    """,
    "_older_names": """
        AcceleratorError FatalError OutOfMemoryError Storage Tag ccol_indices_copy col_indices_copy crow_indices_copy dsmm
        get_file_path has_lapack has_mkl has_openmp has_spectral hsmm indices_copy init_num_threads is_vulkan_available
        prepare_multiprocessing_environment resize_as_sparse_ row_indices_copy thread_safe_generator values_copy
    """,
    "_ops": "ops",
    "_quantized": """
        _choose_qparams_per_tensor _empty_affine_quantized _empty_per_channel_affine_quantized fused_moving_avg_obs_fake_quant
        per_channel_affine per_channel_affine_float_qparams per_channel_symmetric per_tensor_affine per_tensor_symmetric
        qscheme quantize_per_channel quantize_per_tensor quantize_per_tensor_dynamic
    """,
    "_script_types": """
        AnyType AwaitType BoolType ComplexType DeviceObjType DictType FloatType FutureType IntType ListType NoneType NumberType OptionalType
        PyObjectType RRefType StreamObjType StringType SymBoolType SymIntType TensorType TupleType Type UnionType
    """,
    "_stream": "Event Stream",
    "_tensor_str": "set_printoptions",
    "_unique": "unique unique_consecutive",
    "amp": "GradScaler autocast",
    "amp.autocast_mode": """
        get_autocast_cpu_dtype get_autocast_dtype get_autocast_gpu_dtype get_autocast_ipu_dtype get_autocast_xla_dtype
        is_autocast_cpu_enabled is_autocast_enabled is_autocast_ipu_enabled is_autocast_xla_enabled
        set_autocast_cpu_dtype set_autocast_cpu_enabled set_autocast_dtype set_autocast_enabled set_autocast_gpu_dtype
        set_autocast_ipu_dtype set_autocast_ipu_enabled set_autocast_xla_dtype set_autocast_xla_enabled
    """,
    "autograd.grad_mode": "enable_grad inference_mode no_grad set_grad_enabled",
    "futures": "Future",
    "jit": "CompilationUnit ScriptFunction ScriptModule fork wait",
    "nn._functional.grouped": "_grouped_mm _scaled_mm",
    "nested": "_nested_tensor_from_mask _nested_tensor_from_mask_left_aligned",
    "random": "default_generator get_rng_state initial_seed manual_seed seed set_rng_state",
    "serialization": "load save",
    "sparse._construction": """
        sparse_bsc_tensor sparse_bsr_tensor sparse_compressed_tensor sparse_coo_tensor sparse_csc_tensor sparse_csr_tensor
    """,
    "storage": "TypedStorage",
}.items() for name in names.split()}


def _functional_op(name):
    """The operator behind nn.functional.<name>."""
    return _C._space_nn_functional[name]


def __getattr__(name):
    home = _HOMES.get(name)
    if home is not None:
        value = getattr(_importlib.import_module(f"kagari.{home}"), name)
        globals()[name] = value
        return value
    if name.startswith("_foreach_"):
        from kagari import _foreach
        value = _foreach.function(name)
        if value is not None:
            globals()[name] = value
            return value
    if name.endswith("Storage"):
        from kagari import storage
        return getattr(storage, name)
    if name.endswith("Tensor"):
        from kagari import _legacy_types
        if name in _legacy_types.DTYPES:
            return getattr(_legacy_types, name)
    if (not name.startswith("__") or name == "__config__") and _util.find_spec(f"kagari.{name}") is not None:
        return _importlib.import_module(f"kagari.{name}")
    if not name.startswith("__"):
        from kagari._alias.names import EXCEPTIONS
        if f"torch.{name}" in EXCEPTIONS:
            return _importlib.import_module(EXCEPTIONS[f"torch.{name}"])
    raise AttributeError(f"module 'torch' has no attribute {name!r}")


def __dir__():
    return sorted(set(globals()) | set(_HOMES))


def as_torch():
    """From now on `import torch` in this process, and in Python processes that it starts, gives kagari."""
    from kagari._alias import install
    install()


def _attach_mixins():
    from kagari._storage_methods import StorageMixin
    from kagari._tensor import _TensorMixin
    for kind, mixin in ((Tensor, _TensorMixin), (_C.UntypedStorage, StorageMixin)):
        for name, value in vars(mixin).items():
            if name not in ("__dict__", "__weakref__", "__module__", "__doc__", "__qualname__"):
                setattr(kind, name, value)


_attach_mixins()
del _attach_mixins


def _core_name(name):
    """Names of torch._C that are Python; imported when first asked for."""
    if not name.startswith("__"):
        if name.startswith(("_jit_", "_set_graph", "_get_graph", "_set_math_sdp", "_get_math_sdp")):
            from kagari import _jit_switches
            if name in vars(_jit_switches):
                return vars(_jit_switches)[name]
        if name in ("_nn", "_VariableFunctions"):
            from kagari import _function_spaces
            return getattr(_function_spaces, name)
        from kagari import _dispatch_keys
        if name in vars(_dispatch_keys) and name not in ("kagari", "contextlib", "enum", "types"):
            value = vars(_dispatch_keys)[name]
            setattr(_C, name, value)
            return value
    raise AttributeError(f"module 'torch._C' has no attribute {name!r}")


_C.__getattr__ = _core_name
