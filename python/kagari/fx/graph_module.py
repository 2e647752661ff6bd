"""A module whose forward is generated from a graph."""
import copy
import linecache
import os
import sys

import kagari
from kagari.fx.graph import Graph
from kagari.fx.node import public_home
from kagari.nn.modules.module import Module

__all__ = ["GraphModule", "reduce_graph_module"]

_USER_PRESERVED_ATTRIBUTES_KEY = "_user_preserved_attributes"
_files = 0


def _exec_with_source(src, globals, co_fields=None):
    """Runs the text; tracebacks show its lines."""
    global _files
    _files += 1
    name = f"<eval_with_key>.{_files}"
    linecache.cache[name] = (len(src), None, src.splitlines(True), name)
    exec(compile(src, name, "exec"), globals)


def _forward_from_src(src, globals, co_fields=None):
    space = dict(globals)
    _exec_with_source(src, space, co_fields)
    return space["forward"]


def _method_from_src(method_name, src, globals, co_fields=None):
    space = dict(globals)
    _exec_with_source(src, space, co_fields)
    return space[method_name]


def _format_import_statement(name, obj, importer=None):
    """The line by which another process gets a global of the generated code."""
    if name == "torch":
        return "import torch"
    if obj is kagari.utils._pytree:
        return f"import torch.utils._pytree as {name}"
    if isinstance(obj, float):
        return f"from math import {name}"
    if isinstance(obj, type(sys)):
        from kagari._alias.names import torch_module
        return f"import {torch_module(obj.__name__)} as {name}"
    if isinstance(obj, type) and obj is type(None):
        return f"{name} = type(None)"
    from kagari._alias.names import torch_module
    module = getattr(obj, "__module__", None)
    module = public_home(obj, module, getattr(obj, "__name__", "")) or module
    attribute = getattr(obj, "__qualname__", getattr(obj, "__name__", name))
    if module is None or "<" in attribute:
        raise RuntimeError(f"{obj!r}, which the code of this GraphModule calls {name}, cannot be imported by another process")
    head, _, rest = attribute.partition(".")
    line = f"from {'_operator' if module == '_operator' else torch_module(module)} import {head} as {name}"
    return line if not rest else f"{line}\n{name} = {name}.{rest}"


def _format_import_block(globals, importer=None):
    return "\n".join(sorted({_format_import_statement(name, obj, importer) for name, obj in globals.items()}))


def _import_globals(import_block):
    """Runs the import lines of a pickled GraphModule, with torch meaning kagari."""
    space = {}
    lines = []
    for line in import_block.split("\n"):
        lines.append(_as_kagari(line))
    exec("\n".join(lines), space)
    space.pop("__builtins__", None)
    return space


def _as_kagari(line):
    from kagari._alias.names import kagari_module
    words = line.split(" ")
    if words[0] in ("import", "from") and len(words) > 1 and words[1].partition(".")[0] == "torch":
        words[1] = kagari_module(words[1])
        if len(words) == 2:
            words += ["as", "torch"]
    return " ".join(words)


def reduce_graph_module(body, import_block):
    """The GraphModule of a pickle: its code is run on stand-ins again."""
    forward = _forward_from_src(body.get("_code"), _import_globals(import_block))
    return _deserialize_graph_module(forward, body)


def _deserialize_graph_module(forward, body, graph_module_cls=None):
    from kagari.fx._symbolic_trace import Tracer
    tracer_cls = body.get("_tracer_cls") or Tracer
    name = body.get("_graphmodule_cls_name", "GraphModule")
    root = _CodeOnlyModule(body)
    _CodeOnlyModule.forward = forward

    class KeepModules(tracer_cls):
        def is_leaf_module(self, module, path):
            return True
    codegen = body.get("_graphmodule_codegen")
    if codegen is None:
        graph = KeepModules().trace(root)
    else:
        graph = copy.deepcopy(body["_graphmodule_graph"])
    graph._tracer_cls = body.get("_tracer_cls")
    made = (graph_module_cls or GraphModule)(root, graph, class_name=name)
    for key, value in body.items():
        if not hasattr(made, key):
            setattr(made, key, value)
    return made


class _CodeOnlyModule(Module):
    """Attributes without a graph."""

    def __init__(self, body):
        super().__init__()
        self.__dict__ = dict(body)


def _copy_attr(from_module, to_module, target):
    """Copies the attribute at the path `target`, and makes the modules on the way."""
    *prefix, field = target.split(".")
    for item in prefix:
        source, existing = getattr(from_module, item), getattr(to_module, item, None)
        if existing is source:
            return
        if existing is None:
            existing = Module()
            setattr(to_module, item, existing)
        from_module, to_module = source, existing
    original = getattr(from_module, field)
    if isinstance(original, kagari.Tensor) and not isinstance(original, kagari.nn.Parameter):
        to_module.register_buffer(field, original, persistent=field not in getattr(from_module, "_non_persistent_buffers_set", ()))
    else:
        setattr(to_module, field, original)


