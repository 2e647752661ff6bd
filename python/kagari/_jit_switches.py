"""Switches of TorchScript's compiler, by their names in torch._C. They are remembered and change nothing: scripts run as Python."""
_state = {}


def _setter(key, default):
    def set_switch(value=default):
        before = _state.get(key, default)
        _state[key] = value
        return before
    set_switch.__doc__ = f"Remembers the switch {key} and returns what it was."
    return set_switch


def _getter(key, default):
    def switch(*args):
        return _state.get(key, default)
    switch.__doc__ = f"The switch {key}."
    return switch


_jit_set_texpr_fuser_enabled, _jit_texpr_fuser_enabled = _setter("texpr", True), _getter("texpr", True)
_jit_set_nvfuser_enabled, _jit_nvfuser_enabled = _setter("nvfuser", False), _getter("nvfuser", False)
_jit_set_nvfuser_guard_mode, _jit_set_nvfuser_single_node_mode = _setter("nvfuser_guard", True), _setter("nvfuser_single", False)
_jit_set_profiling_executor, _get_graph_executor_optimize = _setter("executor", True), _getter("optimize", True)
_jit_set_profiling_mode, _jit_set_num_profiled_runs = _setter("profiling", True), _setter("runs", 1)
_jit_set_bailout_depth, _jit_set_fusion_strategy = _setter("bailout", 20), _setter("strategy", [])
_jit_override_can_fuse_on_cpu, _jit_can_fuse_on_cpu = _setter("cpu", False), _getter("cpu", False)
_jit_override_can_fuse_on_gpu, _jit_can_fuse_on_gpu = _setter("gpu", False), _getter("gpu", False)
_jit_override_can_fuse_on_cpu_legacy, _jit_can_fuse_on_cpu_legacy = _setter("legacy", False), _getter("legacy", False)
_set_graph_executor_optimize, _jit_set_inline_everything_mode = _setter("optimize", True), _setter("inline", False)
_set_math_sdp_allow_fp16_bf16_reduction, _get_math_sdp_allow_fp16_bf16_reduction = _setter("sdp", False), _getter("sdp", False)
