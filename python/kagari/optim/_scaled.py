"""Updates whose factor may be a number or, in a differentiable step, a tensor."""
import kagari


def add_scaled_(target, source, factor):
    """target += factor * source, in place."""
    if isinstance(factor, kagari.Tensor):
        return target.add_(source * factor)
    return target.add_(source, alpha=factor)


def add_scaled(target, source, factor):
    """target + factor * source."""
    if isinstance(factor, kagari.Tensor):
        return target + source * factor
    return target.add(source, alpha=factor)


def addcmul_scaled_(target, a, b, factor):
    """target += factor * a * b, in place."""
    if isinstance(factor, kagari.Tensor):
        return target.add_(a * b * factor)
    return target.addcmul_(a, b, value=factor)


def addcdiv_scaled_(target, a, b, factor):
    """target += factor * a / b, in place."""
    if isinstance(factor, kagari.Tensor):
        return target.add_(a / b * factor)
    return target.addcdiv_(a, b, value=factor)


def reals(*tensors):
    """The tensors, complex ones as real views of the same memory."""
    return [kagari.view_as_real(t) if t is not None and t.is_complex() else t for t in tensors]


def unscaled(grads, grad_scale, found_inf):
    """The gradients divided in place by a loss scaler's scale, or None if the scaler met an infinity."""
    if found_inf is not None and found_inf.item() != 0:
        return None
    if grad_scale is not None:
        for grad in grads:
            grad.div_(grad_scale)
    return grads


def square_root(x):
    """The square root of a number or of a tensor."""
    return x.sqrt() if isinstance(x, kagari.Tensor) else x ** 0.5
