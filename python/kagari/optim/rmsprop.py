"""RMSprop."""
import kagari

from ._scaled import add_scaled_, addcdiv_scaled_, reals
from .optimizer import (Optimizer, _check_range, _check_tensor_lr, _closure_loss, _get_scalar_dtype, _get_value,
                        _native_pass, _refuse_capturable, _use_grad_for_differentiable)

__all__ = ["RMSprop", "rmsprop"]


class RMSprop(Optimizer):
    r"""RMSprop (Hinton, 2012): ``v = alpha v + (1 - alpha) g^2``, ``p -= lr * g / (sqrt(v) + eps)``.

    Arguments:
        params: parameters, named parameters or groups.
        lr, alpha, eps: see the formula. weight_decay: added to the gradient.
        momentum: if not 0, ``b = momentum b + g / (sqrt(v) + eps)`` and ``p -= lr * b``.
        centered: take the variance ``v - (average of g)^2`` instead of ``v``.
        foreach: accepted for compatibility. maximize: follow the gradient up.
        differentiable: let gradients flow through the step. capturable: refused on a CPU.
    """

    def __init__(self, params, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False,
                 capturable=False, foreach=None, maximize=False, differentiable=False):
        _check_tensor_lr(lr)
        _check_range(lr >= 0.0, "learning rate", lr)
        _check_range(eps >= 0.0, "epsilon value", eps)
        _check_range(momentum >= 0.0, "momentum value", momentum)
        _check_range(weight_decay >= 0.0, "weight_decay value", weight_decay)
        _check_range(alpha >= 0.0, "alpha value", alpha)
        super().__init__(params, dict(lr=lr, momentum=momentum, alpha=alpha, eps=eps, centered=centered,
                                      weight_decay=weight_decay, capturable=capturable, foreach=foreach,
                                      maximize=maximize, differentiable=differentiable))

    def __setstate__(self, state):
        super().__setstate__(state)
        self._complete_groups(momentum=0, centered=False, foreach=None, maximize=False, differentiable=False,
                              capturable=False)
        self._tensors_from_numbers("step")

    def _init_state(self, group, param, state):
        state["step"] = kagari.zeros((), dtype=_get_scalar_dtype())
        state["square_avg"] = kagari.zeros_like(param, memory_format=kagari.preserve_format)
        if group["momentum"] > 0:
            state["momentum_buffer"] = kagari.zeros_like(param, memory_format=kagari.preserve_format)
        if group["centered"]:
            state["grad_avg"] = kagari.zeros_like(param, memory_format=kagari.preserve_format)

    @_use_grad_for_differentiable
    def step(self, closure=None):
        """Updates the parameters; returns the loss of ``closure`` if there is one."""
        loss = _closure_loss(closure)
        for group in self.param_groups:
            names = ["square_avg", "step"]
            if group["centered"]:
                names.append("grad_avg")
            if group["momentum"] > 0:
                names.append("momentum_buffer")
            params, grads, columns = self._gather(group, tuple(names))
            self._refuse_sparse(grads)
            column = dict(zip(names, columns))
            rmsprop(params, grads, column["square_avg"], column.get("grad_avg", []), column.get("momentum_buffer", []),
                    column["step"], maximize=group["maximize"], differentiable=group["differentiable"],
                    capturable=group["capturable"], lr=group["lr"], alpha=group["alpha"], eps=group["eps"],
                    weight_decay=group["weight_decay"], momentum=group["momentum"], centered=group["centered"])
        return loss


_rmsprop_pass = _native_pass("_optim_rmsprop")


def rmsprop(params, grads, square_avgs, grad_avgs, momentum_buffer_list, state_steps, foreach=None, maximize=False,
            differentiable=False, capturable=False, has_complex=False, *, lr, alpha, eps, weight_decay, momentum,
            centered):
    """The update of :class:`RMSprop` on lists of parameters, gradients and state, in place."""
    _refuse_capturable(capturable)
    if not params:
        return
    if not differentiable:
        lr = _get_value(lr)
        if _rmsprop_pass(params, grads, square_avgs, grad_avgs, momentum_buffer_list, state_steps, lr=lr, alpha=alpha,
                         eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered, maximize=maximize):
            return
    for i, param in enumerate(params):
        grad = -grads[i] if maximize else grads[i]
        step_t = state_steps[i]
        step_t += 1
        if weight_decay != 0:
            grad = grad.add(param, alpha=weight_decay)
        param, grad, square_avg, grad_avg, buffer = reals(param, grad, square_avgs[i], grad_avgs[i] if centered else None,
                                                          momentum_buffer_list[i] if momentum > 0 else None)
        square_avg.mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
        second = square_avg.clone() if differentiable else square_avg
        if centered:
            grad_avg.lerp_(grad, 1 - alpha)
            mean = grad_avg.clone() if differentiable else grad_avg
            second = second.addcmul(mean, mean, value=-1)
        root = second.sqrt().add(eps)
        if momentum > 0:
            buffer.mul_(momentum).addcdiv_(grad, root)
            add_scaled_(param, buffer, -lr)
        else:
            addcdiv_scaled_(param, grad, root, -lr)
