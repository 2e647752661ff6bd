"""The base class of all distributions."""
import warnings

import kagari
from kagari.distributions import constraints
from kagari.distributions.utils import lazy_property

__all__ = ["Distribution"]


class Distribution:
    """A probability distribution, or a batch of independent ones.

    batch_shape: the shape of the batch of parameters. event_shape: the shape of one draw. A sample has shape
    sample_shape + batch_shape + event_shape, and log_prob of it sample_shape + batch_shape. With validate_args (the default
    unless Python runs with -O) parameters and values outside their constraints raise ValueError.
    """

    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__

    @staticmethod
    def set_default_validate_args(value):
        """Whether distributions made from now on check their arguments."""
        if value not in (True, False):
            raise ValueError
        Distribution._validate_args = value

    def __init__(self, batch_shape=kagari.Size(), event_shape=kagari.Size(), validate_args=None):
        self._batch_shape = kagari.Size(batch_shape)
        self._event_shape = kagari.Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()
        super().__init__()

    def _check_parameters(self):
        try:
            expected = self.arg_constraints
        except NotImplementedError:
            expected = {}
            warnings.warn(f"{type(self)} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or initialize the "
                          "distribution with `validate_args=False` to turn off validation.")
        for name, constraint in expected.items():
            if constraints.is_dependent(constraint):
                continue
            if name not in self.__dict__ and isinstance(getattr(type(self), name), lazy_property):
                continue  # derived from another parameter, which is checked
            value = getattr(self, name)
            valid = constraint.check(value)
            if not valid.all():
                raise ValueError(f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of distribution {self!r} "
                                 f"to satisfy the constraint {constraint!r}, but found invalid values:\n{value}")

    def expand(self, batch_shape, _instance=None):
        """The same distribution with its parameters expanded to another batch shape."""
        raise NotImplementedError

    @property
    def batch_shape(self):
        return self._batch_shape

    @property
    def event_shape(self):
        return self._event_shape

    @property
    def arg_constraints(self):
        """Constraint of each parameter, by name."""
        raise NotImplementedError

    @property
    def support(self):
        """Constraint of the values."""
        raise NotImplementedError

    @property
    def mean(self):
        raise NotImplementedError

    @property
    def mode(self):
        raise NotImplementedError(f"{self.__class__} does not implement mode")

    @property
    def variance(self):
        raise NotImplementedError

    @property
    def stddev(self):
        return self.variance.sqrt()

    def sample(self, sample_shape=kagari.Size()):
        """Draws without a gradient."""
        with kagari.no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape=kagari.Size()):
        """Draws that are differentiable functions of the parameters, where has_rsample says so."""
        raise NotImplementedError

    def sample_n(self, n):
        """sample((n,)); deprecated."""
        warnings.warn("sample_n(n) will be deprecated. Use .sample((n,)) instead.", UserWarning, stacklevel=2)
        return self.sample(kagari.Size((n,)))

    def log_prob(self, value):
        """The logarithm of the density, or of the probability, at value."""
        raise NotImplementedError

    def cdf(self, value):
        """The probability of a draw up to value."""
        raise NotImplementedError

    def icdf(self, value):
        """The inverse of cdf."""
        raise NotImplementedError

    def enumerate_support(self, expand=True):
        """All values of a finite support, along a new first dimension."""
        raise NotImplementedError

    def entropy(self):
        """The differential or discrete entropy, in nats, of shape batch_shape."""
        raise NotImplementedError

    def perplexity(self):
        """exp(entropy)."""
        return kagari.exp(self.entropy())

    def _extended_shape(self, sample_shape=kagari.Size()):
        if not isinstance(sample_shape, kagari.Size):
            sample_shape = kagari.Size(sample_shape)
        return kagari.Size(sample_shape + self._batch_shape + self._event_shape)

    def _validate_sample(self, value):
        if not isinstance(value, kagari.Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        start = len(value.size()) - len(self._event_shape)
        if value.size()[start:] != self._event_shape:
            raise ValueError(f"The right-most size of value must match event_shape: {value.size()} vs {self._event_shape}.")
        expected = self._batch_shape + self._event_shape
        for i, j in zip(reversed(value.size()), reversed(expected)):
            if i != 1 and j != 1 and i != j:
                raise ValueError(f"Value is not broadcastable with batch_shape+event_shape: {value.size()} vs {expected}.")
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(f"{self.__class__} does not define `support` to enable sample validation. Please initialize the distribution with "
                          "`validate_args=False` to turn off validation.")
            return
        if not support.check(value).all():
            raise ValueError(f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be within the support "
                             f"({support!r}) of the distribution {self!r}, but found invalid values:\n{value}")

    def _get_checked_instance(self, cls, _instance=None):
        if _instance is None and type(self).__init__ != cls.__init__:
            raise NotImplementedError(f"Subclass {self.__class__.__name__} of {cls.__name__} that defines a custom __init__ method must also define "
                                      "a custom .expand() method.")
        return self.__new__(type(self)) if _instance is None else _instance

    def _expanded(self, cls, batch_shape, names, _instance=None, also=()):
        """A new object of this class with the named parameters expanded to batch_shape (plus what dimensions they have beyond it);
        the attributes `also` are taken over as they are."""
        new = self._get_checked_instance(cls, _instance)
        batch_shape = kagari.Size(batch_shape)
        for name in names:
            if name in self.__dict__:
                value = getattr(self, name)
                rest = value.shape[len(self._batch_shape):]
                setattr(new, name, value.expand(batch_shape + rest))
        for name in also:
            setattr(new, name, getattr(self, name))
        Distribution.__init__(new, batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def __repr__(self):
        names = [name for name in self.arg_constraints if name in self.__dict__]
        text = ", ".join(f"{name}: {self.__dict__[name] if self.__dict__[name].numel() == 1 else self.__dict__[name].size()}" for name in names)
        return f"{self.__class__.__name__}({text})"
