"""Parts of the code generator at run time."""
from kagari._inductor.runtime import cache_dir_utils  # noqa: F401
