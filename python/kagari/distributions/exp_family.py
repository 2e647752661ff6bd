"""Distributions whose log-density is <natural parameters, t(x)> - log normalizer + carrier measure."""
import kagari
from kagari.distributions.distribution import Distribution

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """A distribution of the exponential family: its natural parameters, log normalizer and mean carrier measure are known.

    The entropy and the Kullback-Leibler divergence of two of one class follow from the gradient of the log normalizer
    (Nielsen and Nock, Entropies and cross-entropies of exponential families, 2010).
    """

    @property
    def _natural_params(self):
        raise NotImplementedError

    def _log_normalizer(self, *natural_params):
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self):
        raise NotImplementedError

    def entropy(self):
        """F(eta) - <eta, grad F(eta)> - E[carrier measure]."""
        params = [p.detach().requires_grad_() for p in self._natural_params]
        normalizer = self._log_normalizer(*params)
        gradients = kagari.autograd.grad(normalizer.sum(), params, create_graph=True)
        result = -self._mean_carrier_measure + normalizer
        for param, gradient in zip(params, gradients):
            result = result - (param * gradient).reshape(self._batch_shape + (-1,)).sum(-1)
        return result
