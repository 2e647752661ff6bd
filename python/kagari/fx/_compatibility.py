"""The mark for functions whose behaviour stays."""


def compatibility(is_backward_compatible):
    """Decorator: the object itself."""
    return lambda thing: thing
