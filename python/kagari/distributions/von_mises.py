"""The von Mises distribution of angles."""
import math

import kagari
from kagari.distributions import constraints
from kagari.distributions.distribution import Distribution
from kagari.distributions.utils import broadcast_all, lazy_property

__all__ = ["VonMises"]


def _log_bessel_i(order, x):
    """log I_0(x) or log I_1(x), by the exponentially scaled functions: no overflow for large x."""
    return x + (kagari.special.i0e(x) if order == 0 else kagari.special.i1e(x)).log()


class VonMises(Distribution):
    """Density exp(concentration cos(x - loc)) / (2 pi I_0(concentration)) for angles x, in radians; draws lie in [-pi, pi).

    Drawn by rejection (Best and Fisher, Efficient simulation of the von Mises distribution, 1979).
    """
    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False

    def __init__(self, loc, concentration, validate_args=None):
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, kagari.Size(), validate_args)

    def expand(self, batch_shape, _instance=None):
        return self._expanded(VonMises, batch_shape, ("loc", "concentration"), _instance)

    def log_prob(self, value):
        if self._validate_args:
            self._validate_sample(value)
        return self.concentration * kagari.cos(value - self.loc) - math.log(2 * math.pi) - _log_bessel_i(0, self.concentration)

    @lazy_property
    def _loc(self):
        return self.loc.to(kagari.double)

    @lazy_property
    def _concentration(self):
        return self.concentration.to(kagari.double)

    @lazy_property
    def _proposal_r(self):
        # Best and Fisher, for small concentrations by a Taylor series of the same
        kappa = self._concentration
        tau = 1 + (1 + 4 * kappa ** 2).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
        return kagari.where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho ** 2) / (2 * rho))

    def sample(self, sample_shape=kagari.Size()):
        with kagari.no_grad():
            shape = self._extended_shape(sample_shape)
            loc, kappa, r = self._loc, self._concentration, self._proposal_r
            x = kagari.empty(shape, dtype=kagari.double, device=self.loc.device)
            done = kagari.zeros(shape, dtype=kagari.bool, device=self.loc.device)
            while not done.all():
                u = kagari.rand((3,) + shape, dtype=kagari.double, device=self.loc.device)
                u1, u2, u3 = u.unbind()
                z = kagari.cos(math.pi * u1)
                f = (1 + r * z) / (r + z)
                c = kappa * (r - f)
                accept = ((c * (2 - c) - u2) > 0) | ((c / u2).log() + 1 - c >= 0)
                if accept.any():
                    x = kagari.where(accept, (u3 - 0.5).sign() * f.acos(), x)
                    done = done | accept
            return ((x + math.pi + loc) % (2 * math.pi) - math.pi).to(self.loc.dtype)

    @property
    def mean(self):
        return self.loc

    @property
    def mode(self):
        return self.loc

    @lazy_property
    def variance(self):
        """1 - I_1(concentration) / I_0(concentration), the circular variance."""
        return 1 - (_log_bessel_i(1, self.concentration) - _log_bessel_i(0, self.concentration)).exp()
