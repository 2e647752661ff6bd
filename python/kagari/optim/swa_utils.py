"""Averages of a model's weights over training, and the schedule that goes with them."""
import itertools
import math
from copy import deepcopy

import kagari
from kagari.nn import Module

from .lr_scheduler.base import LRScheduler, group_values, per_group

__all__ = ["AveragedModel", "update_bn", "SWALR", "get_ema_multi_avg_fn", "get_swa_multi_avg_fn", "get_ema_avg_fn",
           "get_swa_avg_fn"]


def _check_decay(decay):
    if decay < 0.0 or decay > 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


def get_ema_multi_avg_fn(decay=0.999):
    """A function that moves a list of averages by ``1 - decay`` towards the current parameters, in place."""
    _check_decay(decay)

    @kagari.no_grad()
    def ema_update(ema_param_list, current_param_list, _):
        for average, current in zip(ema_param_list, current_param_list):
            if average.is_floating_point() or average.is_complex():
                average.lerp_(current.to(average.dtype), 1 - decay)
            else:
                average.copy_(average * decay + current * (1 - decay))

    return ema_update


def get_swa_multi_avg_fn():
    """A function that updates a list of equally weighted averages of ``num_averaged`` values by one more, in place."""
    @kagari.no_grad()
    def swa_update(averaged_param_list, current_param_list, num_averaged):
        for average, current in zip(averaged_param_list, current_param_list):
            if average.is_floating_point() or average.is_complex():
                average.lerp_(current.to(average.dtype), 1 / (float(num_averaged) + 1))
            else:
                average.add_(((current - average) / (num_averaged + 1)).to(average.dtype))

    return swa_update


def get_ema_avg_fn(decay=0.999):
    """A function of average, current parameter and count that returns the exponential moving average."""
    _check_decay(decay)

    @kagari.no_grad()
    def ema_update(ema_param, current_param, num_averaged):
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_avg_fn():
    """A function of average, current parameter and count that returns the equally weighted average."""
    @kagari.no_grad()
    def swa_update(averaged_param, current_param, num_averaged):
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


class AveragedModel(Module):
    """A copy of a model whose parameters are averages of the model's parameters over training.

    Arguments:
        model: the model; it is copied.
        device: where the copy lives.
        avg_fn: ``(average, current, count) -> average`` for one parameter.
        multi_avg_fn: ``(averages, currents, count)`` for lists, in place. Default: equal weights.
        use_buffers: whether buffers are averaged, too; otherwise they are copied.
    """

    def __init__(self, model, device=None, avg_fn=None, multi_avg_fn=None, use_buffers=False):
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", kagari.tensor(0, dtype=kagari.long, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args, **kwargs):
        """The averaged model's result."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model):
        """Takes the present parameters of ``model`` into the averages; the first call copies them."""
        def values(module):
            if not self.use_buffers:
                return list(module.parameters())
            return list(itertools.chain(module.parameters(), module.buffers()))

        averages = [value.detach() for value in values(self.module)]
        currents = [value.detach().to(average.device) for value, average in zip(values(model), averages)]
        count = self.n_averaged
        if count == 0:
            for average, current in zip(averages, currents):
                average.copy_(current)
        elif self.multi_avg_fn is not None or self.avg_fn is None:
            (self.multi_avg_fn or get_swa_multi_avg_fn())(averages, currents, count)
        else:
            for average, current in zip(averages, currents):
                average.copy_(self.avg_fn(average, current, count))
        if not self.use_buffers:
            for average, current in zip(self.module.buffers(), model.buffers()):
                average.detach().copy_(current.detach().to(average.device))
        self.n_averaged += 1


@kagari.no_grad()
def update_bn(loader, model, device=None):
    """Computes the statistics of the model's batch normalization layers anew, in one pass over ``loader``.

    Arguments:
        loader: gives batches, or lists and tuples whose first entry is the batch.
        model: called in training mode; its mode is restored afterwards.
        device: where batches are moved before the call.
    """
    from kagari.nn.modules.batchnorm import _BatchNorm

    momenta = {}
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.reset_running_stats()
            momenta[module] = module.momentum
    if not momenta:
        return
    was_training = model.training
    model.train()
    for module in momenta:
        # No momentum means a cumulative average.
        module.momentum = None
    for batch in loader:
        if isinstance(batch, (list, tuple)):
            batch = batch[0]
        model(batch if device is None else batch.to(device))
    for module, momentum in momenta.items():
        module.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """Anneals the learning rate to ``swa_lr`` in ``anneal_epochs`` epochs and keeps it there.

    Arguments:
        optimizer: the optimizer.
        swa_lr: the final rate, a number or one per group.
        anneal_epochs: at least 0. anneal_strategy: "cos" or "linear".
    """

    def __init__(self, optimizer, swa_lr, anneal_epochs=10, anneal_strategy="cos", last_epoch=-1):
        for lr, group in zip(per_group("swa_lr", optimizer, swa_lr), optimizer.param_groups):
            group["swa_lr"] = lr
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._anneal_strategy = anneal_strategy
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _weight(self, step):
        part = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return (1 - math.cos(math.pi * part)) / 2 if self._anneal_strategy == "cos" else part

    def get_lr(self):
        self._warn_outside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before = self._weight(step - 1)
        weight = self._weight(step)
        rates = []
        for group, lr in zip(self.optimizer.param_groups, group_values(self.optimizer, "lr")):
            # The rate before annealing follows from the present one, so that other schedules may act as well.
            swa_lr = group["swa_lr"]
            start = swa_lr if before == 1 else (lr - before * swa_lr) / (1 - before)
            rates.append(swa_lr * weight + start * (1 - weight))
        return rates
