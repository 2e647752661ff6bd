"""The binomial distribution."""
import kagari
from kagari.distributions import constraints
from kagari.distributions._probs_or_logits import ProbsOrLogits
from kagari.distributions.distribution import Distribution
from kagari.distributions.utils import broadcast_all

__all__ = ["Binomial"]


def _clamp_by_zero(x):
    """max(x, 0) whose gradient at 0 is one half, from both sides."""
    return (x.clamp(min=0) + x - x.clamp(max=0)) / 2


class Binomial(ProbsOrLogits, Distribution):
    """The number of successes in total_count trials of probability probs."""
    arg_constraints = {"total_count": constraints.nonnegative_integer, "probs": constraints.unit_interval, "logits": constraints.real}
    has_enumerate_support = True

    def __init__(self, total_count=1, probs=None, logits=None, validate_args=None):
        self._take(probs, logits)
        self.total_count, value = broadcast_all(total_count, self._param)
        setattr(self, self._given, value)
        self.total_count = self.total_count.type_as(value)
        super().__init__(value.size(), validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        return self._expanded(Binomial, batch_shape, ("total_count", "probs", "logits"), _instance, also=("_given",))

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self):
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self):
        return self.total_count * self.probs

    @property
    def mode(self):
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self):
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape=kagari.Size()):
        shape = self._extended_shape(sample_shape)
        with kagari.no_grad():
            return kagari.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        choices = kagari.lgamma(self.total_count + 1) - kagari.lgamma(value + 1) - kagari.lgamma(self.total_count - value + 1)
        # n log(1 - p) in terms of the logits, without overflow
        normalizer = self.total_count * (_clamp_by_zero(self.logits) + kagari.log1p(kagari.exp(-kagari.abs(self.logits))))
        return value * self.logits + choices - normalizer

    def _one_count_for(self, what):
        count = int(self.total_count.max())
        if not self.total_count.min() == count:
            raise NotImplementedError(f"Inhomogeneous total count not supported by `{what}`.")
        return count

    def entropy(self):
        self._one_count_for("entropy")
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(kagari.exp(log_prob) * log_prob).sum(0)

    def enumerate_support(self, expand=True):
        count = self._one_count_for("enumerate_support")
        values = kagari.arange(1 + count, dtype=self._param.dtype, device=self._param.device).view((-1,) + (1,) * len(self._batch_shape))
        return values.expand((-1,) + self._batch_shape) if expand else values
