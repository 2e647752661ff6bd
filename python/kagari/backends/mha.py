"""Whether nn.MultiheadAttention may take a shorter way; kagari's has one way only, so that the switch is kept and changes nothing."""
_enabled = True


def get_fastpath_enabled():
    """Whether the shorter way is allowed."""
    return _enabled


def set_fastpath_enabled(value):
    """Allows the shorter way, or forbids it."""
    global _enabled
    _enabled = bool(value)
