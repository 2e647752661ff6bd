"""TorchScript archives that PyTorch wrote (tests/data/torchscript/make.py) give PyTorch's results; hostile ones are refused."""
import io
import pathlib
import pickle
import zipfile

import pytest

import kagari as torch

DATA = pathlib.Path(__file__).parents[2] / "data" / "torchscript"
ARCHIVES = ["attention", "function", "net_frozen", "net_scripted", "net_traced", "python", "recurrent"]


def same(got, want, path=""):
    if isinstance(want, torch.Tensor):
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5, msg=lambda text: f"{path}: {text}")
    elif isinstance(want, dict):
        assert list(got) == list(want), path
        for key in want:
            same(got[key], want[key], f"{path}[{key!r}]")
    elif isinstance(want, (list, tuple)):
        assert len(got) == len(want), path
        for i, (a, b) in enumerate(zip(got, want)):
            same(a, b, f"{path}[{i}]")
    else:
        assert got == want and type(got) is type(want), path


@pytest.mark.parametrize("name", ARCHIVES)
def test_results_are_those_of_pytorch(name):
    program = torch.jit.load(DATA / f"{name}.pt")
    args, want = torch.load(DATA / f"{name}.io")
    for _ in range(2):
        same(program(*args), want)


def test_modules_look_like_modules():
    net = torch.jit.load(DATA / "net_scripted.pt")
    assert isinstance(net, torch.jit.ScriptModule) and net.original_name == "Net"
    assert list(net.state_dict())[:3] == ["stem.0.weight", "stem.0.bias", "blocks.0.conv.weight"]
    assert len(list(net.parameters())) == 10 and not net.training
    net.train()
    assert net.training and net.stem.training
    assert net.code.startswith("def forward(self: __torch__.Net,")
    attention = torch.jit.load(DATA / "attention.pt")
    attention(torch.ones(1, 3, 8)).sum().backward()
    assert all(p.grad is not None for p in attention.parameters())


def test_attributes_and_methods():
    program = torch.jit.load(DATA / "python.pt")
    assert program.table == {"a": 1, "b": 2} and program.names == ["x", "y"] and program.calls == 1
    args, _ = torch.load(DATA / "python.io")
    program(*args)
    assert program.calls == 2
    assert program.lists([1, 2, 3], "w") == 51


def test_functions_load_as_functions():
    function = torch.jit.load(DATA / "function.pt")
    assert isinstance(function, torch.jit.ScriptFunction) and "torch.tanh" in function.code
    x = torch.ones(2, 2)
    same(function(x, 1, "tanh")[0], torch.tanh(x))


def test_errors_of_programs_and_files(tmp_path):
    program = torch.jit.load(DATA / "python.pt")
    with pytest.raises(ValueError, match="does not exist"):
        torch.jit.load(tmp_path / "missing.pt")
    torch.save({"a": 1}, tmp_path / "plain.pt")
    with pytest.raises(RuntimeError, match="constants.pkl"):
        torch.jit.load(tmp_path / "plain.pt")
    with pytest.raises(AttributeError):
        program.absent
    raw = (DATA / "python.pt").read_bytes()
    for cut in (10, 100, len(raw) // 2, len(raw) - 30):
        with pytest.raises(RuntimeError):
            torch.jit.load(io.BytesIO(raw[:cut]))


def test_extra_files_and_torch_load(tmp_path):
    source = zipfile.ZipFile(DATA / "function.pt")
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as out:
        for name in source.namelist():
            out.writestr(name, source.read(name))
        out.writestr(source.namelist()[0].split("/")[0] + "/extra/note.txt", b"hello")
    extra = {"note.txt": "", "other": ""}
    torch.jit.load(tmp_path / "a.pt", _extra_files=extra)
    assert extra == {"note.txt": b"hello", "other": ""}
    with pytest.raises(RuntimeError, match="TorchScript"):
        torch.load(DATA / "net_traced.pt")
    assert isinstance(torch.load(DATA / "net_traced.pt", weights_only=False), torch.jit.ScriptModule)


def unit(text):
    return torch.jit.CompilationUnit(text)


def test_compilation_unit():
    made = unit("def twice(x: Tensor, k: int=2) -> Tensor:\n  return torch.mul(x, k)\n")
    same(made.twice(torch.ones(2)), torch.full((2,), 2.0))
    made.define("def more(x: Tensor) -> Tensor:\n  return torch.add(__torch__.twice(x, 3), 1)\n")
    same(made.more(torch.ones(1)), torch.tensor([4.0]))
    with pytest.raises(AttributeError):
        made.absent


@pytest.mark.parametrize("body", ["x.__class__", "getattr(x, '__class__')", "__import__('os')", "open('/etc/passwd')", "eval('1')", "[y for y in x]", "(lambda: 1)()",
                                  "torch.load('x')", "torch.save(x, 'y')", "torch.from_file('x')", "torch.hub.load('x', 'y')", "torch._C._space_ops()",
                                  "ops.os.system('true')", "ops.__class__.mro()", "(x).tofile('y')", "(x).backward", "'{0.__class__}'.format(x)", "x[0:1]",
                                  "f'{x.__class__}'", "x if x else (yield)", "CONSTANTS.c0", "__torch__.os.system('true')", "(x := 1)", "*x", "torch.ops"])
def test_programs_reach_nothing_else(body):
    with pytest.raises((RuntimeError, NotImplementedError, NameError)):
        unit(f"def f(x):\n  return {body}\n").f(torch.ones(1))


@pytest.mark.parametrize("text", ["import os\n", "class A(B):\n  pass\n", "def f(x):\n  import os\n", "@g\ndef f(x):\n  pass\n", "def f(*x):\n  pass\n", "def f(x)\n", "x = print(1)\ny.z = 1\n",
                                  "def f(x):\n  global y\n", "def f(x):\n  del x\n", "def f(x):\n  x[0] = 1\n", "def f(x):\n  def g():\n    pass\n", "def f(__class__):\n  pass\n"])
def test_text_outside_of_the_subset_is_refused(text):
    with pytest.raises((RuntimeError, AttributeError)):
        made = unit(text)
        made.f(torch.ones(1))


class Attack:
    def __reduce__(self):
        return exec, ("raise SystemExit",)


def test_pickles_build_nothing_foreign(tmp_path):
    source = zipfile.ZipFile(DATA / "function.pt")
    for record in ("data.pkl", "constants.pkl"):
        with zipfile.ZipFile(tmp_path / "a.pt", "w") as out:
            for name in source.namelist():
                out.writestr(name, pickle.dumps(Attack(), 2) if name.endswith(f"/{record}") else source.read(name))
        with pytest.raises(RuntimeError, match="cannot be read"):
            torch.jit.load(tmp_path / "a.pt")


# --- writing -------------------------------------------------------------------------------------

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        nn = torch.nn
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(2))
        self.lstm, self.scale = nn.LSTM(4, 3, batch_first=True, bidirectional=True), nn.Parameter(torch.tensor(2.0))

    def forward(self, x, pair):
        y = self.stem(x).flatten(2).transpose(1, 2)
        z, (h, _) = self.lstm(y * self.scale)
        z[:, 0] = 1.0
        return z + torch.tensor([0.5]), [h.amax(0), pair[0] - pair[1]]


