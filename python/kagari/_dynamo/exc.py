"""Errors of the compiler front end and of export."""
import enum

__all__ = ["BackendCompilerFailed", "InternalTorchDynamoError", "RecompileLimitExceeded", "TensorifyScalarRestartAnalysis", "TorchDynamoException", "TorchRuntimeError",
           "Unsupported", "UserError", "UserErrorType"]


class TorchDynamoException(RuntimeError):
    """Base of the errors here."""


class InternalTorchDynamoError(TorchDynamoException):
    """A mistake of the compiler."""


class Unsupported(TorchDynamoException):
    """Something that cannot be compiled."""

    def __init__(self, msg, *, case_name=None):
        super().__init__(msg)
        self.msg, self.case_name = msg, case_name


class TorchRuntimeError(TorchDynamoException):
    """The program itself fails."""


class RecompileLimitExceeded(Unsupported):
    """Too many versions of one function."""


class RestartAnalysis(TorchDynamoException):
    """Compilation starts again."""


class TensorifyScalarRestartAnalysis(RestartAnalysis):
    """Compilation starts again with numbers as tensors."""


class BackendCompilerFailed(TorchDynamoException):
    """A backend raised: inner_exception is what."""

    def __init__(self, backend_fn, inner_exception, first_useful_frame=None):
        self.backend_name, self.inner_exception = getattr(backend_fn, "__name__", "?"), inner_exception
        super().__init__(f"backend={self.backend_name!r} raised:\n{type(inner_exception).__name__}: {inner_exception}")


class UserErrorType(enum.Enum):
    """What a UserError is about."""
    DYNAMIC_CONTROL_FLOW = enum.auto()
    ANTI_PATTERN = enum.auto()
    STANDARD_LIBRARY = enum.auto()
    CONSTRAINT_VIOLATION = enum.auto()
    DYNAMIC_DIM = enum.auto()
    INVALID_INPUT = enum.auto()
    INVALID_OUTPUT = enum.auto()
    UNSUPPORTED_ALIASED_MUTATED_DYNAMIC_INPUTS = enum.auto()


class UserError(Unsupported):
    """A program or its arguments do not fit."""

    def __init__(self, error_type, msg, case_name=None):
        super().__init__(msg, case_name=case_name)
        self.error_type, self.message = error_type, msg
