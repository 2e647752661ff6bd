"""Rectified Adam."""
import kagari

from ._scaled import add_scaled_, reals
from .optimizer import (Optimizer, _check_betas, _check_range, _check_tensor_lr, _closure_loss, _get_scalar_dtype,
                        _get_value, _native_pass, _refuse_capturable, _use_grad_for_differentiable)

__all__ = ["RAdam", "radam"]


class RAdam(Optimizer):
    r"""RAdam (Liu et al., 2019): Adam whose adaptive step starts once the variance of ``v`` is bounded.

    With ``rho_inf = 2 / (1 - beta2) - 1`` and ``rho = rho_inf - 2 t beta2^t / (1 - beta2^t)`` the step is adaptive and
    rectified if ``rho > 5``, and plain momentum otherwise.

    Arguments:
        params: parameters, named parameters or groups.
        lr, betas, eps, weight_decay, decoupled_weight_decay: as in :class:`Adam`.
        foreach: accepted for compatibility. maximize: follow the gradient up.
        differentiable: let gradients flow through the step. capturable: refused on a CPU.
    """

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, decoupled_weight_decay=False, *,
                 foreach=None, maximize=False, capturable=False, differentiable=False):
        _check_tensor_lr(lr)
        _check_range(lr >= 0.0, "learning rate", lr)
        _check_range(eps >= 0.0, "epsilon value", eps)
        _check_betas(betas)
        _check_range(weight_decay >= 0.0, "weight_decay value", weight_decay)
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize,
                                      foreach=foreach, capturable=capturable,
                                      decoupled_weight_decay=decoupled_weight_decay, differentiable=differentiable))

    def __setstate__(self, state):
        super().__setstate__(state)
        self._complete_groups(foreach=None, maximize=False, differentiable=False, decoupled_weight_decay=False,
                              capturable=False)
        self._tensors_from_numbers("step")

    def _init_state(self, group, param, state):
        state["step"] = kagari.zeros((), dtype=_get_scalar_dtype())
        state["exp_avg"] = kagari.zeros_like(param, memory_format=kagari.preserve_format)
        state["exp_avg_sq"] = kagari.zeros_like(param, memory_format=kagari.preserve_format)

    @_use_grad_for_differentiable
    def step(self, closure=None):
        """Updates the parameters; returns the loss of ``closure`` if there is one."""
        loss = _closure_loss(closure)
        for group in self.param_groups:
            params, grads, columns = self._gather(group, ("exp_avg", "exp_avg_sq", "step"))
            self._refuse_sparse(grads)
            beta1, beta2 = group["betas"]
            radam(params, grads, *columns, decoupled_weight_decay=group["decoupled_weight_decay"],
                  differentiable=group["differentiable"], capturable=group["capturable"], maximize=group["maximize"],
                  beta1=beta1, beta2=beta2, lr=group["lr"], weight_decay=group["weight_decay"], eps=group["eps"])
        return loss


_radam_pass = _native_pass("_optim_radam")


def radam(params, grads, exp_avgs, exp_avg_sqs, state_steps, decoupled_weight_decay=False, foreach=None,
          differentiable=False, capturable=False, has_complex=False, maximize=False, *, beta1, beta2, lr, weight_decay,
          eps):
    """The update of :class:`RAdam` on lists of parameters, gradients and state, in place."""
    _refuse_capturable(capturable)
    if not params:
        return
    if not differentiable:
        lr, beta1, beta2 = (_get_value(x) for x in (lr, beta1, beta2))
        if _radam_pass(params, grads, exp_avgs, exp_avg_sqs, state_steps, lr=lr, beta1=beta1, beta2=beta2, eps=eps,
                       weight_decay=weight_decay, decoupled=decoupled_weight_decay, maximize=maximize):
            return
    rho_inf = 2 / (1 - beta2) - 1
    for i, param in enumerate(params):
        grad = -grads[i] if maximize else grads[i]
        step_t = state_steps[i]
        step_t += 1
        step = step_t.item()
        if weight_decay != 0:
            if decoupled_weight_decay:
                param.mul_(1 - lr * weight_decay)
            else:
                grad = grad.add(param, alpha=weight_decay)
        param, grad, exp_avg, exp_avg_sq = reals(param, grad, exp_avgs[i], exp_avg_sqs[i])
        exp_avg.lerp_(grad, 1 - beta1)
        exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        correction2 = 1 - beta2 ** step
        update = exp_avg / (1 - beta1 ** step)
        rho = rho_inf - 2 * step * beta2 ** step / correction2
        if rho > 5.0:
            rectification = ((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5
            second = exp_avg_sq.clone() if differentiable else exp_avg_sq
            update = update * (correction2 ** 0.5 / second.sqrt().add(eps)) * rectification
        add_scaled_(param, update, -lr)
