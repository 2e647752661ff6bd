"""Module, the base class of all layers and models."""
from collections import OrderedDict

import kagari
from kagari import Tensor
from kagari.nn.modules.error_path import add_module_path
from kagari.nn.modules.hook_registry import (_global_backward_hooks, _global_backward_pre_hooks,
                                             _global_buffer_registration_hooks, _global_forward_hooks,
                                             _global_forward_hooks_always_called,
                                             _global_forward_hooks_with_kwargs, _global_forward_pre_hooks,
                                             _global_module_registration_hooks,
                                             _global_parameter_registration_hooks, _WrappedHook,
                                             register_module_backward_hook,
                                             register_module_buffer_registration_hook,
                                             register_module_forward_hook, register_module_forward_pre_hook,
                                             register_module_full_backward_hook,
                                             register_module_full_backward_pre_hook,
                                             register_module_module_registration_hook,
                                             register_module_parameter_registration_hook)
from kagari.nn.modules.module_call import ModuleHooks
from kagari.nn.modules.module_conversion import ModuleConversion
from kagari.nn.modules.module_state import _EXTRA_STATE_KEY_SUFFIX, ModuleState, _IncompatibleKeys
from kagari.nn.modules.module_tree import ModuleTree
from kagari.nn.parameter import Buffer, Parameter

__all__ = ["register_module_forward_pre_hook", "register_module_forward_hook",
           "register_module_full_backward_pre_hook", "register_module_backward_hook",
           "register_module_full_backward_hook", "register_module_buffer_registration_hook",
           "register_module_module_registration_hook", "register_module_parameter_registration_hook", "Module"]

# Dictionaries of hooks that a module unpickled from an older file may lack.
_HOOKS_OPTIONAL = ("_backward_pre_hooks", "_forward_pre_hooks", "_state_dict_hooks", "_state_dict_pre_hooks",
                   "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks", "_forward_hooks_with_kwargs",
                   "_forward_hooks_always_called", "_forward_pre_hooks_with_kwargs")


def _addindent(text, spaces):
    first, *rest = text.split("\n")
    if not rest:
        return text
    return "\n".join([first, *(" " * spaces + line for line in rest)])


def _type_name(value):
    if isinstance(value, Tensor):
        return value.type()
    cls = type(value)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def _check_name(kind, name, shown=""):
    if not isinstance(name, str):
        raise TypeError(f"{kind} name should be a string. Got {_type_name(name)}")
    if "." in name:
        raise KeyError(f'{kind} name can\'t contain "."' + shown)
    if name == "":
        raise KeyError(f'{kind} name can\'t be empty string ""')


