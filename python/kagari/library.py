"""torch.library: operators of one's own, in Python, that autograd, modes, meta tensors and torch.ops know."""
import contextlib

import kagari
from kagari import _custom_op
from kagari._custom_op import builtin, operator_of
from kagari._infer_schema import infer_schema
from kagari._ops import OpOverload

__all__ = ["Library", "impl", "define", "fallthrough_kernel", "impl_abstract", "register_autocast", "register_fake", "register_torch_dispatch", "register_vmap",
           "register_autograd", "register_kernel", "get_ctx", "get_kernel", "custom_op", "triton_op", "wrap_triton", "infer_schema", "opcheck"]

_reserved_namespaces = ["prim"]
_namespaces = {}                                     # namespace -> its Library of kind DEF
_DEVICE_KEYS = {"cpu": "CPU", "meta": "Meta", "cuda": "CUDA", "xpu": "XPU", "mps": "MPS", "hpu": "HPU", "mtia": "MTIA", "default": "CompositeExplicitAutograd"}


def fallthrough_kernel():
    """A kernel for Library.impl that passes the call on; it is never run."""
    raise NotImplementedError("fallthrough_kernel() should never be called.")


def _definition(name, wanted="default"):
    """The Definition behind a name, an OpOverload or a CustomOpDef. A built-in operator gets one that stands in front of it."""
    if isinstance(name, CustomOpDef):
        return name._definition
    if isinstance(name, OpOverload):
        name, wanted = name._schema.name, name._overloadname
    qualified, _, overload = name.partition(".")
    overload = overload or wanted
    operator = operator_of(qualified)
    if operator is None:
        own = builtin(qualified)
        if own is None:
            raise RuntimeError(f"there is no operator {name}; define it first")
        if qualified.startswith("aten::"):
            raise NotImplementedError(f"{qualified}: kernels of kagari's own operators cannot be replaced")
        text = own.schemas[0].replace("__", "::", 1)
        return _custom_op.define(text, qualified.partition("::")[0])
    if overload not in operator.overloads:
        raise RuntimeError(f"{qualified} has no overload {overload}")
    return operator.overloads[overload]


class Library:
    """A namespace of operators.

    Arguments:
        ns: its name.
        kind: "DEF" for the one library that defines the namespace, "FRAGMENT" for further definitions, "IMPL" for kernels alone.
        dispatch_key: the key of impl() where none is given: "CPU", "Meta", "Autograd", "CompositeImplicitAutograd", ...

    >>> lib = torch.library.Library("example", "FRAGMENT")
    >>> lib.define("twice(Tensor x) -> Tensor")
    'twice'
    >>> lib.impl("twice", lambda x: x * 2, "CPU")
    >>> torch.ops.example.twice(torch.ones(1))
    tensor([2.])
    """

    def __init__(self, ns, kind, dispatch_key=""):
        if kind not in ("IMPL", "DEF", "FRAGMENT"):
            raise ValueError(f"Unsupported kind: {kind}")
        if ns in _reserved_namespaces and kind in ("DEF", "FRAGMENT"):
            raise ValueError(f"{ns} is a reserved namespace. Please try creating a library with another name.")
        if kind == "DEF":
            if ns in _namespaces:
                raise RuntimeError(f"Only a single TORCH_LIBRARY can be used to register the namespace {ns}; please put all of your definitions in a single "
                                   "TORCH_LIBRARY block. Use kind FRAGMENT for further ones.")
            _namespaces[ns] = True
        self.ns, self.kind, self.dispatch_key, self._defined, self._implemented = ns, kind, dispatch_key, [], []

    def __repr__(self):
        return f"Library(kind={self.kind}, ns={self.ns}, dispatch_key={self.dispatch_key})>"

    def define(self, schema, alias_analysis="", *, tags=()):
        """Adds the operator `name(arguments) -> results`; gives its name."""
        if alias_analysis not in ("", "FROM_SCHEMA", "CONSERVATIVE"):
            raise RuntimeError(f"Invalid alias_analysis type {alias_analysis}")
        definition = _custom_op.define(schema, self.ns, tags=tags if isinstance(tags, (list, tuple)) else (tags,))
        self._defined.append(definition)
        return schema.partition("(")[0].strip()

    def impl(self, op_name, fn, dispatch_key="", *, with_keyset=False, allow_override=True):
        """fn is the kernel of an operator for a dispatch key."""
        if not callable(fn):
            raise TypeError(f"Input function is required to be a callable but found type {type(fn)}")
        key = dispatch_key or self.dispatch_key
        name = op_name.name() if isinstance(op_name, OpOverload) else op_name
        if "::" not in name:
            name = f"{self.ns}::{name}"
        elif name.partition("::")[0] != self.ns:
            raise ValueError(f"Namespace of {name} is not {self.ns}")
        if fn is fallthrough_kernel:
            return
        if key == "Meta" and operator_of(name.partition(".")[0]) is None and builtin(name.partition(".")[0]) is not None:
            return                                       # built-in operators know their shapes
        definition = _definition(name)
        function = (lambda *args, **kwargs: fn(None, *args, **kwargs)) if with_keyset else fn
        definition.kernels[key] = function
        self._implemented.append((definition, key))

    def _impl_with_aoti_compile(self, op_name, dispatch_key=""):
        raise NotImplementedError("torch.library.Library: ahead-of-time compiled kernels are not supported")

    def fallback(self, fn, dispatch_key="", *, with_keyset=False):
        """NotImplementedError: kernels for all operators of a key are TorchDispatchModes here."""
        raise NotImplementedError("torch.library.Library.fallback: use a TorchDispatchMode")

    def _register_fake(self, op_name, fn, _stacklevel=1, *, allow_override=False):
        register_fake(op_name if "::" in op_name else f"{self.ns}::{op_name}", fn)

    def _destroy(self):
        """Takes everything out again that the library registered."""
        for definition, key in self._implemented:
            definition.kernels.pop(key, None)
        for definition in self._defined:
            _custom_op.undefine(definition)
        self._defined, self._implemented = [], []
        if self.kind == "DEF":
            _namespaces.pop(self.ns, None)


