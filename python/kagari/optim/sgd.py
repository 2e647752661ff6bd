"""Stochastic gradient descent with momentum."""
import kagari

from ._scaled import add_scaled, add_scaled_, unscaled
from .optimizer import (Optimizer, _check_range, _check_tensor_lr, _closure_loss, _gather_pass, _get_value, _native_pass,
                        _use_grad_for_differentiable)

__all__ = ["SGD", "sgd"]


class SGD(Optimizer):
    r"""Stochastic gradient descent, optionally with (Nesterov) momentum.

    ``b = momentum * b + (1 - dampening) * g``, started with ``b = g``; ``p -= lr * b``, or with Nesterov
    ``p -= lr * (g + momentum * b)``; ``g`` includes ``weight_decay * p``.

    Arguments:
        params: parameters, named parameters or groups.
        lr: learning rate, a number or a tensor of one element.
        momentum, dampening, weight_decay: see the formulas.
        nesterov: needs a momentum and no dampening.
        maximize: follow the gradient up.
        foreach, fused: accepted for compatibility; the update is one pass in any case.
        differentiable: let gradients flow through the step.
    """

    def __init__(self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, *, maximize=False,
                 foreach=None, differentiable=False, fused=None):
        _check_tensor_lr(lr)
        _check_range(lr >= 0.0, "learning rate", lr)
        _check_range(momentum >= 0.0, "momentum value", momentum)
        _check_range(weight_decay >= 0.0, "weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, dict(lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay,
                                      nesterov=nesterov, maximize=maximize, foreach=foreach,
                                      differentiable=differentiable, fused=fused))
        if fused:
            self._step_supports_amp_scaling = True
            if differentiable:
                raise RuntimeError("`fused` does not support `differentiable`")
            if foreach:
                raise RuntimeError("`fused` and `foreach` cannot be `True` together.")

    def __setstate__(self, state):
        super().__setstate__(state)
        self._complete_groups(nesterov=False, maximize=False, foreach=None, differentiable=False, fused=False)

    @_use_grad_for_differentiable
    def step(self, closure=None):
        """Updates the parameters; returns the loss of ``closure`` if there is one."""
        loss = _closure_loss(closure)
        for group in self.param_groups:
            momentum = group["momentum"]
            states = ()
            gathered = _gather_pass(group["params"], self.state, ("momentum_buffer",) if momentum != 0 else ())
            if gathered is not None:
                params, grads, columns = gathered
                buffers = columns[0] if columns else []
            else:
                params = [p for p in group["params"] if p.grad is not None]
                grads = [p.grad for p in params]
                # Without momentum there is no state, not even an empty entry per parameter.
                states = [self.state[p] for p in params] if momentum != 0 else ()
                buffers = [state.get("momentum_buffer") for state in states]
            _update(params, grads, buffers, getattr(self, "grad_scale", None), getattr(self, "found_inf", None),
                    group["differentiable"], weight_decay=group["weight_decay"], momentum=momentum, lr=group["lr"],
                    dampening=group["dampening"], nesterov=group["nesterov"], maximize=group["maximize"])
            for state, buffer in zip(states, buffers):
                state["momentum_buffer"] = buffer
        return loss


def sgd(params, d_p_list, momentum_buffer_list, has_sparse_grad=False, foreach=None, fused=None, grad_scale=None,
        found_inf=None, *, weight_decay, momentum, lr, dampening, nesterov, maximize):
    """The update of :class:`SGD` on lists. ``momentum_buffer_list`` may hold None: such entries are created."""
    _update(params, d_p_list, momentum_buffer_list, grad_scale, found_inf, kagari.is_grad_enabled(),
            weight_decay=weight_decay, momentum=momentum, lr=lr, dampening=dampening, nesterov=nesterov,
            maximize=maximize)


_sgd_pass = _native_pass("_optim_sgd")


def _update(params, grads, buffers, grad_scale, found_inf, differentiable, *, weight_decay, momentum, lr, dampening,
            nesterov, maximize):
    grads = unscaled(grads, grad_scale, found_inf)
    if grads is None or not params:
        return
    if not differentiable:
        lr, weight_decay = _get_value(lr), _get_value(weight_decay)
        numbers = dict(lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov,
                       maximize=maximize)
        if _sgd_pass(params, grads, buffers, first=False, **numbers):
            return
        if momentum != 0 and all(b is None for b in buffers):
            fresh = [kagari.empty_like(g) for g in grads]
            if _sgd_pass(params, grads, fresh, first=True, **numbers):
                buffers[:] = fresh
                return
    for i, (param, grad) in enumerate(zip(params, grads)):
        if maximize:
            grad = -grad
        if isinstance(weight_decay, kagari.Tensor) or weight_decay != 0:
            grad = add_scaled(grad, param, weight_decay)
        if momentum != 0:
            if buffers[i] is None:
                buffers[i] = grad.clone().detach() if not differentiable else grad.clone()
            else:
                buffers[i].mul_(momentum).add_(grad, alpha=1 - dampening)
            grad = grad.add(buffers[i], alpha=momentum) if nesterov else buffers[i]
            if differentiable and not nesterov:
                grad = grad.clone()
        add_scaled_(param, grad, -lr)
