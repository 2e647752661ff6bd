"""autograd.Function: what PyTorch 2.13 does with every kind of input, output and mark."""
import gc
import weakref

import pytest

import kagari as torch
from kagari.autograd import Function
from kagari.autograd.function import once_differentiable


class Times(Function):
    @staticmethod
    def forward(ctx, x, factor=2):
        ctx.save_for_backward(x)
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        assert ctx.needs_input_grad[0] and x.shape == grad.shape
        return grad * ctx.factor, None


class Square(Function):
    @staticmethod
    def forward(x):
        return x * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        return 2 * grad * ctx.saved_tensors[0]


def leaf(*values):
    return torch.tensor(values, requires_grad=True)


def test_forward_and_backward():
    x = leaf(1.0, 2.0)
    y = Times.apply(x, 3)
    assert y.requires_grad and type(y.grad_fn).__name__ == "TimesBackward" and y.grad_fn.name() == "TimesBackward"
    assert repr(y).endswith("grad_fn=<TimesBackward>)")
    assert y.grad_fn.factor == 3 and y.grad_fn.saved_tensors[0] is x and y.grad_fn.needs_input_grad == (True, False)
    assert y.grad_fn.next_functions[0][0].name() == "AccumulateGrad" and isinstance(y.grad_fn, torch.autograd.graph.Node)
    y.sum().backward()
    assert x.grad.tolist() == [3, 3]


def test_setup_context_keywords_and_double_backward():
    x = leaf(3.0)
    (g,) = torch.autograd.grad(Square.apply(x=x), x, create_graph=True)
    assert g.item() == 6 and g.requires_grad
    (gg,) = torch.autograd.grad(g, x)
    assert gg.item() == 2


def test_nothing_is_recorded_without_need():
    assert Times.apply(torch.ones(2)).grad_fn is None
    with torch.no_grad():
        assert not Times.apply(leaf(1.0)).requires_grad


def test_other_outputs_pass_through():
    seen = []

    class Mixed(Function):
        @staticmethod
        def forward(ctx, x):
            index = x.argmax()
            ctx.mark_non_differentiable(index)
            return x * 1, index, 5, None

        @staticmethod
        def backward(ctx, *grads):
            seen.append([None if g is None else g.tolist() for g in grads])
            return grads[0]

    x = leaf(1.0, 2.0)
    y, index, five, none = Mixed.apply(x)
    assert y.requires_grad and not index.requires_grad and five == 5 and none is None
    y.sum().backward()
    assert seen == [[[1, 1], 0, None, None]]


