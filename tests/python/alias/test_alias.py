"""`import torch` means kagari: in a program, in its children, and for code that asks which version is installed."""
import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

import kagari


def run(*arguments, code=None, environment=None, tmp_path=None):
    """Runs Python with these arguments; `code` becomes a script at the end of them."""
    if code is not None:
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(code))
        arguments = (*arguments, str(path))
    env = {**os.environ, **(environment or {})}
    home = str(pathlib.Path(kagari.__file__).parents[1])
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [home, env.get("PYTHONPATH")]))
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=env, timeout=300)


def check(result):
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_modules_are_the_same_objects(tmp_path):
    check(run("-m", "kagari", tmp_path=tmp_path, code="""
        import torch, torch.nn as nn, torch.nn.functional as F, torch.utils.data
        from torch.optim import lr_scheduler
        import kagari
        assert torch is kagari and nn is kagari.nn and F is kagari.nn.functional and lr_scheduler is kagari.optim.lr_scheduler
        assert kagari.nn.__spec__.name == "kagari.nn" and kagari.nn.__name__ == "kagari.nn"
    """))


def test_arguments_and_exit_status(tmp_path):
    result = run("-m", "kagari", "-c", "import sys, torch; print(sys.argv, torch.ones(2).sum().item()); sys.exit(3)", "a", "b")
    assert result.returncode == 3 and result.stdout == "['-c', 'a', 'b'] 2.0\n"
    path = tmp_path / "module_to_run.py"
    path.write_text("import sys, torch\nprint(__name__, sys.argv[1:], torch.__version__.split('+')[0])\n")
    result = subprocess.run([sys.executable, "-m", "kagari", "-m", "module_to_run", "x"], capture_output=True, text=True, cwd=tmp_path, timeout=300,
                            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(pathlib.Path(kagari.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])})
    assert check(result) == "__main__ ['x'] 2.13.0\n"


def test_metadata(tmp_path):
    out = check(run("-m", "kagari", tmp_path=tmp_path, code="""
        import importlib.metadata as metadata, importlib.util
        print(metadata.version("torch"), metadata.distribution("torch").metadata["Name"], importlib.util.find_spec("torch") is not None,
              importlib.util.find_spec("torch.nn") is not None, importlib.util.find_spec("torch.no_such_thing"), metadata.packages_distributions()["torch"])
    """))
    assert out == "2.13.0 torch True True None ['torch']\n"


def test_missing_names_fail_as_missing(tmp_path):
    out = check(run("-m", "kagari", tmp_path=tmp_path, code="""
        import torch
        for code in ("torch.no_such_name", "import torch.no_such_module", "from torch import no_such_name", "import torch.nn.no_such_module"):
            try:
                exec(code)
            except (AttributeError, ImportError) as error:
                print(type(error).__name__, "no_such" in str(error))
        print(hasattr(torch, "npu"))
    """))
    assert out.split("\n")[:5] == ["AttributeError True", "ModuleNotFoundError True", "ImportError True", "ModuleNotFoundError True", "False"]


@pytest.mark.parametrize("code, name", [
    ("import torch\ntorch.no_such_name", "torch.no_such_name"),
    ("from torch.nn import no_such_layer", "torch.nn.no_such_layer"),
    ("import torch.no_such_module", "torch.no_such_module"),
    ("import torch\ntry:\n    torch.no_such_name\nexcept AttributeError as e:\n    raise RuntimeError('a library') from e", "torch.no_such_name"),
])
def test_a_missing_name_that_ends_the_program_is_named_last(code, name, tmp_path):
    result = run("-m", "kagari", tmp_path=tmp_path, code=code)
    assert result.returncode == 1 and result.stderr.splitlines()[-1].startswith(f"kagari: the program needs {name}, which")


def test_other_errors_are_not_explained(tmp_path):
    result = run("-m", "kagari", tmp_path=tmp_path, code="import math\nmath.no_such_name")
    assert result.returncode == 1 and "kagari:" not in result.stderr


def test_list_of_missing_names(tmp_path):
    result = run("-m", "kagari", "--missing", tmp_path=tmp_path, code="import torch\nhasattr(torch.nn, 'no_such_layer')\nhasattr(torch, 'no_such_name')\n")
    check(result)
    assert "torch.nn.no_such_layer" in result.stderr and "torch.no_such_name" in result.stderr


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_child_processes(tmp_path, method):
    out = check(run("-m", "kagari", tmp_path=tmp_path, code=f"""
        import torch, torch.multiprocessing as mp
        def child(queue, back):
            tensor = queue.get()
            tensor.add_(1)
            back.put((torch.__version__, tensor.sum().item()))
        if __name__ == "__main__":
            context = mp.get_context({method!r})
            queue, back = context.Queue(), context.Queue()
            shared = torch.zeros(10).share_memory_()
            process = context.Process(target=child, args=(queue, back))
            process.start()
            queue.put(shared)
            print(back.get(timeout=100), shared.sum().item(), shared.is_shared())
            process.join()
    """))
    assert out == f"('{kagari.__version__}', 10.0) 10.0 True\n"


