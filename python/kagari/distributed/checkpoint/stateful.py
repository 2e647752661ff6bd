"""Stateful: objects with state_dict and load_state_dict."""
import typing


@typing.runtime_checkable
class Stateful(typing.Protocol):
    """An object that gives and takes its state."""

    def state_dict(self):
        """The state."""

    def load_state_dict(self, state_dict):
        """Takes a state."""
