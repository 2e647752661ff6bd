"""State dicts of models and optimizers whose parameters are named by their place in the model, so that they fit any number of processes.

Models whose parameters are whole in every process: plain modules, and those in DataParallel and DistributedDataParallel, whose wrapper's name is
left out.
"""
from dataclasses import dataclass

import kagari

__all__ = ["StateDictOptions", "get_model_state_dict", "get_optimizer_state_dict", "get_state_dict", "set_model_state_dict", "set_optimizer_state_dict",
           "set_state_dict"]


@dataclass
class StateDictOptions:
    """full_state_dict, broadcast_from_rank0: of sharded models, which there are none of. cpu_offload: copies. ignore_frozen_params: leave out what
    does not require a gradient. keep_submodule_prefixes: names as in the whole model. strict: as for load_state_dict.
    flatten_optimizer_state_dict: one level of names, state.weight.exp_avg and param_groups.weight.lr."""
    full_state_dict: bool = False
    cpu_offload: bool = False
    ignore_frozen_params: bool = False
    keep_submodule_prefixes: bool = True
    strict: bool = True
    broadcast_from_rank0: bool = False
    flatten_optimizer_state_dict: bool = False
    dsd_fqn_modifiers: str = "_fqn_modifiers"


def _plain(name):
    """A parameter's name without the wrappers of parallel modules."""
    return ".".join(part for i, part in enumerate(name.split(".")) if part not in ("_orig_mod", "_checkpoint_wrapped_module") and not (part == "module" and i == 0))


def _wrapped(model):
    from kagari.nn.parallel import DataParallel, DistributedDataParallel
    return isinstance(model, (DataParallel, DistributedDataParallel))


def _named(model, name):
    return _plain(name) if _wrapped(model) else ".".join(part for part in name.split(".") if part not in ("_orig_mod", "_checkpoint_wrapped_module"))


def _copied(value, options):
    if isinstance(value, kagari.Tensor) and options.cpu_offload:
        return value.detach().cpu().clone()
    return value


def get_model_state_dict(model, *, submodules=None, options=None):
    """model.state_dict() with names as in the unwrapped model; of some submodules only, if given."""
    options = options or StateDictOptions()
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad} if options.ignore_frozen_params else ()
    prefixes = None if submodules is None else [name for name, module in model.named_modules() if module in submodules]
    found = {}
    for name, value in model.state_dict().items():
        if name in frozen:
            continue
        if prefixes is None:
            found[_named(model, name)] = _copied(value, options)
            continue
        prefix = next((p for p in prefixes if p == "" or name.startswith(p + ".")), None)
        if prefix is not None:
            short = name[len(prefix):].lstrip(".") if not options.keep_submodule_prefixes else name
            found[_named(model, short)] = _copied(value, options)
    return found


def _optimizers(optimizers):
    return (optimizers,) if isinstance(optimizers, kagari.optim.Optimizer) else tuple(optimizers)


def _names_of(model):
    return {parameter: _named(model, name) for name, parameter in model.named_parameters()}


def get_optimizer_state_dict(model, optimizers, *, submodules=None, options=None):
    """The state of one optimizer, or of several, with parameters by name: {"state": {name: ...}, "param_groups": [...]}."""
    options = options or StateDictOptions()
    names, state, groups = _names_of(model), {}, []
    if submodules is not None:
        kept = {parameter for module in submodules for parameter in module.parameters()}
        names = {parameter: name for parameter, name in names.items() if parameter in kept}
    for optimizer in _optimizers(optimizers):
        for group in optimizer.param_groups:
            members = [parameter for parameter in group["params"] if parameter in names]
            for parameter in members:
                if parameter in optimizer.state:
                    state[names[parameter]] = {key: _copied(value, options) for key, value in optimizer.state[parameter].items()}
            groups.append({**{key: value for key, value in group.items() if key != "params"}, "params": [names[parameter] for parameter in members]})
    if not options.flatten_optimizer_state_dict:
        return {"state": state, "param_groups": groups}
    flat = {f"state.{name}.{key}": value for name, entries in state.items() for key, value in entries.items()}
    for group in groups:
        flat.update({f"param_groups.{name}.{key}": value for name in group["params"] for key, value in group.items() if key != "params"})
    return flat


def get_state_dict(model, optimizers, *, submodules=None, options=None):
    """(get_model_state_dict, get_optimizer_state_dict)"""
    return get_model_state_dict(model, submodules=submodules, options=options), get_optimizer_state_dict(model, optimizers, submodules=submodules, options=options)


def set_model_state_dict(model, model_state_dict, *, options=None):
    """model.load_state_dict of a dict of get_model_state_dict."""
    options = options or StateDictOptions()
    own = {_named(model, name): name for name in model.state_dict()}
    return model.load_state_dict({own.get(name, name): value for name, value in model_state_dict.items()}, strict=options.strict)


def _unflattened(names, optimizer, flat):
    state, groups = {}, []
    for group in optimizer.param_groups:
        members = [names[parameter] for parameter in group["params"]]
        made = {"params": members}
        for name in members:
            for key, value in flat.items():
                if key.startswith(f"state.{name}."):
                    state.setdefault(name, {})[key[len(f"state.{name}."):]] = value
                elif key.startswith(f"param_groups.{name}."):
                    made[key[len(f"param_groups.{name}."):]] = value
        groups.append(made)
    return {"state": state, "param_groups": groups}


def set_optimizer_state_dict(model, optimizers, optim_state_dict, *, options=None):
    """Gives optimizers the state of a dict of get_optimizer_state_dict. ValueError if the groups do not fit."""
    options = options or StateDictOptions()
    names = _names_of(model)
    for optimizer in _optimizers(optimizers):
        given = _unflattened(names, optimizer, optim_state_dict) if options.flatten_optimizer_state_dict else optim_state_dict
        numbers, number = {}, 0
        groups = []
        for group in optimizer.param_groups:
            members = [names[parameter] for parameter in group["params"]]
            match = next((one for one in given["param_groups"] if set(one["params"]) == set(members)), None)
            if match is None:
                raise ValueError("loaded state dict has a different number of parameter groups, or other parameters in them")
            for name in members:
                numbers[name] = number
                number += 1
            groups.append({**{key: value for key, value in match.items() if key != "params"}, "params": [numbers[name] for name in members]})
        optimizer.load_state_dict({"state": {numbers[name]: value for name, value in given["state"].items() if name in numbers}, "param_groups": groups})


def set_state_dict(model, optimizers, *, model_state_dict, optim_state_dict, options=None):
    """set_optimizer_state_dict, and set_model_state_dict, whose result it gives."""
    set_optimizer_state_dict(model, optimizers, optim_state_dict, options=options)
    return set_model_state_dict(model, model_state_dict, options=options)
