"""The base class of all optimizers: parameter groups, state, checkpoints and hooks."""
import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Hashable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any, TypeAlias

import kagari
from kagari.utils.hooks import RemovableHandle

from ._option_texts import (_capturable_doc, _differentiable_doc, _foreach_doc, _fused_doc, _maximize_doc,  # noqa: F401
                            _params_doc)

__all__ = ["Optimizer", "register_optimizer_step_pre_hook", "register_optimizer_step_post_hook"]

Args: TypeAlias = tuple[Any, ...]
Kwargs: TypeAlias = dict[str, Any]
StateDict: TypeAlias = dict[str, Any]
DeviceDict: TypeAlias = dict[Any, Any]
TensorListList: TypeAlias = list[list[Any]]
ParamsT: TypeAlias = Iterable[Any] | Iterable[dict[str, Any]] | Iterable[tuple[str, Any]]
GlobalOptimizerPreHook: TypeAlias = Callable[["Optimizer", Args, Kwargs], tuple[Args, Kwargs] | None]
GlobalOptimizerPostHook: TypeAlias = Callable[["Optimizer", Args, Kwargs], None]

_global_optimizer_pre_hooks = OrderedDict()
_global_optimizer_post_hooks = OrderedDict()
_HOOK_TABLES = ("_optimizer_step_pre_hooks", "_optimizer_step_post_hooks", "_optimizer_state_dict_pre_hooks",
                "_optimizer_state_dict_post_hooks", "_optimizer_load_state_dict_pre_hooks",
                "_optimizer_load_state_dict_post_hooks")
_ACCELERATORS = ["cuda", "xpu", "hpu", "privateuseone", "xla"]


class _RequiredParameter:
    """The only instance, ``required``, marks a default that every parameter group has to give."""

    def __repr__(self):
        return "<required parameter>"


required = _RequiredParameter()


def register_optimizer_step_pre_hook(hook):
    """Registers ``hook(optimizer, args, kwargs)`` to run before every step of every optimizer; returns its handle."""
    return _register(_global_optimizer_pre_hooks, hook)


def register_optimizer_step_post_hook(hook):
    """Registers ``hook(optimizer, args, kwargs)`` to run after every step of every optimizer; returns its handle."""
    return _register(_global_optimizer_post_hooks, hook)


def _register(table, hook, prepend=False):
    handle = RemovableHandle(table)
    table[handle.id] = hook
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle


def _use_grad_for_differentiable(func):
    """Runs a ``step`` method with gradients recorded only if the optimizer was made with ``differentiable=True``."""
    @functools.wraps(func)
    def step(self, *args, **kwargs):
        before = kagari.is_grad_enabled()
        kagari.set_grad_enabled(self.defaults["differentiable"])
        try:
            return func(self, *args, **kwargs)
        finally:
            kagari.set_grad_enabled(before)
    return step


def _to_scalar(x):
    """A one-element tensor without its dimensions; anything else as it is."""
    return x.squeeze() if isinstance(x, kagari.Tensor) and x.dim() != 0 else x


def _get_value(x):
    """The number in a tensor; anything else as it is."""
    return x.item() if isinstance(x, kagari.Tensor) else x


def _get_scalar_dtype(is_fused=None):
    """The dtype of the step counters: float32, or float64 where that is the default dtype."""
    if is_fused:
        return kagari.float32
    return kagari.float64 if kagari.get_default_dtype() == kagari.float64 else kagari.float32


def _view_as_real(params, *state_and_grads):
    """Replaces, in these lists of tensors, each complex parameter and what belongs to it by real views."""
    for i, param in enumerate(params):
        if param.is_complex():
            params[i] = kagari.view_as_real(param)
            for column in state_and_grads:
                column[i] = kagari.view_as_real(column[i])


def _default_to_fused_or_foreach(params, differentiable, use_fused=False):
    """Whether PyTorch would choose its fused or its foreach form: never on a CPU."""
    return False, False


def _stack_if_compiling(x):
    """``x`` itself: there is no tracing compiler that would want a tensor here."""
    return x


def _disable_dynamo_if_unsupported(single_tensor_fn=None):
    """A decorator that changes nothing: there is no tracing compiler to keep away from a function."""
    return lambda func: func


