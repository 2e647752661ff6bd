"""The tables of lazily imported names agree with the files, and nn offers all of PyTorch's layers."""
import importlib
import subprocess
import sys

from kagari import nn
from kagari.nn import functional, modules


def test_layers_are_where_the_table_says():
    for family, names in modules._FAMILIES.items():
        home = importlib.import_module(f"kagari.nn.modules.{family}")
        public = ["Module"] if family == "module" else home.__all__
        assert sorted(names.split()) == sorted(public), family
        for name in public:
            assert getattr(nn, name) is getattr(home, name)


def test_functions_are_where_the_table_says():
    for name, file in functional._HOME.items():
        home = importlib.import_module(f"kagari.nn._functional.{file}")
        assert getattr(functional, name) is getattr(home, name)


def test_star_import():
    names = {}
    exec("from kagari.nn import *", names)
    for name in ("Linear", "Module", "Parameter", "CrossEntropyLoss", "Transformer", "functional", "init", "utils"):
        assert names[name] is getattr(nn, name)
    assert len([name for name in names if name[0].isupper()]) >= 165


def test_submodules():
    assert nn.utils.__name__ == "kagari.nn.utils" and nn.modules.conv.Conv2d is nn.Conv2d
    assert nn.utils.rnn.PackedSequence and nn.modules.utils._pair(1) == (1, 1)
    assert callable(nn.utils.weight_norm) and callable(nn.utils.spectral_norm)


def test_import_is_light():
    code = "import sys, kagari.nn; print(sum(name.startswith('kagari.nn') for name in sys.modules))"
    count = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(count) < 16
