"""Settings of PyTorch's compiler front end. They can be set and read; kagari runs functions as they are, so most change nothing."""
from kagari.utils._config_module import install_config_module

suppress_errors = False
verbose = False
cache_size_limit = recompile_limit = 8
accumulated_cache_size_limit = accumulated_recompile_limit = 256
fail_on_recompile_limit_hit = fail_on_cache_limit_hit = False
error_on_recompile = False
automatic_dynamic_shapes = True
assume_static_by_default = True
dynamic_shapes = True
capture_scalar_outputs = False
capture_dynamic_output_shape_ops = False
capture_func_transforms = True
optimize_ddp = True
inline_inbuilt_nn_modules = True
guard_nn_modules = True
allow_unspec_int_on_nn_module = False
force_parameter_static_shapes = True
specialize_int = False
specialize_float = False
disable = False
log_level = None
cache_size = None
skip_fwd_side_effects_in_bwd_under_checkpoint = False
compiled_autograd = False
trace_numpy = True
repro_after = None
repro_level = 2
skip_nnmodule_hook_guards = True
allow_rnn = False
enable_compiler_collectives = False
caching_precompile = False
replay_record_enabled = False
raise_on_ctx_manager_usage = True
numpy_default_float = "float64"
numpy_default_int = "int64"
error_on_nested_fx_trace = True
allow_ignore_mark_dynamic = False
use_lazy_graph_module = True
prepare_freezing = False

install_config_module(__name__)
