"""torch.jit.save: the archive's files, and TorchScript text for recorded programs."""
import math
import operator

import kagari
from kagari import serialization, storage as storages
from kagari._zip_archive import ArchiveWriter
from kagari.export import dynamic_shapes as shapes
from kagari.export._trace import parameters_of, record, resized, warn_of_reads
from kagari.fx._dynamic_sizes import size_target, sym_size
from kagari.fx._recording import operator_name
from kagari.fx.node import Node
from kagari.jit._numbers import number_of
from kagari.jit._pickling import ScriptPickler
from kagari.jit._script_objects import ScriptModule
from kagari.utils import _pytree

# Composed operators whose arguments are ATen's; all others are written as what they consist of.
_WHOLE = frozenset(
    "relu6 glu prelu scaled_dot_product_attention max min clamp_min clamp_max contiguous type_as new_empty new_zeros new_ones new_full cosine_similarity pairwise_distance "
    "dropout feature_dropout alpha_dropout repeat_interleave index index_put outer inner kron matmul layer_norm rms_norm batch_norm group_norm instance_norm pad pixel_shuffle "
    "pixel_unshuffle channel_shuffle unfold fold one_hot bilinear lstm gru rnn_tanh rnn_relu lstm_cell gru_cell diff take_along_dim cat hstack vstack dstack meshgrid repeat tile "
    "argsort median reshape flatten unflatten swapaxes swapdims movedim expand_as broadcast_to view_as chunk tensor_split narrow _einsum norm grid_sampler var std var_mean std_mean "
    "square true_divide softmin linalg_norm".split()) | {
    f"{prefix}{n}d{suffix}" for n in (1, 2, 3) for prefix, suffix in (("conv", ""), ("conv_transpose", ""), ("max_pool", ""), ("max_pool", "_with_indices"), ("avg_pool", ""),
                                                                         ("adaptive_avg_pool", ""), ("adaptive_max_pool", "_with_indices"), ("upsample_nearest", ""))} | {
    "upsample_linear1d", "upsample_bilinear2d", "upsample_bicubic2d", "upsample_trilinear3d"}
_RENAMED = {"_index": "index", "_index_put": "index_put", "_einsum": "einsum"}
_PRIVATE = frozenset(("_to_copy", "_softmax", "_unsafe_view", "_cdist_forward"))
_MEMORY_FORMATS = ("contiguous_format", "preserve_format", "channels_last", "channels_last_3d")


def write(m, f, folder, extra_files):
    """Writes the archive of a loaded or traced program."""
    m = m.__dict__.get("_module", m)             # a function of an archive stands for the module that it was kept in
    if isinstance(m, ScriptModule) and hasattr(type(m), "_script_unit"):
        unit = type(m)._script_unit
        files, constants, class_name, root = dict(unit.texts), tuple(unit.constants), None, m
    else:
        example = m.__dict__.get("_example_inputs")
        if example is None:
            raise NotImplementedError("torch.jit.save: a scripted program runs as Python and has no TorchScript text; torch.jit.trace records it")
        function = m if isinstance(m, kagari.nn.Module) else _Function(m._function)
        program = Program(function, *example)
        files, constants, class_name, root = {"code/__torch__.py": program.text()}, program.constant_values(), program.class_name, function
    body, tensors = ScriptPickler(class_name), ScriptPickler()
    if class_name is not None:
        data = _pickle_recorded(body, program, root)
    else:
        data = body.dump(root)
    constants_data = tensors.dump(constants, f"Tuple[{', '.join(['Tensor'] * len(constants))}]")

    def produce(put):
        archive = ArchiveWriter(put, folder)
        for prefix, table in (("data", body.table), ("constants", tensors.table)):
            for key, storage in table.storages.items():
                archive.add(f"{prefix}/{key}", storages.storage_bytes(storage))
        archive.add("data.pkl", data)
        for name, text in files.items():
            archive.add(name, text.encode())
        archive.add("constants.pkl", constants_data)
        for name, text in extra_files.items():
            archive.add(f"extra/{name}", text.encode() if isinstance(text, str) else bytes(text))
        archive.add("version", b"3\n")
        archive.add("byteorder", b"little")
        archive.finish()
    if serialization._is_path(f):
        with serialization._replacing(f) as file:
            produce(serialization._complete(file.write))
    else:
        produce(f.write)


