"""Runs a program with `import torch` meaning kagari.

    python -m kagari [--missing] SCRIPT.py [ARGUMENTS...]
    python -m kagari [--missing] -m MODULE [ARGUMENTS...]
    python -m kagari [--missing] -c CODE [ARGUMENTS...]
    python -m kagari --cmake-dir

--missing prints, when the program ends, the names of PyTorch that it asked for and that kagari does not have.
--cmake-dir prints the folder for CMake's kagari_DIR, with which C++ programs find the library.
"""
import os
import re
import runpy
import sys


def _report(missing):
    print("\nnames of torch that were asked for and do not exist in kagari:" if missing else "\nno missing names of torch were asked for",
          file=sys.stderr)
    for name, count in sorted(missing.items()):
        print(f"  {name}  ({count})", file=sys.stderr)


def _run(arguments):
    if arguments[0] == "-m":
        if len(arguments) < 2:
            sys.exit("python -m kagari -m needs the name of a module")
        sys.argv = arguments[1:]
        sys.path[0] = os.getcwd()
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif arguments[0] == "-c":
        if len(arguments) < 2:
            sys.exit("python -m kagari -c needs code")
        sys.argv = ["-c", *arguments[2:]]
        sys.path[0] = ""
        main = sys.modules["__main__"]
        for name in ("__file__", "__spec__", "__loader__"):
            main.__dict__.pop(name, None)
        main.__dict__["__spec__"] = None
        exec(compile(arguments[1], "<string>", "exec"), main.__dict__)
    else:
        _run_script(arguments)


def _run_script(arguments):
    """Like `python script.py`: the module __main__ is the script's, also for multiprocessing's children and for pickle."""
    script = arguments[0]
    sys.argv = arguments
    if os.path.isdir(script) or script.endswith((".zip", ".pyz")):
        sys.path[0] = script
        runpy.run_path(script, run_name="__main__")
        return
    sys.path[0] = os.path.dirname(os.path.realpath(script))
    try:
        with open(script, "rb") as file:
            source = file.read()
    except OSError as error:
        sys.exit(f"python -m kagari: can't open file '{script}': {error.strerror}")
    import types
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=script, __builtins__=__builtins__, __spec__=None, __loader__=None)
    sys.modules["__main__"] = main
    exec(compile(source, script, "exec"), main.__dict__)


def _missing_name(error):
    """The name of torch whose absence led to this exception, or None. Libraries raise exceptions of their own from the first one."""
    from kagari._alias.names import torch_module
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, AttributeError) and error.name and getattr(error.obj, "__name__", "").split(".")[0] in ("kagari", "torch") and isinstance(error.obj, type(sys)):
            return f"{torch_module(error.obj.__name__)}.{error.name}"
        if isinstance(error, ImportError) and error.name and torch_module(error.name).split(".")[0] == "torch":
            asked = re.match(r"cannot import name '(\w+)' from", str(error))
            return torch_module(error.name) + (f".{asked[1]}" if asked else "")
        error = error.__cause__ or error.__context__
    return None


def _explaining(hook):
    """An excepthook that says last, in one line, that kagari lacks a name when that is what ended the program."""
    def explain(kind, error, trace):
        hook(kind, error, trace)
        name = _missing_name(error)
        if name is not None:
            print(f"kagari: the program needs {name}, which kagari does not have (python -m kagari --missing ... lists all such names)", file=sys.stderr)
    return explain


def main(arguments):
    record = arguments[:1] == ["--missing"]
    arguments = arguments[record:]
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return
    if arguments == ["--cmake-dir"]:
        print(os.path.join(os.path.dirname(os.path.abspath(__file__)), "share", "cmake", "kagari"))
        return
    from kagari._alias import finder
    finder.install(record=record)
    sys.excepthook = _explaining(sys.excepthook)
    if not record:
        _run(arguments)
        return
    try:
        _run(arguments)
    finally:
        _report(finder.missing)


if __name__ == "__main__":
    main(sys.argv[1:])
