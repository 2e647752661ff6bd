"""grouped_mm and scaled_mm against products one by one."""
import pytest

import kagari as torch

F = torch.nn.functional


def test_grouped_mm():
    torch.manual_seed(0)
    a2, a3, b2, b3 = torch.randn(5, 4), torch.randn(2, 5, 4), torch.randn(4, 5), torch.randn(2, 4, 3)
    ends = torch.tensor([2, 4], dtype=torch.int32)
    rows = F.grouped_mm(a2, b3, offs=ends)
    torch.testing.assert_close(rows, torch.cat([a2[:2] @ b3[0], a2[2:4] @ b3[1], torch.zeros(1, 3)]))
    torch.testing.assert_close(F.grouped_mm(a3, b2, offs=ends), torch.cat([a3[0] @ b2[:, :2], a3[1] @ b2[:, 2:4], torch.zeros(5, 1)], 1))
    torch.testing.assert_close(F.grouped_mm(a2, b2.t()[:4].contiguous(), offs=ends), torch.stack([a2[:, :2] @ b2.t()[:2], a2[:, 2:] @ b2.t()[2:4]]))
    torch.testing.assert_close(F.grouped_mm(a3, b3, bias=torch.ones(3)), a3 @ b3 + 1)
    assert F.grouped_mm(a3.bfloat16(), b3.bfloat16(), out_dtype=torch.float32).dtype == torch.float32
    b3.requires_grad_()
    F.grouped_mm(a2, b3, offs=ends).sum().backward()
    torch.testing.assert_close(b3.grad[0], a2[:2].sum(0)[:, None].expand(4, 3))
    for call, text in ((lambda: F.grouped_mm(a2, b3), "offs is needed"), (lambda: F.grouped_mm(a2, b3, offs=torch.tensor([3, 9])), "must not decrease"),
                       (lambda: F.grouped_mm(a2, b3.double(), offs=ends), "one dtype"), (lambda: F.grouped_mm(a2[0], b3), "2 or 3d")):
        with pytest.raises(RuntimeError, match=text):
            call()


def test_scaled_products():
    torch.manual_seed(0)
    a, b = torch.randn(4, 8).to(torch.float8_e4m3fn), torch.randn(8, 6).to(torch.float8_e4m3fn)
    exact = a.float() @ b.float()
    torch.testing.assert_close(torch._scaled_mm(a, b, torch.tensor(2.0), torch.tensor(0.25), out_dtype=torch.float32), exact * 0.5)
    rows, columns = torch.rand(4, 1), torch.rand(1, 6)
    got = F.scaled_mm(a, b, rows, F.ScalingType.RowWise, columns, F.ScalingType.RowWise, bias=torch.ones(6), output_dtype=torch.float32)
    torch.testing.assert_close(got, exact * rows * columns + 1)
    assert F.scaled_mm(a, b, torch.tensor(1.0), F.ScalingType.TensorWise, torch.tensor(1.0), F.ScalingType.TensorWise).dtype == torch.bfloat16
    with pytest.raises(NotImplementedError, match="BlockWise"):
        F.scaled_mm(a, b, rows, F.ScalingType.BlockWise1x16, columns, F.ScalingType.RowWise)
    with pytest.raises(RuntimeError, match="float8"):
        torch._scaled_mm(a.float(), b, rows, columns)
