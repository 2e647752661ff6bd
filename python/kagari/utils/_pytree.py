"""Trees of Python containers: flattened to leaves and a description, and put together again (long: one table of types).

A node is a container of a registered type (list, tuple, dict, namedtuple, ...); anything else is a leaf. None is a leaf.
"""
import collections
import dataclasses
import enum
import importlib
import json
import types
import typing

T, S, U, R = typing.TypeVar("T"), typing.TypeVar("S"), typing.TypeVar("U"), typing.TypeVar("R")
Context = typing.Any
PyTree = typing.Any
FlattenFunc = UnflattenFunc = FlattenWithKeysFunc = FlattenFn = typing.Callable
_DUMP_VERSION = 1
NO_SERIALIZED_TYPE_NAME_FOUND = "NO_SERIALIZED_TYPE_NAME_FOUND"


class NodeDef(typing.NamedTuple):
    """How a container type comes apart and together."""
    type: type
    flatten_fn: typing.Callable
    unflatten_fn: typing.Callable
    flatten_with_keys_fn: typing.Optional[typing.Callable]


class _Serial(typing.NamedTuple):
    """How a container type is written down."""
    typ: type
    serialized_type_name: str
    to_dumpable_context: typing.Optional[typing.Callable]
    from_dumpable_context: typing.Optional[typing.Callable]


SUPPORTED_NODES = {}
SUPPORTED_SERIALIZED_TYPES = {}
SERIALIZED_TYPE_TO_PYTHON_TYPE = {}
BUILTIN_TYPES = set()
CONSTANT_NODES = set()


# --- keys ------------------------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class SequenceKey:
    """Position in a list or tuple."""
    idx: int

    def __str__(self):
        return f"[{self.idx!r}]"

    def get(self, parent):
        return parent[self.idx]


@dataclasses.dataclass(frozen=True)
class MappingKey:
    """Key of a dict."""
    key: typing.Any

    def __str__(self):
        return f"[{self.key!r}]"

    def get(self, parent):
        return parent[self.key]


@dataclasses.dataclass(frozen=True)
class GetAttrKey:
    """Name of an attribute."""
    name: str

    def __str__(self):
        return f".{self.name}"

    def get(self, parent):
        return getattr(parent, self.name)


KeyEntry = typing.Any
KeyPath = tuple


def keystr(kp):
    """A path of keys as Python code: "['a'][0].x"."""
    return "".join(map(str, kp))


def key_get(obj, kp):
    """What the path of keys leads to."""
    for key in kp:
        obj = key.get(obj)
    return obj


# --- registration ----------------------------------------------------------------------------

def register_pytree_node(cls, flatten_fn, unflatten_fn, *, serialized_type_name=None, to_dumpable_context=None, from_dumpable_context=None,
                         flatten_with_keys_fn=None):
    """Makes cls a node: flatten_fn(x) -> (children, context), unflatten_fn(children, context) -> x.

    Raises ValueError if it is one already.
    """
    if cls in SUPPORTED_NODES:
        raise ValueError(f"{cls} is already registered as pytree node.")
    _private_register_pytree_node(cls, flatten_fn, unflatten_fn, serialized_type_name=serialized_type_name, to_dumpable_context=to_dumpable_context,
                                  from_dumpable_context=from_dumpable_context, flatten_with_keys_fn=flatten_with_keys_fn)


def _private_register_pytree_node(cls, flatten_fn, unflatten_fn, *, serialized_type_name=None, to_dumpable_context=None, from_dumpable_context=None,
                                  flatten_with_keys_fn=None):
    if (to_dumpable_context is None) != (from_dumpable_context is None):
        raise ValueError(f"Both to_dumpable_context and from_dumpable_context for {cls} must be None or registered.")
    SUPPORTED_NODES[cls] = NodeDef(cls, flatten_fn, unflatten_fn, flatten_with_keys_fn)
    SUPPORTED_SERIALIZED_TYPES[cls] = _Serial(cls, serialized_type_name or NO_SERIALIZED_TYPE_NAME_FOUND, to_dumpable_context, from_dumpable_context)
    if serialized_type_name:
        SERIALIZED_TYPE_TO_PYTHON_TYPE[serialized_type_name] = cls


