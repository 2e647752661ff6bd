"""Nested tensors of both layouts: what they compute is what their components give one by one."""
import copy
import io
import pickle

import numpy as np
import pytest

import kagari as torch

F = torch.nn.functional
LAYOUTS = [torch.strided, torch.jagged]


def parts():
    return [torch.arange(6.0).reshape(2, 3) / 3, torch.arange(12.0).reshape(4, 3) - 5]


def made(layout, **options):
    return torch.nested.nested_tensor(parts(), layout=layout, **options)


def check(nested, expected):
    got = nested.unbind()
    assert len(got) == len(expected)
    for one, other in zip(got, expected):
        assert one.shape == other.shape
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_construction(layout):
    nt = made(layout)
    check(nt, parts())
    assert nt.is_nested and nt.layout == layout and nt.dim() == 3 and nt.size(0) == 2 and nt.size(-1) == 3 and nt.numel() == 18 and nt.dtype == torch.float32
    assert isinstance(nt, torch.Tensor)
    check(torch.nested.nested_tensor([[1, 2], [3]], layout=layout), [torch.tensor([1, 2]), torch.tensor([3])])
    check(torch.nested.as_nested_tensor(torch.ones(2, 3, 4), layout=layout), [torch.ones(3, 4)] * 2)
    assert torch.nested.as_nested_tensor(nt, layout=layout) is nt
    with pytest.raises(TypeError, match="Only lists"):
        torch.nested.nested_tensor(3, layout=layout)
    with pytest.raises(RuntimeError, match="same dim"):
        torch.nested.nested_tensor([torch.ones(2), torch.ones(3, 2)], layout=layout)


def test_jagged_structure():
    nt = made(torch.jagged)
    assert nt.offsets().tolist() == [0, 2, 6] and nt.lengths() is None and nt.values().shape == (6, 3)
    assert str(nt.shape) == f"torch.Size([2, {nt.size(1)!r}, 3])" and nt.size(1) == (nt + 1).size(1) and nt.size(1) != made(torch.jagged).size(1)
    assert nt.size(1) != 4 and nt.size(1) > 1 and repr(2 * nt.size(1)).startswith("2*j")
    assert repr(nt) == f"NestedTensor(size=(2, {nt.size(1)!r}, 3), offsets=tensor([0, 2, 6]), contiguous=True)"
    over = torch.nested.nested_tensor_from_jagged(torch.arange(10.0), torch.tensor([0, 3, 5, 10]), torch.tensor([2, 1, 4]))
    check(over, [torch.tensor([0.0, 1.0]), torch.tensor([3.0]), torch.tensor([5.0, 6.0, 7.0, 8.0])])
    assert not over.is_contiguous() and over.contiguous().offsets().tolist() == [0, 2, 3, 7]
    check(torch.nested.nested_tensor_from_jagged(torch.arange(3), lengths=torch.tensor([1, 2])), [torch.tensor([0]), torch.tensor([1, 2])])
    wide = torch.nested.nested_tensor_from_jagged(torch.arange(6).reshape(2, 3), torch.tensor([0, 1, 3]), jagged_dim=2)
    check(wide, [torch.tensor([[0], [3]]), torch.tensor([[1, 2], [4, 5]])])
    with pytest.raises(RuntimeError, match="single ragged dimension"):
        torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(3, 2)], layout=torch.jagged)
    with pytest.raises(RuntimeError, match="empty tensor list"):
        torch.nested.nested_tensor([], layout=torch.jagged)
    with pytest.raises(RuntimeError, match="offsets or lengths"):
        torch.nested.nested_tensor_from_jagged(torch.ones(3))


