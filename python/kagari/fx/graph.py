"""The graph: nodes in order of execution."""
import contextlib

from kagari.fx._codegen import CodeGen, PythonCode, _PyTreeCodeGen, _PyTreeInfo  # noqa: F401  their home for programs
from kagari.fx._namespace import _Namespace
from kagari.fx.node import Node, map_arg

__all__ = ["CodeGen", "Graph", "PythonCode"]


class _node_list:
    """The nodes of a graph; they may be erased and inserted while one iterates."""

    def __init__(self, graph, direction="_next"):
        self.graph, self.direction = graph, direction

    def __len__(self):
        return self.graph._len

    def __iter__(self):
        root, forward = self.graph._root, self.direction == "_next"
        node = root._next if forward else root._prev
        while node is not root:
            if not node._erased:
                yield node
            node = node._next if forward else node._prev

    def __reversed__(self):
        return _node_list(self.graph, "_prev" if self.direction == "_next" else "_next")


class _InsertPoint:
    def __init__(self, graph, insert):
        self.graph, self.before = graph, graph._insert
        graph._insert = insert

    def __enter__(self):
        return None

    def __exit__(self, *exception):
        self.graph._insert = self.before


class Graph:
    """Placeholders, calls and one output. Nodes are made by the methods named after their kinds, at the insertion point."""

    def __init__(self, owning_module=None, tracer_cls=None, tracer_extras=None):
        self._root = Node(self, "", "root", "", (), {})
        self._len, self._graph_namespace = 0, _Namespace()
        self._insert = self._root.prepend
        self.owning_module, self._tracer_cls, self._tracer_extras = owning_module, tracer_cls, tracer_extras
        self._codegen = CodeGen()
        self._output_value = None

    @property
    def nodes(self):
        return _node_list(self)

    @property
    def owning_module(self):
        return self._owning_module

    @owning_module.setter
    def owning_module(self, mod):
        self._owning_module = mod

    # --- making nodes ------------------------------------------------------------------------
    def create_node(self, op, target, args=None, kwargs=None, name=None, type_expr=None):
        """A node at the insertion point; `name` is a wish."""
        args, kwargs = () if args is None else args, {} if kwargs is None else kwargs
        if not isinstance(args, tuple):
            raise AssertionError("args must be a tuple")
        if not isinstance(kwargs, dict):
            raise AssertionError("kwargs must be a dict")
        node = Node(self, "", op, target, args, kwargs, type_expr)
        node.name = self._graph_namespace.create_name(name if name is not None else self._target_to_str(target), node)
        self._insert(node)
        self._len += 1
        return node

    def _target_to_str(self, target):
        """A variable's name for the result of a target: relu for torch.relu, linear_1 for module layers.1."""
        op = target if isinstance(target, str) else getattr(target, "__name__", type(target).__name__)
        if op.startswith("__") and op.endswith("__"):
            op = op[2:-2]
        op = op.lstrip("*").replace(".", "_")
        return "".join(f"_{c.lower()}" if c.isupper() and i and (op[i - 1].islower() or op[i - 1].isdigit()) else c.lower() for i, c in enumerate(op))

    def placeholder(self, name, type_expr=None, default_value=...):
        """An argument of the graph."""
        args = () if default_value is ... else (default_value,)
        return self.create_node("placeholder", name, args=args, type_expr=type_expr)

    def get_attr(self, qualified_name, type_expr=None):
        """A parameter, buffer or other attribute of the module."""
        return self.create_node("get_attr", qualified_name, type_expr=type_expr)

    def call_module(self, module_name, args=None, kwargs=None, type_expr=None):
        return self.create_node("call_module", module_name, args, kwargs, type_expr=type_expr)

    def call_method(self, method_name, args=None, kwargs=None, type_expr=None):
        return self.create_node("call_method", method_name, args, kwargs, type_expr=type_expr)

    def call_function(self, the_function, args=None, kwargs=None, type_expr=None, name=None):
        return self.create_node("call_function", the_function, args, kwargs, name=name, type_expr=type_expr)

    def output(self, result, type_expr=None):
        """What the graph returns: nodes, or containers of nodes and constants."""
        return self.create_node("output", "output", args=(result,), type_expr=type_expr)

    def node_copy(self, node, arg_transform=lambda x: x):
        """A copy of another graph's node; arg_transform turns that graph's nodes into this one's."""
        copied = self.create_node(node.op, node.target, map_arg(node.args, arg_transform), map_arg(node.kwargs, arg_transform), node.name, node.type)
        copied.meta = dict(node.meta)
        return copied

    def graph_copy(self, g, val_map, return_output_node=False):
        """Copies all nodes of g but its output; gives what g's output would be. val_map is filled."""
        for node in g.nodes:
            if node in val_map:
                continue
            if node.op == "output":
                result = map_arg(node.args[0], lambda n: val_map[n])
                return (result, node) if return_output_node else result
            val_map[node] = self.node_copy(node, lambda n: val_map[n])
        return None

    def __deepcopy__(self, memo=None):
        memo = memo if memo is not None else {}
        copied = Graph(tracer_cls=self._tracer_cls)
        made = {}
        result = copied.graph_copy(self, made, return_output_node=True)
        if isinstance(result, tuple):
            value, old = result
            new = copied.output(value, type_expr=getattr(old, "type", None))
            new.meta = dict(old.meta)
        for old, new in made.items():
            memo[id(old)] = new
        copied._codegen = self._codegen
        return copied

    # --- changing ------------------------------------------------------------------------------
    def erase_node(self, to_erase):
        """Removes a node that nobody uses."""
        if len(to_erase.users) > 0:
            raise RuntimeError(f"Tried to erase Node {to_erase} but it still had {len(to_erase.users)} users in the graph: {to_erase.users}!")
        if to_erase.graph is not self:
            raise RuntimeError(f"Attempting to remove {to_erase} from wrong graph!")
        if to_erase._erased:
            return
        to_erase._remove_from_list()
        to_erase._erased = True
        self._len -= 1
        to_erase.args, to_erase.kwargs = (), {}

    def inserting_before(self, n=None):
        """The insertion point moves in front of n (of all nodes if None); as a context manager it moves back at the end."""
        if n is None:
            return self.inserting_after(self._root)
        if n.graph is not self:
            raise AssertionError("Node to insert before is not in graph.")
        return _InsertPoint(self, n.prepend)

    def inserting_after(self, n=None):
        """The insertion point moves behind n (behind all nodes if None)."""
        if n is None:
            return self.inserting_before(self._root)
        if n.graph is not self:
            raise AssertionError("Node to insert after is not in graph.")
        return _InsertPoint(self, n.append)

    def eliminate_dead_code(self, is_impure_node=None):
        """Erases nodes whose value nobody uses and that do nothing else. Returns whether there were any."""
        self.lint()
        impure = is_impure_node or (lambda node: node.is_impure())
        before = len(self.nodes)
        for node in reversed(self.nodes):
            if not node.users and not impure(node):
                self.erase_node(node)
        return before != len(self.nodes)

    # --- questions -----------------------------------------------------------------------------
    def output_node(self):
        """The output node."""
        node = self._root._prev
        if node.op != "output":
            raise AssertionError(f"Expected output node to be last, got {node.op}")
        return node

    def find_nodes(self, *, op, target=None, sort=True):
        """The nodes of a kind, and with `target`, of that target."""
        if op == "call_function" and target is None:
            raise AssertionError("find_nodes of call_function needs a target")
        return [node for node in self.nodes if node.op == op and (target is None or node.target == target)]

    def lint(self):
        """RuntimeError if the graph is not sound: nodes used before they exist, names twice, modules or attributes that are missing."""
        defined, names = set(), set()

        def check(used, node):
            if used.graph is not self:
                raise RuntimeError(f"Argument '{used}' of Node '{node}' does not belong to this Graph; node_copy() takes an arg_transform for nodes "
                                   "of another graph")
            if used not in defined:
                raise RuntimeError(f"Argument '{used}' of Node '{node}' was used before it has been defined! It stands "
                                   f"behind its user in\n{self}")
            return used
        for node in self.nodes:
            if node.graph is not self:
                raise RuntimeError(f"Node '{node}' does not belong to this Graph!")
            map_arg((node.args, node.kwargs), lambda used, node=node: check(used, node))
            if node.name in names:
                raise RuntimeError(f"Node redefined name {node.name}!")
            defined.add(node)
            names.add(node.name)
        if self.owning_module is not None:
            for node in self.nodes:
                if node.op in ("get_attr", "call_module"):
                    self._lint_target(node)

    def _lint_target(self, node):
        from kagari.nn import Module
        value = self.owning_module
        for part in node.target.split("."):
            if not hasattr(value, part):
                raise RuntimeError(f"Node {node} target {node.target} references nonexistent attribute {part} of {type(value).__name__}")
            value = getattr(value, part)
        if node.op == "call_module" and not isinstance(value, Module):
            raise RuntimeError(f"Node {node} target {node.target} {part} of {type(value).__name__} does not reference an nn.Module")

    # --- code ----------------------------------------------------------------------------------
    def set_codegen(self, codegen):
        self._codegen = codegen

    def on_generate_code(self, make_transformer):
        """make_transformer(current) gives a function from the lines of the body to other lines, for generated code. A context manager
        that takes it back."""
        before = self._codegen._body_transformer
        self._codegen._body_transformer = make_transformer(before)

        @contextlib.contextmanager
        def restore():
            try:
                yield
            finally:
                self._codegen._body_transformer = before
        return restore()

    def process_inputs(self, *args):
        """Arguments of the graph's function -> values of its placeholders."""
        return self._codegen.process_inputs(*args)

    def process_outputs(self, out):
        return self._codegen.process_outputs(out)

    def python_code(self, root_module, *, verbose=False, include_stride=False, include_device=False, colored=False, **options):
        """The code of a function `forward` that does what the graph does; `root_module` is how it names its module."""
        namespace = _Namespace()

        def qualified(node):
            return namespace.create_name(node.name, node)
        nodes = list(self.nodes)
        before = [node._repr_fn for node in nodes]
        for node in nodes:
            node._repr_fn = qualified
        try:
            for node in nodes:
                qualified(node)
            return self._codegen._gen_python_code(nodes, root_module, namespace, verbose=verbose, include_stride=include_stride,
                                                  include_device=include_device, colored=colored)
        finally:
            for node, function in zip(nodes, before):
                node._repr_fn = function

    def __str__(self):
        names, returned, lines = [], [""], []
        for node in self.nodes:
            text = node.format_node()
            if text:
                lines.append(text)
        return "graph():" + "".join(f"\n    {line}" for line in lines) if lines else f"graph({', '.join(names)}){returned[0]}:"

    def print_tabular(self):
        """Prints one row for each node."""
        try:
            from tabulate import tabulate
        except ImportError:
            raise ImportError("print_tabular() needs the package tabulate") from None
        rows = [[node.op, node.name, node.target, node.args, node.kwargs] for node in self.nodes]
        print(tabulate(rows, headers=["opcode", "name", "target", "args", "kwargs"]))


def __getattr__(name):
    if name == "dtype_abbrs":
        import kagari
        short = {"uint8": "u8", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "uint16": "u16", "uint32": "u32", "uint64": "u64", "float16": "f16",
                 "float32": "f32", "float64": "f64", "bfloat16": "bf16", "complex32": "c32", "complex64": "c64", "complex128": "c128", "bool": "b8"}
        short.update({kind: kind.replace("float8_", "f8") for kind in ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu")})
        return {getattr(kagari, kind): text for kind, text in short.items() if hasattr(kagari, kind)}
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
