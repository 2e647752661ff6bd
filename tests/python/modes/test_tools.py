"""The profiler, the counter of operations, and benchmarks."""
import json

import pytest

import kagari as torch
import kagari.utils.benchmark as benchmark
from kagari.profiler import ProfilerAction, ProfilerActivity, profile, record_function, schedule
from kagari.utils.flop_counter import FlopCounterMode

X = torch.ones(8, 4)


@pytest.fixture
def net():
    return torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 2))


def test_events(net):
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True, profile_memory=True, with_flops=True) as prof:
        with record_function("forward"):
            y = net(X)
        y.sum().backward()
    counts = {e.key: e.count for e in prof.key_averages()}
    assert {k: counts[k] for k in ("forward", "aten::linear", "aten::addmm", "aten::relu", "aten::sum", "AddmmBackward0", "torch::autograd::AccumulateGrad")} == {
        "forward": 1, "aten::linear": 2, "aten::addmm": 2, "aten::relu": 1, "aten::sum": 3, "AddmmBackward0": 2, "torch::autograd::AccumulateGrad": 4}
    forward = prof.events()[0]
    assert forward.name == "forward" and [c.name for c in forward.cpu_children] == ["aten::linear", "aten::relu", "aten::linear"]
    linear = forward.cpu_children[0]
    assert linear.cpu_parent is forward and linear.input_shapes == [[8, 4], [6, 4], [6]] and [c.name for c in linear.cpu_children] == ["aten::t", "aten::addmm"]
    assert linear.cpu_memory_usage == 8 * 6 * 4 and linear.cpu_children[1].flops == 2 * 8 * 4 * 6
    assert 0 <= linear.self_cpu_time_total <= linear.cpu_time_total <= forward.cpu_time_total
    by_shape = prof.key_averages(group_by_input_shape=True)
    assert sorted(e.count for e in by_shape if e.key == "aten::linear") == [1, 1]


def test_table_and_trace(net, tmp_path):
    with profile(with_stack=True) as prof:
        with record_function("forward"):
            net(X)
    table = prof.key_averages().table(sort_by="self_cpu_time_total", row_limit=2)
    assert "Self CPU %" in table and "# of Calls" in table and "Self CPU time total" in table and table.count("aten::") <= 2
    with pytest.raises(AttributeError):
        prof.key_averages().table(sort_by="colour")
    prof.export_chrome_trace(str(tmp_path / "trace.json"))
    trace = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert {e["name"] for e in trace if e["ph"] == "X"} >= {"forward", "aten::linear"} and all("ts" in e for e in trace)
    prof.export_stacks(str(tmp_path / "stacks"))
    assert "test_table_and_trace" in (tmp_path / "stacks").read_text()


def test_schedule_and_steps(net):
    plan = schedule(wait=1, warmup=1, active=2, repeat=2, skip_first=1)
    names = [plan(i).name for i in range(10)]
    assert names == ["NONE", "NONE", "WARMUP", "RECORD", "RECORD_AND_SAVE", "NONE", "WARMUP", "RECORD", "RECORD_AND_SAVE", "NONE"]
    ready = []
    with profile(schedule=schedule(wait=1, warmup=1, active=2), on_trace_ready=lambda p: ready.append((p.step_num, {e.key: e.count for e in p.key_averages()}))) as prof:
        for _ in range(8):
            net(X)
            prof.step()
    assert [step for step, _ in ready] == [4, 8] and all(found["ProfilerStep*"] == 2 and found["aten::linear"] == 4 for _, found in ready)
    assert ProfilerAction.RECORD.value == 2
    with pytest.raises(AssertionError):
        schedule(wait=-1, warmup=0, active=1)


