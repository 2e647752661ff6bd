// The three Fourier transforms that have kernels and gradients of their own.
#include <algorithm>
#include <cmath>

#include "kagari/base/parallel.h"
#include "kagari/cpu/copy.h"
#include "kagari/cpu/fft.h"
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/fft.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using cpu::FftKind;

double scale_of(int64_t normalization, double points) {
  KG_CHECK(normalization >= 0 && normalization <= 2, "Fourier transform: normalization must be 0, 1 or 2, but got ", normalization);
  return normalization == 0 ? 1 : normalization == 1 ? 1 / std::sqrt(points) : 1 / points;
}
double points_of(IntList sizes, IntList dims) {
  double points = 1;
  for (int64_t d : dims) points *= double(sizes[size_t(d)]);
  return points;
}
void check_points(IntList sizes, IntList dims) {
  for (int64_t d : dims) KG_CHECK(sizes[size_t(d)] > 0, "Invalid number of data points (", sizes[size_t(d)], ") specified");
}
Ints wrapped(IntList dims, int64_t ndim) {
  Ints out;
  KG_CHECK_INDEX(ndim > 0 || dims.empty(), "Dimension specified as ", dims[0], " but tensor has no dimensions");
  for (int64_t d : dims) out.push_back(wrap_dim(d, ndim));
  return out;
}
cpu::FftShape slab(IntList sizes, int64_t dim) {
  cpu::FftShape s{1, sizes[size_t(dim)], 1};
  for (int64_t i = 0; i < int64_t(sizes.size()); ++i) (i < dim ? s.outer : i > dim ? s.inner : s.n) *= i == dim ? 1 : sizes[size_t(i)];
  return s;
}
/// How many pieces of several transformed dimensions are worth finishing one by one, because each stays in the second-level cache.
int64_t pieces(const Tensor& t, IntList dims) {
  constexpr int64_t kCached = int64_t(1) << 20;
  int64_t count = 1, first = *std::min_element(dims.begin(), dims.end());
  for (int64_t i = 0; i < first; ++i) count *= t.sizes()[size_t(i)];
  return dims.size() > 1 && t.nbytes() / count <= kCached ? count : 1;
}
/// From x, real or complex, to the complex y, both dense (and the same if x is complex and not needed any more): along the last of `dims`,
/// then in place along the others.
void transform(const Tensor& x, const Tensor& y, IntList dims, bool inverse, double scale) {
  const FftKind kind = x.is_complex() ? FftKind::Complex : FftKind::RealToComplex;
  const DType real = to_real(y.dtype());
  const int64_t count = pieces(y, dims), grain = std::max<int64_t>(1, 32768 * count / y.numel());
  parallel_for(0, count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      const std::byte* from = x.bytes() + piece * (x.nbytes() / count);
      std::byte* to = y.bytes() + piece * (y.nbytes() / count);
      for (size_t i = dims.size(); i-- > 0;) {
        const bool first = i + 1 == dims.size();
        cpu::FftShape s = slab(first ? x.sizes() : y.sizes(), dims[i]);
        s.outer /= count;
        cpu::fft(first ? kind : FftKind::Complex, inverse, real, first ? scale : 1, s, first ? from : to, to);
      }
    }
  });
}
void check_real(const Tensor& t) { KG_CHECK(t.dtype() == DType::Float32 || t.dtype() == DType::Float64, "expected a real tensor of float32 or float64 for a Fourier transform, but got ", t.dtype()); }
void check_complex(const Tensor& t) { KG_CHECK(t.is_complex(), "expected a complex tensor for a Fourier transform, but got ", t.dtype()); }

const auto c2c_op = define<&fft_c2c>({
    .schema = "_fft_c2c(Tensor self, int[] dim, int normalization, bool forward) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The complex Fourier transform over several dimensions. normalization: 0 none, 1 by the root of the number of points, 2 by their number.",
    .run = [](Out& out, const Tensor& self, IntList dim, int64_t normalization, bool forward) {
      check_complex(self);
      Ints dims = wrapped(dim, self.dim());
      check_points(self.sizes(), dims);
      double scale = scale_of(normalization, points_of(self.sizes(), dims));
      Tensor y = out.alloc_like(self);
      if (y.is_meta() || y.numel() == 0) return y;
      const bool copied = dims.empty() || !self.is_contiguous();
      if (copied) cpu::copy_elements(y, self);
      if (!dims.empty()) transform(copied ? y : self, y, dims, !forward, scale);
      return y;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, IntList dim, int64_t normalization, bool forward) -> Grads { return {fft_c2c(c.grad, dim, normalization, !forward)}; }),
});