def test_subprocesses_and_environment(tmp_path):
    out = check(run("-m", "kagari", tmp_path=tmp_path, code="""
        import subprocess, sys
        print(subprocess.run([sys.executable, "-c", "import torch; print(torch.__name__, 'kagari' in torch.__file__)"], capture_output=True, text=True).stdout)
    """))
    assert out.strip() == "torch True"                                                   # libraries compare the name


def test_as_torch(tmp_path):
    check(run(tmp_path=tmp_path, code="""
        import kagari
        kagari.as_torch()
        import torch
        from torch import nn
        assert torch is kagari and nn is kagari.nn
    """))


def test_other_sitecustomize_still_runs(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import builtins\nbuiltins.seen = True\n")
    result = run("-m", "kagari", "-c", "import subprocess, sys; print(subprocess.run([sys.executable, '-c', 'print(seen)'], capture_output=True, text=True).stdout)",
                 environment={"PYTHONPATH": str(tmp_path)})
    assert check(result).strip() == "True"


def test_versions():
    from kagari.version import TorchVersion
    version = TorchVersion("2.13.0+kagari")
    assert version >= "2.9" and version > "2.13.0" and version < "2.14" and version >= (2, 13) and version < (2, 14) and version != "2.13.1"
    assert version > "2.13.0rc1" and version < "2.14.0.dev20260101" and version == "2.13.0+kagari" and isinstance(version, str)
    assert kagari.version.cuda is None and kagari.__version__.startswith("2.13.0")


def test_absent_devices_say_so():
    assert not kagari.cuda.is_available() and kagari.cuda.device_count() == 0 and kagari.cuda.memory_allocated() == 0
    assert not kagari.backends.mps.is_available() and not kagari.xpu.is_available()
    assert kagari.accelerator.current_accelerator() is None
    kagari.cuda.manual_seed_all(0)
    kagari.cuda.empty_cache()
    for call in (kagari.cuda.current_device, kagari.cuda.synchronize, kagari.cuda.get_device_properties, kagari.xpu.current_device):
        with pytest.raises(AssertionError, match="Torch not compiled with"):
            call()
    with kagari.backends.cudnn.flags(enabled=False, benchmark=True):
        assert kagari.backends.cudnn.benchmark
    assert not kagari.backends.cudnn.benchmark


def test_packages_are_attributes(tmp_path):
    check(run("-m", "kagari", tmp_path=tmp_path, code="""
        import torch
        for path in ("ao.nn.quantized.dynamic.Linear", "ao.quantization.quantize_dynamic", "fx.passes.shape_prop", "fx.passes.infra.pass_base",
                     "utils.data.datapipes.iter.combinatorics"):
            found = torch
            for name in path.split("."):
                found = getattr(found, name)
    """))


def test_classes_are_from_torch(tmp_path):
    out = check(run("-m", "kagari", tmp_path=tmp_path, code="""
        import inspect, io, pickle, torch
        from torch.utils.data.dataloader import DataLoader
        names = [torch.nn.Module, torch.nn.Parameter, torch.nn.modules.linear.Linear, torch.optim.Adam, torch.optim.lr_scheduler.StepLR, DataLoader,
                 torch.nn.functional.dropout, torch.save, torch.is_tensor]
        print([f"{x.__module__}.{x.__name__}" for x in names])
        for x in names:
            assert pickle.loads(pickle.dumps(x)) is x
        assert inspect.getsource(torch.nn.Linear).startswith("class Linear")
        layer = pickle.loads(pickle.dumps(torch.nn.Linear(2, 1)))
        file = io.BytesIO()
        torch.save(torch.optim.lr_scheduler.StepLR(torch.optim.SGD(layer.parameters(), 0.1), 2), file)
        assert b"torch.optim.lr_scheduler\\nStepLR" in file.getvalue() and b"kagari" not in file.getvalue()
        file.seek(0)
        assert torch.load(file, weights_only=False).step_size == 2
        print(type(torch.fx.symbolic_trace(torch.nn.Sequential(layer, torch.nn.Dropout(0.0)))).__mro__[1])
    """))
    assert out == ("['torch.nn.modules.module.Module', 'torch.nn.parameter.Parameter', 'torch.nn.modules.linear.Linear', 'torch.optim.adam.Adam', "
                   "'torch.optim.lr_scheduler.StepLR', 'torch.utils.data.dataloader.DataLoader', 'torch.nn.functional.dropout', 'torch.serialization.save', "
                   "'torch.is_tensor']\n<class 'torch.fx.graph_module.GraphModule'>\n")


def test_without_the_alias_classes_are_from_kagari():
    result = subprocess.run([sys.executable, "-c", "import kagari; print(kagari.nn.Linear.__module__, kagari.optim.lr_scheduler.StepLR.__module__)"],
                            capture_output=True, text=True, timeout=300, env={**os.environ, "PYTHONPATH": str(pathlib.Path(kagari.__file__).parents[1])})
    assert check(result) == "kagari.nn.modules.linear kagari.optim.lr_scheduler.factors\n"
