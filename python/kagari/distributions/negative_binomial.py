"""The negative binomial distribution."""
import kagari
import kagari.nn.functional as F
from kagari.distributions import constraints
from kagari.distributions._probs_or_logits import ProbsOrLogits
from kagari.distributions.distribution import Distribution
from kagari.distributions.gamma import Gamma
from kagari.distributions.utils import broadcast_all, lazy_property

__all__ = ["NegativeBinomial"]


class NegativeBinomial(ProbsOrLogits, Distribution):
    """The number of successes, each of probability probs in [0, 1), before total_count failures."""
    arg_constraints = {"total_count": constraints.greater_than_eq(0), "probs": constraints.half_open_interval(0.0, 1.0), "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, total_count, probs=None, logits=None, validate_args=None):
        self._take(probs, logits)
        self.total_count, value = broadcast_all(total_count, self._param)
        setattr(self, self._given, value)
        self.total_count = self.total_count.type_as(value)
        super().__init__(value.size(), validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        return self._expanded(NegativeBinomial, batch_shape, ("total_count", "probs", "logits"), _instance, also=("_given",))

    @property
    def mean(self):
        return self.total_count * kagari.exp(self.logits)

    @property
    def mode(self):
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self):
        return self.mean / kagari.sigmoid(-self.logits)

    @lazy_property
    def _gamma(self):
        return Gamma(concentration=self.total_count, rate=kagari.exp(-self.logits), validate_args=False)

    def sample(self, sample_shape=kagari.Size()):
        with kagari.no_grad():
            return kagari.poisson(self._gamma.sample(sample_shape=sample_shape))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        unnormalized = self.total_count * F.logsigmoid(-self.logits) + value * F.logsigmoid(self.logits)
        normalizer = -kagari.lgamma(self.total_count + value) + kagari.lgamma(1.0 + value) + kagari.lgamma(self.total_count)
        normalizer = normalizer.masked_fill(self.total_count + value == 0.0, 0.0)
        return unnormalized - normalizer