@contextlib.contextmanager
def _scoped_library(*args, **kwargs):
    """A Library that is taken out again at the end."""
    library = Library(*args, **kwargs)
    try:
        yield library
    finally:
        library._destroy()


def define(qualname, schema, *, lib=None, tags=()):
    """Defines the operator `namespace::name` with a schema such as "(Tensor x, int n) -> Tensor".

    >>> torch.library.define("example::three_times", "(Tensor x) -> Tensor")
    """
    if not isinstance(qualname, str):
        raise ValueError(f"define(qualname, schema): expected qualname to be instance of str, got {type(qualname)}")
    namespace, separator, name = qualname.partition("::")
    if not separator:
        raise ValueError(f"Expected `qualname` to be of the form `namespace::name`, got {qualname}")
    definition = _custom_op.define(f"{name}{schema}", namespace, tags=tags if isinstance(tags, (list, tuple)) else (tags,))
    if lib is not None:
        lib._defined.append(definition)


def impl(qualname, types, func=None, *, lib=None):
    """func is the kernel of an operator for device types: "cpu", or "default" for all. Without func a decorator.

    With a Library as second argument it is Library.impl as a decorator.
    """
    if isinstance(types, Library):
        def on_library(function):
            types.impl(qualname, function, func if isinstance(func, str) else "")
            return function
        return on_library

    def register(function):
        definition = _definition(qualname)
        for kind in [types] if isinstance(types, str) else types:
            definition.kernels[_DEVICE_KEYS.get(kind, kind)] = function
        return function
    return register if func is None else register(func) and None


def _name_of(op):
    return op if isinstance(op, str) else op._schema.name if isinstance(op, OpOverload) else op._qualname


def register_fake(op, func=None, /, *, lib=None, _stacklevel=1, allow_override=True):
    """func gives results of the right shape and dtype without computing: for meta and fake tensors. Without func a decorator."""
    if not isinstance(op, (str, OpOverload, CustomOpDef)):
        raise ValueError(f"register_fake({op}): got unexpected type for op: {type(op)}")

    def register(function):
        name = _name_of(op).partition(".")[0]
        if operator_of(name) is not None or builtin(name) is None:
            _definition(op).fake = function
        return function
    return register if func is None else register(func)


def impl_abstract(qualname, func=None, *, lib=None, _stacklevel=1):
    """Older name of register_fake."""
    return register_fake(qualname, func, lib=lib)


def register_kernel(op, device_types, func=None, /, *, lib=None):
    """func is the kernel of an operator on devices of these types; None means all. Without func a decorator."""
    if not isinstance(op, (str, OpOverload, CustomOpDef)):
        raise ValueError(f"register_kernel({op}): got unexpected type for op: {type(op)}")

    def register(function):
        definition = _definition(op)
        for kind in ["default"] if device_types is None else [device_types] if isinstance(device_types, str) else device_types:
            definition.kernels[_DEVICE_KEYS.get(kind, kind)] = function
        return function
    return register if func is None else register(func)


def register_autograd(op, backward, /, *, setup_context=None, lib=None):
    """The gradient of an operator.

    backward(ctx, *grads) returns one gradient per argument. setup_context(ctx, inputs, output) saves what it needs; with keyword-only
    arguments it is setup_context(ctx, inputs, keyword_only_inputs, output).
    """
    if not isinstance(op, (str, OpOverload, CustomOpDef)):
        raise ValueError(f"register_autograd({op}): got unexpected type for op: {type(op)}")
    name = _name_of(op).partition(".")[0]
    if operator_of(name) is None and builtin(name) is not None:
        return                                               # built-in operators have their own formulas
    definition = _definition(op)
    if definition.written:
        raise RuntimeError(f"Cannot register autograd formula for non-functional operator {op} with schema {definition.schema}. Please create a functional "
                           "operator and register an autograd formula for that.")
    definition.backward, definition.setup_context = backward, setup_context


