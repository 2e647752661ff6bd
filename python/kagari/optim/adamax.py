"""Adamax: Adam with the infinity norm."""
import kagari

from ._scaled import add_scaled_, addcdiv_scaled_, reals
from .optimizer import (Optimizer, _check_betas, _check_range, _check_tensor_lr, _closure_loss, _get_scalar_dtype,
                        _get_value, _native_pass, _refuse_capturable, _use_grad_for_differentiable)

__all__ = ["Adamax", "adamax"]


class Adamax(Optimizer):
    r"""Adamax (Kingma and Ba, 2014): ``u = max(beta2 u, |g| + eps)``, ``p -= lr / (1 - beta1^t) * m / u``.

    Arguments:
        params: parameters, named parameters or groups.
        lr, betas, eps, weight_decay: as in :class:`Adam`.
        foreach: accepted for compatibility. maximize: follow the gradient up.
        differentiable: let gradients flow through the step. capturable: refused on a CPU.
    """

    def __init__(self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, foreach=None, *, maximize=False,
                 differentiable=False, capturable=False):
        _check_tensor_lr(lr)
        _check_range(lr >= 0.0, "learning rate", lr)
        _check_range(eps >= 0.0, "epsilon value", eps)
        _check_betas(betas)
        _check_range(weight_decay >= 0.0, "weight_decay value", weight_decay)
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, foreach=foreach,
                                      maximize=maximize, differentiable=differentiable, capturable=capturable))

    def __setstate__(self, state):
        super().__setstate__(state)
        self._complete_groups(foreach=None, maximize=False, differentiable=False, capturable=False)
        self._tensors_from_numbers("step")

    def _init_state(self, group, param, state):
        state["step"] = kagari.zeros((), dtype=_get_scalar_dtype())
        state["exp_avg"] = kagari.zeros_like(param, memory_format=kagari.preserve_format)
        state["exp_inf"] = kagari.zeros_like(param, memory_format=kagari.preserve_format)

    @_use_grad_for_differentiable
    def step(self, closure=None):
        """Updates the parameters; returns the loss of ``closure`` if there is one."""
        loss = _closure_loss(closure)
        for group in self.param_groups:
            params, grads, columns = self._gather(group, ("exp_avg", "exp_inf", "step"))
            self._refuse_sparse(grads)
            beta1, beta2 = group["betas"]
            adamax(params, grads, *columns, maximize=group["maximize"], differentiable=group["differentiable"],
                   capturable=group["capturable"], eps=group["eps"], beta1=beta1, beta2=beta2, lr=group["lr"],
                   weight_decay=group["weight_decay"])
        return loss


_adamax_pass = _native_pass("_optim_adamax")


def adamax(params, grads, exp_avgs, exp_infs, state_steps, foreach=None, maximize=False, differentiable=False,
           capturable=False, has_complex=False, *, eps, beta1, beta2, lr, weight_decay):
    """The update of :class:`Adamax` on lists of parameters, gradients and state, in place."""
    _refuse_capturable(capturable)
    if not params:
        return
    if not differentiable:
        lr, beta1, beta2 = (_get_value(x) for x in (lr, beta1, beta2))
        if _adamax_pass(params, grads, exp_avgs, exp_infs, state_steps, lr=lr, beta1=beta1, beta2=beta2, eps=eps,
                        weight_decay=weight_decay, maximize=maximize):
            return
    for i, param in enumerate(params):
        grad = -grads[i] if maximize else grads[i]
        step_t = state_steps[i]
        step_t += 1
        if weight_decay != 0:
            grad = grad.add(param, alpha=weight_decay)
        param, grad, exp_avg, exp_inf = reals(param, grad, exp_avgs[i], exp_infs[i])
        exp_avg.lerp_(grad, 1 - beta1)
        exp_inf.copy_(kagari.maximum(exp_inf.mul(beta2), grad.abs().add_(eps)))
        step = step_t if differentiable else step_t.item()
        rate = lr / (1 - beta1 ** step)
        if differentiable:
            add_scaled_(param, exp_avg.clone() / exp_inf.clone(), -rate)
        else:
            addcdiv_scaled_(param, exp_avg, exp_inf, -rate)
