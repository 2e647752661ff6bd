"""`import torch` finds kagari: kagari.as_torch(), `python -m kagari`, and KAGARI_AS_TORCH=1 for child processes."""


def as_torch(children=True):
    """From now on `import torch` gives kagari, in this process and (children) in Python processes it starts.

    Call it before anything imports torch. Returns the kagari module.
    """
    import sys
    install(children)
    return sys.modules["kagari"]


def install(children=True):
    """Puts the import hook in place; see finder.install."""
    from kagari._alias import finder
    return finder.install(children)
