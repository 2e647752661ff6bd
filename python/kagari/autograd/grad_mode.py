"""Switches of autograd that are both context managers and decorators: no_grad, enable_grad, inference_mode, ..."""
import functools
import inspect
import warnings

from kagari import _C

__all__ = ["no_grad", "enable_grad", "set_grad_enabled", "inference_mode", "set_multithreading_enabled", "enforce_grad_layout_policy"]


def _decorated(make, function):
    """`function` with every call, and for generators every step, inside a context made by `make()`."""
    if inspect.isclass(function):
        warnings.warn("Decorating classes is deprecated and will be disabled in future versions. You should only decorate functions or methods. "
                      "To preserve the current behavior of class decoration, you can directly decorate the `__init__` method and nothing else.",
                      FutureWarning, stacklevel=3)
        function.__init__ = _decorated(make, function.__init__)
        return function
    if inspect.isgeneratorfunction(function):
        return _decorated_generator(make, function)

    @functools.wraps(function)
    def call(*args, **kwargs):
        with make():
            return function(*args, **kwargs)
    return call


def _decorated_generator(make, function):
    @functools.wraps(function)
    def generate(*args, **kwargs):
        generator = function(*args, **kwargs)
        step, argument = generator.send, None
        try:
            while True:
                with make():
                    try:
                        value = step(argument)
                    except StopIteration as stop:
                        return stop.value
                try:
                    argument, step = (yield value), generator.send
                except GeneratorExit:
                    raise
                except BaseException as error:     # thrown in by the caller: passes on to the generator
                    argument, step = error, generator.throw
        finally:
            with make():
                generator.close()
    return generate


class _DecoratorContextManager:
    """A context manager that can decorate functions; each call enters a fresh one from `clone()`."""

    def __call__(self, function):
        return _decorated(self.clone, function)

    def __enter__(self):
        raise NotImplementedError(f"{type(self).__name__}.__enter__")

    def __exit__(self, kind, value, trace):
        raise NotImplementedError(f"{type(self).__name__}.__exit__")

    def clone(self):
        return type(self)()


class _NoParamDecoratorContextManager(_DecoratorContextManager):
    """Without parameters, so it decorates without parentheses, too."""

    def __new__(cls, orig_func=None):
        if orig_func is None:
            return object.__new__(cls)
        return cls()(orig_func)


def _switch(name, value, doc):
    """Class of a context manager that sets grad mode to `value`; both methods are closures because they are hot."""
    read, write = _C.is_grad_enabled, _C._set_grad_enabled

    def __enter__(self):
        self.prev = read()
        write(value)

    def __exit__(self, kind, value, trace):
        write(self.prev)

    return type(name, (_NoParamDecoratorContextManager,), {"__enter__": __enter__, "__exit__": __exit__,
                                                           "__doc__": doc, "__module__": __name__})


no_grad = _switch("no_grad", False, "Context manager and decorator: operators inside it are not recorded for the backward pass.")
enable_grad = _switch("enable_grad", True, "Context manager and decorator: operators inside it are recorded, also inside no_grad.")


class set_grad_enabled(_DecoratorContextManager):
    """Turns recording on or off: as a call from now on, as a context manager or decorator until its end."""

    def __init__(self, mode):
        self.prev = _C.is_grad_enabled()
        self.mode = mode
        _C._set_grad_enabled(mode)

    def __call__(self, function):
        _C._set_grad_enabled(self.prev)
        return super().__call__(function)

    def __enter__(self):
        _C._set_grad_enabled(self.mode)

    def __exit__(self, kind, value, trace):
        _C._set_grad_enabled(self.prev)

    def __repr__(self):
        return f"torch.autograd.grad_mode.set_grad_enabled(mode={self.mode})"

    def clone(self):
        return type(self)(self.mode)


class inference_mode(_DecoratorContextManager):
    """Like no_grad; tensors made inside it can never take part in a graph. `mode=False` does nothing."""

    def __new__(cls, mode=True):
        if callable(mode) and not isinstance(mode, bool):
            return cls()(mode)
        return object.__new__(cls)

    def __init__(self, mode=True):
        self.mode = mode

    def __enter__(self):
        self._guard = _C._enter_inference_mode(self.mode)

    def __exit__(self, kind, value, trace):
        _C._exit_inference_mode(self._guard)

    def clone(self):
        return type(self)(self.mode)


class set_multithreading_enabled(_DecoratorContextManager):
    """Accepted for programs that limit PyTorch's backward threads; kagari's backward pass runs on the calling thread."""

    def __init__(self, mode):
        self.mode = mode

    def __enter__(self):
        pass

    def __exit__(self, kind, value, trace):
        pass

    def clone(self):
        return type(self)(self.mode)


class enforce_grad_layout_policy(set_multithreading_enabled):
    """Accepted: a gradient in `.grad` keeps the strides of its tensor."""

    def __init__(self, enable=True):
        super().__init__(enable)
