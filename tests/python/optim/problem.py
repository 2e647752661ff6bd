"""A small regression problem from closed-form numbers, and the cases whose results are recorded beside it."""
import kagari


def filled(shape, a, b, dtype):
    """sin(a i + b) for the elements i of a tensor of this shape."""
    count = 1
    for size in shape:
        count *= size
    return kagari.sin(a * kagari.arange(count, dtype=kagari.float64) + b).to(dtype).reshape(shape)


def parameters(dtype=kagari.float64, matrices_only=False):
    """Weights of a two-layer network: 4 x 3, 3 x 2 and, unless only matrices are wanted, a bias of 2."""
    shapes = [(4, 3), (3, 2)] if matrices_only else [(4, 3), (3, 2), (2,)]
    return [kagari.nn.Parameter(filled(shape, 0.9, 0.3 + i, dtype)) for i, shape in enumerate(shapes)]


def train(make, weights, steps=12, resume_at=None):
    """The losses of ``steps`` steps of ``make(weights)``, and the optimizer. At ``resume_at`` a new one takes over."""
    x, y = filled((6, 4), 0.7, 0.1, weights[0].dtype), filled((6, 2), 1.3, 0.5, weights[0].dtype)
    optimizer = make(weights)

    def closure():
        optimizer.zero_grad()
        z = kagari.tanh(x @ weights[0]) @ weights[1]
        if len(weights) > 2:
            z = z + weights[2]
        loss = ((z - y) ** 2).mean()
        loss.backward()
        return loss

    losses = []
    for step in range(steps):
        if step == resume_at:
            state = optimizer.state_dict()
            optimizer = make(weights)
            optimizer.load_state_dict(state)
        if type(optimizer).__name__ == "LBFGS":
            loss = optimizer.step(closure)
        else:
            loss = closure()
            optimizer.step()
        losses.append(loss.item())
    return losses, optimizer


CASES = {
    "SGD": [{}, {"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01},
            {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}, {"maximize": True}],
    "Adam": [{"lr": 0.01}, {"amsgrad": True, "lr": 0.1}, {"weight_decay": 0.1, "maximize": True},
             {"weight_decay": 0.1, "decoupled_weight_decay": True, "betas": (0.3, 0.5)}],
    "AdamW": [{"lr": 0.01}, {"amsgrad": True, "lr": 0.1}, {"maximize": True, "weight_decay": 0.3}],
    "Adamax": [{}, {"weight_decay": 0.1, "lr": 0.1}, {"maximize": True}],
    "NAdam": [{}, {"weight_decay": 0.1}, {"weight_decay": 0.1, "decoupled_weight_decay": True},
              {"momentum_decay": 0.1, "lr": 0.1, "maximize": True}],
    "RAdam": [{}, {"weight_decay": 0.1, "lr": 0.1}, {"weight_decay": 0.1, "decoupled_weight_decay": True},
              {"betas": (0.5, 0.6), "lr": 0.1, "maximize": True}],
    "Adagrad": [{}, {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.3}, {"maximize": True}],
    "Adadelta": [{}, {"weight_decay": 0.1, "lr": 0.5}, {"maximize": True}],
    "RMSprop": [{}, {"momentum": 0.9}, {"centered": True},
                {"centered": True, "momentum": 0.5, "weight_decay": 0.1, "maximize": True}],
    "Rprop": [{}, {"etas": (0.4, 1.5), "step_sizes": (1e-3, 0.02)}, {"maximize": True}],
    "ASGD": [{}, {"t0": 2, "weight_decay": 0.1, "lambd": 0.1}, {"maximize": True, "alpha": 0.5}],
    "Adafactor": [{}, {"lr": 0.1, "weight_decay": 0.1, "d": 2.0}, {"maximize": True, "eps": (1e-3, 1e-2)}],
    "Muon": [{}, {"adjust_lr_fn": "match_rms_adamw", "lr": 0.1}, {"nesterov": False, "lr": 0.1}],
    "LBFGS": [{"lr": 0.3, "max_iter": 4}, {"line_search_fn": "strong_wolfe", "max_iter": 6},
              {"history_size": 3, "lr": 0.3, "line_search_fn": "strong_wolfe", "max_iter": 5}],
}
