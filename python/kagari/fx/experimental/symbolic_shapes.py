"""Questions about sizes that a program may not know. In kagari sizes are numbers, also while a program is recorded."""
import typing

__all__ = ["GuardOnDataDependentSymNode", "ShapeEnv", "StatelessSymbolicContext", "definitely_false", "definitely_true", "free_symbols", "free_unbacked_symbols",
           "guard_bool", "guard_int", "guard_or_false", "guard_or_true", "guard_scalar", "guard_size_oblivious", "has_free_symbols", "has_free_unbacked_symbols", "hint_int",
           "is_concrete_bool", "is_concrete_int", "is_symbolic", "statically_known_true", "sym_and", "sym_eq", "sym_or"]


class GuardOnDataDependentSymNode(RuntimeError):
    """A program branches on a size that depends on values."""

    def __init__(self, cond=None, *args):
        super().__init__(*args)
        self.cond = cond


class ShapeEnv:
    """The sizes of a recording that are not numbers: none."""

    def __init__(self, **options):
        self.var_to_val, self.var_to_range, self.guards = {}, {}, []


class StatelessSymbolicContext(typing.NamedTuple):
    """Which sizes of a tensor are dynamic."""
    dynamic_sizes: typing.Sequence = ()
    constraint_sizes: typing.Sequence = ()


def free_symbols(val):
    """The unknown sizes in a value: none."""
    return set()


free_unbacked_symbols = free_symbols


def has_free_symbols(val):
    return False


has_free_unbacked_symbols = is_symbolic = has_free_symbols


def guard_bool(a):
    """The bool."""
    return bool(a)


guard_or_false = guard_or_true = guard_size_oblivious = statically_known_true = definitely_true = guard_bool


def definitely_false(a):
    return not a


def guard_int(a):
    """The int."""
    return int(a)


def guard_scalar(a):
    """The number."""
    return a


hint_int = guard_int


def is_concrete_int(a):
    return isinstance(a, int)


def is_concrete_bool(a):
    return isinstance(a, bool)


def sym_eq(x, y):
    """Whether two sizes, or lists of them, are the same."""
    return x == y


def sym_and(x, *more):
    return bool(x) and all(more)


def sym_or(x, *more):
    return bool(x) or any(more)
