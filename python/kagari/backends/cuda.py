"""Settings for CUDA. They can be set and read, and have no effect: there is no CUDA device."""
import contextlib

_sdp = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}


def is_built():
    return False


def is_flash_attention_available():
    return False


class _Matmul:
    """Precision of matrix products on CUDA."""
    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True
    allow_fp16_accumulation = False
    fp32_precision = "none"


matmul = _Matmul()


class _PlanCache:
    """Cache of cuFFT's plans: empty."""
    size = 0
    max_size = 0

    def clear(self):
        """Does nothing."""

    def __getitem__(self, device):
        raise RuntimeError("there is no CUDA device")


cufft_plan_cache = _PlanCache()


def _switch(kind):
    def enabled():
        return _sdp[kind]

    def enable(enabled):
        _sdp[kind] = bool(enabled)
    enabled.__doc__ = enable.__doc__ = f"Whether attention on CUDA may use its {kind} kernel."
    return enabled, enable


flash_sdp_enabled, enable_flash_sdp = _switch("flash")
mem_efficient_sdp_enabled, enable_mem_efficient_sdp = _switch("mem_efficient")
math_sdp_enabled, enable_math_sdp = _switch("math")
cudnn_sdp_enabled, enable_cudnn_sdp = _switch("cudnn")


@contextlib.contextmanager
def sdp_kernel(enable_flash=True, enable_math=True, enable_mem_efficient=True, enable_cudnn=True):
    """Context manager that sets which kernels attention on CUDA may use."""
    before = dict(_sdp)
    _sdp.update(flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient, cudnn=enable_cudnn)
    try:
        yield {}
    finally:
        _sdp.update(before)


def preferred_linalg_library(backend=None):
    """Accepted; the answer is always 'default'."""
    return "default"


preferred_blas_library = preferred_linalg_library


class SDPAParams:
    """The arguments of a call of attention, of which can_use_flash_attention and its like are asked."""

    def __init__(self, query, key, value, attn_mask, dropout, is_causal, enable_gqa):
        self.query, self.key, self.value, self.attn_mask = query, key, value, attn_mask
        self.dropout, self.is_causal, self.enable_gqa = dropout, is_causal, enable_gqa


def _no(name):
    def function(*args, **kwargs):
        return False
    function.__name__ = function.__qualname__ = name
    function.__doc__ = "False: there is no CUDA device."
    return function


can_use_flash_attention, can_use_efficient_attention = _no("can_use_flash_attention"), _no("can_use_efficient_attention")
can_use_cudnn_attention, is_ck_sdpa_available = _no("can_use_cudnn_attention"), _no("is_ck_sdpa_available")
_sdp["reduction"] = False
fp16_bf16_reduction_math_sdp_allowed, allow_fp16_bf16_reduction_math_sdp = _switch("reduction")
