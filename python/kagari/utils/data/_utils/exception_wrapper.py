"""Carries an exception from one process to another."""
import sys
import traceback


class KeyErrorMessage(str):
    """A text that a KeyError shows as it is, with its line breaks."""

    def __repr__(self):
        return str(self)


class ExceptionWrapper:
    """The type of an exception and its traceback as text.

    Arguments:
        exc_info: as from ``sys.exc_info()`` (None: the exception being handled).
        where: completes the sentence "Caught SomeError ...".
    """

    def __init__(self, exc_info=None, where="in background"):
        exc_info = exc_info or sys.exc_info()
        self.exc_type = exc_info[0]
        self.exc_msg = "".join(traceback.format_exception(*exc_info))
        self.where = where

    def reraise(self):
        """Raises an exception of the same type whose text holds the original traceback."""
        text = f"Caught {self.exc_type.__name__} {self.where}.\nOriginal {self.exc_msg}"
        if self.exc_type is KeyError:
            text = KeyErrorMessage(text)
        elif getattr(self.exc_type, "message", None):
            raise self.exc_type(message=text)
        try:
            exception = self.exc_type(text)
        except Exception:
            # The type cannot be made from one text: a plain error is better than none.
            raise RuntimeError(text) from None
        raise exception
