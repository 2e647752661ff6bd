"""Adam with Nesterov momentum."""
import kagari

from ._scaled import addcdiv_scaled_, reals
from .optimizer import (Optimizer, _check_betas, _check_range, _check_tensor_lr, _closure_loss, _get_scalar_dtype,
                        _get_value, _native_pass, _refuse_capturable, _use_grad_for_differentiable)

__all__ = ["NAdam", "nadam"]


class NAdam(Optimizer):
    r"""NAdam (Dozat, 2016) with the momentum schedule ``mu_t = beta1 (1 - 0.5 * 0.96^(t * momentum_decay))``.

    Arguments:
        params: parameters, named parameters or groups.
        lr, betas, eps, weight_decay, decoupled_weight_decay: as in :class:`Adam`.
        momentum_decay: speed of the momentum schedule.
        foreach: accepted for compatibility. maximize: follow the gradient up.
        differentiable: let gradients flow through the step. capturable: refused on a CPU.
    """

    def __init__(self, params, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, momentum_decay=4e-3,
                 decoupled_weight_decay=False, *, foreach=None, maximize=False, capturable=False,
                 differentiable=False):
        _check_tensor_lr(lr)
        _check_range(lr >= 0.0, "learning rate", lr)
        _check_range(eps >= 0.0, "epsilon value", eps)
        _check_betas(betas)
        _check_range(weight_decay >= 0.0, "weight_decay value", weight_decay)
        _check_range(momentum_decay >= 0.0, "momentum_decay value", momentum_decay)
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay,
                                      momentum_decay=momentum_decay, decoupled_weight_decay=decoupled_weight_decay,
                                      maximize=maximize, foreach=foreach, capturable=capturable,
                                      differentiable=differentiable))

    def __setstate__(self, state):
        super().__setstate__(state)
        self._complete_groups(maximize=False, foreach=None, capturable=False, differentiable=False,
                              decoupled_weight_decay=False)
        self._tensors_from_numbers("step", "mu_product")

    def _init_state(self, group, param, state):
        state["step"] = kagari.zeros((), dtype=_get_scalar_dtype())
        state["mu_product"] = kagari.ones((), dtype=_get_scalar_dtype())
        state["exp_avg"] = kagari.zeros_like(param, memory_format=kagari.preserve_format)
        state["exp_avg_sq"] = kagari.zeros_like(param, memory_format=kagari.preserve_format)

    @_use_grad_for_differentiable
    def step(self, closure=None):
        """Updates the parameters; returns the loss of ``closure`` if there is one."""
        loss = _closure_loss(closure)
        for group in self.param_groups:
            params, grads, columns = self._gather(group, ("exp_avg", "exp_avg_sq", "mu_product", "step"))
            self._refuse_sparse(grads)
            beta1, beta2 = group["betas"]
            nadam(params, grads, *columns, decoupled_weight_decay=group["decoupled_weight_decay"],
                  capturable=group["capturable"], differentiable=group["differentiable"], maximize=group["maximize"],
                  beta1=beta1, beta2=beta2, lr=group["lr"], weight_decay=group["weight_decay"],
                  momentum_decay=group["momentum_decay"], eps=group["eps"])
        return loss


_nadam_pass = _native_pass("_optim_nadam")


def nadam(params, grads, exp_avgs, exp_avg_sqs, mu_products, state_steps, decoupled_weight_decay=False, foreach=None,
          capturable=False, differentiable=False, has_complex=False, maximize=False, *, beta1, beta2, lr, weight_decay,
          momentum_decay, eps):
    """The update of :class:`NAdam` on lists of parameters, gradients and state, in place."""
    _refuse_capturable(capturable, "params, mu_products and state_steps")
    if not params:
        return
    if not differentiable:
        lr, beta1, beta2 = (_get_value(x) for x in (lr, beta1, beta2))
        if _nadam_pass(params, grads, exp_avgs, exp_avg_sqs, mu_products, state_steps, lr=lr, beta1=beta1, beta2=beta2,
                       eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay,
                       decoupled=decoupled_weight_decay, maximize=maximize):
            return
    for i, param in enumerate(params):
        grad = -grads[i] if maximize else grads[i]
        step_t, mu_product_t = state_steps[i], mu_products[i]
        step_t += 1
        step = step_t if differentiable else step_t.item()
        if weight_decay != 0:
            if decoupled_weight_decay:
                param.mul_(1 - lr * weight_decay)
            else:
                grad = grad.add(param, alpha=weight_decay)
        param, grad, exp_avg, exp_avg_sq = reals(param, grad, exp_avgs[i], exp_avg_sqs[i])
        mu = beta1 * (1.0 - 0.5 * 0.96 ** (step * momentum_decay))
        mu_next = beta1 * (1.0 - 0.5 * 0.96 ** ((step + 1) * momentum_decay))
        mu_product_t *= mu
        mu_product = mu_product_t.clone() if differentiable else mu_product_t.item()
        exp_avg.lerp_(grad, 1 - beta1)
        exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        second = exp_avg_sq.clone() if differentiable else exp_avg_sq
        denominator = second.div(1 - beta2 ** step).sqrt().add(eps)
        addcdiv_scaled_(param, grad, denominator, -lr * (1.0 - mu) / (1.0 - mu_product))
        addcdiv_scaled_(param, exp_avg.clone() if differentiable else exp_avg, denominator,
                        -lr * mu_next / (1.0 - mu_product * mu_next))
