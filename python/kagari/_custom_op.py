"""Operators defined in Python: their schemas, kernels, fake kernels and gradients, and the way of a call through them."""
import kagari
from kagari import _C, _dispatch, _function_schema, _ops

_NUMBERS = {"int": int, "SymInt": int, "float": (int, float), "SymFloat": (int, float), "bool": bool, "str": str}


class Operator:
    """All overloads of `namespace::name`."""

    def __init__(self, qualified_name):
        self.qualified_name, self.overloads, self.tags, self._packet = qualified_name, {}, (), None

    @property
    def kernels(self):
        return {key for one in self.overloads.values() for key in one.kernels}

    def packet(self):
        """The object in torch.ops."""
        self._packet = _ops.OpOverloadPacket(self.qualified_name, self.call, [one.schema for one in self.overloads.values()], list(self.overloads), self)
        return self._packet

    def call(self, *args, **kwargs):
        """Runs the first overload that takes the arguments."""
        overloads = list(self.overloads.values())
        for one in overloads[:-1]:
            try:
                one.bind(args, kwargs)
            except RuntimeError:
                continue
            return one(*args, **kwargs)
        return overloads[-1](*args, **kwargs)

    def function(self, overload):
        return self.overloads[overload]


def operator_of(qualified_name, create=False):
    """The Operator with this name, or None."""
    found = _ops._definitions.get(qualified_name)
    if found is None and create:
        found = _ops._definitions[qualified_name] = Operator(qualified_name)
    return found


def forget_packet(qualified_name):
    """torch.ops looks the operator up again."""
    space, _, name = qualified_name.partition("::")
    namespace = getattr(_ops.ops, space)
    vars(namespace).pop(name, None)
    if name in namespace._dir:
        namespace._dir.remove(name)


def builtin(qualified_name):
    """The C++ operator behind a name such as torchvision::nms, or None."""
    space, _, name = qualified_name.partition("::")
    return _C._space_ops.get(name if space == "aten" else f"{space}__{name}")


