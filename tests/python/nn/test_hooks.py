"""Forward and backward hooks, their order and their results; the path of the layer in errors."""
import pytest

import kagari
from kagari import nn
from kagari.nn.modules import module as home


class Double(nn.Module):
    def forward(self, x, scale=2):
        return x * scale


def test_order_and_prepend():
    m, seen = Double(), []
    m.register_forward_pre_hook(lambda m, args: seen.append("pre"))
    m.register_forward_pre_hook(lambda m, args: seen.append("first"), prepend=True)
    m.register_forward_hook(lambda m, args, out: seen.append("post"))
    m(kagari.ones(1))
    assert seen == ["first", "pre", "post"]


def test_results_replace():
    m = Double()
    m.register_forward_pre_hook(lambda m, args: args[0] + 1)
    m.register_forward_hook(lambda m, args, out: out + 100)
    assert m(kagari.ones(1)).item() == 104


def test_with_kwargs():
    m, seen = Double(), []
    m.register_forward_pre_hook(lambda m, args, kwargs: (args, {"scale": 5}), with_kwargs=True)
    m.register_forward_hook(lambda m, args, kwargs, out: seen.append(kwargs), with_kwargs=True)
    assert m(kagari.ones(1), scale=3).item() == 5 and seen == [{"scale": 5}]
    m.register_forward_pre_hook(lambda m, args, kwargs: 1, with_kwargs=True)
    with pytest.raises(RuntimeError, match="forward pre-hook must return None or a tuple"):
        m(kagari.ones(1))


def test_always_call():
    class Fails(nn.Module):
        def forward(self, x):
            raise ValueError("broken")

    m, seen = Fails(), []
    m.register_forward_hook(lambda m, args, out: seen.append(out), always_call=True)
    m.register_forward_hook(lambda m, args, out: seen.append("not called"))
    with pytest.raises(ValueError, match="broken"):
        m(1)
    assert seen == [None]


def test_removal():
    m = Double()
    with m.register_forward_hook(lambda m, args, out: out + 1, with_kwargs=False):
        assert m(kagari.ones(1)).item() == 3
    assert m(kagari.ones(1)).item() == 2 and not m._forward_hooks
    handle = m.register_forward_pre_hook(lambda m, args, kwargs: None, with_kwargs=True)
    handle.remove()
    assert not m._forward_pre_hooks_with_kwargs


def test_global_hooks():
    m, seen = nn.Sequential(Double()), []
    handles = [home.register_module_forward_pre_hook(lambda m, args: seen.append("pre " + type(m).__name__)),
               home.register_module_forward_hook(lambda m, args, out: seen.append("post " + type(m).__name__))]
    try:
        m(kagari.ones(1))
    finally:
        for handle in handles:
            handle.remove()
    assert seen == ["pre Sequential", "pre Double", "post Double", "post Sequential"]
    m(kagari.ones(1))
    assert len(seen) == 4


def test_full_backward_hook():
    m, seen = Double(), []
    m.register_full_backward_hook(lambda m, gin, gout: seen.append((gin[0].item(), gout[0].item())))
    x = kagari.ones(1, requires_grad=True)
    m(x).backward(kagari.tensor([3.0]))
    assert seen == [(6.0, 3.0)] and x.grad.item() == 6


def test_full_backward_hooks_replace():
    m = Double()
    m.register_full_backward_pre_hook(lambda m, gout: (gout[0] * 10,))
    m.register_full_backward_hook(lambda m, gin, gout: (gin[0] + 1,))
    x = kagari.ones(1, requires_grad=True)
    m(x).backward(kagari.tensor([3.0]))
    assert x.grad.item() == 61


def test_full_backward_hook_errors():
    m = Double()
    m.register_full_backward_hook(lambda m, gin, gout: (1, 2))
    with pytest.raises(RuntimeError, match="invalid number of grad_input, got 2, but expected 1"):
        m(kagari.ones(1, requires_grad=True)).backward()
    with pytest.raises(RuntimeError, match="Cannot use both regular backward hooks and full backward hooks"):
        m.register_backward_hook(lambda *args: None)


def test_old_backward_hook():
    m, seen = Double(), []
    m.register_backward_hook(lambda m, gin, gout: seen.append(gout[0].item()))
    m(kagari.ones(1, requires_grad=True)).backward(kagari.tensor([3.0]))
    assert seen == [3.0]


def notes(call):
    with pytest.raises(Exception) as caught:
        call()
    return getattr(caught.value, "__notes__", [])


def test_errors_name_the_layer():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.proj = nn.Linear(3, 3)

        def forward(self, x):
            return self.proj(x)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([Block(), Block()])

        def forward(self, x, fail=1):
            return self.layers[fail](x)

    assert notes(lambda: Model()(kagari.ones(2, 4))) == ["in Model.layers.1.proj (Linear)"]
    assert notes(lambda: nn.Linear(3, 3)(kagari.ones(2, 4))) == ["in Linear"]
    with pytest.raises(RuntimeError) as caught:
        Model()(kagari.ones(2, 4))
    assert "layers" not in str(caught.value)


def test_errors_name_an_unregistered_layer():
    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.others = [nn.Linear(3, 3)]

        def forward(self, x):
            return self.others[0](x)

    assert notes(lambda: nn.Sequential(Hidden())(kagari.ones(2, 4))) == ["in Sequential.0/Linear (Linear)"]
