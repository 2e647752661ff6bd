"""Why an operator is still slower than the limits of operators.py: (pattern on "operator dtype size", reason), the first that matches."""
import re

REASONS = [
    (r"bessel|airy|ndtri|log_ndtr|igamma|i0e|\bi[01]\b|i1e|polygamma|zeta|mvlgamma|erfcx|hermite|digamma|lgamma", "number by number in double, for its accuracy"),
    (r"erfc|erfinv|ndtr", "both branches of the formula are computed for every vector"),
    (r"linalg|cholesky|pinv", "one call of LAPACK, or one short loop, for each small matrix"),
    (r"fft|stft", "our own mixed-radix plans beside MKL's"),
    (r"bmm|matrix_power", "small products one after the other"),
    (r"interpolate", "a product with a matrix of weights per dimension, most of them zero (Note [Resampling as products])"),
    (r"grid_sample", "the coordinates and weights of the taps are computed by operators"),
    (r"embedding_bag", "rows are gathered first and added then"),
    (r"index_reduce|scatter_reduce|scatter_add|index_add|put_|index_put|index_fill|gather|scatter|index_select", "a loop over indices for any layout, one element at a time"),
    (r"(reciprocal|div|s/3|sgn|angle|abs|pow|s\*\*).* complex", "number by number: extreme divisors are told apart by a branch"),
    (r"(shift|addcmul|pow|gcd|lcm|s\*\*|s//|s%|div|remainder|fmod).* (uint8|int32)", "small integers are computed in a wider type, block by block"),
    (r"(div|s//|s%|remainder|fmod).* int64", "the processor's 64-bit division, one at a time"),
    (r"kron|block_diag|unfold|pixel_shuffle|repeat_interleave|contiguous|rot90|flip", "copies of runs that are a few elements short"),
    (r"bernoulli|rand|normal|uniform|exponential|dropout", "the generator's draws are fixed by PyTorch's sequence; the conversion of half types and doubles is separate"),
    (r"median|topk|sort|mode|unique|bincount|searchsorted|bucketize|isin|kthvalue|quantile|hist", "a general comparison sort or search; no path for small integers"),
    (r"trapezoid|diff|gradient|logcumsumexp|glu|normalize|pairwise|cosine|triplet|margin|nll|loss|frexp|polar|linspace|arange|one_hot", "made of several operators, each a pass of its own"),
    (r"nextafter|copysign|heaviside|hypot|isclose", "a scalar or a composed loop for a rarely used operator"),
    (r"transposed|row|column", "the operand that lies across the result is read block by block"),
]
HALF_REASONS = [
    (r"scatter|index|put|embedding|take", "converted number by number, or through float32 copies"),
    (r"rand|normal|uniform|exponential|bernoulli|dropout", "drawn as float32 and narrowed in a second pass"),
    (r"pool|interpolate|fold|kron|arange|linspace|sort|topk|median|kthvalue|unique|search|bucketize|isin|mode", "converted number by number, outside of vector loops"),
    (r"", "the conversion to float32 and back costs about a dozen vector instructions for 32 numbers, which shows where the formula is short"),
]


def reason(case, half=False):
    family, text, form, layout, dtype, size, g = case
    subject = f"{text}{' ' + layout if layout else ''}{' +backward' if g else ''} {dtype} {size}"
    return next((why for pattern, why in (HALF_REASONS if half else REASONS) if re.search(pattern, subject)), "not looked into")