def _register_pytree_node(cls, flatten_fn, unflatten_fn, to_str_fn=None, maybe_from_str_fn=None, **options):
    register_pytree_node(cls, flatten_fn, unflatten_fn, **options)


def _deregister_pytree_node(cls):
    del SUPPORTED_NODES[cls]
    serial = SUPPORTED_SERIALIZED_TYPES.pop(cls)
    SERIALIZED_TYPE_TO_PYTHON_TYPE.pop(serial.serialized_type_name, None)
    CONSTANT_NODES.discard(cls)


def register_dataclass(cls, *, field_names=None, drop_field_names=None, serialized_type_name=None):
    """Makes a dataclass a node whose children are its fields."""
    drop = set(drop_field_names or ())
    if field_names is None:
        if not dataclasses.is_dataclass(cls):
            raise ValueError("field_names must be specified with a list of all fields used to initialize the class, as it is not a dataclass.")
        field_names = [field.name for field in dataclasses.fields(cls) if field.init and field.name not in drop]

    def flatten(obj):
        present = [name for name in field_names if getattr(obj, name) is not None]
        return [getattr(obj, name) for name in present], [present, [name for name in field_names if name not in present]]

    def unflatten(values, context):
        return cls(**dict(zip(context[0], values)), **dict.fromkeys(context[1]))

    def flatten_with_keys(obj):
        children, context = flatten(obj)
        return [(GetAttrKey(name), child) for name, child in zip(context[0], children)], context
    _private_register_pytree_node(cls, flatten, unflatten, serialized_type_name=serialized_type_name, flatten_with_keys_fn=flatten_with_keys)


@dataclasses.dataclass(frozen=True)
class ConstantNode:
    """Context of a node that is a constant."""
    value: typing.Any


def register_constant(cls):
    """Makes instances of cls nodes without children: they belong to the description, not to the leaves."""
    if cls.__eq__ is object.__eq__:
        raise TypeError(f"register_constant(cls) expects `cls` to have a non-default `__eq__` implementation, got {cls}.")
    if cls.__hash__ is None:
        raise TypeError(f"register_constant(cls) expects `cls` to have a non-default `__hash__` implementation, got {cls}.")
    _private_register_pytree_node(cls, lambda x: ([], ConstantNode(x)), lambda _, context: context.value,
                                  flatten_with_keys_fn=lambda x: ([], ConstantNode(x)))
    CONSTANT_NODES.add(cls)


def is_constant_class(cls):
    return isinstance(cls, type) and cls in CONSTANT_NODES


def is_namedtuple_class(cls):
    """Whether cls is a class made by collections.namedtuple or typing.NamedTuple, or derived from one."""
    return (isinstance(cls, type) and issubclass(cls, tuple) and isinstance(getattr(cls, "_fields", None), tuple)
            and all(type(name) is str for name in cls._fields) and callable(getattr(cls, "_make", None)))


def is_namedtuple_instance(obj):
    return is_namedtuple_class(type(obj))


def is_namedtuple(obj):
    return is_namedtuple_class(obj if isinstance(obj, type) else type(obj))


_is_namedtuple_instance = is_namedtuple_instance


def is_structseq_class(cls):
    """Whether cls is one of Python's struct sequences (time.struct_time) or an operator's result type."""
    return (isinstance(cls, type) and issubclass(cls, tuple) and cls is not tuple and not hasattr(cls, "_fields")
            and all(isinstance(getattr(cls, name, None), int) for name in ("n_fields", "n_sequence_fields", "n_unnamed_fields")))


def is_structseq_instance(obj):
    return is_structseq_class(type(obj))


def is_structseq(obj):
    return is_structseq_class(obj if isinstance(obj, type) else type(obj))


def _keyed(flatten, make_key):
    def flatten_with_keys(x):
        children, context = flatten(x)
        return [(make_key(i, context), child) for i, child in enumerate(children)], context
    return flatten_with_keys


def _in_sequence(i, context):
    return SequenceKey(i)


def _tuple_flatten(d):
    return list(d), None


def _tuple_unflatten(values, context):
    return tuple(values)


def _list_flatten(d):
    return d, None


def _list_unflatten(values, context):
    return list(values)


def _dict_flatten(d):
    return list(d.values()), list(d)


def _dict_unflatten(values, context):
    return dict(zip(context, values))


def _ordereddict_flatten(d):
    return list(d.values()), list(d)


