"""Losses as ATen has them: the reduction is a number, and arguments stand in another order than in nn.functional."""
import kagari

_REDUCTIONS = ("none", "mean", "sum")


def table():
    """ATen's name -> function."""
    F = kagari.nn.functional
    two = {"mse_loss": ("reduction",), "l1_loss": ("reduction",), "smooth_l1_loss": ("reduction", "beta"), "huber_loss": ("reduction", "delta"),
           "binary_cross_entropy": ("weight", "reduction"), "binary_cross_entropy_with_logits": ("weight", "pos_weight", "reduction"), "soft_margin_loss": ("reduction",),
           "hinge_embedding_loss": ("margin", "reduction"), "multilabel_margin_loss": ("reduction",), "poisson_nll_loss": ("log_input", "full", "eps", "reduction"),
           "multi_margin_loss": ("p", "margin", "weight", "reduction")}
    made = {name: _pair(getattr(F, name), names) for name, names in two.items()}
    made["kl_div"] = lambda x, target, reduction=1, *, log_target=False: F.kl_div(x, target, reduction=_REDUCTIONS[reduction], log_target=log_target)
    made["cross_entropy_loss"] = _pair(F.cross_entropy, ("weight", "reduction", "ignore_index", "label_smoothing"))
    for name in ("nll_loss", "nll_loss_nd", "nll_loss2d"):
        made[name] = _pair(F.nll_loss, ("weight", "reduction", "ignore_index"))
    for name in ("margin_ranking_loss", "cosine_embedding_loss"):
        made[name] = _triple(getattr(F, name), ("margin", "reduction"))
    made["triplet_margin_loss"] = _triple(F.triplet_margin_loss, ("margin", "p", "eps", "swap", "reduction"))
    return made


def _named(function, tensors, names, values, keywords):
    given = {**dict(zip(names, values)), **keywords}
    if "reduction" in given:
        given["reduction"] = _REDUCTIONS[given["reduction"]]
    return function(*tensors, **given)


def _pair(function, names):
    return lambda x, target, *values, **keywords: _named(function, (x, target), names, values, keywords)


def _triple(function, names):
    return lambda a, b, c, *values, **keywords: _named(function, (a, b, c), names, values, keywords)
