"""Points that fill the unit cube more evenly than random ones: Sobol' sequences."""
import kagari

__all__ = ["SobolEngine"]

# How many primitive polynomials of each degree the table has, from degree 1 on; the first dimension needs none.
_COUNTS = (1, 1, 2, 2, 6, 6, 18, 16, 48, 60, 176, 144, 630)


def _records(count):
    """(degree, polynomials, initial numbers) by degree, of the first `count` polynomials.

    Note [The table of directions]: _sobol_directions.bin has a record per polynomial, in whole bytes, little end first: the coefficients between
    the first and the last (degree - 1 bits), then the initial numbers m2, m3, ... without their last bit, which is 1 (1, 2, ... bits). m1 is 1.
    """
    import os
    with open(os.path.join(os.path.dirname(__file__), "_sobol_directions.bin"), "rb") as file:
        data = file.read()
    at = 0
    for degree, n in enumerate(_COUNTS, 1):
        size = (degree - 1 + degree * (degree - 1) // 2 + 7) // 8
        taken = min(n, count)
        if taken <= 0:
            return
        polynomials, numbers = [], []
        for _ in range(taken):
            word = int.from_bytes(data[at:at + size], "little")
            at += size
            polynomials.append(word & (1 << (degree - 1)) - 1)
            word >>= degree - 1
            row = [1]
            for bits in range(1, degree):
                row.append((word & (1 << bits) - 1) * 2 + 1)
                word >>= bits
            numbers.append(row)
        count -= taken
        yield degree, kagari.tensor(polynomials), kagari.tensor(numbers)


def _directions(dimension, bits):
    """The direction numbers as integers of `bits` bits: (dimension, bits), int64."""
    powers = 2 ** kagari.arange(bits - 1, -1, -1)
    parts = [powers.unsqueeze(0)]
    for degree, polynomials, numbers in _records(dimension - 1):
        columns = list(numbers.unbind(1))[:bits]
        while len(columns) < bits:
            k = len(columns)
            value = columns[k - degree] ^ (columns[k - degree] << degree)
            for i in range(1, degree):
                value = value ^ (((polynomials >> (degree - 1 - i)) & 1) * columns[k - i] << i)
            columns.append(value)
        parts.append(kagari.stack(columns, 1) * powers)
    return kagari.cat(parts)


class SobolEngine:
    """A generator of the points of a Sobol' sequence in [0, 1)^dimension.

    dimension: up to 1111 (PyTorch: 21201, whose table is thirty times as large). scramble: the points are moved at random (a random digital
    shift, after a random lower-triangular matrix on the digits) in a way that keeps their evenness. seed: of the scrambling; without one the default generator gives it.

    The direction numbers are those of S. Joe and F. Y. Kuo, "Constructing Sobol sequences with better two-dimensional projections", SIAM
    Journal on Scientific Computing 30 (2008).

    >>> torch.quasirandom.SobolEngine(2).draw(3)
    tensor([[0.0000, 0.0000],
            [0.5000, 0.5000],
            [0.7500, 0.2500]])
    """
    MAXBIT = 30
    MAXDIM = 1111

    def __init__(self, dimension, scramble=False, seed=None):
        if not 1 <= dimension <= self.MAXDIM:
            raise ValueError(f"Supported range of dimensionality for SobolEngine is [1, {self.MAXDIM}]")
        self.dimension, self.scramble, self.seed = dimension, scramble, seed
        self.sobolstate = _directions(dimension, self.MAXBIT)
        self.shift = kagari.zeros(dimension, dtype=kagari.int64)
        if scramble:
            self._scramble()
        self.num_generated = 0

    def _scramble(self):
        generator = None if self.seed is None else kagari.Generator().manual_seed(self.seed)
        bits = kagari.arange(self.MAXBIT)
        flips = kagari.randint(2, (self.dimension, self.MAXBIT), generator=generator)
        self.shift = (flips * 2 ** bits).sum(1)
        matrix = kagari.randint(2, (self.dimension, self.MAXBIT, self.MAXBIT), generator=generator).tril()
        matrix.diagonal(dim1=1, dim2=2).fill_(1)
        down = self.MAXBIT - 1 - bits                                            # the digits from the first
        digits = (self.sobolstate.unsqueeze(1) >> down.unsqueeze(1)) & 1         # (dimension, digit, number)
        mixed = kagari.bmm(matrix.to(kagari.float32), digits.to(kagari.float32)).to(kagari.int64) & 1
        self.sobolstate = (mixed << down.unsqueeze(1)).sum(1)

    def _points(self, first, count):
        """Points number first, first + 1, ... as integers: (count, dimension)."""
        index = kagari.arange(first, first + count)
        gray = index ^ (index >> 1)
        points = self.shift.repeat(count, 1)
        for bit in range((first + count).bit_length()):
            points ^= ((gray >> bit) & 1).unsqueeze(1) * self.sobolstate[:, bit]
        return points

    @property
    def quasi(self):
        """The last point that was drawn, as integers."""
        return self._points(max(self.num_generated - 1, 0), 1)[0]

    def draw(self, n=1, out=None, dtype=None):
        """The next n points: (n, dimension), of the default dtype or `dtype`.

        RuntimeError if more than 2^30 points were asked for.
        """
        if n < 0 or self.num_generated + n > 1 << self.MAXBIT:
            raise RuntimeError(f"SobolEngine: cannot draw {n} points after {self.num_generated}; a sequence has {1 << self.MAXBIT}")
        points = self._points(self.num_generated, n).to(dtype or kagari.get_default_dtype()) * 2.0 ** -self.MAXBIT
        self.num_generated += n
        if out is None:
            return points
        out.resize_(points.shape).copy_(points)
        return out

    def draw_base2(self, m, out=None, dtype=None):
        """The next 2^m points. ValueError if the number of points drawn would be no power of 2, without which evenness is lost."""
        n = 2 ** m
        total = self.num_generated + n
        if total & (total - 1) != 0:
            raise ValueError(f"The balance properties of Sobol' points require n to be a power of 2. {self.num_generated} points have been previously generated, "
                             f"then: n={self.num_generated}+2**{m}={total}. If you still want to do this, please use 'SobolEngine.draw()' instead.")
        return self.draw(n, out, dtype)

    def reset(self):
        """Begins anew; the result is the engine."""
        self.num_generated = 0
        return self

    def fast_forward(self, n):
        """Leaves n points out; the result is the engine."""
        self.num_generated += n
        return self

    def __repr__(self):
        extra = ", scramble=True" if self.scramble else ""
        return f"SobolEngine(dimension={self.dimension}{extra}{f', seed={self.seed}' if self.seed is not None else ''})"
