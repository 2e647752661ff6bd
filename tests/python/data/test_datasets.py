"""Datasets, samplers and collating, with orders recorded from PyTorch 2.13."""
from collections import OrderedDict, namedtuple

import kagari
import pytest
from kagari.utils.data import (BatchSampler, ChainDataset, ConcatDataset, Dataset, DistributedSampler, IterableDataset,
                               RandomSampler, SequentialSampler, StackDataset, Subset, SubsetRandomSampler,
                               TensorDataset, WeightedRandomSampler, default_collate, default_convert, random_split)

TEN = list(range(10))
DATASET = TensorDataset(kagari.arange(10))


def generator(seed=3):
    result = kagari.Generator()
    result.manual_seed(seed)
    return result


class Stream(IterableDataset):
    def __iter__(self):
        return iter(range(7))


def test_orders():
    kagari.manual_seed(7)
    assert list(RandomSampler(TEN)) == [3, 0, 1, 9, 4, 7, 2, 5, 6, 8]
    assert list(RandomSampler(TEN, num_samples=23, generator=generator())) == [
        6, 0, 3, 7, 8, 5, 1, 9, 2, 4, 9, 8, 5, 3, 0, 6, 7, 2, 1, 4, 0, 9, 6]
    assert list(RandomSampler(TEN, True, 40, generator())) == [
        6, 8, 7, 7, 0, 0, 0, 5, 1, 9, 4, 1, 5, 9, 6, 9, 5, 4, 0, 4, 6, 9, 1, 6, 2, 8, 7, 4, 4, 0, 0, 1, 4, 3, 9, 2, 3, 0,
        2, 1]
    assert list(SubsetRandomSampler([5, 7, 9, 11], generator())) == [9, 11, 7, 5]
    assert list(SequentialSampler(TEN)) == TEN


def test_weighted_orders():
    weights = [0.1, 0.5, 0.4, 1.0]
    assert list(WeightedRandomSampler(weights, 5, True, generator())) == [0, 1, 3, 1, 3]
    assert list(WeightedRandomSampler(weights, 3, False, generator())) == [3, 0, 1]


def test_distributed_sampler():
    assert [list(DistributedSampler(TEN, 3, rank, seed=1)) for rank in range(3)] == [
        [5, 2, 9, 4], [6, 0, 3, 5], [1, 8, 7, 6]]
    assert [list(DistributedSampler(TEN, 3, rank, False, drop_last=True)) for rank in range(3)] == [
        [0, 3, 6], [1, 4, 7], [2, 5, 8]]
    assert [list(DistributedSampler(range(2), 5, rank, False)) for rank in range(5)] == [[0], [1], [0], [1], [0]]
    sampler = DistributedSampler(TEN, 3, 0)
    first = list(sampler)
    sampler.set_epoch(1)
    assert list(sampler) != first and len(sampler) == 4


def test_random_split():
    assert [part.indices for part in random_split(TEN, [0.33, 0.33, 0.34], generator())] == [
        [6, 0, 3, 7], [8, 5, 1], [9, 2, 4]]
    assert [part.indices for part in random_split(TEN, [7, 3], generator())] == [[6, 0, 3, 7, 8, 5, 1], [9, 2, 4]]
    with pytest.warns(UserWarning, match="Length of split at index 2 is 0"):
        assert [len(part) for part in random_split(range(3), [0.2, 0.2, 0.2, 0.4])] == [1, 1, 0, 1]


def test_batch_sampler():
    assert list(BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert len(BatchSampler(range(5), 2, False)) == 3 and len(BatchSampler(range(5), 2, True)) == 2


def test_composed_datasets():
    both = DATASET + DATASET
    assert len(both) == 20 and both.cumulative_sizes == [10, 20]
    assert both[-1][0].item() == 9 and both[12][0].item() == 2
    assert list(Stream() + Stream()) == [*range(7), *range(7)]
    assert StackDataset(a=DATASET, b=TEN)[3] == {"a": (kagari.tensor(3),), "b": 3}
    assert StackDataset(TEN, TEN).__getitems__([1, 2]) == [(1, 1), (2, 2)]
    assert Subset(TEN, [5, 6])[1] == 6 and Subset(TEN, [5, 6]).__getitems__([0]) == [5]


class Plain(Dataset):
    pass


ERRORS = [
    (lambda: Plain()[0], NotImplementedError, "Subclasses of Dataset should implement __getitem__."),
    (lambda: len(Plain()), TypeError, "object of type 'Plain' has no len()"),
    (lambda: TensorDataset(kagari.ones(2), kagari.ones(3)), AssertionError, "Size mismatch between tensors"),
    (lambda: StackDataset(TEN, [1]), ValueError, "Size mismatch between datasets"),
    (lambda: StackDataset(), ValueError, "At least one dataset should be passed"),
    (lambda: ConcatDataset([]), AssertionError, "datasets should not be an empty iterable"),
    (lambda: ConcatDataset([Stream()]), AssertionError, "ConcatDataset does not support IterableDataset"),
    (lambda: (DATASET + DATASET)[-21], ValueError, "absolute value of index should not exceed dataset length"),
    (lambda: list(ChainDataset([TEN])), AssertionError, "ChainDataset only supports IterableDataset"),
    (lambda: random_split(TEN, [3, 3]), ValueError, "Sum of input lengths does not equal the length of the input dataset!"),
    (lambda: RandomSampler(TEN, replacement=3), TypeError, "replacement should be a boolean value, but got replacement=3"),
    (lambda: RandomSampler([]), ValueError, "num_samples should be a positive integer value, but got num_samples=0"),
    (lambda: WeightedRandomSampler([[1, 2]], 2), ValueError, "weights should be a 1d sequence but given weights have"),
    (lambda: BatchSampler(TEN, 0, False), ValueError, "batch_size should be a positive integer value, but got batch_size=0"),
    (lambda: BatchSampler(TEN, 2, 3), ValueError, "drop_last should be a boolean value, but got drop_last=3"),
    (lambda: DistributedSampler(TEN, 2, 2), ValueError, "Invalid rank 2, rank should be in the interval [0, 1]"),
    (lambda: default_collate([None]), TypeError, "default_collate: batch must contain tensors, numpy arrays, numbers,"),
    (lambda: default_collate([[1], [1, 2]]), RuntimeError, "each element in list of batch should be of equal size"),
]


@pytest.mark.parametrize("i", range(len(ERRORS)))
def test_errors(i):
    call, kind, text = ERRORS[i]
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value).startswith(text)


