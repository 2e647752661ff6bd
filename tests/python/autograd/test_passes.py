"""backward(), grad(), hooks on the graph, saved-tensor hooks."""
import pytest

import kagari as torch
from kagari.autograd import graph


def leaf(*values):
    return torch.tensor(values, requires_grad=True)


def test_backward_accumulates():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    (x * 3).backward(torch.tensor([1.0, 10.0]))
    assert x.grad.tolist() == [5, 34]
    a, b = leaf(1.0), leaf(2.0)
    torch.autograd.backward([a * b, a * 2], [torch.ones(1), torch.ones(1)])
    assert a.grad.item() == 4 and b.grad.item() == 1


def test_backward_into_chosen_inputs():
    a, b = leaf(1.0), leaf(2.0)
    (a * b).backward(inputs=[b])
    assert a.grad is None and b.grad.item() == 1


def test_grad():
    a, b = leaf(3.0), leaf(2.0)
    assert [g.item() for g in torch.autograd.grad(a * a * b, (a, b))] == [12, 9]
    assert torch.autograd.grad(a * 2, [a, b], allow_unused=True)[1] is None
    assert torch.autograd.grad(a * 2, [a, b], materialize_grads=True)[1].tolist() == [0]
    assert torch.autograd.grad(a * b, {"a": a, "b": b})["b"].item() == 3
    edge = graph.get_gradient_edge(a)
    assert torch.autograd.grad(a * b, edge)[0].item() == 2


def test_a_second_pass_through_what_saved_nothing():
    x = leaf(1.0, 2.0)
    parts = torch.cat([x, -x]).reshape(2, 2)
    for row in parts:
        (row + 1).sum().backward()  # frees the graph, which goes through cat both times
    assert x.grad.tolist() == [0, 0]
    y = (x + 1).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2, 2]
    for saves in (x * x, x.exp(), torch.cat([x, x]) ** 2):
        saves.sum().backward()
        with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
            saves.sum().backward()


def test_batched_gradients():
    x = leaf(1.0, 2.0, 3.0)
    (jacobian,) = torch.autograd.grad(x * x, x, torch.eye(3), is_grads_batched=True)
    assert torch.equal(jacobian, torch.diag(2 * x.detach()))


x = leaf(1.0, 1.0)
MISTAKES = [
    (lambda: torch.autograd.backward(x * 2), "grad can be implicitly created only for scalar outputs"),
    (lambda: torch.autograd.grad((x * 2).sum(), torch.ones(1)), "One of the differentiated Tensors does not require grad"),
    (lambda: torch.autograd.grad((x * 2).sum(), [x, leaf(1.0)]), "appears to not have been used in the graph"),
    (lambda: torch.autograd.backward(x * 2, torch.ones(3)), r"Mismatch in shape: grad_output\[0\] has a shape of torch.Size\(\[3\]\) and output\[0\]"),
    (lambda: torch.autograd.backward(torch.ones(1)), "element 0 of tensors does not require grad and does not have a grad_fn"),
    (lambda: torch.autograd.grad(x.sum(), []), r"`inputs` argument to `grad\(\)` cannot be empty"),
    (lambda: (x * 2).sum().backward(inputs=[]), r"`inputs` argument to `backward\(\)` cannot be empty"),
    (lambda: torch.autograd.backward([x * 2, x * 3], torch.ones(2)), "got 2 tensors and 1 gradients"),
]


@pytest.mark.parametrize("number", range(len(MISTAKES)))
def test_mistakes(number):
    call, text = MISTAKES[number]
    with pytest.raises(RuntimeError, match=text):
        call()


def test_materialize_needs_allow_unused():
    with pytest.raises(ValueError, match="Expected allow_unused to be True or not passed when materialize_grads=True"):
        torch.autograd.grad(x.sum(), x, allow_unused=False, materialize_grads=True)


def test_saved_tensor_hooks():
    packed = []
    a = leaf(3.0)
    with graph.saved_tensors_hooks(lambda t: packed.append(t.shape) or t.detach() * 1, lambda t: t * 2):
        y = a * a
    y.backward()
    assert a.grad.item() == 12 and len(packed) == 2
    with graph.save_on_cpu():
        y = a.sin()
    a.grad = None
    y.backward()
    assert torch.allclose(a.grad, a.cos())
    with graph.disable_saved_tensors_hooks("not here"):
        with pytest.raises(RuntimeError, match="not here"):
            with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
                pass
    with graph.allow_mutation_on_saved_tensors():
        b = a.clone()
        y = b * b
        b.add_(1)
        y.sum().backward()


def test_multi_grad_hook():
    a, b, seen = leaf(1.0, 1.0), leaf(1.0, 1.0), []
    handle = graph.register_multi_grad_hook([a, b], lambda grads: seen.append([None if g is None else g.sum().item() for g in grads]))
    (a * b).sum().backward()
    (a * 2).sum().backward()
    handle.remove()
    (a * b).sum().backward()
    assert seen == [[2, 2], [4, None]]
    handle = graph.register_multi_grad_hook([a, b], lambda grad: seen.append(grad.sum().item()), mode="any")
    (a * b).sum().backward()
    handle.remove()
    assert seen[2:] == [2]
    with pytest.raises(ValueError, match="Expects mode to be one of"):
        graph.register_multi_grad_hook([a], print, mode="some")


def test_nodes():
    a = leaf(1.0)
    y = a * 2
    assert isinstance(y.grad_fn, graph.Node) and not isinstance(a, graph.Node)
    y.grad_fn.metadata["mine"] = 1
    assert y.grad_fn.metadata == {"mine": 1} and y.grad_fn.name() == "MulBackward0"
    edge = graph.get_gradient_edge(y)
    assert edge.node == y.grad_fn and edge.output_nr == 0
    with pytest.raises(RuntimeError, match="does not require gradients"):
        graph.get_gradient_edge(torch.ones(1))
    version = a._version
    graph.increment_version(a)
    assert a._version == version + 1


def test_anomaly_mode_names_nan():
    a = leaf(0.0)
    with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"):
        with torch.autograd.detect_anomaly():
            y = a.sqrt() * 0
            with pytest.raises(RuntimeError, match="returned nan values in its 0th output"):
                y.backward()


def test_deepcopy():
    import copy
    a = leaf(1.0, 2.0)
    a.sum().backward()
    views = copy.deepcopy({"a": a, "base": (base := torch.arange(4.0)), "view": base[1:]})
    assert views["a"].requires_grad and views["a"].grad.tolist() == [1, 1] and views["a"] is not a
    views["base"][1] = 9
    assert views["view"][0] == 9 and base[1] == 1
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(a * 2)
