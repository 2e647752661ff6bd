"""torch.jit.script and trace run Python and give PyTorch's classes."""
import pytest

import kagari as torch
from kagari import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.code = nn.Linear(3, 2), 5

    def forward(self, x, scale: int = 1):
        return self.layer(x) * scale

    @torch.jit.export
    def twice(self, x):
        return 2 * self.forward(x)


def test_scripted_modules_share_the_original():
    net = Net()
    made = torch.jit.script(net)
    assert isinstance(made, torch.jit.ScriptModule) and isinstance(made, Net) and made is not net
    assert made.layer is net.layer and made.code == 5 and made.original_name == "Net"
    x = torch.ones(1, 3)
    assert torch.equal(made.twice(x), net.twice(x)) and torch.equal(made(x, scale=3), net(x, 3))
    assert torch.jit.script(made) is made
    with pytest.raises(NotImplementedError, match="runs as Python"):
        torch.jit.script(nn.Linear(1, 1)).code


def test_scripted_functions():
    @torch.jit.script
    def double(x, n: int = 2):
        """Doubles."""
        return x * n
    assert isinstance(double, torch.jit.ScriptFunction) and double.__doc__ == "Doubles." and double.__name__ == "double"
    assert double(torch.ones(1)).item() == 2
    with pytest.raises(RuntimeError):
        torch.jit.script(3)


def test_trace():
    seen = []

    class Traced(nn.Module):
        def forward(self, x):
            seen.append(torch.jit.is_tracing())
            return x + 1
    made = torch.jit.trace(Traced(), torch.ones(2))
    assert isinstance(made, torch.jit.TopLevelTracedModule) and seen == [True, True]
    assert made(torch.ones(3)).tolist() == [2, 2, 2] and seen[-1] is False
    assert torch.jit.trace(lambda a, b: a - b, (torch.ones(1), torch.ones(1)))(torch.tensor([3.0]), torch.ones(1)).item() == 2
    with pytest.raises(RuntimeError, match="dict at the output"):
        torch.jit.trace(lambda x: {"a": x}, torch.ones(1))
    assert torch.jit.trace(lambda x: {"a": x}, torch.ones(1), strict=False)(torch.ones(1))["a"].item() == 1
    with pytest.raises(RuntimeError, match="cannot be traced"):
        torch.jit.trace(lambda x: 3, torch.ones(1))


def test_trace_checks():
    calls = []

    def changing(x):
        calls.append(1)
        return x + len(calls)
    with pytest.warns(torch.jit.TracerWarning):
        torch.jit.trace(changing, torch.ones(1))