def _ordereddict_unflatten(values, context):
    return collections.OrderedDict(zip(context, values))


_odict_flatten, _odict_unflatten = _ordereddict_flatten, _ordereddict_unflatten


def _defaultdict_flatten(d):
    return list(d.values()), [d.default_factory, list(d)]


def _defaultdict_unflatten(values, context):
    return collections.defaultdict(context[0], zip(context[1], values))


def _deque_flatten(d):
    return list(d), d.maxlen


def _deque_unflatten(values, context):
    return collections.deque(values, maxlen=context)


def _namedtuple_flatten(d):
    return list(d), type(d)


def _namedtuple_unflatten(values, context):
    return context(values) if is_structseq_class(context) else context(*values)


_tuple_flatten_with_keys = _keyed(_tuple_flatten, _in_sequence)
_list_flatten_with_keys = _keyed(_list_flatten, _in_sequence)
_deque_flatten_with_keys = _keyed(_deque_flatten, _in_sequence)
_dict_flatten_with_keys = _keyed(_dict_flatten, lambda i, context: MappingKey(context[i]))
_ordereddict_flatten_with_keys = _keyed(_ordereddict_flatten, lambda i, context: MappingKey(context[i]))
_defaultdict_flatten_with_keys = _keyed(_defaultdict_flatten, lambda i, context: MappingKey(context[1][i]))
_namedtuple_flatten_with_keys = _keyed(_namedtuple_flatten, lambda i, context: GetAttrKey(context._fields[i]))


def _class_path(cls):
    return f"{cls.__module__}.{cls.__qualname__}"


def _class_of(path):
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _defaultdict_serialize(context):
    return {"default_factory_module": context[0].__module__, "default_factory_name": context[0].__qualname__, "dict_context": context[1]}


def _defaultdict_deserialize(dumped):
    return [getattr(importlib.import_module(dumped["default_factory_module"]), dumped["default_factory_name"]), dumped["dict_context"]]


for _type, _flatten, _unflatten, _with_keys, _name, _dump, _undump in (
        (tuple, _tuple_flatten, _tuple_unflatten, _tuple_flatten_with_keys, "builtins.tuple", None, None),
        (list, _list_flatten, _list_unflatten, _list_flatten_with_keys, "builtins.list", None, None),
        (dict, _dict_flatten, _dict_unflatten, _dict_flatten_with_keys, "builtins.dict", None, None),
        (collections.namedtuple, _namedtuple_flatten, _namedtuple_unflatten, _namedtuple_flatten_with_keys, "collections.namedtuple", _class_path, _class_of),
        (collections.OrderedDict, _ordereddict_flatten, _ordereddict_unflatten, _ordereddict_flatten_with_keys, "collections.OrderedDict", None, None),
        (collections.defaultdict, _defaultdict_flatten, _defaultdict_unflatten, _defaultdict_flatten_with_keys, "collections.defaultdict",
         _defaultdict_serialize, _defaultdict_deserialize),
        (collections.deque, _deque_flatten, _deque_unflatten, _deque_flatten_with_keys, "collections.deque", None, None)):
    _private_register_pytree_node(_type, _flatten, _unflatten, serialized_type_name=_name, to_dumpable_context=_dump, from_dumpable_context=_undump,
                                  flatten_with_keys_fn=_with_keys)
    BUILTIN_TYPES.add(_type)
STANDARD_DICT_TYPES = frozenset({dict, collections.OrderedDict, collections.defaultdict})
BUILTIN_TYPES = frozenset(BUILTIN_TYPES)


def _get_node_type(tree):
    """The registered type that describes the tree's root, or its own type."""
    kind = type(tree)
    if kind in SUPPORTED_NODES:
        return kind
    if kind.__module__ == "kagari.return_types":         # what operators with several results return
        register_pytree_node(kind, lambda values: (list(values), None), lambda values, context: kind(values))
        return kind
    return collections.namedtuple if is_namedtuple_class(kind) else kind


def _is_leaf(tree, is_leaf=None):
    return (is_leaf is not None and is_leaf(tree)) or _get_node_type(tree) not in SUPPORTED_NODES


tree_is_leaf = _is_leaf


# --- descriptions ----------------------------------------------------------------------------

