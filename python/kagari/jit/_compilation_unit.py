"""The classes and functions of one TorchScript archive, translated when they are first asked for."""
import ast
import collections
import enum

from kagari.jit import _operators
from kagari.jit._script_objects import PRIMITIVES, TYPES, RecursiveScriptModule, ScriptObject, get_attribute
from kagari.jit._translation import FunctionTranslator, TranslationError, dotted
from kagari.nn.modules.module import Module


class CompilationUnit:
    """Finds `__torch__.a.b.Name` in the archive's file code/__torch__/a/b.py. `read` gives a file's text or None.

    With `lang`, the text of functions, the unit is one file of its own: each function is an attribute.
    """
    primitives = PRIMITIVES

    def __init__(self, lang=None, _frames_up=0, *, read=None, constants=()):
        self.read, self.constants = read or (lambda path: None), constants
        self.files, self.found = {}, {}
        if lang is not None:
            self.files["__torch__"] = self._definitions(lang, "<string>")

    def __getattr__(self, name):
        definition = self.__dict__.get("files", {}).get("__torch__", {}).get(name)
        if definition is None:
            raise AttributeError(f"'CompilationUnit' object has no attribute '{name}'")
        return self.reference(f"__torch__.{name}")

    def define(self, lang):
        """Adds functions from their TorchScript text."""
        self.files.setdefault("__torch__", {}).update(self._definitions(lang, "<string>"))

    @staticmethod
    def _definitions(text, where):
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise TranslationError(f"{where} is no TorchScript: {error}") from None
        found = {}
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                node.source = text
                found[node.name] = node
            elif not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):   # op_version_set = 1, in old files
                raise TranslationError(f"{where}, line {node.lineno}: only classes and functions are expected")
        return found

    def _file(self, path):
        if path not in self.files:
            text = self.read(f"code/{path.replace('.', '/')}.py")
            self.files[path] = {} if text is None else self._definitions(text, path)
        return self.files[path]

    # --- what the translator asks --------------------------------------------------------------
    operator = staticmethod(_operators.operator)

    def constant(self, name):
        number = name.partition(".")[2].lstrip("c")
        if not number.isdigit() or int(number) >= len(self.constants):
            raise TranslationError(f"the archive has no constant {name}")
        return self.constants[int(number)]

    def reference(self, full):
        """The function or class of that name; an enumeration's member for Class.MEMBER."""
        if full in self.found:
            return self.found[full]
        path, _, name = full.rpartition(".")
        node = self._file(path).get(name)
        if node is None:
            owner_path, _, owner = path.rpartition(".")
            if owner in self._file(owner_path):
                return get_attribute_of_class(self.reference(path), name)
            raise RuntimeError(f"the TorchScript archive has no {full}")
        made = self._function(full, node) if isinstance(node, ast.FunctionDef) else self._class(full, node)
        self.found[full] = made
        return made

    def type(self, node, translator):
        """The Python type for an annotation, for isinstance()."""
        name = dotted(node)
        if name in TYPES:
            return TYPES[name]
        if name is not None and name.startswith("__torch__"):
            return self.reference(name)
        if isinstance(node, (ast.Tuple, ast.List)):
            return tuple(self.type(one, translator) for one in node.elts)
        if isinstance(node, ast.Subscript) and dotted(node.value) in TYPES:
            inner = self.type(node.slice, translator)
            return TYPES[dotted(node.value)][inner]
        if isinstance(node, ast.Constant) and node.value is None:
            return type(None)
        translator.fail(node, "this type")

    def _function(self, full, node):
        """A stand-in that translates the function at its first call, so that functions may call each other in any order."""
        made = []

        def function(*args, **kwargs):
            if not made:
                made.append(FunctionTranslator(self, full).function(node))
                self.found[full] = made[0]
            return made[0](*args, **kwargs)
        function.__name__ = function.__qualname__ = node.name
        return function

    def _class(self, full, node):
        base = dotted(node.bases[0]) if node.bases else None
        if base == "NamedTuple":
            return self._named_tuple(node)
        if base == "Enum":
            return self._enumeration(full, node)
        if base in ("Interface", "ModuleInterface"):
            return type(node.name, (ScriptObject,), {"_script_name": full})
        if base not in (None, "Module"):
            raise TranslationError(f"{full}: classes of kind {base} are not known")
        methods, attributes, constants, lists, texts = {}, set(), {}, {"__parameters__": [], "__buffers__": []}, {}
        lines = node.source.splitlines()
        for one in node.body:
            if isinstance(one, ast.FunctionDef):
                methods[one.name] = one
                texts[one.name] = "\n".join(line[2:] for line in lines[one.lineno - 1:one.end_lineno]) + "\n"
            elif isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
                attributes.add(one.target.id)
                if one.value is not None:
                    constants[one.target.id] = ast.literal_eval(one.value)
            elif isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name):
                if one.targets[0].id in lists:
                    lists[one.targets[0].id] = ast.literal_eval(one.value)
            elif isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Subscript) and dotted(one.targets[0].value) == "__annotations__":
                attributes.add(ast.literal_eval(one.targets[0].slice))
            elif not isinstance(one, (ast.Pass, ast.Expr)):
                raise TranslationError(f"{full}, line {one.lineno}: this does not belong into a class")
        attributes |= set(lists["__parameters__"]) | set(lists["__buffers__"])
        space = {"_script_name": full, "_script_attributes": frozenset(attributes), "_script_unit": self, "_script_texts": texts,
                 "_script_parameters": frozenset(lists["__parameters__"]), "_script_buffers": frozenset(lists["__buffers__"]), "__module__": full.rpartition(".")[0],
                 **{name: value for name, value in constants.items() if not hasattr(Module, name)}}
        made = type(node.name, (ScriptObject if base is None else RecursiveScriptModule,), space)
        self.found[full] = made
        table = {}
        for name, definition in methods.items():
            table[name] = self._method(full, definition, table)
            if base == "Module" and (name == "forward" or not hasattr(RecursiveScriptModule, name)):
                setattr(made, name, _as_method(table, name))
        made._script_methods = table
        return made

    def _method(self, full, node, table):
        """Translated at the first call: an archive holds many methods that nobody calls."""
        def first(*args, **kwargs):
            if table[node.name] is first:
                table[node.name] = FunctionTranslator(self, f"{full}.{node.name}").function(node)
            return table[node.name](*args, **kwargs)
        first.__name__ = first.__qualname__ = node.name
        return first

    @staticmethod
    def _named_tuple(node):
        fields, defaults = [], []
        for one in node.body:
            if isinstance(one, ast.AnnAssign):
                fields.append(one.target.id)
                if one.value is not None:
                    defaults.append(ast.literal_eval(one.value))
        return collections.namedtuple(node.name, fields, defaults=defaults)

    @staticmethod
    def _enumeration(full, node):
        members = {}
        for one in node.body:
            if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name):
                members[one.targets[0].id] = ast.literal_eval(one.value)
            elif isinstance(one, ast.AnnAssign) and one.value is not None:
                members[one.target.id] = ast.literal_eval(one.value)
        made = enum.Enum(node.name, members)
        made._script_enum = True
        return made


def get_attribute_of_class(kind, name):
    if isinstance(kind, enum.EnumMeta) and name in kind.__members__:
        return kind.__members__[name]
    raise TranslationError(f"{kind} has no {name}")


def _as_method(table, name):
    def method(self, *args, **kwargs):
        return table[name](self, *args, **kwargs)
    method.__name__ = name
    return method


__all__ = ["CompilationUnit", "get_attribute"]
