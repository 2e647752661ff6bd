"""MultiheadAttention, Transformer and flex_attention: masks and their forms agree with each other."""
import math

import pytest

import kagari
from kagari import nn
from kagari.nn.attention import SDPBackend, flex_attention as flex, sdpa_kernel


def inputs(length=4, batch=2, size=8):
    kagari.manual_seed(0)
    return kagari.randn(length, batch, size)


def test_weights_do_not_change_the_output():
    x = inputs()
    mha = nn.MultiheadAttention(8, 2)
    output, weights = mha(x, x, x)
    assert weights.shape == (2, 4, 4) and kagari.allclose(weights.sum(-1), kagari.ones(2, 4), atol=1e-5)
    without, none = mha(x, x, x, need_weights=False)
    assert none is None and kagari.allclose(output, without, atol=1e-5)
    assert mha(x, x, x, average_attn_weights=False)[1].shape == (2, 2, 4, 4)


def test_batch_first_and_unbatched():
    x = inputs()
    mha = nn.MultiheadAttention(8, 2)
    expected = mha(x, x, x)[0]
    single = x[:, 0]
    assert kagari.allclose(mha(single, single, single)[0], expected[:, 0], atol=1e-5)
    mha.batch_first = True
    y = x.transpose(0, 1)
    assert kagari.allclose(mha(y, y, y)[0].transpose(0, 1), expected, atol=1e-5)


def test_masks():
    x = inputs()
    mha = nn.MultiheadAttention(8, 2)
    causal = nn.Transformer.generate_square_subsequent_mask(4)
    _, weights = mha(x, x, x, attn_mask=causal)
    assert weights.triu(1).abs().sum().item() == 0
    hinted = mha(x, x, x, attn_mask=causal, is_causal=True, need_weights=False)[0]
    assert kagari.allclose(hinted, mha(x, x, x, attn_mask=causal == -math.inf)[0], atol=1e-5)
    padding = kagari.tensor([[False, False, False, True], [False, False, False, False]])
    _, weights = mha(x, x, x, key_padding_mask=padding)
    assert weights[0, :, 3].abs().sum().item() == 0 and weights[1, :, 3].abs().sum().item() > 0
    with pytest.raises(RuntimeError, match="Need attn_mask if specifying the is_causal hint"):
        mha(x, x, x, is_causal=True)
    with pytest.raises(RuntimeError, match=r"The shape of the 2D attn_mask is .* but should be \(4, 4\)"):
        mha(x, x, x, attn_mask=kagari.zeros(3, 3))
    with pytest.raises(AssertionError, match="was expecting embedding dimension of 8, but got 6"):
        y = kagari.ones(4, 2, 6)
        mha(y, y, y)


def test_transformer():
    kagari.manual_seed(0)
    model = nn.Transformer(8, 2, 1, 1, 16, batch_first=True).eval()
    output = model(kagari.ones(2, 3, 8), kagari.ones(2, 5, 8))
    assert output.shape == (2, 5, 8)
    assert model(kagari.ones(3, 8), kagari.ones(5, 8)).shape == (5, 8)
    with pytest.raises(RuntimeError, match="the batch number of src and tgt must be equal"):
        model(kagari.ones(2, 3, 8), kagari.ones(1, 5, 8))


def test_flex_attention_equals_masked_attention():
    kagari.manual_seed(0)
    q, k, v = (kagari.randn(1, 2, n, 4) for n in (10, 9, 9))
    mask = flex.create_block_mask(lambda b, h, i, j: i >= j, None, None, 10, 9, device="cpu", BLOCK_SIZE=4)
    assert mask.to_dense().tolist() == [[[[1, 0, 0], [1, 1, 0], [1, 1, 1]]]]
    allowed = kagari.ones(10, 9, dtype=kagari.bool).tril()
    scores = (q @ k.mT / 2).masked_fill(~allowed, -math.inf)
    output, lse = flex.flex_attention(q, k, v, block_mask=mask, return_lse=True)
    assert kagari.allclose(output, scores.softmax(-1) @ v, atol=1e-5)
    assert kagari.allclose(lse, scores.logsumexp(-1), atol=1e-5)
    shifted = flex.flex_attention(q, k, v, score_mod=lambda s, b, h, i, j: s + (i - j) * 0.5)
    bias = (kagari.arange(10).view(-1, 1) - kagari.arange(9)) * 0.5
    assert kagari.allclose(shifted, (q @ k.mT / 2 + bias).softmax(-1) @ v, atol=1e-5)


def test_flex_attention_without_anything_allowed():
    q = kagari.ones(1, 1, 2, 2)
    mask = flex.create_block_mask(lambda b, h, i, j: i > 0, None, None, 2, 2, device="cpu")
    output = flex.flex_attention(q, q, q, block_mask=mask)
    assert kagari.allclose(output, kagari.tensor([[[[0.0, 0.0], [1.0, 1.0]]]]))
    with pytest.raises(ValueError, match="Try setting enable_gqa=True for GQA"):
        flex.flex_attention(kagari.ones(1, 2, 2, 2), q, q)


def test_backends():
    with sdpa_kernel([SDPBackend.MATH]):
        pass
    with pytest.raises(RuntimeError, match="No viable backend"):
        with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
            pass
