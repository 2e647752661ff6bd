"""Recording programs as graphs of operators, by running them on tensors.

Unlike symbolic tracing this sees what happens below Python: every operator call is reported by the core. What changes a
tensor in place becomes a new value in the graph (Note [Values and views]); sizes that depend on the sizes of inputs are
found by running the program on inputs of other sizes (kagari.fx._dynamic_sizes).
"""
import functools
import operator

import kagari
from kagari import _C
from kagari._overload_names import overload_of
from kagari.fx._strided_views import steps_of_window
from kagari.fx.graph import Graph
from kagari.fx.node import Node
from kagari.utils import _pytree

# Note [Values and views]: a tensor is a root with a value, or a view: a root and the operators that lead from it. Writing to
# a view computes a new value of its root; the other views of that root are computed anew when they are read.
_VIEWS = frozenset("view _unsafe_view reshape alias slice select transpose permute expand unsqueeze squeeze t detach split split_with_sizes unbind chunk diagonal "
                   "unfold narrow view_as expand_as flatten unflatten swapaxes swapdims movedim moveaxis tensor_split real imag view_as_real view_as_complex "
                   "contiguous mT mH T H adjoint".split())


class Root:
    """A tensor's memory: its value in the graph, and how often that changed."""
    __slots__ = ("value", "version")

    def __init__(self, value):
        self.value, self.version = value, 0


class Handle:
    """What a tensor of the program is in the graph."""
    __slots__ = ("root", "chain", "seen", "value")

    def __init__(self, root, chain=(), value=None):
        self.root, self.chain, self.seen, self.value = root, chain, root.version, value


@functools.lru_cache(None)
def signature(schema):
    """[(name, keyword only, has default, default)] of an operator's schema."""
    from kagari.fx.operator_schemas import _signatures_of_schemas
    out = []
    for p in _signatures_of_schemas([schema])[0].parameters.values():
        if p.name == "layout" and p.default is None:
            out.append(("options", True, True, None))
        elif p.name in ("device", "pin_memory") and p.default is None and out and out[-1][0] == "options":
            continue
        elif p.name == "dtype" and "Options options" in schema:
            continue
        else:
            out.append((p.name, p.kind is p.KEYWORD_ONLY, p.default is not p.empty, None if p.default is p.empty else p.default))
    return out


@functools.lru_cache(None)
def target_of(name, schema, given=()):
    """The callable that stands for an operator in graphs: torch.ops.aten.name.overload. `given` names the arguments of the call."""
    if name == "unfold" and "im2col" not in schema:          # torch.ops has one name for Tensor.unfold and nn.functional.unfold
        return kagari.Tensor.unfold
    own = schema[len(name) + 1:schema.index("(")] if schema.startswith(f"{name}.") else ""
    packet = getattr(kagari.ops.aten, name)
    overload = overload_of(name, own, given)
    return getattr(packet, overload if overload in packet.overloads() else packet.overloads()[0])


def operator_name(target):
    """'add' for torch.ops.aten.add.Tensor."""
    packet = getattr(target, "overloadpacket", None)
    return packet.__name__ if packet is not None else getattr(target, "__name__", "")


