"""Every optimizer against losses recorded from PyTorch 2.13, and the common behaviour of Optimizer."""
import copy
import json
import pathlib
import pickle
import warnings

import kagari
import pytest
from kagari import optim
from problem import CASES, filled, parameters, train

RECORDED = json.loads((pathlib.Path(__file__).parent / "recorded.json").read_text())
ALL = [(name, i) for name, cases in CASES.items() for i in range(len(cases))]
DENSE = [name for name in CASES if name != "LBFGS"]


def close(got, expected, tolerance):
    return all(abs(a - b) <= tolerance * max(1.0, abs(b)) for a, b in zip(got, expected, strict=True))


def make_optimizer(name, options):
    return lambda weights: getattr(optim, name)(weights, **copy.deepcopy(options))


@pytest.mark.parametrize("name,i", ALL)
@pytest.mark.parametrize("resume_at", [None, 6])
def test_losses(name, i, resume_at):
    if name == "LBFGS" and resume_at:
        resume_at = None
    weights = parameters(matrices_only=name == "Muon")
    losses, optimizer = train(make_optimizer(name, CASES[name][i]), weights, resume_at=resume_at)
    expected = RECORDED[name][i]
    # Muon rounds to bfloat16; loading turns ASGD's float32 rates into the parameters' dtype.
    tolerance = {"Muon": 2e-2, "LBFGS": 1e-6, "ASGD": 1e-7 if resume_at else 1e-11}.get(name, 1e-11)
    assert close(losses, expected["losses"], tolerance)
    state = optimizer.state_dict()["state"]
    assert {k: sorted(v) for k, v in state.items()} == {int(k): v for k, v in expected["state"].items()}
    groups = optimizer.state_dict()["param_groups"]
    assert [list(group) for group in groups] == expected["groups"]


@pytest.mark.parametrize("name", DENSE)
@pytest.mark.parametrize("dtype,tolerance", [("float32", 1e-5), ("bfloat16", 0.2), ("float16", 0.03)])
def test_other_dtypes(name, dtype, tolerance):
    weights = parameters(getattr(kagari, dtype), matrices_only=name == "Muon")
    losses, optimizer = train(make_optimizer(name, CASES[name][0]), weights)
    expected = RECORDED[name][0]["losses"]
    assert close(losses, expected, 0.3 if name == "Muon" else tolerance)
    for key, state in optimizer.state_dict()["state"].items():
        for entry, value in state.items():
            expected_dtype = kagari.float32 if entry in ("step", "mu_product", "eta", "mu") else weights[key].dtype
            assert value.dtype == expected_dtype, entry


@pytest.mark.parametrize("name", [n for n in DENSE if n not in ("Adafactor", "Muon")])
def test_complex_parameters_are_pairs_of_reals(name):
    real = kagari.nn.Parameter(filled((5, 2), 0.9, 0.3, kagari.float64))
    complex_ = kagari.nn.Parameter(kagari.view_as_complex(filled((5, 2), 0.9, 0.3, kagari.float64)))
    for weight in (real, complex_):
        optimizer = getattr(optim, name)([weight], **CASES[name][1])
        for step in range(3):
            gradient = filled((5, 2), 1.1, step, kagari.float64)
            weight.grad = gradient if weight is real else kagari.view_as_complex(gradient)
            optimizer.step()
    assert kagari.allclose(real, kagari.view_as_real(complex_.detach()), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", DENSE)
def test_unusual_layouts_give_the_same(name):
    results = []
    for transposed in (False, True):
        weight = filled((4, 3), 0.9, 0.3, kagari.float64)
        weight = kagari.nn.Parameter(weight.t().contiguous().t() if transposed else weight)
        optimizer = getattr(optim, name)([weight], **CASES[name][0])
        for step in range(3):
            weight.grad = filled((4, 3), 1.1, step, kagari.float64)
            optimizer.step()
        results.append(weight.detach())
    assert kagari.allclose(*results, rtol=1e-3 if name == "Muon" else 1e-12)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "Adagrad", "Adadelta", "RMSprop"])
