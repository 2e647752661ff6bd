#include "kagari/cpu/fft.h"

#include <algorithm>

#include "kagari/base/allocator.h"
#include "kagari/base/parallel.h"
#include "kagari/cpu/transpose.h"

namespace kagari::cpu {
namespace {

constexpr int64_t kGrain = 32768;  // elements worth a thread

struct Transform {
  const FftKernels& kernels;
  DType real;
  int64_t item;  // bytes of a complex number
  int64_t n;     // of the complex transform inside
  std::shared_ptr<const FftPlan> plan, unpack;

  int64_t vector_bytes() const { return kernels.width * item / 2; }

  /// out = scale * transform of one contiguous line; `padded` has room for two padded lines if the plan is Bluestein's.
  void line(bool inverse, double scale, const void* in, void* out) const {
    if (plan->kind == FftPlan::Kind::Bluestein) return convolved(inverse, scale, in, out);
    four_steps(*plan, inverse, scale, in, out);
  }

  void four_steps(const FftPlan& p, bool inverse, double scale, const void* in, void* out) const {
    const int64_t n1 = p.first->n, n2 = p.second->n, w = kernels.width;
    const int64_t row_blocks = (n1 + w - 1) / w, column_blocks = (n2 + w - 1) / w;
    Scratch middle(row_blocks * w * n2 * item);
    const FftLong job{&p, inverse, scale, in, out, middle.data()};
    parallel_for(0, column_blocks, std::max<int64_t>(1, kGrain / (n1 * w)), [&](int64_t begin, int64_t end) {
      Scratch scratch(n1 * 2 * vector_bytes());
      kernels.columns(job, begin, end, scratch.data());
    });
    parallel_for(0, row_blocks, std::max<int64_t>(1, kGrain / (n2 * w)),
                 [&](int64_t begin, int64_t end) { kernels.rows(job, begin, end); });
  }

  void convolved(bool inverse, double scale, const void* in, void* out) const {
    const FftPlan& padded = *plan->first;
    Scratch memory(padded.n * item);
    char* a = memory.data();
    kernels.multiply(a, in, plan->rotation.as<char>(), n, 1, inverse, false);
    std::fill(a + n * item, a + padded.n * item, char(0));
    four_steps(padded, false, 1, a, a);
    kernels.multiply(a, a, plan->spectrum.as<char>(), padded.n, 1, false, false);
    four_steps(padded, true, 1, a, a);
    kernels.multiply(out, a, plan->rotation.as<char>(), n, scale, false, inverse);
  }
};

bool long_lines(const Transform& t, const FftShape& s) {
  if (s.inner > 1) return t.n > kFftLanesLength;
  // Few lines leave lanes empty; long ones leave the cache; squares of the width need no padding.
  const int64_t w = t.kernels.width;
  if (t.n < 4 * w) return false;
  return t.n > 2048 || (t.n >= 2 * w * w && t.n % (w * w) == 0) || (s.outer * 2 <= w && t.n >= 16 * w);
}

/// Many lines at a time.
void run_lines(const Transform& t, FftKind kind, bool inverse, double scale, const FftShape& s, const char* in, char* out) {
  const int64_t real_item = t.item / 2, w = t.kernels.width;
  const int64_t in_item = kind == FftKind::RealToComplex ? real_item : t.item;
  const int64_t out_item = kind == FftKind::ComplexToReal ? real_item : t.item;
  const int64_t in_n = kind == FftKind::ComplexToReal ? s.n / 2 + 1 : s.n;
  const int64_t out_n = kind == FftKind::RealToComplex ? s.n / 2 + 1 : s.n;
  const bool contiguous = s.inner == 1;
  const int64_t lines = contiguous ? s.outer : s.inner, slabs = contiguous ? 1 : s.outer;
  const int64_t blocks = (lines + w - 1) / w;
  const int64_t scratch_bytes = fft_scratch_rows(*t.plan, s.n) * 2 * t.vector_bytes();
  parallel_for(0, slabs * blocks, std::max<int64_t>(1, kGrain / (s.n * w)), [&](int64_t begin, int64_t end) {
    Scratch scratch(scratch_bytes);
    FftLines job{t.plan.get(), t.unpack.get(), kind, inverse, scale, s.n, nullptr, nullptr, in_item, s.inner * in_item,
                 out_item, s.inner * out_item, 0, scratch.data()};
    if (contiguous) {
      job.in_line = in_n * in_item;
      job.in_row = in_item;
      job.out_line = out_n * out_item;
      job.out_row = out_item;
    }
    for (int64_t i = begin; i < end; ++i) {
      const int64_t slab = i / blocks, first = i % blocks * w;
      job.in = in + slab * in_n * s.inner * in_item + first * job.in_line;
      job.out = out + slab * out_n * s.inner * out_item + first * job.out_line;
      job.count = int(std::min(w, lines - first));
      t.kernels.lines(job);
    }
  });
}

/// One contiguous line after the other, each of them on several threads if there are few.
void run_long(const Transform& t, FftKind kind, bool inverse, double scale, const FftShape& s, const char* in, char* out) {
  const int64_t real_item = t.item / 2, half = s.n / 2 + 1;
  const int64_t in_bytes = kind == FftKind::RealToComplex ? s.n * real_item : kind == FftKind::ComplexToReal ? half * t.item : s.n * t.item;
  const int64_t out_bytes = kind == FftKind::RealToComplex ? half * t.item : kind == FftKind::ComplexToReal ? s.n * real_item : s.n * t.item;
  auto one = [&](int64_t i) {
    const char* from = in + i * in_bytes;
    char* to = out + i * out_bytes;
    if (kind == FftKind::Complex) return t.line(inverse, scale, from, to);
    if (t.unpack && kind == FftKind::RealToComplex) {
      t.line(false, scale * 0.5, from, to);
      return t.kernels.unpack(*t.unpack, to);
    }
    if (t.unpack) {
      Scratch packed(t.n * t.item);
      t.kernels.pack(*t.unpack, from, packed.data());
      return t.line(true, scale, packed.data(), to);
    }
    // An odd length: as a complex line.
    Scratch line(t.n * t.item);
    auto spread = [&]<class T>(T) {
      T* z = reinterpret_cast<T*>(line.data());
      const T* x = reinterpret_cast<const T*>(from);
      T* y = reinterpret_cast<T*>(to);
      if (kind == FftKind::RealToComplex) {
        for (int64_t j = 0; j < s.n; ++j) z[2 * j] = x[j], z[2 * j + 1] = 0;
        t.line(false, scale, z, z);
        std::copy(z, z + 2 * half, y);
        return;
      }
      z[0] = x[0];
      z[1] = 0;
      for (int64_t j = 1; j < half; ++j) {
        z[2 * j] = z[2 * (s.n - j)] = x[2 * j];
        z[2 * j + 1] = x[2 * j + 1];
        z[2 * (s.n - j) + 1] = -x[2 * j + 1];
      }
      t.line(true, scale, z, z);
      for (int64_t j = 0; j < s.n; ++j) y[j] = z[2 * j];
    };
    if (t.real == DType::Float32) spread(float());
    else spread(double());
  };
  if (s.outer < 2 || s.outer < num_threads()) {
    for (int64_t i = 0; i < s.outer; ++i) one(i);
    return;
  }
  parallel_for(0, s.outer, std::max<int64_t>(1, kGrain / s.n), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) one(i);
  });
}

