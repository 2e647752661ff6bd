"""Causal biases by kind, and attention of packed sequences, against explicit masks."""
import pytest

import kagari as torch
from kagari.nn.attention.bias import CausalBias, CausalVariant, causal_lower_right, causal_upper_left
from kagari.nn.attention.varlen import varlen_attn

F = torch.nn.functional


def test_masks():
    assert causal_upper_left(2, 3)._materialize().tolist() == [[True, False, False], [True, True, False]]
    assert causal_lower_right(2, 3)._materialize().tolist() == [[True, True, False], [True, True, True]]
    bias = causal_lower_right(2, 3)
    assert isinstance(bias, CausalBias) and bias.variant is CausalVariant.LOWER_RIGHT and bias.shape == (2, 3) and "True" in repr(bias)
    assert (bias + 0).sum() == 5


@pytest.mark.parametrize("make", [causal_upper_left, causal_lower_right])
def test_attention_with_a_bias(make):
    torch.manual_seed(0)
    q, k, v = torch.randn(1, 2, 3, 4), torch.randn(1, 2, 5, 4), torch.randn(1, 2, 5, 4)
    bias = make(3, 5)
    torch.testing.assert_close(F.scaled_dot_product_attention(q, k, v, attn_mask=bias), F.scaled_dot_product_attention(q, k, v, attn_mask=bias._materialize()))
    with pytest.raises(ValueError, match="causal=True"):
        F.scaled_dot_product_attention(q, k, v, bias, is_causal=True)


@pytest.mark.parametrize("window", [(-1, -1), (-1, 0), (1, 0), (1, 1)])
def test_packed_sequences(window):
    torch.manual_seed(0)
    q, k, v = (torch.randn(5, 2, 4, requires_grad=True) for _ in range(3))
    got = varlen_attn(q, k, v, torch.tensor([0, 2, 5]), None, 3, 3, window_size=window)
    for start, end in ((0, 2), (2, 5)):
        n = end - start
        away = torch.arange(n) - torch.arange(n)[:, None]
        mask = (away >= (-window[0] if window[0] >= 0 else -n)) & (away <= (window[1] if window[1] >= 0 else n))
        one = [t[start:end].transpose(0, 1) for t in (q, k, v)]
        torch.testing.assert_close(got[start:end], F.scaled_dot_product_attention(*one, attn_mask=mask).transpose(0, 1))
    got.sum().backward()
    assert q.grad is not None
    with pytest.raises(NotImplementedError, match="block_table"):
        varlen_attn(q, k, v, torch.tensor([0, 5]), None, 5, 5, block_table=torch.zeros(1))
