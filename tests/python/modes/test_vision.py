"""torch.ops.torchvision: regions, suppression and deformable convolution against plain loops."""
import itertools
import math

import numpy as np
import pytest

import kagari as torch

tv = torch.ops.torchvision


def bilinear(plane, y, x):
    """A sample that clamps within one pixel of the border and is 0 further out."""
    height, width = plane.shape
    if y < -1 or y > height or x < -1 or x > width:
        return 0.0
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    y0, x0 = int(y), int(x)
    y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
    ly, lx = y - y0, x - x0
    return (plane[y0, x0] * (1 - ly) * (1 - lx) + plane[y0, x1] * (1 - ly) * lx + plane[y1, x0] * ly * (1 - lx) + plane[y1, x1] * ly * lx)


def aligned(x, rois, scale, rows, columns, samples, shift, sensitive):
    channels = x.shape[1] // (rows * columns) if sensitive else x.shape[1]
    out = np.zeros((len(rois), channels, rows, columns))
    for n, (b, *box) in enumerate(rois):
        x0, y0, x1, y1 = (v * scale - shift for v in box)
        w, h = x1 - x0, y1 - y0
        if not shift:
            w, h = max(w, 1), max(h, 1)
        bin_h, bin_w = h / rows, w / columns
        sh, sw = (samples, samples) if samples > 0 else (math.ceil(bin_h), math.ceil(bin_w))
        for c, i, j in itertools.product(range(channels), range(rows), range(columns)):
            plane = x[int(b), (c * rows + i) * columns + j if sensitive else c]
            values = [bilinear(plane, y0 + i * bin_h + (p + .5) * bin_h / sh, x0 + j * bin_w + (q + .5) * bin_w / sw) for p in range(sh) for q in range(sw)]
            out[n, c, i, j] = sum(values) / max(len(values), 1)
    return out


ROIS = np.array([[0, 0.5, 1.0, 6.0, 5.5], [1, 2.0, 0.0, 9.0, 7.0], [1, 4.0, 4.0, 4.0, 4.0], [0, -1.0, -2.0, 3.0, 20.0]])


@pytest.fixture
def image():
    return np.random.default_rng(0).normal(size=(2, 8, 7, 9))


@pytest.mark.parametrize("samples", [2, -1])
@pytest.mark.parametrize("shift", [False, True])
def test_roi_align(image, samples, shift):
    got = tv.roi_align(torch.tensor(image), torch.tensor(ROIS), 0.75, 3, 2, samples, shift)
    np.testing.assert_allclose(got.numpy(), aligned(image, ROIS, 0.75, 3, 2, samples, 0.5 if shift else 0.0, False), atol=1e-10)
    x = torch.tensor(image[:, :2], requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: tv.roi_align(x, torch.tensor(ROIS), 0.75, 2, 2, samples, shift), (x,))


def test_ps_roi_align(image):
    got, channel = tv.ps_roi_align(torch.tensor(image), torch.tensor(ROIS), 1.0, 2, 2, 2)
    np.testing.assert_allclose(got.numpy(), aligned(image, ROIS, 1.0, 2, 2, 2, 0.5, True), atol=1e-10)
    assert channel.dtype == torch.int32 and channel[0, 1].flatten().tolist() == [4, 5, 6, 7]
    x = torch.tensor(image, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: tv.ps_roi_align(x, torch.tensor(ROIS), 1.0, 2, 2, 2)[0], (x,))


def test_roi_pool(image):
    got, at = tv.roi_pool(torch.tensor(image), torch.tensor(ROIS[:2]), 1.0, 2, 3)
    for n, (b, *box) in enumerate(ROIS[:2]):
        x0, y0, x1, y1 = (int(math.floor(v + 0.5)) for v in box)
        bin_h, bin_w = max(y1 - y0 + 1, 1) / 2, max(x1 - x0 + 1, 1) / 3
        for i, j in itertools.product(range(2), range(3)):
            rows = slice(max(math.floor(i * bin_h) + y0, 0), min(math.ceil((i + 1) * bin_h) + y0, 7))
            columns = slice(max(math.floor(j * bin_w) + x0, 0), min(math.ceil((j + 1) * bin_w) + x0, 9))
            window = image[int(b), 3, rows, columns]
            assert got[n, 3, i, j].item() == (window.max() if window.size else 0)
            if window.size:
                assert image[int(b), 3].flat[at[n, 3, i, j].item()] == window.max()
    x = torch.tensor(image, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: tv.roi_pool(x, torch.tensor(ROIS), 1.0, 2, 3)[0], (x,))
    assert torch.autograd.gradcheck(lambda x: tv.ps_roi_pool(x, torch.tensor(ROIS), 1.0, 2, 2)[0], (x,))


