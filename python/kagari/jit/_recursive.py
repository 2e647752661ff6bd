"""A name of PyTorch's script compiler that programs clear between models."""


class _TypeStore:
    """Classes of scripted modules; none is kept."""

    def __init__(self):
        self.type_store, self.methods_compiled = {}, set()


concrete_type_store = _TypeStore()
