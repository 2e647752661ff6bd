"""Runs at the start of Python processes that `python -m kagari` or kagari.as_torch() started: installs the import hook.

Then it gives way to the sitecustomize module that would have run without it.
"""
import importlib.machinery
import importlib.util
import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))


def _install():
    if not os.environ.get("KAGARI_AS_TORCH"):
        return
    name = "kagari._alias.finder"
    spec = importlib.util.spec_from_file_location(name, os.path.join(os.path.dirname(_here), "finder.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    module.install()


def _run_the_other_one():
    rest = [path for path in sys.path if os.path.abspath(path or ".") != _here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", rest)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


_install()
_run_the_other_one()
