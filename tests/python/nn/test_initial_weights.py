"""The same seed gives PyTorch's initial weights. The numbers were recorded from PyTorch 2.13."""
import pytest

import kagari
from kagari import nn

# layer, per parameter: (shape, first elements, sum)
LAYERS = [
    ("Linear(3, 4)", {
        "weight": ((4, 3), [-0.543888, -0.113278, -0.277308], -1.51464),
        "bias": ((4,), [0.31737, 0.370431, -0.254869], 0.64275)}),
    ("Bilinear(2, 3, 2)", {
        "weight": ((2, 2, 3), [-0.666124, -0.138736, -0.339632], -1.85505),
        "bias": ((2,), [0.388697, 0.453683], 0.84238)}),
    ("Conv1d(2, 4, 3)", {
        "weight": ((4, 2, 3), [-0.384587, -0.080099, -0.196086], -0.86137),
        "bias": ((4,), [0.380905, 0.195918, -0.039422], 0.51758)}),
    ("Conv2d(4, 6, 3, groups=2)", {
        "weight": ((6, 2, 3, 3), [-0.222041, -0.046245, -0.113211], -0.09806),
        "bias": ((6,), [-0.205024, -0.232642, 0.001631], -0.61893)}),
    ("ConvTranspose2d(4, 2, 3)", {
        "weight": ((4, 2, 3, 3), [-0.222041, -0.046245, -0.113211], -0.02435),
        "bias": ((2,), [-0.230621, 0.210008], -0.02061)}),
    ("Embedding(5, 4, padding_idx=1)", {
        "weight": ((5, 4), [-0.111719, -0.49659, 0.163074], -5.3281)}),
    ("LSTM(3, 4, bidirectional=True, proj_size=2)", {
        "weight_ih_l0": ((16, 3), [-0.471021, -0.098101, -0.240156], -0.79083),
        "weight_hh_l0": ((16, 2), [0.383866, 0.308282, 0.252804], 0.35647),
        "bias_ih_l0": ((16,), [-0.18884, 0.209138, -0.322507], -1.23387),
        "bias_hh_l0": ((16,), [-0.104879, 0.219877, 0.259508], 0.34339),
        "weight_hr_l0": ((2, 4), [-0.125822, -0.070312, 0.472856], 0.75669),
        "weight_ih_l0_reverse": ((16, 3), [-0.475755, 0.162984, 0.478677], 0.60083),
        "weight_hh_l0_reverse": ((16, 2), [0.235378, 0.154783, -0.14257], 1.19154),
        "bias_ih_l0_reverse": ((16,), [-0.118144, 0.360958, -0.222466], 1.01179),
        "bias_hh_l0_reverse": ((16,), [-0.299182, 0.060993, -0.092679], -0.74388),
        "weight_hr_l0_reverse": ((2, 4), [-0.409748, 0.254242, 0.242715], -0.02805)}),
    ("GRUCell(3, 4)", {
        "weight_ih": ((12, 3), [-0.471021, -0.098101, -0.240156], -0.17932),
        "weight_hh": ((12, 4), [0.343615, -0.073492, 0.456146], -0.61292),
        "bias_ih": ((12,), [-0.377049, 0.463759, 0.26952], -0.87598),
        "bias_hh": ((12,), [-0.104879, 0.219877, 0.259508], 1.46021)}),
    ("MultiheadAttention(8, 2, kdim=3, add_bias_kv=True)", {
        "q_proj_weight": ((8, 8), [-0.59917, 0.545616, 0.325919], -1.27047),
        "k_proj_weight": ((8, 3), [0.338745, -0.213533, 0.090855], 2.85536),
        "v_proj_weight": ((8, 8), [0.42211, 0.268887, 0.257371], 1.38101),
        "in_proj_bias": ((24,), [0.0, 0.0, 0.0], 0.0),
        "bias_k": ((1, 1, 8), [-0.831951, -0.590627, -0.166719], -2.25177),
        "bias_v": ((1, 1, 8), [0.113965, 0.326307, -0.018867], 0.14433),
        "out_proj.weight": ((8, 8), [-0.333062, -0.069368, -0.169816], 0.4477),
        "out_proj.bias": ((8,), [0.0, 0.0, 0.0], 0.0)}),
    ("TransformerEncoderLayer(4, 2, 8)", {
        "self_attn.in_proj_weight": ((12, 4), [0.123972, -0.239648, -0.300366], 1.63241),
        "self_attn.in_proj_bias": ((12,), [0.0, 0.0, 0.0], 0.0),
        "self_attn.out_proj.weight": ((4, 4), [-0.471021, -0.098101, -0.240156], -0.75507),
        "self_attn.out_proj.bias": ((4,), [0.0, 0.0, 0.0], 0.0),
        "linear1.weight": ((8, 4), [-0.209192, -0.08039, -0.127186], -1.75086),
        "linear1.bias": ((8,), [0.144946, 0.22242, -0.058412], 1.05461),
        "linear2.weight": ((4, 8), [-0.307536, -0.348963, 0.002446], -0.24881),
        "linear2.bias": ((4,), [-0.309783, 0.227104, -0.106257], -0.26086),
        "norm1.weight": ((4,), [1.0, 1.0, 1.0], 4.0), "norm1.bias": ((4,), [0.0, 0.0, 0.0], 0.0),
        "norm2.weight": ((4,), [1.0, 1.0, 1.0], 4.0), "norm2.bias": ((4,), [0.0, 0.0, 0.0], 0.0)}),
    ("BatchNorm2d(3)", {
        "weight": ((3,), [1.0, 1.0, 1.0], 3.0), "bias": ((3,), [0.0, 0.0, 0.0], 0.0),
        "running_mean": ((3,), [0.0, 0.0, 0.0], 0.0), "running_var": ((3,), [1.0, 1.0, 1.0], 3.0),
        "num_batches_tracked": ((), [0.0], 0.0)}),
    ("PReLU(2)", {"weight": ((2,), [0.25, 0.25], 0.5)}),
]

