"""state_dict and load_state_dict: keys, metadata, hooks, and the texts of errors."""
from collections import OrderedDict

import pytest

import kagari
from kagari import nn


def net():
    return nn.Sequential(nn.Linear(2, 3), nn.ReLU())


def test_keys_and_metadata():
    state = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1)).state_dict()
    assert isinstance(state, OrderedDict)
    assert list(state) == ["0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var",
                           "1.num_batches_tracked"]
    assert dict(state._metadata) == {"": {"version": 1}, "0": {"version": 1}, "1": {"version": 2}}


def test_entries_share_memory():
    model = net()
    state = model.state_dict()
    assert not state["0.weight"].requires_grad
    state["0.weight"].zero_()
    assert model[0].weight.sum().item() == 0
    assert model.state_dict(keep_vars=True)["0.weight"] is model[0].weight
    given = {}
    assert model.state_dict(destination=given, prefix="p.") is given and list(given) == ["p.0.weight", "p.0.bias"]


def test_round_trip():
    source, target = net(), net()
    result = target.load_state_dict(source.state_dict())
    assert repr(result) == "<All keys matched successfully>" and result.missing_keys == []
    assert kagari.equal(source[0].weight, target[0].weight)


def test_not_strict():
    result = net().load_state_dict({"zz": kagari.ones(1)}, strict=False)
    assert result.missing_keys == ["0.weight", "0.bias"] and result.unexpected_keys == ["zz"]
    assert repr(result) == "_IncompatibleKeys(missing_keys=['0.weight', '0.bias'], unexpected_keys=['zz'])"


def test_assign():
    model = net()
    weight = kagari.zeros(3, 2)
    model.load_state_dict({"0.weight": weight, "0.bias": kagari.ones(3, dtype=kagari.float64)}, assign=True)
    assert isinstance(model[0].weight, nn.Parameter) and model[0].weight.data_ptr() == weight.data_ptr()
    assert model[0].bias.dtype == kagari.float64 and model[0].bias.requires_grad


@pytest.mark.parametrize("change, text", [
    (lambda s: {}, 'Missing key(s) in state_dict: "0.weight", "0.bias". '),
    (lambda s: {**s, "zz": 1, "0.q.r": 2, "1.u": 3}, 'Unexpected key(s) in state_dict: "zz", "0.q.r", "1.u". '),
    (lambda s: {**s, "0.weight": kagari.ones(5)},
     "size mismatch for 0.weight: copying a param with shape torch.Size([5]) from checkpoint, the shape in current "
     "model is torch.Size([3, 2])."),
    (lambda s: {**s, "0.bias": 3},
     'While copying the parameter named "0.bias", expected torch.Tensor or Tensor-like object from checkpoint but '
     "received <class 'int'>"),
])
def test_error_texts(change, text):
    model = net()
    with pytest.raises(RuntimeError) as caught:
        model.load_state_dict(change(model.state_dict()))
    assert str(caught.value) == "Error(s) in loading state_dict for Sequential:\n\t" + text


def test_no_mapping():
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like, got <class 'int'>"):
        net().load_state_dict(1)


def test_extra_state():
    class Counted(nn.Module):
        count = 3

        def get_extra_state(self):
            return self.count

        def set_extra_state(self, state):
            self.count = state

    model = nn.Sequential(Counted())
    assert model.state_dict() == {"0._extra_state": 3}
    model.load_state_dict({"0._extra_state": 5})
    assert model[0].count == 5
    with pytest.raises(RuntimeError, match='Missing key.s. in state_dict: "0._extra_state"'):
        model.load_state_dict({})
    with pytest.raises(RuntimeError, match="never be called"):
        nn.ReLU().get_extra_state()


def test_hooks():
    model, seen = net(), []
    model.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append((m is model, prefix, keep)))
    model.register_state_dict_post_hook(lambda m, state, prefix, meta: state.update(extra=1))
    model.register_load_state_dict_pre_hook(lambda m, state, *rest: (seen.append(len(rest)), state.pop("extra")))
    model.register_load_state_dict_post_hook(lambda m, keys: seen.append(keys.missing_keys))
    state = model.state_dict()
    assert state["extra"] == 1
    model.load_state_dict(state)
    assert seen == [(True, "", False), 6, []]


def test_hooks_that_return():
    model = net()
    model._register_state_dict_hook(lambda m, state, prefix, meta: {"only": 1})
    assert model.state_dict() == {"only": 1}
    model = net()
    model.register_state_dict_post_hook(lambda *args: 3)
    with pytest.raises(RuntimeError, match="state_dict post-hook must return None"):
        model.state_dict()
    model = net()
    model.register_load_state_dict_post_hook(lambda *args: 3)
    with pytest.raises(AssertionError, match="not expected to return new values"):
        model.load_state_dict(model.state_dict())


def test_old_batch_norm():
    old = {name: kagari.ones(2) for name in ("weight", "bias", "running_mean", "running_var")}
    assert repr(nn.BatchNorm1d(2).load_state_dict(old)) == "<All keys matched successfully>"


def test_lazy_modules():
    lazy = nn.LazyLinear(3)
    assert repr(lazy) == "LazyLinear(in_features=0, out_features=3, bias=True)"
    assert repr(lazy.weight) == "<UninitializedParameter>"
    lazy.load_state_dict(nn.Linear(4, 3).state_dict())
    assert lazy.weight.shape == (3, 4)
    lazy = nn.LazyConv2d(4, 3)
    assert lazy(kagari.ones(1, 2, 5, 5)).shape == (1, 4, 3, 3) and type(lazy) is nn.Conv2d
    bn = nn.LazyBatchNorm1d().double()
    bn(kagari.ones(2, 3, dtype=kagari.float64))
    assert type(bn) is nn.BatchNorm1d and bn.running_mean.shape == (3,) and bn.running_mean.dtype == kagari.float64
    with pytest.raises(RuntimeError, match="Can't access the shape of an uninitialized parameter"):
        nn.LazyLinear(3).weight.shape


def test_consume_prefix():
    from kagari.nn.modules.utils import consume_prefix_in_state_dict_if_present

    wrapped = nn.Module()
    wrapped.module = net()
    state = wrapped.state_dict()
    consume_prefix_in_state_dict_if_present(state, "module.")
    assert list(state) == ["0.weight", "0.bias"] and "0" in state._metadata
