"""The generalised Pareto distribution."""
import math

import kagari
from kagari.distributions import constraints
from kagari.distributions.distribution import Distribution
from kagari.distributions.utils import broadcast_all

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Distribution):
    """Density (1 + c z)^(-1 / c - 1) / scale for z = (x - loc) / scale >= 0 and concentration c; exponential for c = 0."""
    arg_constraints = {"loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real}
    has_rsample = True

    def __init__(self, loc, scale, concentration, validate_args=None):
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        return self._expanded(GeneralizedPareto, batch_shape, ("loc", "scale", "concentration"), _instance)

    def _is_exponential(self):
        return kagari.isclose(self.concentration, kagari.zeros_like(self.concentration))

    def _safe_concentration(self):
        return kagari.where(self._is_exponential(), kagari.ones_like(self.concentration), self.concentration)

    def rsample(self, sample_shape=kagari.Size()):
        shape = self._extended_shape(sample_shape)
        return self.icdf(kagari.rand(shape, dtype=self.loc.dtype, device=self.loc.device))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        z, c = (value - self.loc) / self.scale, self._safe_concentration()
        other = -(1 / c + kagari.ones_like(z)) * kagari.log1p(c * z)
        return -self.scale.log() + kagari.where(self._is_exponential(), -z, other)

    def log_survival_function(self, value):
        """log(1 - cdf)."""
        if self._validate_args:
            self._validate_sample(value)
        z, c = (value - self.loc) / self.scale, self._safe_concentration()
        return kagari.where(self._is_exponential(), -z, -kagari.log1p(c * z) / c)

    def log_cdf(self, value):
        """log(cdf)."""
        return kagari.log1p(-kagari.exp(self.log_survival_function(value)))

    def cdf(self, value):
        return kagari.exp(self.log_cdf(value))

    def icdf(self, value):
        c = self._safe_concentration()
        log_rest = kagari.log1p(-value)
        other = self.loc + self.scale * kagari.expm1(-c * log_rest) / c
        return kagari.where(self._is_exponential(), self.loc - self.scale * log_rest, other)

    @property
    def mean(self):
        valid = self.concentration < 1
        safe = kagari.where(valid, self.concentration, 0.5)
        return kagari.where(valid, self.loc + self.scale / (1 - safe), kagari.nan)

    @property
    def variance(self):
        valid = self.concentration < 0.5
        safe = kagari.where(valid, self.concentration, 0.25)
        return kagari.where(valid, self.scale ** 2 / ((1 - safe) ** 2 * (1 - 2 * safe)), kagari.nan)

    def entropy(self):
        return (kagari.log(self.scale) + self.concentration + 1).expand(self._batch_shape)

    @property
    def mode(self):
        return self.loc

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self):
        lower, upper = self.loc, kagari.where(self.concentration < 0, self.loc - self.scale / self.concentration, math.inf)
        return constraints.interval(lower, upper)
