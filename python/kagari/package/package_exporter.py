"""Writing packages."""
import ast
import importlib.util
import io
import os
import pickletools
import platform
import sys
import types
from collections import OrderedDict

from kagari._alias.names import kagari_module
from kagari._archive_file import PyTorchFileWriter
from kagari._checkpoint_pickler import CheckpointPickler, StorageTable
from kagari.package.glob_group import GlobGroup
from kagari.package.importer import OrderedImporter, sys_importer

__all__ = ["EmptyMatchError", "PackageExporter", "PackagingError"]

# A package that is loaded gives a mocked module this source.
_MOCK = '''class MockedObject:
    def __init__(self, *args, **kwargs):
        raise NotImplementedError(f"Object '{self._name}' was mocked out during packaging but it is being used")


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (MockedObject,), {"_name": f"{__name__}.{name}"})
'''


class EmptyMatchError(Exception):
    """A pattern that must match a module matched none."""


class PackagingError(Exception):
    """The modules that a package needs, and for which nothing says what to do, with the reasons."""

    def __init__(self, broken):
        self.broken = broken
        reasons = {}
        for name, reason in broken.items():
            reasons.setdefault(reason, []).append(name)
        super().__init__("\n" + "\n".join(f"* {reason}\n" + "\n".join(f"    {name}" for name in names) for reason, names in reasons.items()))


class _Pickler(CheckpointPickler):
    """Classes of a loaded package are named as in that package."""

    def save_global(self, obj, name=None):
        module = getattr(obj, "__module__", None) or ""
        if module.startswith("<torch_package_"):
            self.write_name(module.partition(">.")[2], name or obj.__qualname__, obj)
        else:
            super().save_global(obj, name)

    def save_type(self, obj):
        if (getattr(obj, "__module__", None) or "").startswith("<torch_package_"):
            return self.save_global(obj)
        return super().save_type(obj)

    dispatch = dict(CheckpointPickler.dispatch)
    dispatch[types.FunctionType], dispatch[type] = save_global, save_type


