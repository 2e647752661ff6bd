"""Intel's MKL, which kagari does not use."""
VERBOSE_OFF, VERBOSE_ON = 0, 1


def is_available():
    return False
