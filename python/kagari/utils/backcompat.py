"""Warnings about old behaviour. None of it is left, so the switches can be set and have no effect."""


class Warning:
    """A switch."""
    enabled = False


broadcast_warning = Warning()
keepdim_warning = Warning()
