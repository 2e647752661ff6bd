"""Data pipes against the plain Python that they stand for."""
import pytest

import kagari as torch
from kagari.utils.data import graph, graph_settings
from kagari.utils.data.datapipes import map as maps
from kagari.utils.data.datapipes.iter import FileLister, FileOpener, IterableWrapper, Sampler


def pipe(n=10):
    return IterableWrapper(range(n))


def test_branches():
    first, second = pipe().fork(2)
    assert list(first) == list(range(10)) and list(second) == list(range(10)) and list(first) == list(range(10))
    even, odd = pipe().demux(2, lambda x: x % 2)
    assert list(odd) == [1, 3, 5, 7, 9] and list(even) == [0, 2, 4, 6, 8]
    assert [list(one) for one in pipe().demux(2, lambda x: None if x > 5 else x % 2, drop_none=True)] == [[0, 2, 4], [1, 3, 5]]
    assert list(pipe(3).mux(pipe(5), pipe(4))) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    with pytest.raises(BufferError, match="buffer size 4"):
        list(pipe().fork(2, buffer_size=4)[0])
    with pytest.raises(ValueError, match="between 0 and 1"):
        list(pipe().demux(2, lambda x: x)[0])


def test_groups():
    assert list(pipe().groupby(lambda x: x % 3)) == [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8]]
    assert list(pipe().groupby(lambda x: x % 3, group_size=2, keep_key=True)) == [(0, [0, 3]), (1, [1, 4]), (2, [2, 5]), (0, [6, 9]), (1, [7]), (2, [8])]
    assert list(pipe().groupby(lambda x: x % 3, buffer_size=4)) == [[0, 3], [1, 4], [2, 5], [6, 9], [7], [8]]


def test_columns():
    rows = IterableWrapper([(1, 2), (3, 4)])
    assert list(rows.map(lambda x: x * 10, input_col=1)) == [(1, 20), (3, 40)]
    assert list(rows.map(lambda a, b: a + b, input_col=[0, 1])) == [(3,), (7,)]
    assert list(rows.map(lambda x: x * 10, input_col=1, output_col=-1)) == [(1, 2, 20), (3, 4, 40)]
    assert list(IterableWrapper([{"a": 1}]).map(lambda x: -x, input_col="a", output_col="b")) == [{"a": 1, "b": -1}]
    assert list(rows.filter(lambda x: x > 2, input_col=1)) == [(3, 4)]
    with pytest.raises(ValueError, match="output_col"):
        rows.map(abs, output_col=1)


def test_pipes_with_indices():
    numbers = maps.SequenceWrapper(range(5))
    assert list(numbers.map(lambda x: x + 1).batch(2)) == [[1, 2], [3, 4], [5]] and len(numbers.batch(2, drop_last=True)) == 2
    assert numbers.zip(maps.SequenceWrapper("abc"))[2] == (2, "c") and numbers.concat(maps.SequenceWrapper("abc"))[6] == "b"
    assert sorted(numbers.shuffle()) == list(range(5)) and list(numbers.shuffle().set_seed(3)) == [0, 2, 3, 4, 1]
    with pytest.raises(IndexError):
        numbers.batch(2)[5]


def test_files(tmp_path):
    for name in ("a.txt", "b.txt", "c.md"):
        (tmp_path / name).write_text(name)
    assert [path[-5:] for path in FileLister(str(tmp_path), "*.txt")] == ["a.txt", "b.txt"]
    assert [content for _, content in FileOpener(FileLister(str(tmp_path))).read_from_stream()] == ["a.txt", "b.txt", "c.md"]


def test_settings_of_a_graph():
    made = pipe().shuffle().sharding_filter()
    assert len(graph_settings.get_all_graph_pipes(graph.traverse_dps(made))) == 3
    graph_settings.apply_shuffle_settings(made, False)
    graph_settings.apply_sharding(made, 3, 1)
    assert list(made) == [1, 4, 7]
    with pytest.warns(UserWarning, match="Shuffler"):
        mixed = graph_settings.apply_shuffle_settings(pipe(), True)
    graph_settings.apply_random_seed(mixed, torch.Generator().manual_seed(0))
    assert sorted(mixed) == list(range(10)) and list(Sampler(pipe(4))) == [0, 1, 2, 3]