def register_autocast(op, device_type, cast_inputs, /, *, lib=None):
    """Under autocast for the device type, floating arguments are converted to cast_inputs."""
    if device_type not in ("cpu", "cuda"):
        raise ValueError(f"Unknown device type: {device_type}")
    _definition(op).autocast[device_type] = cast_inputs


def register_torch_dispatch(op, torch_dispatch_class, func=None, /, *, lib=None):
    """func answers calls of an operator below a TorchDispatchMode, or on a Tensor subclass, of this class. Without func a decorator."""
    def register(function):
        _definition(op).rules[torch_dispatch_class] = function
        return function
    return register if func is None else register(func)


def register_vmap(op, func=None, /, *, lib=None):
    """func(info, in_dims, *args) is the operator over a batch: it gives the results and their batch dimensions. Without func a decorator."""
    def register(function):
        _definition(op).vmap = function
        return function
    return register if func is None else register(func)


def get_kernel(op, dispatch_key):
    """The kernel that was registered for a dispatch key. RuntimeError if there is none."""
    definition, key = _definition(op), getattr(dispatch_key, "name", dispatch_key)
    if key not in definition.kernels:
        raise RuntimeError(f"No kernel for {definition.qualified_name} and dispatch key {key}")
    return definition.kernels[key]


def get_ctx():
    """RuntimeError: sizes are numbers here, so that a fake kernel cannot make symbolic ones."""
    raise RuntimeError("torch.library.get_ctx: kagari has no symbolic sizes")


def triton_op(name, fn=None, /, *, mutates_args, schema=None):
    """NotImplementedError: there is no Triton on the CPU."""
    raise NotImplementedError("torch.library.triton_op: kagari has no Triton")


def wrap_triton(triton_kernel, /):
    """NotImplementedError: there is no Triton on the CPU."""
    raise NotImplementedError("torch.library.wrap_triton: kagari has no Triton")


# --- custom_op -------------------------------------------------------------------------------

class CustomOpDef:
    """An operator made by custom_op: call it, and register what else it can."""

    def __init__(self, namespace, name, schema, fn, tags=()):
        self._namespace, self._name, self._schema, self._init_fn = namespace, name, schema, fn
        self._definition = _custom_op.define(f"{name}{schema}", namespace, recorded=True, tags=tags)
        self._kernels_off, self._disabled = {}, set()
        self.__name__, self.__module__, self.__doc__ = name, fn.__module__, fn.__doc__

    @property
    def _qualname(self):
        return f"{self._namespace}::{self._name}"

    @property
    def _opoverload(self):
        return self._definition.func

    @property
    def tags(self):
        return self._definition.tags

    def __call__(self, *args, **kwargs):
        return self._definition(*args, **kwargs)

    def __repr__(self):
        return f"<CustomOpDef({self._qualname})>"

    def register_kernel(self, device_types, fn=None, /):
        """fn is the kernel on devices of these types; None means all. Without fn a decorator."""
        return register_kernel(self, device_types, fn)

    def register_fake(self, fn, /):
        """fn gives results of the right shape and dtype without computing."""
        self._definition.fake = fn
        return fn

    def register_autograd(self, backward, /, *, setup_context=None):
        """The gradient; see torch.library.register_autograd."""
        register_autograd(self, backward, setup_context=setup_context)

    def register_autocast(self, device_type, cast_inputs):
        """Under autocast floating arguments are converted."""
        register_autocast(self, device_type, cast_inputs)

    def register_torch_dispatch(self, torch_dispatch_class, fn=None, /):
        """fn answers below a mode, or on a subclass, of this class."""
        return register_torch_dispatch(self, torch_dispatch_class, fn)

    def register_vmap(self, func=None):
        """func is the operator over a batch."""
        return register_vmap(self, func)

    @contextlib.contextmanager
    def set_kernel_enabled(self, device_type, enabled=True):
        """Inside, the kernel for the device is on or off; off, the function that defined the operator runs."""
        key = _DEVICE_KEYS.get(device_type, device_type)
        before = self._definition.kernels.get(key)
        if not enabled and before is not None:
            self._definition.kernels[key] = self._init_fn
        try:
            yield
        finally:
            if before is not None:
                self._definition.kernels[key] = before


