"""Sequential, ModuleList, ModuleDict, ParameterList and ParameterDict."""
from collections import OrderedDict

import pytest

import kagari
from kagari import nn


def test_sequential():
    s = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    assert len(s) == 3 and s[-1] is s[2] and [type(m).__name__ for m in s[:2]] == ["Linear", "ReLU"]
    assert s(kagari.ones(2)).shape == (1,)
    del s[1]
    assert list(s._modules) == ["0", "1"]
    s.insert(1, nn.Tanh()).append(nn.ReLU()).extend([nn.Sigmoid()])
    assert [type(m).__name__ for m in s] == ["Linear", "Tanh", "Linear", "ReLU", "Sigmoid"]
    assert type(s.pop(1)).__name__ == "Tanh" and len(s + s) == 8 and len(s * 2) == 8 and len(2 * s) == 8
    s[0] = nn.Identity()
    assert type(s[0]) is nn.Identity
    assert list(nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh()))._modules) == ["a", "b"]
    with pytest.raises(IndexError, match="index 9 is out of range"):
        s[9]
    with pytest.raises(TypeError, match="str is not a Module subclass"):
        nn.Sequential("a")
    with pytest.raises(ValueError, match="Non-positive multiplication factor"):
        s * 0


def test_module_list():
    ml = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)] + [nn.ReLU()])
    assert repr(ml) == ("ModuleList(\n  (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)\n  (3): ReLU()\n)")
    assert repr(nn.ModuleList()) == "ModuleList()"
    ml.insert(0, nn.Tanh())
    ml += [nn.Sigmoid()]
    assert [type(m).__name__ for m in ml] == ["Tanh", "Linear", "Linear", "Linear", "ReLU", "Sigmoid"]
    del ml[1:4]
    assert list(ml._modules) == ["0", "1", "2"] and len(ml[1:]) == 2
    with pytest.raises(TypeError, match="ModuleList.extend should be called with an iterable, but got int"):
        ml.extend(3)
    with pytest.raises(NotImplementedError, match=r"Module \[ModuleList\] is missing the required"):
        ml()


def test_module_dict():
    md = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Tanh()})
    md.update([("c", nn.Sigmoid())])
    md["a"] = nn.Identity()
    assert list(md) == ["a", "b", "c"] and "b" in md and len(md) == 3 and type(md["a"]) is nn.Identity
    assert type(md.pop("b")) is nn.Tanh and list(md.keys()) == ["a", "c"]
    md.clear()
    assert len(md) == 0
    with pytest.raises(ValueError, match="ModuleDict update sequence element #0 has length 3; 2 is required"):
        nn.ModuleDict([("a", 1, 2)])
    with pytest.raises(TypeError, match="should be called with an iterable of key/value pairs, but got int"):
        nn.ModuleDict(3)


def test_parameter_list():
    pl = nn.ParameterList([kagari.ones(2, 3), 1])
    assert isinstance(pl[0], nn.Parameter) and pl[1] == 1 and list(pl._parameters) == ["0"]
    assert repr(pl) == ("ParameterList(\n    (0): Parameter containing: [torch.float32 of size 2x3]\n"
                        "    (1): Object of type: int\n)")
    pl.append(kagari.ones(1)).extend([kagari.ones(1)])
    assert len(pl) == 4 and len(pl[1:3]) == 2 and [n for n, _ in pl.named_parameters()] == ["0", "2", "3"]
    with pytest.raises(RuntimeError, match="ParameterList should not be called."):
        pl()


def test_parameter_dict():
    pd = nn.ParameterDict({"a": kagari.ones(2), "c": 3})
    assert isinstance(pd["a"], nn.Parameter) and pd["c"] == 3 and list(pd.state_dict()) == ["a"]
    pd |= {"b": kagari.ones(1)}
    assert list(pd) == ["a", "c", "b"] and list(reversed(pd)) == ["b", "c", "a"]
    assert pd.popitem()[0] == "b" and pd.get("x", 7) == 7 and pd.setdefault("d", 4) == 4
    assert "d" in pd.copy() and pd.pop("d") == 4 and len(pd) == 2
    assert dict(pd.fromkeys(["x"], 1).items()) == {"x": 1}
