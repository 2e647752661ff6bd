"""Activation checkpoints: a part of the forward pass is computed again in the backward pass instead of being kept."""
import contextlib
import functools
import traceback
import warnings
import weakref

import kagari
from kagari.utils._selective_checkpoint import (CheckpointPolicy, GraphExecGroup, SelectiveCheckpointContext,
                                                create_selective_checkpoint_contexts)

__all__ = ["checkpoint", "checkpoint_sequential", "CheckpointError", "CheckpointFunction", "check_backward_validity",
           "detach_variable", "get_device_states", "set_device_states", "noop_context_fn", "set_checkpoint_early_stop",
           "DefaultDeviceType", "set_checkpoint_debug_enabled", "CheckpointPolicy", "SelectiveCheckpointContext",
           "create_selective_checkpoint_contexts", "SAC_IGNORED_OPS", "GraphExecGroup"]

_early_stop_override = None
_debug_override = None


class CheckpointError(RuntimeError):
    """The recomputation did not do what the forward pass had done."""


class _StopRecomputationError(Exception):
    """Leaves the recomputed function once all tensors are there."""


class DefaultDeviceType:
    """The device whose random state checkpoints keep besides the CPU's; the CPU has the only one here."""

    _default_device_type = "cpu"

    @staticmethod
    def set_device_type(device="cpu"):
        """Sets the device type."""
        DefaultDeviceType._default_device_type = device

    @staticmethod
    def get_device_type():
        """The device type."""
        return DefaultDeviceType._default_device_type


def noop_context_fn():
    """Two contexts that do nothing: the default ``context_fn``."""
    return contextlib.nullcontext(), contextlib.nullcontext()


@contextlib.contextmanager
def set_checkpoint_early_stop(enable):
    """Within the context, checkpoints end their recomputation early, or do not, whatever their own option says."""
    global _early_stop_override
    before = _early_stop_override
    _early_stop_override = enable
    try:
        yield
    finally:
        _early_stop_override = before


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled):
    """Within the context, checkpoints report where tensors were saved, or do not, whatever their own option says."""
    global _debug_override
    before = _debug_override
    _debug_override = enabled
    try:
        yield
    finally:
        _debug_override = before


def get_device_states(*args):
    """The devices, other than the CPU, of the tensors in ``args``, and their random states: there are none."""
    return [], []


def set_device_states(devices, states, *, device_type=None):
    """Restores what :func:`get_device_states` returned."""
    if devices:
        raise RuntimeError(f"set_device_states(): there is no device {devices[0]}")


