"""Functions of torch's own namespace whose work nn.functional, linalg or an operator of another name does.

PyTorch has the losses here with `reduction` as a number: 0 "none", 1 "mean", 2 "sum".
"""
import kagari
import kagari.nn.functional as F

_REDUCTIONS = ("none", "mean", "sum")


def _reduction(number):
    if number not in (0, 1, 2):
        raise ValueError(f"{number} is not a valid value for reduction")
    return _REDUCTIONS[number]


def binary_cross_entropy_with_logits(input, target, weight=None, pos_weight=None, reduction=1):
    """nn.functional.binary_cross_entropy_with_logits."""
    return F.binary_cross_entropy_with_logits(input, target, weight, pos_weight=pos_weight, reduction=_reduction(reduction))


def cosine_embedding_loss(input1, input2, target, margin=0.0, reduction=1):
    """nn.functional.cosine_embedding_loss."""
    return F.cosine_embedding_loss(input1, input2, target, margin, reduction=_reduction(reduction))


def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction=1, zero_infinity=False):
    """nn.functional.ctc_loss."""
    return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, _reduction(reduction), zero_infinity)


def hinge_embedding_loss(input, target, margin=1.0, reduction=1):
    """nn.functional.hinge_embedding_loss."""
    return F.hinge_embedding_loss(input, target, margin, reduction=_reduction(reduction))


def kl_div(input, target, reduction=1, *, log_target=False):
    """nn.functional.kl_div."""
    return F.kl_div(input, target, reduction=_reduction(reduction), log_target=log_target)


def margin_ranking_loss(input1, input2, target, margin=0.0, reduction=1):
    """nn.functional.margin_ranking_loss."""
    return F.margin_ranking_loss(input1, input2, target, margin, reduction=_reduction(reduction))


def poisson_nll_loss(input, target, log_input, full, eps, reduction):
    """nn.functional.poisson_nll_loss."""
    return F.poisson_nll_loss(input, target, log_input, full=full, eps=eps, reduction=_reduction(reduction))


def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2.0, eps=1e-06, swap=False, reduction=1):
    """nn.functional.triplet_margin_loss."""
    return F.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction=_reduction(reduction))


def instance_norm(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, cudnn_enabled):
    """nn.functional.instance_norm."""
    return F.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def frobenius_norm(input, dim=(), keepdim=False):
    """The square root of the sum of squares over `dim` (all dimensions if empty)."""
    return kagari.linalg.vector_norm(input, 2, tuple(dim) if not isinstance(dim, int) and len(dim) else dim if isinstance(dim, int) else None, keepdim)


def nuclear_norm(input, dim=(-2, -1), keepdim=False):
    """The sum of the singular values of the matrices in the dimensions `dim`."""
    if isinstance(dim, bool):
        dim, keepdim = (-2, -1), dim
    return kagari.linalg.matrix_norm(input, "nuc", tuple(dim), keepdim)


def native_norm(input, p=2, dim=None, keepdim=False, dtype=None):
    """linalg.vector_norm."""
    return kagari.linalg.vector_norm(input, p, dim, keepdim, dtype=dtype)


def norm_except_dim(v, pow=2, dim=0):
    """The norms over all dimensions but one, which is kept; over all if dim is -1."""
    if dim == -1:
        return v.norm(pow)
    rest = [d for d in range(v.dim()) if d != dim % v.dim()]
    return kagari.linalg.vector_norm(v, pow, rest, keepdim=True) if rest else v.abs()


def chain_matmul(*matrices, out=None):
    """The product of several matrices, multiplied in the cheapest order: linalg.multi_dot."""
    if len(matrices) == 1 and isinstance(matrices[0], (list, tuple)):
        matrices = matrices[0]
    if len(matrices) == 1:
        return matrices[0]
    return kagari.linalg.multi_dot(list(matrices), out=out)


def conv_tbc(input, weight, bias, pad=0):
    """A 1-D convolution over (time, batch, channels); weight is (width, channels in, channels out)."""
    return F.conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad).permute(2, 0, 1)


def embedding_renorm_(input, indices, max_norm, norm_type):
    """Scales those rows of a table, in place, that `indices` name and whose norm is above max_norm, to max_norm."""
    with kagari.no_grad():
        rows = kagari.unique(indices.reshape(-1))
        table = input.index_select(0, rows)
        size = kagari.linalg.vector_norm(table, norm_type, 1, keepdim=True)
        input[rows] = kagari.where(size > max_norm, table * (max_norm / (size + 1e-7)), table)
    return input


def zero_(input):
    """input.zero_()."""
    return input.zero_()


def is_nonzero(input):
    """Whether the only element of a tensor is not zero. RuntimeError for any other number of elements."""
    return input.is_nonzero()


def is_distributed(input):
    """False: a tensor lives in one process."""
    return False


def saddmm(input, mat1, mat2, *, beta=1, alpha=1):
    """addmm, whose first matrix may be sparse."""
    return kagari.addmm(input, mat1, mat2, beta=beta, alpha=alpha)


def cond(pred, true_fn, false_fn, operands=()):
    """true_fn(*operands) if pred, a bool or a tensor of one element, else false_fn(*operands)."""
    if not isinstance(pred, (bool, kagari.Tensor)):
        raise RuntimeError(f"Expected pred to be bool or tensor, but got {pred}.")
    if isinstance(pred, kagari.Tensor) and pred.numel() != 1:
        raise RuntimeError(f"Expected pred to be bool or single-element tensor, but got {pred}.")
    if not callable(true_fn) or not callable(false_fn):
        raise RuntimeError("Expect both branches to be callable.")
    return (true_fn if bool(pred) else false_fn)(*operands)


def while_loop(cond_fn, body_fn, carried_inputs):
    """Replaces the carried inputs by body_fn(*inputs) while cond_fn(*inputs) is true; returns the last ones, as a tuple."""
    if not callable(cond_fn) or not callable(body_fn):
        raise RuntimeError("Expect cond_fn and body_fn to be callable.")
    carried = tuple(carried_inputs)
    while bool(cond_fn(*carried)):
        result = body_fn(*carried)
        carried = tuple(result) if isinstance(result, (tuple, list)) else (result,)
    return carried


def sym_sqrt(a):
    """The square root of a number."""
    return kagari.sym_float(a) ** 0.5


def sym_sum(args):
    """The sum of numbers."""
    return sum(args)


def _removed(name, instead):
    def function(*args, **kwargs):
        raise RuntimeError(f"torch.{name} was removed from PyTorch; use torch.linalg.{instead}")
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"RuntimeError: removed in favour of torch.linalg.{instead}."
    return function


eig, lstsq, matrix_rank = _removed("eig", "eig"), _removed("lstsq", "lstsq"), _removed("matrix_rank", "matrix_rank")
solve, symeig = _removed("solve", "solve"), _removed("symeig", "eigh")
