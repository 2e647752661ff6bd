"""Averages of parameters over processes, every few steps."""
from abc import ABC, abstractmethod

import kagari
from kagari.distributed import distributed_c10d

__all__ = ["ModelAverager", "PeriodicModelAverager"]


class ModelAverager(ABC):
    """Averages parameters over a group; counts its calls in `step`."""

    def __init__(self, process_group=None):
        self.process_group = process_group or distributed_c10d._get_default_group()
        self.step = 0

    @abstractmethod
    def average_parameters(self, params):
        """Averages the parameters, if it is time."""


class PeriodicModelAverager(ModelAverager):
    """Averages every `period` steps after `warmup_steps`."""

    def __init__(self, period, warmup_steps=0, process_group=None):
        super().__init__(process_group)
        if warmup_steps < 0:
            raise ValueError("Arg ``warmup_steps`` must be a non-negative number.")
        if period < 1:
            raise ValueError("Arg ``period`` must be a positive value.")
        self.period, self.warmup_steps = period, warmup_steps

    def average_parameters(self, params):
        if self.step >= self.warmup_steps and (self.step - self.warmup_steps) % self.period == 0:
            with kagari.no_grad():
                for param in params if not isinstance(params, dict) else params.values():
                    self.process_group.allreduce([param.detach()], distributed_c10d.ReduceOp.AVG, asynchronous=False).wait()
        self.step += 1
