"""DataLoader in one process and with workers, with orders and seeds recorded from PyTorch 2.13."""
import os
import random
import signal
import subprocess
import sys
import time
import warnings

import kagari
import pytest
from kagari.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset, get_worker_info

TEN = list(range(10))


def numbers(loader):
    return [int(x) for x in loader]


class Stream(IterableDataset):
    def __init__(self, length=7):
        self.length = length

    def __iter__(self):
        return iter(range(self.length))


class Shared(IterableDataset):
    """Each worker gives its own numbers, and a different count of them."""

    def __iter__(self):
        info = get_worker_info()
        return iter(range(info.id * 10, info.id * 10 + 3 * (info.id + 1)))


class Seeds(Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        import numpy

        return kagari.initial_seed(), random.random(), float(numpy.random.rand()), kagari.rand(1).item()


class Pictures(Dataset):
    """Samples of many kinds, one of them large enough for shared memory."""

    def __len__(self):
        return 4

    def __getitem__(self, i):
        return {"large": kagari.full((3, 100, 100), float(i)), "turned": kagari.arange(6).view(2, 3).t() + i,
                "half": kagari.full((2,), float(i), dtype=kagari.bfloat16), "text": f"x{i}", "number": kagari.tensor(i),
                "empty": kagari.empty(0, 3), "flag": kagari.tensor([True, False]), "weight": kagari.nn.Parameter(kagari.ones(2))}


class Failing(Dataset):
    def __init__(self, error):
        self.error = error

    def __len__(self):
        return 4

    def __getitem__(self, index):
        raise self.error


class Killed(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        os.kill(os.getpid(), signal.SIGKILL)


class Slow(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        time.sleep(30)


@pytest.mark.parametrize("workers", [0, 2])
def test_seeded_order(workers):
    kagari.manual_seed(7)
    loader = DataLoader(TEN, shuffle=True, num_workers=workers)
    assert numbers(loader) == [3, 2, 7, 8, 6, 1, 5, 9, 0, 4]
    assert numbers(loader) == [1, 3, 5, 2, 8, 9, 6, 7, 4, 0]


def test_seeded_order_with_persistent_workers():
    kagari.manual_seed(7)
    loader = DataLoader(TEN, shuffle=True, num_workers=2, persistent_workers=True)
    assert numbers(loader) == [3, 2, 7, 8, 6, 1, 5, 9, 0, 4]
    workers = list(loader._iterator._workers)
    assert numbers(loader) == [1, 0, 5, 7, 8, 2, 3, 4, 9, 6]
    assert loader._iterator._workers == workers


def test_order_of_a_generator():
    generator = kagari.Generator()
    generator.manual_seed(3)
    loader = DataLoader(TEN, shuffle=True, generator=generator)
    assert numbers(loader) == [7, 4, 2, 9, 1, 5, 0, 8, 6, 3]
    assert numbers(loader) == [1, 2, 0, 5, 9, 4, 8, 3, 6, 7]


def test_seeds_of_workers():
    pytest.importorskip("numpy").random.rand()
    kagari.manual_seed(7)
    rows = list(DataLoader(Seeds(), batch_size=None, num_workers=2))
    assert rows[0] == pytest.approx([1407639518939636932, 0.9290632898373887, 0.03541536592796235, 0.11662513017654419])
    assert rows[1] == pytest.approx([1407639518939636933, 0.5574193789609411, 0.240715442815568, 0.3148404359817505])


@pytest.mark.parametrize("options", [{}, {"batch_size": 3}, {"batch_size": 3, "drop_last": True}, {"batch_size": None},
                                     {"batch_sampler": [[1, 2], [3]]}, {"sampler": [4, 2], "batch_size": 2}])
@pytest.mark.parametrize("start", [None, "fork"])
def test_workers_give_what_one_process_gives(options, start):
    dataset = TensorDataset(kagari.arange(10), kagari.arange(20).view(10, 2))
    alone = list(DataLoader(dataset, **options))
    loader = DataLoader(dataset, num_workers=2, multiprocessing_context=start, **options)
    together = list(loader)
    assert len(alone) == len(together) == len(loader)
    for a, b in zip(alone, together):
        assert type(a) is type(b) and all(kagari.equal(x, y) for x, y in zip(a, b))


def test_gathered_batches_equal_collated_samples():
    dataset = Subset(Subset(TensorDataset(kagari.randn(20, 3), kagari.arange(20)), list(range(5, 20))), [0, 3, 7, 2, 1])
    for batch, plain in zip(DataLoader(dataset, 2), DataLoader(dataset, 2, collate_fn=list)):
        for i, column in enumerate(batch):
            assert kagari.equal(column, kagari.stack([sample[i] for sample in plain]))


def test_tensors_of_all_kinds_travel():
    for i, sample in enumerate(DataLoader(Pictures(), batch_size=None, num_workers=2)):
        expected = Pictures()[i]
        assert list(sample) == list(expected)
        for key, value in expected.items():
            got = sample[key]
            if isinstance(value, kagari.Tensor):
                assert type(got) is type(value) and got.dtype == value.dtype and got.stride() == value.stride(), key
                assert got.requires_grad == value.requires_grad and kagari.equal(got, value)
                if not got.requires_grad:
                    got.zero_()
            else:
                assert got == value


def test_iterable_datasets():
    assert [x.tolist() for x in DataLoader(Stream(), batch_size=3)] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [x.tolist() for x in DataLoader(Stream(), batch_size=3, drop_last=True)] == [[0, 1, 2], [3, 4, 5]]
    assert list(DataLoader(Stream(), batch_size=None)) == list(range(7))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shared = [x.tolist() for x in DataLoader(Shared(), batch_size=2, num_workers=3)]
    assert shared == [[0, 1], [10, 11], [20, 21], [2], [12, 13], [22, 23], [14, 15], [24, 25], [26, 27], [28]]


def test_length_of_an_iterable_dataset_is_checked():
    class Short(Stream):
        def __len__(self):
            return 3

    loader = DataLoader(Short(), batch_size=None)
    assert len(loader) == 3
    with pytest.warns(UserWarning, match="was reported to be 3"):
        list(loader)


@pytest.mark.parametrize("error", [ValueError("bad"), KeyError("zz"), RuntimeError("worse")])
def test_errors_of_workers(error):
    with pytest.raises(type(error)) as caught:
        list(DataLoader(Failing(error), num_workers=1))
    text = str(caught.value)
    assert text.startswith(f"Caught {type(error).__name__} in DataLoader worker process 0.\nOriginal Traceback")
    assert "in __getitem__" in text


def test_error_of_worker_init_fn():
    def fail(worker_id):
        raise RuntimeError(f"init {worker_id}")

    with pytest.raises(RuntimeError, match="init 0"):
        list(DataLoader(TEN, num_workers=1, worker_init_fn=fail))


def test_loading_goes_on_after_an_error():
    class Sometimes(Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            if index == 1:
                raise ValueError("one")
            return index

    iterator = iter(DataLoader(Sometimes(), num_workers=2))
    assert next(iterator).item() == 0
    with pytest.raises(ValueError):
        next(iterator)
    assert [x.item() for x in iterator] == [2, 3]


def test_killed_worker_is_noticed():
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=r"DataLoader worker \(pid\(s\) \d+\) exited unexpectedly"):
        list(DataLoader(Killed(), num_workers=1))
    assert time.monotonic() - start < 20


def test_timeout():
    with pytest.raises(RuntimeError, match="DataLoader timed out after 0.5 seconds"):
        list(DataLoader(Slow(), num_workers=1, timeout=0.5))


def test_workers_end_with_the_iterator():
    iterator = iter(DataLoader(TEN, num_workers=2))
    next(iterator)
    workers = list(iterator._workers)
    del iterator
    assert not any(worker.is_alive() for worker in workers)


def test_abandoned_epoch_of_persistent_workers():
    loader = DataLoader(TEN, num_workers=2, persistent_workers=True)
    for i, _ in enumerate(loader):
        if i == 3:
            break
    assert numbers(loader) == TEN


def test_no_descriptors_leak():
    def count():
        return len(os.listdir("/proc/self/fd"))

    list(DataLoader(Pictures(), batch_size=None, num_workers=2))
    before = count()
    for _ in range(3):
        list(DataLoader(Pictures(), batch_size=None, num_workers=2))
    assert count() <= before


def test_large_index_lists_do_not_block():
    loader = DataLoader(range(200000), batch_size=100000, num_workers=1, collate_fn=len)
    assert list(loader) == [100000, 100000]


def test_any_order():
    assert sorted(numbers(DataLoader(TEN, num_workers=2, in_order=False))) == TEN


def test_worker_info():
    assert get_worker_info() is None
    infos = list(DataLoader(TEN, batch_size=None, num_workers=2, collate_fn=lambda x: (x, repr(get_worker_info().id),
                                                                                        get_worker_info().num_workers,
                                                                                        kagari.get_num_threads())))
    assert infos[:2] == [(0, "0", 2, 1), (1, "1", 2, 1)]


def test_program_ends_while_workers_run():
    program = ("import kagari\nfrom kagari.utils.data import DataLoader\n"
               "iterator = iter(DataLoader(list(range(100)), num_workers=2, persistent_workers=True))\nnext(iterator)\n")
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0 and result.stderr == ""


def test_pin_memory_warns():
    with pytest.warns(UserWarning, match="'pin_memory' argument is set as true but no accelerator is found"):
        next(iter(DataLoader(TEN, pin_memory=True)))


ERRORS = [
    ({"batch_size": 0}, "batch_size should be a positive integer value, but got batch_size=0"),
    ({"num_workers": -1}, "num_workers option should be non-negative"),
    ({"timeout": -1}, "timeout option should be non-negative"),
    ({"prefetch_factor": 2}, "prefetch_factor option could only be specified in multiprocessing."),
    ({"persistent_workers": True}, "persistent_workers option needs num_workers > 0"),
    ({"sampler": [1], "shuffle": True}, "sampler option is mutually exclusive with shuffle"),
    ({"batch_sampler": [[1]], "batch_size": 3}, "batch_sampler option is mutually exclusive with batch_size, shuffle,"),
    ({"batch_size": None, "drop_last": True}, "batch_size=None option disables auto-batching and is mutually exclusive"),
    ({"num_workers": 1, "multiprocessing_context": "foo"}, "multiprocessing_context option should specify a valid start"),
]


@pytest.mark.parametrize("i", range(len(ERRORS)))
def test_errors(i):
    options, text = ERRORS[i]
    with pytest.raises(ValueError) as caught:
        DataLoader(TEN, **options)
    assert str(caught.value).startswith(text)


def test_iterable_datasets_have_no_order():
    with pytest.raises(ValueError, match="expected unspecified shuffle option, but got shuffle=True"):
        DataLoader(Stream(), shuffle=True)


def test_attributes_are_fixed():
    loader = DataLoader(TEN)
    with pytest.raises(ValueError, match="batch_size attribute should not be set after DataLoader is initialized"):
        loader.batch_size = 3
