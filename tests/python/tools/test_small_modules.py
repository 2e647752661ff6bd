"""Small modules around tensors: loops as functions, storages, statistics, switches."""
import copy
import datetime

import pytest

import kagari as torch


@pytest.mark.parametrize("pattern, sizes, expected", [
    ("a b c -> c a b", {}, lambda x: x.permute(2, 0, 1)), ("a b c -> a (b c)", {}, lambda x: x.reshape(2, 12)),
    ("a (b1 b2) c -> b1 a (b2 c)", {"b1": 3}, lambda x: x.reshape(2, 3, 1, 4).permute(1, 0, 2, 3).reshape(3, 2, 4)),
    ("... c -> c ...", {}, lambda x: x.permute(2, 0, 1)), ("a ... -> (a ...)", {}, lambda x: x.reshape(-1)), ("a b c -> () a b c 1", {}, lambda x: x[None, ..., None]),
])
def test_rearrange(pattern, sizes, expected):
    x = torch.arange(24).reshape(2, 3, 4)
    assert torch.equal(torch.func.rearrange(x, pattern, **sizes), expected(x))


@pytest.mark.parametrize("pattern, text", [("a b c", "single '->'"), ("a b c -> a b", "only on one side"), ("a a b -> a b", "duplicate"), ("a b -> b a", "Number of dimensions"),
                                           ("a (b d) c -> a b c d", "cannot infer"), ("a b c -> a [b] c", "Invalid character")])
def test_wrong_patterns(pattern, text):
    with pytest.raises(ValueError, match=text):
        torch.func.rearrange(torch.zeros(2, 3, 4), pattern)


def test_loops():
    hop, x = torch._higher_order_ops, torch.arange(6.0).reshape(3, 2)
    assert torch.equal(hop.map(lambda row, k: row * k, x, 2), x * 2)
    carry, rows = hop.scan(lambda c, row: (c + row, {"before": c}), torch.zeros(2), x)
    assert torch.equal(carry, x.sum(0)) and torch.equal(rows["before"], x.cumsum(0) - x)
    assert torch.equal(hop.associative_scan(torch.add, x, 0), x.cumsum(0)) and torch.equal(hop.associative_scan(torch.add, x, 1, reverse=True), x.flip(1).cumsum(1).flip(1))
    with pytest.raises(ValueError, match="same size"):
        hop.map(lambda pair: pair[0], (x, x[:1]))


def test_storages():
    untyped = torch.tensor([1.0, 2.0]).untyped_storage()
    assert untyped.float().tolist() == [1.0, 2.0] and untyped.byte().size() == 8 and untyped.type() == "torch.storage.UntypedStorage" and untyped.to(device="cpu") is untyped
    copied = copy.deepcopy(untyped)
    assert copied.data_ptr() != untyped.data_ptr() and copied.float().tolist() == [1.0, 2.0]
    copied.byteswap(torch.float32)
    copied.byteswap(torch.int16)
    copied.byteswap(torch.int16)
    copied.byteswap(torch.float32)
    assert copied.float().tolist() == [1.0, 2.0]
    assert torch.ByteStorage.from_buffer(b"ab").tolist() == [97, 98] and torch.ShortStorage.from_buffer(b"\x00\x01", byte_order="big").tolist() == [1]
    with pytest.raises(RuntimeError, match="cuda"):
        untyped.cuda()


def test_statistics():
    events = []
    handle = torch.monitor.register_event_handler(events.append)
    stat = torch.monitor.Stat("loss", [torch.monitor.Aggregation.MEAN, torch.monitor.Aggregation.MAX], datetime.timedelta(hours=1), 2)
    for value in (1, 3, 7):
        stat.add(value)
    torch.monitor.unregister_event_handler(handle)
    assert stat.get() == {torch.monitor.Aggregation.MEAN: 2.0, torch.monitor.Aggregation.MAX: 3.0} and stat.count == 1
    assert [event.data for event in events] == [{"loss.mean": 2.0, "loss.max": 3.0}]


def test_switches_and_absent_formats():
    before = torch._C._jit_set_texpr_fuser_enabled(False)
    assert torch._C._jit_set_texpr_fuser_enabled(before) is False and torch._C._jit_texpr_fuser_enabled() is True
    with pytest.raises(NotImplementedError, match="CUDA"):
        torch.sparse.to_sparse_semi_structured(torch.ones(32, 64))
    assert not torch.mtia.is_available() and not torch.backends.cuda.can_use_flash_attention(None)
    f = torch.nn.quantized.FloatFunctional()
    assert f.add_relu(torch.tensor(-3.0), torch.tensor(1.0)) == 0 and f.cat([torch.ones(1)] * 2).shape == (2,)
    with pytest.raises(RuntimeError, match="forward"):
        f(torch.ones(1))
    assert list(torch.utils._ordered_set.OrderedSet([3, 1, 3, 2]) - {1}) == [3, 2]