class _Function(kagari.nn.Module):
    """A traced function as the module PyTorch keeps functions in."""

    def __init__(self, function):
        super().__init__()
        object.__setattr__(self, "function", function)

    def forward(self, *args, **kwargs):
        return self.function(*args, **kwargs)


def _pickle_recorded(pickler, program, root):
    """The module tree of a recorded program: parameters, buffers, submodules and `training`."""
    def save_module(module):
        pickler.named(program.class_name(module))
        pickler.put(b")\x81}(")
        for name, value in [*module._parameters.items(), *module._buffers.items()]:
            if value is not None:
                pickler.text(name)
                pickler.tensor(value)
        pickler.text("training")
        pickler.save(bool(module.training))
        for name, child in module._modules.items():
            if child is not None:
                pickler.text(name)
                if not pickler.recall(child):
                    save_module(child)
        pickler.put(b"ub")
        pickler.remember(module)
    save_module(root)
    return b"".join(pickler.out) + b"."


def free_dimensions(module, args, kwargs):
    """[Dynamic]: dimensions of the inputs that may have other sizes. Those of one size count as the same dimension."""
    leaves, spec = _pytree.tree_flatten((args, kwargs))
    groups = {}
    for i, leaf in enumerate(leaves):
        if isinstance(leaf, kagari.Tensor):
            for dim, size in enumerate(leaf.shape):
                groups.setdefault(size, []).append((i, dim))
    free, base = [], calls_of(record(module, args, kwargs, [], _WHOLE, warn_of_reads))
    for size, places in groups.items():
        if size == 0:
            continue
        other = list(leaves)
        for i, dim in places:
            other[i] = resized(other[i], dim, size + 1)
        try:
            same = calls_of(record(module, *_pytree.tree_unflatten(other, spec), [], _WHOLE, warn_of_reads)) == base
        except (RuntimeError, ValueError, IndexError, AssertionError):
            continue
        if same:
            named = shapes.Dim(f"d{size}", min=1)
            free += [shapes.Dynamic(i, dim, named) for i, dim in places]
    return free


def calls_of(recorded):
    """What a program does, without sizes."""
    return [(node.op, node.target) for node in recorded.graph.nodes]


def record_free(module, args, kwargs):
    """The recording with as many free dimensions as it can have: all that look free, or only the first, or none."""
    free = free_dimensions(module, args, kwargs)
    for dynamic in (free, [one for one in free if one.dim == 0]):
        if dynamic:
            try:
                return record(module, args, kwargs, dynamic, _WHOLE, warn_of_reads)
            except RuntimeError:
                continue
    return record(module, args, kwargs, [], _WHOLE, warn_of_reads)


