"""nn.utils: clipping, vectors, packed sequences, normalisations, parametrizations, pruning, fusion."""
import copy

import pytest

import kagari
from kagari import nn
from kagari.nn.utils import parametrizations, parametrize, prune, rnn, stateless


def with_grads(*grads):
    params = []
    for grad in grads:
        p = nn.Parameter(kagari.zeros(len(grad)))
        p.grad = kagari.tensor(grad)
        params.append(p)
    return params


def test_clip_grad_norm():
    params = with_grads([3.0], [4.0, 0.0])
    assert nn.utils.clip_grad_norm_(params, 1.0).item() == pytest.approx(5)
    assert params[0].grad.tolist() == pytest.approx([0.6]) and params[1].grad.tolist() == pytest.approx([0.8, 0])
    assert nn.utils.clip_grad_norm_(params, 10.0, float("inf")).item() == pytest.approx(0.8)
    assert nn.utils.clip_grad_norm_([], 1.0).item() == 0
    with pytest.raises(RuntimeError, match="The total norm of order 2.0 for gradients from `parameters` is non-finite"):
        nn.utils.clip_grad_norm_(with_grads([float("nan")]), 1.0, error_if_nonfinite=True)


def test_clip_grad_value():
    params = with_grads([3.0, -4.0, 0.1])
    nn.utils.clip_grad_value_(params, 0.5)
    assert params[0].grad.tolist() == pytest.approx([0.5, -0.5, 0.1])


def test_vectors():
    layer = nn.Linear(2, 1)
    vector = nn.utils.parameters_to_vector(layer.parameters())
    assert vector.shape == (3,)
    nn.utils.vector_to_parameters(kagari.tensor([1.0, 2.0, 3.0]), layer.parameters())
    assert layer.weight.tolist() == [[1, 2]] and layer.bias.tolist() == [3]


A, B, C = [1.0, 2.0, 3.0], [4.0, 5.0], [6.0]


def sequences(*lists):
    return [kagari.tensor(x) for x in lists]


def test_packing():
    packed = rnn.pack_sequence(sequences(C, A, B), enforce_sorted=False)
    assert packed.data.tolist() == [1, 4, 6, 2, 5, 3] and packed.batch_sizes.tolist() == [3, 2, 1]
    assert packed.sorted_indices.tolist() == [1, 2, 0] and packed.unsorted_indices.tolist() == [2, 0, 1]
    padded, lengths = rnn.pad_packed_sequence(packed, batch_first=True, padding_value=-1.0, total_length=4)
    assert padded.tolist() == [[6, -1, -1, -1], [1, 2, 3, -1], [4, 5, -1, -1]] and lengths.tolist() == [1, 3, 2]
    assert [s.tolist() for s in rnn.unpack_sequence(packed)] == [C, A, B]
    assert packed.double().data.dtype == kagari.float64


def test_padding():
    assert rnn.pad_sequence(sequences(B, C)).tolist() == [[4, 6], [5, 0]]
    assert rnn.pad_sequence(sequences(B, C), True, 9.0, "left").tolist() == [[4, 5], [9, 6]]
    unpadded = rnn.unpad_sequence(kagari.tensor([[4.0, 6.0], [5.0, 0.0]]), kagari.tensor([2, 1]))
    assert [s.tolist() for s in unpadded] == [B, C]


@pytest.mark.parametrize("lengths, text", [
    ([2, 3], "must be sorted in decreasing order"), ([3, 0], "has to be greater than 0"),
    ([3], "Expected `len.lengths.` to be equal to batch_size, but got 1")])
def test_packing_errors(lengths, text):
    with pytest.raises(RuntimeError, match=text):
        rnn.pack_padded_sequence(kagari.zeros(3, 2, 1), lengths)


def test_packed_lstm_equals_padded():
    kagari.manual_seed(0)
    lstm = nn.LSTM(1, 3, bidirectional=True)
    packed = rnn.pack_sequence([x.unsqueeze(1) for x in sequences(A, C)])
    output, (hidden, _) = lstm(packed)
    single, (hidden_single, _) = lstm(kagari.tensor(C).view(1, 1, 1))
    padded, _ = rnn.pad_packed_sequence(output)
    assert kagari.allclose(padded[:1, 1:], single, atol=1e-6)
    assert kagari.allclose(hidden[:, 1:], hidden_single, atol=1e-6)


def test_weight_norm():
    kagari.manual_seed(1234)
    layer = nn.Linear(3, 2)
    before = layer.weight.detach().clone()
    parametrizations.weight_norm(layer)
    assert list(layer.state_dict()) == ["bias", "parametrizations.weight.original0",
                                        "parametrizations.weight.original1"]
    assert kagari.allclose(layer.weight, before)
    assert layer.parametrizations.weight.original0.flatten().tolist() == pytest.approx([0.6209, 0.5810], abs=1e-4)
    assert type(layer).__name__ == "ParametrizedLinear" and isinstance(layer, nn.Linear)
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear and list(layer.state_dict()) == ["bias", "weight"]


