"""What the absolute values of numbers of a symmetric distribution around 0 have in common."""
import math

import kagari
from kagari.distributions import constraints
from kagari.distributions.transformed_distribution import TransformedDistribution
from kagari.distributions.transforms import AbsTransform


class Half(TransformedDistribution):
    """|x| for x of _whole(0, scale)."""
    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True
    _whole = None

    def __init__(self, scale, validate_args=None):
        super().__init__(self._whole(0, scale, validate_args=False), AbsTransform(), validate_args=validate_args)

    @property
    def scale(self):
        return self.base_dist.scale

    @property
    def mode(self):
        return kagari.zeros_like(self.scale)

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        value = kagari.as_tensor(value, dtype=self.base_dist.scale.dtype, device=self.base_dist.scale.device)
        return kagari.where(value >= 0, self.base_dist.log_prob(value) + math.log(2), -math.inf)

    def cdf(self, value):
        if self._validate_args:
            self._validate_sample(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, prob):
        return self.base_dist.icdf((prob + 1) / 2)

    def entropy(self):
        return self.base_dist.entropy() - math.log(2)
