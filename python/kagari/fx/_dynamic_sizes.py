"""Sizes that depend on the sizes of inputs.

A program is recorded several times, on inputs whose dynamic dimensions have other sizes. Numbers that are the same in all
recordings are constants. The others are fitted as expressions of the dynamic sizes (s, a s + b, a s t, (s + b) // k, ...);
each must agree with all recordings. What fits nothing raises an error that names the place.
"""
import itertools
import operator

import kagari
from kagari.fx.node import Node

MAXIMAL_FACTOR = 64


def sym_size(tensor, dim):
    """The size of a dimension: how graphs with dynamic sizes ask for it."""
    return tensor.shape[dim]


def size_target():
    """torch.ops.aten.sym_size.int where torch.ops has it."""
    try:
        return kagari.ops.aten.sym_size.int
    except AttributeError:
        return sym_size


class NotExpressible(RuntimeError):
    """A size that depends on the inputs in a way that the expressions do not cover."""


class Fitter:
    """Finds expressions for vectors of numbers, one number for each recording. `symbols`: name -> such a vector."""

    def __init__(self, symbols):
        self.known = {}                         # vector -> expression
        for name, values in symbols.items():
            self.known.setdefault(tuple(values), ("sym", name))
        self.symbols = {name: tuple(values) for name, values in symbols.items()}

    def fit(self, values):
        """A number, or an expression of nested tuples. NotExpressible if there is none."""
        values = tuple(values)
        if all(value == values[0] for value in values):
            return values[0]
        found = self.known.get(values) or self._linear(values) or self._product(values) or self._quotient(values)
        if found is None:
            raise NotExpressible(f"a size that is {', '.join(map(str, values))} for "
                                 + "; ".join(f"{name} = {', '.join(map(str, own))}" for name, own in self.symbols.items()))
        self.known[values] = found
        return found

    def _linear(self, values):
        for base, expression in list(self.known.items()):
            rise, run = values[1] - values[0], base[1] - base[0]
            i = 1
            while run == 0 and i + 1 < len(values):
                rise, run, i = values[i + 1] - values[0], base[i + 1] - base[0], i + 1
            if run == 0 or rise % run:
                continue
            a = rise // run
            b = values[0] - a * base[0]
            if a and all(v == a * s + b for v, s in zip(values, base)):
                return _sum(_times(expression, a), b)
        return None

    def _product(self, values):
        known = list(self.known.items())
        for count in (2, 3):
            for chosen in itertools.combinations_with_replacement(known, count):
                product = [1] * len(values)
                for base, _ in chosen:
                    product = [p * s for p, s in zip(product, base)]
                if not product[0] or values[0] % product[0]:
                    continue
                a = values[0] // product[0]
                if a and all(v == a * p for v, p in zip(values, product)):
                    made = chosen[0][1]
                    for _, expression in chosen[1:]:
                        made = ("mul", made, expression)
                    return _times(made, a)
        return None

    def _quotient(self, values):
        """(s + b) // k with the smallest b."""
        found = []
        for base, expression in list(self.known.items()):
            for k in range(2, MAXIMAL_FACTOR + 1):
                low = max(k * v - s for v, s in zip(values, base))
                high = min(k * v + k - 1 - s for v, s in zip(values, base))
                if low <= high:
                    b = min(range(low, high + 1), key=abs)
                    found.append((abs(b), k, b, expression))
        if not found:
            return None
        _, k, b, expression = min(found, key=lambda one: one[:2])
        return ("floordiv", _sum(expression, b), k)


def _times(expression, a):
    return expression if a == 1 else ("mul", expression, a)


def _sum(expression, b):
    return expression if b == 0 else ("add", expression, b)


def evaluate(expression, symbols):
    """The number that an expression is for the values of symbols."""
    if not isinstance(expression, tuple):
        return expression
    kind, *parts = expression
    if kind == "sym":
        return symbols[parts[0]]
    a, b = (evaluate(part, symbols) for part in parts)
    return {"mul": operator.mul, "add": operator.add, "floordiv": operator.floordiv}[kind](a, b)


def text(expression):
    """The expression as a formula."""
    if not isinstance(expression, tuple):
        return str(expression)
    kind, *parts = expression
    if kind == "sym":
        return parts[0]
    sign = {"mul": "*", "add": "+", "floordiv": "//"}[kind]
    return sign.join(f"({text(part)})" if isinstance(part, tuple) and part[0] == "add" and kind != "add" else text(part) for part in parts)


class Generalizer:
    """Turns the first of several graphs of one program into one for all sizes."""

    def __init__(self, graphs, symbols, sources):
        """sources: symbol -> (name of the placeholder, dimension) where its size can be read."""
        self.graphs, self.graph, self.sources = graphs, graphs[0], sources
        self.fitter, self.nodes = Fitter(symbols), {}

    def run(self):
        lists = [list(graph.nodes) for graph in self.graphs]
        if any(len(one) != len(lists[0]) for one in lists):
            raise NotExpressible("the program takes different paths for inputs of other sizes")
        self.placeholders = {node.target: node for node in lists[0] if node.op == "placeholder"}
        self.last_placeholder = next((node for node in reversed(lists[0]) if node.op in ("placeholder", "get_attr")), None)
        for nodes in zip(*lists):
            first = nodes[0]
            if any(node.op != first.op or node.target is not first.target and node.target != first.target for node in nodes):
                raise NotExpressible(f"the program takes different paths for inputs of other sizes, from {first.name} on")
            self.place = first
            try:
                args = self.merge([node.args for node in nodes])
                kwargs = self.merge([node.kwargs for node in nodes])
                self.describe(nodes)
            except NotExpressible as error:
                raise NotExpressible(f"{error}, in {first.format_node()}") from None
            first._update_args_kwargs(args, kwargs)
        return self.graph

    def describe(self, nodes):
        """meta["sizes"]: the expressions of a value's sizes, where they can be found."""
        values = [node.meta.get("val") for node in nodes]
        if all(hasattr(value, "shape") for value in values) and len({len(value.shape) for value in values}) == 1:
            try:
                nodes[0].meta["sizes"] = [self.fitter.fit(sizes) for sizes in zip(*(value.shape for value in values))]
            except NotExpressible:
                if nodes[0].op == "output":
                    raise

    def merge(self, items):
        first = items[0]
        if isinstance(first, Node):
            return first
        if isinstance(first, (list, tuple)):
            if any(len(item) != len(first) for item in items):
                raise NotExpressible("lists of different lengths")
            merged = [self.merge(list(parts)) for parts in zip(*items)]
            return type(first)(merged) if not hasattr(first, "_fields") else type(first)(*merged)
        if isinstance(first, dict):
            return {key: self.merge([item[key] for item in items]) for key in first}
        if type(first) is int and all(type(item) is int for item in items):
            return self.node_of(self.fitter.fit(items))
        if any(item != first for item in items) and not (first != first):
            raise NotExpressible(f"values {', '.join(map(str, items))} that depend on the sizes of inputs")
        return first

    def node_of(self, expression):
        """The node that computes an expression, behind the placeholders."""
        if not isinstance(expression, tuple):
            return expression
        if expression in self.nodes:
            return self.nodes[expression]
        kind, *parts = expression
        if kind == "sym":
            name, dim = self.sources[parts[0]]
            target, args = size_target(), (self.placeholders[name], dim)
        else:
            target, args = getattr(operator, kind), tuple(map(self.node_of, parts))
        with self.graph.inserting_after(self.last_placeholder):
            node = self.graph.call_function(target, args)
        self.last_placeholder = node
        node.meta["expression"] = expression
        self.nodes[expression] = node
        return node
