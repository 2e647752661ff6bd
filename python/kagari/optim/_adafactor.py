"""Adafactor."""
import kagari

from ._scaled import unscaled
from .optimizer import Optimizer, _check_tensor_lr, _closure_loss, _get_scalar_dtype, _get_value

__all__ = ["Adafactor", "adafactor"]


class Adafactor(Optimizer):
    r"""Adafactor (Shazeer and Stern, 2018): the second moment of a matrix is kept as one row and one column.

    ``rho = min(lr, 1 / sqrt(t))``, ``alpha = max(eps[1], RMS(p)) * rho``; the averages of ``g^2`` decay with
    ``beta2 = 1 - t^beta2_decay``; the update ``u = g / sqrt(v)`` is divided by ``max(1, RMS(u) / d)``.

    Arguments:
        params: real parameters, named parameters or groups.
        lr: bound of the relative step size. beta2_decay: see above, at most 0.
        eps: the smallest second moment (None: the dtype's epsilon) and the smallest scale of a parameter.
        d: clipping threshold, at least 1. weight_decay: ``p *= 1 - lr * weight_decay``.
        foreach: accepted for compatibility. maximize: follow the gradient up.
    """

    def __init__(self, params, lr=1e-2, beta2_decay=-0.8, eps=(None, 1e-3), d=1.0, weight_decay=0.0, *, foreach=None,
                 maximize=False):
        _check_tensor_lr(lr)
        _at_least(0.0 <= lr, "Learning rate should be >= 0", lr)
        _at_least(0.0 >= beta2_decay, "beta2_decay should be <= 0", beta2_decay)
        _at_least(eps[0] is None or 0.0 <= eps[0], "epsilon1 should be >= 0", eps[0])
        _at_least(0.0 <= eps[1], "epsilon2 should be >= 0", eps[1])
        _at_least(1.0 <= d, "Clipping threshold d should be >= 1", d)
        _at_least(0.0 <= weight_decay, "weight_decay should be >= 0", weight_decay)
        super().__init__(params, dict(lr=lr, beta2_decay=beta2_decay, eps=eps, d=d, weight_decay=weight_decay,
                                      foreach=foreach, maximize=maximize))

    def __setstate__(self, state):
        super().__setstate__(state)
        self._complete_groups(foreach=None)
        self._tensors_from_numbers("step")

    def _init_state(self, group, param, state):
        state["step"] = kagari.tensor(0.0, dtype=_get_scalar_dtype())
        if param.dim() > 1:
            state["row_var"] = param.new_zeros((*param.shape[:-1], 1))
            state["col_var"] = param.new_zeros((*param.shape[:-2], 1, param.shape[-1]))
        else:
            state["variance"] = kagari.zeros_like(param, memory_format=kagari.preserve_format)

    @kagari.no_grad()
    def step(self, closure=None):
        """Updates the parameters; returns the loss of ``closure`` if there is one."""
        loss = _closure_loss(closure)
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None and param.grad.is_sparse:
                    raise RuntimeError("Adafactor does not support sparse gradients")
                if param.is_complex():
                    raise RuntimeError("Adafactor does not support complex parameters")
            params, grads, (steps,) = self._gather(group, ("step",))
            states = [self.state[param] for param in params]
            eps1, eps2 = group["eps"]
            adafactor(params, grads, [s.get("row_var") for s in states], [s.get("col_var") for s in states],
                      [s.get("variance") for s in states], steps, grad_scale=getattr(self, "grad_scale", None),
                      found_inf=getattr(self, "found_inf", None), d=group["d"], lr=group["lr"],
                      beta2_decay=group["beta2_decay"], weight_decay=group["weight_decay"], eps1=eps1, eps2=eps2,
                      maximize=group["maximize"])
        return loss


def adafactor(params, grads, row_vars, col_vars, variances, state_steps, foreach=None, grad_scale=None, found_inf=None,
              has_complex=False, *, d, lr, beta2_decay, weight_decay, eps1, eps2, maximize):
    """The update of :class:`Adafactor` on lists; of row_vars and col_vars or variances the unused ones are None."""
    grads = unscaled(grads, grad_scale, found_inf)
    if grads is None:
        return
    lr = _get_value(lr)
    for param, grad, row_var, col_var, variance, step_t in zip(params, grads, row_vars, col_vars, variances,
                                                               state_steps):
        if maximize:
            grad = -grad
        step_t += 1
        step = step_t.item()
        smallest = kagari.finfo(param.dtype).eps if eps1 is None else eps1
        weight = step ** beta2_decay
        alpha = max(eps2, _rms(param)) * min(lr, 1.0 / step ** 0.5)
        if weight_decay != 0:
            param.mul_(1 - lr * weight_decay)
        if grad.dim() > 1:
            row_var.lerp_(grad.square().mean(dim=-1, keepdim=True), weight)
            col_var.lerp_(grad.square().mean(dim=-2, keepdim=True), weight)
            estimate = row_var @ col_var
            estimate.div_(row_var.mean(dim=-2, keepdim=True).clamp_(min=smallest))
        else:
            variance.lerp_(grad.square(), weight)
            estimate = variance.clone()
        update = estimate.clamp_(min=smallest * smallest).rsqrt_().mul_(grad)
        param.add_(update, alpha=-alpha / max(1.0, _rms(update) / d))


def _rms(tensor):
    return tensor.norm(2).item() / tensor.numel() ** 0.5


def _at_least(condition, text, value):
    if not condition:
        raise ValueError(f"{text} but is: {value}")
