"""Schedules whose sequences are recorded beside this file: name to a function of the module, the optimizer and SWALR."""
import math

SCHEDULES = {
    "LambdaLR": lambda L, o, W: L.LambdaLR(o, [lambda e: 0.95 ** e, lambda e: 1.0 / (1 + e)]),
    "MultiplicativeLR": lambda L, o, W: L.MultiplicativeLR(o, lambda e: 0.9 if e % 2 else 0.97),
    "StepLR": lambda L, o, W: L.StepLR(o, 7, 0.5),
    "MultiStepLR": lambda L, o, W: L.MultiStepLR(o, [3, 9, 9, 20], 0.3),
    "ConstantLR": lambda L, o, W: L.ConstantLR(o, 0.4, 6),
    "LinearLR": lambda L, o, W: L.LinearLR(o, 0.2, 0.9, 11),
    "ExponentialLR": lambda L, o, W: L.ExponentialLR(o, 0.93),
    "PolynomialLR": lambda L, o, W: L.PolynomialLR(o, 17, 1.7),
    "CosineAnnealingLR": lambda L, o, W: L.CosineAnnealingLR(o, 9, 0.002),
    "CosineAnnealingWarmRestarts": lambda L, o, W: L.CosineAnnealingWarmRestarts(o, 4, 2, 0.001),
    "CyclicLR triangular": lambda L, o, W: L.CyclicLR(o, 0.01, 0.2, 4, 6),
    "CyclicLR triangular2": lambda L, o, W: L.CyclicLR(o, 0.01, 0.2, 4, mode="triangular2"),
    "CyclicLR exp_range": lambda L, o, W: L.CyclicLR(o, [0.01, 0.02], [0.2, 0.1], 5, mode="exp_range", gamma=0.97,
                                                     cycle_momentum=False),
    "CyclicLR function": lambda L, o, W: L.CyclicLR(o, 0.01, 0.2, 3, scale_fn=lambda x: 0.5 ** x, scale_mode="iterations"),
    "OneCycleLR cos": lambda L, o, W: L.OneCycleLR(o, 0.3, 31),
    "OneCycleLR linear": lambda L, o, W: L.OneCycleLR(o, [0.3, 0.1], epochs=4, steps_per_epoch=8, pct_start=0.4,
                                                      anneal_strategy="linear", three_phase=True, div_factor=10.0),
    "SequentialLR": lambda L, o, W: L.SequentialLR(o, [L.ConstantLR(o, 0.1, 4), L.ExponentialLR(o, 0.9),
                                                       L.CosineAnnealingLR(o, 8)], [5, 14]),
    "SequentialLR nested": lambda L, o, W: L.SequentialLR(
        o, [L.SequentialLR(o, [L.ConstantLR(o, 0.5, 3), L.ExponentialLR(o, 0.9)], [4]), L.StepLR(o, 2)], [9]),
    "SequentialLR warm restarts": lambda L, o, W: L.SequentialLR(o, [L.LinearLR(o, 0.1, 1, 4),
                                                                     L.CosineAnnealingWarmRestarts(o, 3, 2)], [4]),
    "ChainedScheduler": lambda L, o, W: L.ChainedScheduler([L.LinearLR(o, 0.5, 1.0, 8), L.StepLR(o, 6, 0.7)], o),
    "SWALR": lambda L, o, W: W(o, 0.02, 7),
    "SWALR linear": lambda L, o, W: W(o, [0.02, 0.03], 4, "linear"),
    "SWALR at once": lambda L, o, W: W(o, 0.02, 0),
}

PLATEAU = {
    "ReduceLROnPlateau min": lambda L, o, W: L.ReduceLROnPlateau(o, factor=0.3, patience=2, cooldown=1, min_lr=1e-4),
    "ReduceLROnPlateau max": lambda L, o, W: L.ReduceLROnPlateau(o, "max", threshold_mode="abs", threshold=0.01, patience=1),
}


def run(make_optimizer, make, module, swa_lr, resume, steps=30):
    """Rows of the groups' rates and momenta before each of ``steps`` steps; resumed in the middle from a state_dict."""
    optimizer = make_optimizer()
    scheduler = make(module, optimizer, swa_lr)
    rows = []
    for step in range(steps):
        rows.append([float(g["lr"]) for g in optimizer.param_groups] + [float(g["momentum"]) for g in optimizer.param_groups])
        if resume and step == steps // 2:
            saved = optimizer.state_dict(), scheduler.state_dict()
            optimizer = make_optimizer()
            scheduler = make(module, optimizer, swa_lr)
            optimizer.load_state_dict(saved[0])
            scheduler.load_state_dict(saved[1])
        optimizer.step()
        if isinstance(scheduler, module.ReduceLROnPlateau):
            scheduler.step(math.cos(step * 0.4) + 1.0 / (1 + step))
        else:
            scheduler.step()
    return rows
