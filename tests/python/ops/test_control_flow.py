"""Scans, maps and loops over slices, against NumPy and against the loops written out."""
import numpy as np
import pytest

import kagari as torch
from kagari._higher_order_ops import associative_scan, cond, map, scan, while_loop
from kagari._higher_order_ops.associative_scan import associative_scan as from_its_module


@pytest.mark.parametrize("size", range(1, 12))
@pytest.mark.parametrize("reverse", [False, True])
def test_running_sums(size, reverse):
    x = torch.arange(3 * size * 2, dtype=torch.float64).reshape(3, size, 2)
    for dim in (1, -2):
        got = associative_scan(torch.add, x, dim, reverse=reverse, combine_mode="generic")
        want = np.flip(np.flip(x.numpy(), 1).cumsum(1), 1) if reverse else x.numpy().cumsum(1)
        np.testing.assert_array_equal(got.numpy(), want)


def test_a_recurrence_of_two_tensors_and_its_gradient():
    # h[t] = a[t] h[t - 1] + b[t], as state-space models compute it
    torch.manual_seed(0)
    a, b = (torch.rand(2, 7, dtype=torch.float64, requires_grad=True) for _ in range(2))

    def fast():
        return associative_scan(lambda x, y: (x[0] * y[0], y[0] * x[1] + y[1]), (a, b), 1, combine_mode="generic")[1]

    def slow():
        h = [b[:, 0]]
        for t in range(1, 7):
            h.append(a[:, t] * h[-1] + b[:, t])
        return torch.stack(h, 1)

    torch.testing.assert_close(fast(), slow())
    for x, y in zip(torch.autograd.grad(fast().square().sum(), (a, b)), torch.autograd.grad(slow().square().sum(), (a, b))):
        torch.testing.assert_close(x, y)
    assert from_its_module is associative_scan


def test_trees():
    x = torch.arange(1.0, 5.0)
    out = associative_scan(lambda p, q: {"sum": p["sum"] + q["sum"], "product": p["product"] * q["product"]}, {"sum": x, "product": x}, 0,
                           combine_mode="generic")
    assert out["sum"].tolist() == [1, 3, 6, 10] and out["product"].tolist() == [1, 2, 6, 24]


@pytest.mark.parametrize("call, error, text", [
    (lambda x: associative_scan(torch.add, x, 0, combine_mode="other"), ValueError, "Combine_mode must either 'pointwise' or 'generic'"),
    (lambda x: associative_scan(3, x, 0, combine_mode="generic"), ValueError, "Combine_fn must be a callable"),
    (lambda x: associative_scan(torch.add, x, 5, combine_mode="generic"), IndexError, "Dimension out of range"),
    (lambda x: associative_scan(torch.add, x[:0], 0, combine_mode="generic"), ValueError, "scan dimension > 0"),
    (lambda x: associative_scan(lambda a, b: (a, b), x, 0, combine_mode="generic"), AssertionError, "must return a tree like xs"),
    (lambda x: scan(lambda c, y: (c, y), x[0], x[:0]), RuntimeError, "at least 1"),
    (lambda x: scan(lambda c, y: ((c, c), y), x[0], x), RuntimeError, "must return a carry like init"),
    (lambda x: map(torch.neg, x[:0]), RuntimeError, "must be consistent and positive"),
])
def test_mistakes(call, error, text):
    with pytest.raises(error, match=text):
        call(torch.ones(3, 2))


def test_loops():
    x = torch.arange(6.0).reshape(3, 2)
    last, seen = scan(lambda c, y: (c + y, {"before": c, "product": c * y}), torch.zeros(2), x)
    assert last.tolist() == [6, 9] and seen["before"].tolist() == [[0, 0], [0, 1], [2, 4]] and seen["product"][2].tolist() == [8, 20]
    last, seen = scan(lambda c, y: (c + y, c.clone()), torch.zeros(3), x, dim=1, reverse=True)
    assert last.tolist() == [1, 5, 9] and seen.tolist() == [[1, 3, 5], [0, 0, 0]]
    assert torch.equal(map(lambda row, y: row * y, x, 2), x * 2)
    assert cond(torch.tensor(True), torch.neg, torch.abs, (x,))[2, 1] == -5
    assert while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * 2), (torch.tensor(0), torch.tensor(1)))[1] == 8
