"""Kullback-Leibler divergences KL(p || q) = E_p[log p(x) - log q(x)], registered by pairs of classes."""
import functools
import math
import warnings

import kagari
from kagari.autograd import grad
from kagari.distributions.bernoulli import Bernoulli
from kagari.distributions.beta import Beta
from kagari.distributions.binomial import Binomial
from kagari.distributions.categorical import Categorical
from kagari.distributions.cauchy import Cauchy
from kagari.distributions.continuous_bernoulli import ContinuousBernoulli
from kagari.distributions.dirichlet import Dirichlet
from kagari.distributions.distribution import Distribution
from kagari.distributions.exp_family import ExponentialFamily
from kagari.distributions.exponential import Exponential
from kagari.distributions.gamma import Gamma
from kagari.distributions.geometric import Geometric
from kagari.distributions.gumbel import Gumbel
from kagari.distributions.half_normal import HalfNormal
from kagari.distributions.independent import Independent
from kagari.distributions.laplace import Laplace
from kagari.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from kagari.distributions.multivariate_normal import MultivariateNormal, _batch_mahalanobis
from kagari.distributions.normal import Normal
from kagari.distributions.one_hot_categorical import OneHotCategorical
from kagari.distributions.pareto import Pareto
from kagari.distributions.poisson import Poisson
from kagari.distributions.transformed_distribution import TransformedDistribution
from kagari.distributions.uniform import Uniform
from kagari.distributions.utils import _sum_rightmost, euler_constant

__all__ = ["register_kl", "kl_divergence"]

_KL_REGISTRY = {}  # (class of p, class of q) -> function
_KL_MEMOIZE = {}   # the same with subclasses resolved


def register_kl(type_p, type_q):
    """Decorator: the function computes the divergence for p of type_p and q of type_q, subclasses included.

    Raises TypeError for what is no subclass of Distribution.
    """
    for role, kind in (("type_p", type_p), ("type_q", type_q)):
        if not isinstance(kind, type) and issubclass(kind, Distribution):
            raise TypeError(f"Expected {role} to be a Distribution subclass but got {kind}")

    def register(function):
        _KL_REGISTRY[type_p, type_q] = function
        _KL_MEMOIZE.clear()
        return function
    return register


@functools.total_ordering
class _Match:
    """Orders classes by how specific they are, so that the closest registered pair comes first."""
    __slots__ = ["types"]

    def __init__(self, *types):
        self.types = types

    def __eq__(self, other):
        return self.types == other.types

    def __le__(self, other):
        for x, y in zip(self.types, other.types):
            if not issubclass(x, y):
                return False
            if x is not y:
                break
        return True


def _dispatch_kl(type_p, type_q):
    matches = [(a, b) for a, b in _KL_REGISTRY if issubclass(type_p, a) and issubclass(type_q, b)]
    if not matches:
        return NotImplemented
    left_p, left_q = min(_Match(*m) for m in matches).types
    right_q, right_p = min(_Match(*reversed(m)) for m in matches).types
    left, right = _KL_REGISTRY[left_p, left_q], _KL_REGISTRY[right_p, right_q]
    if left is not right:
        warnings.warn(f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). Please register_kl({left_p.__name__}, {right_q.__name__})",
                      RuntimeWarning)
    return left


def kl_divergence(p, q):
    """KL(p || q), of shape batch_shape, in nats. Raises NotImplementedError if no formula is registered for the two classes."""
    key = type(p), type(q)
    function = _KL_MEMOIZE.get(key)
    if function is None:
        function = _KL_MEMOIZE[key] = _dispatch_kl(*key)
    if function is NotImplemented:
        raise NotImplementedError(f"No KL(p || q) is implemented for p type {p.__class__.__name__} and q type {q.__class__.__name__}")
    return function(p, q)


def _infinite_like(tensor):
    return kagari.full_like(tensor, kagari.inf)


def _x_log_x(tensor):
    return kagari.special.xlogy(tensor, tensor)


def _registered_as_infinite(p_types, q_types):
    """p gives values to which q gives no density."""
    for a in p_types:
        for b in q_types:
            register_kl(a, b)(lambda p, q, of=_PARAMETER[a]: _infinite_like(getattr(p, of)))