@pytest.mark.parametrize("materialize, second", [(True, [0.0]), (False, None)])
def test_materialized_gradients(materialize, second):
    seen = []

    class Two(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(materialize)
            return x * 1, x * 2

        @staticmethod
        def backward(ctx, a, b):
            seen.append(None if b is None else b.tolist())
            return a

    Two.apply(leaf(1.0))[0].sum().backward()
    assert seen == [second]


def test_dirty_inputs():
    class Double(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            x.mul_(2)
            return x

        @staticmethod
        def backward(ctx, grad):
            return grad * 2

    x = leaf(1.0)
    y = x.clone()
    z = Double.apply(y)
    assert z is y and y._version == 2 and y.grad_fn.name() == "DoubleBackward"
    z.sum().backward()
    assert x.grad.tolist() == [2]
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        Double.apply(leaf(1.0))


def test_input_returned_as_output():
    class Same(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, grad):
            return grad * 5

    x = leaf(1.0)
    y = Same.apply(x)
    assert y is not x and y.data_ptr() == x.data_ptr() and x.is_leaf
    y.sum().backward()
    assert x.grad.tolist() == [5]


def test_saved_output_makes_no_cycle():
    class Exp(Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, grad):
            return grad * ctx.saved_tensors[0]

    x = leaf(0.5)
    (g,) = torch.autograd.grad(Exp.apply(x), x, create_graph=True)
    (gg,) = torch.autograd.grad(g, x)
    assert torch.allclose(gg, x.exp())
    gc.collect()
    gc.disable()
    try:
        class Witness:
            pass

        class Marked(Exp):
            @staticmethod
            def forward(ctx, x):
                ctx.witness = Marked.witness
                return Exp.forward(ctx, x)
        Marked.witness = Witness()
        alive = weakref.ref(Marked.witness)
        y = Marked.apply(x)
        del Marked.witness
        assert alive() is not None
        del y
        assert alive() is None                     # freed at once, without the garbage collector
    finally:
        gc.enable()


def test_grad_fn_that_outlives_its_tensor():
    x = leaf(1.0)
    node = Times.apply(x, 2).grad_fn
    assert node.next_functions[0][0].variable is x and node.name() == "TimesBackward"
    del node
    gc.collect()


def test_freed_after_backward():
    x = leaf(1.0)
    y = Times.apply(x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()


def test_once_differentiable():
    class Cube(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x ** 3

        @staticmethod
        @once_differentiable
        def backward(ctx, grad):
            assert not torch.is_grad_enabled()
            return grad * 3 * ctx.saved_tensors[0] ** 2

    x = leaf(2.0)
    (g,) = torch.autograd.grad(Cube.apply(x), x, create_graph=True)
    assert g.item() == 12 and not g.requires_grad
    weight = leaf(1.0)
    (g,) = torch.autograd.grad(Cube.apply(x) * weight, x, create_graph=True)
    with pytest.raises(RuntimeError, match="trying to differentiate twice a function that was marked with @once_differentiable"):
        g.sum().backward()


def test_vjp_is_another_name_for_backward():
    class F(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def vjp(ctx, grad):
            return grad * 7
    x = leaf(1.0)
    assert torch.autograd.grad(F.apply(x), x)[0].item() == 7


def function(forward, backward):
    return type("F", (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})


def plain(ctx, x, *rest):
    return x * 1


MISTAKES = [
    (lambda: type("F", (Function,), {"forward": staticmethod(plain)}).apply(leaf(1.0)).sum().backward(), NotImplementedError, "You must implement either the backward"),
    (lambda: Function.apply(leaf(1.0)), NotImplementedError, "You must implement the forward function"),
    (lambda: function(plain, lambda ctx, g: g).apply(leaf(1.0), leaf(1.0)).sum().backward(), RuntimeError, r"incorrect number of gradients \(expected 2, got 1\)"),
    (lambda: function(plain, lambda ctx, g: (g, None, g)).apply(leaf(1.0), leaf(1.0)).sum().backward(), RuntimeError, r"incorrect number of gradients \(expected 2, got 3\)"),
    (lambda: function(plain, lambda ctx, g: torch.ones(5)).apply(leaf(1.0, 2.0)).sum().backward(), RuntimeError, "returned an invalid gradient at index 0"),
    (lambda: function(plain, lambda ctx, g: "a").apply(leaf(1.0)).sum().backward(), RuntimeError, r"expected Variable or None \(got str\)"),
    (lambda: function(plain, lambda ctx, g: (g, g)).apply(leaf(1.0), 3).sum().backward(), RuntimeError, "gradient different from None at position 2"),
    (lambda: function(lambda ctx, x: ctx.save_for_backward(5) or x, None).apply(leaf(1.0)), TypeError, "save_for_backward can only save variables, but argument 0 is of type int"),
    (lambda: function(lambda ctx, x: ctx.mark_dirty(x) or x * 1, None).apply(leaf(1.0) * 1), RuntimeError, "Some elements marked as dirty"),
    (lambda: Times()(leaf(1.0)), RuntimeError, "Legacy autograd function with non-static forward method is deprecated"),
    (lambda: function(lambda ctx, x: 1 / 0, None).apply(leaf(1.0)), ZeroDivisionError, "division by zero"),
    (lambda: function(plain, lambda ctx, g: 1 / 0).apply(leaf(1.0)).sum().backward(), ZeroDivisionError, "division by zero"),
]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("number", range(len(MISTAKES)))
def test_mistakes(number):
    call, error, text = MISTAKES[number]
    with pytest.raises(error, match=text):
        call()


def test_in_a_chain_and_under_gradcheck():
    x = torch.tensor([0.3, -1.2, 2.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: Square.apply(Times.apply(t, 3)).sin(), (x,))
    assert torch.autograd.gradgradcheck(lambda t: Square.apply(Times.apply(t, 3)), (x,))


def test_hooks_on_the_node():
    x, seen = leaf(1.0), []
    y = Times.apply(x)
    y.grad_fn.register_hook(lambda given, got: seen.append(("after", got[0].item())))
    y.grad_fn.register_prehook(lambda got: seen.append(("before", got[0].item())))
    y.backward()
    assert seen == [("before", 1.0), ("after", 1.0)]
