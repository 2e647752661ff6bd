#pragma once
#include "kagari/tensor/tensor.h"

// Discrete Fourier transforms: `torch.fft`, and the short-time transforms. Real input of integers computes in the default dtype.
//
// `norm` says who divides by the number of points n: "backward" (the default) the inverse transform, "forward" the forward one, "ortho" both
// by the root of n. Sizes `n` and `s` cut the input or pad it with zeros before the transform.
namespace kagari {

using MaybeInt = std::optional<int64_t>;
using MaybeInts = std::optional<IntList>;
using MaybeText = std::optional<std::string_view>;

// The three transforms that all others are made of, over several dimensions at once. normalization: 0 none, 1 by the root of the number of
// points, 2 by their number. Of real transforms the last one of `dim` is the half-sized one.
KAGARI_API Tensor fft_c2c(const Tensor& self, IntList dim, int64_t normalization, bool forward);
KAGARI_API Tensor fft_r2c(const Tensor& self, IntList dim, int64_t normalization, bool onesided);
KAGARI_API Tensor fft_c2r(const Tensor& self, IntList dim, int64_t normalization, int64_t last_dim_size);

// One dimension.
KAGARI_API Tensor fft(const Tensor& self, MaybeInt n = {}, int64_t dim = -1, MaybeText norm = {});
KAGARI_API Tensor ifft(const Tensor& self, MaybeInt n = {}, int64_t dim = -1, MaybeText norm = {});
/// Of real input: the n / 2 + 1 results that determine the others.
KAGARI_API Tensor rfft(const Tensor& self, MaybeInt n = {}, int64_t dim = -1, MaybeText norm = {});
/// The inverse of rfft; n defaults to 2 (size - 1).
KAGARI_API Tensor irfft(const Tensor& self, MaybeInt n = {}, int64_t dim = -1, MaybeText norm = {});
/// The forward transform of a signal that is Hermitian, given by its first half; the result is real.
KAGARI_API Tensor hfft(const Tensor& self, MaybeInt n = {}, int64_t dim = -1, MaybeText norm = {});
/// The inverse of hfft.
KAGARI_API Tensor ihfft(const Tensor& self, MaybeInt n = {}, int64_t dim = -1, MaybeText norm = {});

// Several dimensions: those of `dim`, or as many of the last ones as `s` has entries, or all.
KAGARI_API Tensor fftn(const Tensor& self, MaybeInts s = {}, MaybeInts dim = {}, MaybeText norm = {});
KAGARI_API Tensor ifftn(const Tensor& self, MaybeInts s = {}, MaybeInts dim = {}, MaybeText norm = {});
KAGARI_API Tensor rfftn(const Tensor& self, MaybeInts s = {}, MaybeInts dim = {}, MaybeText norm = {});
KAGARI_API Tensor irfftn(const Tensor& self, MaybeInts s = {}, MaybeInts dim = {}, MaybeText norm = {});
KAGARI_API Tensor hfftn(const Tensor& self, MaybeInts s = {}, MaybeInts dim = {}, MaybeText norm = {});
KAGARI_API Tensor ihfftn(const Tensor& self, MaybeInts s = {}, MaybeInts dim = {}, MaybeText norm = {});

/// Rotates by half the size, so that the zero frequency comes to the middle; and back.
KAGARI_API Tensor fftshift(const Tensor& self, MaybeInts dim = {});
KAGARI_API Tensor ifftshift(const Tensor& self, MaybeInts dim = {});

}  // namespace kagari
