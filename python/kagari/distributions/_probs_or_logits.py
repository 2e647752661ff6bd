"""What the distributions of events with a probability have in common: they take probs or logits, and give both."""
from kagari.distributions.utils import broadcast_all, lazy_property, logits_to_probs, probs_to_logits


class ProbsOrLogits:
    """One of probs and logits is given, the other, log-odds or probability, is computed when it is first read."""

    def _take(self, probs, logits):
        """Keeps the one that is given, as a tensor. Raises ValueError unless exactly one is."""
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        name, value = ("probs", probs) if probs is not None else ("logits", logits)
        setattr(self, name, broadcast_all(value)[0])
        self._given = name

    @property
    def _param(self):
        """The one that was given."""
        return self.__dict__[self._given]

    @lazy_property
    def logits(self):
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self):
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def param_shape(self):
        return self._param.size()