def test_traced_modules_are_written(tmp_path):
    net = Net().eval()
    x, pair = torch.randn(2, 3, 16, 16), (torch.ones(3), torch.zeros(3))
    traced = torch.jit.trace(net, (x, pair))
    traced.save(tmp_path / "net.pt", {"note": "hi"})
    extra = {"note": ""}
    made = torch.jit.load(tmp_path / "net.pt", _extra_files=extra)
    assert extra["note"] == b"hi" and list(made.state_dict()) == list(net.state_dict()) and made.original_name == "Net" and not made.training
    for size in (2, 5):                          # the batch was found to be free
        x = torch.randn(size, 3, 16, 16)
        same(made(x, pair), net(x, pair))
    text = made.code
    for line in ("def forward(self: __torch__.Net,", "x: Tensor,", "pair: Tuple[Tensor, Tensor]) -> Tuple[Tensor, List[Tensor]]:", 'stem_0 = getattr(stem, "0")',
                 "torch.adaptive_avg_pool2d(max_pool2d, [2, 2])", "torch.select_scatter(", "CONSTANTS.c0"):
        assert line in text, text
    with zipfile.ZipFile(tmp_path / "net.pt") as archive:
        assert archive.testzip() is None and archive.read("net/version") == b"3\n"


@pytest.mark.parametrize("name", ARCHIVES)
def test_loaded_programs_are_written_again(name, tmp_path):
    program = torch.jit.load(DATA / f"{name}.pt")
    buffer = io.BytesIO()
    torch.jit.save(program, buffer)
    buffer.seek(0)
    args, want = torch.load(DATA / f"{name}.io")
    same(torch.jit.load(buffer)(*args), want)


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(NotImplementedError, match="trace"):
        torch.jit.save(torch.jit.script(torch.nn.ReLU()), tmp_path / "a.pt")
    function = torch.jit.trace(lambda x: x * 2, torch.ones(2))
    function.save(tmp_path / "f.pt")
    assert torch.jit.load(tmp_path / "f.pt")(torch.ones(3)).tolist() == [2, 2, 2]
    with pytest.raises(NotImplementedError, match="eval"):
        torch.jit.save(torch.jit.trace(torch.nn.BatchNorm1d(2), torch.ones(3, 2)), tmp_path / "b.pt")


def test_operators_with_other_signatures_than_nn_functional():
    made = unit("def f(x: Tensor, t: Tensor, c: Tensor):\n"
                "  a = torch.cross_entropy_loss(x, c, None, 1, -100, 0.)\n"
                "  b = torch.mse_loss(x, t, 2)\n"
                "  d = torch.binary_cross_entropy_with_logits(x, t, None, None, 0)\n"
                "  e = torch.unfold(x, 1, 2, 1)\n"
                "  g = torch._convolution(torch.unsqueeze(x, 0), torch.ones([2, 3, 1]), None, [1], [0], [1], False, [0], 1, False, False, True, True)\n"
                "  h = torch.to(x, 7)\n"
                "  i = torch.softmax(x, 1, 7)\n"
                "  j = torch.div(7, 2)\n"
                "  k = torch.split(x, 2, 1)\n"
                "  return (a, b, d, e, g, h, i, j, k)\n")
    F, x, t, c = torch.nn.functional, torch.randn(3, 4), torch.rand(3, 4), torch.tensor([0, 1, 2])
    same(made.f(x, t, c), (F.cross_entropy(x, c), F.mse_loss(x, t, reduction="sum"), F.binary_cross_entropy_with_logits(x, t, reduction="none"), x.unfold(1, 2, 1),
                           F.conv1d(x[None], torch.ones(2, 3, 1)), x.double(), x.double().softmax(1), 3.5, list(x.split(2, 1))))


def test_operator_names():
    names = torch.jit.export_opnames(torch.jit.load(DATA / "attention.pt"))
    assert "aten::matmul" in names and "aten::layer_norm" in names and names == sorted(names)
