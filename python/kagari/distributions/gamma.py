"""The gamma distribution."""
import kagari
from kagari.distributions import constraints
from kagari.distributions.exp_family import ExponentialFamily
from kagari.distributions.utils import broadcast_all

__all__ = ["Gamma"]


class Gamma(ExponentialFamily):
    """Density rate^c x^(c - 1) exp(-rate x) / Gamma(c), for x > 0 and c the concentration."""
    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, concentration, rate, validate_args=None):
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.concentration.shape, validate_args=validate_args)

    @property
    def mean(self):
        return self.concentration / self.rate

    @property
    def mode(self):
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self):
        return self.concentration / self.rate.pow(2)

    def expand(self, batch_shape, _instance=None):
        return self._expanded(Gamma, batch_shape, ("concentration", "rate"), _instance)

    def rsample(self, sample_shape=kagari.Size()):
        shape = self._extended_shape(sample_shape)
        value = kagari._standard_gamma(self.concentration.expand(shape)) / self.rate.expand(shape)
        value.detach().clamp_(min=kagari.finfo(value.dtype).tiny)  # a draw of 0 has no logarithm
        return value

    def log_prob(self, value):
        value = kagari.as_tensor(value, dtype=self.rate.dtype, device=self.rate.device)
        if self._validate_args:
            self._validate_sample(value)
        return (kagari.xlogy(self.concentration, self.rate) + kagari.xlogy(self.concentration - 1, value) - self.rate * value
                - kagari.lgamma(self.concentration))

    def entropy(self):
        return (self.concentration - kagari.log(self.rate) + kagari.lgamma(self.concentration)
                + (1.0 - self.concentration) * kagari.digamma(self.concentration))

    @property
    def _natural_params(self):
        return self.concentration - 1, -self.rate

    def _log_normalizer(self, x, y):
        return kagari.lgamma(x + 1) + (x + 1) * kagari.log(-y.reciprocal())

    def cdf(self, value):
        if self._validate_args:
            self._validate_sample(value)
        return kagari.special.gammainc(self.concentration, self.rate * value)