class Definition:
    """One overload. Calling it runs autocast's rule, autograd, modes and subclasses, and then the kernel of the device."""

    def __init__(self, schema, recorded=False, tags=()):
        self.schema, self.recorded, self.tags = schema, recorded, tags
        self.kernels, self.fake, self.backward, self.setup_context, self.vmap = {}, None, None, None, None
        self.autocast, self.rules = {}, {}
        self.qualified_name = schema.name
        self.written = [i for i, argument in enumerate(schema.arguments) if argument.is_write]
        self.title = f"{schema.name.replace('::', '.')}.{schema.overload_name or 'default'}"
        self._function = None

    @property
    def func(self):
        space, _, name = self.qualified_name.partition("::")
        return getattr(getattr(getattr(_ops.ops, space), name), self.schema.overload_name or "default")

    # --- arguments
    def bind(self, args, kwargs):
        """The value of every argument of the schema. RuntimeError where the call does not fit it."""
        schema, values = self.schema, []
        positional = [argument for argument in schema.arguments if not argument.kwarg_only]
        if len(args) > len(positional):
            raise RuntimeError(f"{schema.name}() expected at most {len(positional)} argument(s) but received {len(args)} argument(s). Declaration: {schema}")
        names = [argument.name for argument in schema.arguments]
        for name in kwargs:
            if name not in names:
                raise RuntimeError(f"Unknown keyword argument '{name}' for operator '{schema.name}'. Schema: {schema}")
        at = 0
        for argument in schema.arguments:
            if not argument.kwarg_only and at < len(args):
                if argument.name in kwargs:
                    raise RuntimeError(f"Argument '{argument.name}' specified both as positional and keyword argument. Schema: {schema}")
                value = args[at]
                at += 1
            elif argument.name in kwargs:
                value = kwargs[argument.name]
            elif argument.has_default_value():
                values.append(argument.default_value)
                continue
            else:
                raise RuntimeError(f"{schema.name}() is missing value for argument '{argument.name}'. Declaration: {schema}")
            self._check(argument, value, len(values))
            values.append(value)
        return values

    def _check(self, argument, value, position):
        kind = argument.type
        if value is None and kind.endswith("?"):
            return
        kind = kind.rstrip("?")
        if kind == "Tensor":
            fits = isinstance(value, kagari.Tensor)
        elif kind.endswith("]"):
            fits = isinstance(value, (list, tuple)) or (kind[-2].isdigit() and isinstance(value, (int, float)))
        elif kind in _NUMBERS:
            fits = isinstance(value, _NUMBERS[kind]) and not (kind in ("int", "SymInt") and isinstance(value, bool))
        else:
            fits = True
        if not fits:
            raise RuntimeError(f"{self.schema.name}() Expected a value of type '{kind}' for argument '{argument.name}' but instead found type "
                               f"'{type(value).__name__}'.\nPosition: {position}\nValue: {value!r}\nDeclaration: {self.schema}")

    def split(self, values):
        """Positional and keyword arguments for a kernel."""
        pairs = list(zip(self.schema.arguments, values))
        return [value for argument, value in pairs if not argument.kwarg_only], {argument.name: value for argument, value in pairs if argument.kwarg_only}

    # --- the call
    def __call__(self, *args, **kwargs):
        values = self.bind(args, kwargs)
        if "AutocastCPU" in self.kernels and kagari.is_autocast_enabled("cpu"):
            positional, keywords = self.split(values)
            return self.kernels["AutocastCPU"](*positional, **keywords)
        for device, dtype in self.autocast.items():
            if kagari.is_autocast_enabled(device):
                from kagari.amp.autocast_mode import _cast, autocast
                with autocast(device, enabled=False):
                    return self._record(_cast(values, device, dtype), len(args) + len(kwargs))
        return self._record(values, len(args) + len(kwargs))

    def _record(self, values, given):
        tensors = list(_tensors(values))
        direct = next((self.kernels[key] for key in ("Autograd", "AutogradCPU") if key in self.kernels), None)
        if direct is not None and not self._taken(tensors):
            positional, keywords = self.split(values)
            return direct(*positional, **keywords)
        if not (self.recorded or self.backward) or not kagari.is_grad_enabled() or not any(t.requires_grad for t in tensors) or self.written:
            return self._below(values, tensors)
        flat, places = [], []
        for value in values:
            parts = list(value) if isinstance(value, (list, tuple)) and any(isinstance(one, kagari.Tensor) for one in value) else None
            places.append(None if parts is None else len(parts))
            flat += [value] if parts is None else parts
        if self._function is None:
            self._function = _function_of(self)
        return self._function.apply(self, places, min(given, len(values)), *flat)

    @staticmethod
    def _taken(tensors):
        return not _C._is_dispatch_disabled() and (_C._len_torch_dispatch_stack() or any(_answers(t) for t in tensors))

    def _below(self, values, tensors):
        if self._taken(tensors):
            return self._to_handlers(values, [t for t in tensors if _answers(t)])
        watched = _C._profiler_enter(self.qualified_name)
        try:
            if self.recorded and kagari.is_grad_enabled():
                with kagari.no_grad():                       # a black box, whether or not somebody records it
                    return self._run(values, tensors)
            return self._run(values, tensors)
        finally:
            if watched:
                _C._profiler_leave()

    def _to_handlers(self, values, answering):
        positional, keywords = self.split(values)
        for argument in reversed([a for a in self.schema.arguments if not a.kwarg_only]):
            if not (positional and argument.has_default_value() and _same(positional[-1], argument.default_value)):
                break
            positional.pop()
        keywords = {name: value for name, value in keywords.items()
                    if not any(a.name == name and a.has_default_value() and _same(value, a.default_value) for a in self.schema.arguments)}
        mode = _C._pop_torch_dispatch_stack() if _C._len_torch_dispatch_stack() else None
        try:
            for kind, rule in self.rules.items():
                if (mode is not None and isinstance(mode, kind)) or any(isinstance(one, kind) for one in answering):
                    types = tuple(map(type, answering))
                    return rule(mode, self.func, types, tuple(positional), keywords) if isinstance(mode, kind) else rule(self.func, types, tuple(positional), keywords)
            return _dispatch.handle(self.func, tuple(positional), keywords, answering, mode)
        finally:
            if mode is not None:
                _C._push_on_torch_dispatch_stack(mode)

    def _run(self, values, tensors):
        positional, keywords = self.split(values)
        kernel = self._kernel(tensors)
        if kernel is None:
            own = builtin(self.qualified_name)
            if own is None:
                raise self._missing(tensors)
            kernel = own
        result = kernel(*positional, **keywords)
        for i in self.written:
            if isinstance(values[i], kagari.Tensor):
                kagari.autograd.graph.increment_version(values[i])
        if self.recorded:
            self._check_results(result, tensors)
        return result

    def _kernel(self, tensors):
        meta = any(t.device.type == "meta" for t in tensors)
        if meta:
            if self.fake is not None:
                return self.fake
            if self.recorded and "Meta" not in self.kernels:
                raise RuntimeError(f"There was no fake impl registered for <CustomOpDef({self.qualified_name})>. Please use "
                                   f"`{self.qualified_name.partition('::')[2]}.register_fake` to add a fake impl.")
            keys = ("Meta", "CompositeExplicitAutograd", "CompositeImplicitAutograd")
        else:
            keys = ("CPU", "CompositeExplicitAutograd", "CompositeImplicitAutograd", "")
        return next((self.kernels[key] for key in keys if key in self.kernels), None)

    def _missing(self, tensors):
        if any(t.device.type == "meta" for t in tensors):
            return NotImplementedError(f"{self.qualified_name}: attempted to run this operator with Meta tensors, but there was no fake impl or Meta kernel "
                                       "registered. Please use torch.library.register_fake to add one.")
        return NotImplementedError(f"Could not run '{self.qualified_name}' with arguments from the 'CPU' backend: no kernel was registered for it. "
                                   f"'{self.qualified_name}' is only available for these backends: {sorted(self.kernels)}.")

    def _check_results(self, result, tensors):
        given = {t.untyped_storage()._cdata for t in tensors if t.device.type != "meta" and not _answers(t)}
        for one in _tensors([result] if isinstance(result, kagari.Tensor) else result or ()):
            if any(one is t for t in tensors) or (one.device.type != "meta" and not _answers(one) and one.untyped_storage()._cdata in given):
                raise RuntimeError(f"{self.qualified_name}: The output of this custom operator (1) must not also be an input to this custom operator and (2) may "
                                   "not alias any inputs to this custom operator or other returns. Please return a clone of the input instead.")


