"""Adadelta."""
import kagari

from ._scaled import add_scaled_, reals
from .optimizer import (Optimizer, _check_range, _check_tensor_lr, _closure_loss, _get_scalar_dtype, _get_value,
                        _native_pass, _refuse_capturable, _use_grad_for_differentiable)

__all__ = ["Adadelta", "adadelta"]


class Adadelta(Optimizer):
    r"""Adadelta (Zeiler, 2012): ``d = sqrt(u + eps) / sqrt(v + eps) * g``, ``p -= lr * d``, where ``v`` and ``u``
    are averages of ``g^2`` and ``d^2`` with decay ``rho``.

    Arguments:
        params: parameters, named parameters or groups.
        lr, rho, eps: see the formula. weight_decay: added to the gradient.
        foreach: accepted for compatibility. maximize: follow the gradient up.
        differentiable: let gradients flow through the step. capturable: refused on a CPU.
    """

    def __init__(self, params, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, foreach=None, *, capturable=False,
                 maximize=False, differentiable=False):
        _check_tensor_lr(lr)
        _check_range(lr >= 0.0, "learning rate", lr)
        _check_range(0.0 <= rho <= 1.0, "rho value", rho)
        _check_range(eps >= 0.0, "epsilon value", eps)
        _check_range(weight_decay >= 0.0, "weight_decay value", weight_decay)
        super().__init__(params, dict(lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize,
                                      capturable=capturable, foreach=foreach, differentiable=differentiable))

    def __setstate__(self, state):
        super().__setstate__(state)
        self._complete_groups(foreach=None, maximize=False, differentiable=False, capturable=False)
        self._tensors_from_numbers("step")

    def _init_state(self, group, param, state):
        state["step"] = kagari.zeros((), dtype=_get_scalar_dtype())
        state["square_avg"] = kagari.zeros_like(param, memory_format=kagari.preserve_format)
        state["acc_delta"] = kagari.zeros_like(param, memory_format=kagari.preserve_format)

    @_use_grad_for_differentiable
    def step(self, closure=None):
        """Updates the parameters; returns the loss of ``closure`` if there is one."""
        loss = _closure_loss(closure)
        for group in self.param_groups:
            params, grads, columns = self._gather(group, ("square_avg", "acc_delta", "step"))
            self._refuse_sparse(grads)
            adadelta(params, grads, *columns, capturable=group["capturable"], differentiable=group["differentiable"],
                     lr=group["lr"], rho=group["rho"], eps=group["eps"], weight_decay=group["weight_decay"],
                     maximize=group["maximize"])
        return loss


_adadelta_pass = _native_pass("_optim_adadelta")


def adadelta(params, grads, square_avgs, acc_deltas, state_steps, capturable=False, foreach=None, differentiable=False,
             has_complex=False, *, lr, rho, eps, weight_decay, maximize):
    """The update of :class:`Adadelta` on lists of parameters, gradients and state, in place."""
    _refuse_capturable(capturable, supports_xla=False)
    if not params:
        return
    if not differentiable:
        lr = _get_value(lr)
        if _adadelta_pass(params, grads, square_avgs, acc_deltas, state_steps, lr=lr, rho=rho, eps=eps,
                          weight_decay=weight_decay, maximize=maximize):
            return
    for i, param in enumerate(params):
        grad = -grads[i] if maximize else grads[i]
        step_t = state_steps[i]
        step_t += 1
        if weight_decay != 0:
            grad = grad.add(param, alpha=weight_decay)
        param, grad, square_avg, acc_delta = reals(param, grad, square_avgs[i], acc_deltas[i])
        square_avg.mul_(rho).addcmul_(grad, grad, value=1 - rho)
        delta = acc_delta.add(eps).sqrt() / square_avg.add(eps).sqrt() * grad
        acc_delta.mul_(rho).addcmul_(delta, delta, value=1 - rho)
        add_scaled_(param, delta, -lr)
