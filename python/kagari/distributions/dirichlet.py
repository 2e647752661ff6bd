"""The Dirichlet distribution."""
import kagari
from kagari.autograd import Function
from kagari.autograd.function import once_differentiable
from kagari.distributions import constraints
from kagari.distributions.exp_family import ExponentialFamily

__all__ = ["Dirichlet"]


class _Sample(Function):
    """Draws whose gradient follows from moving each component at a fixed quantile of its beta marginal."""

    @staticmethod
    def forward(ctx, concentration):
        x = kagari._sample_dirichlet(concentration)
        ctx.save_for_backward(x, concentration)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, concentration = ctx.saved_tensors
        total = concentration.sum(-1, True).expand_as(concentration)
        slope = kagari._dirichlet_grad(x, concentration, total)
        return slope * (grad - (x * grad).sum(-1, True))


class Dirichlet(ExponentialFamily):
    """Density proportional to prod x_i^(c_i - 1) on the simplex; the last dimension of concentration is the event."""
    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration, validate_args=None):
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        return self._expanded(Dirichlet, batch_shape, ("concentration",), _instance)

    def rsample(self, sample_shape=()):
        return _Sample.apply(self.concentration.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        return (kagari.xlogy(self.concentration - 1.0, value).sum(-1) + kagari.lgamma(self.concentration.sum(-1))
                - kagari.lgamma(self.concentration).sum(-1))

    @property
    def mean(self):
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self):
        above = (self.concentration - 1).clamp(min=0.0)
        mode = above / above.sum(-1, True)
        flat = (self.concentration < 1).all(dim=-1)
        mode[flat] = kagari.nn.functional.one_hot(mode[flat].argmax(dim=-1), above.shape[-1:].numel()).to(mode)
        return mode

    @property
    def variance(self):
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def entropy(self):
        k, total = self.concentration.size(-1), self.concentration.sum(-1)
        return (kagari.lgamma(self.concentration).sum(-1) - kagari.lgamma(total) - (k - total) * kagari.digamma(total)
                - ((self.concentration - 1.0) * kagari.digamma(self.concentration)).sum(-1))

    @property
    def _natural_params(self):
        return (self.concentration,)

    def _log_normalizer(self, x):
        return x.lgamma().sum(-1) - kagari.lgamma(x.sum(-1))
