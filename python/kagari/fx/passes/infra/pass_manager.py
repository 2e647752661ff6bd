"""Passes one after the other."""
from kagari.fx.passes.infra.pass_base import PassResult

__all__ = ["PassManager", "pass_result_wrapper", "this_before_that_pass_constraint"]


def pass_result_wrapper(fn):
    """A function that changes a module in place, as one that gives a PassResult."""
    def wrapped(gm):
        result = fn(gm)
        return result if isinstance(result, PassResult) else PassResult(gm if result is None else result, True)
    wrapped.__name__ = getattr(fn, "__name__", type(fn).__name__)
    return wrapped


def this_before_that_pass_constraint(this, that):
    """A constraint: pass `this` does not come after `that`."""
    return lambda a, b: not (a == that and b == this)


class PassManager:
    """Runs passes, `steps` times, as long as they change something. Constraints are functions of two passes in order."""

    def __init__(self, passes=None, constraints=None, steps=None, run_checks_after_each_pass=False, suppress_check_failures=False):
        self.passes, self.constraints, self.steps = list(passes or []), list(constraints or []), steps or 1
        self.run_checks_after_each_pass = run_checks_after_each_pass

    def add_pass(self, _pass):
        self.passes.append(_pass)

    def add_constraint(self, constraint):
        self.constraints.append(constraint)

    def validate_constraints(self):
        """RuntimeError if the passes stand in an order that a constraint forbids."""
        for constraint in self.constraints:
            for i, first in enumerate(self.passes):
                for second in self.passes[i + 1:]:
                    if not constraint(first, second):
                        raise RuntimeError(f"pass schedule constraint violated. Expected {first} before {second} but found {second} before {first}")

    def check(self, module):
        """For subclasses: raises if the module is not right."""

    def __call__(self, module):
        self.validate_constraints()
        changed = False
        for _ in range(self.steps):
            modified = False
            for one in self.passes:
                result = one(module)
                if not isinstance(result, PassResult):
                    raise TypeError(f"The result of the pass {one} should be type PassResult. Please wrap it with pass_result_wrapper()")
                module, modified = result.graph_module, modified or result.modified
                if self.run_checks_after_each_pass:
                    self.check(module)
            changed = changed or modified
            if not modified:
                break
        return PassResult(module, changed)
