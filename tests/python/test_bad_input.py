"""Wrong calls raise the exception type of PyTorch with a text that says what is wrong; nothing crashes."""
import pytest

import kagari as torch
import kagari.nn.functional as F

vision = torch.ops.torchvision


def leaf():
    return torch.ones(3, requires_grad=True)


def twice():
    loss = (leaf() ** 2).sum()
    loss.backward()
    loss.backward()


def changed_in_place():
    x = leaf()
    y = x.exp()
    y.add_(1)
    y.sum().backward()


def whole_leaf_through_a_view():
    leaf()[0].add_(1)


def without_data(*size, dtype=torch.float32):
    return torch.empty(size, dtype=dtype, device="meta")


CASES = [
    (lambda: torch.empty(10 ** 15), RuntimeError, "you tried to allocate 4000000000000000 bytes"),
    (lambda: torch.empty(2 ** 62, 2 ** 62), RuntimeError, "Storage size calculation overflowed"),
    (lambda: torch.empty(-1), RuntimeError, "negative dimension -1"),
    (lambda: torch.ones(3) + torch.ones(4), RuntimeError, r"size of tensor a \(3\) must match the size of tensor b \(4\) at non-singleton dimension 0"),
    (lambda: torch.ones(2, 3) @ torch.ones(4, 4), RuntimeError, r"mat1 and mat2 shapes cannot be multiplied \(2x3 and 4x4\)"),
    (lambda: torch.bmm(torch.ones(2, 3, 4), torch.ones(2, 5, 6)), RuntimeError, "Expected size for first two dimensions of batch2 tensor"),
    (lambda: torch.ones(3).view(2), RuntimeError, r"shape '\[2\]' is invalid for input of size 3"),
    (lambda: torch.ones(2, 3).t().view(6), RuntimeError, "view size is not compatible"),
    (lambda: torch.ones(2).expand(3), RuntimeError, r"The expanded size of the tensor \(3\) must match the existing size \(2\)"),
    (lambda: torch.as_strided(torch.ones(3), (5,), (1,)), RuntimeError, "out of bounds for storage of size 12"),
    (lambda: torch.ones(3).sum(5), IndexError, r"Dimension out of range \(expected to be in range of \[-1, 0\], but got 5\)"),
    (lambda: torch.ones(3)[5], IndexError, "index 5 is out of bounds for dimension 0 with size 3"),
    (lambda: torch.ones(3)[[7]], IndexError, "index 7 is out of bounds for dimension 0 with size 3"),
    (lambda: torch.ones(2, 2)[0, 0, 0], IndexError, "too many indices"),
    (lambda: torch.ones(3).index_select(0, torch.tensor([9])), IndexError, "out of range"),
    (lambda: F.embedding(torch.tensor([9]), torch.ones(3, 2)), IndexError, "out of range"),
    (lambda: torch.stack([torch.ones(2), torch.ones(3)]), RuntimeError, r"stack expects each tensor to be equal size, but got \[2\] at entry 0 and \[3\] at entry 1"),
    (lambda: torch.add("x", 3), TypeError, r"add\(\): argument 'input' \(position 1\) must be Tensor, not str"),
    (lambda: torch.ones(3).add(torch.ones(3), foo=1), TypeError, r"add\(\) got an unexpected keyword argument 'foo'"),
    (lambda: torch.ones(2, 2).softmax("x"), TypeError, r"softmax\(\): argument 'dim' \(position 1\) must be int, not str"),
    (lambda: torch.mm(torch.ones(2, 2)), TypeError, r"missing 1 required positional argument"),
    (lambda: torch.ones(3, dtype=torch.int32).add_(1.5), RuntimeError, "result type Float can't be cast to the desired output type Int"),
    (lambda: torch.ones(3, dtype=torch.int32).requires_grad_(), RuntimeError, "floating point"),
    (lambda: -torch.tensor([True]), RuntimeError, "Negation, the `-` operator, on a bool tensor is not supported"),
    (lambda: bool(torch.ones(2)), RuntimeError, "Boolean value of Tensor with more than one value is ambiguous"),
    (lambda: int(torch.tensor(float("nan"))), ValueError, "cannot convert float NaN to integer"),
    (lambda: torch.ones(2).item(), RuntimeError, "a Tensor with 2 elements cannot be converted to Scalar"),
    (lambda: torch.ones(2, device="meta").tolist(), (RuntimeError, NotImplementedError), "meta"),
    (lambda: torch.ones(2, device="nonsense"), RuntimeError, "device type at start of device string: nonsense"),
    (lambda: torch.arange(0, 10, 0), RuntimeError, "step must be nonzero"),
    (lambda: torch.randint(5, 2, (3,)), RuntimeError, "random_ expects 'from' to be less than 'to', but got from=5 >= to=2"),
    (lambda: F.conv2d(torch.ones(1, 3, 4, 4), torch.ones(2, 4, 3, 3)), RuntimeError, "to have 4 channels, but got 3 channels instead"),
    (lambda: F.conv2d(torch.ones(1, 3, 2, 2), torch.ones(2, 3, 5, 5)), RuntimeError, "Kernel size can't be greater than actual input size"),
    (lambda: F.max_pool2d(torch.ones(1, 1, 4, 4), 2, padding=2), RuntimeError, "pad should be at most half of effective kernel size"),
    (lambda: F.layer_norm(torch.ones(2, 3), (4,)), RuntimeError, r"Given normalized_shape=\[4\], expected input with shape \[\*, 4\]"),
    (lambda: F.nll_loss(torch.ones(2, 3), torch.tensor([0, 7])), IndexError, "Target 7 is out of bounds"),
    (lambda: torch.ones(2).backward(), RuntimeError, "does not require grad and does not have a grad_fn"),
    (lambda: leaf().exp().backward(), RuntimeError, "grad can be implicitly created only for scalar outputs"),
    (lambda: leaf().add_(1), RuntimeError, "a leaf Variable that requires grad is being used in an in-place operation"),
    (whole_leaf_through_a_view, RuntimeError, "a view of a leaf Variable that requires grad is being used in an in-place operation"),
    (twice, RuntimeError, "Trying to backward through the graph a second time"),
    (changed_in_place, RuntimeError, r"modified by an inplace operation: \[torch.FloatTensor \[3\]\], which is output 0 of ExpBackward0, is at version 1; expected version 0"),
    (lambda: torch.autograd.grad(leaf().sum(), leaf()), RuntimeError, "appears to not have been used in the graph"),
    (lambda: torch.ones(3).expand(2, 3).add_(1), RuntimeError, "more than one element of the written-to tensor refers to a single memory location"),
    (lambda: torch.no_such_operator, AttributeError, "no_such_operator"),
    (lambda: torch.zeros(()).unflatten(-1, [17, 0, 1]), RuntimeError, "unflatten"),
    (lambda: torch.arange(0, -2 ** 63, -1), RuntimeError, "invalid size, possible overflow"),
    (lambda: torch.range(0, 1e30), RuntimeError, "invalid size, possible overflow"),
    (lambda: torch.zeros(()).broadcast_to([2 ** 62, 3, 2]), RuntimeError, "overflowed"),
    (lambda: F.interpolate(torch.zeros(2, 3, 4), [2 ** 62], mode="linear"), RuntimeError, "Storage size calculation overflowed"),
    (lambda: F.conv_transpose2d(torch.zeros(2, 4, 1, 0), torch.zeros(4, 1, 3, 3), groups=4), RuntimeError, "Only zero batch or zero channel inputs are supported"),
    (lambda: F.conv1d(torch.zeros(2, 3, 5), torch.zeros(4, 3, 2), dilation=2 ** 62), RuntimeError, "too large"),
    (lambda: F.conv1d(torch.zeros(1, 2, 3), torch.zeros(1, 2)), RuntimeError, "weight should have at least three dimensions"),
    (lambda: torch.addmm(torch.zeros(3, 3).to_sparse(), torch.zeros(3, 3), torch.zeros(3, 3)), RuntimeError, "expected strided result tensor"),
    (lambda: F.ctc_loss(torch.zeros(5, 0, 3), torch.zeros(0, 2).long(), torch.zeros(0).long(), torch.zeros(0).long()), RuntimeError, "log_probs tensor must not be empty"),
    (lambda: F.nll_loss(torch.zeros(2, 3), torch.tensor([0, 1]), torch.ones(3, requires_grad=True)), RuntimeError, "not differentiable with respect to argument 'weight'"),
    (lambda: vision._roi_align_backward(torch.zeros(()), torch.zeros(()), 1.0, 3, 3, 1, 7, 4, 4, 2, True), RuntimeError, r"rois must have shape \(K, 5\)"),
    (lambda: vision._roi_align_backward(torch.zeros(1, 2), torch.zeros(1, 5), 1.0, 3, 3, 1, 7, 4, 4, 2, True), RuntimeError, "expected a gradient of shape"),
    (lambda: vision.ps_roi_pool(torch.zeros(1, 4, 4, 4), torch.zeros(1, 5), 1.0, 2 ** 32, 2 ** 32), RuntimeError, "pooled size must be positive"),
    (lambda: vision.roi_align(torch.zeros(1, 1, 3, 3), torch.tensor([[0, 0, 0, 1e30, 1e30]]), 1.0, 2, 2, -1, False), RuntimeError, "too many"),
    (lambda: vision.deform_conv2d(torch.zeros(1, 1, 3, 3), torch.zeros(1, 1, 1, 1), torch.zeros(1, 2, 3, 3), torch.zeros(1, 1, 3, 3), torch.zeros(1), 0, 1, 0, 0, 1, 1, 1, 1, False),
     RuntimeError, "stride_h: 0"),
    (lambda: torch._C._function_by_name("ops._index")(torch.zeros((), dtype=torch.int32), [torch.zeros((), dtype=torch.int64)]), IndexError, "too many indices"),
    (lambda: torch._C._function_by_name("ops.bernoulli")(torch.zeros(3, 3), torch.full((3, 1, 6), 0.5)), RuntimeError, "doesn't match the broadcast shape"),
    (lambda: F.embedding_bag(torch.zeros(2, dtype=torch.int64), torch.ones(3, 4), torch.tensor([0, -5, 0])), RuntimeError, "must not be negative"),
    (lambda: torch.quantize_per_tensor(torch.ones(2, device="meta"), 0.1, 0, torch.quint8), NotImplementedError, "a tensor without data"),
    (lambda: torch.quantize_per_tensor_dynamic(torch.ones(2, device="meta"), torch.quint8, False), NotImplementedError, "a tensor without data"),
    (lambda: torch._C._function_by_name("ops._fake_quantize_with_mask")(torch.ones(3, 5), torch.ones(3, 5), torch.ones(1), -2, 0, 7), RuntimeError, "do not fit dimension -2"),
    (lambda: torch._C._function_by_name("ops._group_norm_statistics")(torch.ones(3, 2, 1), None, None, 0, -2 ** 63, 2, 0, 1e-8), RuntimeError, "do not fit an input"),
    (lambda: torch._C._function_by_name("_C._fused_attention")(*[torch.ones(5, 3, 3, 4)] * 3, torch.ones(7), 3., True), RuntimeError, "does not fit"),
    (lambda: torch._C._function_by_name("ops._border_pad")(torch.ones(3), [], "left"), RuntimeError, "numbers of padding"),
    (lambda: torch._C._function_by_name("ops._sampled_taps")(torch.ones(1, 1, 4), torch.tensor([[[7]]]), None), RuntimeError, "out of range"),
    (lambda: torch._fft_r2c(torch.ones(()), [-1], 0, True), IndexError, "tensor has no dimensions"),
    (lambda: torch.as_strided(torch.ones(1, dtype=torch.bool), [1], [1], 2 ** 63 - 1), RuntimeError, "out of bounds for storage"),
    (lambda: torch.as_strided_scatter(torch.ones(1), torch.ones(1), [1], [1], 2 ** 63 - 1), RuntimeError, "too large"),
    (lambda: torch.ones(3, dtype=torch.uint8) // 256, RuntimeError, "ZeroDivisionError"),
    (lambda: torch.remainder(torch.ones(3, dtype=torch.int8), 2 ** 40), RuntimeError, "ZeroDivisionError"),
    (lambda: torch.zeros(()).masked_fill_(without_data(dtype=torch.bool), 1), RuntimeError, "at least two devices, cpu and meta"),
    (lambda: torch.tril(without_data(3, 3), out=torch.zeros(3, 3)), RuntimeError, "out tensor on device meta"),
    (lambda: torch.ones(3)[without_data(2, dtype=torch.int64)], RuntimeError, "indices should be either on cpu or on the same device"),
    (lambda: torch.ones(3, 3)[:, [without_data(2, dtype=torch.int64), torch.tensor([0, 1])]], RuntimeError, "meta"),
    (lambda: torch.ones(3).__setitem__(without_data(3, dtype=torch.bool), 1), NotImplementedError, "meta tensors do not have"),
    (lambda: torch.ones(3).copy_(without_data(3)), NotImplementedError, "Cannot copy out of meta tensor"),
    (lambda: torch._convert_indices_from_coo_to_csr(torch.zeros(2, device="meta"), 2), NotImplementedError, "meta tensors do not have"),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_bad_input(case):
    call, error, text = CASES[case]
    with pytest.raises(error, match=text):
        call()


def test_a_chain_of_100000_operators():
    x = leaf()
    y = x
    for _ in range(100_000):
        y = y + 1
    y.sum().backward()
    assert x.grad.tolist() == [1, 1, 1]
    del y


def test_a_number_among_tensors_without_data():
    number, index = torch.zeros(()), without_data(dtype=torch.int64)
    assert torch.masked_fill(number, without_data(dtype=torch.bool), 1).is_meta
    assert torch.scatter_add(number, 0, index, number).is_meta and torch.index_fill(number, 0, index, 1.0).is_meta
    assert without_data(3).copy_(torch.ones(3)).is_meta and (number + without_data(3)).is_meta