def test_differentiable(name):
    start = filled((3,), 0.9, 0.3, kagari.float64).requires_grad_()

    def result(value):
        weight = value.clone()
        optimizer = getattr(optim, name)([weight], differentiable=True)
        for _ in range(2):
            weight.grad = weight.clone() ** 2
            optimizer.step()
        return weight.sum()

    gradient, = kagari.autograd.grad(result(start), start)
    for i in range(3):
        step = kagari.zeros(3, dtype=kagari.float64)
        step[i] = 1e-6
        with kagari.no_grad():
            slope = (result(start + step) - result(start - step)).item() / 2e-6
        assert abs(gradient[i].item() - slope) < 1e-5


def test_tensor_learning_rate_and_betas():
    losses = [train(lambda w: optim.Adam(w, lr=lr, betas=betas), parameters())[0]
              for lr, betas in ((0.01, (0.8, 0.9)), (kagari.tensor(0.01, dtype=kagari.float64),
                                                     (kagari.tensor(0.8, dtype=kagari.float64),
                                                      kagari.tensor(0.9, dtype=kagari.float64))))]
    assert close(*losses, 1e-12)


def test_parameters_without_gradient_are_left_alone():
    a, b = parameters()[:2]
    before = b.detach().clone()
    optimizer = optim.AdamW([a, b])
    a.grad = kagari.ones_like(a)
    optimizer.step()
    assert kagari.equal(b, before)
    assert list(optimizer.state_dict()["state"]) == [0]


def test_versions_are_counted():
    weight = parameters()[0]
    y = weight * weight
    weight.grad = kagari.ones_like(weight)
    optim.SGD([weight], lr=0.1).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_grad_scaler_attributes():
    weight = kagari.nn.Parameter(kagari.ones(3))
    optimizer = optim.SGD([weight], lr=1.0, fused=True)
    assert optimizer._step_supports_amp_scaling
    weight.grad = kagari.full((3,), 4.0)
    optimizer.grad_scale, optimizer.found_inf = kagari.tensor(4.0), kagari.tensor(0.0)
    optimizer.step()
    assert weight.tolist() == [0.0, 0.0, 0.0]
    optimizer.found_inf = kagari.tensor(1.0)
    optimizer.step()
    assert weight.tolist() == [0.0, 0.0, 0.0]


def test_repr():
    weight = kagari.nn.Parameter(kagari.ones(1))
    assert repr(optim.SGD([{"params": [weight], "lr": 0.5}])) == (
        "SGD (\nParameter Group 0\n    dampening: 0\n    differentiable: False\n    foreach: None\n    fused: None\n"
        "    lr: 0.5\n    maximize: False\n    momentum: 0\n    nesterov: False\n    weight_decay: 0\n)")


