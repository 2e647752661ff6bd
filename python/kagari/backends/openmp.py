"""OpenMP, which runs kagari's threads."""


def is_available():
    return True