def test_narrow_and_masked_select():
    x = torch.arange(30.0).reshape(3, 5, 2)
    got = torch.nested.narrow(x, 1, torch.tensor([0, 1, 2]), torch.tensor([1, 2, 3]), layout=torch.jagged)
    check(got, [x[0, :1], x[1, 1:3], x[2, 2:5]])
    check(torch.nested.narrow(x, 1, 1, 2), [row[1:3] for row in x])
    mask = torch.tensor([[True, False, True], [False, False, False]])
    check(torch.nested.masked_select(torch.arange(6.0).reshape(2, 3), mask), [torch.tensor([0.0, 2.0]), torch.tensor([])])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("function", [
    lambda x: x + 1, lambda x: 2 - x, lambda x: x * x, lambda x: -x, lambda x: x.exp(), torch.tanh, F.relu, F.gelu, lambda x: x ** 2, lambda x: x > 0,
    lambda x: x.double(), lambda x: x.to(torch.float64), lambda x: torch.where(x > 0, x, 0.0), lambda x: x.clamp(-1, 1), torch.zeros_like,
    lambda x: x.masked_fill(x > 0, 5), lambda x: F.softmax(x, -1), lambda x: F.log_softmax(x, -1), lambda x: F.linear(x, torch.ones(2, 3), torch.ones(2)),
    lambda x: F.layer_norm(x, (3,)), lambda x: F.rms_norm(x, (3,)), lambda x: x.unsqueeze(-1), lambda x: x.sum(-1), lambda x: x.unsqueeze(-1).squeeze(-1),
    lambda x: x.contiguous().clone(), lambda x: x.detach(),
], ids=str)
def test_functions_of_single_elements_and_last_dimensions(layout, function):
    check(function(made(layout)), [function(part) for part in parts()])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_functions_that_count_dimensions(layout):
    nt, plain = made(layout), parts()
    check(F.softmax(nt, 1), [F.softmax(part, 0) for part in plain])
    check(nt.transpose(1, 2), [part.t() for part in plain])
    check(torch.cat([nt, nt], -1), [torch.cat([part, part], -1) for part in plain])
    check(nt[..., 0], [part[:, 0] for part in plain])
    for got, start in zip(nt.chunk(3, -1), range(3)):
        check(got, [part[:, start:start + 1] for part in plain])
    assert torch.equal(nt[1], plain[1]) and torch.equal(nt[-2, 1], plain[0][1]) and len(nt) == 2 and len(list(nt)) == 2
    assert torch.equal(nt, made(layout)) and not torch.equal(nt, nt + 1)
    check(nt.reshape(2, -1, 1, 3), [part.reshape(-1, 1, 3) for part in plain])
    with pytest.raises(IndexError):
        nt[2]
    with pytest.raises(NotImplementedError, match="fft_fft|fft"):
        torch.fft.fft(nt)


def test_reductions_of_a_jagged_tensor():
    nt, plain = made(torch.jagged), parts()
    for name in ("sum", "mean", "amax", "amin", "prod"):
        along = getattr(nt, name)(1)
        torch.testing.assert_close(along, torch.stack([getattr(part, name)(0) for part in plain]))
        assert getattr(nt, name)(1, keepdim=True).shape == (2, 1, 3)
        torch.testing.assert_close(getattr(nt, name)(), getattr(torch.cat(plain), name)())
        check(getattr(nt, name)(-1, keepdim=True), [getattr(part, name)(-1, keepdim=True) for part in plain])
    values, indices = nt.max(1)
    assert torch.equal(indices, torch.stack([part.max(0).indices for part in plain])) and torch.equal(values, torch.stack([part.max(0).values for part in plain]))
    torch.testing.assert_close(nt.sum((0, 1)), torch.cat(plain).sum(0))
    with pytest.raises(RuntimeError, match="batch dimension"):
        nt.sum(0)


def test_ordinary_tensors_beside_a_jagged_one():
    nt, plain = made(torch.jagged), parts()
    row, each = torch.tensor([1.0, 2.0, 3.0]), torch.arange(6.0).reshape(2, 1, 3)
    check(nt * row, [part * row for part in plain])
    check(nt + each, [part + each[i] for i, part in enumerate(plain)])
    check(nt @ torch.ones(3, 2), [part @ torch.ones(3, 2) for part in plain])
    check(nt @ torch.ones(2, 3, 4), [part @ torch.ones(3, 4) for part in plain])
    torch.testing.assert_close(nt.transpose(1, 2) @ nt, torch.stack([part.t() @ part for part in plain]))
    strided = made(torch.strided)
    check(strided @ strided.transpose(1, 2), [part @ part.t() for part in plain])
    with pytest.raises(RuntimeError, match="cannot call binary pointwise function add"):
        nt + torch.ones(4, 3)
    with pytest.raises(RuntimeError, match="cannot call binary pointwise function"):
        nt + torch.nested.nested_tensor(plain[::-1], layout=torch.jagged)
    with pytest.raises(RuntimeError, match="does not support broadcasting"):
        strided + torch.nested.nested_tensor(plain[::-1])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("causal", [False, True])