def _same(a, b):
    return type(a) is type(b) and not isinstance(a, kagari.Tensor) and a == b


def _answers(t):
    return type(t).__torch_dispatch__ is not _C._disabled_torch_dispatch_impl


def _tensors(values):
    for value in values:
        if isinstance(value, kagari.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from (one for one in value if isinstance(one, kagari.Tensor))


def _regroup(flat, places):
    values, at = [], 0
    for count in places:
        values.append(flat[at] if count is None else list(flat[at:at + count]))
        at += 1 if count is None else count
    return values


def _function_of(definition):
    """The autograd.Function that records calls of an operator."""
    def forward(ctx, definition, places, given, *flat):
        values = _regroup(flat, places)
        ctx._places = places
        result = definition._below(values, list(_tensors(values)))
        needs = _regroup(ctx.needs_input_grad[3:], places)
        ctx._flat_needs, ctx.needs_input_grad = ctx.needs_input_grad, tuple(needs[:given])
        if definition.setup_context is not None:
            positional, keywords = definition.split(values)
            if keywords:
                definition.setup_context(ctx=ctx, inputs=tuple(positional), keyword_only_inputs=keywords, output=result)
            else:
                definition.setup_context(ctx, tuple(positional), result)
        ctx._is_list = isinstance(result, list)
        return tuple(result) if isinstance(result, list) else result

    def backward(ctx, *grads):
        if definition.backward is None:
            raise RuntimeError(f"Trying to backward through {definition.title} but no autograd formula was registered. Please use register_autograd to add one.")
        found = definition.backward(ctx, list(grads)) if ctx._is_list else definition.backward(ctx, *grads)
        found = list(found) if isinstance(found, tuple) else [found]
        found += [None] * (len(ctx._places) - len(found))
        flat = []
        for grad, count in zip(found, ctx._places):
            flat += [grad] if count is None else list(grad) if grad is not None else [None] * count
        return (None, None, None, *flat)

    name = "GeneratedBackwardFor_" + definition.title.replace(".", "_")
    return type(name, (kagari.autograd.Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})


def define(text, namespace, recorded=False, tags=()):
    """Registers a schema `name.overload(...) -> ...` in a namespace; the Definition. RuntimeError if it exists."""
    schema = _function_schema.parse(text if "::" in text.partition("(")[0] else f"{namespace}::{text.strip()}")
    operator = operator_of(schema.name, create=True)
    overload = schema.overload_name or "default"
    if overload in operator.overloads:
        raise RuntimeError(f"Tried to register an operator ({schema}) with the same name and overload name multiple times. Each overload's schema should only "
                           "be registered with a single call to def().")
    operator.overloads[overload] = definition = Definition(schema, recorded, tags)
    forget_packet(schema.name)
    return definition


def undefine(definition):
    """Takes a definition out again."""
    operator = operator_of(definition.qualified_name)
    overload = definition.schema.overload_name or "default"
    if operator is None or operator.overloads.get(overload) is not definition:
        return
    del operator.overloads[overload]
    if not operator.overloads:
        _ops._definitions.pop(definition.qualified_name, None)
    forget_packet(definition.qualified_name)
