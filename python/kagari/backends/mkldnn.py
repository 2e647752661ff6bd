"""oneDNN, which kagari uses for matrix products and convolutions."""
from kagari.backends._flags import flags_of

enabled = True
deterministic = False
allow_tf32 = False
fp32_precision = "none"
VERBOSE_OFF, VERBOSE_ON, VERBOSE_ON_CREATION = 0, 1, 2

flags = flags_of(__name__, ("enabled", "deterministic", "allow_tf32", "fp32_precision"))


def is_available():
    return True


def is_acl_available():
    return False
