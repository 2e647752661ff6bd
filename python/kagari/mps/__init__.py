"""torch.mps on a machine without Apple's GPU: it says so."""


def is_available():
    return False


def device_count():
    return 0


def manual_seed(seed):
    """Accepted: programs seed every device."""


def _absent(call):
    def fail(*args, **kwargs):
        raise RuntimeError(f"Cannot execute {call}() without MPS backend.")
    fail.__doc__ = "Raises RuntimeError: there is no MPS device."
    return fail


current_allocated_memory = _absent("getCurrentAllocatedMemory")
driver_allocated_memory = _absent("getDriverAllocatedMemory")
recommended_max_memory = _absent("getRecommendedMaxMemory")
empty_cache = _absent("emptyCache")
synchronize = _absent("deviceSynchronize")
seed = get_rng_state = set_rng_state = _absent("getDefaultGenerator")
set_per_process_memory_fraction = _absent("setPerProcessMemoryFraction")
compile_shader = _absent("compileShader")
