"""Context managers that decorate functions, for programs that build on these two classes."""
from kagari.autograd.grad_mode import _DecoratorContextManager, _NoParamDecoratorContextManager, _decorated


def context_decorator(ctx, func):
    """`func` with every call inside a context from ctx(), or inside the context ctx."""
    return _decorated(ctx if callable(ctx) and not hasattr(ctx, "__enter__") else (lambda: ctx), func)


__all__ = ["_DecoratorContextManager", "_NoParamDecoratorContextManager", "context_decorator"]
