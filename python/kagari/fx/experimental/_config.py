"""Settings of recording; they can be set and read, and change nothing."""
from kagari.utils._config_module import install_config_module

translation_validation = False
validate_shape_env_version_key = False
use_duck_shape = True
backed_size_oblivious = False
meta_nonzero_assume_all_nonzero = False
skip_dtype_check_in_meta_registrations = False

install_config_module(__name__)