_PARAMETER = {Beta: "concentration1", ContinuousBernoulli: "probs", Exponential: "rate", Gamma: "concentration", Gumbel: "loc", Laplace: "loc",
              Normal: "loc", Pareto: "scale", Poisson: "rate", Uniform: "low"}

_registered_as_infinite([Beta, ContinuousBernoulli], [Pareto])
_registered_as_infinite([Exponential, Gamma, Gumbel, Laplace, Normal, Pareto], [Beta, ContinuousBernoulli, Uniform])
_registered_as_infinite([Gumbel, Laplace, Normal], [Exponential, Gamma, Pareto])
_registered_as_infinite([Exponential, Gamma], [Pareto])
_registered_as_infinite([Poisson], [Bernoulli, Binomial])


# ---------------------------------------------------------------- of one class
@register_kl(Bernoulli, Bernoulli)
def _bernoulli_bernoulli(p, q):
    t1 = p.probs * (kagari.nn.functional.softplus(-q.logits) - kagari.nn.functional.softplus(-p.logits))
    t1 = kagari.where(q.probs == 0, kagari.inf, t1)
    t1 = kagari.where(p.probs == 0, 0.0, t1)
    t2 = (1 - p.probs) * (kagari.nn.functional.softplus(q.logits) - kagari.nn.functional.softplus(p.logits))
    t2 = kagari.where(q.probs == 1, kagari.inf, t2)
    t2 = kagari.where(p.probs == 1, 0.0, t2)
    return t1 + t2


@register_kl(Beta, Beta)
def _beta_beta(p, q):
    sum_p, sum_q = p.concentration1 + p.concentration0, q.concentration1 + q.concentration0
    t1 = q.concentration1.lgamma() + q.concentration0.lgamma() + sum_p.lgamma()
    t2 = p.concentration1.lgamma() + p.concentration0.lgamma() + sum_q.lgamma()
    t3 = (p.concentration1 - q.concentration1) * kagari.digamma(p.concentration1)
    t4 = (p.concentration0 - q.concentration0) * kagari.digamma(p.concentration0)
    return t1 - t2 + t3 + t4 + (sum_q - sum_p) * kagari.digamma(sum_p)


@register_kl(Binomial, Binomial)
def _binomial_binomial(p, q):
    if (p.total_count < q.total_count).any():
        raise NotImplementedError("KL between Binomials where q.total_count > p.total_count is not implemented")
    kl = p.total_count * (p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p())
    return kagari.where(p.total_count > q.total_count, _infinite_like(kl), kl)


@register_kl(Categorical, Categorical)
def _categorical_categorical(p, q):
    t = p.probs * (p.logits - q.logits)
    t = kagari.where((q.probs == 0).expand_as(t), kagari.inf, t)
    t = kagari.where((p.probs == 0).expand_as(t), 0.0, t)
    return t.sum(-1)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli_continuous_bernoulli(p, q):
    t1 = p.mean * (p.logits - q.logits)
    return t1 + p._cont_bern_log_norm() + kagari.log1p(-p.probs) - q._cont_bern_log_norm() - kagari.log1p(-q.probs)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet_dirichlet(p, q):
    sum_p, sum_q = p.concentration.sum(-1), q.concentration.sum(-1)
    t = (p.concentration - q.concentration) * (p.concentration.digamma() - sum_p.digamma().unsqueeze(-1))
    return sum_p.lgamma() - sum_q.lgamma() - (p.concentration.lgamma() - q.concentration.lgamma()).sum(-1) + t.sum(-1)


@register_kl(Exponential, Exponential)
def _exponential_exponential(p, q):
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(ExponentialFamily, ExponentialFamily)
def _expfamily_expfamily(p, q):
    if type(p) is not type(q):
        raise NotImplementedError("The cross KL-divergence between different exponential families cannot be computed using Bregman divergences")
    of_p = [n.detach().requires_grad_() for n in p._natural_params]
    of_q = q._natural_params
    log_normalizer = p._log_normalizer(*of_p)
    gradients = grad(log_normalizer.sum(), of_p, create_graph=True)
    result = q._log_normalizer(*of_q) - log_normalizer
    for a, b, g in zip(of_p, of_q, gradients):
        result = result - _sum_rightmost((b - a) * g, len(q.event_shape))
    return result


