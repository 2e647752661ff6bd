"""Checks and inputs for tests."""


def __getattr__(name):
    if name in ("assert_close", "assert_allclose"):
        from kagari.testing import _comparison
        return getattr(_comparison, name)
    if name == "make_tensor":
        from kagari.testing._creation import make_tensor
        return make_tensor
    raise AttributeError(f"module 'torch.testing' has no attribute {name!r}")


__all__ = ["assert_allclose", "assert_close", "make_tensor"]
