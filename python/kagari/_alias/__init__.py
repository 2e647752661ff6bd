"""`import torch` finds kagari: kagari.as_torch(), `python -m kagari`, and KAGARI_AS_TORCH=1 for child processes."""


def as_torch(children=True):
    """From now on `import torch` gives kagari, in this process and (children) in Python processes it starts.

    Call it before anything imports torch. Returns the kagari module.
    """
    import sys
    from kagari._alias.finder import install
    install(children)
    import torch
    return sys.modules["kagari"]
