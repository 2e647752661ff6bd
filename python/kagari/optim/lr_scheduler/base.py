"""The base class of the learning-rate schedules."""
import functools
import warnings
import weakref

import kagari

from ..optimizer import Optimizer

EPOCH_DEPRECATION_WARNING = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated: call `scheduler.step()` without it. "
    "With an epoch, schedules that have a closed form are set by it.")
_ORDER_LINK = "See more details at https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"


def check_optimizer(optimizer):
    """Raises TypeError unless ``optimizer`` is an optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")


def per_group(name, optimizer, value):
    """``value`` as a list with one entry per parameter group: a list must have that length already."""
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [_copied(value) for _ in range(groups)]
    if len(value) != groups:
        raise ValueError(f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} values, "
                         f"param_groups has {groups}.")
    return [_copied(v) for v in value]


def _copied(value):
    return value.clone() if isinstance(value, kagari.Tensor) else value


def group_values(optimizer, key):
    """The option ``key`` of every group; tensors are copied."""
    return [_copied(group[key]) for group in optimizer.param_groups]


def set_group_value(group, key, value):
    """Sets an option of a group; one that is a tensor keeps its identity and takes the value in place."""
    if isinstance(group[key], kagari.Tensor):
        group[key].fill_(value.squeeze() if isinstance(value, kagari.Tensor) else value)
    else:
        group[key] = value


class LRScheduler:
    """Sets the learning rate of each parameter group, once when made and again at every :meth:`step`.

    Subclasses implement :meth:`get_lr`, which may use ``last_epoch``, ``base_lrs`` and the groups' present rates.

    Arguments:
        optimizer: its groups get an entry "initial_lr".
        last_epoch: -1 to start anew; otherwise the groups must have "initial_lr" already.
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer, last_epoch=-1):
        check_optimizer(optimizer)
        self.optimizer = optimizer
        if last_epoch == -1:
            for group in optimizer.param_groups:
                group.setdefault("initial_lr", _copied(group["lr"]))
        else:
            for i, group in enumerate(optimizer.param_groups):
                if "initial_lr" not in group:
                    raise KeyError(f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler "
                                   "with last_epoch >= 0.\nThis typically happens when the state of the optimizer was "
                                   "not loaded, or when a fresh run is given last_epoch >= 0")
        self.base_lrs = group_values(optimizer, "initial_lr")
        self.last_epoch = last_epoch
        _watch_step(optimizer)
        self._initial_step()

    def _initial_step(self):
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self):
        """Everything but the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict):
        """Takes over what :meth:`state_dict` returned."""
        self.__dict__.update(state_dict)

    def get_last_lr(self):
        """The learning rates that this schedule set last, one per group."""
        return self._last_lr

    def get_lr(self):
        """The learning rates for ``last_epoch``, one per group."""
        raise NotImplementedError

    def _warn_outside_step(self):
        if not self._get_lr_called_within_step:
            warnings.warn("To get the last learning rate computed by the scheduler, please use `get_last_lr()`.",
                          UserWarning, stacklevel=3)

    def step(self, epoch=None):
        """Advances by one epoch, or to ``epoch`` (deprecated), and sets the learning rates."""
        if self._step_count == 1:
            self._check_order()
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH_DEPRECATION_WARNING, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _check_order(self):
        if not hasattr(self.optimizer.step, "_wrapped_by_lr_sched"):
            warnings.warn("Seems like `optimizer.step()` has been overridden after learning rate scheduler "
                          "initialization. Please, make sure to call `optimizer.step()` before `lr_scheduler.step()`. "
                          + _ORDER_LINK, UserWarning, stacklevel=3)
        elif not getattr(self.optimizer, "_opt_called", False):
            warnings.warn("Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and "
                          "later, you should call them in the opposite order: `optimizer.step()` before "
                          "`lr_scheduler.step()`.  Failure to do this will result in PyTorch skipping the first value "
                          "of the learning rate schedule. " + _ORDER_LINK, UserWarning, stacklevel=3)

    def _update_lr(self, epoch=None):
        self._get_lr_called_within_step = True
        try:
            if epoch is None:
                self.last_epoch += 1
                values = self.get_lr()
            else:
                self.last_epoch = epoch
                closed_form = getattr(self, "_get_closed_form_lr", None)
                values = closed_form() if closed_form is not None else self.get_lr()
        finally:
            self._get_lr_called_within_step = False
        for group, lr in zip(self.optimizer.param_groups, values):
            set_group_value(group, "lr", lr)
        self._last_lr = group_values(self.optimizer, "lr")


class _LRScheduler(LRScheduler):
    """The old name of :class:`LRScheduler`."""


def _watch_step(optimizer):
    """Makes ``optimizer.step`` note that it was called, so that a wrong order of calls can be reported."""
    step = optimizer.step
    if hasattr(step, "_wrapped_by_lr_sched"):
        return
    # A weak reference, or the optimizer would hold itself.
    owner = weakref.ref(optimizer)
    func = step.__func__ if hasattr(step, "__func__") else None

    @functools.wraps(step)
    def wrapper(*args, **kwargs):
        instance = owner()
        instance._opt_called = True
        return step(*args, **kwargs) if func is None else func(instance, *args, **kwargs)

    wrapper._wrapped_by_lr_sched = True
    optimizer.step = wrapper