def custom_op(name, fn=None, /, *, mutates_args, device_types=None, schema=None, tags=None):
    """Makes the function an operator `namespace::name`. Without fn a decorator.

    Arguments:
        mutates_args: names of the arguments that it writes to, or "unknown".
        device_types: where the function may run; None: everywhere.
        schema: where the annotations do not say it.

    The function is a black box for autograd: register_autograd gives the gradient, register_fake the shapes.

    >>> @torch.library.custom_op("example::plus_one", mutates_args=())
    ... def plus_one(x: torch.Tensor) -> torch.Tensor:
    ...     return x + 1
    >>> plus_one(torch.zeros(1))
    tensor([1.])
    """
    def make(function):
        namespace, separator, local = name.partition("::")
        if not separator or "." in local:
            raise ValueError(f"Expected `name` to be of the form `namespace::name`, got {name}")
        text = infer_schema(function, mutates_args=mutates_args) if schema is None else schema
        old = operator_of(name)
        if old is not None:
            for one in list(old.overloads.values()):
                _custom_op.undefine(one)
        made = CustomOpDef(namespace, local, text, function, [] if tags is None else tags if isinstance(tags, (list, tuple)) else [tags])
        if schema is not None and mutates_args != "unknown":
            declared = {argument.name for argument in made._definition.schema.arguments if argument.is_write}
            if declared != set(mutates_args):
                _custom_op.undefine(made._definition)
                raise ValueError(f"Attempted to create a custom op with `mutates_args={mutates_args}` and `schema={schema}`. The schema suggests that the op "
                                 f"mutates {declared} which is different from what was provided to us in `mutates_args`.")
        made.register_kernel(device_types, function)
        return made
    return make if fn is None else make(fn)


# --- checks ----------------------------------------------------------------------------------

_OPCHECK_DEFAULT_UTILS = ("test_schema", "test_autograd_registration", "test_faketensor")


def _check_schema(op, definition, args, kwargs):
    """Only arguments that the schema says so are written."""
    values = definition.bind(args, kwargs)
    before = [value.detach().clone() if isinstance(value, kagari.Tensor) else value for value in values]
    op(*args, **kwargs)
    for argument, old, new in zip(definition.schema.arguments, before, values):
        if isinstance(new, kagari.Tensor) and not argument.is_write and not kagari.equal(old.nan_to_num(), new.detach().nan_to_num()):
            raise RuntimeError(f"Argument {argument.name} is not defined as mutable but was mutated")


def _check_autograd(op, definition, args, kwargs):
    """A gradient is registered where one is asked for."""
    tensors = [t for t in _custom_op._tensors([*args, *kwargs.values()]) if t.requires_grad]
    if tensors and definition.recorded and definition.backward is None and not definition.written:
        raise AssertionError(f"{definition.qualified_name}: an argument requires a gradient, but no autograd formula was registered (register_autograd)")


def _check_fake(op, definition, args, kwargs):
    """The fake kernel gives the shapes, dtypes and strides of the real one."""
    def to_meta(value):
        if isinstance(value, kagari.Tensor):
            return kagari.empty_strided(value.size(), value.stride(), dtype=value.dtype, device="meta")
        return type(value)(map(to_meta, value)) if isinstance(value, (list, tuple)) else value
    with kagari.no_grad():
        fake = op(*map(to_meta, args), **{name: to_meta(value) for name, value in kwargs.items()})
        real = op(*args, **kwargs)
    pairs = [(fake, real)] if isinstance(real, kagari.Tensor) else list(zip(fake or (), real or ()))
    for f, r in pairs:
        if isinstance(r, kagari.Tensor) and (f.shape != r.shape or f.dtype != r.dtype or f.stride() != r.stride()):
            raise AssertionError(f"{definition.qualified_name}: the fake kernel gives shape {tuple(f.shape)}, strides {f.stride()} and {f.dtype}, the kernel "
                                 f"{tuple(r.shape)}, {r.stride()} and {r.dtype}")


_CHECKS = {"test_schema": _check_schema, "test_autograd_registration": _check_autograd, "test_faketensor": _check_fake}


def opcheck(op, args, kwargs=None, *, test_utils=_OPCHECK_DEFAULT_UTILS, raise_exception=True, atol=None, rtol=None):
    """Checks a custom operator on a sample: the schema's promises, the gradient's registration, the fake kernel's shapes.

    Returns {check: "SUCCESS" or the exception}; raises at the first failure unless raise_exception is False. PyTorch's check of
    torch.compile does not exist.
    """
    definition, kwargs, results = _definition(op), kwargs or {}, {}
    for name in [test_utils] if isinstance(test_utils, str) else test_utils:
        if name not in _CHECKS:
            raise NotImplementedError(f"torch.library.opcheck: {name} does not exist; the checks are {', '.join(_CHECKS)}")
        try:
            _CHECKS[name](op, definition, args, kwargs)
            results[name] = "SUCCESS"
        except Exception as error:
            if raise_exception:
                raise
            results[name] = error
    return results