@register_kl(Gamma, Gamma)
def _gamma_gamma(p, q):
    t1 = q.concentration * (p.rate / q.rate).log()
    t2 = kagari.lgamma(q.concentration) - kagari.lgamma(p.concentration)
    t3 = (p.concentration - q.concentration) * kagari.digamma(p.concentration)
    return t1 + t2 + t3 + (q.rate - p.rate) * (p.concentration / p.rate)


@register_kl(Gumbel, Gumbel)
def _gumbel_gumbel(p, q):
    t1, t2, t3 = p.scale / q.scale, q.loc / q.scale, p.loc / q.scale
    ct1 = t1 * euler_constant
    return -t1.log() - t2 + t3 + ct1 + kagari.exp(t2 + (1 + t1).lgamma() - t3) - (1 + euler_constant)


@register_kl(Geometric, Geometric)
def _geometric_geometric(p, q):
    return -p.entropy() - kagari.log1p(-q.probs) / p.probs - q.logits


@register_kl(HalfNormal, HalfNormal)
def _halfnormal_halfnormal(p, q):
    return _normal_normal(p.base_dist, q.base_dist)


@register_kl(Laplace, Laplace)
def _laplace_laplace(p, q):
    ratio, distance = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + distance / q.scale + ratio * kagari.exp(-distance / p.scale) - 1


def _trace_of_square(lower, matrix):
    """tr(M^T (L L^T)^-1 M), of matrices (..., n, m) and their Cholesky factor (..., n, n)."""
    return kagari.linalg.solve_triangular(lower, matrix, upper=False).pow(2).sum((-2, -1))


@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _lowrank_lowrank(p, q):
    _check_event_shapes(p, q, "Low Rank Multivariate Normals")
    log_dets = q._log_det() - p._log_det()
    distance = q._mahalanobis(q.loc - p.loc)
    # tr(q.C^-1 p.C), with q.C^-1 = D^-1 - A^T A
    scaled = q._unbroadcasted_cov_factor.mT / q._unbroadcasted_cov_diag.unsqueeze(-2)
    a = kagari.linalg.solve_triangular(q._capacitance_tril, scaled, upper=False)
    trace = (p._unbroadcasted_cov_diag / q._unbroadcasted_cov_diag).sum(-1)
    trace = trace + (p._unbroadcasted_cov_factor * q._unbroadcasted_cov_diag.rsqrt().unsqueeze(-1)).pow(2).sum((-2, -1))
    trace = trace - (a * p._unbroadcasted_cov_diag.sqrt().unsqueeze(-2)).pow(2).sum((-2, -1))
    trace = trace - a.matmul(p._unbroadcasted_cov_factor).pow(2).sum((-2, -1))
    return 0.5 * (log_dets + trace + distance - p.event_shape[0])


@register_kl(MultivariateNormal, LowRankMultivariateNormal)
def _mvn_lowrank(p, q):
    _check_event_shapes(p, q, "(Low Rank) Multivariate Normals")
    log_dets = q._log_det() - 2 * p._half_log_det()
    distance = q._mahalanobis(q.loc - p.loc)
    scaled = q._unbroadcasted_cov_factor.mT / q._unbroadcasted_cov_diag.unsqueeze(-2)
    a = kagari.linalg.solve_triangular(q._capacitance_tril, scaled, upper=False)
    trace = (p._unbroadcasted_scale_tril * q._unbroadcasted_cov_diag.rsqrt().unsqueeze(-1)).pow(2).sum((-2, -1))
    trace = trace - a.matmul(p._unbroadcasted_scale_tril).pow(2).sum((-2, -1))
    return 0.5 * (log_dets + trace + distance - p.event_shape[0])


@register_kl(LowRankMultivariateNormal, MultivariateNormal)
def _lowrank_mvn(p, q):
    _check_event_shapes(p, q, "(Low Rank) Multivariate Normals")
    log_dets = 2 * q._half_log_det() - p._log_det()
    distance = _batch_mahalanobis(q._unbroadcasted_scale_tril, q.loc - p.loc)
    batch = kagari.broadcast_shapes(q._unbroadcasted_scale_tril.shape[:-2], p._unbroadcasted_cov_factor.shape[:-2], p._unbroadcasted_cov_diag.shape[:-1])
    n = p.event_shape[0]
    lower = q._unbroadcasted_scale_tril.expand(batch + (n, n))
    factor = p._unbroadcasted_cov_factor.expand(batch + (n, p.cov_factor.size(-1)))
    root = kagari.diag_embed(p._unbroadcasted_cov_diag.sqrt()).expand(batch + (n, n))
    return 0.5 * (log_dets + _trace_of_square(lower, factor) + _trace_of_square(lower, root) + distance - n)


