"""Sobol' sequences: recorded points, the evenness that defines them, and the state of the engine."""
import pytest

import kagari as torch
from kagari.quasirandom import SobolEngine


def test_first_points():
    assert SobolEngine(3).draw(5).tolist() == [[0, 0, 0], [0.5, 0.5, 0.5], [0.75, 0.25, 0.25], [0.25, 0.75, 0.75], [0.375, 0.375, 0.625]]
    engine = SobolEngine(5)
    assert engine.sobolstate[:, :4].tolist() == [[536870912, 268435456, 134217728, 67108864], [536870912, 805306368, 671088640, 1006632960],
                                                 [536870912, 805306368, 402653184, 603979776], [536870912, 805306368, 134217728, 335544320],
                                                 [536870912, 268435456, 134217728, 738197504]]


def test_scrambled_points_after_a_seed():
    engine = SobolEngine(3, scramble=True, seed=1234)
    expected = torch.tensor([[0.2031, 0.4212, 0.0052], [0.8824, 0.5293, 0.6721], [0.5090, 0.0726, 0.3737]])
    torch.testing.assert_close(engine.draw(3), expected, atol=1e-4, rtol=0)
    assert engine.shift.tolist() == [218124171, 452292137, 5635186]
    torch.manual_seed(0)
    first = SobolEngine(2, scramble=True).draw(2)
    torch.manual_seed(0)
    assert torch.equal(SobolEngine(2, scramble=True).draw(2), first)


@pytest.mark.parametrize("scramble", [False, True])
def test_each_interval_gets_one_point(scramble):
    points = SobolEngine(40, scramble=scramble, seed=0).draw_base2(6, dtype=torch.float64)
    cells = (points * 64).floor().to(torch.int64).sort(0).values
    assert (cells == torch.arange(64).unsqueeze(1)).all() and (points < 1).all()


def test_drawing_in_parts():
    whole, engine = SobolEngine(4).draw(11), SobolEngine(4)
    assert torch.equal(torch.cat([engine.draw(1), engine.draw(3), engine.draw(7)]), whole)
    assert engine.num_generated == 11 and torch.equal(engine.quasi * 2.0 ** -30, whole[-1])
    assert torch.equal(engine.reset().fast_forward(5).draw(2), whole[5:7])
    out = torch.empty(0)
    assert SobolEngine(4).draw(2, out=out) is out and out.shape == (2, 4)
    assert SobolEngine(1111).draw(2)[1].unique().tolist() == [0.5]


def test_errors():
    for dimension in (0, 21202):
        with pytest.raises(ValueError, match="Supported range of dimensionality"):
            SobolEngine(dimension)
    engine = SobolEngine(1)
    engine.draw_base2(2)
    with pytest.raises(ValueError, match="power of 2"):
        engine.draw_base2(3)
    assert repr(SobolEngine(2, scramble=True, seed=3)) == "SobolEngine(dimension=2, scramble=True, seed=3)"
