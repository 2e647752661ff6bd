"""Adam for sparse gradients."""
import kagari

from .adagrad import with_values
from .optimizer import Optimizer, _check_betas, _check_range, _check_tensor_lr, _closure_loss, _get_value

__all__ = ["SparseAdam", "sparse_adam"]


class SparseAdam(Optimizer):
    r"""Adam that updates only the elements, and their averages, that a sparse gradient mentions.

    Arguments:
        params: dense parameters, named parameters or groups, whose gradients are sparse.
        lr, betas, eps: as in :class:`Adam`. maximize: follow the gradient up.
    """

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, maximize=False):
        _check_tensor_lr(lr)
        if not 0.0 < lr:
            raise ValueError(f"Invalid learning rate: {lr}")
        _check_range(0.0 < eps, "epsilon value", eps)
        _check_betas(betas)
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, maximize=maximize))
        sparse = _indices(self.param_groups, lambda param: param.is_sparse)
        if sparse:
            raise ValueError(f"Sparse params at indices {sparse}: SparseAdam requires dense parameter tensors")
        complex_ = _indices(self.param_groups, lambda param: param.is_complex())
        if complex_:
            raise ValueError(f"Complex params at indices {complex_}: SparseAdam does not support complex parameters")

    def _init_state(self, group, param, state):
        state["step"] = 0
        state["exp_avg"] = kagari.zeros_like(param, memory_format=kagari.preserve_format)
        state["exp_avg_sq"] = kagari.zeros_like(param, memory_format=kagari.preserve_format)

    @kagari.no_grad()
    def step(self, closure=None):
        """Updates the parameters; returns the loss of ``closure`` if there is one."""
        loss = _closure_loss(closure)
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None and not param.grad.is_sparse:
                    raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
            params, grads, (exp_avgs, exp_avg_sqs) = self._gather(group, ("exp_avg", "exp_avg_sq"))
            for param in params:
                self.state[param]["step"] += 1
            beta1, beta2 = group["betas"]
            sparse_adam(params, grads, exp_avgs, exp_avg_sqs, [self.state[p]["step"] for p in params], eps=group["eps"],
                        beta1=beta1, beta2=beta2, lr=_get_value(group["lr"]), maximize=group["maximize"])
        return loss


def sparse_adam(params, grads, exp_avgs, exp_avg_sqs, state_steps, *, eps, beta1, beta2, lr, maximize):
    """The update of :class:`SparseAdam` on lists of parameters, sparse gradients and state, in place."""
    for param, grad, exp_avg, exp_avg_sq, step in zip(params, grads, exp_avgs, exp_avg_sqs, state_steps):
        grad = (-grad if maximize else grad).coalesce()
        values = grad._values()
        if values.numel() == 0:
            continue
        old_average = exp_avg.sparse_mask(grad)._values()
        change = values.sub(old_average).mul_(1 - beta1)
        exp_avg.add_(with_values(grad, change))
        old_square = exp_avg_sq.sparse_mask(grad)._values()
        square_change = values.pow(2).sub_(old_square).mul_(1 - beta2)
        exp_avg_sq.add_(with_values(grad, square_change))
        denominator = square_change.add_(old_square).sqrt_().add_(eps)
        rate = lr * (1 - beta2 ** step) ** 0.5 / (1 - beta1 ** step)
        param.add_(with_values(grad, change.add_(old_average).div_(denominator).mul_(-rate)))


def _indices(groups, condition):
    return [[i, j] for i, group in enumerate(groups) for j, param in enumerate(group["params"]) if condition(param)]