def _check_event_shapes(p, q, kind):
    if p.event_shape != q.event_shape:
        raise ValueError(f"KL-divergence between two {kind} with different event shapes cannot be computed")


@register_kl(MultivariateNormal, MultivariateNormal)
def _mvn_mvn(p, q):
    _check_event_shapes(p, q, "Multivariate Normals")
    batch = kagari.broadcast_shapes(q._unbroadcasted_scale_tril.shape[:-2], p._unbroadcasted_scale_tril.shape[:-2])
    n = p.event_shape[0]
    trace = _trace_of_square(q._unbroadcasted_scale_tril.expand(batch + (n, n)), p._unbroadcasted_scale_tril.expand(batch + (n, n)))
    distance = _batch_mahalanobis(q._unbroadcasted_scale_tril, q.loc - p.loc)
    return q._half_log_det() - p._half_log_det() + 0.5 * (trace + distance - n)


@register_kl(Normal, Normal)
def _normal_normal(p, q):
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(OneHotCategorical, OneHotCategorical)
def _onehot_onehot(p, q):
    return _categorical_categorical(p._categorical, q._categorical)


@register_kl(Pareto, Pareto)
def _pareto_pareto(p, q):
    t1 = q.alpha * (p.scale / q.scale).log()
    result = t1 - (q.alpha / p.alpha).log() + q.alpha / p.alpha - 1
    return kagari.where(p.scale < q.scale, kagari.inf, result)


@register_kl(Poisson, Poisson)
def _poisson_poisson(p, q):
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed_transformed(p, q):
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Uniform, Uniform)
def _uniform_uniform(p, q):
    result = ((q.high - q.low) / (p.high - p.low)).log()
    return kagari.where((q.low > p.low) | (q.high < p.high), kagari.inf, result)


@register_kl(Independent, Independent)
def _independent_independent(p, q):
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return _sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(Cauchy, Cauchy)
def _cauchy_cauchy(p, q):
    # Chyzak and Nielsen, A closed-form formula for the Kullback-Leibler divergence between Cauchy distributions, 2019
    return ((p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)).log() - (4 * p.scale * q.scale).log()


# ---------------------------------------------------------------- of two classes
@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p, q):
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


@register_kl(Beta, ContinuousBernoulli)
def _beta_continuous_bernoulli(p, q):
    return -p.entropy() - p.mean * q.logits - kagari.log1p(-q.probs) - q._cont_bern_log_norm()


@register_kl(Beta, Exponential)
def _beta_exponential(p, q):
    return -p.entropy() - q.rate.log() + q.rate * (p.concentration1 / (p.concentration1 + p.concentration0))


@register_kl(Beta, Gamma)
def _beta_gamma(p, q):
    sum_p = p.concentration1 + p.concentration0
    t2 = q.concentration.lgamma() - q.concentration * q.rate.log()
    t3 = (q.concentration - 1) * (p.concentration1.digamma() - sum_p.digamma())
    return -p.entropy() + t2 - t3 + q.rate * p.concentration1 / sum_p


@register_kl(Beta, Normal)
def _beta_normal(p, q):
    mean = p.concentration1 / (p.concentration1 + p.concentration0)
    variance = q.scale.pow(2)
    t2 = 0.5 * (variance * 2 * math.pi).log()
    second_moment = mean * (1 - mean) / (p.concentration1 + p.concentration0 + 1) + mean.pow(2)
    return -p.entropy() + t2 + (0.5 * second_moment - mean * q.loc + 0.5 * q.loc.pow(2)) / variance


@register_kl(Beta, Uniform)
def _beta_uniform(p, q):
    return kagari.where((q.low > p.support.lower_bound) | (q.high < p.support.upper_bound), kagari.inf, -p.entropy() + (q.high - q.low).log())


@register_kl(ContinuousBernoulli, Exponential)
def _continuous_bernoulli_exponential(p, q):
    return -p.entropy() - kagari.log(q.rate) + q.rate * p.mean


