"""The type stubs are Python, and name what there is."""
import ast
import importlib.util
import pathlib

import kagari

WRITER = pathlib.Path(__file__).parents[3] / "tools" / "write_stubs.py"


def stubs(tmp_path):
    spec = importlib.util.spec_from_file_location("write_stubs", WRITER)
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    writer.main(str(tmp_path))
    return {str(file.relative_to(tmp_path)): ast.parse(file.read_text()) for file in tmp_path.rglob("*.pyi")}


def names(body):
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.AnnAssign):
            yield node.target.id
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in node.names)


def test_stubs(tmp_path):
    found = stubs(tmp_path)
    top = found["kagari/__init__.pyi"].body
    assert {"Tensor", "add", "zeros", "float32", "manual_seed", "nn", "no_grad", "optim"} <= set(names(top))
    tensor, = (node for node in top if isinstance(node, ast.ClassDef) and node.name == "Tensor")
    methods = set(names(tensor.body))
    assert {name for name in vars(kagari.Tensor) if not name.startswith("__")} <= methods
    assert {"softmax", "conv2d", "cross_entropy"} <= set(names(found["kagari/nn/functional.pyi"].body))
    assert (tmp_path / "kagari" / "py.typed").exists()


def test_signatures(tmp_path):
    top = stubs(tmp_path)["kagari/__init__.pyi"].body
    functions = {node.name: ast.unparse(node) for node in top if isinstance(node, ast.FunctionDef)}
    assert functions["zeros"].startswith("def zeros(*size: _int | Sequence[_int], dtype: _dtype | None=None")
    assert functions["add"] == "def add(input: Tensor, other: Tensor | Number, *, alpha: Number=..., out: Any=...) -> Tensor:\n    ..."
