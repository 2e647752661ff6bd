"""torch.jit.script and trace: the program goes on running as Python, in an object of the class that PyTorch gives.

A scripted or traced module shares parameters, buffers and submodules with the original, and is an instance of its class as
well as of ScriptModule.
"""
import functools
import inspect
import threading
import warnings

import kagari
from kagari.jit._script_objects import RecursiveScriptModule, ScriptFunction, ScriptModule
from kagari.utils import _pytree

_state = threading.local()


class TopLevelTracedModule(RecursiveScriptModule):
    """The result of torch.jit.trace of a module."""


class TracedModule(RecursiveScriptModule):
    """Class of traced modules, for isinstance."""


def is_tracing():
    """Whether torch.jit.trace is running the program."""
    return getattr(_state, "tracing", 0) > 0


class _Tracing:
    def __enter__(self):
        _state.tracing = getattr(_state, "tracing", 0) + 1

    def __exit__(self, *exception):
        _state.tracing -= 1


@functools.lru_cache(None)
def _scripted_class(kind, base):
    return type(kind.__name__, (kind, base), {"_script_name": f"__torch__.{kind.__name__}", "__module__": kind.__module__, "_of_python": True})


def _in_class(module, base):
    """An object of a class of `base` and of the module's class, with the module's contents."""
    made = object.__new__(_scripted_class(type(module), base))
    made.__dict__.update(module.__dict__)
    for name, value in list(made.__dict__.items()):
        if inspect.ismethod(value) and value.__self__ is module:
            made.__dict__[name] = value.__func__.__get__(made)
    return made


def script(obj, optimize=None, _frames_up=0, _rcb=None, example_inputs=None):
    """A scripted function or module: it runs as the Python that it is, and has the class that PyTorch gives it.

    `obj` may also be a class, which comes back unchanged, or something scripted already. There is no TorchScript text of it:
    `code` raises NotImplementedError, and only what was traced can be saved (torch.jit.trace).
    """
    if isinstance(obj, (ScriptModule, ScriptFunction)) or isinstance(obj, type):
        return obj
    if isinstance(obj, kagari.nn.Module):
        return _in_class(obj, RecursiveScriptModule)
    if isinstance(obj, (dict, list)):
        return obj
    if callable(obj):
        return functools.update_wrapper(ScriptFunction(obj, getattr(obj, "__name__", "forward")), obj)
    raise RuntimeError(f"torch.jit.script expects a module, a function or a class, not {type(obj).__name__}")


def _as_inputs(example_inputs):
    if isinstance(example_inputs, kagari.Tensor) or isinstance(example_inputs, dict):
        return (example_inputs,)
    return tuple(example_inputs) if isinstance(example_inputs, (tuple, list)) else (example_inputs,)


def trace(func, example_inputs=None, optimize=None, check_trace=True, check_inputs=None, check_tolerance=1e-5, strict=True, _force_outplace=False,
          _module_class=None, _compilation_unit=None, example_kwarg_inputs=None, _store_inputs=True):
    """Runs a function or module on example inputs, and gives it back in the class of traced ones.

    It goes on running as Python, so that branches are taken by each call's own arguments. torch.jit.save records it on the
    example inputs. check_trace runs it twice and warns (TracerWarning) if the results differ.
    """
    if isinstance(func, (ScriptFunction,)) and not isinstance(func, kagari.nn.Module):
        return func
    args = () if example_inputs is None else _as_inputs(example_inputs)
    kwargs = dict(example_kwarg_inputs or {})
    if example_inputs is None and example_kwarg_inputs is None:
        raise RuntimeError("example_kwarg_inputs should be a dict")
    state = kagari.get_rng_state()
    with _Tracing(), kagari.no_grad():
        result = func(*args, **kwargs)
    if strict and isinstance(result, dict):
        raise RuntimeError("Encountering a dict at the output of the tracer might cause the trace to be incorrect: its keys could depend on the inputs. "
                           "Return a tuple or a NamedTuple, or pass strict=False if the keys are always the same.")
    leaves = _pytree.tree_leaves(result)
    if not any(isinstance(leaf, kagari.Tensor) for leaf in leaves):
        bad = type(result).__name__
        raise RuntimeError(f"Type '{bad}' cannot be traced. Only Tensors and (possibly nested) Lists, Dicts, and Tuples of Tensors can be traced")
    if check_trace:
        _check(func, args, kwargs, leaves, check_tolerance, state)
    if isinstance(func, kagari.nn.Module):
        made = _in_class(func, TopLevelTracedModule)
        made.__dict__["_example_inputs"] = (args, kwargs)
        return made
    made = functools.update_wrapper(ScriptFunction(func, getattr(func, "__name__", "forward")), func)
    made._example_inputs = (args, kwargs)
    return made


def _check(func, args, kwargs, leaves, tolerance, state):
    from kagari.jit import TracerWarning
    kagari.set_rng_state(state)
    with _Tracing(), kagari.no_grad():
        again = _pytree.tree_leaves(func(*args, **kwargs))
    for i, (a, b) in enumerate(zip(leaves, again)):
        if isinstance(a, kagari.Tensor) and not (a.shape == b.shape and kagari.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=a.is_floating_point())):
            warnings.warn(f"Output nr {i + 1}. of the traced function does not match the corresponding output of the Python function. It gives different results for the "
                          "same arguments.", category=TracerWarning, stacklevel=4)


def trace_module(mod, inputs, optimize=None, check_trace=True, check_inputs=None, check_tolerance=1e-5, strict=True, **options):
    """The same for several methods of a module: inputs is {method name: example inputs}."""
    if not isinstance(mod, kagari.nn.Module):
        raise AttributeError("expected torch.nn.Module as the first argument")
    if not isinstance(inputs, dict):
        raise AttributeError("expected a dictionary of (method_name, input) pairs")
    for name, values in inputs.items():
        with _Tracing(), kagari.no_grad():
            getattr(mod, name)(*_as_inputs(values))
    made = _in_class(mod, TopLevelTracedModule)
    made.__dict__["_example_inputs"] = (_as_inputs(inputs["forward"]), {}) if "forward" in inputs else None
    return made


def script_if_tracing(fn):
    """Decorator of functions that PyTorch scripts when they are called inside a trace: the function itself."""
    return fn


def script_method(fn):
    """Decorator: the method itself."""
    return fn