class TreeSpec:
    """Shape of a tree: its root's type and context, and the descriptions of its children."""
    __slots__ = ("type", "_context", "_children", "num_nodes", "num_leaves", "num_children")

    def __init__(self, type, context=None, children_specs=()):
        self.type, self._context, self._children = type, context, list(children_specs)
        self.num_children = len(self._children)
        self.num_nodes = 1 + sum(child.num_nodes for child in self._children)
        self.num_leaves = 1 if type is None else sum(child.num_leaves for child in self._children)

    @property
    def context(self):
        return self._context

    @property
    def children_specs(self):
        return self._children

    def children(self):
        return list(self._children)

    def child(self, index):
        return self._children[index]

    def is_leaf(self):
        return self.type is None

    def __eq__(self, other):
        if self is other:
            return True
        return (isinstance(other, TreeSpec) and self.type == other.type and self._context == other._context and self._children == other._children)

    def __hash__(self):
        context = tuple(self._context) if isinstance(self._context, list) and self.type in (dict, collections.OrderedDict) else None
        return hash((self.type, context, tuple(self._children)))

    def __repr__(self, indent=0):
        if self.type is None:
            return "*"
        inner = f",\n{' ' * (indent + 2)}".join(child.__repr__(indent + 2) for child in self._children)
        return f"TreeSpec({self.type.__name__}, {self._context}, [{inner}])"

    def __getstate__(self):
        return self.type, self._context, self._children

    def __setstate__(self, state):
        self.__init__(*state)

    def unflatten(self, leaves):
        return tree_unflatten(leaves, self)

    def flatten_up_to(self, tree):
        """The subtrees of `tree` at this description's leaves. ValueError if the tree does not begin with this shape."""
        found = []
        self._flatten_up_to(tree, found)
        return found

    def _flatten_up_to(self, tree, found):
        if self.type is None:
            found.append(tree)
            return
        kind = _get_node_type(tree)
        if kind is not self.type and not (kind in STANDARD_DICT_TYPES and self.type in STANDARD_DICT_TYPES):
            raise ValueError(f"Node type mismatch; expected {self.type!r}, but got {type(tree)!r}.")
        if kind in STANDARD_DICT_TYPES:
            keys = self._context[1] if self.type is collections.defaultdict else self._context
            if len(tree) != len(keys):
                raise ValueError(f"Node arity mismatch; expected {len(keys)}, but got {len(tree)}.")
            if set(keys) != set(tree):
                raise ValueError(f"Node keys mismatch; missing key(s): {set(keys) - set(tree)}; extra key(s): {set(tree) - set(keys)}.")
            children = [tree[key] for key in keys]
        else:
            children, context = SUPPORTED_NODES[kind].flatten_fn(tree)
            if len(children) != self.num_children:
                raise ValueError(f"Node arity mismatch; expected {self.num_children}, but got {len(children)}.")
            if context != self._context and kind is not collections.deque:
                raise ValueError(f"Node context mismatch for custom node type {self.type!r}.")
        for child, part in zip(self._children, children):
            child._flatten_up_to(part, found)


PyTreeSpec = TreeSpec


class LeafSpec(TreeSpec):
    """Description of a leaf."""
    __slots__ = ()

    def __init__(self, type=None, context=None, children_specs=()):
        super().__init__(None, None, ())


_LEAF = LeafSpec()


def treespec_leaf():
    return _LEAF


def treespec_tuple(iterable=(), /):
    """Description of a tuple of trees, from theirs."""
    return TreeSpec(tuple, None, list(iterable))


def treespec_dict(mapping=(), /, **kwargs):
    """Description of a dict of trees, from theirs."""
    parts = dict(mapping, **kwargs)
    return TreeSpec(dict, list(parts), list(parts.values()))


# --- flatten and unflatten -------------------------------------------------------------------

def _flatten_into(tree, leaves, is_leaf):
    if is_leaf is not None and is_leaf(tree):
        leaves.append(tree)
        return _LEAF
    kind = type(tree)
    node = SUPPORTED_NODES.get(kind)
    if node is None:
        kind = _get_node_type(tree) if isinstance(tree, tuple) else None
        if kind not in SUPPORTED_NODES:
            leaves.append(tree)
            return _LEAF
        node = SUPPORTED_NODES[kind]
    children, context = node.flatten_fn(tree)
    return TreeSpec(kind, context, [_flatten_into(child, leaves, is_leaf) for child in children])


