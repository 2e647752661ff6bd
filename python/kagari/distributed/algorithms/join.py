"""Join: training with different numbers of batches per process. Those that are done shadow the others' collective operations."""
import warnings
from abc import ABC, abstractmethod
from collections import namedtuple

import kagari

__all__ = ["Join", "JoinHook", "Joinable"]


class JoinHook:
    """What a process without data does in each of the others' iterations (main_hook), and once at the end (post_hook)."""

    def main_hook(self):
        """Shadows the collective operations of one iteration."""

    def post_hook(self, is_last_joiner):
        """Runs when all processes are done; is_last_joiner: whether this one was among the last."""


_JoinConfig = namedtuple("_JoinConfig", ["enable", "throw_on_early_termination", "is_first_joinable"])


class Joinable(ABC):
    """An object whose collective operations can be shadowed: it gives a JoinHook, a device and a process group."""

    @abstractmethod
    def __init__(self):
        super().__init__()
        self._join_config = _JoinConfig(False, False, False)

    @abstractmethod
    def join_hook(self, **kwargs):
        """The JoinHook of this object."""

    @property
    @abstractmethod
    def join_device(self):
        """The device of its collective operations."""

    @property
    @abstractmethod
    def join_process_group(self):
        """The group of its collective operations."""


class Join:
    """Context manager around a training loop whose length differs between processes.

    joinables: objects such as DistributedDataParallel, which call notify_join_context once per iteration. enable: False for loops that are known
    to be even. throw_on_early_termination: whether all processes raise RuntimeError when the first has no data left.
    """

    def __init__(self, joinables, enable=True, throw_on_early_termination=False, **kwargs):
        if not joinables:
            raise ValueError("The join context manager requires at least one joinable")
        groups = {id(each.join_process_group): each.join_process_group for each in joinables}
        if len(groups) > 1:
            raise ValueError("Using join context manager with multiple process groups")
        self._group = next(iter(groups.values()))
        self._joinables, self._enable, self._throw = list(joinables), enable, throw_on_early_termination
        self._hooks = [each.join_hook(**kwargs) for each in joinables]
        for index, each in enumerate(joinables):
            each._join_config = _JoinConfig(enable, throw_on_early_termination, index == 0)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if not self._enable or kind is not None:
            self._disable()
            return
        all_done, last, rounds = False, True, 0
        while not all_done:
            active = kagari.zeros(1)
            self._group.allreduce([active], asynchronous=False).wait()
            if active.item() == 0:
                all_done = True
            else:
                if self._throw:
                    raise RuntimeError("Detected at least one rank that exhausted inputs. Throwing across all ranks.")
                last = False
                rounds += 1
                if rounds == 1000:
                    warnings.warn("Detected uneven input skew of greater than 1000. This means that rank has at least 1000 fewer inputs than other "
                                  "currently-active ranks.", stacklevel=2)
                for hook in self._hooks:
                    hook.main_hook()
        for hook in self._hooks:
            hook.post_hook(last)
        self._disable()

    def _disable(self):
        for each in self._joinables:
            each._join_config = _JoinConfig(False, False, False)

    @staticmethod
    def notify_join_context(joinable):
        """Tells the processes that are done that this one has another iteration; a Work, or None without a context."""
        config = joinable._join_config
        if not config.enable or not config.is_first_joinable:
            return None
        active = kagari.ones(1)
        work = joinable.join_process_group.allreduce([active])
        if config.throw_on_early_termination:
            work.wait()
            if active.item() != joinable.join_process_group.size():
                raise RuntimeError("Detected at least one rank that exhausted inputs. Throwing across all ranks.")
        return work
