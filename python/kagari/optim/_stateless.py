"""Running an optimizer on other parameters and other state for a while."""
import contextlib
from collections import defaultdict

import kagari

__all__ = ["swap_in_optimizer_params_and_state"]


@contextlib.contextmanager
def swap_in_optimizer_params_and_state(optimizer, swapin_parameters, swapin_optim_state):
    """Within the context ``optimizer`` works on the given parameters and state; afterwards it is as before.

    Arguments:
        optimizer: its own state must have been made already.
        swapin_parameters: a dictionary of tensors, in the order of the optimizer's parameters.
        swapin_optim_state: laid out as :meth:`Optimizer.state_dict`; its tensors are changed in place.
    Errors: ValueError if a number of parameters or of groups does not fit.
    """
    groups, state = optimizer.param_groups, optimizer.state
    new_params = list(swapin_parameters.values())
    new_groups = swapin_optim_state["param_groups"]
    if len(new_groups) != len(groups):
        raise ValueError(f"expected {len(groups)} parameter groups, but got {len(new_groups)}")
    count = sum(len(group["params"]) for group in groups)
    if len(new_params) != count:
        raise ValueError(f"expected {count} parameters, but got {len(new_params)}")
    param_of = {}
    swapped = []
    for group, new in zip(groups, new_groups):
        if len(group["params"]) != len(new["params"]):
            raise ValueError(f"expected a group of {len(group['params'])} parameters, but got {len(new['params'])}")
        start = len(param_of)
        params = new_params[start:start + len(new["params"])]
        param_of.update(zip(new["params"], params))
        swapped.append({**new, "params": params})
    new_state = defaultdict(dict)
    for key, value in swapin_optim_state["state"].items():
        new_state[param_of.get(key, key) if not isinstance(key, kagari.Tensor) else key] = dict(value)
    optimizer.param_groups, optimizer.state = swapped, new_state
    try:
        yield
    finally:
        optimizer.param_groups, optimizer.state = groups, state
