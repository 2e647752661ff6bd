"""Random number generators of CUDA devices."""
from kagari.cuda import (get_rng_state, get_rng_state_all, initial_seed, manual_seed, manual_seed_all, seed, seed_all, 
set_rng_state, set_rng_state_all)

__all__ = [name for name in dir() if not name.startswith("_")]
