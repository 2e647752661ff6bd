"""torch.ops, torch.library and fake tensors."""
import copy
import pickle
from typing import List, Optional, Sequence, Tuple

import pytest

import kagari as torch
from kagari._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException, FakeTensor, FakeTensorMode, is_fake
from kagari.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
Library, custom_op = torch.library.Library, torch.library.custom_op


@pytest.fixture
def lib():
    with torch.library._scoped_library("kagari_test", "FRAGMENT") as library:
        yield library


def test_operator_objects():
    add = aten.add.Tensor
    assert add is aten.add.Tensor and aten.add is aten.add and add.overloadpacket is aten.add and add.namespace == "aten"
    assert add.name() == "aten::add.Tensor" and str(add) == "aten.add.Tensor" and add.__name__ == "add.Tensor" and str(aten.mm.default) == "aten.mm.default"
    assert str(add._schema) == "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor"
    assert str(aten.add_.Tensor._schema).startswith("aten::add_.Tensor(Tensor(a!) self") and aten.add_.Tensor._schema.is_mutable
    assert aten.view.default.is_view and not add.is_view
    assert {"default", "dim_IntList"} <= set(aten.sum.overloads()) and {"Tensor", "Scalar"} <= set(aten.mul.overloads())
    assert [a.name for a in aten.sum.dim_IntList._schema.arguments] == ["self", "dim", "keepdim", "dtype"]
    x = torch.ones(2, 2)
    assert add(x, 1, alpha=2).sum() == 12 and aten.mm(x, x).sum() == 8 and aten.add_(x, 1) is x and aten.add.out(x, x, out=torch.empty(2, 2)).sum() == 16
    assert copy.deepcopy(add) is add and pickle.loads(pickle.dumps(add)) is add and pickle.loads(pickle.dumps(aten.mm)) is aten.mm
    assert isinstance(add, torch._ops.OpOverload) and isinstance(aten.add, torch._ops.OpOverloadPacket)
    with pytest.raises(AttributeError, match="'_OpNamespace' 'aten' object has no attribute 'nothing_like_it'"):
        aten.nothing_like_it
    with pytest.raises(AttributeError, match="no overload name 'nope'"):
        aten.add.nope
    with pytest.raises(OSError, match="cannot load operators"):
        torch.ops.load_library("/tmp/some.so")


def test_library(lib):
    assert lib.define("scaled(Tensor x, int n=1) -> Tensor") == "scaled"
    op = torch.ops.kagari_test.scaled
    with pytest.raises(NotImplementedError, match="Could not run 'kagari_test::scaled' with arguments from the 'CPU' backend"):
        op(torch.ones(2))
    lib.impl("scaled", lambda x, n=1: x * n, "CPU")
    assert op(torch.ones(2), 3).tolist() == [3, 3] and op.default(torch.ones(2), n=2).tolist() == [2, 2]
    assert op(torch.ones(2, requires_grad=True), 3).requires_grad
    with pytest.raises(NotImplementedError, match="no fake impl or Meta kernel"):
        op(torch.ones(2, device="meta"))
    lib.impl("scaled", lambda x, n=1: torch.empty_like(x), "Meta")
    assert op(torch.ones(2, device="meta")).device.type == "meta"
    with pytest.raises(RuntimeError, match="same name and overload name multiple times"):
        lib.define("scaled(Tensor x, int n=1) -> Tensor")
    for bad, message in ((((3,), {}), "Expected a value of type 'Tensor'"), (((), {}), "missing value for argument 'x'"), (((torch.ones(1), 1, 2), {}), "at most 2 argument"),
                         (((torch.ones(1),), {"m": 1}), "Unknown keyword argument 'm'"), (((torch.ones(1), "a"), {}), "Expected a value of type 'int'")):
        with pytest.raises(RuntimeError, match=message):
            op(*bad[0], **bad[1])
    lib.define("composed(Tensor x) -> Tensor")
    lib.impl("composed", lambda x: x * 2, "CompositeImplicitAutograd")
    assert torch.ops.kagari_test.composed(torch.ones(1, requires_grad=True)).grad_fn.name() == "MulBackward0"
    with pytest.raises(NotImplementedError, match="cannot be replaced"):
        Library("aten", "IMPL").impl("mm", lambda a, b: a, "CPU")
    with pytest.raises(ValueError, match="Unsupported kind"):
        Library("x", "NEW")


