"""The multinomial distribution."""
import kagari
from kagari.distributions import constraints
from kagari.distributions.binomial import Binomial
from kagari.distributions.categorical import Categorical
from kagari.distributions.distribution import Distribution
from kagari.distributions.utils import broadcast_all

__all__ = ["Multinomial"]


class Multinomial(Distribution):
    """Counts of total_count draws of Categorical(probs or logits), of event shape (k,). total_count: one int for the whole batch."""
    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}

    def __init__(self, total_count=1, probs=None, logits=None, validate_args=None):
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs=probs, logits=logits)
        self._binomial = Binomial(total_count=total_count, probs=self.probs)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        new = self._get_checked_instance(Multinomial, _instance)
        batch_shape = kagari.Size(batch_shape)
        new.total_count = self.total_count
        new._categorical = self._categorical.expand(batch_shape)
        new._binomial = self._binomial.expand(batch_shape + self.event_shape)
        super(Multinomial, new).__init__(batch_shape, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self):
        return constraints.multinomial(self.total_count)

    @property
    def mean(self):
        return self.probs * self.total_count

    @property
    def variance(self):
        return self.total_count * self.probs * (1 - self.probs)

    @property
    def logits(self):
        return self._categorical.logits

    @property
    def probs(self):
        return self._categorical.probs

    @property
    def param_shape(self):
        return self._categorical.param_shape

    def sample(self, sample_shape=kagari.Size()):
        sample_shape = kagari.Size(sample_shape)
        drawn = self._categorical.sample(kagari.Size((self.total_count,)) + sample_shape)
        drawn = drawn.permute(*range(1, drawn.dim()), 0)  # the trials last
        counts = drawn.new_zeros(self._extended_shape(sample_shape))
        counts.scatter_add_(-1, drawn, kagari.ones_like(drawn))
        return counts.type_as(self.probs)

    def entropy(self):
        n = kagari.tensor(self.total_count)
        categorical = self._categorical.entropy()
        values = self._binomial.enumerate_support(expand=False)[1:]
        weights = kagari.exp(self._binomial.log_prob(values))
        weight = (weights * kagari.lgamma(values + 1)).sum((0, -1))
        return n * categorical - kagari.lgamma(n + 1) + weight

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        logits = logits.clone(memory_format=kagari.contiguous_format)
        logits[(value == 0) & (logits == -kagari.inf)] = 0
        return kagari.lgamma(value.sum(-1) + 1) - kagari.lgamma(value + 1).sum(-1) + (logits * value).sum(-1)