@register_kl(ContinuousBernoulli, Normal)
def _continuous_bernoulli_normal(p, q):
    t2 = 0.5 * (math.log(2.0 * math.pi) + kagari.square(q.loc / q.scale)) + kagari.log(q.scale)
    return -p.entropy() + t2 + (p.variance + kagari.square(p.mean) - 2.0 * q.loc * p.mean) / (2.0 * kagari.square(q.scale))


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_bernoulli_uniform(p, q):
    result = -p.entropy() + (q.high - q.low).log()
    outside = kagari.max(kagari.ge(q.low, p.support.lower_bound), kagari.le(q.high, p.support.upper_bound))
    return kagari.where(outside, kagari.ones_like(result) * kagari.inf, result)


@register_kl(Exponential, Gamma)
def _exponential_gamma(p, q):
    ratio = q.rate / p.rate
    t1 = -q.concentration * kagari.log(ratio)
    return t1 + ratio + q.concentration.lgamma() + q.concentration * euler_constant - (1 + euler_constant)


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p, q):
    product = p.rate * q.scale
    t3 = kagari.exp(q.loc / q.scale) * product / (product + 1)
    return product.log() - 1 - q.loc / q.scale + product.reciprocal() + t3


@register_kl(Exponential, Normal)
def _exponential_normal(p, q):
    variance, rate_square = q.scale.pow(2), p.rate.pow(2)
    t1 = 0.5 * kagari.log(rate_square * variance * 2 * math.pi)
    return t1 - 1 + (rate_square.reciprocal() - q.loc / p.rate + q.loc.pow(2) / 2) / variance


@register_kl(Gamma, Exponential)
def _gamma_exponential(p, q):
    return -p.entropy() - q.rate.log() + q.rate * p.concentration / p.rate


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p, q):
    product = p.rate * q.scale
    t1 = (p.concentration - 1) * p.concentration.digamma() - p.concentration.lgamma() - p.concentration
    t2 = product.log() + p.concentration / product
    return t1 + t2 + kagari.exp(q.loc / q.scale) * (1 + product.reciprocal()).pow(-p.concentration) - q.loc / q.scale


@register_kl(Gamma, Normal)
def _gamma_normal(p, q):
    variance, rate_square = q.scale.pow(2), p.rate.pow(2)
    t1 = 0.5 * kagari.log(rate_square * variance * 2 * math.pi) - p.concentration - p.concentration.lgamma()
    t2 = 0.5 * (p.concentration.pow(2) + p.concentration) / rate_square
    return t1 + (p.concentration - 1) * p.concentration.digamma() + (t2 - q.loc * p.concentration / p.rate + 0.5 * q.loc.pow(2)) / variance


@register_kl(Gumbel, Normal)
def _gumbel_normal(p, q):
    ratio = p.scale / q.scale
    t1 = (ratio / math.sqrt(2 * math.pi)).log()
    t2 = (math.pi * ratio * 0.5).pow(2) / 3
    return -t1 + t2 + ((p.loc + p.scale * euler_constant - q.loc) / q.scale).pow(2) * 0.5 - (euler_constant + 1)


@register_kl(Laplace, Normal)
def _laplace_normal(p, q):
    variance = q.scale.pow(2)
    ratio = p.scale.pow(2) / variance
    t1 = 0.5 * kagari.log(2 * ratio / math.pi)
    return -t1 + ratio + (0.5 * p.loc.pow(2) - p.loc * q.loc + 0.5 * q.loc.pow(2)) / variance - 1


@register_kl(Normal, Gumbel)
def _normal_gumbel(p, q):
    mean_ratio, square_ratio, loc_ratio = p.loc / q.scale, (p.scale / q.scale).pow(2), q.loc / q.scale
    t2 = kagari.exp(-mean_ratio + 0.5 * square_ratio + loc_ratio)
    return mean_ratio - loc_ratio + t2 - 0.5 * (square_ratio.log() + 1 + math.log(2 * math.pi))


@register_kl(Normal, Laplace)
def _normal_laplace(p, q):
    difference = p.loc - q.loc
    ratio = difference / p.scale
    t1 = kagari.log(p.scale / q.scale)
    t2 = math.sqrt(2 / math.pi) * p.scale * kagari.exp(-0.5 * ratio.pow(2))
    t3 = difference * kagari.erf(math.sqrt(0.5) * ratio)
    return -t1 + (t2 + t3) / q.scale - 0.5 * (1 + math.log(0.5 * math.pi))


