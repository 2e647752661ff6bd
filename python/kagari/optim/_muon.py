"""Muon."""
import kagari

from .optimizer import Optimizer, _check_tensor_lr, _closure_loss, _get_value

__all__ = ["Muon", "muon"]


class Muon(Optimizer):
    r"""Muon (Jordan et al., 2024): momentum whose update matrix is made nearly orthogonal by a Newton-Schulz iteration.

    ``b += (1 - momentum) (g - b)``; ``u = orthogonal(b)``, or with Nesterov of ``g + momentum (b - g)``;
    ``p *= 1 - lr * weight_decay``; ``p -= adjusted lr * u``.

    Arguments:
        params: 2-D parameters, named parameters or groups.
        lr, weight_decay, momentum, nesterov: see the formulas.
        ns_coefficients: the polynomial ``a x + b x^3 + c x^5`` of the iteration. ns_steps: its number of steps.
        eps: the smallest norm that a matrix is divided by.
        adjust_lr_fn: "original" (or None): lr * sqrt(max(1, rows / columns)); "match_rms_adamw":
            lr * 0.2 * sqrt(max(rows, columns)).
    """

    def __init__(self, params, lr=1e-3, weight_decay=0.1, momentum=0.95, nesterov=True,
                 ns_coefficients=(3.4445, -4.775, 2.0315), eps=1e-7, ns_steps=5, adjust_lr_fn=None):
        _check_tensor_lr(lr)
        if not 0.0 <= lr:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not 0.0 <= momentum:
            raise ValueError(f"momentum should be >= 0 but is: {momentum}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"weight decay should be >= 0 but is: {weight_decay}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        super().__init__(params, dict(lr=lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov,
                                      ns_coefficients=ns_coefficients, eps=eps, ns_steps=ns_steps,
                                      adjust_lr_fn=adjust_lr_fn))
        for group in self.param_groups:
            for param in group["params"]:
                if param.ndim != 2:
                    raise ValueError("Muon only supports 2D parameters whereas we found a parameter with size: "
                                     f"{param.size()}")

    def _init_state(self, group, param, state):
        state["momentum_buffer"] = kagari.zeros_like(param.grad, memory_format=kagari.preserve_format)

    @kagari.no_grad()
    def step(self, closure=None):
        """Updates the parameters; returns the loss of ``closure`` if there is one."""
        loss = _closure_loss(closure)
        for group in self.param_groups:
            for param in group["params"]:
                if param.is_complex():
                    raise RuntimeError("Muon does not support complex parameters")
            params, grads, (buffers,) = self._gather(group, ("momentum_buffer",))
            self._refuse_sparse(grads)
            muon(params, grads, buffers, lr=group["lr"], weight_decay=group["weight_decay"], momentum=group["momentum"],
                 nesterov=group["nesterov"], ns_coefficients=group["ns_coefficients"], ns_steps=group["ns_steps"],
                 eps=group["eps"], adjust_lr_fn=group["adjust_lr_fn"], has_complex=False)
        return loss


def muon(params, grads, muon_momentum_bufs, *, foreach=None, lr, weight_decay, momentum, nesterov, ns_coefficients,
         ns_steps, eps, adjust_lr_fn, has_complex):
    """The update of :class:`Muon` on lists of matrices, gradients and momentum buffers, in place."""
    if has_complex:
        raise ValueError("Complex parameters are not supported")
    lr = _get_value(lr)
    for param, grad, buffer in zip(params, grads, muon_momentum_bufs):
        if grad.ndim != 2:
            raise ValueError("Param gradient must be a 2D matrix")
        buffer.lerp_(grad, 1 - momentum)
        update = _orthogonalized(grad.lerp(buffer, momentum) if nesterov else buffer, ns_coefficients, ns_steps, eps)
        rows, columns = param.shape[:2]
        if adjust_lr_fn == "match_rms_adamw":
            factor = 0.2 * max(rows, columns) ** 0.5
        else:
            factor = max(1, rows / columns) ** 0.5
        param.mul_(1 - lr * weight_decay)
        param.add_(update, alpha=-lr * factor)


def _orthogonalized(grad, coefficients, steps, eps):
    """A bfloat16 matrix near ``U V'`` of the singular value decomposition ``U S V'`` of ``grad``."""
    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    x = grad.bfloat16()
    tall = grad.size(0) > grad.size(1)
    if tall:
        x = x.T
    x = x.div(x.norm().clamp(min=eps))
    for _ in range(steps):
        gram = x @ x.T
        x = kagari.addmm(x, kagari.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x
