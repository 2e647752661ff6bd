// Discrete Fourier transforms along one dimension of a dense array.
//
// Note [How transforms are computed]: the kernels (kernels/fft.cpp) transform as many lines at once as a vector has lanes, each element of
// the scratch memory being a pair of vectors (real parts, imaginary parts). So no arithmetic crosses lanes. Three plans build on that:
//
//   Lanes      n is a product of small primes: a chain of butterflies of radix 2, 3, 4, 5, 7, 8, ..., decimation in frequency, in place
//              (Cooley and Tukey 1965). Result k is then found in row position[k].
//   Long       one line, n = n1 * n2: transforms of length n1 over the columns of the n1 x n2 matrix, rotations, transforms of length n2
//              (Bailey's four steps, 1990). Both halves have lanes to fill.
//   Bluestein  n has a large prime factor: a convolution of padded length with a chirp (Bluestein 1970).
//
// A real line of even length is a complex line of half the length, unpacked afterwards. Inverse transforms exchange the roles of real and
// imaginary parts, which costs nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kagari/cpu/dispatch.h"

namespace kagari::cpu {

enum class FftKind : uint8_t { Complex, RealToComplex, ComplexToReal };

/// A line of length n for each index of `outer` and `inner` of dense memory [outer][n][inner]. Real lines have n real elements, their
/// transforms n / 2 + 1 complex ones.
struct FftShape {
  int64_t outer, n, inner;
};

/// out = scale * the transform of `in`; both are dense. `real` (float32 or float64) is the type of real and of imaginary parts.
/// RealToComplex transforms forward (exponent -2 pi i j k / n), ComplexToReal backward; Complex as `inverse` says. A complex transform may
/// work in place (out == in).
KAGARI_API void fft(FftKind kind, bool inverse, DType real, double scale, const FftShape& shape, const void* in, void* out);

/// Numbers of a plan, aligned for vectors.
class FftTable {
 public:
  FftTable() = default;
  FftTable(int64_t count, int64_t item) : bytes_(size_t(count * item)), data_(new (std::align_val_t(64)) char[bytes_]) {}
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data_.get());
  }
  int64_t nbytes() const { return int64_t(bytes_); }

 private:
  struct Free {
    void operator()(char* p) const { ::operator delete[](p, std::align_val_t(64)); }
  };
  size_t bytes_ = 0;
  std::unique_ptr<char[], Free> data_;
};

/// What is precomputed for a length. Complex numbers in tables are pairs of real ones of the plan's type.
struct FftPlan {
  enum class Kind : uint8_t { Lanes, Long, Bluestein, Real };
  Kind kind;
  int64_t n;
  // Lanes
  std::vector<int> radices;
  std::vector<FftTable> twiddles;  ///< per stage of radix r and m = (length / r): [m][r - 1] powers of the root
  std::vector<FftTable> roots;     ///< per stage of odd radix: the r-th roots of unity as [r] cosines, [r] sines
  std::vector<int32_t> position;
  std::vector<int32_t> order;      ///< order[b]: the frequency of the b-th block before the last stage
  // Long: n = first.n * second.n.
  std::shared_ptr<const FftPlan> first, second;
  FftTable rotation;               ///< Long: [n1 / width][n2][2][width]; Real: [n / 4 + 1] roots of unity; Bluestein: the chirp [n]
  // Bluestein: `first` is the plan of the padded length.
  FftTable spectrum;               ///< the transform of the conjugate chirp, divided by the padded length
  int64_t nbytes = 0;
};

/// One call for up to `width` lines.
struct FftLines {
  const FftPlan* plan;    ///< of the complex transform inside: Lanes, or Bluestein over Lanes
  const FftPlan* unpack;  ///< of kind Real if the lines are real and of even length
  FftKind kind;
  bool inverse;
  double scale;
  int64_t n;
  const void* in;
  void* out;
  int64_t in_line, in_row, out_line, out_row;  ///< bytes between lines and between elements of a line; one of each pair is an element
  int count;
  void* scratch;  ///< scratch_rows(...) * 2 vectors
};
/// A contiguous line. `middle` has room for `first.n` (rounded up to the width) times `second.n` complex numbers.
struct FftLong {
  const FftPlan* plan;
  bool inverse;
  double scale;
  const void* in;
  void* out;
  void* middle;
};

struct FftKernels {
  int width;  ///< lanes of a vector
  void (*lines)(const FftLines&);
  /// Steps of a long transform: blocks of `width` columns, then blocks of `width` results of the first step.
  void (*columns)(const FftLong&, int64_t begin, int64_t end, void* scratch);
  void (*rows)(const FftLong&, int64_t begin, int64_t end);
  /// From the transform of the half-length complex line in `out` to that of the real line, in place; and the reverse.
  void (*unpack)(const FftPlan&, void* out);
  void (*pack)(const FftPlan&, const void* in, void* out);
  /// out = in * table * scale, n complex numbers, with real and imaginary parts of `in` and `out` exchanged where said.
  void (*multiply)(void* out, const void* in, const void* table, int64_t n, double scale, bool swap_in, bool swap_out);
};
using FftKernelsOf = const FftKernels& (*)();

/// Rows of scratch that `lines` needs.
int64_t fft_scratch_rows(const FftPlan& plan, int64_t n);

/// Up to this length a block of lines stays in the second-level cache.
inline constexpr int64_t kFftLanesLength = 4096;

/// The plan of a length, from a cache of bounded size. `width` is that of the kernels.
std::shared_ptr<const FftPlan> fft_plan(FftPlan::Kind kind, int64_t n, DType real, int width);
/// Whether Lanes and Long can have this length.
bool fft_is_smooth(int64_t n);

}  // namespace kagari::cpu
