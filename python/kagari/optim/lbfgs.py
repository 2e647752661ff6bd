"""Limited-memory BFGS."""
import kagari

from .line_search import strong_wolfe
from .optimizer import Optimizer, _check_range, _check_tensor_lr, _get_value

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    r"""L-BFGS: the inverse Hessian is approximated from the last ``history_size`` steps.

    :meth:`step` needs a closure and runs up to ``max_iter`` iterations.

    Arguments:
        params: parameters or named parameters, in one group.
        lr: step length, also the first one that the line search tries.
        max_iter, max_eval: bounds per step on iterations and on evaluations (None: 1.25 * max_iter).
        tolerance_grad, tolerance_change: ends of the iteration, for the largest gradient, and for the change of the
            loss and of the parameters.
        line_search_fn: None or "strong_wolfe".
    """

    def __init__(self, params, lr=1, max_iter=20, max_eval=None, tolerance_grad=1e-7, tolerance_change=1e-9,
                 history_size=100, line_search_fn=None):
        _check_tensor_lr(lr)
        _check_range(0.0 <= lr, "learning rate", lr)
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        super().__init__(params, dict(lr=lr, max_iter=max_iter, max_eval=max_eval, tolerance_grad=tolerance_grad,
                                      tolerance_change=tolerance_change, history_size=history_size,
                                      line_search_fn=line_search_fn))
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params = self.param_groups[0]["params"]
        self._numel_cache = None

    def _gather_flat_grad(self):
        parts = []
        for param in self._params:
            if param.grad is None:
                part = param.new_zeros(param.numel())
            else:
                part = (param.grad.to_dense() if param.grad.is_sparse else param.grad).reshape(-1)
            parts.append(kagari.view_as_real(part).reshape(-1) if part.is_complex() else part)
        return kagari.cat(parts, 0)

    def _add_grad(self, step_size, direction):
        offset = 0
        for param in self._params:
            if param.is_complex():
                param = kagari.view_as_real(param)
            numel = param.numel()
            param.add_(direction[offset:offset + numel].view_as(param), alpha=step_size)
            offset += numel

    def _clone_param(self):
        return [param.clone(memory_format=kagari.contiguous_format) for param in self._params]

    def _set_param(self, values):
        for param, value in zip(self._params, values):
            param.copy_(value)

    def _directional_evaluate(self, closure, x, t, d):
        self._add_grad(t, d)
        loss = _get_value(closure())
        gradient = self._gather_flat_grad()
        self._set_param(x)
        return loss, gradient

    @kagari.no_grad()
    def step(self, closure):
        """Runs the iteration; returns the loss that ``closure`` gave at its beginning.

        Arguments:
            closure: clears the gradients, computes the loss, calls ``backward()`` and returns the loss.
        """
        closure = kagari.enable_grad()(closure)
        group = self.param_groups[0]
        lr = _get_value(group["lr"])
        max_eval, tolerance_change = group["max_eval"], group["tolerance_change"]
        # The state of all parameters is kept at the first one, where checkpoints have it.
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)

        first_loss = closure()
        loss = _get_value(first_loss)
        evaluations = 1
        state["func_evals"] += 1
        gradient = self._gather_flat_grad()
        if gradient.abs().max() <= group["tolerance_grad"]:
            return first_loss

        d, t = state.get("d"), state.get("t")
        previous_gradient, previous_loss = state.get("prev_flat_grad"), state.get("prev_loss")
        iterations = 0
        while iterations < group["max_iter"]:
            iterations += 1
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                d = gradient.neg()
                state["old_dirs"], state["old_stps"], state["ro"], state["H_diag"] = [], [], [], 1
            else:
                self._remember(state, gradient.sub(previous_gradient), d.mul(t), group["history_size"])
                d = self._direction(state, gradient, group["history_size"])
            previous_gradient = gradient.clone(memory_format=kagari.contiguous_format)
            previous_loss = loss

            # The first step is short: nothing is known about the scale yet.
            t = min(1.0, 1.0 / gradient.abs().sum()) * lr if state["n_iter"] == 1 else lr
            slope = gradient.dot(d)
            if slope > -tolerance_change:
                break
            step_evaluations = 0
            if group["line_search_fn"] is not None:
                if group["line_search_fn"] != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                start = self._clone_param()
                loss, gradient, t, step_evaluations = strong_wolfe(
                    lambda x, length, direction: self._directional_evaluate(closure, x, length, direction),
                    start, t, d, loss, gradient, slope)
                self._add_grad(t, d)
                small = gradient.abs().max() <= group["tolerance_grad"]
            else:
                self._add_grad(t, d)
                small = False
                if iterations != group["max_iter"]:
                    with kagari.enable_grad():
                        loss = _get_value(closure())
                    gradient = self._gather_flat_grad()
                    small = gradient.abs().max() <= group["tolerance_grad"]
                    step_evaluations = 1
            evaluations += step_evaluations
            state["func_evals"] += step_evaluations
            if (iterations == group["max_iter"] or evaluations >= max_eval or small
                    or d.mul(t).abs().max() <= tolerance_change or abs(loss - previous_loss) < tolerance_change):
                break

        state["d"], state["t"] = d, t
        state["prev_flat_grad"], state["prev_loss"] = previous_gradient, previous_loss
        return first_loss

    @staticmethod
    def _remember(state, y, s, history_size):
        """Adds a pair of gradient change and step, unless the curvature along it is not positive."""
        curvature = y.dot(s)
        if curvature <= 1e-10:
            return
        if len(state["old_dirs"]) == history_size:
            for name in ("old_dirs", "old_stps", "ro"):
                state[name].pop(0)
        state["old_dirs"].append(y)
        state["old_stps"].append(s)
        state["ro"].append(1.0 / curvature)
        state["H_diag"] = curvature / y.dot(y)

    @staticmethod
    def _direction(state, gradient, history_size):
        """The two-loop recursion: the approximate inverse Hessian times the negative gradient."""
        dirs, steps, ro = state["old_dirs"], state["old_stps"], state["ro"]
        al = state.setdefault("al", [None] * history_size)
        q = gradient.neg()
        for i in reversed(range(len(dirs))):
            al[i] = steps[i].dot(q) * ro[i]
            q.add_(dirs[i], alpha=-al[i])
        r = kagari.mul(q, state["H_diag"])
        for i in range(len(dirs)):
            r.add_(steps[i], alpha=al[i] - dirs[i].dot(r) * ro[i])
        return r