class Module(ModuleHooks, ModuleTree, ModuleConversion, ModuleState):
    """Base class of all layers and models.

    Parameters, Buffers and Modules that are assigned as attributes are registered: they appear in ``parameters()``,
    ``state_dict()`` and so on, and are moved and cast with the module. A subclass calls ``super().__init__()`` before
    it assigns any, and defines ``forward``.

    >>> class Net(kagari.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden = kagari.nn.Linear(4, 8)
    ...         self.out = kagari.nn.Linear(8, 2)
    ...     def forward(self, x):
    ...         return self.out(self.hidden(x).relu())
    >>> Net()(kagari.ones(3, 4)).shape
    torch.Size([3, 2])

    An exception that leaves a call carries a note with the path of the layer that raised it.
    """

    dump_patches = False
    _version = 1
    training: bool
    call_super_init = False

    def __init__(self, *args, **kwargs):
        if not self.call_super_init:
            if kwargs:
                raise TypeError(f"{type(self).__name__}.__init__() got an unexpected keyword argument "
                                f"'{next(iter(kwargs))}'")
            if args:
                raise TypeError(f"{type(self).__name__}.__init__() takes 1 positional argument but {len(args) + 1} "
                                "were given")
        state = self.__dict__
        state["training"] = True
        state["_parameters"] = {}
        state["_buffers"] = {}
        state["_non_persistent_buffers_set"] = set()
        state["_backward_pre_hooks"] = OrderedDict()
        state["_backward_hooks"] = OrderedDict()
        state["_is_full_backward_hook"] = None
        state["_forward_hooks"] = OrderedDict()
        state["_forward_hooks_with_kwargs"] = OrderedDict()
        state["_forward_hooks_always_called"] = OrderedDict()
        state["_forward_pre_hooks"] = OrderedDict()
        state["_forward_pre_hooks_with_kwargs"] = OrderedDict()
        state["_state_dict_hooks"] = OrderedDict()
        state["_state_dict_pre_hooks"] = OrderedDict()
        state["_load_state_dict_pre_hooks"] = OrderedDict()
        state["_load_state_dict_post_hooks"] = OrderedDict()
        state["_modules"] = {}
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        kagari._C._speed_up_module(cls)

    def forward(self, *input):
        """Computes the output; every subclass defines it."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args, **kwargs):
        state = self.__dict__
        try:
            if ("_compiled_call_impl" in state or state["_forward_hooks"] or state["_forward_pre_hooks"]
                    or state["_backward_hooks"] or state["_backward_pre_hooks"] or _global_forward_hooks
                    or _global_forward_pre_hooks or _global_backward_hooks or _global_backward_pre_hooks):
                return (self._compiled_call_impl or self._call_impl)(*args, **kwargs)
            return self.forward(*args, **kwargs)
        except Exception as error:
            if "_backward_hooks" not in state:
                raise AttributeError(f"'{type(self).__name__}' object has no attribute '_backward_hooks'") from None
            add_module_path(error, self)
            raise

    _compiled_call_impl = None

    def _wrapped_call_impl(self, *args, **kwargs):
        return Module.__call__(self, *args, **kwargs)

    def compile(self, *args, **kwargs):
        """Compiles the module's call in place, with the arguments of ``kagari.compile``."""
        self._compiled_call_impl = kagari.compile(self._call_impl, *args, **kwargs)

    # Registration.

    def register_buffer(self, name, tensor, persistent=True):
        """Adds a buffer: a tensor, or None, that is state but no parameter.

        persistent: whether it is part of ``state_dict``.
        Raises KeyError for a bad or used name, TypeError for a value that is neither a tensor nor None.
        """
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        _check_name("buffer", name)
        if hasattr(self, name) and name not in self._buffers:
            raise KeyError(f"attribute '{name}' already exists")
        if tensor is not None and not (isinstance(tensor, Tensor) or hasattr(tensor, "__torch_function__")):
            raise TypeError(f"cannot assign '{_type_name(tensor)}' object to buffer '{name}' "
                            "(torch Tensor or None required)")
        for hook in _global_buffer_registration_hooks.values():
            result = hook(self, name, tensor)
            tensor = tensor if result is None else result
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def register_parameter(self, name, param):
        """Adds a Parameter, or None.

        Raises KeyError for a bad or used name, TypeError for another value, ValueError for a parameter that was
        computed from others.
        """
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        _check_name("parameter", name)
        if hasattr(self, name) and name not in self._parameters:
            raise KeyError(f"attribute '{name}' already exists")
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(f"cannot assign '{_type_name(param)}' object to parameter '{name}' "
                                "(torch.nn.Parameter or None required)")
            if param.grad_fn is not None:
                raise ValueError(f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be "
                                 "created explicitly. To express 'name' as a function of another Tensor, compute the "
                                 "value in the forward() method.")
            for hook in _global_parameter_registration_hooks.values():
                result = hook(self, name, param)
                param = param if result is None else result
        self._parameters[name] = param

    def add_module(self, name, module):
        """Adds a child Module, or None. Raises KeyError for a bad or used name, TypeError for another value."""
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{_type_name(module)} is not a Module subclass")
        _check_name("module", name, f", got: {name}")
        if hasattr(self, name) and name not in self._modules:
            raise KeyError(f"attribute '{name}' already exists")
        self._modules[name] = self._announce_module(name, module)

    def _announce_module(self, name, module):
        for hook in _global_module_registration_hooks.values():
            result = hook(self, name, module)
            module = module if result is None else result
        return module

    def register_module(self, name, module):
        """Another name of :meth:`add_module`."""
        self.add_module(name, module)

    # Attributes.

    def __getattr__(self, name):
        state = self.__dict__
        if "_parameters" in state:
            found = state["_parameters"]
            if name in found:
                return found[name]
        if "_buffers" in state:
            found = state["_buffers"]
            if name in found:
                return found[name]
        if "_modules" in state:
            found = state["_modules"]
            if name in found:
                return found[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'", name=name, obj=self)

    def __setattr__(self, name, value):
        state = self.__dict__
        params = state.get("_parameters")
        if isinstance(value, Parameter):
            if params is None:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name, "_buffers", "_modules")
            self.register_parameter(name, value)
            return
        if params is not None and name in params:
            if value is not None:
                raise TypeError(f"cannot assign '{_type_name(value)}' as parameter '{name}' "
                                "(torch.nn.Parameter or None expected)")
            self.register_parameter(name, value)
            return
        modules = state.get("_modules")
        if isinstance(value, Module):
            if modules is None:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._forget(name, "_parameters", "_buffers")
            modules[name] = self._announce_module(name, value)
            return
        if modules is not None and name in modules:
            if value is not None:
                raise TypeError(f"cannot assign '{_type_name(value)}' as child module '{name}' "
                                "(torch.nn.Module or None expected)")
            modules[name] = self._announce_module(name, value)
            return
        buffers = state.get("_buffers")
        if buffers is not None and name in buffers:
            if value is not None and not (isinstance(value, Tensor) or hasattr(value, "__torch_function__")):
                raise TypeError(f"cannot assign '{_type_name(value)}' as buffer '{name}' "
                                "(torch.nn.Buffer, torch.Tensor or None expected)")
            persistent = value.persistent if isinstance(value, Buffer) else (
                name not in self._non_persistent_buffers_set)
            if type(self).register_buffer is Module.register_buffer:
                self.register_buffer(name, value, persistent)
            else:
                # A subclass may have another signature there.
                buffers[name] = value
        elif isinstance(value, Tensor) and isinstance(value, Buffer):
            if buffers is None:
                raise AttributeError("cannot assign buffer before Module.__init__() call")
            self._forget(name, "_parameters", "_modules")
            self.register_buffer(name, value, value.persistent)
        else:
            object.__setattr__(self, name, value)

    def _forget(self, name, *registries):
        # A name means one thing: what it meant before goes away.
        state = self.__dict__
        state.pop(name, None)
        for registry in registries:
            state[registry].pop(name, None)
        state["_non_persistent_buffers_set"].discard(name)

    def __delattr__(self, name):
        if name in self._parameters:
            del self._parameters[name]
        elif name in self._buffers:
            del self._buffers[name]
            self._non_persistent_buffers_set.discard(name)
        elif name in self._modules:
            del self._modules[name]
        else:
            super().__delattr__(name)

    def __dir__(self):
        names = {*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers}
        return sorted(name for name in names if not name[0].isdigit())

    # Mode, copying and printing.

    def train(self, mode=True):
        """Sets training mode, or with ``False`` evaluation mode, for this module and all below. Returns self."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self):
        """Sets evaluation mode for this module and all below. Returns self."""
        return self.train(False)

    def __getstate__(self):
        state = self.__dict__.copy()
        state.pop("_compiled_call_impl", None)
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        # Files of older versions lack some of these.
        state = self.__dict__
        for name in _HOOKS_OPTIONAL:
            if name not in state:
                state[name] = OrderedDict()
        state.setdefault("_non_persistent_buffers_set", set())
        state.setdefault("_is_full_backward_hook", None)

    def _replicate_for_data_parallel(self):
        replica = self.__new__(type(self))
        replica.__dict__ = self.__dict__.copy()
        replica._parameters = {}
        replica._buffers = replica._buffers.copy()
        replica._modules = replica._modules.copy()
        replica._is_replica = True
        return replica

    def _get_name(self):
        return type(self).__name__

    def extra_repr(self):
        """What ``repr`` shows between the parentheses besides the children; one line or several."""
        return ""

    def __repr__(self):
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): {_addindent(repr(module), 2)}" for name, module in self._modules.items()]
        if len(lines) == 1 and not children:
            body = lines[0]
        elif lines or children:
            body = "\n  " + "\n  ".join(lines + children) + "\n"
        else:
            body = ""
        return f"{self._get_name()}({body})"


kagari._C._set_module_functions(Module.__call__, Module.__getattr__, add_module_path, _global_forward_hooks,
                                _global_forward_pre_hooks, _global_backward_hooks, _global_backward_pre_hooks)
kagari._C._speed_up_module(Module)