def _group_tensors_by_device_and_dtype(tensorlistlist, with_indices=False):
    """Splits lists of tensors of one length by device and dtype of the first list.

    Returns ``{(device, dtype): (lists, indices)}``; a list that holds None has no part in the key.
    """
    groups = {}
    for i, row in enumerate(zip(*tensorlistlist)):
        lists, indices = groups.setdefault((row[0].device, row[0].dtype), ([[] for _ in tensorlistlist], []))
        for column, value in zip(lists, row):
            column.append(value)
        if with_indices:
            indices.append(i)
    return groups


def _get_capturable_supported_devices(supports_xla=True):
    return _ACCELERATORS if supports_xla else _ACCELERATORS[:-1]


def _refuse_capturable(capturable, names="params and state_steps", supports_xla=True):
    if capturable:
        raise AssertionError(f"If capturable=True, {names} must be on supported devices: "
                             f"{_get_capturable_supported_devices(supports_xla)}.")


def _native_pass(name):
    """The C++ pass ``kagari._C.<name>`` over all parameters of a group.

    It takes lists of tensors and keyword numbers, and returns True when it did the update; False (None if there is no
    such pass), with nothing changed, when some tensor is of a kind that only the operators of the Python path handle.
    """
    return getattr(getattr(kagari, "_C", None), name, _no_pass)


def _no_pass(*columns, **numbers):
    return None


# From the parameters of a group, the state and a tuple of names to what Optimizer._gather returns, or None if some parameter
# has no such state yet.
_gather_pass = _native_pass("_optim_gather")


