"""Resilient backpropagation."""
import kagari

from ._scaled import reals
from .optimizer import (Optimizer, _check_range, _check_tensor_lr, _closure_loss, _get_scalar_dtype, _get_value,
                        _native_pass, _refuse_capturable, _use_grad_for_differentiable)

__all__ = ["Rprop", "rprop"]


class Rprop(Optimizer):
    r"""Rprop (Riedmiller and Braun, 1993): steps whose sizes depend on the signs of the gradient only.

    A step size grows by ``etas[1]`` while its gradient keeps its sign, and shrinks by ``etas[0]`` when the sign
    changes; in that case the element stays where it is.

    Arguments:
        params: parameters, named parameters or groups.
        lr: the first step size. etas: see above. step_sizes: the smallest and the largest step size.
        foreach: accepted for compatibility. maximize: follow the gradient up.
        differentiable: let gradients flow through the step. capturable: refused on a CPU.
    """

    def __init__(self, params, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50), *, capturable=False, foreach=None,
                 maximize=False, differentiable=False):
        _check_tensor_lr(lr)
        _check_range(lr >= 0.0, "learning rate", lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(params, dict(lr=lr, etas=etas, step_sizes=step_sizes, foreach=foreach, maximize=maximize,
                                      differentiable=differentiable, capturable=capturable))

    def __setstate__(self, state):
        super().__setstate__(state)
        self._complete_groups(foreach=None, maximize=False, differentiable=False, capturable=False)
        self._tensors_from_numbers("step")

    def _init_state(self, group, param, state):
        lr = _get_value(group["lr"])
        state["step"] = kagari.zeros((), dtype=_get_scalar_dtype())
        state["prev"] = kagari.zeros_like(param, memory_format=kagari.preserve_format)
        state["step_size"] = kagari.full_like(param, complex(lr, lr) if param.is_complex() else lr).detach()

    @_use_grad_for_differentiable
    def step(self, closure=None):
        """Updates the parameters; returns the loss of ``closure`` if there is one."""
        loss = _closure_loss(closure)
        for group in self.param_groups:
            params, grads, columns = self._gather(group, ("prev", "step_size", "step"))
            self._refuse_sparse(grads)
            etaminus, etaplus = group["etas"]
            smallest, largest = group["step_sizes"]
            rprop(params, grads, *columns, capturable=group["capturable"], maximize=group["maximize"],
                  differentiable=group["differentiable"], step_size_min=smallest, step_size_max=largest,
                  etaminus=etaminus, etaplus=etaplus)
        return loss


_rprop_pass = _native_pass("_optim_rprop")


def rprop(params, grads, prevs, step_sizes, state_steps, foreach=None, capturable=False, maximize=False,
          differentiable=False, has_complex=False, *, step_size_min, step_size_max, etaminus, etaplus):
    """The update of :class:`Rprop` on lists of parameters, gradients and state, in place."""
    _refuse_capturable(capturable)
    if not params:
        return
    if not differentiable and _rprop_pass(params, grads, prevs, step_sizes, state_steps, step_size_min=step_size_min,
                                          step_size_max=step_size_max, etaminus=etaminus, etaplus=etaplus,
                                          maximize=maximize):
        return
    for i, param in enumerate(params):
        grad = -grads[i] if maximize else grads[i]
        step_t = state_steps[i]
        step_t += 1
        param, grad, prev, step_size = reals(param, grad, prevs[i], step_sizes[i])
        agreement = grad.mul(prev.clone() if differentiable else prev).sign()
        factor = kagari.ones_like(agreement).masked_fill_(agreement > 0, etaplus).masked_fill_(agreement < 0, etaminus)
        step_size.mul_(factor).clamp_(step_size_min, step_size_max)
        grad = kagari.where(agreement < 0, kagari.zeros_like(grad), grad)
        param.addcmul_(grad.sign(), step_size.clone() if differentiable else step_size, value=-1)
        prev.copy_(grad)
