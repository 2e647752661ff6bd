"""The base of passes over GraphModules."""
import abc
import collections

__all__ = ["PassBase", "PassResult"]


class PassResult(collections.namedtuple("PassResult", ["graph_module", "modified"])):
    """What a pass gives: the module, and whether it changed."""
    __slots__ = ()


class PassBase(abc.ABC):
    """A pass: call(graph_module) does the work; requires and ensures check before and after it."""

    def __call__(self, graph_module):
        self.requires(graph_module)
        result = self.call(graph_module)
        self.ensures(graph_module)
        return result

    @abc.abstractmethod
    def call(self, graph_module):
        """The PassResult for the module, or None."""

    def requires(self, graph_module):
        """Raises if the module does not fit the pass."""

    def ensures(self, graph_module):
        """Raises if the result is not right."""
