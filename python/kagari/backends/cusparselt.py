"""cuSPARSELt, which kagari does not use."""


def is_available():
    return False
