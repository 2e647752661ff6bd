"""__torch_dispatch__: modes, wrapper classes, subclasses, and the operators they see."""
import copy

import pytest

import kagari as torch
import kagari.nn.functional as F
from kagari.utils._python_dispatch import (TorchDispatchMode, _disable_current_modes, _get_current_dispatch_mode, is_in_torch_dispatch_mode,
                                           is_traceable_wrapper_subclass, return_and_correct_aliasing, transform_subclass)
from kagari.utils._pytree import tree_map

aten = torch.ops.aten


class Log(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.seen.append(str(func))
        return func(*args, **(kwargs or {}))


class Pair(torch.Tensor):
    """Two tensors that go through everything together."""

    @staticmethod
    def __new__(cls, a, b):
        return torch.Tensor._make_wrapper_subclass(cls, a.size(), strides=a.stride(), dtype=a.dtype, device=a.device, requires_grad=a.requires_grad)

    def __init__(self, a, b):
        self.a, self.b = a, b

    def __repr__(self):
        return f"Pair({self.a}, {self.b})"

    def __tensor_flatten__(self):
        return ["a", "b"], None

    @staticmethod
    def __tensor_unflatten__(inner, context, size, stride):
        return Pair(inner["a"], inner["b"])

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        def run(which):
            inner_args, inner_kwargs = tree_map(lambda x: getattr(x, which) if isinstance(x, Pair) else x, (args, kwargs or {}))
            return func(*inner_args, **inner_kwargs)
        out = tree_map(lambda a, b: Pair(a, b) if isinstance(a, torch.Tensor) else a, run("a"), run("b"))
        return return_and_correct_aliasing(func, args, kwargs, out)


@pytest.fixture
def pair():
    return Pair(torch.ones(2, 3), torch.zeros(2, 3))


def test_mode_sees_forward_and_backward():
    layer = torch.nn.Linear(3, 2)
    with Log() as log:
        layer(torch.ones(1, 3)).sum().backward()
    assert log.seen[:4] == ["aten.ones.default", "aten.t.default", "aten.addmm.default", "aten.sum.default"]
    assert "aten.mm.default" in log.seen[4:]
    assert layer.weight.grad.tolist() == [[1, 1, 1]] * 2 and _get_current_dispatch_mode() is None


@pytest.mark.parametrize("call, expected", [
    (lambda x: x + 1, "add.Tensor"), (lambda x: x > 0, "gt.Scalar"), (lambda x: x > x, "gt.Tensor"), (lambda x: x ** 2, "pow.Tensor_Scalar"), (lambda x: x.sum(), "sum.default"),
    (lambda x: x.sum(0), "sum.dim_IntList"), (lambda x: x.mean(1), "mean.dim"), (lambda x: x.max(0), "max.dim"), (lambda x: x.add_(1), "add_.Tensor"),
    (lambda x: torch.div(x, x, rounding_mode="floor"), "div.Tensor_mode"), (lambda x: x[0], "select.int"), (lambda x: x[:, 1:], "slice.Tensor"), (lambda x: x[:, None], "unsqueeze.default"),
    (lambda x: x.t(), "t.default"), (lambda x: x.transpose(0, 1), "transpose.int"), (lambda x: x.view(-1), "view.default"), (lambda x: x.split(1), "split.Tensor"),
    (lambda x: x.detach(), "detach.default"), (lambda x: x.clone(), "clone.default"), (lambda x: x.to(torch.float64), "_to_copy.default"), (lambda x: torch.cat([x, x]), "cat.default"),
    (lambda x: torch.add(x, x, out=torch.empty(2, 2)), "add.Tensor"), (lambda x: x.copy_(x + 0), "copy_.default"), (lambda x: x.masked_fill(x > 0, 1.0), "masked_fill.Scalar"),
    (lambda x: x.sum().item(), "_local_scalar_dense.default"), (lambda x: torch.tensor([1.0]), "lift_fresh.default"), (lambda x: x[torch.tensor([0])], "index.Tensor"),
])
def test_names(call, expected):
    x = torch.ones(2, 2)
    with Log() as log:
        call(x)
    assert f"aten.{expected}" in log.seen


def test_mode_may_change_results():
    class Double(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            return result * 2 if func is aten.mul.Tensor else result

    w = torch.ones(2, requires_grad=True)
    with Double():
        assert is_in_torch_dispatch_mode()
        y = (w * 3).sum()
        with Double():
            assert (torch.ones(1) * 3).item() == 12 * 2     # the outer mode doubles the inner mode's product, too
        with _disable_current_modes():
            assert (torch.ones(1) * 3).item() == 3
    y.backward()
    assert y.item() == 12 and w.grad.tolist() == [3, 3]


def test_arguments_without_defaults():
    seen = []

    class Arguments(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            seen.append((str(func), args[1:], kwargs))
            return func(*args, **(kwargs or {}))
    x = torch.ones(2, 3)
    with Arguments():
        x.sum(1)
        x.sum(1, keepdim=True)
        torch.add(x, 1, alpha=2)
        x.sum(1, dtype=torch.float64)
    assert seen == [("aten.sum.dim_IntList", ([1],), {}), ("aten.sum.dim_IntList", ([1], True), {}), ("aten.add.Tensor", (1,), {"alpha": 2}),
                    ("aten.sum.dim_IntList", ([1],), {"dtype": torch.float64})]


def test_wrapper(pair):
    assert type(pair) is Pair and pair.shape == (2, 3) and pair.dtype == torch.float32 and is_traceable_wrapper_subclass(pair)
    for call in (lambda x: x + 1, lambda x: x @ torch.ones(3, 2), lambda x: F.linear(x, torch.ones(4, 3), torch.ones(4)), lambda x: x.view(3, 2), lambda x: x[0], lambda x: x.T,
                 lambda x: torch.cat([x, x]), lambda x: x.split(1)[1], lambda x: x.max(0).values, lambda x: x.to(torch.float64), lambda x: x.expand(4, 2, 3), lambda x: F.softmax(x, 0),
                 lambda x: x.data, lambda x: x.detach(), lambda x: list(x)[0], lambda x: torch.zeros_like(x)):
        got = call(pair)
        assert type(got) is Pair and torch.equal(got.a, call(pair.a)) and torch.equal(got.b, call(pair.b)) and got.shape == got.a.shape
    assert pair.add_(1) is pair and pair.a.tolist() == [[2, 2, 2]] * 2
    pair[0] = 7.0
    assert pair.a[0].tolist() == [7, 7, 7] and pair.b[1].tolist() == [1, 1, 1]
    assert repr(copy.deepcopy(pair)) == repr(pair)
    assert transform_subclass(pair, lambda name, inner: inner * 0).a.sum() == 0


def test_wrapper_and_autograd():
    x = Pair(torch.full((3,), 2.0), torch.full((3,), 5.0)).requires_grad_()
    y = (x * x).sum()
    assert type(y) is Pair and y.requires_grad
    y.backward()
    assert type(x.grad) is Pair and x.grad.a.tolist() == [4, 4, 4] and x.grad.b.tolist() == [10, 10, 10]
    layer = torch.nn.Linear(3, 2)
    layer.weight = torch.nn.Parameter(Pair(torch.ones(2, 3), torch.zeros(2, 3)))
    assert isinstance(layer.weight, torch.nn.Parameter) and type(layer.weight) is Pair
    torch.tanh(layer(torch.ones(1, 3))).sum().backward()
    assert type(layer.weight.grad) is Pair
    before = layer.weight.a.clone()
    torch.optim.SGD([layer.weight], lr=0.1).step()
    assert torch.allclose(layer.weight.a, before - 0.1 * layer.weight.grad.a)


def test_compositions_that_read_elements_go_to_the_wrapper(pair):
    x = Pair(torch.arange(6.0).reshape(2, 3), torch.zeros(2, 3))
    at = torch.tensor([0, 4])
    for call in (lambda x: x.take(at), lambda x: F.rms_norm(x, (3,)), lambda x: x.index_reduce(0, torch.tensor([0, 1]), x, "amax"), lambda x: x.put(at, torch.ones(2)),
                 lambda x: torch.repeat_interleave(x, torch.tensor([1, 2]), 0), lambda x: torch.linalg.inv(x[:, :2] + 3 * torch.eye(2))):
        got = call(x)
        assert type(got) is Pair and torch.allclose(got.a, call(x.a)) and torch.allclose(got.b, call(x.b))
    assert torch.allclose(Pair(x.a, x.a), x.a)
    y = Pair(torch.arange(6.0), torch.zeros(6)).requires_grad_()
    y[at].sum().backward()
    assert y.grad.a.tolist() == [1, 0, 0, 0, 1, 0]
    with pytest.raises(NotImplementedError, match="require a gradient"):
        y.take(at)


def test_wrapper_has_no_bytes(pair):
    with pytest.raises(RuntimeError, match="not supported for tensor subclasses"):
        pair.numpy()
    with torch._C._DisableTorchDispatch():
        with pytest.raises(RuntimeError, match="doesn't have storage"):
            pair + 1
    with pytest.raises(RuntimeError, match="doesn't have storage"):
        pair.tolist()
    assert pair.data_ptr() == 0


def test_subclass_with_bytes():
    seen = []

    class Watched(torch.Tensor):
        @classmethod
        def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
            seen.append((func, types))
            return super().__torch_dispatch__(func, types, args, kwargs or {})

    x = torch.Tensor._make_subclass(Watched, torch.ones(2))
    y = x + 1
    assert type(y) is torch.Tensor and y.tolist() == [2, 2] and seen == [(aten.add.Tensor, (Watched,))]
    assert type(torch.ones(2).as_subclass(Watched)) is Watched


def test_bad_handlers():
    class Declines(torch.Tensor):
        @classmethod
        def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
            return NotImplemented

    class Five(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            return 5

    with pytest.raises(TypeError):
        torch.neg(torch.Tensor._make_subclass(Declines, torch.ones(2)))
    with Five(), pytest.raises(RuntimeError, match="Unable to cast"):
        torch.ones(2)
    with pytest.raises(ValueError), Log():
        raise ValueError
    assert _get_current_dispatch_mode() is None
    with pytest.raises(TypeError, match="cls must be a type"):
        torch.Tensor._make_wrapper_subclass(int, (2,))


def test_function_modes_see_reflected_operators():
    seen = []

    class Names(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            seen.append(func.__name__)
            return func(*args, **(kwargs or {}))
    x = torch.full((1,), 2.0)
    with Names():
        results = [1 - x, 1 / x, 3 ** x, 1 + x, x - 1]
    assert seen == ["__rsub__", "__rtruediv__", "__rpow__", "__radd__", "sub"] and [r.item() for r in results] == [-1, 0.5, 9, 3, 1]


def test_views_share_and_modes_nest_with_autocast():
    x = torch.ones(2, 2)
    with Log() as log, torch.autocast("cpu"):
        y = x @ x
    assert y.dtype == torch.bfloat16 and log.seen == ["aten._to_copy.default", "aten._to_copy.default", "aten.mm.default"]
    with torch.autocast("cpu"), Log() as log:
        assert (x @ x).dtype == torch.bfloat16
    assert log.seen[-1] == "aten.mm.default"
    with Log():
        v = x.view(4)
        v.add_(1)
    assert x.sum() == 8 and v._base is x


def test_meta_and_cpu_do_not_mix():
    cpu, meta = torch.ones(2), torch.ones(2, device="meta")
    for call in (lambda: cpu + meta, lambda: meta + cpu, lambda: cpu + torch.ones((), device="meta"), lambda: cpu.add_(meta), lambda: F.linear(cpu, torch.ones(2, 2, device="meta")),
                 lambda: F.layer_norm(cpu, (2,), meta, meta), lambda: cpu[torch.tensor([0], device="meta")], lambda: torch.mm(cpu[None], meta[:, None])):
        with pytest.raises(RuntimeError, match="device"):
            call()
    assert (meta + torch.tensor(1.0)).device.type == (2 * meta).device.type == "meta"


def test_sparse_products_of_wrappers_without_memory():
    class Wrapper(torch.Tensor):
        @staticmethod
        def __new__(cls, inner):
            return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype, device=inner.device, layout=inner.layout)

        def __init__(self, inner):
            self.inner = inner

        @classmethod
        def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
            seen.append(func.__name__)
            return func(*[a.inner if isinstance(a, Wrapper) else a for a in args], **(kwargs or {}))
    seen, matrix, ones = [], torch.tensor([[1.0, 0.0], [0.0, 2.0]]).to_sparse_csr(), torch.ones(2, 2)
    assert torch.sparse.sampled_addmm(Wrapper(matrix), ones, ones).to_dense().tolist() == [[3, 0], [0, 4]]
    assert torch.sparse.mm(Wrapper(matrix), ones, "amax").tolist() == [[1, 1], [2, 2]]
    assert len(seen) == 2 and "sampled_addmm" in seen[0]
