"""The order of contractions in einsum."""
enabled = True
strategy = "auto"


def is_available():
    """Whether the package opt_einsum is installed."""
    import importlib.util
    return importlib.util.find_spec("opt_einsum") is not None


def get_opt_einsum():
    """The package opt_einsum, or None."""
    if not is_available():
        return None
    import opt_einsum
    return opt_einsum
