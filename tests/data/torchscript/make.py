"""Writes the archives of this folder with PyTorch: python make.py. Beside each, `.io` holds arguments and results."""
from typing import Dict, Final, List, NamedTuple, Optional, Tuple

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.relu = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True)

    def forward(self, x):
        y = self.relu(self.norm(self.conv(x)))
        y += x
        return y


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.MaxPool2d(2))
        self.blocks = nn.ModuleList([Block(), Block()])
        self.pool, self.head = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(4, 5)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(torch.flatten(self.pool(x), 1))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.lstm, self.gru = nn.Embedding(7, 3), nn.LSTM(3, 4, 1, batch_first=True, bidirectional=True), nn.GRU(8, 3)

    def forward(self, x: torch.Tensor, hx: Optional[Tuple[torch.Tensor, torch.Tensor]] = None):
        y, state = self.lstm(self.embedding(x), hx)
        z, _ = self.gru(y)
        return z, state


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.qkv, self.out = nn.LayerNorm(8), nn.Linear(8, 24), nn.Linear(8, 8)
        self.register_buffer("mask", torch.tril(torch.ones(8, 8)))

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.qkv(self.norm(x)).split(C, dim=2)
        a = (q @ k.transpose(-2, -1)) / C ** 0.5
        a = F.softmax(a.masked_fill(self.mask[:T, :T] == 0, float("-inf")), dim=-1)
        return x + F.gelu(self.out(a @ v))


class Point(NamedTuple):
    a: torch.Tensor
    b: int


@torch.jit.script
class Sum:
    def __init__(self, n: int):
        self.n = n
        self.total = 0.0

    def add(self, x: float):
        self.total += x * self.n


class Python(nn.Module):
    table: Dict[str, int]
    K: Final[int]

    def __init__(self):
        super().__init__()
        self.table, self.K, self.names = {"a": 1, "b": 2}, 3, ["x", "y"]
        self.w = nn.Parameter(torch.randn(3, 3))
        self.parts = nn.ModuleDict({"p": nn.Linear(3, 3), "q": nn.Linear(3, 3)})
        self.calls = 0

    def forward(self, x: torch.Tensor, other: Optional[torch.Tensor] = None, flag: bool = False):
        self.calls += 1
        out: Dict[str, torch.Tensor] = {}
        total = 0
        for k in ["a", "b", "c"]:
            if k in self.table:
                total += self.table[k]
            else:
                total -= 1
        i = 0
        while i < 5:
            if i == 3:
                break
            i += 1
            if i == 1:
                continue
            total += i
        s = Sum(2)
        s.add(1.5)
        s.add(float(total))
        out["x"] = x @ self.w * total
        if other is not None:
            out["other"] = other + x
        elif flag:
            out["other"] = x * 0
        for name, part in self.parts.items():
            out[name] = part(x)
        point = Point(x.sum(), len(out))
        squares = [j * j for j in range(4)]
        pairs = [(a, b) for a, b in zip([1, 2], ["u", "v"])]
        text = "n={} {}".format(point.b, self.names[0])
        e = 0
        for index, value in enumerate(squares):
            e += index * value
        assert point.b > 0, "bad"
        y = x.clone()
        y[0, 1] = 7.0
        y[1:] += 1
        y[:, ::2] *= 2
        with torch.no_grad():
            z = y * 2
        return out, point, s.total, (text.upper(), e, squares, pairs), y, z, x.shape[0] // 2, x.shape[1] / 2, max(3, total)

    @torch.jit.export
    def lists(self, a: List[int], text: str = "q") -> int:
        a.append(4)
        a.extend([1])
        a.insert(0, 9)
        r = a.pop()
        del a[0]
        d = {1: "x", 2: "y"}
        d[3] = text
        z = d.get(5, "none")
        d.pop(1)
        words = "a,b c".split(",")
        joined = "-".join(words)
        changed = joined.replace("a", "z").strip()
        b = (a + a[1:]) * 2
        return sum(b) + len(list(d.keys())) + len(changed) + int(joined.startswith("a")) + len(z) + r


def fact(n: int) -> int:
    if n <= 1:
        return 1
    return n * product(n - 1)


def product(n: int) -> int:
    r = 1
    for i in range(1, n + 1):
        r *= i
    return r


@torch.jit.script
def function(x: torch.Tensor, n: int, mode: str):
    for i in range(n):
        if mode == "relu":
            x = F.relu(x) + i
        else:
            x = torch.tanh(x)
    y, _ = torch.max(x, dim=1)
    return x, y, fact(n), torch.arange(n, dtype=torch.float64), x.to(torch.float16), x.mean(dim=-1, keepdim=True)


def write(name, program, args):
    out = program(*args)
    torch.jit.save(program, f"{name}.pt")
    plain = lambda o: {k: plain(v) for k, v in o.items()} if isinstance(o, dict) else tuple(map(plain, o)) if isinstance(o, tuple) else \
        list(map(plain, o)) if isinstance(o, list) else o.detach() if isinstance(o, torch.Tensor) else o
    torch.save((args, plain(out)), f"{name}.io")


x = torch.randn(2, 3, 8, 8)
write("net_scripted", torch.jit.script(Net().eval()), (x,))
write("net_traced", torch.jit.trace(Net().eval(), (x,)), (x,))
write("net_frozen", torch.jit.freeze(torch.jit.script(Net().eval())), (x,))
write("recurrent", torch.jit.script(Recurrent()), (torch.randint(7, (2, 5)),))
write("attention", torch.jit.trace(Attention(), (torch.randn(2, 6, 8),)), (torch.randn(2, 4, 8),))
write("python", torch.jit.script(Python()), (torch.randn(3, 3), torch.ones(3, 3)))
write("function", function, (torch.randn(3, 4), 3, "relu"))