ERRORS = [
    (lambda p: optim.SGD(p[0]), TypeError,
     "params argument given to the optimizer should be an iterable of Tensors or dicts, but got torch.FloatTensor"),
    (lambda p: optim.SGD([]), ValueError, "optimizer got an empty parameter list"),
    (lambda p: optim.SGD([1]), TypeError, "optimizer can only optimize Tensors, but one of the params is int"),
    (lambda p: optim.SGD([p[0] * 2]), ValueError, "can't optimize a non-leaf Tensor"),
    (lambda p: optim.SGD([{"params": {p[0]}}]), TypeError, "optimizer parameters need to be organized in ordered"),
    (lambda p: optim.SGD([{"params": p}, {"params": p}]), ValueError,
     "some parameters appear in more than one parameter group"),
    (lambda p: optim.SGD([("a", p[0]), p[1]]), ValueError, "all optimizer params should be with/without names"),
    (lambda p: optim.SGD([{"params": [("a", p[0])]}, {"params": [p[1]]}]), ValueError, "all optimizer param groups"),
    (lambda p: optim.SGD(p, lr=-1.0), ValueError, "Invalid learning rate: -1.0"),
    (lambda p: optim.SGD(p, lr=kagari.tensor([0.1, 0.2])), ValueError, "Tensor lr must be 1-element"),
    (lambda p: optim.SGD(p, nesterov=True), ValueError, "Nesterov momentum requires a momentum and zero dampening"),
    (lambda p: optim.Adam(p, betas=(1.0, 0.9)), ValueError, "Invalid beta parameter at index 0: 1.0"),
    (lambda p: optim.Adam(p, fused=True, foreach=True), RuntimeError, "`fused` and `foreach` cannot be `True` together"),
    (lambda p: optim.Adam(p, fused=True, differentiable=True), RuntimeError, "`fused` does not support `differentiable`"),
    (lambda p: optim.Adam(p, lr=kagari.tensor(0.1), foreach=True), ValueError, "lr as a Tensor is not supported"),
    (lambda p: optim.Rprop(p, etas=(1.5, 0.5)), ValueError, "Invalid eta values: 1.5, 0.5"),
    (lambda p: optim.Adafactor(p, d=0.5), ValueError, "Clipping threshold d should be >= 1 but is: 0.5"),
    (lambda p: optim.Muon([kagari.nn.Parameter(kagari.ones(3))]), ValueError, "Muon only supports 2D parameters"),
    (lambda p: optim.LBFGS([{"params": p[:1]}, {"params": p[1:]}]), ValueError, "LBFGS doesn't support per-parameter"),
    (lambda p: step_of(optim.Adam(p, capturable=True), p), AssertionError, "If capturable=True, params and state_steps"),
    (lambda p: optim.SGD(p).add_param_group(3), TypeError, "param_group must be a dict"),
    (lambda p: optim.SGD(p).load_state_dict({"state": {}, "param_groups": []}), ValueError,
     "loaded state dict has a different number of parameter groups"),
    (lambda p: optim.SGD(p).load_state_dict({"state": {}, "param_groups": [{"params": [0]}]}), ValueError,
     "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"),
]


def step_of(optimizer, params):
    for param in params:
        param.grad = kagari.ones_like(param)
    optimizer.step()


@pytest.mark.parametrize("i", range(len(ERRORS)))
def test_errors(i):
    call, kind, text = ERRORS[i]
    params = [kagari.nn.Parameter(kagari.ones(2, 2)) for _ in range(2)]
    with pytest.raises(kind) as caught:
        call(params)
    assert str(caught.value).startswith(text)


def test_duplicate_parameters_warn():
    weight = kagari.nn.Parameter(kagari.ones(2))
    with pytest.warns(UserWarning, match="duplicate parameters"):
        optim.SGD([weight, weight])


def test_named_parameters():
    a, b = parameters()[:2]
    optimizer = optim.SGD([("a", a), ("b", b)])
    assert optimizer.param_groups[0]["param_names"] == ["a", "b"]
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["a", "b"]
    optimizer.load_state_dict(optim.SGD([a, b]).state_dict())
    assert optimizer.param_groups[0]["param_names"] == ["a", "b"]


def test_load_state_dict_casts():
    weight = kagari.nn.Parameter(kagari.ones(2))
    optimizer = optim.Adam([weight])
    optimizer.load_state_dict({"state": {0: {"step": 3, "exp_avg": kagari.ones(2, dtype=kagari.float64), "other": "x"}},
                               "param_groups": [{"params": [0], "lr": 7}]})
    state = optimizer.state[weight]
    assert state["step"].item() == 3 and state["step"].dtype == kagari.float32
    assert state["exp_avg"].dtype == kagari.float32 and state["other"] == "x"
    assert optimizer.param_groups[0]["fused"] is None and optimizer.param_groups[0]["lr"] == 7