def test_spectral_norm():
    kagari.manual_seed(1234)
    layer = parametrizations.spectral_norm(nn.Linear(3, 2))
    expected = [-0.817661, -0.170298, -0.416895, -0.231502, -0.766761, 0.348306]
    assert layer.weight.flatten().tolist() == pytest.approx(expected, abs=1e-5)


def test_orthogonal():
    for shape in ((3, 3), (2, 4), (4, 2)):
        layer = parametrizations.orthogonal(nn.Linear(*shape))
        weight = layer.weight
        small = weight @ weight.mT if weight.size(0) <= weight.size(1) else weight.mT @ weight
        assert kagari.allclose(small, kagari.eye(min(shape)), atol=1e-5)
        weight.sum().backward()
        assert layer.parametrizations.weight.original.grad is not None


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).mT

    def right_inverse(self, x):
        return x.triu()


class Summed(nn.Module):
    def forward(self, x):
        return x.sum()


def test_parametrization():
    layer = nn.Linear(3, 3)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    assert kagari.equal(layer.weight, layer.weight.mT) and parametrize.is_parametrized(layer, "weight")
    layer.weight = kagari.ones(3, 3)
    assert layer.parametrizations.weight.original.tolist() == [[1, 1, 1], [0, 1, 1], [0, 0, 1]]
    with parametrize.cached():
        assert layer.weight is layer.weight
    assert kagari.equal(copy.deepcopy(layer).weight, layer.weight)
    with pytest.raises(ValueError, match="may not change the shape of the tensor"):
        parametrize.register_parametrization(nn.Linear(2, 2), "weight", Summed())
    with pytest.raises(ValueError, match="does not have a parameter, a buffer, or a parametrized element"):
        parametrize.register_parametrization(nn.Linear(2, 2), "nope", Symmetric())
    with pytest.raises(RuntimeError, match="only supported through state_dict"):
        layer.__getstate__()


def test_old_norm_hooks():
    for norm, remove, keys in (
            (nn.utils.weight_norm, nn.utils.remove_weight_norm, ["bias", "weight_g", "weight_v"]),
            (nn.utils.spectral_norm, nn.utils.remove_spectral_norm, ["bias", "weight_orig", "weight_u", "weight_v"])):
        layer = norm(nn.Linear(3, 2))
        assert list(layer.state_dict()) == keys
        layer(kagari.ones(3)).sum().backward()
        with pytest.raises(RuntimeError, match="Cannot register two"):
            norm(layer)
        remove(layer)
        assert list(layer.state_dict()) == ["bias", "weight"] and not layer._forward_pre_hooks
        with pytest.raises(ValueError, match="not found in Linear"):
            remove(layer)


def test_pruning():
    layer = nn.Linear(2, 2)
    with kagari.no_grad():
        layer.weight.copy_(kagari.tensor([[1.0, -4.0], [2.0, 3.0]]))
    prune.l1_unstructured(layer, "weight", 0.5)
    assert layer.weight_mask.tolist() == [[0, 1], [0, 1]] and prune.is_pruned(layer)
    assert list(layer.state_dict()) == ["bias", "weight_orig", "weight_mask"]
    prune.ln_structured(layer, "weight", 1, 2, 0)
    assert layer.weight.tolist() == [[0, -4], [0, 0]]
    prune.remove(layer, "weight")
    assert list(layer.state_dict()) == ["bias", "weight"] and layer.weight.tolist() == [[0, -4], [0, 0]]
    with pytest.raises(ValueError, match="has to be pruned before pruning can be removed"):
        prune.remove(layer, "weight")
    with pytest.raises(ValueError, match="should be smaller than the number of parameters to prune=4"):
        prune.l1_unstructured(layer, "weight", 100)
    assert "weight" in layer._parameters


def test_fusion():
    kagari.manual_seed(0)
    conv, bn = nn.Conv2d(2, 3, 2), nn.BatchNorm2d(3)
    bn(kagari.randn(4, 3, 2, 2))
    conv.eval(), bn.eval()
    x = kagari.randn(1, 2, 4, 4)
    assert kagari.allclose(nn.utils.fuse_conv_bn_eval(conv, bn)(x), bn(conv(x)), atol=1e-5)


def test_functional_call():
    layer = nn.Linear(2, 2)
    state = copy.deepcopy(layer.state_dict())
    given = {"weight": kagari.zeros(2, 2), "bias": kagari.ones(2)}
    assert stateless._functional_call(layer, given, kagari.ones(2)).tolist() == [1, 1]
    assert all(kagari.equal(layer.state_dict()[k], state[k]) for k in state)
    with pytest.raises(RuntimeError, match="Missing key.s.: 'bias'"):
        stateless._functional_call(layer, {"weight": kagari.zeros(2, 2)}, kagari.ones(2), strict=True)


def test_skip_init():
    assert nn.utils.skip_init(nn.Linear, 2, 3).weight.shape == (3, 2)
    with pytest.raises(RuntimeError, match="Module must support a 'device' arg"):
        nn.utils.skip_init(nn.ReLU)
