"""The same seed gives PyTorch's numbers. seeded_numbers.json: [expression, element count, first six and last six elements], recorded
with PyTorch 2.13 after manual_seed(42)."""
import json
import pathlib

import kagari as torch
import pytest

FACTS = json.loads((pathlib.Path(__file__).parent / "seeded_numbers.json").read_text())


@pytest.mark.parametrize("expression, count, expected", FACTS, ids=[f[0] for f in FACTS])
def test_numbers(expression, count, expected):
    torch.manual_seed(42)
    x = eval(expression).flatten()
    if x.is_complex():
        x = torch.view_as_real(x).flatten()
    assert x.numel() == count
    values = x.tolist()
    values = values if count <= 12 else values[:6] + values[-6:]
    values = [float(v) for v in values]
    # logarithms and cosines of vectors differ in their last bit between machines
    assert values == pytest.approx(expected, rel=1e-5 if "float64" not in expression else 1e-12, abs=1e-6 if "float64" not in expression else 1e-13)


def test_state_goes_on():
    generator = torch.Generator().manual_seed(7)
    torch.randn(3, generator=generator)      # leaves one normal number in the state
    state = generator.get_state()
    assert state.dtype is torch.uint8 and state.shape == (5056,)
    first = torch.cat([torch.randn(3, generator=generator), torch.rand(700, generator=generator)])
    generator.set_state(state)
    assert torch.equal(first, torch.cat([torch.randn(3, generator=generator), torch.rand(700, generator=generator)]))


def test_seeds():
    assert torch.manual_seed(-1).initial_seed() == 2 ** 64 - 1
    assert torch.initial_seed() == 2 ** 64 - 1
    generator = torch.Generator()
    assert generator.initial_seed() == 67280421310721
    assert generator.seed() == generator.initial_seed()


@pytest.mark.parametrize("call, kind, text", [
    (lambda: torch.empty(3).random_(5, 5), RuntimeError, "random_ expects 'from' to be less than 'to', but got from=5 >= to=5"),
    (lambda: torch.empty(3, dtype=torch.uint8).random_(-1, 5), RuntimeError, "from is out of bounds for unsigned char"),
    (lambda: torch.empty(3).uniform_(2, 1), RuntimeError, r"uniform_ expects to return a \[from, to\) range, but found from=2 > to=1"),
    (lambda: torch.empty(3).normal_(0, -1), RuntimeError, "normal expects std >= 0.0, but found std -1"),
    (lambda: torch.empty(3, dtype=torch.int32).normal_(), NotImplementedError, "not implemented for 'Int'"),
    (lambda: torch.randperm(-1), RuntimeError, "negative"),
    (lambda: torch.empty(3).exponential_(-1), RuntimeError, "exponential_ expects lambda > 0.0"),
    (lambda: torch.empty(3).geometric_(1.5), RuntimeError, r"geometric_ expects p to be in \(0, 1\)"),
    (lambda: torch.empty(3).bernoulli_(1.5), RuntimeError, r"bernoulli_ expects p to be in \[0, 1\]"),
    (lambda: torch.multinomial(torch.tensor([1.0, -1.0]), 1), RuntimeError, "probability tensor contains either"),
    (lambda: torch.multinomial(torch.tensor([0.0, 0.0]), 1), RuntimeError, "invalid multinomial distribution"),
    (lambda: torch.multinomial(torch.tensor([1.0, 2.0]), 3), RuntimeError, "cannot sample n_sample > prob_dist.size"),
    (lambda: torch.poisson(torch.tensor([-1.0])), RuntimeError, "invalid Poisson rate"),
    (lambda: torch.dropout(torch.ones(2), 1.5, True), RuntimeError, "dropout probability has to be between 0 and 1, but got 1.5"),
    (lambda: torch.set_rng_state(torch.zeros(5056, dtype=torch.uint8)), RuntimeError, "Invalid mt19937 state"),
])
def test_errors(call, kind, text):
    with pytest.raises(kind, match=text):
        call()


def test_dropout_gradient():
    x = torch.ones(1000, requires_grad=True)
    y = torch.dropout(x, 0.3, True)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())
    assert torch.dropout(x, 0.3, False) is x or torch.equal(torch.dropout(x, 0.3, False), x)


def test_gamma_derivative():
    # against central differences of the quantile function
    scipy = pytest.importorskip("scipy.special")
    for alpha, x in [(0.3, 0.05), (0.3, 2.0), (2.5, 0.1), (2.5, 3.0), (2.5, 20.0), (40.0, 30.0), (40.0, 60.0), (1000.0, 1010.0)]:
        q = scipy.gammainc(alpha, x)
        h = 1e-5 * alpha
        if q < 0.5:
            slope = (scipy.gammaincinv(alpha + h, q) - scipy.gammaincinv(alpha - h, q)) / (2 * h)
        else:
            tail = scipy.gammaincc(alpha, x)
            slope = (scipy.gammainccinv(alpha + h, tail) - scipy.gammainccinv(alpha - h, tail)) / (2 * h)
        got = torch._standard_gamma_grad(torch.tensor([alpha], dtype=torch.float64), torch.tensor([x], dtype=torch.float64))
        assert got.item() == pytest.approx(slope, rel=1e-6)


def test_beta_derivative():
    scipy = pytest.importorskip("scipy.special")
    for alpha, beta, x in [(0.5, 0.7, 0.1), (2.0, 3.0, 0.3), (2.0, 3.0, 0.9), (30.0, 5.0, 0.8), (0.2, 10.0, 0.01)]:
        q = scipy.betainc(alpha, beta, x)
        h = 1e-5 * alpha
        slope = (scipy.betaincinv(alpha + h, beta, q) - scipy.betaincinv(alpha - h, beta, q)) / (2 * h)
        arguments = [torch.tensor([v], dtype=torch.float64) for v in (x, alpha, alpha + beta)]
        assert torch._dirichlet_grad(*arguments).item() * (1 - x) == pytest.approx(slope, rel=1e-5)
