"""Memory statistics of CUDA devices."""
from kagari.cuda import (empty_cache, max_memory_allocated, max_memory_reserved, mem_get_info, memory_allocated, memory_reserved, 
memory_stats, memory_summary, reset_peak_memory_stats)

__all__ = [name for name in dir() if not name.startswith("_")]
