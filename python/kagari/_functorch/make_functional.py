"""Modules as functions of their parameters, in the older form of the functorch package."""
import copy

import kagari
from kagari._functorch.functional_call import functional_call, stack_module_state

__all__ = ["make_functional", "make_functional_with_buffers", "combine_state_for_ensemble", "FunctionalModule", "FunctionalModuleWithBuffers"]


def _values(named, untracked):
    return tuple(t.detach().clone() if untracked else t for t in named.values())


class FunctionalModule(kagari.nn.Module):
    """function(params, *args, **kwargs): a call of the module with these parameters, in the order of named_parameters()."""

    def __init__(self, stateless_model, param_names, names_map=None):
        super().__init__()
        self.stateless_model, self.param_names = stateless_model, param_names

    def forward(self, params, *args, **kwargs):
        return functional_call(self.stateless_model, dict(zip(self.param_names, params)), args, kwargs)


class FunctionalModuleWithBuffers(kagari.nn.Module):
    """function(params, buffers, *args, **kwargs)"""

    def __init__(self, stateless_model, param_names, buffer_names, *unused):
        super().__init__()
        self.stateless_model, self.param_names, self.buffer_names = stateless_model, param_names, buffer_names

    def forward(self, params, buffers, *args, **kwargs):
        return functional_call(self.stateless_model, {**dict(zip(self.param_names, params)), **dict(zip(self.buffer_names, buffers))}, args, kwargs)


def make_functional(model, disable_autograd_tracking=False):
    """(function of (params, *args), the parameters of the model). The model must not have buffers."""
    if any(True for _ in model.buffers()):
        raise RuntimeError("make_functional(model): `model` has buffers. Please use make_functional_with_buffers(model) instead.")
    named = dict(model.named_parameters())
    return FunctionalModule(copy.deepcopy(model), tuple(named)), _values(named, disable_autograd_tracking)


def make_functional_with_buffers(model, disable_autograd_tracking=False):
    """(function of (params, buffers, *args), the parameters, the buffers of the model)."""
    params, buffers = dict(model.named_parameters()), dict(model.named_buffers())
    return (FunctionalModuleWithBuffers(copy.deepcopy(model), tuple(params), tuple(buffers)), _values(params, disable_autograd_tracking),
            tuple(buffers.values()))


def combine_state_for_ensemble(models):
    """(function, parameters, buffers) of several modules of one class, stacked."""
    if len(models) == 0:
        raise RuntimeError("combine_state_for_ensemble: Expected at least one model, got 0.")
    params, buffers = stack_module_state(models)
    function = FunctionalModuleWithBuffers(copy.deepcopy(models[0]), tuple(params), tuple(buffers))
    return function, tuple(params.values()), tuple(buffers.values())
