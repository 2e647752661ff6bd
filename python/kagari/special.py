"""Special functions: gamma, error and Bessel functions, orthogonal polynomials. All are operators of the C++ core."""
from kagari import _C

globals().update(_C._space_special)
__all__ = sorted(_C._space_special)
