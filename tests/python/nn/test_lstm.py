"""nn.LSTM against the same network written with lstm_cell, step by step."""

import pytest

import kagari as torch
from kagari import nn


def unrolled(layer, x, h, c, suffix, steps):
    weights = [getattr(layer, name + suffix) for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")]
    outputs = [None] * len(x)
    for t in steps:
        h, c = torch.lstm_cell(x[t], (h, c), *weights)
        outputs[t] = h
    return torch.stack(outputs), h, c


@pytest.mark.parametrize("recorded", [False, True])
def test_both_directions_and_their_gradients_are_those_of_the_steps(recorded):
    torch.manual_seed(0)
    layer = nn.LSTM(3, 4, bidirectional=True).double()
    x, h, c = (torch.randn(*s, dtype=torch.float64, requires_grad=True) for s in ((5, 2, 3), (2, 2, 4), (2, 2, 4)))
    inputs = [x, h, c, *layer.parameters()]

    output, (last_h, last_c) = layer(x, (h, c))
    one = unrolled(layer, x, h[0], c[0], "", range(5))
    two = unrolled(layer, x, h[1], c[1], "_reverse", reversed(range(5)))
    expected = [torch.cat([one[0], two[0]], -1), torch.stack([one[1], two[1]]), torch.stack([one[2], two[2]])]

    found = [output, last_h, last_c]
    for a, b in zip(found, expected):
        assert torch.allclose(a, b)
    results = []
    for tensors in (found, expected):
        grads = torch.autograd.grad(sum((t**3).sum() for t in tensors), inputs, create_graph=recorded)
        if recorded:
            grads = torch.autograd.grad(sum((g**2).sum() for g in grads), inputs)
        results.append(grads)
    for a, b in zip(*results):
        assert torch.allclose(a, b, rtol=1e-9)