def _assign_attr(from_obj, to_module, target):
    """Puts from_obj at the path `target`, and makes the modules on the way."""
    *prefix, field = target.split(".")
    for item in prefix:
        existing = getattr(to_module, item, None)
        if existing is None:
            existing = Module()
            setattr(to_module, item, existing)
        to_module = existing
    if isinstance(from_obj, kagari.Tensor) and not isinstance(from_obj, kagari.nn.Parameter):
        to_module.register_buffer(field, from_obj)
    else:
        setattr(to_module, field, from_obj)


def _get_attr(model, attr_name):
    for part in attr_name.split("."):
        model = getattr(model, part)
    return model


class GraphModule(Module):
    """A module made of a graph and of the modules and attributes that the graph names, taken from `root` (a module or a dict).

    `code` is the text of its forward. Setting `graph`, or calling recompile() after a change of it, generates it anew.

    >>> import kagari as torch
    >>> gm = torch.fx.symbolic_trace(torch.nn.ReLU())
    >>> gm(torch.tensor([-1., 1.]))
    tensor([0., 1.])
    """

    def __new__(cls, *args, **kwargs):
        # Each object has a class of its own, whose forward is generated.
        for base in cls.__mro__:
            if base.__qualname__.partition(".")[0] != "GraphModuleImpl":
                cls = base
                break

        class GraphModuleImpl(cls):
            pass
        return super().__new__(GraphModuleImpl)

    def __init__(self, root, graph, class_name="GraphModule"):
        super().__init__()
        self.__class__.__name__ = class_name
        if isinstance(root, Module):
            if hasattr(root, "training"):
                self.training = root.training
            if isinstance(root, GraphModule) or hasattr(root, "meta"):
                self.meta = dict(getattr(root, "meta", {}))
            for node in graph.nodes:
                if node.op in ("get_attr", "call_module"):
                    _copy_attr(root, self, node.target)
        elif isinstance(root, dict):
            wanted = [node.target for node in graph.nodes if node.op in ("get_attr", "call_module")]
            for target in wanted:
                if target not in root:
                    raise RuntimeError(f"Node in graph referenced target {target} but that target was not provided in ``root``!")
            for target in sorted(set(wanted), key=lambda t: t.count(".")):
                _assign_attr(root[target], self, target)
        else:
            raise RuntimeError(f"Unsupported type {root} passed for root!")
        self.__dict__.setdefault("meta", {})
        for name, value in self.meta.get(_USER_PRESERVED_ATTRIBUTES_KEY, {}).items():
            setattr(self, name, value)
        self._tracer_cls = None
        if graph._tracer_cls and "<locals>" not in graph._tracer_cls.__qualname__:
            self._tracer_cls = graph._tracer_cls
        self._tracer_extras = graph._tracer_extras or {}
        self._replace_hooks, self._create_node_hooks, self._erase_node_hooks = [], [], []
        self.graph = graph

    # --- the graph and its code ------------------------------------------------------------------
    @property
    def graph(self):
        return self._graph

    @graph.setter
    def graph(self, g):
        if not isinstance(g, Graph):
            raise AssertionError(f"Expected a Graph instance, but got {type(g)}")
        self._graph = g
        g.owning_module = self
        self.recompile()

    @property
    def code(self):
        """Text of the generated forward."""
        if not hasattr(self, "_code"):
            raise RuntimeError("the module has no code yet; recompile() makes it")
        return self._code

    def recompile(self):
        """Generates forward from the graph. Returns its PythonCode."""
        codegen = self._graph._codegen
        info = getattr(codegen, "pytree_info", None)
        if info is not None:
            self._in_spec, self._out_spec = info.in_spec, info.out_spec
        code = self._graph.python_code(root_module="self")
        self._code = code.src
        self.__class__.forward = _forward_from_src(code.src, code.globals)
        return code

    def print_readable(self, print_output=True, include_stride=False, include_device=False, colored=False, *, fast_sympy_print=False, expanded_def=False,
                       additional_meta=None):
        """The code of this module and of the graph modules in it, as text; printed by default."""
        text = self._readable(include_stride, include_device)
        if print_output:
            print(text)
        return text

    def _readable(self, stride, device, indent=0, name=None):
        code = self._graph.python_code("self", verbose=True, include_stride=stride, include_device=device).src.strip("\n")
        lines = [f"class {name or type(self).__name__}(torch.nn.Module):", *(f"    {line}" for line in code.split("\n"))]
        text = "\n".join(line.rstrip() for line in lines)
        for child_name, child in self.named_children():
            if isinstance(child, GraphModule):
                inner = child._readable(stride, device, name=child_name)
                text += "\n" + "\n".join(f"    {line}" for line in inner.split("\n"))
        return text

    def to_folder(self, folder, module_name="FxModule"):
        """Writes the module as a Python package: module.py with the code, and files for weights."""
        folder = os.fspath(folder)
        os.makedirs(folder, exist_ok=True)
        kagari.save(self.state_dict(), os.path.join(folder, "state_dict.pt"))
        code = self._graph.python_code("self")
        lines = [_format_import_block(code.globals), "import torch", "from torch.nn import *", "", "", f"class {module_name}(torch.nn.Module):",
                 "    def __init__(self):", "        super().__init__()"]
        for name, child in self.named_children():
            kagari.save(child, os.path.join(folder, f"{name}.pt"))
            lines.append(f"        setattr(self, {name!r}, torch.load(r'{os.path.join(folder, name)}.pt', weights_only=False))")
        for name, value in self._buffers.items():
            if value is not None:
                lines.append(f"        self.register_buffer({name!r}, torch.empty({list(value.shape)}, dtype={value.dtype}))")
        for name, value in self._parameters.items():
            if value is not None:
                lines.append(f"        self.{name} = torch.nn.Parameter(torch.empty({list(value.shape)}, dtype={value.dtype}))")
        lines.append(f"        self.load_state_dict(torch.load(r'{os.path.join(folder, 'state_dict.pt')}'))")
        body = "\n".join(f"    {line}" if line else "" for line in code.src.strip("\n").split("\n"))
        with open(os.path.join(folder, "module.py"), "w") as file:
            file.write("\n".join(lines) + "\n\n" + body + "\n")
        with open(os.path.join(folder, "__init__.py"), "w") as file:
            file.write("from .module import *\n")

    # --- submodules --------------------------------------------------------------------------------
    def add_submodule(self, target, m):
        """Puts module m at the path `target`. False if something on the way is no module."""
        *prefix, field = target.split(".")
        module = self
        for item in prefix:
            child = getattr(module, item, None)
            if child is None:
                child = Module()
                setattr(module, item, child)
            if not isinstance(child, Module):
                return False
            module = child
        module.add_module(field, m)
        return True

    def delete_submodule(self, target):
        """Removes the module at the path. False if there is none."""
        *prefix, field = target.split(".")
        module = self
        for item in prefix:
            module = getattr(module, item, None)
            if not isinstance(module, Module):
                return False
        if not isinstance(getattr(module, field, None), Module):
            return False
        delattr(module, field)
        return True

    def delete_all_unused_submodules(self):
        """Removes the modules that no node calls and no node reads from."""
        used = set()
        for node in self.graph.nodes:
            if node.op in ("call_module", "get_attr"):
                parts = node.target.split(".")
                used.update(".".join(parts[:i]) for i in range(1, len(parts) + 1))
                if node.op == "call_module":
                    used.update(f"{node.target}.{name}" for name, _ in self.get_submodule(node.target).named_modules() if name)
        for name in [name for name, _ in self.named_modules() if name and name not in used]:
            self.delete_submodule(name)

    # --- copies ----------------------------------------------------------------------------------
    def __reduce__(self):
        body = self.__dict__.copy()
        code = self.recompile()
        graph = body.pop("_graph")
        body["_graphmodule_cls_name"] = type(self).__name__
        body["_code"] = code.src
        if getattr(graph._codegen, "pytree_info", None) is not None:
            body["_graphmodule_codegen"], body["_graphmodule_graph"] = True, graph
        return reduce_graph_module, (body, _format_import_block(code.globals))

    def __deepcopy__(self, memo):
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        root = _CodeOnlyModule({})
        root.__dict__ = {key: copy.deepcopy(value, memo) for key, value in self.__dict__.items() if key != "_graph"}
        root.training = self.training
        GraphModule.__init__(made, root, copy.deepcopy(self._graph, memo), class_name=type(self).__name__)
        for key, value in root.__dict__.items():        # what the graph does not name is kept, too
            if key in ("_parameters", "_buffers", "_modules"):
                for name, one in value.items():
                    made.__dict__[key].setdefault(name, one)
            elif key not in made.__dict__ or key in ("meta", "training") or key.endswith("_hooks"):
                made.__dict__[key] = value
        return made

    def __copy__(self):
        made = GraphModule(self, self.graph)
        made.meta = dict(getattr(self, "meta", {}))
        self._graph.owning_module = self
        return made

    def __str__(self):
        return "\n".join([super().__str__(), self._code, "# To see more debug info, please use `graph_module.print_readable()`"])

    def __call__(self, *args, **kwargs):
        return Module.__call__(self, *args, **kwargs)

