"""State dicts with parameters by name: to another model and optimizer and back."""
import pytest

import kagari as torch
from kagari.distributed.checkpoint.state_dict import (StateDictOptions, get_model_state_dict, get_optimizer_state_dict, get_state_dict, set_model_state_dict,
                                                      set_optimizer_state_dict, set_state_dict)


def made(lr):
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    return model, torch.optim.AdamW([{"params": model[0].parameters()}, {"params": model[1].parameters(), "lr": 2 * lr}], lr=lr)


@pytest.mark.parametrize("flat", [False, True])
def test_round_trip(flat):
    options = StateDictOptions(flatten_optimizer_state_dict=flat)
    model, optimizer = made(0.1)
    model(torch.ones(4, 2)).sum().backward()
    optimizer.step()
    weights, state = get_state_dict(model, optimizer, options=options)
    assert list(weights) == list(model.state_dict()) and (("state.0.weight.exp_avg" in state) if flat else list(state["state"]) == ["0.weight", "0.bias", "1.weight", "1.bias"])
    other, other_optimizer = made(0.5)
    set_state_dict(other, other_optimizer, model_state_dict=weights, optim_state_dict=state, options=options)
    assert [group["lr"] for group in other_optimizer.param_groups] == [0.1, 0.2]
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters()))
    for parameter, twin in zip(model.parameters(), other.parameters()):
        assert torch.equal(optimizer.state[parameter]["exp_avg"], other_optimizer.state[twin]["exp_avg"])


def test_parts_of_a_model():
    model, optimizer = made(0.1)
    assert list(get_model_state_dict(model, submodules={model[1]})) == ["1.weight", "1.bias"]
    assert list(get_model_state_dict(model, submodules={model[1]}, options=StateDictOptions(keep_submodule_prefixes=False))) == ["weight", "bias"]
    model[0].weight.requires_grad_(False)
    assert "0.weight" not in get_model_state_dict(model, options=StateDictOptions(ignore_frozen_params=True))
    wrapped = torch.nn.DataParallel(model)
    assert list(get_model_state_dict(wrapped)) == list(model.state_dict())
    set_model_state_dict(wrapped, get_model_state_dict(model))
    assert get_optimizer_state_dict(wrapped, optimizer)["param_groups"][0]["params"] == ["0.weight", "0.bias"]
    with pytest.raises(ValueError, match="different number of parameter groups"):
        set_optimizer_state_dict(model, optimizer, {"state": {}, "param_groups": []})
    with pytest.raises(RuntimeError, match="Missing key"):
        set_model_state_dict(model, {})
