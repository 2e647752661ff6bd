"""Settings of PyTorch's code generator. They can be set and read, and change nothing."""
from kagari.utils._config_module import install_config_module

debug = False
verbose_progress = False
fx_graph_cache = True
fx_graph_remote_cache = False
force_disable_caches = False
autotune_local_cache = True
cpp_wrapper = False
dce = False
max_autotune = False
max_autotune_gemm = False
max_autotune_pointwise = False
max_autotune_gemm_backends = "ATEN,TRITON,CPP"
coordinate_descent_tuning = False
coordinate_descent_check_all_directions = False
epilogue_fusion = True
prologue_fusion = True
epilogue_fusion_first = False
pattern_matcher = True
shape_padding = True
permute_fusion = False
freezing = False
layout_optimization = True
force_layout_optimization = False
conv_1x1_as_mm = False
split_reductions = True
size_asserts = True
nan_asserts = False
fallback_random = False
implicit_fallbacks = True
compile_threads = 1
worker_start_method = "subprocess"
use_mixed_mm = True
mixed_mm_choice = "heuristic"
force_fuse_int_mm_with_mul = False
realize_reads_threshold = 4
realize_opcount_threshold = 30
inplace_buffers = True
allow_buffer_reuse = True
memory_planning = False
reorder_for_compute_comm_overlap = False
emulate_precision_casts = False
benchmark_kernel = False
benchmark_fusion = False
profiler_mark_wrapper_call = False
generate_intermediate_hooks = False
combo_kernels = False
unsafe_ignore_unsupported_triton_autotune_args = False
post_grad_custom_post_pass = post_grad_custom_pre_pass = joint_custom_post_pass = joint_custom_pre_pass = None
comment_origin = False
warn_mix_layout = False
disable_progress = True


class cpp:
    """Settings for CPUs."""
    threads = -1
    simdlen = None
    min_chunk_size = 512
    cxx = (None, "g++")
    enable_kernel_profile = False
    weight_prepack = True
    vec_isa_ok = None
    descriptive_names = "original_aten"
    enable_tiling_heuristics = True


class triton:
    """Settings for GPUs."""
    cudagraphs = False
    cudagraph_trees = True
    cudagraph_skip_dynamic_graphs = False
    cudagraph_support_input_mutation = True
    cudagraph_dynamic_shape_warn_limit = 50
    slow_path_cudagraph_asserts = True
    unique_kernel_names = True
    autotune_pointwise = True
    autotune_cublasLt = True
    dense_indexing = False
    max_tiles = None
    persistent_reductions = True
    store_cubin = False


class aot_inductor:
    """Settings for compilation to files."""
    output_path = ""
    debug_compile = False
    package = False


class trace:
    """Settings for debug files."""
    enabled = False
    debug_dir = None
    graph_diagram = False


class cuda:
    """Settings for CUDA."""
    arch = None
    version = None
    compile_opt_level = "-O1"


install_config_module(__name__)
