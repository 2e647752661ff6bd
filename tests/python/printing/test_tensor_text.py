"""repr() of tensors is PyTorch's. printed.json: tensors as bytes, options and the text that PyTorch 2.13 printed."""
import json
import pathlib

import kagari as torch
import pytest

FACTS = json.loads((pathlib.Path(__file__).parent / "printed.json").read_text())


@pytest.fixture(autouse=True)
def default_options():
    yield
    torch.set_printoptions(profile="default")
    torch.set_printoptions(sci_mode=None)


@pytest.mark.parametrize("number", range(len(FACTS)))
def test_recorded(number):
    fact = FACTS[number]
    dtype = getattr(torch, fact["dtype"])
    if fact["raw"]:
        t = torch.frombuffer(bytearray.fromhex(fact["raw"]), dtype=dtype).reshape(fact["shape"])
    else:
        t = torch.empty(fact["shape"], dtype=dtype)
    if fact["rg"]:
        t.requires_grad_()
    torch.set_printoptions(**fact["opts"])
    assert repr(t * 1 if fact["mul"] else t) == fact["text"]


@pytest.mark.parametrize("make, text", [
    (lambda: torch.empty(2, 3, device="meta"), "tensor(..., device='meta', size=(2, 3))"),
    (lambda: torch.empty(0, device="meta", dtype=torch.int64), "tensor(..., device='meta', size=(0,), dtype=torch.int64)"),
    (lambda: torch.empty(0, 3), "tensor([], size=(0, 3))"),
    (lambda: torch.ones(2, requires_grad=True) + 1, "tensor([2., 2.], grad_fn=<AddBackward0>)"),
    (lambda: torch.nn.Parameter(torch.ones(2)), "Parameter containing:\ntensor([1., 1.], requires_grad=True)"),
    (lambda: torch.tensor([1 + 2j, 3.5 - 1e-3j]), "tensor([1.0000+2.0000e+00j, 3.5000-1.0000e-03j])"),
    (lambda: torch.arange(2000), "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"),
])
def test_special(make, text):
    assert repr(make()) == text


def test_format():
    assert f"{torch.tensor(1.5)} {torch.tensor(1.5):.3f} {torch.tensor(3):5d}" == "1.5 1.500     3"
    assert f"{torch.tensor([1.0])}" == "tensor([1.])"
    with pytest.raises(TypeError, match="unsupported format string passed to Tensor.__format__"):
        f"{torch.tensor([1.0]):.3f}"


def test_subclass():
    class Special(torch.Tensor):
        pass
    assert repr(torch.ones(2).as_subclass(Special)) == "Special([1., 1.])"


def test_named_tuples():
    import pickle
    result = torch.topk(torch.tensor([1, 5, 3]), 2)
    assert repr(result) == "torch.return_types.topk(\nvalues=tensor([5, 3]),\nindices=tensor([1, 2]))"
    assert pickle.loads(pickle.dumps(result)).values.tolist() == [5, 3]
    assert isinstance(result, torch.return_types.topk)