def tree_flatten(tree, is_leaf=None):
    """(leaves from left to right, description)."""
    leaves = []
    return leaves, _flatten_into(tree, leaves, is_leaf)


def tree_unflatten(leaves, treespec):
    """The tree of this description with these leaves. ValueError if their number is wrong."""
    if not isinstance(treespec, TreeSpec):
        raise TypeError(f"tree_unflatten(leaves, treespec): Expected `treespec` to be instance of PyTreeSpec but got item of type {type(treespec)}.")
    leaves = list(leaves)
    if len(leaves) != treespec.num_leaves:
        raise ValueError(f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec refers to a pytree that holds "
                         f"{treespec.num_leaves} items ({treespec}).")
    return _unflatten_from(iter(leaves), treespec)


def _unflatten_from(leaves, spec):
    if spec.type is None:
        return next(leaves)
    return SUPPORTED_NODES[spec.type].unflatten_fn([_unflatten_from(leaves, child) for child in spec._children], spec._context)


def tree_iter(tree, is_leaf=None):
    """The leaves, one by one."""
    if _is_leaf(tree, is_leaf):
        yield tree
        return
    for child in SUPPORTED_NODES[_get_node_type(tree)].flatten_fn(tree)[0]:
        yield from tree_iter(child, is_leaf)


def tree_leaves(tree, is_leaf=None):
    return list(tree_iter(tree, is_leaf))


def tree_structure(tree, is_leaf=None):
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func, tree, *rests, is_leaf=None):
    """The tree with func(leaf, leaves of the other trees...) at each leaf; the other trees must have the same shape."""
    leaves, spec = tree_flatten(tree, is_leaf)
    return tree_unflatten(map(func, leaves, *[spec.flatten_up_to(rest) for rest in rests]), spec)


def tree_map_(func, tree, *rests, is_leaf=None):
    """Calls func at each leaf and gives the tree itself."""
    leaves, spec = tree_flatten(tree, is_leaf)
    for arguments in zip(leaves, *[spec.flatten_up_to(rest) for rest in rests]):
        func(*arguments)
    return tree


def map_only(type_or_types_or_pred, /):
    """Decorator: the function applies to values of these types, or for which the predicate holds; others stay."""
    if isinstance(type_or_types_or_pred, (type, tuple, types.UnionType)):
        def applies(x):
            return isinstance(x, type_or_types_or_pred)
    elif callable(type_or_types_or_pred):
        applies = type_or_types_or_pred
    else:
        raise TypeError("Argument must be a type, a tuple of types, or a callable.")
    return lambda func: lambda x: func(x) if applies(x) else x


