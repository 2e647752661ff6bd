"""Averaged stochastic gradient descent."""
import kagari

from ._scaled import reals
from .optimizer import (Optimizer, _check_range, _check_tensor_lr, _closure_loss, _get_scalar_dtype, _get_value,
                        _native_pass, _refuse_capturable, _use_grad_for_differentiable)

__all__ = ["ASGD", "asgd"]


class ASGD(Optimizer):
    r"""Averaged SGD (Polyak and Juditsky, 1992): ``p = (1 - lambd eta) p - eta g``, with
    ``eta = lr / (1 + lambd lr t)^alpha``; ``state["ax"]`` averages ``p`` from step ``t0`` on.

    Arguments:
        params: parameters, named parameters or groups.
        lr, lambd, alpha, t0: see the formula. weight_decay: added to the gradient.
        foreach: accepted for compatibility. maximize: follow the gradient up.
        differentiable: let gradients flow through the step. capturable: refused on a CPU.
    """

    def __init__(self, params, lr=1e-2, lambd=1e-4, alpha=0.75, t0=1e6, weight_decay=0, foreach=None, maximize=False,
                 differentiable=False, capturable=False):
        _check_tensor_lr(lr)
        _check_range(lr >= 0.0, "learning rate", lr)
        _check_range(weight_decay >= 0.0, "weight_decay value", weight_decay)
        super().__init__(params, dict(lr=lr, lambd=lambd, alpha=alpha, t0=t0, weight_decay=weight_decay,
                                      foreach=foreach, maximize=maximize, differentiable=differentiable,
                                      capturable=capturable))

    def __setstate__(self, state):
        super().__setstate__(state)
        self._complete_groups(foreach=None, maximize=False, differentiable=False, capturable=False)
        self._tensors_from_numbers("step", "eta", "mu")

    def _init_state(self, group, param, state):
        state["step"] = kagari.zeros((), dtype=_get_scalar_dtype())
        state["eta"] = kagari.tensor(_get_value(group["lr"]), dtype=_get_scalar_dtype())
        state["mu"] = kagari.ones((), dtype=_get_scalar_dtype())
        state["ax"] = kagari.zeros_like(param, memory_format=kagari.preserve_format)

    @_use_grad_for_differentiable
    def step(self, closure=None):
        """Updates the parameters; returns the loss of ``closure`` if there is one."""
        loss = _closure_loss(closure)
        for group in self.param_groups:
            params, grads, columns = self._gather(group, ("ax", "mu", "eta", "step"))
            self._refuse_sparse(grads)
            asgd(params, grads, *columns, maximize=group["maximize"], differentiable=group["differentiable"],
                 capturable=group["capturable"], lambd=group["lambd"], lr=group["lr"], t0=group["t0"],
                 alpha=group["alpha"], weight_decay=group["weight_decay"])
        return loss


_asgd_pass = _native_pass("_optim_asgd")


def asgd(params, grads, axs, mus, etas, state_steps, foreach=None, maximize=False, differentiable=False,
         capturable=False, has_complex=False, *, lambd, lr, t0, alpha, weight_decay):
    """The update of :class:`ASGD` on lists of parameters, gradients and state, in place."""
    _refuse_capturable(capturable, "params, mus, etas, and state_steps")
    if not params:
        return
    lr = _get_value(lr)
    if not differentiable and _asgd_pass(params, grads, axs, mus, etas, state_steps, lambd=lambd, lr=lr, t0=t0,
                                         alpha=alpha, weight_decay=weight_decay, maximize=maximize):
        return
    for i, param in enumerate(params):
        grad = -grads[i] if maximize else grads[i]
        step_t = state_steps[i]
        step_t += 1
        step, eta, mu = step_t.item(), etas[i].item(), mus[i].item()
        param, grad, ax = reals(param, grad, axs[i])
        if weight_decay != 0:
            grad = grad.add(param, alpha=weight_decay)
        param.mul_(1 - lambd * eta)
        param.add_(grad, alpha=-eta)
        if mu == 1:
            ax.copy_(param)
        else:
            ax.add_(param.sub(ax).mul_(mu))
        etas[i].fill_(lr / (1 + lambd * lr * step) ** alpha)
        mus[i].fill_(1 / max(1, step - t0))
