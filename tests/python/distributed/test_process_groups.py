"""Groups of processes: stores, collective operations, messages, and DistributedDataParallel against one process."""
import datetime
import threading

import pytest

import kagari as torch
import kagari.distributed as dist
import kagari.multiprocessing as mp
from kagari.nn.parallel import DistributedDataParallel

SIZE = 3


def start(work, tmp_path, size=SIZE):
    """Runs work(rank) in processes of one group; what they raise is raised here."""
    mp.spawn(run, (size, str(tmp_path / "meeting"), work), nprocs=size)


def run(rank, size, path, work):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{path}", rank=rank, world_size=size, timeout=datetime.timedelta(seconds=60))
    work(rank)
    dist.destroy_process_group()


def collectives(rank):
    for count in (3, 30000):                                     # both ways of all_reduce
        for op, expected in ((dist.ReduceOp.SUM, 3.0), (dist.ReduceOp.MAX, 2.0), (dist.ReduceOp.AVG, 1.0), (dist.ReduceOp.PRODUCT, 0.0)):
            t = torch.full((count,), float(rank))
            assert dist.all_reduce(t, op) is None and t.eq(expected).all()
    t = torch.full((4, 2), float(rank)).t()
    dist.broadcast(t, 1)
    assert t.eq(1).all() and not t.is_contiguous()
    pieces = [torch.zeros(2, dtype=torch.int64) for _ in range(SIZE)]
    dist.all_gather(pieces, torch.tensor([rank, -rank]))
    assert [p.tolist() for p in pieces] == [[0, 0], [1, -1], [2, -2]]
    whole = torch.zeros(2 * SIZE)
    dist.all_gather_into_tensor(whole, torch.full((2,), float(rank)))
    assert whole.tolist() == [0, 0, 1, 1, 2, 2]
    if rank == 0:
        dist.gather(torch.tensor([rank]), pieces := [torch.zeros(1, dtype=torch.int64) for _ in range(SIZE)], 0)
        assert [p.item() for p in pieces] == [0, 1, 2]
    else:
        dist.gather(torch.tensor([rank]), dst=0)
    got = torch.zeros(2)
    dist.scatter(got, [torch.full((2,), 10.0 + r) for r in range(SIZE)] if rank == 2 else None, src=2)
    assert got.eq(10 + rank).all()
    out = torch.zeros(2)
    dist.reduce_scatter_tensor(out, torch.arange(6.0))
    assert out.tolist() == [6.0 * rank, 6.0 * rank + 3]
    exchanged = torch.zeros(SIZE, dtype=torch.int64)
    dist.all_to_all_single(exchanged, torch.arange(SIZE) + 10 * rank)
    assert exchanged.tolist() == [rank, 10 + rank, 20 + rank]
    works = [dist.all_reduce(torch.full((5,), float(i)), async_op=True) for i in range(4)]
    assert all(w.wait() for w in works) and [w.result()[0][0].item() for w in works] == [0, 3, 6, 9]
    dist.barrier()
    dist.monitored_barrier()
    group = dist.new_group([0, 2])
    if rank == 1:
        assert dist.get_rank(group) == -1 and dist.all_reduce(torch.ones(1), group=group) is None
    else:
        dist.all_reduce(t := torch.ones(1), group=group)
        assert t.item() == 2 and dist.get_rank(group) == rank // 2 and dist.get_global_rank(group, 1) == 2
    with pytest.raises(RuntimeError, match="invalid tensor size"):
        dist.all_gather([torch.zeros(1)] * SIZE, torch.zeros(2))
    with pytest.raises(TypeError, match="Expected parameter `tensor`"):
        dist.all_reduce([1])


def messages(rank):
    if rank == 0:
        dist.send(torch.tensor([1.0]), 1, tag=1)
        dist.send(torch.tensor([2.0]), 1, tag=2)
    if rank == 1:
        t = torch.zeros(1)
        assert dist.recv(t, 0, tag=2) == 0 and t.item() == 2          # tags may come in another order
        assert dist.recv(t, tag=1) == 0 and t.item() == 1
    operations = [dist.P2POp(dist.isend, torch.tensor([rank]), (rank + 1) % SIZE), dist.P2POp(dist.irecv, got := torch.zeros(1, dtype=torch.int64), (rank - 1) % SIZE)]
    for work in dist.batch_isend_irecv(operations):
        work.wait()
    assert got.item() == (rank - 1) % SIZE
    everyone = [None] * SIZE
    dist.all_gather_object(everyone, {"rank": rank, "text": "x" * rank})
    assert [o["rank"] for o in everyone] == [0, 1, 2]
    objects = [rank, {"from": rank}]
    dist.broadcast_object_list(objects, src=1)
    assert objects == [1, {"from": 1}]
    dist.scatter_object_list(mine := [None], ["a", "b", "c"] if rank == 0 else None, src=0)
    assert mine == ["abc"[rank]]
    mesh = dist.init_device_mesh("cpu", (SIZE,), mesh_dim_names=("data",))
    assert mesh.size() == SIZE and mesh.get_local_rank("data") == rank and dist.get_world_size(mesh.get_group()) == SIZE


def test_collectives(tmp_path):
    start(collectives, tmp_path)


def test_messages_and_objects(tmp_path):
    start(messages, tmp_path)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.extra = torch.nn.Linear(4, 8), torch.nn.Linear(8, 2), torch.nn.Linear(4, 2)

    def forward(self, x, extra=False):
        y = self.second(torch.tanh(self.first(x)))
        return y + self.extra(x) if extra else y


def batch():
    g = torch.Generator().manual_seed(3)
    return torch.randn(12, 4, generator=g), torch.randn(12, 2, generator=g)


