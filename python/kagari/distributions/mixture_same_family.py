"""Mixtures of distributions of one family."""
import kagari
from kagari.distributions import constraints
from kagari.distributions.categorical import Categorical
from kagari.distributions.distribution import Distribution

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """The last batch dimension of component_distribution holds the components; mixture_distribution, a Categorical, chooses one.

    Raises ValueError if the two do not fit.
    """
    arg_constraints = {}
    has_rsample = False

    def __init__(self, mixture_distribution, component_distribution, validate_args=None):
        self._mixture_distribution, self._component_distribution = mixture_distribution, component_distribution
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(" The Mixture distribution needs to be an  instance of torch.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution need to be an instance of torch.distributions.Distribution")
        of_mixture, of_components = mixture_distribution.batch_shape, component_distribution.batch_shape[:-1]
        for a, b in zip(reversed(of_mixture), reversed(of_components)):
            if a != 1 and b != 1 and a != b:
                raise ValueError(f"`mixture_distribution.batch_shape` ({of_mixture}) is not compatible with "
                                 f"`component_distribution.batch_shape`({of_components})")
        count_m, count_c = mixture_distribution.logits.shape[-1], component_distribution.batch_shape[-1]
        if count_m is not None and count_c is not None and count_m != count_c:
            raise ValueError(f"`mixture_distribution component` ({count_m}) does not equal `component_distribution.batch_shape[-1]` ({count_c})")
        self._num_component = count_c
        self._event_ndims = len(component_distribution.event_shape)
        super().__init__(of_components, component_distribution.event_shape, validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        batch_shape = kagari.Size(batch_shape)
        new = self._get_checked_instance(MixtureSameFamily, _instance)
        new._component_distribution = self._component_distribution.expand(batch_shape + (self._num_component,))
        new._mixture_distribution = self._mixture_distribution.expand(batch_shape)
        new._num_component, new._event_ndims = self._num_component, self._event_ndims
        super(MixtureSameFamily, new).__init__(batch_shape, self._component_distribution.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @constraints.dependent_property
    def support(self):
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self):
        return self._mixture_distribution

    @property
    def component_distribution(self):
        return self._component_distribution

    @property
    def _weights(self):
        return self._pad_mixture_dimensions(self.mixture_distribution.probs)

    @property
    def mean(self):
        return kagari.sum(self._weights * self.component_distribution.mean, dim=-1 - self._event_ndims)

    @property
    def variance(self):
        # the law of total variance
        within = kagari.sum(self._weights * self.component_distribution.variance, dim=-1 - self._event_ndims)
        between = kagari.sum(self._weights * (self.component_distribution.mean - self._pad(self.mean)).pow(2.0), dim=-1 - self._event_ndims)
        return within + between

    def cdf(self, x):
        return kagari.sum(self.component_distribution.cdf(self._pad(x)) * self.mixture_distribution.probs, dim=-1)

    def log_prob(self, x):
        if self._validate_args:
            self._validate_sample(x)
        of_component = self.component_distribution.log_prob(self._pad(x))
        return kagari.logsumexp(of_component + kagari.log_softmax(self.mixture_distribution.logits, dim=-1), dim=-1)

    def sample(self, sample_shape=kagari.Size()):
        with kagari.no_grad():
            sample_len, batch_len = len(sample_shape), len(self.batch_shape)
            dim, event_shape = sample_len + batch_len, self.event_shape
            chosen = self.mixture_distribution.sample(sample_shape)
            drawn = self.component_distribution.sample(sample_shape)
            index = chosen.reshape(chosen.shape + kagari.Size([1] * (len(event_shape) + 1)))
            index = index.repeat(kagari.Size([1] * len(chosen.shape)) + kagari.Size([1]) + event_shape)
            return kagari.gather(drawn, dim, index).squeeze(dim)

    def _pad(self, x):
        return x.unsqueeze(-1 - self._event_ndims)

    def _pad_mixture_dimensions(self, x):
        missing = len(self.batch_shape) - len(self.mixture_distribution.batch_shape)
        shape = x.shape
        return x.reshape(shape[:-1] + kagari.Size(missing * [1]) + shape[-1:] + kagari.Size(self._event_ndims * [1]))

    def __repr__(self):
        return f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"