# function, shape, arguments, first elements, sum
FUNCTIONS = [
    ("uniform_", (3, 4), {"a": -1.0}, [-0.942042, -0.196203, -0.480312, -0.266717], -2.62343),
    ("normal_", (3, 4), {"mean": 1.0, "std": 2.0}, [1.092261, 1.804806, -1.023058, 1.433476], 16.44771),
    ("normal_", (4, 5), {}, [-0.111719, -0.49659, 0.163074, -0.881688], -5.64644),
    ("trunc_normal_", (4, 10), {"std": 0.5, "a": -1.0, "b": 1.0}, [-0.055859, -0.248295, 0.081537, -0.440844],
     -4.52756),
    ("trunc_normal_", (4, 10), {"a": 1.0, "b": 2.0}, [1.028979, 1.401899, 1.259844, 1.366641], 58.0645),
    ("xavier_uniform_", (3, 4, 2), {"gain": 2.0}, [-1.233422, -0.25689, -0.628876, -0.349215], -2.76254),
    ("xavier_normal_", (4, 5), {}, [-0.052665, -0.234095, 0.076874, -0.415632], -2.66176),
    ("kaiming_uniform_", (3, 4), {"a": 1.0, "mode": "fan_out"}, [-0.942042, -0.196203, -0.480312, -0.266717],
     -2.62343),
    ("kaiming_normal_", (5, 4), {"nonlinearity": "relu"}, [-0.078997, -0.351142, 0.115311, -0.623447], -3.99264),
    ("orthogonal_", (3, 4), {}, [0.041523, 0.362213, -0.910504, 0.195092], 1.10182),
    ("orthogonal_", (4, 2, 2), {"gain": 2.0}, [-0.528184, -0.319013, 0.483579, -1.839947], -0.3781),
    ("sparse_", (5, 4), {"sparsity": 0.3}, [0.0, -0.004966, 0.001631, -0.008817], -0.03442),
]


def check(tensor, shape, first, total):
    assert tuple(tensor.shape) == shape
    assert tensor.flatten().tolist()[:len(first)] == pytest.approx(first, abs=2e-6)
    assert tensor.double().sum().item() == pytest.approx(total, abs=2e-5 * max(1, tensor.numel()))


@pytest.mark.parametrize("text, expected", LAYERS, ids=[text for text, _ in LAYERS])
def test_layer(text, expected):
    kagari.manual_seed(1234)
    state = eval("nn." + text).state_dict()
    assert list(state) == list(expected)
    for name, facts in expected.items():
        check(state[name], *facts)


@pytest.mark.parametrize("name, shape, options, first, total", FUNCTIONS)
def test_function(name, shape, options, first, total):
    kagari.manual_seed(1234)
    tensor = kagari.empty(shape)
    assert getattr(nn.init, name)(tensor, **options) is tensor
    check(tensor, shape, first, total)


def test_constant_functions():
    assert nn.init.constant_(kagari.empty(2), 3).tolist() == [3, 3]
    assert nn.init.ones_(kagari.empty(2)).tolist() == [1, 1]
    assert nn.init.zeros_(kagari.empty(2)).tolist() == [0, 0]
    assert nn.init.eye_(kagari.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert nn.init.dirac_(kagari.empty(4, 2, 3), groups=2)[:, :, 1].tolist() == [[1, 0], [0, 1], [1, 0], [0, 1]]


def test_no_gradient_is_recorded():
    weight = nn.Parameter(kagari.empty(3, 3))
    for function in (nn.init.xavier_normal_, nn.init.orthogonal_, nn.init.trunc_normal_, nn.init.zeros_):
        assert function(weight).grad_fn is None


@pytest.mark.parametrize("nonlinearity, param, gain", [
    ("linear", None, 1), ("tanh", None, 5 / 3), ("relu", None, 2 ** 0.5), ("selu", None, 0.75),
    ("leaky_relu", None, (2 / 1.0001) ** 0.5), ("leaky_relu", 2, 0.4 ** 0.5)])
def test_gain(nonlinearity, param, gain):
    assert nn.init.calculate_gain(nonlinearity, param) == pytest.approx(gain)


@pytest.mark.parametrize("call, text", [
    (lambda: nn.init.xavier_uniform_(kagari.ones(2)), "fewer than 2 dimensions"),
    (lambda: nn.init.kaiming_uniform_(kagari.ones(2, 2), mode="x"), "Mode x not supported"),
    (lambda: nn.init.orthogonal_(kagari.ones(2)), "2 or more dimensions"),
    (lambda: nn.init.dirac_(kagari.ones(3, 2, 2), 2), "dim 0 must be divisible by groups"),
    (lambda: nn.init.eye_(kagari.ones(2)), "2 dimensions"),
    (lambda: nn.init.calculate_gain("x"), "Unsupported nonlinearity x")])
def test_errors(call, text):
    with pytest.raises(ValueError, match=text):
        call()
