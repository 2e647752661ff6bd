"""The continuous Bernoulli distribution."""
import math

import kagari
from kagari.distributions import constraints
from kagari.distributions._probs_or_logits import ProbsOrLogits
from kagari.distributions.exp_family import ExponentialFamily
from kagari.distributions.utils import broadcast_all, clamp_probs, lazy_property, logits_to_probs
from kagari.nn.functional import binary_cross_entropy_with_logits

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(ProbsOrLogits, ExponentialFamily):
    """Density proportional to probs^x (1 - probs)^(1 - x) on [0, 1] (Loaiza-Ganem and Cunningham, The continuous Bernoulli, 2019).

    lims: for probs between these two, where the formulas divide zero by zero, Taylor series are used.
    """
    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    _mean_carrier_measure = 0
    has_rsample = True

    def __init__(self, probs=None, logits=None, lims=(0.499, 0.501), validate_args=None):
        self._take(probs, logits)
        if probs is not None:
            if validate_args is not None and not self.arg_constraints["probs"].check(self.probs).all():
                raise ValueError("The parameter probs has invalid values")
            self.probs = clamp_probs(self.probs)
        self._lims = lims
        super().__init__(self._param.size(), validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        return self._expanded(ContinuousBernoulli, batch_shape, ("probs", "logits"), _instance, also=("_given", "_lims"))

    @lazy_property
    def probs(self):
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    def _outside_unstable_region(self):
        return (self.probs <= self._lims[0]) | (self.probs > self._lims[1])

    def _cut_probs(self):
        """probs, with those in the unstable region replaced by its lower end."""
        return kagari.where(self._outside_unstable_region(), self.probs, self._lims[0] * kagari.ones_like(self.probs))

    def _cont_bern_log_norm(self):
        """log of 2 artanh(1 - 2 p) / (1 - 2 p)."""
        cut = self._cut_probs()
        below = kagari.where(cut <= 0.5, cut, kagari.zeros_like(cut))
        above = kagari.where(cut >= 0.5, cut, kagari.ones_like(cut))
        log_norm = kagari.log(kagari.abs(kagari.log1p(-cut) - kagari.log(cut))) - kagari.where(
            cut <= 0.5, kagari.log1p(-2.0 * below), kagari.log(2.0 * above - 1.0))
        x = (self.probs - 0.5).square()
        taylor = math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x
        return kagari.where(self._outside_unstable_region(), log_norm, taylor)

    @property
    def mean(self):
        cut = self._cut_probs()
        mean = cut / (2.0 * cut - 1.0) + 1.0 / (kagari.log1p(-cut) - kagari.log(cut))
        x = self.probs - 0.5
        taylor = 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.square()) * x
        return kagari.where(self._outside_unstable_region(), mean, taylor)

    @property
    def stddev(self):
        return kagari.sqrt(self.variance)

    @property
    def variance(self):
        cut = self._cut_probs()
        variance = cut * (cut - 1.0) / (1.0 - 2.0 * cut).square() + 1.0 / (kagari.log1p(-cut) - kagari.log(cut)).square()
        x = (self.probs - 0.5).square()
        taylor = 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x
        return kagari.where(self._outside_unstable_region(), variance, taylor)

    def sample(self, sample_shape=kagari.Size()):
        with kagari.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape=kagari.Size()):
        shape = self._extended_shape(sample_shape)
        return self.icdf(kagari.rand(shape, dtype=self.probs.dtype, device=self.probs.device))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none") + self._cont_bern_log_norm()

    def cdf(self, value):
        if self._validate_args:
            self._validate_sample(value)
        cut = self._cut_probs()
        cdfs = (kagari.pow(cut, value) * kagari.pow(1.0 - cut, 1.0 - value) + cut - 1.0) / (2.0 * cut - 1.0)
        inside = kagari.where(self._outside_unstable_region(), cdfs, value)
        return kagari.where(kagari.le(value, 0.0), kagari.zeros_like(value), kagari.where(kagari.ge(value, 1.0), kagari.ones_like(value), inside))

    def icdf(self, value):
        cut = self._cut_probs()
        numbers = (kagari.log1p(-cut + value * (2.0 * cut - 1.0)) - kagari.log1p(-cut)) / (kagari.log(cut) - kagari.log1p(-cut))
        return kagari.where(self._outside_unstable_region(), numbers, value)

    def entropy(self):
        log0, log1 = kagari.log1p(-self.probs), kagari.log(self.probs)
        return self.mean * (log0 - log1) - self._cont_bern_log_norm() - log0

    @property
    def _natural_params(self):
        return (self.logits,)

    def _log_normalizer(self, x):
        outside = (x <= self._lims[0] - 0.5) | (x > self._lims[1] - 0.5)
        cut = kagari.where(outside, x, (self._lims[0] - 0.5) * kagari.ones_like(x))
        log_norm = kagari.log(kagari.abs(kagari.special.expm1(cut))) - kagari.log(kagari.abs(cut))
        taylor = 0.5 * x + kagari.pow(x, 2) / 24.0 - kagari.pow(x, 4) / 2880.0
        return kagari.where(outside, log_norm, taylor)
