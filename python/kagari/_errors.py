"""Exceptions that the core raises and Python has no name for."""


class LinAlgError(RuntimeError):
    """A matrix is singular, not positive definite, or an iteration on it did not converge."""


LinAlgError.__module__ = "torch.linalg"