/// Long lines that are not contiguous: through transposed copies.
void run_long_strided(const Transform& t, FftKind kind, bool inverse, double scale, const FftShape& s, const char* in, char* out) {
  static const KernelTable<TransposeFn>& transpose = find_kernels<TransposeFn>("transpose");
  const DType complex = to_complex(t.real);
  const DType in_type = kind == FftKind::RealToComplex ? t.real : complex, out_type = kind == FftKind::ComplexToReal ? t.real : complex;
  const int64_t in_item = itemsize(in_type), out_item = itemsize(out_type);
  const int64_t in_n = kind == FftKind::ComplexToReal ? s.n / 2 + 1 : s.n, out_n = kind == FftKind::RealToComplex ? s.n / 2 + 1 : s.n;
  Scratch from(in_n * s.inner * in_item), to(out_n * s.inner * out_item);
  for (int64_t i = 0; i < s.outer; ++i) {
    transpose[in_type](from.data(), in_n * in_item, in + i * in_n * s.inner * in_item, s.inner * in_item, in_n, s.inner);
    run_long(t, kind, inverse, scale, {s.inner, s.n, 1}, from.data(), to.data());
    transpose[out_type](out + i * out_n * s.inner * out_item, s.inner * out_item, to.data(), out_n * out_item, s.inner, out_n);
  }
}

}  // namespace

void fft(FftKind kind, bool inverse, DType real, double scale, const FftShape& shape, const void* in, void* out) {
  if (shape.outer * shape.n * shape.inner == 0) return;
  static const KernelTable<FftKernelsOf>& kernels = find_kernels<FftKernelsOf>("fft");
  KG_ASSERT(kernels[real]);
  const FftKernels& k = kernels[real]();
  const bool packed = kind != FftKind::Complex && shape.n % 2 == 0;
  Transform t{k, real, 2 * itemsize(real), packed ? shape.n / 2 : shape.n, nullptr, nullptr};
  if (packed) t.unpack = fft_plan(FftPlan::Kind::Real, shape.n, real, k.width);
  const bool smooth = fft_is_smooth(t.n);
  bool one_by_one = long_lines(t, shape);
  if (!smooth) {
    t.plan = fft_plan(FftPlan::Kind::Bluestein, t.n, real, k.width);
    one_by_one = t.plan->first->kind == FftPlan::Kind::Long;
  } else {
    t.plan = fft_plan(one_by_one ? FftPlan::Kind::Long : FftPlan::Kind::Lanes, t.n, real, k.width);
  }
  const char* from = static_cast<const char*>(in);
  char* to = static_cast<char*>(out);
  if (!one_by_one) return run_lines(t, kind, inverse, scale, shape, from, to);
  if (shape.inner == 1) return run_long(t, kind, inverse, scale, shape, from, to);
  run_long_strided(t, kind, inverse, scale, shape, from, to);
}

}  // namespace kagari::cpu