def test_custom_op():
    @custom_op("kagari_test::scaled_sin", mutates_args=())
    def scaled_sin(x: torch.Tensor, k: float = 2.0) -> torch.Tensor:
        return torch.from_numpy(__import__("numpy").sin(x.numpy()) * k).to(x.dtype)

    x = torch.linspace(-1, 1, 4, dtype=torch.float64).requires_grad_()
    with pytest.raises(RuntimeError, match="no autograd formula was registered"):
        scaled_sin(x).sum().backward()
    with pytest.raises(RuntimeError, match="no fake impl registered"):
        scaled_sin(torch.ones(2, device="meta"))
    scaled_sin.register_fake(lambda x, k=2.0: torch.empty_like(x))

    def setup(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])
        ctx.k = inputs[1]

    def backward(ctx, g):
        assert ctx.needs_input_grad == (True,)
        return g * ctx.saved_tensors[0].cos() * ctx.k, None
    scaled_sin.register_autograd(backward, setup_context=setup)
    assert torch.autograd.gradcheck(scaled_sin, (x,))
    assert scaled_sin(torch.ones(2, 3, device="meta")).shape == (2, 3)
    assert torch.ops.kagari_test.scaled_sin.default(x.detach(), 1.0).equal(x.detach().sin())
    assert torch.library.opcheck(scaled_sin, (x,)) == {"test_schema": "SUCCESS", "test_autograd_registration": "SUCCESS", "test_faketensor": "SUCCESS"}

    class Net(torch.nn.Module):
        def forward(self, x):
            return scaled_sin(x).sum()
    Net()(x).backward()
    assert torch.allclose(x.grad, 2 * x.detach().cos())
    seen = []

    class Log(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            seen.append((str(func), len(args)))
            return func(*args, **(kwargs or {}))
    with Log():
        scaled_sin(x)
    assert seen[0] == ("kagari_test.scaled_sin.default", 1)
    scaled_sin.register_autocast("cpu", torch.float32)
    with torch.autocast("cpu"):
        assert scaled_sin(torch.ones(1).bfloat16()).dtype == torch.float32
    with torch.profiler.profile() as p:
        scaled_sin(x)
    assert "kagari_test::scaled_sin" in {e.key for e in p.key_averages()}


def test_custom_op_that_writes_and_lists():
    @custom_op("kagari_test::add_in_place", mutates_args={"x"})
    def add_in_place(x: torch.Tensor, v: float) -> None:
        x.add_(v)

    @custom_op("kagari_test::both", mutates_args=())
    def both(xs: List[torch.Tensor], k: int) -> Tuple[torch.Tensor, torch.Tensor]:
        return xs[0] * k, xs[1] * k

    x = torch.zeros(2)
    assert add_in_place(x, 1.0) is None and x.tolist() == [1, 1] and x._version > 0
    with pytest.raises(RuntimeError, match="non-functional operator"):
        add_in_place.register_autograd(lambda ctx, g: g)
    both.register_autograd(lambda ctx, a, b: ([a * 3, b * 3], None))
    xs = [torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)]
    a, b = both(xs, 3)
    (a + 2 * b).backward()
    assert xs[0].grad.item() == 3 and xs[1].grad.item() == 6

    same = custom_op("kagari_test::same", lambda x: x, mutates_args=(), schema="(Tensor x) -> Tensor")
    with pytest.raises(RuntimeError, match="must not also be an input"):
        same(torch.ones(1))


def test_infer_schema():
    def f(a: torch.Tensor, b: Optional[torch.Tensor], c: List[torch.Tensor], d: Sequence[int], e: int = 3, *, g: torch.dtype = torch.float32, h: Optional[float] = None,
          s: str = "x") -> Tuple[torch.Tensor, List[torch.Tensor]]: ...
    assert torch.library.infer_schema(f, mutates_args={"a"}) == ('(Tensor(a0!) a, Tensor? b, Tensor[] c, SymInt[] d, SymInt e=3, *, ScalarType g=float32, float? h=None, '
                                                                 'str s="x") -> (Tensor, Tensor[])')
    with pytest.raises(ValueError, match="Parameter x must have a type annotation"):
        torch.library.infer_schema(lambda x: x, mutates_args=())


def test_define_and_impl_by_name():
    torch.library.define("kagari_test::two", "(Tensor x) -> (Tensor, Tensor)")

    @torch.library.impl("kagari_test::two", "cpu")
    def two(x):
        return x + 1, x + 2
    torch.library.register_fake("kagari_test::two", lambda x: (torch.empty_like(x), torch.empty_like(x)))
    assert [t.item() for t in torch.ops.kagari_test.two(torch.zeros(1))] == [1, 2]
    with FakeTensorMode() as mode:
        assert all(is_fake(t) for t in torch.ops.kagari_test.two(mode.from_tensor(torch.ones(3))))


def test_fake_tensors():
    with FakeTensorMode() as mode:
        x = torch.ones(2, 3)
        assert type(x) is FakeTensor and x.device.type == "cpu" and repr(x) == "FakeTensor(..., size=(2, 3))"
        layer = torch.nn.Linear(3, 4)
        y = layer(x).relu().sum()
        y.backward()
        assert layer.weight.grad.shape == (4, 3) and is_fake(layer.weight.grad)
        assert torch.nn.Conv2d(3, 4, 3)(torch.rand(1, 3, 8, 8)).shape == (1, 4, 6, 6) and is_fake(torch.tensor([1, 2]))
        with pytest.raises(DataDependentOutputException):
            x.sum().item()
        with pytest.raises(DynamicOutputShapeException):
            x.nonzero()
    real = torch.ones(3)
    fake = mode.from_tensor(real)
    assert (fake + 1).shape == (3,) and mode.from_tensor(real) is fake and fake.fake_mode is mode
    with pytest.raises(AssertionError, match="convert all Tensors to FakeTensors"):
        fake + real
    other = FakeTensorMode(allow_non_fake_inputs=True)
    assert is_fake(other.from_tensor(torch.ones(3)) + real)