def test_nms():
    boxes = torch.tensor([[0, 0, 10, 10], [1, 1, 11, 11], [20, 20, 30, 30], [0, 0, 10, 9], [21, 20, 30, 30]], dtype=torch.float32)
    scores = torch.tensor([0.9, 0.95, 0.3, 0.8, 0.3])
    assert tv.nms(boxes, scores, 0.5).tolist() == [1, 2]
    assert tv.nms(boxes, scores, 0.99).tolist() == [1, 0, 3, 2, 4]
    assert tv.nms(boxes[:0], scores[:0], 0.5).tolist() == []
    with pytest.raises(RuntimeError, match="boxes should have 4 elements in dimension 1"):
        tv.nms(boxes[:, :3], scores, 0.5)


def deformed(x, w, offset, mask, stride, pad, dilation, offset_groups):
    n, c, height, width = x.shape
    outputs, per_group, kh, kw = w.shape
    groups, (oh, ow) = c // per_group, offset.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)))

    def sample(plane, y, x):
        if y <= -1 or y >= height or x <= -1 or x >= width:
            return 0.0
        y, x = y + 2, x + 2
        y0, x0 = math.floor(y), math.floor(x)
        ly, lx = y - y0, x - x0
        return (plane[y0, x0] * (1 - ly) * (1 - lx) + plane[y0, x0 + 1] * (1 - ly) * lx + plane[y0 + 1, x0] * ly * (1 - lx) + plane[y0 + 1, x0 + 1] * ly * lx)
    out = np.zeros((n, outputs, oh, ow))
    for b, o, i, j, k, ci in itertools.product(range(n), range(outputs), range(oh), range(ow), range(kh * kw), range(per_group)):
        channel = o // (outputs // groups) * per_group + ci
        og = channel // (c // offset_groups)
        dy, dx = offset[b, (og * kh * kw + k) * 2:(og * kh * kw + k) * 2 + 2, i, j]
        y, xx = i * stride[0] - pad[0] + k // kw * dilation[0] + dy, j * stride[1] - pad[1] + k % kw * dilation[1] + dx
        out[b, o, i, j] += w[o, ci, k // kw, k % kw] * mask[b, og * kh * kw + k, i, j] * sample(padded[b, channel], y, xx)
    return out


def test_deform_conv2d():
    rng = np.random.default_rng(1)
    x, w = rng.normal(size=(2, 4, 5, 6)), rng.normal(size=(6, 2, 3, 2))
    stride, pad, dilation = (2, 1), (1, 0), (1, 2)
    oh, ow = (5 + 2 - 3) // 2 + 1, (6 - 3) // 1 + 1
    offset, mask, bias = rng.normal(size=(2, 2 * 2 * 6, oh, ow)), rng.uniform(size=(2, 2 * 6, oh, ow)), rng.normal(size=6)
    arguments = [torch.tensor(a, requires_grad=True) for a in (x, w, offset, mask, bias)]
    rest = (*stride, *pad, *dilation, 2, 2, True)
    got = tv.deform_conv2d(*arguments, *rest)
    np.testing.assert_allclose(got.detach().numpy(), deformed(x, w, offset, mask, stride, pad, dilation, 2) + bias[:, None, None], atol=1e-10)
    assert torch.autograd.gradcheck(lambda *a: tv.deform_conv2d(*a, *rest), arguments)
    assert tv.deform_conv2d(*(a.detach().to("meta") for a in arguments), *rest).shape == got.shape


def test_halves_and_meta(image):
    half = torch.tensor(image, dtype=torch.bfloat16)
    assert tv.roi_align(half, torch.tensor(ROIS, dtype=torch.bfloat16), 1.0, 2, 2, 2, True).dtype == torch.bfloat16
    assert tv.roi_pool(torch.empty(2, 8, 7, 9, device="meta"), torch.empty(4, 5, device="meta"), 1.0, 2, 3)[0].shape == (4, 8, 2, 3)
    assert tv.nms.default.name() == "torchvision::nms" and str(tv.nms.default._schema) == "torchvision::nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
