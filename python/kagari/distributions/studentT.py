"""Student's t distribution."""
import math

import kagari
from kagari.distributions import constraints
from kagari.distributions.chi2 import Chi2
from kagari.distributions.distribution import Distribution
from kagari.distributions.utils import _standard_normal, broadcast_all

__all__ = ["StudentT"]


class StudentT(Distribution):
    """loc + scale x / sqrt(z / df), for x standard normal and z of Chi2(df)."""
    arg_constraints = {"df": constraints.positive, "loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, df, loc=0.0, scale=1.0, validate_args=None):
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = Chi2(self.df)
        super().__init__(self.df.shape, validate_args=validate_args)

    @property
    def mean(self):
        return kagari.where(self.df > 1, self.loc, kagari.nan)

    @property
    def mode(self):
        return self.loc

    @property
    def variance(self):
        finite = self.scale.pow(2) * self.df / (self.df - 2)
        return kagari.where(self.df > 2, finite, kagari.where(self.df > 1, kagari.inf, kagari.nan).to(finite.dtype))

    def expand(self, batch_shape, _instance=None):
        new = self._expanded(StudentT, batch_shape, ("df", "loc", "scale"), _instance)
        new._chi2 = self._chi2.expand(batch_shape)
        return new

    def rsample(self, sample_shape=kagari.Size()):
        shape = self._extended_shape(sample_shape)
        x = _standard_normal(shape, dtype=self.df.dtype, device=self.df.device)
        z = self._chi2.rsample(sample_shape)
        return self.loc + self.scale * x * kagari.rsqrt(z / self.df)

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        y = (value - self.loc) / self.scale
        normalizer = (self.scale.log() + 0.5 * self.df.log() + 0.5 * math.log(math.pi) + kagari.lgamma(0.5 * self.df)
                      - kagari.lgamma(0.5 * (self.df + 1.0)))
        return -0.5 * (self.df + 1.0) * kagari.log1p(y ** 2.0 / self.df) - normalizer

    def entropy(self):
        beta = kagari.lgamma(0.5 * self.df) + math.lgamma(0.5) - kagari.lgamma(0.5 * (self.df + 1))
        return (self.scale.log() + 0.5 * (self.df + 1) * (kagari.digamma(0.5 * (self.df + 1)) - kagari.digamma(0.5 * self.df))
                + 0.5 * self.df.log() + beta)