class Recorder:
    """Builds a graph while a program runs. `whole`: the composed operators that stay one node; None: all of them."""

    def __init__(self, whole=None):
        self.whole, self.graph = whole, Graph()
        self.handles, self.alive, self.constants, self.attributes = {}, [], {}, {}
        self.storages, self.by_node, self.calls_begin, self.from_inputs = {}, {}, None, {}

    # --- what the graph knows ----------------------------------------------------------------
    def remember(self, tensor, node):
        """`tensor` is a root with this value."""
        self.alive.append(tensor)
        handle = Handle(Root(node), value=node)
        self.handles[_C._tensor_identity(tensor)] = handle
        self.storages.setdefault(_storage(tensor), []).append(tensor)
        self.describe(node, tensor)
        return handle

    @staticmethod
    def describe(node, tensor):
        node.meta["val"] = TensorValue(tensor)

    def attribute(self, tensor, path):
        """A parameter or buffer; its node is made when it is first used."""
        self.attributes.setdefault(_C._tensor_identity(tensor), path)
        self.alive.append(tensor)

    def handle(self, tensor):
        identity = _C._tensor_identity(tensor)
        found = self.handles.get(identity)
        if found is not None:
            return found
        path = self.attributes.get(identity)
        if path is None:
            alias = next((one for one in self.storages.get(_storage(tensor), ()) if _same_window(one, tensor)), None)
            if alias is not None:               # x.data and the like: the same elements, made without an operator
                self.alive.append(tensor)
                self.handles[identity] = self.handles[_C._tensor_identity(alias)]
                return self.handles[identity]
            path = f"_tensor_constant{len(self.constants)}"
            self.constants[path] = tensor
            self.attributes[identity] = path
        if self.calls_begin is None:
            node = self.graph.get_attr(path)
        else:
            with self.graph.inserting_before(self.calls_begin):
                node = self.graph.get_attr(path)
        return self.remember(tensor, node)

    # --- reading and writing ---------------------------------------------------------------------
    def read(self, tensor):
        """The node of the tensor's present value."""
        handle = self.handle(tensor)
        root = handle.root
        if handle.seen != root.version or handle.value is None:
            value = root.value
            for step in handle.chain:
                value = self.apply(step, value)
            handle.value, handle.seen = value, root.version
        return handle.value

    def write(self, tensor, value):
        """The tensor's elements become `value`."""
        handle = self.handle(tensor)
        root = handle.root
        if handle.chain:
            before = [root.value]
            for step in handle.chain[:-1]:
                before.append(self.apply(step, before[-1]))
            for step, base in zip(reversed(handle.chain), reversed(before)):
                value = self.put_back(step, base, value)
            root.value = value
            root.version += 1
            handle.value = None
        else:
            root.value = handle.value = value
            root.version += 1
            handle.seen = root.version

    def apply(self, step, value):
        name, schema, args, kwargs, at, shape = step
        node = self.call(name, schema, (value, *args), kwargs)
        if at is not None:
            node = self.graph.call_function(operator.getitem, (node, at))
        node.meta["val"] = shape
        return node

    def put_back(self, step, base, value):
        """base with the elements of its view replaced."""
        name, schema, args, kwargs, at, shape = step
        base_value = base.meta["val"]

        def op(name, *args):
            node = self.graph.call_function(target_of(name, ""), args, name=name)
            node.meta["val"] = base_value
            return node
        if name in ("view", "_unsafe_view", "reshape", "flatten", "unflatten", "unsqueeze", "squeeze", "view_as"):
            return op("reshape", value, list(base_value.shape))
        if name in ("alias", "detach", "contiguous"):
            return value
        if name == "slice":
            return op("slice_scatter", base, value, *args)
        if name == "select":
            return op("select_scatter", base, value, *args)
        if name in ("transpose", "swapaxes", "swapdims"):
            return op("transpose", value, *args)
        if name == "t":
            return op("t", value)
        if name == "permute":
            dims = [d % len(args[0]) for d in args[0]]
            return op("permute", value, [dims.index(i) for i in range(len(dims))])
        if name in ("split", "split_with_sizes", "chunk", "unbind") and at is not None:
            return self._put_part(op, name, args, at, base, value, shape)
        if name == "diagonal":
            return op("diagonal_scatter", base, value, *args)
        raise NotImplementedError(f"recording a program that writes to a view made by {name}() is not supported")

    def _put_part(self, op, name, args, at, base, value, shape):
        dim = args[-1] if name != "unbind" else (args[0] if args else 0)
        if name != "unbind" and len(args) == 1:
            dim = 0
        if name == "unbind":
            return op("select_scatter", base, value, dim, at)
        start = sum(args[0][:at]) if name == "split_with_sizes" else at * (args[0] if name == "split" else -(-base.meta["val"].shape[dim] // args[0]))
        return op("slice_scatter", base, value, dim, start, start + shape.shape[dim], 1)

    # --- what the core reports ---------------------------------------------------------------------
    def report(self, name, schema, args, results, written, is_list):
        if name == "_as_strided":
            return self.report_window(args, results[0])
        if name.endswith("_") and not name.endswith("__"):
            return self.report_reshaping(name[:-1], args)
        if written and name == "copy":
            self.alive.extend(results)
            return self.write(results[0], self.copied(results[0], args))
        args = [self.argument(one) for one in args]
        positional, keywords = self.split_arguments(schema, args)
        first = args[0] if args and isinstance(args[0], Node) else None
        node = self.call(name, schema, positional, keywords)
        if not results:
            return None
        if written:
            self.deliver(node, results)
            return None
        is_tuple = is_list or len(results) > 1
        for at, result in enumerate(results):
            value = node
            if is_tuple:
                value = self.graph.call_function(operator.getitem, (node, at))
                value.meta["val"] = TensorValue(result)
            else:
                node.meta["val"] = TensorValue(result)
            self.record_result(name, schema, positional, keywords, first, result, value, at if is_tuple else None)
        if is_tuple:
            node.meta["val"] = tuple(TensorValue(result) for result in results)
        return None

    def record_result(self, name, schema, positional, keywords, first, result, value, at):
        identity = _C._tensor_identity(result)
        if identity in self.handles and name not in _VIEWS:         # contiguous() of a contiguous tensor is the tensor itself
            handle = self.handles[identity]
            if handle.value is not value:
                if self.calls_begin is value:
                    self.calls_begin = None
                self.graph.erase_node(value)
            return
        source = next((h for h in (self._handle_of(first),) if h is not None), None)
        if name in _VIEWS and source is not None and self._shares(first, result):
            step = (name, schema, tuple(positional[1:]), keywords, at, TensorValue(result))
            self.alive.append(result)
            handle = Handle(source.root, (*source.chain, step), value)
            self.handles[identity] = handle
            self.storages.setdefault(_storage(result), []).append(result)
            self.by_node[value] = (handle, result)
            return
        self.by_node[value] = (self.remember(result, value), result)

    def _handle_of(self, node):
        found = self.by_node.get(node)
        return found[0] if found is not None else None

    def _shares(self, node, result):
        found = self.by_node.get(node)
        return found is not None and _storage(found[1]) == _storage(result)

    def deliver(self, node, results):
        """The results of an in-place or out= form become the values of tensors that were there."""
        for at, result in enumerate(results):
            self.alive.append(result)
            value = node if len(results) == 1 else self.graph.call_function(operator.getitem, (node, at))
            value.meta["val"] = TensorValue(result)
            self.write(result, self.cast(value, result))

    def cast(self, value, tensor):
        """In-place forms keep the tensor's dtype."""
        given = [used.meta["val"].dtype for used in value.all_input_nodes if hasattr(used.meta.get("val"), "dtype")]
        if all(kagari.promote_types(dtype, tensor.dtype) == tensor.dtype for dtype in given):
            return value
        return self.constant_call("_to_copy", (value,), {"dtype": tensor.dtype}, TensorValue(tensor))

    def copied(self, target, args):
        """The node of `target` after target.copy_(source)."""
        source = args[1]
        like = TensorValue(target)
        if not isinstance(source, kagari.Tensor):
            return self.constant_call("full", ([*target.shape], source), {"dtype": target.dtype}, like)
        value = self.read(source)
        if source.dtype != target.dtype:
            value = self.constant_call("_to_copy", (value,), {"dtype": target.dtype}, TensorValue(source, target.dtype))
        if source.shape != target.shape:
            value = self.constant_call("expand", (value, [*target.shape]), {}, like)
        return value

    def constant_call(self, name, args, kwargs, value):
        node = self.graph.call_function(target_of(name, ""), args, kwargs, name=name.strip("_"))
        node.meta["val"] = value
        return node

    def report_window(self, args, result):
        """A subscript of numbers and slices, as the operators that it consists of."""
        source, size, stride, offset, own_size, own_stride, own_offset = args
        value, handle = self.read(source), self.handle(source)
        chain = list(handle.chain)
        steps = steps_of_window(own_size, own_stride, size, stride, offset - own_offset)
        if steps is None:
            raise NotImplementedError(f"recording as_strided() from sizes {own_size} and strides {own_stride} to {size} and {stride} is not supported")
        for name, arguments, shape in steps:
            step = (name, "", tuple(arguments), {}, None, TensorValue(result, shape=shape))
            value = self.apply(step, value)
            chain.append(step)
        self.alive.append(result)
        made = Handle(handle.root, tuple(chain), value)
        self.handles[_C._tensor_identity(result)] = made
        self.storages.setdefault(_storage(result), []).append(result)
        self.by_node[value] = (made, result)

    def report_reshaping(self, name, args):
        """x.unsqueeze_(0) and the like: the tensor is a view of what it was."""
        if name not in _VIEWS:
            raise NotImplementedError(f"recording {name}_() is not supported")
        tensor, handle = args[0], self.handle(args[0])
        step = (name, "", tuple(args[1:]), {}, None, TensorValue(tensor))
        value = self.apply(step, self.read(tensor))
        self.handles[_C._tensor_identity(tensor)] = made = Handle(handle.root, (*handle.chain, step), value)
        self.by_node[value] = (made, tensor)

    def argument(self, value):
        if isinstance(value, kagari.Tensor):
            node = self.read(value)
            self.by_node.setdefault(node, (self.handle(value), value))
            return node
        if isinstance(value, list):
            return [self.argument(one) for one in value]
        return value

    def split_arguments(self, schema, args):
        """Arguments in the order of the schema -> positional ones and keywords, defaults at the end left out."""
        if not schema:
            return tuple(args), {}
        positional, keywords = [], {}
        for (name, only_keyword, has_default, default), value in zip(signature(schema), args):
            if name == "options":
                keywords.update(value)
            elif only_keyword:
                if not (has_default and _equal(value, default)):
                    keywords[name] = value
            else:
                positional.append((value, has_default and _equal(value, default)))
        while positional and positional[-1][1]:
            positional.pop()
        return tuple(value for value, _ in positional), keywords

    def call(self, name, schema, args, kwargs):
        given = tuple(kwargs)
        if schema:
            given += tuple(own for (own, *_), value in zip(signature(schema), args) if value is not None)
        node = self.graph.call_function(target_of(name, schema, given), tuple(args), kwargs, name=name.strip("_") or None)
        self.calls_begin = self.calls_begin or node
        return node

    # --- the whole program ---------------------------------------------------------------------------
    def run(self, function, inputs, on_read=None):
        """Runs function() with the tensors in `inputs` ((name, value) pairs) as placeholders. Returns its result.

        on_read() is called when the program turns a tensor that depends on the inputs into Python values.
        """
        for name, value in inputs:
            node = self.graph.placeholder(name)
            if isinstance(value, kagari.Tensor):
                handle = self.handles.get(_C._tensor_identity(value))
                if handle is None:
                    self.by_node[node] = (self.remember(value, node), value)
                else:
                    self.describe(node, value)
            else:
                node.meta["val"] = value
        def reads(tensor):
            handle = self.handles.get(_C._tensor_identity(tensor))
            if on_read is not None and handle is not None and self.depends_on_inputs(handle.root.value):
                on_read()
        with kagari.no_grad(), _Conversions(reads):
            return _C._capture(self.report, self.whole, function, reads)

    def depends_on_inputs(self, node):
        found = self.from_inputs.get(node)
        if found is None:
            found = self.from_inputs[node] = node.op == "placeholder" or any(map(self.depends_on_inputs, node.all_input_nodes))
        return found

    def finish(self, leaves):
        """The output node for the flat results."""
        def node_of(value):
            if not isinstance(value, kagari.Tensor):
                return value
            return self.read(value)
        output = self.graph.output(tuple(node_of(value) for value in leaves))
        for node in reversed(self.graph.nodes):
            if not node.users and node.op not in ("placeholder", "output"):
                self.graph.erase_node(node)
        return output


class _Conversions:
    """Meanwhile, methods that hand all values of a tensor to Python tell reads(tensor) first."""

    def __init__(self, reads):
        self.reads, self.before = reads, {}

    def __enter__(self):
        for name in ("item", "tolist", "numpy", "__array__"):
            method = self.before[name] = kagari.Tensor.__dict__[name]

            def told(tensor, *args, method=method, **kwargs):
                self.reads(tensor)
                return method(tensor, *args, **kwargs)
            _C._set_tensor_attribute(name, told)

    def __exit__(self, *exception):
        for name, method in self.before.items():
            _C._set_tensor_attribute(name, method)


class TensorValue:
    """Shape, dtype and device of a value in a graph (node.meta["val"])."""

    def __init__(self, tensor, dtype=None, shape=None):
        self.shape = kagari.Size(tensor.shape if shape is None else shape)
        self.dtype, self.device, self.requires_grad = dtype or tensor.dtype, tensor.device, tensor.requires_grad
        self._stride = tensor.stride() if shape is None else kagari.empty(self.shape, device="meta").stride()

    def dim(self):
        return len(self.shape)

    ndim = property(dim)

    def size(self, dim=None):
        return self.shape if dim is None else self.shape[dim]

    def stride(self, dim=None):
        return self._stride if dim is None else self._stride[dim]

    def numel(self):
        return self.shape.numel()

    def __repr__(self):
        return f"TensorValue(size={tuple(self.shape)}, dtype={self.dtype})"


def _storage(tensor):
    return tensor.untyped_storage()._cdata


def _same_window(a, b):
    return a.shape == b.shape and a.stride() == b.stride() and a.storage_offset() == b.storage_offset() and a.dtype == b.dtype


def _equal(value, default):
    if isinstance(value, Node) or isinstance(default, Node):
        return False
    return type(value) in (int, float, bool, str, type(None), list) and value == default and (type(value) is type(default) or not isinstance(value, bool))


def flat_names(args, kwargs, parameters):
    """[(name, leaf)] of call arguments, named after the function's parameters, and their tree."""
    leaves, spec = _pytree.tree_flatten((tuple(args), dict(kwargs)))
    names = []
    for path, _ in _pytree.tree_flatten_with_path((tuple(args), dict(kwargs)))[0]:
        place = path[1].idx if path[0].idx == 0 else None
        head = path[1].key if place is None else parameters[place] if place < len(parameters) else f"args_{place - len(parameters)}"
        rest = [str(getattr(key, "idx", getattr(key, "key", getattr(key, "name", "")))) for key in path[2:]]
        names.append("".join(c if c.isalnum() else "_" for c in "_".join([head, *rest])))
    return list(zip(names, leaves)), spec