class PackageExporter:
    """Writes a package to a file.

    f: a path, or a file open for writing bytes. importer: where modules come from (the running program), or several. Modules that saved objects
    and sources import are treated by the first pattern that matches: intern (the source goes into the package), extern (imported when the package
    is loaded), mock (replaced by names that raise when used), deny. Modules of Python's library and of torch are extern by themselves.
    PackagingError at the end if a module matches no pattern. To be used in a with block.
    """

    def __init__(self, f, importer=sys_importer, debug=False):
        self._importer = OrderedImporter(*importer) if isinstance(importer, (list, tuple)) else importer
        self._writer, self._table, self._patterns, self._hooks = PyTorchFileWriter(f), StorageTable(), [], {"intern": [], "extern": [], "mock": []}
        self._actions, self._edges, self._broken, self._ids, self._closed, self._stored = OrderedDict(), OrderedDict(), OrderedDict(), 0, False, set()

    # ---------------------------------------------------------------- what becomes of modules
    def _add_pattern(self, action, include, exclude, allow_empty=True):
        self._patterns.append([action, GlobGroup(include, exclude=exclude), allow_empty, False])

    def intern(self, include, *, exclude=(), allow_empty=True):
        """The source of modules that match goes into the package. allow_empty False: EmptyMatchError at the end if none does."""
        self._add_pattern("intern", include, exclude, allow_empty)

    def extern(self, include, *, exclude=(), allow_empty=True):
        """Modules that match are imported from the program that loads the package."""
        self._add_pattern("extern", include, exclude, allow_empty)

    def mock(self, include, *, exclude=(), allow_empty=True):
        """Modules that match are replaced by names that raise NotImplementedError when they are used."""
        self._add_pattern("mock", include, exclude, allow_empty)

    def deny(self, include, *, exclude=()):
        """Modules that match must not be needed."""
        self._add_pattern("deny", include, exclude)

    def _action(self, name):
        root = name.partition(".")[0]
        if root in sys.stdlib_module_names or root in ("torch", "kagari"):
            return "extern"
        for pattern in self._patterns:
            if pattern[1].matches(name):
                pattern[3] = True
                return pattern[0]
        return None

    def add_dependency(self, module_name, dependencies=True):
        """Treats a module as the patterns say, and what it imports."""
        if module_name in self._actions or module_name in self._broken:
            return
        action = self._action(module_name)
        if action is None:
            self._broken[module_name] = "Module did not match against any action pattern. Extern, mock, or intern it."
        elif action == "deny":
            self._broken[module_name] = "Module was denied by a pattern."
        else:
            self._actions[module_name] = action
            for hook in self._hooks[action]:
                hook(self, module_name)
            if action == "mock":
                self._write_source(module_name, _MOCK, False)
            elif action == "intern":
                self._intern(module_name, dependencies)

    def _intern(self, name, dependencies):
        source, is_package = self._source_of(name)
        if source is None:
            del self._actions[name]
            self._broken[name] = "Module has no Python source (a C extension?). Extern or mock it."
            return
        self._write_source(name, source, is_package)
        if dependencies:
            self._add_imports(name, source, is_package)

    def _source_of(self, name):
        source = getattr(self._importer, "get_source", lambda name: None)(name)
        if source:
            return source, bool(getattr(self._importer.import_module(name), "__path__", None))
        spec = importlib.util.find_spec(kagari_module(name))
        if spec is None or not getattr(spec, "origin", None) or not spec.origin.endswith(".py"):
            return None, False
        with open(spec.origin, encoding="utf-8") as file:
            return file.read(), spec.submodule_search_locations is not None

    def _add_imports(self, name, source, is_package):
        for found in sorted(set(_imports(source, name, is_package))):
            self._edges.setdefault(name, []).append(found)
            self.add_dependency(found)

    def _write_source(self, name, source, is_package):
        self._write(name.replace(".", "/") + ("/__init__.py" if is_package else ".py"), source)

    # ---------------------------------------------------------------- contents
    def save_module(self, module_name, dependencies=True):
        """Puts the source of a module of the running program into the package."""
        if not isinstance(module_name, str):
            raise TypeError("save_module() expects a string input, did you perhaps mean to pass `__name__`?")
        self._actions[module_name] = "intern"
        self._intern(module_name, dependencies)

    def save_source_string(self, module_name, src, is_package=False, dependencies=True):
        """Puts a text into the package as the source of a module."""
        self._actions[module_name] = "intern"
        self._write_source(module_name, src, is_package)
        if dependencies:
            self._add_imports(module_name, src, is_package)

    def save_source_file(self, module_name, file_or_directory, dependencies=True):
        """Puts a file, or the Python files of a folder, into the package as a module."""
        if not os.path.isdir(file_or_directory):
            with open(file_or_directory, encoding="utf-8") as file:
                self.save_source_string(module_name, file.read(), os.path.basename(file_or_directory) == "__init__.py", dependencies)
            return
        for folder, _, names in sorted(os.walk(file_or_directory)):
            for file_name in sorted(names):
                if file_name.endswith(".py"):
                    inner = os.path.relpath(folder, file_or_directory).replace(os.sep, ".")
                    parts = [module_name, *([] if inner == "." else inner.split(".")), *([] if file_name == "__init__.py" else [file_name[:-3]])]
                    self.save_source_file(".".join(parts), os.path.join(folder, file_name), dependencies)

    def save_pickle(self, package, resource, obj, dependencies=True, pickle_protocol=3):
        """Puts a pickled object into the package, and the modules of its classes."""
        if pickle_protocol not in (3, 4):
            raise AssertionError("torch.package only supports pickle protocols 3 and 4")
        buffer = io.BytesIO()
        _Pickler(buffer, self._table, pickle_protocol).dump(obj)
        data = buffer.getvalue()
        if dependencies:
            node = f"<{package}.{resource}>"
            for name in sorted(set(_modules_in(data))):
                self._edges.setdefault(node, []).append(name)
                self.add_dependency(name)
        self._write_resource(package, resource, data)

    def save_text(self, package, resource, text):
        """Puts a text into the package."""
        self._write_resource(package, resource, text.encode("utf-8"))

    def save_binary(self, package, resource, binary):
        """Puts bytes into the package."""
        self._write_resource(package, resource, binary)

    def _write_resource(self, package, resource, data):
        self._write("/".join([*package.split("."), resource]) if package else resource, data)

    def _write(self, name, data):
        if self._closed:
            raise AssertionError("the package is closed")
        if name in self._stored:
            raise AssertionError(f"there is already a file {name} in the package")
        self._stored.add(name)
        self._writer.write_record(name, data)

    # ---------------------------------------------------------------- questions
    def get_unique_id(self):
        """A text that no other call gives."""
        self._ids += 1
        return str(self._ids - 1)

    def _of_action(self, action):
        return sorted(name for name, one in self._actions.items() if one == action)

    def interned_modules(self):
        """The modules in the package."""
        return self._of_action("intern")

    def externed_modules(self):
        """The modules that the loading program must have."""
        return self._of_action("extern")

    def mocked_modules(self):
        """The modules that are mocked."""
        return self._of_action("mock")

    def denied_modules(self):
        """The modules that must not be needed, and are."""
        return sorted(name for name, reason in self._broken.items() if reason.startswith("Module was denied"))

    def get_rdeps(self, module_name):
        """What depends on a module."""
        return [source for source, found in self._edges.items() if module_name in found]

    def dependency_graph_string(self):
        """The dependencies as a graph in the language of Graphviz."""
        edges = "\n".join(f'"{source}" -> "{target}";' for source, found in self._edges.items() for target in found)
        return f"digraph G {{\nrankdir = LR;\nnode [shape=box];\n{edges}\n}}\n"

    def all_paths(self, src, dst):
        """The part of the graph that lies on ways from src to dst."""
        def reached(start, edges):
            seen, todo = {start}, [start]
            while todo:
                for target in edges.get(todo.pop(), ()):
                    if target not in seen:
                        seen.add(target)
                        todo.append(target)
            return seen
        back = {}
        for source, found in self._edges.items():
            for target in found:
                back.setdefault(target, []).append(source)
        kept = reached(src, self._edges) & reached(dst, back)
        edges = "\n".join(f'"{s}" -> "{t}";' for s, found in self._edges.items() for t in found if s in kept and t in kept)
        return f"digraph G {{\nrankdir = LR;\nnode [shape=box];\n{edges}\n}}\n"

    def _register(self, action, hook):
        from kagari.utils.hooks import RemovableHandle
        hooks = OrderedDict()
        handle = RemovableHandle(hooks)
        hooks[handle.id] = hook
        self._hooks[action].append(lambda exporter, name: [one(exporter, name) for one in hooks.values()])
        return handle

    def register_intern_hook(self, hook):
        """hook(exporter, module name) is called for each module that is interned."""
        return self._register("intern", hook)

    def register_extern_hook(self, hook):
        """hook(exporter, module name) is called for each module that is extern."""
        return self._register("extern", hook)

    def register_mock_hook(self, hook):
        """hook(exporter, module name) is called for each module that is mocked."""
        return self._register("mock", hook)

    # ---------------------------------------------------------------- the end
    def close(self):
        """Writes what is left. PackagingError if modules are missing, EmptyMatchError for a pattern that had to match."""
        if self._broken:
            raise PackagingError(self._broken)
        for action, group, allow_empty, matched in self._patterns:
            if not allow_empty and not matched:
                raise EmptyMatchError(f"Exporter did not match any modules to {group}, which was marked as allow_empty=False")
        for key, storage in self._table.storages.items():
            self._writer.write_record(f".data/{key}.storage", storage)
        self._writer.write_record(".data/extern_modules", "\n".join(self.externed_modules()) + "\n")
        self._writer.write_record(".data/python_version", platform.python_version())
        self._writer.write_record(".data/version", "6\n")
        self._writer.write_record("byteorder", sys.byteorder)
        self._writer._written.append("version")        # the packages of PyTorch have it in .data
        self._writer.write_end_of_file()
        self._closed = True

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.close()
        elif self._writer._own:
            self._writer._file.close()


def _imports(source, name, is_package):
    """The names of the modules that a source imports."""
    package = name if is_package else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parent = package.split(".")[:len(package.split(".")) - node.level + 1]
                base = ".".join([*parent, *([base] if base else [])])
            for alias in node.names:
                yield f"{base}.{alias.name}" if alias.name != "*" and _is_module(f"{base}.{alias.name}") else base


def _is_module(name):
    try:
        return importlib.util.find_spec(kagari_module(name)) is not None
    except (ImportError, ValueError):
        return False


def _modules_in(data):
    """The modules that a pickle names."""
    texts = []
    for op, argument, _ in pickletools.genops(data):
        if op.name == "GLOBAL":
            yield argument.partition(" ")[0]
        elif op.name == "STACK_GLOBAL":
            yield texts[-2]
        elif isinstance(argument, str) and "UNICODE" in op.name:
            texts.append(argument)
