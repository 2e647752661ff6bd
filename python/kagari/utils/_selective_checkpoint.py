"""Checkpoints that keep the results of some operators: a policy says of which."""
import enum
import functools
import threading

import kagari
from kagari.utils._python_dispatch import TorchDispatchMode
from kagari.utils._pytree import tree_leaves, tree_map


class CheckpointPolicy(enum.Enum):
    """What becomes of an operator's result between the forward pass and the recomputation.

    The MUST forms are kept by every compiler, the PREFER forms are hints; without a compiler they mean the same. Results that should be moved
    to the CPU are there already.
    """
    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


_KEEPING = (CheckpointPolicy.MUST_SAVE, CheckpointPolicy.PREFER_SAVE, CheckpointPolicy.MUST_CPU_OFFLOAD, CheckpointPolicy.PREFER_CPU_OFFLOAD)


class SelectiveCheckpointContext:
    """First argument of a policy. is_recompute is always False: the policy is asked in the forward pass only. op_output: the operator's result."""

    def __init__(self, *, is_recompute, op_output=None):
        self.is_recompute = is_recompute
        self.op_output = op_output


@functools.lru_cache(maxsize=None)
def ignored_operators():
    """Operators that compute nothing; the policy is not asked about them."""
    found = set()
    for name in "sym_size detach sym_stride storage_offset stride sym_storage_offset numel is_contiguous size".split():
        packet = getattr(kagari.ops.aten, name, None)
        if packet is not None and "default" in packet.overloads():
            found.add(packet.default)
    return found


class _Kept:
    """A result that was kept, and the versions its tensors had."""

    def __init__(self, value):
        self.value = tree_map(lambda x: x.detach() if isinstance(x, kagari.Tensor) else x, value)
        self.versions = self._versions()

    def _versions(self):
        return [x._version for x in tree_leaves(self.value) if isinstance(x, kagari.Tensor)]

    def get(self, allow_mutation):
        if not allow_mutation and self._versions() != self.versions:
            raise RuntimeError("Tensor cached during selective activation checkpoint has been mutated")
        return tree_map(lambda x: x.detach() if isinstance(x, kagari.Tensor) else x, self.value)


class _KeepingMode(TorchDispatchMode):
    """The forward pass: keeps what the policy says."""

    def __init__(self, policy, storage):
        super().__init__()
        self.policy, self.storage = policy, storage

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        if func in ignored_operators():
            return out
        wish = self.policy(SelectiveCheckpointContext(is_recompute=False, op_output=out), func, *args, **kwargs)
        if isinstance(wish, bool):
            wish = CheckpointPolicy.MUST_SAVE if wish else CheckpointPolicy.PREFER_RECOMPUTE
        self.storage.setdefault(func, []).append(_Kept(out) if wish in _KEEPING else None)
        return out


class _GivingMode(TorchDispatchMode):
    """The recomputation: the n-th call of an operator gives what its n-th call in the forward pass kept."""

    def __init__(self, storage, allow_mutation):
        super().__init__()
        self.storage, self.allow_mutation, self.calls = storage, allow_mutation, {}

    def __enter__(self):
        self.calls = {}
        return super().__enter__()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in ignored_operators():
            return func(*args, **(kwargs or {}))
        call = self.calls[func] = self.calls.get(func, -1) + 1
        entries = self.storage.get(func, ())
        if call >= len(entries):
            raise RuntimeError(f"{func} encountered during backward, but not found in storage: the recomputation calls it more often than the forward pass")
        return func(*args, **(kwargs or {})) if entries[call] is None else entries[call].get(self.allow_mutation)


def create_selective_checkpoint_contexts(policy_fn_or_list, allow_cache_entry_mutation=False):
    """The two contexts that ``checkpoint(..., use_reentrant=False, context_fn=...)`` wants, for a policy.

    policy_fn_or_list: a function (context, op, *args, **kwargs) -> CheckpointPolicy, where op is an OpOverload such as
    torch.ops.aten.mm.default, or a list of operators whose results are kept. allow_cache_entry_mutation: whether results that were kept may be
    written to before they are used. Raises ValueError for an operator that is no OpOverload, TypeError for other policies.

    >>> import functools
    >>> context_fn = functools.partial(create_selective_checkpoint_contexts, [torch.ops.aten.mm.default])
    >>> x = torch.ones(2, 2, requires_grad=True)
    >>> torch.utils.checkpoint.checkpoint(lambda x: (x @ x).sin(), x, use_reentrant=False, context_fn=context_fn).sum().backward()
    """
    if isinstance(policy_fn_or_list, list):
        from kagari._ops import OpOverload
        for op in policy_fn_or_list:
            if not isinstance(op, OpOverload):
                raise ValueError(f"Expected op in `op_list` to be an OpOverload but got: {op} of type {type(op)}. You may need to "
                                 "specify an overload, e.g. torch.ops.aten.mm.default rather than torch.ops.aten.mm")
        kept = set(policy_fn_or_list)

        def policy(context, op, *args, **kwargs):
            return CheckpointPolicy.MUST_SAVE if op in kept else CheckpointPolicy.PREFER_RECOMPUTE
    elif callable(policy_fn_or_list):
        policy = policy_fn_or_list
    else:
        raise TypeError("policy_fn_or_list must be either a function or a list of ops.")
    storage = {}
    return _KeepingMode(policy, storage), _GivingMode(storage, allow_cache_entry_mutation)


_groups = threading.local()


class GraphExecGroup:
    """A context for several backward passes over parts of one graph that do not overlap: each checkpoint recomputes at most once.

    A checkpoint keeps what it recomputed until it is used, so that this holds without the context, too; groups cannot be nested.
    """

    def __enter__(self):
        if self._get_current_group() is not None:
            raise RuntimeError("GraphExecGroup contexts cannot be nested")
        _groups.current = self
        return self

    def __exit__(self, *exception):
        _groups.current = None

    @classmethod
    def _get_current_group(cls):
        return getattr(_groups, "current", None)
