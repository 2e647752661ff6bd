"""Rounding as integers would: the operators against their formula, observers against recorded scales, and the gradient."""
import numpy as np
import pytest

import kagari as torch

Q = torch.ao.quantization


def reference(x, scale, zero_point, low, high):
    q = np.clip(np.rint(x.astype(np.float32) * np.float32(1 / np.float32(scale))) + zero_point, low, high)
    return (q - zero_point) * np.float32(scale)


@pytest.mark.parametrize("scale, zero_point, low, high", [(0.1, 0, -10, 10), (0.37, 3, 0, 15), (2.0, -1, -8, 7)])
def test_rounding(scale, zero_point, low, high):
    x = np.linspace(-20, 20, 101).astype(np.float32)
    expected = reference(x, scale, zero_point, low, high)
    t = torch.tensor(x, requires_grad=True)
    y = torch.fake_quantize_per_tensor_affine(t, scale, zero_point, low, high)
    np.testing.assert_allclose(y.detach().numpy(), expected, rtol=1e-6)
    y.sum().backward()
    q = np.rint(x * np.float32(1 / np.float32(scale))) + zero_point
    np.testing.assert_array_equal(t.grad.numpy(), (q >= low) & (q <= high))
    same = torch.fake_quantize_per_tensor_affine(t, torch.tensor(scale), torch.tensor(zero_point), low, high)
    torch.testing.assert_close(same, y)
    rows = torch.fake_quantize_per_channel_affine(torch.tensor(np.stack([x, x])), torch.tensor([scale, 1.0]), torch.tensor([zero_point, 0], dtype=torch.int32), 0, low, high)
    np.testing.assert_allclose(rows.numpy(), np.stack([expected, reference(x, 1.0, 0, low, high)]), rtol=1e-6)


def test_dtypes_and_errors():
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        assert torch.fake_quantize_per_tensor_affine(torch.ones(2, dtype=dtype), 0.5, 0, 0, 3).dtype == dtype
    assert torch.fake_quantize_per_tensor_affine(torch.tensor([float("nan"), float("inf"), 0.5, 1.5]), 1.0, 0, -2, 5).tolist() == [-2, 5, 0, 2]
    x = torch.ones(2, 3)
    for call, text in ((lambda: torch.fake_quantize_per_tensor_affine(x, 0.1, 0, 5, 0), "quant_min"), (lambda: torch.fake_quantize_per_tensor_affine(x, 0.1, 9, 0, 5), "zero_point"),
                       (lambda: torch.fake_quantize_per_channel_affine(x, torch.ones(3), torch.zeros(3), 0, 0, 5), "not consistent"),
                       (lambda: torch.fake_quantize_per_channel_affine(x, torch.ones(2), torch.zeros(2, dtype=torch.int64), 0, 0, 5), "Zero-point")):
        with pytest.raises(RuntimeError, match=text):
            call()
    with pytest.raises(NotImplementedError):
        torch.fake_quantize_per_tensor_affine(torch.ones(2, dtype=torch.int64), 0.1, 0, 0, 5)


@pytest.mark.parametrize("make, scale, zero_point", [
    (lambda: Q.MinMaxObserver(), [6 / 255], [85]), (lambda: Q.MinMaxObserver(dtype=torch.qint8, qscheme=torch.per_tensor_symmetric), [4 / 127.5], [0]),
    (lambda: Q.MinMaxObserver(quant_min=0, quant_max=127), [6 / 127], [42]), (lambda: Q.MinMaxObserver(reduce_range=True), [6 / 127], [42]),
    (lambda: Q.MovingAverageMinMaxObserver(averaging_constant=0.5), [5 / 255], [76]), (lambda: Q.PerChannelMinMaxObserver(), [4 / 255, 4 / 255], [127, 0]),
    (lambda: Q.MinMaxObserver(qscheme=torch.per_tensor_symmetric), [4 / 127.5], [128]),
    (lambda: Q.PerChannelMinMaxObserver(ch_axis=1, dtype=torch.qint8, qscheme=torch.per_channel_symmetric), [2 / 127.5, 4 / 127.5], [0, 0]),
])
def test_observers(make, scale, zero_point):
    observer = make()
    for x in (torch.tensor([[-1.0, 2.0], [0.5, 3.0]]), torch.tensor([[-2.0, 1.0], [0.5, 4.0]])):
        assert observer(x) is x
    got = observer.calculate_qparams()
    np.testing.assert_allclose(got[0].numpy(), scale, rtol=1e-5)
    assert got[1].tolist() == zero_point
    other = make()
    other.load_state_dict(observer.state_dict())
    assert torch.equal(other.calculate_qparams()[0], got[0])


def test_training_with_rounding():
    rounding = Q.default_weight_fake_quant()
    x = torch.tensor([[-1.0, 0.33], [0.5, 3.0]], requires_grad=True)
    y = rounding(x)
    np.testing.assert_allclose(y.detach().numpy(), [[-0.98824, 0.32941], [0.49412, 2.98824]], rtol=1e-4)
    y.sum().backward()
    assert x.grad is not None and rounding.scale.shape == (1,)
    model = torch.nn.Sequential(rounding)
    model.apply(Q.disable_observer)
    model(100 * x)
    assert torch.allclose(rounding.scale, torch.tensor([3 / 127.5]))
    model.apply(Q.disable_fake_quant)
    assert model(x) is x and "fake_quant_enabled=tensor([0]" in repr(rounding)
    assert Q.default_qconfig.weight().dtype is torch.qint8 and Q.QConfig(Q.MinMaxObserver, Q.default_observer).activation is Q.MinMaxObserver
    with pytest.raises(ValueError, match="observer instance"):
        Q.QConfig(Q.MinMaxObserver(), Q.default_observer)
    with pytest.warns(UserWarning, match="must run observer"):
        assert Q.MinMaxObserver().calculate_qparams()[1].tolist() == [0]
    with pytest.raises(NotImplementedError, match="HistogramObserver"):
        Q.HistogramObserver()
    assert torch.quantization.MinMaxObserver is Q.MinMaxObserver