def _check_tensor_lr(lr):
    if isinstance(lr, kagari.Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")


def _check_range(condition, text, value):
    if not condition:
        raise ValueError(f"Invalid {text}: {value}")


def _check_betas(betas):
    for i in (0, 1):
        _check_range(0.0 <= betas[i] < 1.0, f"beta parameter at index {i}", betas[i])


def _closure_loss(closure):
    """The loss that ``closure`` computes with gradients enabled, or None without a closure."""
    if closure is None:
        return None
    with kagari.enable_grad():
        return closure()


class Optimizer:
    """Holds parameters in groups with their options, and the optimizer's state of each parameter.

    Arguments:
        params: an iterable of tensors, of ``(name, tensor)`` pairs, or of dictionaries with a "params" entry and
            options of that group.
        defaults: the options of groups that do not give their own.

    Subclasses implement :meth:`step`. ``state`` maps each parameter to a dictionary.
    """

    def __init__(self, params, defaults):
        self.defaults = defaults
        for table in _HOOK_TABLES:
            setattr(self, table, OrderedDict())
        self._patch_step_function()
        if isinstance(params, kagari.Tensor):
            raise TypeError("params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                            + params.type())
        self.state = defaultdict(dict)
        self.param_groups = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    # ---- pickling and printing

    def __getstate__(self):
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state):
        self.__dict__.update(state)
        for table in _HOOK_TABLES:
            if table not in self.__dict__:
                setattr(self, table, OrderedDict())
        self._patch_step_function()
        self.defaults.setdefault("differentiable", False)

    def _complete_groups(self, **options):
        """Gives options that an older checkpoint does not know their defaults, in every group."""
        for group in self.param_groups:
            for name, value in options.items():
                group.setdefault(name, value)

    def _tensors_from_numbers(self, *names):
        """Turns state that an older checkpoint holds as numbers into 0-d tensors."""
        for state in self.state.values():
            for name in names:
                if name in state and not isinstance(state[name], kagari.Tensor):
                    state[name] = kagari.tensor(float(state[name]), dtype=_get_scalar_dtype())

    def __repr__(self):
        text = self.__class__.__name__ + " ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            for key in sorted(group.keys()):
                if key != "params":
                    text += f"    {key}: {group[key]}\n"
        return text + ")"

    # ---- the step and its hooks

    def _patch_step_function(self):
        # Subclasses override step(); the hooks must run around the override as well.
        step = self.__class__.step
        if not getattr(step, "hooked", False):
            self.__class__.step = self.profile_hook_step(step)
            self.__class__.step.hooked = True

    _group_tensors_by_device_and_dtype = staticmethod(_group_tensors_by_device_and_dtype)

    @staticmethod
    def profile_hook_step(func):
        """Wraps a ``step`` function so that the step hooks run around it."""
        @functools.wraps(func)
        def step(self, *args, **kwargs):
            if _global_optimizer_pre_hooks or self._optimizer_step_pre_hooks:
                for hook in chain(_global_optimizer_pre_hooks.values(), self._optimizer_step_pre_hooks.values()):
                    result = hook(self, args, kwargs)
                    if result is None:
                        continue
                    if not (isinstance(result, tuple) and len(result) == 2):
                        raise RuntimeError(f"{func} must return None or a tuple of (new_args, new_kwargs), "
                                           f"but got {result}.")
                    args, kwargs = result
            out = func(self, *args, **kwargs)
            if _global_optimizer_post_hooks or self._optimizer_step_post_hooks:
                # Post hooks see the positional arguments with the optimizer in front.
                for hook in chain(self._optimizer_step_post_hooks.values(), _global_optimizer_post_hooks.values()):
                    hook(self, (self, *args), kwargs)
            return out
        return step

    def step(self, closure=None):
        """Updates the parameters from their gradients.

        Arguments:
            closure: computes the loss anew and returns it. Optional for most optimizers.
        """
        raise NotImplementedError

    def _cuda_graph_capture_health_check(self):
        """Checks the use of CUDA graphs; a CPU has none, so there is nothing to find."""

    _accelerator_graph_capture_health_check = _cuda_graph_capture_health_check

    def _gather(self, group, names):
        """The parameters of ``group`` that have a gradient, their gradients, and one list per name of their state.

        The state of a parameter that is new is made by ``_init_state(group, param, state)``.
        """
        gathered = _gather_pass(group["params"], self.state, names)
        if gathered is not None:
            return gathered
        params, grads, states = [], [], []
        table, init = self.state, self._init_state
        for param in group["params"]:
            grad = param.grad
            if grad is None:
                continue
            state = table[param]
            if not state:
                init(group, param, state)
            params.append(param)
            grads.append(grad)
            states.append(state)
        return params, grads, [[state[name] for state in states] for name in names]

    def _refuse_sparse(self, grads, text=None):
        for grad in grads:
            if grad.is_sparse:
                raise RuntimeError(text or f"{self.__class__.__name__} does not support sparse gradients")

    def register_step_pre_hook(self, hook):
        """Registers ``hook(optimizer, args, kwargs) -> None or (args, kwargs)``, run before :meth:`step`."""
        return _register(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook):
        """Registers ``hook(optimizer, args, kwargs) -> None``, run after :meth:`step`."""
        return _register(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook, prepend=False):
        """Registers ``hook(optimizer) -> None``, run before :meth:`state_dict`."""
        return _register(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook, prepend=False):
        """Registers ``hook(optimizer, state_dict) -> state_dict or None``, run after :meth:`state_dict`."""
        return _register(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook, prepend=False):
        """Registers ``hook(optimizer, state_dict) -> state_dict or None``, run before :meth:`load_state_dict`."""
        return _register(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook, prepend=False):
        """Registers ``hook(optimizer) -> None``, run after :meth:`load_state_dict`."""
        return _register(self._optimizer_load_state_dict_post_hooks, hook, prepend)

    # ---- checkpoints

    def state_dict(self):
        """The state and the groups as plain dictionaries, with parameters replaced by consecutive numbers.

        The tensors are shared with the optimizer, not copied.
        """
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        index = {}
        groups = []
        for group in self.param_groups:
            for param in group["params"]:
                index.setdefault(id(param), len(index))
            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [index[id(param)] for param in group["params"]]
            groups.append(packed)
        state = {index[id(key)] if isinstance(key, kagari.Tensor) else key: value for key, value in self.state.items()}
        result = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            changed = hook(self, result)
            if changed is not None:
                result = changed
        return result

    @staticmethod
    def _process_value_according_to_param_policy(param, value, param_id, param_groups, key=None):
        # Step counters stay float32 on the CPU, whatever the parameter's dtype is.
        if key == "step":
            for group in param_groups:
                if param_id in group["params"]:
                    if group.get("fused") or group.get("capturable"):
                        return value.to(dtype=kagari.float32, device=param.device)
                    return value
            return value
        if param.is_floating_point():
            return value.to(dtype=param.dtype, device=param.device)
        return value.to(device=param.device)

    @kagari.no_grad()
    def load_state_dict(self, state_dict):
        """Takes over what :meth:`state_dict` returned. Parameters are matched by their order in the groups.

        State tensors take the dtype of their parameter; a tensor that has it already is shared with ``state_dict``.
        Errors: ValueError if the number of groups or of the parameters in a group differs.
        """
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            changed = hook(self, state_dict)
            if changed is not None:
                state_dict = changed
        groups = self.param_groups
        saved_groups = deepcopy(state_dict["param_groups"])
        if len(groups) != len(saved_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(a["params"]) != len(b["params"]) for a, b in zip(groups, saved_groups)):
            raise ValueError("loaded state dict contains a parameter group that doesn't match the size of "
                             "optimizer's group")
        param_of = dict(zip(chain.from_iterable(g["params"] for g in saved_groups),
                            chain.from_iterable(g["params"] for g in groups)))

        def cast(param, value, param_id, key=None):
            if isinstance(value, kagari.Tensor):
                return Optimizer._process_value_according_to_param_policy(param, value, param_id,
                                                                          state_dict["param_groups"], key)
            if isinstance(value, dict):
                return {k: cast(param, v, param_id, key=k) for k, v in value.items()}
            if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
                return type(value)(cast(param, v, param_id) for v in value)
            return value

        state = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in param_of:
                state[param_of[key]] = cast(param_of[key], value, key)
            else:
                state[key] = value
        for group, saved in zip(groups, saved_groups):
            if "param_names" in group and "param_names" not in saved:
                saved["param_names"] = group["param_names"]
            saved["params"] = group["params"]
        self.__setstate__({"state": state, "param_groups": saved_groups})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    # ---- gradients and groups

    def zero_grad(self, set_to_none=True):
        """Drops the gradients of all parameters, or with ``set_to_none=False`` fills them with zeros in place."""
        if set_to_none:
            for group in self.param_groups:
                for param in group["params"]:
                    param.grad = None
            return
        for group in self.param_groups:
            for param in group["params"]:
                grad = param.grad
                if grad is None:
                    continue
                if grad.grad_fn is not None:
                    grad.detach_()
                else:
                    grad.requires_grad_(False)
                grad.zero_()

    def add_param_group(self, param_group):
        """Adds a group of parameters, for instance of layers that are to be trained from now on.

        Arguments:
            param_group: a dictionary with "params" (a tensor or an ordered collection of tensors or of
                ``(name, tensor)`` pairs) and the options of the group.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, kagari.Tensor):
            params = [params]
        elif isinstance(params, set):
            raise TypeError("optimizer parameters need to be organized in ordered collections, but the ordering of "
                            "tensors in sets will change between runs. Please use a list instead.")
        params = list(params)
        names = [entry[0] for entry in params if isinstance(entry, tuple)]
        if names:
            if len(names) != len(params):
                raise ValueError("all optimizer params should be with/without names. Some param names are missing")
            params = [entry[1] for entry in params]
            param_group["param_names"] = names
        param_group["params"] = params
        for param in params:
            if not isinstance(param, kagari.Tensor):
                raise TypeError("optimizer can only optimize Tensors, but one of the params is "
                                + _type_name(param))
            if not self.defaults.get("differentiable") and not (param.is_leaf or param.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError("parameter group didn't specify a value of required optimization parameter " + name)
            param_group.setdefault(name, default)
        own = {id(param) for param in params}
        if len(own) != len(params):
            warnings.warn("optimizer contains a parameter group with duplicate parameters; in future, this will cause "
                          "an error", stacklevel=3)
        if any(id(param) in own for group in self.param_groups for param in group["params"]):
            raise ValueError("some parameters appear in more than one parameter group")
        if self.param_groups and ("param_names" in param_group) != ("param_names" in self.param_groups[0]):
            which = "with" if "param_names" in param_group else "without"
            raise ValueError("all optimizer param groups should be with/without names. cannot add param group "
                             f"{which} names to the optimizer")
        self.param_groups.append(param_group)


def _type_name(value):
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
