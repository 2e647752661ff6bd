"""Selective checkpoints: the gradient stays, kept operators do not run again, policies are asked once."""
import functools

import pytest

import kagari as torch
from kagari.utils.checkpoint import CheckpointPolicy, GraphExecGroup, checkpoint, create_selective_checkpoint_contexts

MM = torch.ops.aten.mm.default


def function(x):
    return (x @ x).sin().exp() @ x


def gradient(context_fn=None):
    x = torch.tensor([[0.1, 0.2], [0.3, 0.4]], requires_grad=True)
    y = function(x) if context_fn is None else checkpoint(function, x, use_reentrant=False, context_fn=context_fn)
    y.sum().backward()
    return x.grad


@pytest.mark.parametrize("policy", [[MM], [], lambda context, op, *args, **kwargs: CheckpointPolicy.PREFER_SAVE, lambda context, op, *args, **kwargs: op == MM])
def test_gradient(policy):
    assert torch.equal(gradient(functools.partial(create_selective_checkpoint_contexts, policy)), gradient())


def test_what_runs_again():
    asked, ran = [], []

    def policy(context, op, *args, **kwargs):
        asked.append((str(op), context.is_recompute, context.op_output.shape))
        return CheckpointPolicy.MUST_SAVE if op == MM else CheckpointPolicy.PREFER_RECOMPUTE

    class Log(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            ran.append(str(func))
            return func(*args, **(kwargs or {}))

    def contexts():
        forward, again = create_selective_checkpoint_contexts(policy)

        class Both:
            def __enter__(self):
                self.log = Log()
                self.log.__enter__()
                return again.__enter__()

            def __exit__(self, *exception):
                again.__exit__(*exception)
                self.log.__exit__(*exception)
        return forward, Both()
    gradient(contexts)
    assert [name for name, *_ in asked] == ["aten.mm.default", "aten.sin.default", "aten.exp.default", "aten.mm.default"]
    assert not any(again for _, again, _ in asked) and "aten.mm.default" not in ran and "aten.sin.default" in ran


def test_errors():
    with pytest.raises(ValueError, match="OpOverload"):
        create_selective_checkpoint_contexts([torch.ops.aten.mm])
    with pytest.raises(TypeError, match="function or a list"):
        create_selective_checkpoint_contexts(3)

    def mutating(x):
        y = x @ x
        z = y.sin()
        y.add_(1)
        return z * y
    x = torch.ones(2, 2, requires_grad=True)
    with pytest.raises(RuntimeError, match="has been mutated"):
        checkpoint(mutating, x, use_reentrant=False, context_fn=functools.partial(create_selective_checkpoint_contexts, [MM])).sum().backward()
    with pytest.raises(RuntimeError, match="nested"), GraphExecGroup(), GraphExecGroup():
        pass
    assert MM not in torch.utils.checkpoint.SAC_IGNORED_OPS
