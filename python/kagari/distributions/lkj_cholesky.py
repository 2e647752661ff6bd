"""The LKJ distribution of correlation matrices."""
import math

import kagari
from kagari.distributions import constraints
from kagari.distributions.beta import Beta
from kagari.distributions.distribution import Distribution
from kagari.distributions.utils import broadcast_all

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """Cholesky factors L of dim x dim correlation matrices M, with density of M proportional to det(M)^(concentration - 1).

    Drawn by the onion method (Lewandowski, Kurowicka and Joe, 2009, section 3.2). Raises ValueError if dim < 2.
    """
    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky

    def __init__(self, dim, concentration=1.0, validate_args=None):
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        self.concentration, = broadcast_all(concentration)
        super().__init__(self.concentration.size(), kagari.Size((dim, dim)), validate_args)
        marginal = self.concentration + 0.5 * (self.dim - 2)
        row = kagari.arange(self.dim - 1, dtype=self.concentration.dtype, device=self.concentration.device)
        row = kagari.cat([row.new_zeros((1,)), row])
        self._beta = Beta(row + 0.5, marginal.unsqueeze(-1) - 0.5 * row)

    def expand(self, batch_shape, _instance=None):
        new = self._expanded(LKJCholesky, batch_shape, ("concentration",), _instance, also=("dim",))
        new._beta = self._beta.expand(kagari.Size(batch_shape) + (self.dim,))
        return new

    def sample(self, sample_shape=kagari.Size()):
        y = self._beta.sample(sample_shape).unsqueeze(-1)  # squared length of each row left of the diagonal
        normal = kagari.randn(self._extended_shape(sample_shape), dtype=y.dtype, device=y.device).tril(-1)
        sphere = normal / normal.norm(dim=-1, keepdim=True)
        sphere[..., 0, :].fill_(0.0)  # the first row has nothing left of the diagonal
        w = kagari.sqrt(y) * sphere
        diagonal = kagari.clamp(1 - kagari.sum(w ** 2, dim=-1), min=kagari.finfo(w.dtype).tiny).sqrt()
        return w + kagari.diag_embed(diagonal)

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        diagonal = value.diagonal(dim1=-1, dim2=-2)[..., 1:]
        order = kagari.arange(2, self.dim + 1, device=self.concentration.device)
        order = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - order
        unnormalized = kagari.sum(order * diagonal.log(), dim=-1)
        # page 1999 of the paper
        before = self.dim - 1
        alpha = self.concentration + 0.5 * before
        normalizer = 0.5 * before * math.log(math.pi) + kagari.mvlgamma(alpha - 0.5, before) - kagari.lgamma(alpha) * before
        return unnormalized - normalizer
