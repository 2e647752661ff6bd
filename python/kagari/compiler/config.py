"""Settings of torch.compile; they can be set and read, and change nothing."""
from kagari.utils._config_module import install_config_module

job_id = None
dynamic_sources = ""
unbacked_sources = ""
cache_key_tag = ""
dynamic_shapes = "default"
force_disable_caches = False

install_config_module(__name__)
