"""The inverse error function in its tails; operators over lists of tensors; defaults of keywords."""
import numpy as np
import pytest
from scipy import special

import kagari as torch


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_erfinv(dtype):
    info = np.finfo(np.float32 if dtype == torch.float32 else np.float64)
    tails = 1 - np.logspace(np.log10(2 * info.eps), -1, 500)
    y = np.concatenate((np.linspace(-1, 1, 4001), tails, -tails, np.logspace(-30, -1, 300))).astype(info.dtype)
    want = special.erfinv(y.astype(np.float64))
    got = torch.from_numpy(y).erfinv().numpy()
    finite = np.isfinite(want)
    assert np.array_equal(got[~finite], want[~finite])
    assert np.all(np.abs(got[finite] - want[finite]) <= 4 * info.eps * np.abs(want[finite]))
    assert torch.tensor([2.0, float("nan")], dtype=dtype).erfinv().isnan().all()


def test_foreach():
    a, b = [torch.ones(2), torch.full((3,), 2.0)], [torch.full((2,), 3.0), torch.full((3,), 4.0)]
    assert [t[0].item() for t in torch._foreach_add(a, b, alpha=2)] == [7, 10]
    assert [t[0].item() for t in torch._foreach_mul(a, [2.0, 3.0])] == [2, 6] and [t.item() for t in torch._foreach_norm(b)] == pytest.approx([18 ** 0.5, 48 ** 0.5])
    assert torch._foreach_lerp_(a, b, weight=0.5) is None and [t[0].item() for t in a] == [2, 3]
    torch._foreach_addcdiv_(a, b, b, 2.0)
    torch._foreach_copy_(b, a)
    assert [t[0].item() for t in b] == [4, 5] and [t[0].item() for t in torch._foreach_maximum(a, 4.5)] == [4.5, 5]
    torch._foreach_zero_(a)
    assert not a[0].any() and not hasattr(torch, "_foreach_no_such")
    with pytest.raises(RuntimeError, match="at least one"):
        torch._foreach_abs([])


def test_keyword_defaults_of_operators():
    assert torch.meshgrid.__kwdefaults__ == {"indexing": None} and torch.abs.__kwdefaults__ is None
