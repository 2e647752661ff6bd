"""Shuffles, sliding blocks, grid samples, bags and the losses that compare scores."""
import math

import numpy as np
import pytest

import kagari
import kagari.nn.functional as F


def test_pixel_shuffle_spreads_channels_and_back():
    x = kagari.arange(16.0).reshape(1, 4, 2, 2)
    y = F.pixel_shuffle(x, 2)
    assert y.shape == (1, 1, 4, 4)
    assert y[0, 0, 0].tolist() == [0, 4, 1, 5]
    assert kagari.equal(F.pixel_unshuffle(y, 2), x)


def test_fold_counts_how_often_unfold_took_each_pixel():
    x = kagari.ones(1, 1, 3, 3, requires_grad=True)
    columns = F.unfold(x, 2)
    assert columns.shape == (1, 4, 4)
    y = F.fold(columns, (3, 3), 2)
    assert y[0, 0].tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
    columns.sum().backward()
    assert kagari.equal(x.grad, y)


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
def test_the_identity_grid_samples_the_image_itself(mode, padding_mode):
    image = kagari.arange(12.0).reshape(1, 1, 3, 4)
    grid = F.affine_grid(kagari.tensor([[[1.0, 0, 0], [0, 1, 0]]]), (1, 1, 3, 4), align_corners=True)
    sample = F.grid_sample(image, grid, mode=mode, padding_mode=padding_mode, align_corners=True)
    np.testing.assert_allclose(sample.numpy(), image.numpy(), atol=1e-4)


@pytest.mark.parametrize("mode, expected", [("sum", [[3.0, 5.0], [0, 0]]), ("mean", [[1.5, 2.5], [0, 0]]),
                                            ("max", [[2.0, 3.0], [0, 0]])])
def test_embedding_bag_of_two_rows_and_of_none(mode, expected):
    table = kagari.tensor([[1.0, 2.0], [2.0, 3.0], [9.0, 9.0]])
    y = F.embedding_bag(kagari.tensor([0, 1]), table, kagari.tensor([0, 2]), mode=mode)
    assert y.tolist() == expected


def test_ctc_sums_over_alignments():
    # two steps, one label: the alignments are a-, -a and aa, of probability 1/4 each
    log_probs = kagari.full((2, 1, 2), math.log(0.5))
    loss = F.ctc_loss(log_probs, kagari.tensor([[1]]), (2,), (1,))
    assert loss.item() == pytest.approx(-math.log(0.75))
    assert F.ctc_loss(log_probs, kagari.tensor([[1, 1]]), (2,), (2,)).item() == math.inf
    assert F.ctc_loss(log_probs, kagari.tensor([[1, 1]]), (2,), (2,), zero_infinity=True).item() == 0


def test_losses_that_compare_scores():
    a, b, y = kagari.tensor([1.0, 2.0]), kagari.tensor([3.0, 1.0]), kagari.tensor([1.0, 1.0])
    assert F.margin_ranking_loss(a, b, y, margin=0.5, reduction="none").tolist() == [2.5, 0]
    assert F.hinge_embedding_loss(a, kagari.tensor([1.0, -1.0]), margin=3.0, reduction="none").tolist() == [1, 1]
    assert F.multi_margin_loss(kagari.tensor([[0.0, 0.5]]), kagari.tensor([1])).item() == pytest.approx(0.25)
    assert F.one_hot(kagari.tensor([2, 0])).tolist() == [[0, 0, 1], [1, 0, 0]]
    with pytest.raises(ValueError, match="is not a valid value for reduction"):
        F.soft_margin_loss(a, y, reduction="median")


def test_distances():
    x, y = kagari.tensor([[0.0, 0.0], [3.0, 4.0]]), kagari.tensor([[0.0, 1.0]])
    np.testing.assert_allclose(kagari.cdist(x, x).numpy(), [[0, 5], [5, 0]])
    np.testing.assert_allclose(F.pdist(x, 1).numpy(), [7])
    np.testing.assert_allclose(F.cosine_similarity(x, y).numpy(), [0, 0.8], rtol=1e-6)


def test_sizes_as_tensors_and_groups_of_one_value():
    x = kagari.arange(16.0).reshape(1, 1, 4, 4)
    for mode in ("nearest", "bilinear", "bicubic", "area"):
        size = (kagari.tensor(2), kagari.tensor(3))
        assert kagari.equal(F.interpolate(x, size=size, mode=mode), F.interpolate(x, size=(2, 3), mode=mode))
    with pytest.raises(TypeError, match="expected size to be one of int"):
        F.interpolate(x, size=(kagari.tensor(2.0), 2))
    with pytest.raises(ValueError, match=r"Expected more than 1 value per channel when training, got input size \[1, 4, 1, 1\]"):
        F.group_norm(kagari.ones(1, 4, 1, 1), 4)
    assert F.group_norm(kagari.ones(2, 4, 1, 1), 4).shape == (2, 4, 1, 1)