@register_kl(Pareto, Exponential)
def _pareto_exponential(p, q):
    product = p.scale * q.rate
    t1 = (p.alpha / product).log()
    return kagari.where(p.alpha <= 1, kagari.inf, t1 - p.alpha.reciprocal() + p.alpha * product / (p.alpha - 1) - 1)


@register_kl(Pareto, Gamma)
def _pareto_gamma(p, q):
    common = p.scale.log() + p.alpha.reciprocal()
    t1 = p.alpha.log() - common
    t2 = q.concentration.lgamma() - q.concentration * q.rate.log()
    result = t1 + t2 + (1 - q.concentration) * common + q.rate * p.alpha * p.scale / (p.alpha - 1) - 1
    return kagari.where(p.alpha <= 1, kagari.inf, result)


@register_kl(Pareto, Normal)
def _pareto_normal(p, q):
    variance, less_one = 2 * q.scale.pow(2), p.alpha - 1
    t1 = kagari.log(math.sqrt(2 * math.pi) * q.scale * p.alpha / p.scale)
    t3 = p.alpha * p.scale.pow(2) / (p.alpha - 2)
    t4 = (p.alpha * p.scale / less_one - q.loc).pow(2)
    variance_p = t3 - (p.alpha * p.scale / less_one).pow(2)
    result = t1 - p.alpha.reciprocal() + (variance_p + t4) / variance - 1
    return kagari.where(p.alpha <= 2, kagari.inf, result)


@register_kl(Uniform, Beta)
def _uniform_beta(p, q):
    common = p.high - p.low
    t1 = kagari.log(common)
    t2 = (q.concentration1 - 1) * (_x_log_x(p.high) - _x_log_x(p.low) - common) / common
    t3 = (q.concentration0 - 1) * (_x_log_x(1 - p.high) - _x_log_x(1 - p.low) + common) / common
    t4 = q.concentration1.lgamma() + q.concentration0.lgamma() - (q.concentration1 + q.concentration0).lgamma()
    result = t3 + t4 - t1 - t2
    return kagari.where((p.high > q.support.upper_bound) | (p.low < q.support.lower_bound), kagari.inf, result)


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous_bernoulli(p, q):
    result = -p.entropy() - p.mean * q.logits - kagari.log1p(-q.probs) - q._cont_bern_log_norm()
    outside = kagari.max(kagari.ge(p.high, q.support.upper_bound), kagari.le(p.low, q.support.lower_bound))
    return kagari.where(outside, kagari.ones_like(result) * kagari.inf, result)


@register_kl(Uniform, Exponential)
def _uniform_exponential(p, q):
    result = q.rate * (p.high + p.low) / 2 - ((p.high - p.low) * q.rate).log()
    return kagari.where(p.low < q.support.lower_bound, kagari.inf, result)


@register_kl(Uniform, Gamma)
def _uniform_gamma(p, q):
    common = p.high - p.low
    t2 = q.concentration.lgamma() - q.concentration * q.rate.log()
    t3 = (1 - q.concentration) * (_x_log_x(p.high) - _x_log_x(p.low) - common) / common
    result = -common.log() + t2 + t3 + q.rate * (p.high + p.low) / 2
    return kagari.where(p.low < q.support.lower_bound, kagari.inf, result)


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p, q):
    common = q.scale / (p.high - p.low)
    high, low = (p.high - q.loc) / q.scale, (p.low - q.loc) / q.scale
    t1 = common.log() + 0.5 * (high + low)
    return t1 - common * (kagari.exp(-high) - kagari.exp(-low))


@register_kl(Uniform, Normal)
def _uniform_normal(p, q):
    common = p.high - p.low
    t1 = (math.sqrt(math.pi * 2) * q.scale / common).log()
    t2 = common.pow(2) / 12
    return t1 + 0.5 * (t2 + ((p.high + p.low - 2 * q.loc) / 2).pow(2)) / q.scale.pow(2)


@register_kl(Uniform, Pareto)
def _uniform_pareto(p, q):
    common = p.high - p.low
    t1 = (q.alpha * q.scale.pow(q.alpha) * common).log()
    t2 = (_x_log_x(p.high) - _x_log_x(p.low) - common) / common
    result = t2 * (q.alpha + 1) - t1
    return kagari.where(p.low < q.support.lower_bound, kagari.inf, result)
