"""From the text of TorchScript archives to Python functions that can reach nothing but what is handed to them.

TorchScript files hold a small subset of Python. Every statement and expression is checked against that subset and built
anew: names of the archive's own functions and of operators become objects that the resolver gives, attributes and
methods go through functions that look at TorchScript objects only. What is not in the subset raises RuntimeError. The
text itself is never executed, and the built functions run without Python's builtins.
"""
import ast

_ROOTS = ("torch", "ops", "__torch__", "CONSTANTS")
_PREFIX = "__kg"


class TranslationError(RuntimeError):
    """The text is no TorchScript that this reader knows."""


def dotted(node):
    """'a.b.c' for a chain of attributes that starts at a name, else None."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([node.id, *reversed(parts)])


def _root(node):
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) and node.id in _ROOTS else None


class FunctionTranslator:
    """Builds one Python function from one `def`. `resolver` answers operator(), constant(), reference() and holds `primitives`."""

    def __init__(self, resolver, where):
        self.resolver, self.where = resolver, where
        self.injected = {"__builtins__": {}}
        self.names = {}

    def fail(self, node, what):
        line = getattr(node, "lineno", 0)
        raise TranslationError(f"{self.where}, line {line}: {what} is not TorchScript that can be read")

    def inject(self, key, value):
        """A name in the function's globals for the value."""
        name = self.names.get(key)
        if name is None:
            name = self.names[key] = f"{_PREFIX}{len(self.names)}"
            self.injected[name] = value
        return ast.Name(name, ast.Load())

    def primitive(self, name):
        return self.inject(("primitive", name), self.resolver.primitives[name])

    def function(self, node):
        """The Python function of a FunctionDef."""
        a = node.args
        if a.vararg or a.kwarg or a.kwonlyargs or a.posonlyargs or node.decorator_list:
            self.fail(node, f"the signature of {node.name}")
        for argument in a.args:
            self.check_name(argument, argument.arg)
        arguments = ast.arguments(posonlyargs=[], args=[ast.arg(argument.arg) for argument in a.args], kwonlyargs=[], kw_defaults=[],
                                  defaults=[self.expression(value) for value in a.defaults])
        made = ast.FunctionDef(name="made", args=arguments, body=self.block(node.body), decorator_list=[])
        tree = ast.fix_missing_locations(ast.Module([made], []))
        space = dict(self.injected)
        exec(compile(tree, self.where, "exec"), space)
        function = space.pop("made")
        function.__name__, function.__qualname__ = node.name, node.name
        return function

    def check_name(self, node, name):
        if name.startswith(_PREFIX) or (name.startswith("__") and name.endswith("__")) or name in _ROOTS:
            self.fail(node, f"the name {name}")

    # --- statements --------------------------------------------------------------------------
    def block(self, statements):
        out = [self.statement(one) for one in statements]
        return out or [ast.Pass()]

    def statement(self, node):
        method = getattr(self, f"statement_{type(node).__name__}", None)
        if method is None:
            self.fail(node, f"a statement of kind {type(node).__name__}")
        return method(node)

    def statement_Pass(self, node):
        return ast.Pass()

    def statement_Return(self, node):
        return ast.Return(self.expression(node.value) if node.value is not None else None)

    def statement_Expr(self, node):
        return ast.Expr(self.expression(node.value))

    def statement_Assign(self, node):
        if len(node.targets) != 1:
            self.fail(node, "an assignment to several targets")
        return self.assign(node, node.targets[0], self.expression(node.value))

    def statement_AnnAssign(self, node):
        if node.value is None:
            return ast.Pass()
        return self.assign(node, node.target, self.expression(node.value))

    def assign(self, node, target, value):
        if isinstance(target, ast.Attribute):
            return ast.Expr(ast.Call(self.primitive("set"), [self.expression(target.value), ast.Constant(target.attr), value], []))
        return ast.Assign([self.target(node, target)], value)

    def target(self, node, target):
        if isinstance(target, ast.Name):
            self.check_name(node, target.id)
            return ast.Name(target.id, ast.Store())
        if isinstance(target, (ast.Tuple, ast.List)):
            return ast.Tuple([self.target(node, one) for one in target.elts], ast.Store())
        self.fail(node, "this target of an assignment")

    def statement_If(self, node):
        return ast.If(self.expression(node.test), self.block(node.body), self.block(node.orelse) if node.orelse else [])

    def statement_While(self, node):
        if node.orelse:
            self.fail(node, "else after while")
        return ast.While(self.expression(node.test), self.block(node.body), [])

    def statement_For(self, node):
        if node.orelse:
            self.fail(node, "else after for")
        return ast.For(self.target(node, node.target), self.expression(node.iter), self.block(node.body), [])

    def statement_With(self, node):
        items = []
        for item in node.items:
            entered = ast.Call(self.primitive("context"), [self.expression(item.context_expr)], [])
            items.append(ast.withitem(entered, None if item.optional_vars is None else self.target(node, item.optional_vars)))
        return ast.With(items, self.block(node.body))

    def statement_Assert(self, node):
        return ast.Assert(self.expression(node.test), None if node.msg is None else self.expression(node.msg))

    def statement_Break(self, node):
        return ast.Break()

    def statement_Continue(self, node):
        return ast.Continue()

    # --- expressions -------------------------------------------------------------------------
    def expression(self, node):
        method = getattr(self, f"expression_{type(node).__name__}", None)
        if method is None:
            self.fail(node, f"an expression of kind {type(node).__name__}")
        return method(node)

    def expression_Constant(self, node):
        if node.value is not None and type(node.value) not in (bool, int, float, complex, str):
            self.fail(node, "this constant")
        return ast.Constant(node.value)

    def expression_Name(self, node):
        if node.id in ("inf", "nan", "infj", "nanj"):
            value = complex(0, float(node.id[:3])) if node.id.endswith("j") else float(node.id)
            return self.inject(("number", node.id), value)
        self.check_name(node, node.id)
        return ast.Name(node.id, ast.Load())

    def expression_Tuple(self, node):
        return ast.Tuple([self.expression(one) for one in node.elts], ast.Load())

    def expression_List(self, node):
        return ast.List([self.expression(one) for one in node.elts], ast.Load())

    def expression_Dict(self, node):
        if None in node.keys:
            self.fail(node, "** in a dict")
        return ast.Dict([self.expression(one) for one in node.keys], [self.expression(one) for one in node.values])

    def expression_UnaryOp(self, node):
        if not isinstance(node.op, (ast.USub, ast.UAdd, ast.Not)):
            self.fail(node, "this operator")
        return ast.UnaryOp(node.op, self.expression(node.operand))

    def expression_BinOp(self, node):
        if not (isinstance(node.op, (ast.Add, ast.Sub)) and all(isinstance(one, (ast.Constant, ast.UnaryOp)) for one in (node.left, node.right))):
            self.fail(node, "this operator")                        # only complex constants are written as sums
        return ast.BinOp(self.expression(node.left), node.op, self.expression(node.right))

    def expression_IfExp(self, node):
        return ast.IfExp(self.expression(node.test), self.expression(node.body), self.expression(node.orelse))

    def expression_Subscript(self, node):
        if isinstance(node.slice, ast.Slice):
            self.fail(node, "a slice")
        return ast.Call(self.primitive("item"), [self.expression(node.value), self.expression(node.slice)], [])

    def expression_Attribute(self, node):
        root = _root(node)
        if root is not None:
            return self.reference(node, root, dotted(node))
        return ast.Call(self.primitive("get"), [self.expression(node.value), ast.Constant(node.attr)], [])

    def reference(self, node, root, name):
        if root == "CONSTANTS":
            return self.inject(name, self.resolver.constant(name))
        if root == "__torch__":
            return self.inject(name, self.resolver.reference(name))
        self.fail(node, f"{name} without a call")

    def expression_Call(self, node):
        function = node.func
        if isinstance(function, ast.Name):
            return self.call_of_name(node, function.id)
        if isinstance(function, ast.Attribute):
            root = _root(function)
            if root in ("torch", "ops"):
                name = dotted(function)
                return self.call(self.inject(name, self.resolver.operator(name)), node)
            if root == "__torch__":
                if function.attr == "__new__":
                    return ast.Call(self.primitive("new"), [self.inject(dotted(function.value), self.resolver.reference(dotted(function.value)))], [])
                return self.call(self.inject(dotted(function), self.resolver.reference(dotted(function))), node)
            made = self.call(self.primitive("call"), node)
            made.args[:0] = [self.expression(function.value), ast.Constant(function.attr)]
            return made
        self.fail(node, "this call")

    def call(self, function, node):
        keywords = []
        for keyword in node.keywords:
            if keyword.arg is None:
                self.fail(node, "** in a call")
            keywords.append(ast.keyword(keyword.arg, self.expression(keyword.value)))
        return ast.Call(function, [self.expression(one) for one in node.args], keywords)

    def call_of_name(self, node, name):
        if name in ("annotate", "unchecked_cast"):
            return self.expression(node.args[1])
        if name == "uninitialized":
            return ast.Constant(None)
        if name == "getattr":
            if len(node.args) != 2 or not isinstance(node.args[1], ast.Constant) or type(node.args[1].value) is not str:
                self.fail(node, "this getattr")
            return ast.Call(self.primitive("get"), [self.expression(node.args[0]), ast.Constant(node.args[1].value)], [])
        if name == "isinstance":
            kind = self.inject(("type", ast.dump(node.args[1])), self.resolver.type(node.args[1], self))
            return ast.Call(self.primitive("isinstance"), [self.expression(node.args[0]), kind], [])
        if name in ("int", "float", "bool", "str", "range", "complex"):
            return self.call(self.primitive(name), node)
        return self.call(self.expression_Name(ast.Name(name, ast.Load())), node)