class Program:
    """TorchScript text of a module that is recorded on example inputs."""

    def __init__(self, module, args, kwargs):
        self.module = module
        self.recorded = record_free(module, args, kwargs)
        if self.recorded.mutated:
            raise NotImplementedError(f"torch.jit.save: the program changes {', '.join(self.recorded.mutated)}; call eval() on the module before tracing")
        self.constant_names = list(self.recorded.constants)
        self.classes = {}
        for name, one in module.named_modules(remove_duplicate=True):
            base = "PlaceholderModule" if isinstance(one, _Function) else type(one).__name__
            self.classes[id(one)] = f"__torch__.{base}" if not name else f"__torch__.{base}_{len(self.classes)}"
        self.lines, self.names, self.reached, self.used_names = [], {}, {}, {"self"}
        self.arguments = args, kwargs

    def class_name(self, module):
        return self.classes[id(module)]

    def constant_values(self):
        return tuple(self.recorded.constants.values())

    # --- text ----------------------------------------------------------------------------------
    def text(self):
        """The file code/__torch__.py."""
        parts = []
        seen = set()
        for _, module in self.module.named_modules():
            if id(module) not in seen:
                seen.add(id(module))
                parts.append(self.class_text(module))
        return "".join(parts)

    def class_text(self, module):
        def quoted(names):
            return "[" + "".join(f'"{name}", ' for name in names) + "]"
        parameters = [name for name, value in module._parameters.items() if value is not None]
        buffers = [name for name, value in module._buffers.items() if value is not None]
        lines = [f"class {self.class_name(module).rpartition('.')[2]}(Module):", f"  __parameters__ = {quoted(parameters)}", f"  __buffers__ = {quoted(buffers)}"]
        lines += [self.declaration(name, "Tensor") for name in (*parameters, *buffers)]
        lines.append("  training : bool")
        lines += [self.declaration(name, self.class_name(child)) for name, child in module._modules.items() if child is not None]
        if module is self.module:
            lines += self.method()
        return "\n".join(lines) + "\n"

    @staticmethod
    def declaration(name, kind):
        return f"  {name} : {kind}" if name.isidentifier() else f'  __annotations__["{name}"] = {kind}'

    def method(self):
        arguments, kwargs = self.arguments
        names = parameters_of(self.module.function if isinstance(self.module, _Function) else self.module.forward)
        values = [(names[i] if i < len(names) else f"args_{i - len(names)}", value) for i, value in enumerate(arguments)] + list(kwargs.items())
        placeholders = iter([node for node in self.recorded.graph.nodes if node.op == "placeholder"])
        head = []
        for name, value in values:
            self.used_names.add(name)
            head.append(f"    {name}: {self.type_of(value)}")
        unpack = []
        for name, value in values:
            self.bind(name, value, placeholders, unpack)
        for node in self.recorded.graph.nodes:
            if node.op == "get_attr":
                self.attribute(node)
            elif node.op == "call_function":
                self.call(node)
        result, kind = self.result()
        own = self.class_name(self.module)
        first = f"  def forward(self: {own}" + "".join(f",\n{one}" for one in head) + f") -> {kind}:"
        return [first, *(f"    {line}" for line in (*unpack, *self.lines)), f"    return {result}"]

    def type_of(self, value):
        if isinstance(value, kagari.Tensor):
            return "Tensor"
        if isinstance(value, tuple):
            return f"Tuple[{', '.join(map(self.type_of, value))}]"
        if isinstance(value, list) and value and all(isinstance(one, kagari.Tensor) for one in value):
            return "List[Tensor]"
        if isinstance(value, dict) and value and all(isinstance(key, str) and isinstance(one, kagari.Tensor) for key, one in value.items()):
            return "Dict[str, Tensor]"
        if type(value) in (bool, int, float, str):
            return type(value).__name__
        raise NotImplementedError(f"torch.jit.save: arguments and results of type {type(value).__name__} cannot be written")

    def bind(self, name, value, placeholders, lines):
        """Names for the tensors inside an argument."""
        if isinstance(value, (tuple, list)):
            for i, one in enumerate(value):
                inner = self.fresh(f"{name}_{i}")
                lines.append(f"{inner} = ({name})[{i}]")
                self.bind(inner, one, placeholders, lines)
        elif isinstance(value, dict):
            for key, one in value.items():
                inner = self.fresh(f"{name}_{key}")
                lines.append(f'{inner} = {name}["{key}"]')
                self.bind(inner, one, placeholders, lines)
        else:
            self.names[next(placeholders)] = name

    def fresh(self, wish):
        wish = "".join(c if c.isalnum() else "_" for c in wish) or "v"
        wish = f"_{wish}" if wish[0].isdigit() or wish in ("torch", "ops", "True", "False", "None", "inf", "nan") else wish
        name, number = wish, 0
        while name in self.used_names:
            name, number = f"{wish}{number}", number + 1
        self.used_names.add(name)
        return name

    def attribute(self, node):
        if node.target in self.constant_names:
            self.names[node] = f"CONSTANTS.c{self.constant_names.index(node.target)}"
            return
        place, path = "self", ""
        for part in node.target.split("."):
            path = f"{path}.{part}" if path else part
            if path not in self.reached:
                self.reached[path] = self.fresh(path.replace(".", "_"))
                self.lines.append(f"{self.reached[path]} = " + (f"{place}.{part}" if part.isidentifier() else f'getattr({place}, "{part}")'))
            place = self.reached[path]
        self.names[node] = place

    def constant(self, value):
        if isinstance(value, Node):
            return self.names[value]
        if isinstance(value, (list, tuple)):
            return "[" + ", ".join(map(self.constant, value)) + "]"
        if isinstance(value, kagari.dtype):
            return str(number_of(value))
        if isinstance(value, kagari.device):
            return f'torch.device("{value}")'
        if isinstance(value, kagari.layout):
            return "0"
        if isinstance(value, kagari.memory_format):
            return str(_MEMORY_FORMATS.index(str(value).removeprefix("torch.")))
        if isinstance(value, float) and not math.isfinite(value):
            return "nan" if value != value else "inf" if value > 0 else "-inf"
        if isinstance(value, str):
            return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return repr(value)

    def call(self, node):
        if node.target is operator.getitem and isinstance(self.names.get(node.args[0]), list):
            self.names[node] = self.names[node.args[0]][node.args[1]]
            return
        args = list(map(self.constant, node.args))
        name = self.fresh(node.name)
        self.names[node] = name
        if node.target is operator.getitem:
            self.lines.append(f"{name} = ({args[0]})[{args[1]}]")
        elif node.target is sym_size or node.target is size_target():
            self.lines.append(f"{name} = torch.size({args[0]}, {args[1]})")
        elif node.target in (operator.add, operator.mul, operator.floordiv, operator.sub):
            self.lines.append(f"{name} = torch.{node.target.__name__}({args[0]}, {args[1]})")
        else:
            function, args, keywords = _aten_call(node, args)
            text = ", ".join([*args, *(f"{key}={self.constant(value)}" for key, value in keywords.items())])
            value = node.meta.get("val")
            if isinstance(value, tuple) and function not in ("split", "split_with_sizes", "chunk", "unbind", "tensor_split", "meshgrid", "broadcast_tensors"):
                names = [self.fresh(f"{name}_{i}") for i in range(len(value))]
                self.lines.append(f"{', '.join(names)} = torch.{function}({text})")
                self.names[node] = names
            else:
                self.lines.append(f"{name} = torch.{function}({text})")

    def result(self):
        nodes = iter(self.recorded.graph.output_node().args[0])
        value = _pytree.tree_unflatten(list(self.recorded.outputs), self.recorded.out_spec)

        def expression(one):
            if isinstance(one, tuple):
                return f"({', '.join(map(expression, one))}{',' if len(one) == 1 else ''})"
            if isinstance(one, list):
                return f"[{', '.join(map(expression, one))}]"
            if isinstance(one, dict):
                return "{" + ", ".join(f'"{key}": {expression(item)}' for key, item in one.items()) + "}"
            return self.constant(next(nodes))
        return expression(value), self.type_of(value)