def detach_variable(inputs):
    """The tensors of a tuple, detached, with their ``requires_grad``; anything else as it is."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(f"Only tuple of tensors is supported. Got Unsupported input type: {type(inputs).__name__}")
    return tuple(x.detach().requires_grad_(x.requires_grad) if isinstance(x, kagari.Tensor) else x for x in inputs)


def check_backward_validity(inputs):
    """Warns if no input requires a gradient."""
    if not any(x.requires_grad for x in inputs if isinstance(x, kagari.Tensor)):
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2)


def _autocast_state():
    """The options of the autocast context that is in force, or None in a build without autocast."""
    try:
        from kagari import get_autocast_dtype, is_autocast_cache_enabled, is_autocast_enabled
    except ImportError:
        return None
    return dict(enabled=is_autocast_enabled("cpu"), dtype=get_autocast_dtype("cpu"),
                cache_enabled=is_autocast_cache_enabled())


class _Surroundings:
    """Random state and autocast of the forward pass, to be in force again in the recomputation."""

    def __init__(self, preserve_rng_state):
        self.rng_state = kagari.get_rng_state() if preserve_rng_state else None
        self.autocast = _autocast_state()

    @contextlib.contextmanager
    def restored(self):
        before = None if self.rng_state is None else kagari.get_rng_state()
        try:
            if self.rng_state is not None:
                kagari.set_rng_state(self.rng_state)
            with contextlib.nullcontext() if self.autocast is None else kagari.autocast("cpu", **self.autocast):
                yield
        finally:
            if before is not None:
                kagari.set_rng_state(before)


def checkpoint(function, *args, use_reentrant=None, context_fn=noop_context_fn, determinism_check="default",
               debug=False, early_stop=True, **kwargs):
    """Runs ``function(*args, **kwargs)`` without keeping its intermediate results; backward computes them again.

    Arguments:
        function: must do the same when it is called again.
        use_reentrant: True: the backward pass of the function is a backward pass of its own (older; no keyword
            arguments, no ``autograd.grad``). False: saved tensors are replaced one by one. To be given explicitly.
        preserve_rng_state: whether the recomputation sees the same random numbers. Default: True.
        context_fn: returns a context for the forward pass and one for the recomputation.
        determinism_check: "default" compares shapes and dtypes of the recomputed tensors, "none" does not.
        debug: report in errors where the tensors were saved.
        early_stop: end the recomputation when the last tensor needed is there.
    Errors: CheckpointError if the recomputation saves other tensors.
    """
    if use_reentrant is None:
        _warn_explicit("torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly. Starting in "
                       "PyTorch 2.9, calling checkpoint without use_reentrant will raise an exception.")
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if not use_reentrant:
        return _checkpoint_without_reentrant(function, args, kwargs, preserve, context_fn, determinism_check, debug,
                                             early_stop)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if context_fn is not noop_context_fn or debug is not False:
        raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
    return _function_class().apply(function, preserve, *args)


def _warn_explicit(text):
    warnings.warn(text + " use_reentrant=False is recommended, but if you need to preserve the current default "
                  "behavior, you can pass use_reentrant=True. Refer to docs for more details on the differences "
                  "between the two variants.", stacklevel=3)


def checkpoint_sequential(functions, segments, input, use_reentrant=None, **kwargs):
    """Runs a sequence of modules in ``segments`` parts, each but the last one a checkpoint.

    Arguments:
        functions: an ``nn.Sequential`` or a list of callables.
        segments: number of parts.
        input: argument of the first module.
    """
    if use_reentrant is None:
        _warn_explicit("torch.utils.checkpoint.checkpoint_sequential: the use_reentrant parameter should be passed "
                       "explicitly. In version 2.9 we will raise an exception if use_reentrant is not passed.")
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    functions = list(functions.children()) if isinstance(functions, kagari.nn.Sequential) else list(functions)

    def part(start, end):
        def run(value):
            for function in functions[start:end]:
                value = function(value)
            return value
        return run

    size = len(functions) // segments
    end = 0
    for start in range(0, size * (segments - 1), size):
        end = start + size
        input = checkpoint(part(start, end), input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return part(end, len(functions))(input)


# ---- reentrant

@functools.lru_cache(maxsize=None)
def _function_class():
    class CheckpointFunction(kagari.autograd.Function):
        """The node of a reentrant checkpoint."""

        @staticmethod
        def forward(ctx, run_function, preserve_rng_state, *args):
            check_backward_validity(args)
            ctx.run_function = run_function
            ctx.surroundings = _Surroundings(preserve_rng_state)
            ctx.inputs = [None if isinstance(arg, kagari.Tensor) else arg for arg in args]
            ctx.tensor_indices = [i for i, arg in enumerate(args) if isinstance(arg, kagari.Tensor)]
            ctx.save_for_backward(*(args[i] for i in ctx.tensor_indices))
            with kagari.no_grad():
                return run_function(*args)

        @staticmethod
        def backward(ctx, *grads):
            valid = getattr(kagari.autograd, "_is_checkpoint_valid", None)
            if valid is not None and not valid():
                raise RuntimeError("When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or "
                                   "passing an `inputs` parameter to .backward(). To resolve this error, you can "
                                   "either set use_reentrant=False, or call .backward() without passing the `inputs` "
                                   "argument.")
            inputs = list(ctx.inputs)
            for i, tensor in zip(ctx.tensor_indices, ctx.saved_tensors):
                inputs[i] = tensor
            inputs = detach_variable(tuple(inputs))
            with ctx.surroundings.restored(), kagari.enable_grad():
                outputs = ctx.run_function(*inputs)
            if isinstance(outputs, kagari.Tensor):
                outputs = (outputs,)
            pairs = [(out, grad) for out, grad in zip(outputs, grads)
                     if isinstance(out, kagari.Tensor) and out.requires_grad]
            if not pairs:
                raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
            kagari.autograd.backward([out for out, _ in pairs], [grad for _, grad in pairs])
            return (None, None, *(x.grad if isinstance(x, kagari.Tensor) else None for x in inputs))

    return CheckpointFunction


# ---- not reentrant

class _Holder:
    """Stands in the graph for a tensor that was to be saved; knows its position in the order of saving."""

    __slots__ = ("position", "__weakref__")

    def __init__(self, position):
        self.position = position


class _Frame:
    """One checkpointed call: how to recompute it, and the order in which its tensors were saved."""

    def __init__(self, recompute, early_stop, metadata_of, debug):
        self.recompute = recompute
        self.early_stop = early_stop
        self.metadata_of = metadata_of
        self.debug = debug
        self.holders = []
        self.metadata = []
        self.stacks = []
        self.recomputed = {}

    def pack(self, tensor):
        holder = _Holder(len(self.holders))
        self.holders.append(weakref.ref(holder))
        self.metadata.append(self.metadata_of(tensor))
        if self.debug:
            self.stacks.append(traceback.format_stack())
        return holder

    def unpack(self, holder):
        if holder.position not in self.recomputed:
            self._recompute()
        return self.recomputed.pop(holder.position)

    def _recompute(self):
        count = 0
        total = len(self.holders)
        stacks = []

        def pack(tensor):
            nonlocal count
            position = count
            count += 1
            if self.debug:
                stacks.append(traceback.format_stack())
            if position >= total:
                self._fail("trying to save more tensors during recomputation than during the original forward pass.",
                           stacks, position)
            if self.holders[position]() is not None:
                self.recomputed[position] = tensor.detach()
            if self.early_stop and count == total:
                raise _StopRecomputationError
            return tensor.detach()

        with contextlib.suppress(_StopRecomputationError):
            with kagari.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), kagari.enable_grad():
                self.recompute()
        if count != total:
            self._fail("A different number of tensors was saved during the original forward and recomputation.\n"
                       f"Number of tensors saved during forward: {total}\n"
                       f"Number of tensors saved during recomputation: {count}.", stacks, min(count, total) - 1)
        self._compare(stacks)

    def _compare(self, stacks):
        different = []
        for position, tensor in sorted(self.recomputed.items()):
            now = self.metadata_of(tensor)
            if now != self.metadata[position]:
                different.append((position, f"tensor at position {position}:\n"
                                  f"saved metadata: {self.metadata[position]}\nrecomputed metadata: {now}\n"))
        if different:
            self._fail("Recomputed values for the following tensors have different metadata than during the forward "
                       "pass.\n" + "".join(text for _, text in different), stacks, different[0][0])

    def _fail(self, text, stacks, position):
        message = f"torch.utils.checkpoint: {text}"
        if not self.debug:
            message += "\nPass debug=True to checkpoint() to see where the tensors were saved."
        else:
            for name, where in (("the forward pass", self.stacks), ("the recomputation", stacks)):
                if 0 <= position < len(where):
                    message += f"\nTensor {position} was saved in {name} at:\n{''.join(where[position])}"
        raise CheckpointError(message)


_metadata_functions = {
    "default": lambda x: {"shape": x.shape, "dtype": x.dtype, "device": x.device},
    "none": lambda x: None,
}


@functools.lru_cache(maxsize=None)
def _input_saver():
    class SaveInputs(kagari.autograd.Function):
        """Saves the arguments as the graph saves tensors, so that an outer checkpoint can drop them, too."""

        @staticmethod
        def forward(ctx, anchor, *tensors):
            ctx.save_for_backward(*tensors)
            return anchor.clone()

        @staticmethod
        def backward(ctx, *grads):
            raise AssertionError("the node that keeps a checkpoint's inputs takes no part in a backward pass")

    return SaveInputs


def _saved(args, kwargs):
    """A function that gives ``args`` and ``kwargs`` back; their tensors are kept by a node of the graph."""
    slots = [i for i, arg in enumerate(args) if isinstance(arg, kagari.Tensor)]
    tensors = [args[i] for i in slots]
    rest = [None if isinstance(arg, kagari.Tensor) else arg for arg in args]
    anchor = kagari.empty((0,), requires_grad=True)
    # The result is kept, not only its node: a node without a result may drop what it saved.
    keeper = _input_saver().apply(anchor, *tensors)

    def give():
        values = list(rest)
        for i, tensor, original in zip(slots, keeper.grad_fn.saved_tensors, requires):
            values[i] = tensor if tensor.requires_grad == original else tensor.detach().requires_grad_(original)
        return values, kwargs

    requires = [tensor.requires_grad for tensor in tensors]
    return give


def _checkpoint_without_reentrant(function, args, kwargs, preserve, context_fn, determinism_check, debug, early_stop):
    if determinism_check not in _metadata_functions:
        raise ValueError(f"determinism_check should be one of {list(_metadata_functions)}, but got {determinism_check}")
    forward_context, recompute_context = context_fn()
    if not kagari.is_grad_enabled():
        with forward_context:
            return function(*args, **kwargs)
    surroundings = _Surroundings(preserve)
    given = _saved(args, kwargs)

    def recompute():
        values, keywords = given()
        with surroundings.restored(), recompute_context:
            function(*values, **keywords)

    frame = _Frame(recompute, early_stop if _early_stop_override is None else _early_stop_override,
                   _metadata_functions[determinism_check], debug if _debug_override is None else _debug_override)
    with kagari.autograd.graph.saved_tensors_hooks(frame.pack, frame.unpack), forward_context:
        return function(*args, **kwargs)


def __getattr__(name):
    if name == "CheckpointFunction":
        return _function_class()
    if name == "SAC_IGNORED_OPS":
        from kagari.utils._selective_checkpoint import ignored_operators
        return ignored_operators()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