Point = namedtuple("Point", "x y")


def same(a, b):
    if isinstance(a, kagari.Tensor):
        return isinstance(b, kagari.Tensor) and a.dtype == b.dtype and kagari.equal(a, b)
    if isinstance(a, dict):
        return type(a) is type(b) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    return a == b


def test_collate():
    np = pytest.importorskip("numpy")
    t = kagari.tensor
    double = kagari.float64
    for samples, expected in [
        ([1, 2], t([1, 2])), ([True, False], t([True, False])), ([1.5, 2.0], t([1.5, 2.0], dtype=double)),
        (["a", "b"], ["a", "b"]), ([b"a"], [b"a"]), ([(1, 2.0), (3, 4.0)], [t([1, 3]), t([2.0, 4.0], dtype=double)]),
        ([{"a": 1, "b": [1]}, {"a": 2, "b": [2]}], {"a": t([1, 2]), "b": [t([1, 2])]}),
        ([Point(1, 2), Point(3, 4)], Point(t([1, 3]), t([2, 4]))), ([t([1.0]), t([2.0])], t([[1.0], [2.0]])),
        ([np.float32(1), np.float32(2)], t([1.0, 2.0])), ([np.ones(2), np.zeros(2)], t([[1.0, 1], [0, 0]], dtype=double)),
        ([np.array(3), np.array(4)], t([3, 4])), ([np.int16(3)], t([3], dtype=kagari.int16)), ([()], []),
        ([OrderedDict(a=1)], OrderedDict(a=t([1]))), ([range(2), range(2)], [t([0, 0]), t([1, 1])]),
    ]:
        assert same(default_collate(samples), expected), samples
    with pytest.raises(TypeError, match="found <U1"):
        default_collate([np.array("a")])


def test_convert():
    np = pytest.importorskip("numpy")
    assert same(default_convert([np.float32(1), {"a": np.ones(2)}, "x", 3, (np.array("a"),)]),
                [kagari.tensor(1.0), {"a": kagari.ones(2, dtype=kagari.float64)}, "x", 3, [np.array("a")]])


def test_registered_types():
    from kagari.utils.data._utils.collate import collate, default_collate_fn_map

    class Mine:
        pass

    def joined(batch, *, collate_fn_map=None):
        return len(batch)

    assert collate([Mine(), Mine()], collate_fn_map={Mine: joined}) == 2
    default_collate_fn_map[Mine] = joined
    try:
        assert same(default_collate([(Mine(), 1), (Mine(), 2)]), [2, kagari.tensor([1, 2])])
    finally:
        del default_collate_fn_map[Mine]


def test_pipes_in_an_order():
    from kagari.utils.data.datapipes.iter import IterableWrapper, Sampler, Shuffler
    from kagari.utils.data.datapipes.iter.combinatorics import SamplerIterDataPipe, ShufflerIterDataPipe
    assert Shuffler is ShufflerIterDataPipe and Sampler is SamplerIterDataPipe
    pipe = IterableWrapper(range(10))
    kagari.manual_seed(0)
    assert list(pipe.shuffle()) == [3, 5, 0, 1, 9, 6, 2, 7, 4, 8]  # as PyTorch's
    assert sorted(pipe.shuffle(buffer_size=3)) == list(range(10)) and list(Sampler(pipe)) == list(range(10))
    assert len(Sampler(pipe, kagari.utils.data.RandomSampler, sampler_kwargs={"num_samples": 3})) == 3
    with pytest.raises(AssertionError, match="requires input datapipe implemented `__len__`"):
        Sampler(pipe.filter(bool))