def trained(model, part, steps=3):
    x, y = batch()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(x[part], extra=True), y[part]).backward()
        optimizer.step()
    return [p.detach().clone() for p in model.parameters()]


def parallel_training(rank):
    torch.manual_seed(rank)                                      # rank 0's weights count
    model = DistributedDataParallel(Net(), bucket_cap_mb=0.0001)
    assert list(model.state_dict())[0] == "module.first.weight"
    got = trained(model, slice(rank, None, SIZE))
    torch.manual_seed(0)
    for a, b in zip(got, trained(Net(), slice(None)), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    x, _ = batch()
    model.zero_grad()
    with model.no_sync():
        model(x[rank:rank + 1], extra=True).sum().backward()
    local = model.module.second.bias.grad.clone()
    model(x[rank:rank + 1], extra=True).sum().backward()         # now the sum of both is averaged
    assert local.tolist() == [1, 1] and model.module.second.bias.grad.tolist() == [2, 2]
    partial = DistributedDataParallel(Net(), find_unused_parameters=True)
    partial(x, extra=rank == 1).sum().backward()
    assert partial.module.extra.bias.grad.tolist() == [4, 4]     # one of three processes used it, on 12 rows
    partial.zero_grad()
    partial(x).sum().backward()
    assert partial.module.extra.bias.grad is None and partial.module.first.bias.grad is not None
    strict = DistributedDataParallel(Net())
    strict(x).sum().backward()
    with pytest.raises(RuntimeError, match="finished reduction in the prior iteration.*extra"):
        strict(x)
    uneven = DistributedDataParallel(torch.nn.Linear(2, 1))
    with uneven.join():
        for _ in range(rank + 1):
            uneven(torch.ones(1, 2)).sum().backward()
    with pytest.raises(RuntimeError, match="not needed"):
        DistributedDataParallel(torch.nn.ReLU())


def test_parallel_training_equals_one_process(tmp_path):
    start(parallel_training, tmp_path)


@pytest.mark.parametrize("kind", ["tcp", "file", "hash"])
def test_stores(kind, tmp_path):
    if kind == "tcp":
        master = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        store, other = master, dist.TCPStore("127.0.0.1", master.port, is_master=False)
    elif kind == "file":
        store, other = dist.FileStore(tmp_path / "store"), dist.FileStore(tmp_path / "store")
    else:
        store = other = dist.HashStore()
    store.set("a", "text")
    assert other.get("a") == b"text" and other.check(["a"]) and not other.check(["b"])
    assert store.add("n", 2) == 2 and other.add("n", 5) == 7 and store.get("n") == b"7"
    assert store.compare_set("c", "", "one") == b"one" and other.compare_set("c", "two", "three") == b"one"
    store.append("a", "!")
    assert other.get("a") == b"text!" and store.num_keys() == 3 and store.delete_key("c") and not store.delete_key("c")
    threading.Timer(0.05, lambda: store.set("late", b"x")).start()
    assert other.get("late") == b"x"
    with pytest.raises(dist.DistStoreError, match="timeout"):
        other.wait(["never"], datetime.timedelta(milliseconds=20))
    prefixed = dist.PrefixStore("p", store)
    prefixed.set("a", "b")
    assert store.get("p/a") == b"b"


def test_errors_without_a_group(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    assert dist.is_available() and dist.is_gloo_available() and not dist.is_nccl_available() and not dist.is_initialized()
    for call in (dist.get_rank, dist.barrier, lambda: dist.all_reduce(torch.ones(1)), lambda: DistributedDataParallel(torch.nn.Linear(1, 1))):
        with pytest.raises(ValueError, match="has not been initialized"):
            call()
    with pytest.raises(ValueError, match="environment variable RANK"):
        dist.init_process_group("gloo")
    with pytest.raises(RuntimeError, match="NCCL"):
        dist.init_process_group("nccl", rank=0, world_size=1, store=dist.HashStore())


def test_a_group_of_one():
    dist.init_process_group(rank=0, world_size=1, store=dist.HashStore())
    try:
        dist.all_reduce(t := torch.ones(2))
        assert t.tolist() == [1, 1] and dist.get_backend() == "gloo" and dist.get_process_group_ranks(dist.group.WORLD) == [0]
        with pytest.raises(ValueError, match="twice"):
            dist.init_process_group(rank=0, world_size=1, store=dist.HashStore())
    finally:
        dist.destroy_process_group()


def test_absent_parts_say_so():
    from kagari.distributed import fsdp, tensor
    assert not isinstance(torch.ones(1), tensor.DTensor) and fsdp.ShardingStrategy.FULL_SHARD.value == 1
    for call in (lambda: fsdp.FullyShardedDataParallel(torch.nn.Linear(1, 1)), lambda: tensor.distribute_tensor(torch.ones(1), None, [])):
        with pytest.raises(NotImplementedError, match="torch.distributed"):
            call()


def test_torchrun(tmp_path):
    import os
    import pathlib
    import subprocess
    import sys
    script = tmp_path / "job.py"
    script.write_text("import sys, kagari as torch, kagari.distributed as dist\n"
                      "dist.init_process_group()\n"
                      "t = torch.ones(1); dist.all_reduce(t)\n"
                      "print('sum', int(t), flush=True) if dist.get_rank() == 0 else None\n"
                      "dist.destroy_process_group()\n"
                      "sys.exit(len(sys.argv) > 1)\n")
    env = {**os.environ, "PYTHONPATH": str(pathlib.Path(torch.__file__).parents[1])}
    command = [sys.executable, "-m", "kagari.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    good = subprocess.run(command, capture_output=True, text=True, env=env, timeout=120)
    assert good.returncode == 0 and good.stdout.strip() == "sum 2", good.stderr
    assert subprocess.run([*command, "fail"], capture_output=True, env=env, timeout=120).returncode == 1