def tree_map_only(type_or_types_or_pred, /, func, tree, is_leaf=None):
    return tree_map(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_map_only_(type_or_types_or_pred, /, func, tree, is_leaf=None):
    return tree_map_(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_all(pred, tree, is_leaf=None):
    return all(map(pred, tree_iter(tree, is_leaf)))


def tree_any(pred, tree, is_leaf=None):
    return any(map(pred, tree_iter(tree, is_leaf)))


def tree_all_only(type_or_types, /, pred, tree, is_leaf=None):
    return all(pred(x) for x in tree_iter(tree, is_leaf) if isinstance(x, type_or_types))


def tree_any_only(type_or_types, /, pred, tree, is_leaf=None):
    return any(pred(x) for x in tree_iter(tree, is_leaf) if isinstance(x, type_or_types))


def arg_tree_leaves(*args, **kwargs):
    """The leaves of all arguments."""
    return tree_leaves((args, kwargs))


def _broadcast_to_and_flatten(tree, treespec, is_leaf=None):
    """Leaves for treespec from a tree that may end early: a leaf stands for the whole subtree. None if it does not fit."""
    if _is_leaf(tree, is_leaf):
        return [tree] * treespec.num_leaves
    if treespec.is_leaf():
        return None
    kind = _get_node_type(tree)
    if kind != treespec.type:
        return None
    children, context = SUPPORTED_NODES[kind].flatten_fn(tree)
    if len(children) != treespec.num_children or context != treespec.context:
        return None
    found = []
    for child, spec in zip(children, treespec.children_specs):
        part = _broadcast_to_and_flatten(child, spec, is_leaf)
        if part is None:
            return None
        found += part
    return found


# --- with paths ------------------------------------------------------------------------------

def _paths(prefix, tree, is_leaf):
    if _is_leaf(tree, is_leaf):
        yield prefix, tree
        return
    kind = _get_node_type(tree)
    with_keys = SUPPORTED_NODES[kind].flatten_with_keys_fn
    if with_keys is None:
        raise ValueError(f"Did not find a flatten_with_keys_fn for type: {kind}. Please pass a flatten_with_keys_fn argument to register_pytree_node.")
    for key, child in with_keys(tree)[0]:
        yield from _paths((*prefix, key), child, is_leaf)


def tree_leaves_with_path(tree, is_leaf=None):
    """Pairs (path of keys, leaf)."""
    return list(_paths((), tree, is_leaf))


def tree_flatten_with_path(tree, is_leaf=None):
    """(pairs (path of keys, leaf), description)."""
    return tree_leaves_with_path(tree, is_leaf), tree_structure(tree, is_leaf)


def tree_map_with_path(func, tree, *rests, is_leaf=None):
    """tree_map with func(path, leaf, ...)."""
    pairs, spec = tree_flatten_with_path(tree, is_leaf)
    paths, leaves = [path for path, _ in pairs], [leaf for _, leaf in pairs]
    return tree_unflatten(map(func, paths, leaves, *[spec.flatten_up_to(rest) for rest in rests]), spec)


# --- descriptions as text --------------------------------------------------------------------

class EnumEncoder(json.JSONEncoder):
    """Writes members of enumerations, by class and name."""

    def default(self, obj):
        if isinstance(obj, enum.Enum):
            return {"__enum__": True, "fqn": _class_path(type(obj)), "name": obj.name}
        return super().default(obj)


def enum_object_hook(obj):
    """Reads what EnumEncoder wrote."""
    return getattr(_class_of(obj["fqn"]), obj["name"]) if "__enum__" in obj else obj


def _to_json(spec):
    if spec.type is None:
        return {"type": None, "context": None, "children_spec": []}
    serial = SUPPORTED_SERIALIZED_TYPES.get(spec.type)
    if serial is None or serial.serialized_type_name == NO_SERIALIZED_TYPE_NAME_FOUND:
        raise NotImplementedError(f"No registered serialization name for {spec.type} found. Please update your _register_pytree_node call with a "
                                  "`serialized_type_name` kwarg.")
    if serial.to_dumpable_context is None:
        context = json.dumps(spec.context, cls=EnumEncoder)
    else:
        context = serial.to_dumpable_context(spec.context)
    return {"type": serial.serialized_type_name, "context": context, "children_spec": [_to_json(child) for child in spec.children_specs]}


def _from_json(data):
    if data["type"] is None and data["context"] is None and not data["children_spec"]:
        return _LEAF
    kind = SERIALIZED_TYPE_TO_PYTHON_TYPE.get(data["type"])
    if kind is None:
        raise NotImplementedError(f"cannot find the type {data['type']!r} of a serialized tree")
    undump = SUPPORTED_SERIALIZED_TYPES[kind].from_dumpable_context
    context = json.loads(data["context"], object_hook=enum_object_hook) if undump is None else undump(data["context"])
    return TreeSpec(kind, context, [_from_json(child) for child in data["children_spec"]])


def treespec_dumps(treespec, protocol=None):
    """The description as JSON."""
    if not isinstance(treespec, TreeSpec):
        raise TypeError(f"treespec_dumps(treespec, protocol): Expected `treespec` to be instance of PyTreeSpec but got item of type {type(treespec)}.")
    if protocol not in (None, _DUMP_VERSION):
        raise ValueError(f"Unknown protocol {protocol}. Available protocols: [{_DUMP_VERSION}]")
    return json.dumps((_DUMP_VERSION, _to_json(treespec)))


def treespec_loads(serialized):
    """The description that treespec_dumps wrote."""
    version, data = json.loads(serialized)
    if version != _DUMP_VERSION:
        raise ValueError(f"Unknown protocol {version}. Available protocols: [{_DUMP_VERSION}]")
    return _from_json(data)


def treespec_pprint(treespec):
    """The description as text."""
    return repr(treespec)


pytree_to_str, str_to_pytree = treespec_dumps, treespec_loads
