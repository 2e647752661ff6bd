"""The learning-rate schedules against sequences recorded from PyTorch 2.13."""
import json
import pathlib
import warnings

import kagari
import pytest
from kagari.optim import SGD, Adam, lr_scheduler
from kagari.optim.swa_utils import SWALR, AveragedModel, get_ema_avg_fn, get_ema_multi_avg_fn, update_bn
from schedules import PLATEAU, SCHEDULES, run

RECORDED = json.loads((pathlib.Path(__file__).parent / "recorded_schedules.json").read_text())


def groups_optimizer():
    weights = [kagari.nn.Parameter(kagari.ones(2)) for _ in range(2)]
    return SGD([{"params": weights[:1], "lr": 0.2}, {"params": weights[1:]}], lr=0.1, momentum=0.9)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("resume", [False, True])
def test_sequence(name, resume):
    with warnings.catch_warnings():
        # An inner sequence is begun by a step of its own, which is not the user's mistake that the warning means.
        warnings.simplefilter("ignore" if "nested" in name else "error")
        rows = run(groups_optimizer, SCHEDULES[name], lr_scheduler, SWALR, resume)
    for got, expected in zip(rows, RECORDED[name], strict=True):
        assert got == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("name", PLATEAU)
def test_plateau(name):
    rows = run(groups_optimizer, PLATEAU[name], lr_scheduler, SWALR, False)
    for got, expected in zip(rows, RECORDED[name], strict=True):
        assert got == pytest.approx(expected, rel=1e-12)


def test_state_dict_contents():
    scheduler = lr_scheduler.StepLR(groups_optimizer(), 3)
    assert scheduler.state_dict() == {"step_size": 3, "gamma": 0.1, "base_lrs": [0.2, 0.1], "last_epoch": 0,
                                      "_step_count": 1, "_is_initial": False, "_get_lr_called_within_step": False,
                                      "_last_lr": [0.2, 0.1]}


def test_warnings_about_the_order():
    scheduler = lr_scheduler.StepLR(groups_optimizer(), 3)
    with pytest.warns(UserWarning, match="Detected call of `lr_scheduler.step\\(\\)` before `optimizer.step\\(\\)`"):
        scheduler.step()
    optimizer = groups_optimizer()
    scheduler = lr_scheduler.StepLR(optimizer, 3)
    optimizer.step = lambda: None
    with pytest.warns(UserWarning, match="has been overridden after learning rate scheduler"):
        scheduler.step()
    with pytest.warns(UserWarning, match="please use `get_last_lr\\(\\)`"):
        scheduler.get_lr()


def test_epoch_argument():
    optimizer = groups_optimizer()
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, 10)
    optimizer.step()
    with pytest.warns(UserWarning, match="The epoch parameter"):
        scheduler.step(3)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.15877852522924732)


def test_tensor_learning_rate_keeps_its_identity():
    optimizer = Adam([kagari.nn.Parameter(kagari.ones(2))], lr=kagari.tensor(0.1))
    lr = optimizer.param_groups[0]["lr"]
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is lr and lr.item() == pytest.approx(0.05)


def test_callable_objects_keep_their_state():
    class Factor:
        def __init__(self, value):
            self.value = value

        def __call__(self, epoch):
            return self.value

    saved = lr_scheduler.LambdaLR(groups_optimizer(), Factor(0.5)).state_dict()
    function = Factor(0.1)
    other = lr_scheduler.LambdaLR(groups_optimizer(), function)
    other.load_state_dict(saved)
    assert function.value == 0.5


ERRORS = [
    (lambda o: lr_scheduler.StepLR(3, 3), TypeError, "int is not an Optimizer"),
    (lambda o: lr_scheduler.StepLR(o, 3, last_epoch=3), KeyError, "param 'initial_lr' is not specified in param_groups"),
    (lambda o: lr_scheduler.LambdaLR(o, [abs]), ValueError, "Expected 2 lr_lambdas, but got 1"),
    (lambda o: lr_scheduler.ConstantLR(o, factor=2), ValueError, "Constant multiplicative factor expected"),
    (lambda o: lr_scheduler.LinearLR(o, start_factor=0), ValueError, "Starting multiplicative factor expected"),
    (lambda o: lr_scheduler.SequentialLR(o, [], []), ValueError, "SequentialLR expects at least one scheduler"),
    (lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.ConstantLR(o)], [1]), ValueError, "Sequential Schedulers expects"),
    (lambda o: lr_scheduler.ChainedScheduler([]), ValueError, "ChainedScheduler expects at least one scheduler"),
    (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 0), ValueError, "Expected positive integer T_0, but got 0"),
    (lambda o: lr_scheduler.CyclicLR(o, 0.1, 0.2, mode="x"), ValueError, "mode is invalid and scale_fn is None"),
    (lambda o: lr_scheduler.OneCycleLR(o, 0.1), ValueError, "You must define either total_steps OR"),
    (lambda o: lr_scheduler.OneCycleLR(o, 0.1, 3, pct_start=1.5), ValueError, "Expected float between 0 and 1 pct_start"),
    (lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=1.0), ValueError, "Factor should be < 1.0."),
    (lambda o: lr_scheduler.ReduceLROnPlateau(o, mode="x"), ValueError, "mode x is unknown!"),
    (lambda o: SWALR(o, [0.1]), ValueError, "swa_lr must have the same length as optimizer.param_groups"),
    (lambda o: get_ema_avg_fn(2.0), ValueError, "Invalid decay value 2.0 provided"),
]


@pytest.mark.parametrize("i", range(len(ERRORS)))
def test_errors(i):
    call, kind, text = ERRORS[i]
    with pytest.raises(kind) as caught:
        call(groups_optimizer())
    assert str(caught.value.args[0]).startswith(text)


def test_one_cycle_ends():
    optimizer = groups_optimizer()
    scheduler = lr_scheduler.OneCycleLR(optimizer, 0.1, 3)
    with pytest.raises(ValueError, match="Tried to step 4 times. The specified number of total steps is 3"):
        for _ in range(5):
            optimizer.step()
            scheduler.step()


@pytest.mark.parametrize("options", [{}, {"use_buffers": True}, {"avg_fn": get_ema_avg_fn(0.75)},
                                     {"multi_avg_fn": get_ema_multi_avg_fn(0.75)}])
def test_averaged_model(options):
    model = kagari.nn.Sequential(kagari.nn.Linear(1, 1, bias=False), kagari.nn.BatchNorm1d(1))
    averaged = AveragedModel(model, **options)
    for value in (1.0, 3.0, 8.0):
        with kagari.no_grad():
            model[0].weight.fill_(value)
            model[1].running_mean.fill_(value)
        averaged.update_parameters(model)
    assert averaged.n_averaged.item() == 3
    mean = averaged.module[0].weight.item()
    assert mean == pytest.approx(4.0 if "avg_fn" not in options and "multi_avg_fn" not in options else 1.5 * 0.75 + 2.0)
    assert averaged.module[1].running_mean.item() == pytest.approx(4.0 if "use_buffers" in options else 8.0)
    assert list(averaged.state_dict())[:2] == ["n_averaged", "module.0.weight"]


def test_update_bn():
    model = kagari.nn.Sequential(kagari.nn.BatchNorm1d(1)).eval()
    model[0].momentum = 0.3
    update_bn([kagari.tensor([[1.0], [3.0]]), (kagari.tensor([[5.0], [7.0]]), None)], model)
    assert model[0].running_mean.item() == pytest.approx(4.0)
    assert model[0].momentum == 0.3 and not model.training
