"""swap_tensors: two tensor objects exchange everything."""
import weakref

from kagari import _C


def swap(t1, t2):
    """Exchanges data, gradient, attributes and class. RuntimeError if weak references point to either."""
    for tensor in (t1, t2):
        if weakref.getweakrefs(tensor):
            raise RuntimeError("Cannot swap t1 or t2 if it has weakref associated with it")
    t1.__class__, t2.__class__ = t2.__class__, t1.__class__
    t1.__dict__, t2.__dict__ = t2.__dict__, t1.__dict__
    _C._swap_tensor_impl(t1, t2)
