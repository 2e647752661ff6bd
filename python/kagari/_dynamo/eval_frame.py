"""Parts of the compiler front end that libraries look for here."""
from kagari._dynamo import disable, explain, optimize, optimize_assert, reset_code, run
from kagari._dynamo._optimized_module import OptimizedModule

__all__ = ["OptimizedModule", "disable", "explain", "innermost_fn", "optimize", "optimize_assert", "reset_code", "run"]


def innermost_fn(fn, unaltered_fn_attr="_torchdynamo_orig_callable"):
    """The function that torch.compile was given, however often."""
    while hasattr(fn, unaltered_fn_attr):
        fn = getattr(fn, unaltered_fn_attr)
    return fn
