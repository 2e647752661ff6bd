"""The Wishart distribution of positive definite matrices."""
import math
import warnings

import kagari
from kagari.distributions import constraints
from kagari.distributions.chi2 import Chi2
from kagari.distributions.exp_family import ExponentialFamily
from kagari.distributions.multivariate_normal import _precision_to_scale_tril
from kagari.distributions.utils import lazy_property

__all__ = ["Wishart"]


def _mvdigamma(x, p):
    """The derivative of mvlgamma: sum of digamma(x - i / 2) for i < p."""
    return kagari.digamma(x.unsqueeze(-1) - kagari.arange(p, dtype=x.dtype, device=x.device).div(2).expand(x.shape + (-1,))).sum(-1)


class Wishart(ExponentialFamily):
    """Sums of df outer products of normal vectors with the given covariance; df may be any number above n - 1.

    One of covariance_matrix, precision_matrix and scale_tril, of shape (..., n, n), is given. Drawn by Bartlett's decomposition.
    Raises ValueError for another number of them, fewer than two dimensions, or df <= n - 1.
    """
    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    def __init__(self, df, covariance_matrix=None, precision_matrix=None, scale_tril=None, validate_args=None):
        given = {"scale_tril": scale_tril, "covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix}
        given = {name: value for name, value in given.items() if value is not None}
        if len(given) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        (name, matrix), = given.items()
        if matrix.dim() < 2:
            raise ValueError("scale_tril must be at least two-dimensional, with optional leading batch dimensions")
        event_shape = matrix.shape[-2:]
        df = kagari.tensor(df, dtype=matrix.dtype, device=matrix.device) if isinstance(df, (int, float)) else df
        batch_shape = kagari.broadcast_shapes(matrix.shape[:-2], df.shape)
        self.df = df.expand(batch_shape)
        if self.df.le(event_shape[-1] - 1).any():
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {event_shape[-1] - 1}.")
        setattr(self, name, matrix.expand(batch_shape + event_shape))
        if self.df.lt(event_shape[-1]).any():
            warnings.warn("Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim.", stacklevel=2)
        super().__init__(batch_shape, event_shape, validate_args=validate_args)
        self._batch_dims = [-(x + 1) for x in range(len(self._batch_shape))]
        if name == "scale_tril":
            self._unbroadcasted_scale_tril = matrix
        elif name == "covariance_matrix":
            self._unbroadcasted_scale_tril = kagari.linalg.cholesky(matrix)
        else:
            self._unbroadcasted_scale_tril = _precision_to_scale_tril(matrix)
        self._dist_chi2 = self._squared_diagonal()

    @property
    def arg_constraints(self):
        return {"covariance_matrix": constraints.positive_definite, "precision_matrix": constraints.positive_definite,
                "scale_tril": constraints.lower_cholesky, "df": constraints.greater_than(self.event_shape[-1] - 1)}

    def _squared_diagonal(self):
        """The chi-squared distributions of Bartlett's diagonal: df, df - 1, ..."""
        n = self._event_shape[-1]
        steps = kagari.arange(n, dtype=self._unbroadcasted_scale_tril.dtype, device=self._unbroadcasted_scale_tril.device)
        return Chi2(df=self.df.unsqueeze(-1) - steps.expand(self._batch_shape + (-1,)))

    def expand(self, batch_shape, _instance=None):
        new = self._expanded(Wishart, batch_shape, ("df", "scale_tril", "covariance_matrix", "precision_matrix"), _instance,
                             also=("_unbroadcasted_scale_tril",))
        new._batch_dims = [-(x + 1) for x in range(len(new._batch_shape))]
        new._dist_chi2 = new._squared_diagonal()
        return new

    def _whole(self, matrix):
        return matrix.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self):
        return self._whole(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self):
        return self._whole(self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT)

    @lazy_property
    def precision_matrix(self):
        n = self._event_shape[-1]
        identity = kagari.eye(n, device=self._unbroadcasted_scale_tril.device, dtype=self._unbroadcasted_scale_tril.dtype)
        return self._whole(kagari.cholesky_solve(identity, self._unbroadcasted_scale_tril))

    @property
    def mean(self):
        return self.df.view(self._batch_shape + (1, 1)) * self.covariance_matrix

    @property
    def mode(self):
        factor = self.df - self.covariance_matrix.shape[-1] - 1
        factor = kagari.where(factor <= 0, kagari.nan, factor)
        return factor.view(self._batch_shape + (1, 1)) * self.covariance_matrix

    @property
    def variance(self):
        c = self.covariance_matrix
        diagonal = c.diagonal(dim1=-2, dim2=-1)
        return self.df.view(self._batch_shape + (1, 1)) * (c.pow(2) + kagari.einsum("...i,...j->...ij", diagonal, diagonal))

    def _bartlett(self, sample_shape):
        n = self._event_shape[-1]
        noise = self._dist_chi2.rsample(sample_shape).sqrt().diag_embed(dim1=-2, dim2=-1)
        i, j = kagari.tril_indices(n, n, offset=-1)
        noise[..., i, j] = kagari.randn(kagari.Size(sample_shape) + self._batch_shape + (n * (n - 1) // 2,), dtype=noise.dtype, device=noise.device)
        chol = self._unbroadcasted_scale_tril @ noise
        return chol @ chol.mT

    def rsample(self, sample_shape=kagari.Size(), max_try_correction=10):
        """Draws; those that rounding made singular are drawn again, up to max_try_correction times."""
        sample_shape = kagari.Size(sample_shape)
        sample = self._bartlett(sample_shape)
        singular = self.support.check(sample).logical_not()
        if singular.any():
            warnings.warn("Singular sample detected.")
            for _ in range(10 if max_try_correction is None else max_try_correction):
                again = self._bartlett(sample_shape)
                sample = kagari.where(singular[..., None, None], again, sample)
                singular = singular & self.support.check(sample).logical_not()
                if not singular.any():
                    break
        return sample

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        nu, p = self.df, self._event_shape[-1]
        return (-nu * (p * math.log(2) / 2 + self._unbroadcasted_scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1))
                - kagari.mvlgamma(nu / 2, p=p)
                + (nu - p - 1) / 2 * kagari.linalg.slogdet(value).logabsdet
                - kagari.cholesky_solve(value, self._unbroadcasted_scale_tril).diagonal(dim1=-2, dim2=-1).sum(dim=-1) / 2)

    def entropy(self):
        nu, p = self.df, self._event_shape[-1]
        return ((p + 1) * (p * math.log(2) / 2 + self._unbroadcasted_scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1))
                + kagari.mvlgamma(nu / 2, p=p) - (nu - p - 1) / 2 * _mvdigamma(nu / 2, p=p) + nu * p / 2)

    @property
    def _natural_params(self):
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x, y):
        p = self._event_shape[-1]
        return (y + (p + 1) / 2) * (-kagari.linalg.slogdet(-2 * x).logabsdet + math.log(2) * p) + kagari.mvlgamma(y + (p + 1) / 2, p=p)
