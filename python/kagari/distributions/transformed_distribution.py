"""Distributions of transformed numbers."""
import kagari
from kagari.distributions import constraints
from kagari.distributions.distribution import Distribution
from kagari.distributions.independent import Independent
from kagari.distributions.transforms import ComposeTransform, Transform
from kagari.distributions.utils import _sum_rightmost

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Distribution):
    """t_n(...t_1(x)) for x of base_distribution and a transform or a list of them.

    log_prob(y) = log_prob of x - the log-determinants of the transforms. Raises ValueError if transforms is neither.
    """
    arg_constraints = {}

    def __init__(self, base_distribution, transforms, validate_args=None):
        if isinstance(transforms, Transform):
            self.transforms = [transforms]
        elif isinstance(transforms, list):
            if not all(isinstance(t, Transform) for t in transforms):
                raise ValueError("transforms must be a Transform or a list of Transforms")
            self.transforms = transforms
        else:
            raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
        whole = ComposeTransform(self.transforms)
        base_shape = base_distribution.batch_shape + base_distribution.event_shape
        if len(base_shape) < whole.domain.event_dim:
            raise ValueError(f"base_distribution needs to have shape with size at least {whole.domain.event_dim}, but got {base_shape}.")
        forward_shape = whole.forward_shape(base_shape)
        needed = whole.inverse_shape(forward_shape)
        if base_shape != needed:  # the transforms' parameters broadcast the base
            base_distribution = base_distribution.expand(needed[:len(needed) - len(base_distribution.event_shape)])
        moved = whole.domain.event_dim - len(base_distribution.event_shape)
        if moved > 0:
            base_distribution = Independent(base_distribution, moved)
        self.base_dist = base_distribution
        event_dim = whole.codomain.event_dim + max(len(base_distribution.event_shape) - whole.domain.event_dim, 0)
        cut = len(forward_shape) - event_dim
        super().__init__(forward_shape[:cut], forward_shape[cut:], validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        new = self._get_checked_instance(TransformedDistribution, _instance)
        batch_shape = kagari.Size(batch_shape)
        shape = batch_shape + self.event_shape
        for t in reversed(self.transforms):
            shape = t.inverse_shape(shape)
        new.base_dist = self.base_dist.expand(shape[:len(shape) - len(self.base_dist.event_shape)])
        new.transforms = self.transforms
        super(TransformedDistribution, new).__init__(batch_shape, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @constraints.dependent_property(is_discrete=False)
    def support(self):
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        if len(self.event_shape) > support.event_dim:
            support = constraints.independent(support, len(self.event_shape) - support.event_dim)
        return support

    @property
    def has_rsample(self):
        return self.base_dist.has_rsample

    def _through(self, x):
        for t in self.transforms:
            x = t(x)
        return x

    def _back(self, value):
        for t in reversed(self.transforms):
            value = t.inv(value)
        return value

    def sample(self, sample_shape=kagari.Size()):
        with kagari.no_grad():
            return self._through(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape=kagari.Size()):
        return self._through(self.base_dist.rsample(sample_shape))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        event_dim, result, y = len(self.event_shape), 0.0, value
        for t in reversed(self.transforms):
            x = t.inv(y)
            event_dim += t.domain.event_dim - t.codomain.event_dim
            result = result - _sum_rightmost(t.log_abs_det_jacobian(x, y), event_dim - t.domain.event_dim)
            y = x
        return result + _sum_rightmost(self.base_dist.log_prob(y), event_dim - len(self.base_dist.event_shape))

    def _sign(self):
        """Of the composed transform: -1 where it turns the order of numbers round."""
        sign = 1
        for t in self.transforms:
            sign = sign * t.sign
        return sign

    @staticmethod
    def _turned(sign, probability):
        if isinstance(sign, int) and sign == 1:
            return probability
        return sign * (probability - 0.5) + 0.5

    def cdf(self, value):
        if self._validate_args:
            self._validate_sample(value)
        sign = self._sign()
        return self._turned(sign, self.base_dist.cdf(self._back(value)))

    def icdf(self, value):
        return self._through(self.base_dist.icdf(self._turned(self._sign(), value)))
