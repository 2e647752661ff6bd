"""scatter_add with an index that names whole entries, against one that is written out."""
import pytest

import kagari as torch


@pytest.mark.parametrize("dim, shape", [(0, (5, 3)), (1, (2, 5, 3)), (2, (2, 3, 5))])
def test_expanded_index(dim, shape):
    torch.manual_seed(0)
    entries = torch.randint(0, shape[dim], (7,))
    given = list(shape)
    given[dim] = 7
    index = entries.view([7 if d == dim else 1 for d in range(len(shape))]).expand(given)
    x, src = torch.randn(shape), torch.randn(given, requires_grad=True)
    want = x.scatter_add(dim, index.contiguous(), src)
    got = x.scatter_add(dim, index, src)
    assert torch.allclose(got, want) and torch.allclose(x.clone().scatter_add_(dim, index, src.detach()), want)
    out = torch.empty(0)
    torch.scatter_add(x, dim, index, src.detach(), out=out)
    assert torch.allclose(out, want)
    got.pow(2).sum().backward()
    mine, src.grad = src.grad, None
    want.pow(2).sum().backward()
    assert torch.allclose(mine, src.grad)
    with pytest.raises(RuntimeError, match="out of bounds"):
        x.scatter_add(dim, index + shape[dim], src)
    beyond = entries.clone()
    beyond[3] = shape[dim]
    with pytest.raises(RuntimeError, match="out of bounds"):
        x.scatter_add(dim, beyond.view([7 if d == dim else 1 for d in range(len(shape))]).expand(given), src)