def test_hooks():
    calls = []
    weight = kagari.nn.Parameter(kagari.ones(2))
    weight.grad = kagari.ones(2)
    optimizer = optim.SGD([weight])
    handles = [optimizer.register_step_pre_hook(lambda o, args, kwargs: calls.append("pre")),
               optimizer.register_step_post_hook(lambda o, args, kwargs: calls.append(("post", args[0] is optimizer))),
               optim.optimizer.register_optimizer_step_pre_hook(lambda o, args, kwargs: calls.append("global"))
               if hasattr(optim, "optimizer") else None]
    optimizer.step()
    assert calls[-2:] == ["pre", ("post", True)]
    for handle in handles:
        if handle is not None:
            handle.remove()
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "extra": 1})
    assert optimizer.state_dict()["extra"] == 1
    optimizer.register_load_state_dict_post_hook(lambda o: calls.append("loaded"))
    optimizer.load_state_dict(optimizer.state_dict())
    assert calls[-1] == "loaded"
    optimizer.register_step_pre_hook(lambda *a: 3)
    with pytest.raises(RuntimeError, match="must return None or a tuple of \\(new_args, new_kwargs\\)"):
        optimizer.step()


def test_subclass_step_runs_hooks():
    class Mine(optim.SGD):
        def step(self, closure=None):
            return "mine"

    calls = []
    optimizer = Mine([kagari.nn.Parameter(kagari.ones(1))])
    optimizer.register_step_post_hook(lambda *a: calls.append(1))
    assert optimizer.step() == "mine" and calls == [1]


def test_closure_and_zero_grad():
    weight = kagari.nn.Parameter(kagari.ones(2))
    optimizer = optim.SGD([weight], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (weight ** 2).sum()
        loss.backward()
        return loss

    with kagari.no_grad():
        assert optimizer.step(closure).item() == 2.0
    assert kagari.allclose(weight, kagari.full((2,), 0.8))
    gradient = weight.grad
    optimizer.zero_grad(set_to_none=False)
    assert weight.grad is gradient and gradient.tolist() == [0.0, 0.0]
    optimizer.zero_grad()
    assert weight.grad is None


def test_pickle_and_deepcopy():
    losses, optimizer = train(make_optimizer("AdamW", {"lr": 0.01}), parameters())
    for copied in (pickle.loads(pickle.dumps(optimizer)), copy.deepcopy(optimizer)):
        assert [list(s) for s in copied.state.values()] == [list(s) for s in optimizer.state.values()]
        assert repr(copied) == repr(optimizer)
        copied.step()


def test_swap_in():
    weight = kagari.nn.Parameter(kagari.ones(2))
    optimizer = optim.SGD([weight], lr=1.0, momentum=0.5)
    step_of(optimizer, [weight])
    other = kagari.zeros(2)
    other.grad = kagari.ones(2)
    state = copy.deepcopy(optimizer.state_dict())
    with optim.swap_in_optimizer_params_and_state(optimizer, {"w": other}, state):
        optimizer.step()
    assert other.tolist() == [-1.5, -1.5] and weight.tolist() == [0.0, 0.0]
    assert optimizer.param_groups[0]["params"][0] is weight


def test_functional_forms():
    weight, gradient = kagari.ones(2), kagari.ones(2)
    from kagari.optim._functional import adam, sgd
    sgd([weight], [gradient], [None], weight_decay=0, momentum=0, lr=0.5, dampening=0, nesterov=False, maximize=False)
    assert weight.tolist() == [0.5, 0.5]
    adam([weight], [gradient], [kagari.zeros(2)], [kagari.zeros(2)], [], [kagari.tensor(0.0)], amsgrad=False, beta1=0.9,
         beta2=0.999, lr=0.5, weight_decay=0, eps=1e-8, maximize=False)
    assert kagari.allclose(weight, kagari.zeros(2), atol=1e-6)


def test_no_warnings_in_plain_use():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(make_optimizer("AdamW", {}), parameters())