def test_attention(layout, causal):
    heads = [torch.sin(torch.arange(16.0 * n)).reshape(n, 2, 8) for n in (2, 3)]
    q = torch.nested.nested_tensor(heads, layout=layout).transpose(1, 2)
    expected = [F.scaled_dot_product_attention(*[h.transpose(0, 1)] * 3, is_causal=causal) for h in heads]
    check(F.scaled_dot_product_attention(q, q, q, is_causal=causal), expected)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_padding(layout):
    nt = made(layout)
    padded = torch.nested.to_padded_tensor(nt, 9.0)
    assert padded.shape == (2, 4, 3) and torch.equal(padded[0, :2], parts()[0]) and (padded[0, 2:] == 9).all()
    assert nt.to_padded_tensor(0.0, (2, 5, 3)).shape == (2, 5, 3)
    with pytest.raises(RuntimeError, match="expected a nested tensor"):
        torch.nested.to_padded_tensor(torch.ones(2), 0.0)
    mask = torch.tensor([[True, True, False], [True, False, False]])
    check(torch._nested_tensor_from_mask(torch.ones(2, 3, 4), mask), [torch.ones(2, 4), torch.ones(1, 4)])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_gradients(layout):
    nt = made(layout, requires_grad=True)
    assert nt.requires_grad and nt.is_leaf and nt.grad is None
    y = nt * nt
    assert y.requires_grad and not y.is_leaf and y.grad_fn is not None
    y.backward(torch.ones_like(y))
    check(nt.grad, [2 * part for part in parts()])
    leaves = [part.requires_grad_() for part in parts()]
    F.linear(torch.nested.as_nested_tensor(leaves, layout=layout), torch.ones(2, 3)).to_padded_tensor(0.0).sum().backward()
    assert all((leaf.grad == 2).all() for leaf in leaves)
    (got,) = torch.autograd.grad((nt.sin()).to_padded_tensor(0.0).sum(), nt)
    check(got, [part.cos() for part in parts()])


def test_layers():
    nt = made(torch.jagged)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.LayerNorm(4))
    check(model(nt), [model(part) for part in parts()])
    indices = torch.nested.nested_tensor([torch.tensor([0, 1]), torch.tensor([1])], layout=torch.jagged)
    table = torch.nn.Embedding(2, 3)
    check(table(indices), [table(part) for part in indices.unbind()])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_copies(layout):
    nt = made(layout, requires_grad=True)
    for other in (copy.deepcopy(nt), pickle.loads(pickle.dumps(nt))):
        check(other.detach(), parts())
        assert other.requires_grad and other.is_leaf and other.layout == layout
    buffer = io.BytesIO()
    torch.save(nt.detach(), buffer)
    buffer.seek(0)
    check(torch.load(buffer), parts())
    target = torch.zeros_like(made(layout))
    target.copy_(nt.detach()).add_(1)
    check(target, [part + 1 for part in parts()])


def test_text_of_the_strided_layout():
    assert repr(torch.nested.nested_tensor([torch.tensor([1, 2]), torch.tensor([3])])) == "nested_tensor([\n  tensor([1, 2]),\n  tensor([3])\n])"
    with pytest.raises(RuntimeError, match="irregular"):
        made(torch.strided).size(1)
    np.testing.assert_array_equal(made(torch.strided).values().numpy(), torch.cat([part.reshape(-1) for part in parts()]).numpy())


def test_multi_head_attention_of_a_batch():
    torch.manual_seed(0)
    packed, out = torch.nn.Linear(8, 24), torch.nn.Linear(8, 8)

    def attend(x):
        q, k, v = (t.unflatten(-1, (2, 4)).transpose(-3, -2) for t in packed(x).chunk(3, dim=-1))
        return out(F.scaled_dot_product_attention(q, k, v).transpose(-3, -2).flatten(-2))
    sentences = [torch.randn(n, 8, requires_grad=True) for n in (3, 5, 1)]
    got = attend(torch.nested.as_nested_tensor(sentences, layout=torch.jagged))
    for one, expected in zip(got.unbind(), map(attend, sentences)):
        torch.testing.assert_close(one, expected)
    got.sum().backward()
    gradients = [s.grad.clone() for s in sentences]
    for s, g in zip(sentences, gradients):
        s.grad = None
        attend(s).sum().backward()
        torch.testing.assert_close(s.grad, g)