/// 1 for the frequencies of a half spectrum that are their own mirror image, `other` for those that stand for two.
Tensor mirror_weights(int64_t n, int64_t dim, int64_t ndim, const Tensor& like, double other) {
  TensorOptions options;
  options.dtype = to_real(like.dtype());
  options.device = like.device();
  Tensor w = full({n / 2 + 1}, other, options);
  fill_(select(w, 0, 0), 1);
  if (n % 2 == 0) fill_(select(w, 0, n / 2), 1);
  Ints sizes;
  for (int64_t i = 0; i < ndim; ++i) sizes.push_back(i == dim ? n / 2 + 1 : 1);
  return view(w, sizes);
}

const auto r2c_op = define<&fft_r2c>({
    .schema = "_fft_r2c(Tensor self, int[] dim, int normalization, bool onesided) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The Fourier transform of real input over several dimensions, the last of which gives n / 2 + 1 results if `onesided`.",
    .run = [](Out& out, const Tensor& self, IntList dim, int64_t normalization, bool onesided) {
      check_real(self);
      KG_CHECK(!dim.empty(), "Fourier transform of real input: expected at least one dimension");
      if (!onesided) return fft_c2c(to(self, to_complex(self.dtype())), dim, normalization, true);
      Ints dims = wrapped(dim, self.dim());
      check_points(self.sizes(), dims);
      double scale = scale_of(normalization, points_of(self.sizes(), dims));
      int64_t last = dims.back();
      Ints sizes(self.sizes());
      sizes[size_t(last)] = sizes[size_t(last)] / 2 + 1;
      Tensor y = out.alloc(sizes, to_complex(self.dtype()), self.device());
      if (y.is_meta() || y.numel() == 0) return y;
      transform(contiguous(self), y, dims, false, scale);
      return y;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, IntList dim, int64_t normalization, bool onesided) -> Grads {
      if (!onesided) return {real(fft_c2c(c.grad, dim, normalization, false))};
      IntList sizes = c.sizes(0);
      int64_t ndim = int64_t(sizes.size()), last = wrap_dim(dim.back(), ndim), n = sizes[size_t(last)];
      return {fft_c2r(c.grad * mirror_weights(n, last, ndim, c.grad, 0.5), dim, normalization, n)};
    }),
});

const auto c2r_op = define<&fft_c2r>({
    .schema = "_fft_c2r(Tensor self, int[] dim, int normalization, int last_dim_size) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The inverse of _fft_r2c: real results, last_dim_size of them along the last of the dimensions.",
    .run = [](Out& out, const Tensor& self, IntList dim, int64_t normalization, int64_t last_dim_size) {
      check_complex(self);
      KG_CHECK(!dim.empty(), "Fourier transform to real results: expected at least one dimension");
      Ints dims = wrapped(dim, self.dim());
      int64_t last = dims.back();
      KG_CHECK(last_dim_size > 0, "Invalid number of data points (", last_dim_size, ") specified");
      KG_CHECK(self.sizes()[size_t(last)] == last_dim_size / 2 + 1, "Fourier transform to ", last_dim_size, " real results: expected a half spectrum of size ",
               last_dim_size / 2 + 1, ", but got ", self.sizes()[size_t(last)]);
      Ints sizes(self.sizes());
      sizes[size_t(last)] = last_dim_size;
      check_points(sizes, dims);
      double scale = scale_of(normalization, points_of(sizes, dims));
      Tensor y = out.alloc(sizes, to_real(self.dtype()), self.device());
      if (y.is_meta() || y.numel() == 0) return y;
      Tensor x = self;
      dims.pop_back();
      if (!dims.empty()) {
        x = fft_c2c(x, dims, 0, false);
      } else if (!x.is_contiguous()) {
        x = contiguous(x);
      }
      cpu::fft(FftKind::ComplexToReal, true, y.dtype(), scale, slab(sizes, last), x.bytes(), y.bytes());
      return y;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, IntList dim, int64_t normalization, int64_t n) -> Grads {
      int64_t ndim = c.grad.dim(), last = wrap_dim(dim.back(), ndim);
      return {fft_r2c(c.grad, dim, normalization, true) * mirror_weights(n, last, ndim, c.grad, 2)};
    }),
});

}  // namespace

Tensor fft_c2c(const Tensor& self, IntList dim, int64_t normalization, bool forward) { return c2c_op(self, dim, normalization, forward); }
Tensor fft_r2c(const Tensor& self, IntList dim, int64_t normalization, bool onesided) { return r2c_op(self, dim, normalization, onesided); }
Tensor fft_c2r(const Tensor& self, IntList dim, int64_t normalization, int64_t last_dim_size) { return c2r_op(self, dim, normalization, last_dim_size); }

}  // namespace kagari
