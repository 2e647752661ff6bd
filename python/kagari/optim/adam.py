"""Adam, AMSGrad, and with decoupled weight decay AdamW."""
import kagari

from ._scaled import add_scaled, addcdiv_scaled_, addcmul_scaled_, reals, square_root, unscaled
from .optimizer import (Optimizer, _check_betas, _check_range, _check_tensor_lr, _closure_loss, _get_scalar_dtype,
                        _get_value, _native_pass, _refuse_capturable, _use_grad_for_differentiable)

__all__ = ["Adam", "adam"]


class Adam(Optimizer):
    r"""Adam (Kingma and Ba, 2014), with AMSGrad (Reddi et al., 2018) as an option.

    ``m = beta1 m + (1 - beta1) g``, ``v = beta2 v + (1 - beta2) g^2``,
    ``p -= lr * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)``; AMSGrad takes the largest ``v`` so far.

    Arguments:
        params: parameters, named parameters or groups.
        lr: learning rate, a number or a tensor of one element.
        betas: decay of the two averages, both numbers or both tensors.
        eps: added to the denominator.
        weight_decay: added to the gradient as ``weight_decay * p``; decoupled, ``p *= 1 - lr * weight_decay``.
        amsgrad: use the maximum of ``v``.
        maximize: follow the gradient up.
        foreach, fused: accepted for compatibility; the update is one pass in any case.
        capturable: for devices with captured graphs; on a CPU the step refuses it.
        differentiable: let gradients flow through the step.
        decoupled_weight_decay: decay as AdamW does.
    """

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, *, foreach=None,
                 maximize=False, capturable=False, differentiable=False, fused=None, decoupled_weight_decay=False):
        if isinstance(lr, kagari.Tensor):
            if foreach and not capturable:
                raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")
            _check_tensor_lr(lr)
        _check_range(lr >= 0.0, "learning rate", lr)
        _check_range(eps >= 0.0, "epsilon value", eps)
        _check_betas(betas)
        _check_range(weight_decay >= 0.0, "weight_decay value", weight_decay)
        kinds = [isinstance(beta, kagari.Tensor) for beta in betas]
        if kinds[0] != kinds[1]:
            raise ValueError("betas must be either both floats or both Tensors")
        for i, beta in enumerate(betas):
            if isinstance(beta, kagari.Tensor):
                if foreach and not capturable:
                    raise ValueError(f"betas[{i}] as a Tensor is not supported for capturable=False and foreach=True")
                if beta.numel() != 1:
                    raise ValueError(f"Tensor betas[{i}] must be 1-element")
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad,
                                      maximize=maximize, foreach=foreach, capturable=capturable,
                                      differentiable=differentiable, fused=fused,
                                      decoupled_weight_decay=decoupled_weight_decay))
        if fused:
            if differentiable:
                raise RuntimeError("`fused` does not support `differentiable`")
            self._step_supports_amp_scaling = True
            if foreach:
                raise RuntimeError("`fused` and `foreach` cannot be `True` together.")

    def __setstate__(self, state):
        super().__setstate__(state)
        self._complete_groups(amsgrad=False, maximize=False, foreach=None, capturable=False, differentiable=False,
                              decoupled_weight_decay=False, fused=None)
        self._tensors_from_numbers("step")

    def _init_state(self, group, param, state):
        state["step"] = kagari.zeros((), dtype=_get_scalar_dtype(group["fused"]))
        state["exp_avg"] = kagari.zeros_like(param, memory_format=kagari.preserve_format)
        state["exp_avg_sq"] = kagari.zeros_like(param, memory_format=kagari.preserve_format)
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = kagari.zeros_like(param, memory_format=kagari.preserve_format)

    @_use_grad_for_differentiable
    def step(self, closure=None):
        """Updates the parameters; returns the loss of ``closure`` if there is one."""
        loss = _closure_loss(closure)
        for group in self.param_groups:
            amsgrad = group["amsgrad"]
            names = ("exp_avg", "exp_avg_sq", "step", "max_exp_avg_sq") if amsgrad else ("exp_avg", "exp_avg_sq", "step")
            params, grads, columns = self._gather(group, names)
            self._refuse_sparse(grads, "Adam does not support sparse gradients, please consider SparseAdam instead")
            beta1, beta2 = group["betas"]
            adam(params, grads, columns[0], columns[1], columns[3] if amsgrad else [], columns[2],
                 capturable=group["capturable"], differentiable=group["differentiable"],
                 grad_scale=getattr(self, "grad_scale", None), found_inf=getattr(self, "found_inf", None),
                 decoupled_weight_decay=group["decoupled_weight_decay"], amsgrad=amsgrad, beta1=beta1, beta2=beta2,
                 lr=group["lr"], weight_decay=group["weight_decay"], eps=group["eps"], maximize=group["maximize"])
        return loss


_adam_pass = _native_pass("_optim_adamw")


def adam(params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, state_steps, foreach=None, capturable=False,
         differentiable=False, fused=None, grad_scale=None, found_inf=None, has_complex=False,
         decoupled_weight_decay=False, *, amsgrad, beta1, beta2, lr, weight_decay, eps, maximize):
    """The update of :class:`Adam` on lists of parameters, gradients and state, in place."""
    if state_steps and not isinstance(state_steps[0], kagari.Tensor):
        raise RuntimeError("API has changed, `state_steps` argument must contain a list of singleton tensors")
    _refuse_capturable(capturable)
    grads = unscaled(grads, grad_scale, found_inf)
    if grads is None or not params:
        return
    if not differentiable:
        lr, beta1, beta2, weight_decay = (_get_value(x) for x in (lr, beta1, beta2, weight_decay))
        if _adam_pass(params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, state_steps, lr=lr, beta1=beta1,
                      beta2=beta2, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize,
                      decoupled=decoupled_weight_decay):
            return
    for i, param in enumerate(params):
        grad = -grads[i] if maximize else grads[i]
        step_t = state_steps[i]
        step_t += 1
        if isinstance(weight_decay, kagari.Tensor) or weight_decay != 0:
            if decoupled_weight_decay:
                param.mul_(1 - lr * weight_decay)
            else:
                grad = add_scaled(grad, param, weight_decay)
        param, grad, exp_avg, exp_avg_sq, largest = reals(param, grad, exp_avgs[i], exp_avg_sqs[i],
                                                          max_exp_avg_sqs[i] if amsgrad else None)
        exp_avg.lerp_(grad, 1 - beta1)
        addcmul_scaled_(exp_avg_sq.mul_(beta2), grad, grad, 1 - beta2)
        step = step_t if differentiable else step_t.item()
        correction1, correction2 = 1 - beta1 ** step, 1 - beta2 ** step
        second = exp_avg_sq.clone() if differentiable else exp_avg_sq
        if amsgrad:
            largest.copy_(kagari.maximum(largest.clone() if differentiable else largest, second))
            second = largest.clone() if differentiable else largest
        denominator = (second.sqrt() / square_root(correction2)).add_(eps)
        addcdiv_scaled_(param, exp_avg.clone() if differentiable else exp_avg, denominator, -(lr / correction1))