def _aten_call(node, args):
    """(name, arguments, keywords) of an operator with ATen's signature."""
    name, keywords = operator_name(node.target), dict(node.kwargs)
    name = _RENAMED.get(name, name)
    if name in ("batch_norm", "instance_norm"):
        return name, _normalisation(name, args), {}
    if name == "einsum":
        return name, [args[0], args[1]], {}
    if name.startswith("adaptive_"):
        sizes, dims = list(node.args[1]), int(name[name.index("pool") + 4])
        return name.replace("_with_indices", ""), [args[0], str(sizes * dims if len(sizes) == 1 else sizes)], {}
    if name == "unfold" and isinstance(node.args[1], (list, tuple)) or name == "fold":
        return _columns(name, node, args[0])
    if "_pool" in name and len(args) > 2 and args[2] == "None":
        args[2] = "[]"                           # no stride: that of the window
    if name.startswith("_") and name not in _PRIVATE:
        raise NotImplementedError(f"torch.jit.save: the operator {name} of kagari has no form in TorchScript")
    if name in ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d") or "memory_format" in keywords and name not in ("clone", "contiguous"):
        keywords.pop("memory_format", None)
    if "device" in keywords and name in ("zeros", "ones", "full", "empty", "arange", "eye", "zeros_like", "ones_like", "full_like"):
        keywords.setdefault("layout", None)
    return name, args, keywords


def _columns(name, node, x):
    """F.unfold and F.fold are im2col and col2im, whose lists have two numbers and no defaults."""
    lists = list(node.args[1:])
    first = [] if name == "unfold" else [lists.pop(0)]
    lists += [[1], [0], [1]][len(lists) - 1:]
    pairs = [list(one) * 2 if len(one) == 1 else list(one) for one in (*first, *lists)]
    return "im2col" if name == "unfold" else "col2im", [x, *map(str, pairs)], {}


def _normalisation(name, args):
    """From F.batch_norm's order of arguments to ATen's, which has all of them and a flag for cuDNN."""
    given = args + ["None", "None", "None", "None", "False" if name == "batch_norm" else "True", "0.1", "1e-05"][len(args) - 1:]
    x, mean, var, weight, bias, training, momentum, eps = given[:8]
    return [x, weight, bias, mean, var, training, momentum, eps, "False"]
