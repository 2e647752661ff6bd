"""Adagrad, for dense and for sparse gradients."""
import kagari

from ._scaled import add_scaled_, addcdiv_scaled_, reals, unscaled
from .optimizer import (Optimizer, _check_range, _check_tensor_lr, _closure_loss, _get_scalar_dtype, _get_value,
                        _native_pass, _use_grad_for_differentiable)

__all__ = ["Adagrad", "adagrad"]


class Adagrad(Optimizer):
    r"""Adagrad (Duchi et al., 2011): ``s += g^2``, ``p -= lr / (1 + (t - 1) lr_decay) * g / (sqrt(s) + eps)``.

    Arguments:
        params: parameters, named parameters or groups.
        lr, lr_decay, weight_decay, eps: see the formula; weight decay is added to the gradient.
        initial_accumulator_value: the value of ``s`` before the first step.
        foreach, fused: accepted for compatibility. maximize: follow the gradient up.
        differentiable: let gradients flow through the step.
    """

    def __init__(self, params, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10,
                 foreach=None, *, maximize=False, differentiable=False, fused=None):
        _check_tensor_lr(lr)
        _check_range(lr >= 0.0, "learning rate", lr)
        _check_range(lr_decay >= 0.0, "lr_decay value", lr_decay)
        _check_range(weight_decay >= 0.0, "weight_decay value", weight_decay)
        _check_range(initial_accumulator_value >= 0.0, "initial_accumulator_value value", initial_accumulator_value)
        _check_range(eps >= 0.0, "epsilon value", eps)
        super().__init__(params, dict(lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay,
                                      initial_accumulator_value=initial_accumulator_value, foreach=foreach,
                                      maximize=maximize, differentiable=differentiable, fused=fused))
        if fused:
            if differentiable:
                raise RuntimeError("`fused` does not support `differentiable`")
            if foreach:
                raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
            self._step_supports_amp_scaling = True
        for group in self.param_groups:
            for param in group["params"]:
                self._init_state(group, param, self.state[param])

    def __setstate__(self, state):
        super().__setstate__(state)
        self._complete_groups(foreach=None, maximize=False, differentiable=False, fused=None)
        self._tensors_from_numbers("step")

    def _init_state(self, group, param, state):
        start = group["initial_accumulator_value"]
        state["step"] = kagari.zeros((), dtype=_get_scalar_dtype(group["fused"]))
        state["sum"] = kagari.full_like(param, complex(start, start) if param.is_complex() else start,
                                        memory_format=kagari.preserve_format).detach()

    def share_memory(self):
        """Moves the state to shared memory, for training from several processes."""
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param]["sum"].share_memory_()

    @_use_grad_for_differentiable
    def step(self, closure=None):
        """Updates the parameters; returns the loss of ``closure`` if there is one."""
        loss = _closure_loss(closure)
        for group in self.param_groups:
            params, grads, columns = self._gather(group, ("sum", "step"))
            adagrad(params, grads, *columns, grad_scale=getattr(self, "grad_scale", None),
                    found_inf=getattr(self, "found_inf", None), differentiable=group["differentiable"], lr=group["lr"],
                    weight_decay=group["weight_decay"], lr_decay=group["lr_decay"], eps=group["eps"],
                    maximize=group["maximize"])
        return loss


_adagrad_pass = _native_pass("_optim_adagrad")


def adagrad(params, grads, state_sums, state_steps, fused=None, grad_scale=None, found_inf=None, has_sparse_grad=False,
            foreach=None, differentiable=False, has_complex=False, *, lr, weight_decay, lr_decay, eps, maximize):
    """The update of :class:`Adagrad` on lists of parameters, gradients and state, in place."""
    if state_steps and not isinstance(state_steps[0], kagari.Tensor):
        raise RuntimeError("API has changed, `state_steps` argument must contain a list of singleton tensors")
    grads = unscaled(grads, grad_scale, found_inf)
    if grads is None or not params:
        return
    if not differentiable:
        lr = _get_value(lr)
        if _adagrad_pass(params, grads, state_sums, state_steps, lr=lr, lr_decay=lr_decay, weight_decay=weight_decay,
                         eps=eps, maximize=maximize):
            return
    for param, grad, state_sum, step_t in zip(params, grads, state_sums, state_steps):
        step_t += 1
        step = step_t if differentiable else step_t.item()
        if maximize:
            grad = -grad
        if weight_decay != 0:
            if grad.is_sparse:
                raise RuntimeError("weight_decay option is not compatible with sparse gradients")
            grad = grad.add(param, alpha=weight_decay)
        rate = lr / (1 + (step - 1) * lr_decay)
        if grad.is_sparse:
            _sparse_update(param, grad.coalesce(), state_sum, rate, eps)
            continue
        param, grad, state_sum = reals(param, grad, state_sum)
        state_sum.addcmul_(grad, grad, value=1)
        root = (state_sum.clone() if differentiable else state_sum).sqrt().add(eps)
        addcdiv_scaled_(param, grad, root, -rate)


def _sparse_update(param, grad, state_sum, rate, eps):
    # The gradient is coalesced: the square of a sum is not the sum of squares.
    if grad._nnz() == 0:
        return
    state_sum.add_(with_values(grad, grad._values().pow(2)))
    root = state_sum.sparse_mask(grad)._values().sqrt().add(eps)
    add_scaled_(param, with_values(grad, grad._values() / root), -rate)


def with_values(pattern, values):
    """A sparse tensor with the indices and the shape of ``pattern`` and these values."""
    return kagari.sparse_coo_tensor(pattern._indices(), values, pattern.shape)