def test_older_profiler_and_switches(net):
    with torch.autograd.profiler.profile() as prof:
        net(X)
    assert {e.key for e in prof.key_averages()} >= {"aten::linear"} and prof.total_average().key == "Total" and prof.self_cpu_time_total > 0
    with torch.autograd.profiler.profile(enabled=False) as off:
        net(X)
    with pytest.raises(RuntimeError, match="didn't finish"):
        off.key_averages()
    with profile() as outer, pytest.raises(RuntimeError, match="already enabled"):
        with profile():
            pass
    assert outer.events() is not None

    @record_function("named")
    def work():
        return X + 1
    work()
    with profile() as prof:
        work()
    assert [e.name for e in prof.events()] == ["named", "aten::add"]
    with pytest.raises(NotImplementedError, match="emit_nvtx"):
        torch.autograd.profiler.emit_nvtx()
    with profile() as prof:
        prof.toggle_collection_dynamic(False, [ProfilerActivity.CPU])
        X + 1
        prof.toggle_collection_dynamic(True, [ProfilerActivity.CPU])
        X * 2
    assert [e.name for e in prof.events()] == ["aten::mul"]


def test_profiler_with_autocast_and_errors(net):
    with profile() as prof, torch.autocast("cpu"):
        net(X)
        with pytest.raises(RuntimeError):
            torch.mm(X, X)
    linear = [e for e in prof.events() if e.name == "aten::linear"]
    assert len(linear) == 2 and {"aten::_to_copy", "aten::addmm"} <= {c.name for c in linear[0].cpu_children}


def test_flops(net):
    with FlopCounterMode(display=False) as counter:
        net(X.clone().requires_grad_()).sum().backward()
    forward = 2 * 8 * (4 * 6 + 6 * 2)
    assert counter.get_total_flops() == 3 * forward
    assert counter.get_flop_counts()["Global"][torch.ops.aten.addmm] == forward and counter.get_flop_counts()["Sequential.0"][torch.ops.aten.addmm] == 2 * 8 * 24
    conv = torch.nn.Conv2d(4, 8, 3, groups=2, stride=2)
    with FlopCounterMode(display=False) as counter:
        conv(torch.ones(1, 4, 9, 9, requires_grad=True)).sum().backward()
    assert counter.get_total_flops() == 4608 + 13824
    assert counter.get_table().splitlines()[0].split() == ["Module", "FLOP", "%", "Total"]
    with FlopCounterMode(display=False, custom_mapping={torch.ops.aten.sin: lambda shape, out_shape=None: 7}) as counter:
        torch.ones(3).sin()
    assert counter.get_total_flops() == 7


def test_benchmark():
    timer = benchmark.Timer("x + 1", globals={"x": X}, label="sums", sub_label="one", description="now")
    m = timer.timeit(5)
    assert m.number_per_run == 5 and len(m.times) == 1 and 0 < m.median == m.mean and "sums: one" in repr(m) and m.num_threads == 1
    many = timer.blocked_autorange(min_run_time=0.002)
    assert sum(many.raw_times) >= 0.002 and many.iqr >= 0
    assert len(timer.adaptive_autorange(min_run_time=0.001, max_run_time=0.01).times) >= 1
    other = benchmark.Timer("x * 2", globals={"x": X}, label="sums", sub_label="two", description="later").timeit(5)
    compare = benchmark.Compare([m, other])
    compare.trim_significant_figures()
    text = str(compare)
    assert "sums" in text and "now" in text and "later" in text and "one" in text and "1 threads" in text and "Times are in" in text
    merged = benchmark.Measurement.merge([m, timer.timeit(5)])
    assert len(merged) == 1 and len(merged[0].times) == 2
    with pytest.raises(NotImplementedError):
        benchmark.Timer("1", language="c++")
    with pytest.raises(NotImplementedError, match="callgrind"):
        timer.collect_callgrind()
    assert benchmark.select_unit(2e-5) == ("us", 1e-6) and benchmark.trim_sigfig(1234.5, 2) == 1200
    fuzzer = benchmark.Fuzzer([benchmark.FuzzedParameter("n", 1, 8, "uniform")], [benchmark.FuzzedTensor("x", size=("n", 3))], seed=1)
    assert all(t["x"].shape == (p["n"], 3) for t, _, p in fuzzer.take(3))
