// Sequences, identity and index matrices, windows, complex numbers from their parts.
#include <cmath>

#include "kagari/base/parallel.h"
#include "kagari/cpu/copy.h"
#include "kagari/cpu/strided.h"
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/power.h"
#include "kagari/ops/scan.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

const NoGradient from_numbers = no_grad("made from numbers");

Tensor allocate_new(Out& out, IntList size, const TensorOptions& options, DType default_dtype) {
  NewTensor made = resolve(options, out.dest_dtype().value_or(default_dtype));
  return out.alloc(size, made.dtype, made.device);
}

/// Stores f(i), computed in float64 (complex128 if f returns that), as element i of a dense 1-d tensor.
template <class F>
void generate(const Tensor& y, std::string_view op, F&& f) {
  if (y.is_meta()) return;
  visit_all(op, y.dtype(), [&](auto tag) {
    using T = decltype(tag);
    T* out = y.data<T>();
    parallel_for(0, y.numel(), cpu::parallel_grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) out[i] = Scalar(f(i)).template to<T>();
    });
  });
}

// ---------------------------------------------------------------- arange
/// start + i * step in y, a dense 1-d tensor.
void fill_sequence(const Tensor& y, const Scalar& start, const Scalar& step, std::string_view op) {
  static const auto& table = cpu::find_kernels<cpu::LoopFn>("arange");
  cpu::LoopFn loop = table[y.dtype()];
  if (!loop) fail_dtype(op, y.dtype());
  if (y.is_meta()) return;
  cpu::LoopParams params;
  bool integral = is_integral(y.dtype());
  if (integral) {
    params.set(0, start.to_int());
    params.set(1, step.to_int());
  } else {
    params.set(0, start.to_double());
    params.set(1, step.to_double());
  }
  parallel_for(0, y.numel(), cpu::parallel_grain, [&](int64_t begin, int64_t end) {
    cpu::LoopParams part = params;
    part.set(2, begin);
    char* data = reinterpret_cast<char*>(y.bytes()) + begin * y.itemsize();
    int64_t stride = y.itemsize();
    loop(&data, &stride, end - begin, &part);
  });
}

Tensor run_arange(Out& out, const Scalar& first, const Scalar& beyond, const Scalar& distance, const TensorOptions& options) {
  // a sequence of integers is computed from integers
  std::optional<DType> asked = options.dtype ? options.dtype : out.dest_dtype();
  bool whole = asked && is_integral(*asked) && !first.is_complex() && !beyond.is_complex() && !distance.is_complex();
  KG_CHECK(!whole || (std::isfinite(first.to_double()) && std::isfinite(beyond.to_double())), "unsupported range: ", first.to_double(), " -> ", beyond.to_double());
  Scalar start = whole ? Scalar(first.to_int()) : first, end = whole ? Scalar(beyond.to_int()) : beyond, step = whole ? Scalar(distance.to_int()) : distance;
  KG_CHECK(!start.is_complex() && !end.is_complex() && !step.is_complex(), "arange: complex numbers have no order");
  bool integral = start.is_integral() && end.is_integral() && step.is_integral();
  double a = start.to_double(), b = end.to_double(), s = step.to_double();
  KG_CHECK(distance.to_double() != 0, "step must be nonzero");
  KG_CHECK_VALUE(s != 0, "step must be nonzero");
  KG_CHECK(std::isfinite(a) && std::isfinite(b), "unsupported range: ", a, " -> ", b);
  KG_CHECK((s > 0 && b >= a) || (s < 0 && b <= a), "upper bound and lower bound inconsistent with step sign");
  double count = std::ceil((b - a) / s);
  if (integral) {
    __int128 d = step.to_int(), span = __int128(end.to_int()) - start.to_int();
    count = double(span / d + (span % d != 0));
  }
  // only int64 counts with whole numbers where others were given
  if (whole && *asked != DType::Int64) count = std::ceil((beyond.to_double() - first.to_double()) / distance.to_double());
  KG_CHECK(count >= 0 && count < 0x1p63, "invalid size, possible overflow?");
  Tensor y = allocate_new(out, {int64_t(count)}, options, integral ? DType::Int64 : default_dtype());
  fill_sequence(y, start, step, "arange");
  return finish_new(std::move(y), options);
}

Tensor arange_to(const Scalar& end, const TensorOptions& options);
const auto arange_op = define<&arange>({
    .schema = "arange.start_step(Scalar start, Scalar end, Scalar step=1, *, Options options) -> Tensor",
    .in = kFunction | kOut,
    .doc = "start, start + step, ... below end. int64 if all numbers are integers.\n\n>>> torch.arange(1, 6, 2)\ntensor([1, 3, 5])",
    .run = run_arange,
    .grad = from_numbers,
});
const auto arange_to_op = define<&arange_to>({
    .schema = "arange(Scalar end, *, Options options) -> Tensor",
    .in = kFunction | kOut,
    .doc = "0, 1, ... below end.\n\n>>> torch.arange(3)\ntensor([0, 1, 2])",
    .run = [](Out& out, const Scalar& end, const TensorOptions& options) { return run_arange(out, 0, end, 1, options); },
    .grad = from_numbers,
});
Tensor arange_to(const Scalar& end, const TensorOptions& options) { return arange_to_op(end, options); }

Tensor range_of(const Scalar& start, const Scalar& end, const Scalar& step, const TensorOptions& options);
const auto range_op = define<&range_of>({
    .schema = "range(Scalar start, Scalar end, Scalar step=1, *, Options options) -> Tensor",
    .in = kFunction | kOut,
    .doc = "start, start + step, ... up to and including end, in the default dtype. arange is the better choice.",
    .run = [](Out& out, const Scalar& start, const Scalar& end, const Scalar& step, const TensorOptions& options) {
      double a = start.to_double(), b = end.to_double(), s = step.to_double();
      KG_CHECK(s != 0, "step must be nonzero");
      KG_CHECK(std::isfinite(a) && std::isfinite(b), "unsupported range: ", a, " -> ", b);
      KG_CHECK((s > 0 && b >= a) || (s < 0 && b <= a), "upper bound and lower bound inconsistent with step sign");
      double count = std::floor((b - a) / s) + 1;
      KG_CHECK(count < 0x1p63, "invalid size, possible overflow?");
      Tensor y = allocate_new(out, {int64_t(count)}, options, default_dtype());
      fill_sequence(y, start, step, "range");
      return finish_new(std::move(y), options);
    },
    .grad = from_numbers,
});

Tensor range_of(const Scalar& start, const Scalar& end, const Scalar& step, const TensorOptions& options) { return range_op(start, end, step, options); }

// ---------------------------------------------------------------- linspace, logspace
/// Entry i of `steps` values from a to b. The second half counts back from b, so that both ends are exact.
template <class T>
T between(T a, T b, int64_t i, int64_t steps) {
  if (steps == 1) return a;
  T step = (b - a) / double(steps - 1);
  return i < steps / 2 ? a + step * double(i) : b - step * double(steps - 1 - i);
}

Tensor spaced(Out& out, const Scalar& start, const Scalar& end, int64_t steps, const double* base, const TensorOptions& options, std::string_view op) {
  KG_CHECK(steps >= 0, "number of steps must be non-negative");
  bool complex = start.is_complex() || end.is_complex();
  Tensor y = allocate_new(out, {steps}, options, complex ? to_complex(default_dtype()) : default_dtype());
  KG_CHECK(!complex || y.is_complex(), op, "(): inferred dtype ", to_complex(default_dtype()), " can't be safely cast to passed dtype ", y.dtype());
  if (complex || y.is_complex()) {
    std::complex<double> a = start.to_complex_value(), b = end.to_complex_value();
    generate(y, op, [=](int64_t i) { return base ? std::pow(std::complex<double>(*base), between(a, b, i, steps)) : between(a, b, i, steps); });
  } else {
    // a sequence of integers starts and ends at integers
    bool whole = is_integral(y.dtype()) && y.dtype() != DType::Bool;
    double a = whole ? double(start.to_int()) : start.to_double(), b = whole ? double(end.to_int()) : end.to_double();
    generate(y, op, [=](int64_t i) { return base ? std::pow(*base, between(a, b, i, steps)) : between(a, b, i, steps); });
  }
  return finish_new(std::move(y), options);
}

const auto linspace_op = define<&linspace>({
    .schema = "linspace(Scalar start, Scalar end, int steps, *, Options options) -> Tensor",
    .in = kFunction | kOut,
    .doc = "`steps` values from start to end, both included.\n\n>>> torch.linspace(0, 1, 3)\ntensor([0.0000, 0.5000, 1.0000])",
    .run = [](Out& out, const Scalar& start, const Scalar& end, int64_t steps, const TensorOptions& options) {
      return spaced(out, start, end, steps, nullptr, options, "linspace");
    },
    .grad = from_numbers,
});
const auto logspace_op = define<&logspace>({
    .schema = "logspace(Scalar start, Scalar end, int steps, float base=10.0, *, Options options) -> Tensor",
    .in = kFunction | kOut,
    .doc = "`steps` values from base**start to base**end, evenly spaced in the exponent.\n\n>>> torch.logspace(0, 2, 3)\ntensor([  1.,  10., 100.])",
    .run = [](Out& out, const Scalar& start, const Scalar& end, int64_t steps, double base, const TensorOptions& options) {
      return spaced(out, start, end, steps, &base, options, "logspace");
    },
    .grad = from_numbers,
});

Scalar end_point(const Tensor& t, const char* which, const char* op) {
  KG_CHECK(t.dim() == 0, op, " only supports 0-dimensional start and end tensors, but got ", which, " with ", t.dim(), " dimension(s).");
  return t.item();
}
/// Between ends that are more than their bytes: start + (end - start) * (0 to 1).
Tensor spaced_between(const Tensor& start, const Tensor& end, int64_t steps, const TensorOptions& options) {
  Tensor way = linspace(0, 1, steps, {.dtype = options.dtype.value_or(default_dtype()), .layout = {}, .device = {}});
  return finish_new(to(add(start, mul(sub(end, start), way)), options.dtype.value_or(default_dtype())), options);
}
Tensor linspace_tensors(const Tensor& start, const Tensor& end, int64_t steps, const TensorOptions& options) {
  if (detail::any_special(start, end)) return spaced_between(start, end, steps, options);
  return linspace(end_point(start, "start", "linspace"), end_point(end, "end", "linspace"), steps, options);
}
const auto linspace_tensors_op = compose<&linspace_tensors>({
    .schema = "linspace.Tensor_Tensor(Tensor|Scalar start, Tensor|Scalar end, int steps, *, Options options) -> Tensor",
    .in = kFunction | kOut,
    .doc = "linspace between 0-d tensors.",
    .body = linspace_tensors,
});
Tensor logspace_tensors(const Tensor& start, const Tensor& end, int64_t steps, double base, const TensorOptions& options) {
  if (detail::any_special(start, end)) return pow(wrapped_number(base), spaced_between(start, end, steps, options));
  return logspace(end_point(start, "start", "logspace"), end_point(end, "end", "logspace"), steps, base, options);
}
const auto logspace_tensors_op = compose<&logspace_tensors>({
    .schema = "logspace.Tensor_Tensor(Tensor|Scalar start, Tensor|Scalar end, int steps, float base=10.0, *, Options options) -> Tensor",
    .in = kFunction | kOut,
    .doc = "logspace between 0-d tensors.",
    .body = logspace_tensors,
});

// ---------------------------------------------------------------- matrices
const auto eye_op = define<&eye>({
    .schema = "eye(int n, int? m=None, *, Options options) -> Tensor",
    .in = kFunction | kOut,
    .doc = "An n x m matrix (m defaults to n) with ones on the diagonal and zeros elsewhere.\n\n>>> torch.eye(2)\ntensor([[1., 0.],\n        [0., 1.]])",
    .run = [](Out& out, int64_t n, std::optional<int64_t> m, const TensorOptions& options) {
      KG_CHECK(n >= 0, "n must be greater or equal to 0, got ", n);
      KG_CHECK(!m || *m >= 0, "m must be greater or equal to 0, got ", m.value_or(0));
      Tensor y = allocate_new(out, {n, m.value_or(n)}, options, default_dtype());
      if (!y.is_meta() && y.numel()) {
        cpu::fill_elements(y, 0);
        cpu::fill_elements(alias(y, {std::min(n, m.value_or(n))}, {m.value_or(n) + 1}, y.storage_offset()), 1);
      }
      return finish_new(std::move(y), options);
    },
    .grad = from_numbers,
});

/// (2, count): row and column of all elements whose column - row lies on one side of the offset.
Tensor triangle_indices(int64_t row, int64_t col, int64_t offset, bool lower, const TensorOptions& options) {
  KG_CHECK(row >= 0, "row must be non-negative, got", row);
  KG_CHECK(col >= 0, "col must be non-negative, got", col);
  NewTensor made = resolve(options, DType::Int64);
  auto columns = [&](int64_t r) -> std::pair<int64_t, int64_t> {
    // offset may be anything: clamp before adding
    int64_t limit = std::clamp<int64_t>(offset, -row, col) + r;
    return lower ? std::pair<int64_t, int64_t>{0, std::clamp<int64_t>(limit + 1, 0, col)} : std::pair<int64_t, int64_t>{std::clamp<int64_t>(limit, 0, col), col};
  };
  KG_CHECK(row < int64_t(1) << 31 && col < int64_t(1) << 31, "a triangle of ", row, " x ", col, " elements is too large");
  int64_t count = 0;
  for (int64_t r = 0; r < row; ++r) count += columns(r).second - columns(r).first;
  Tensor y = empty_tensor({2, count}, made.dtype, made.device);
  if (y.is_meta()) return y;
  visit_integers(lower ? "tril_indices" : "triu_indices", made.dtype, [&](auto tag) {
    using T = decltype(tag);
    T *rows = y.data<T>(), *cols = rows + count;
    for (int64_t r = 0; r < row; ++r)
      for (auto [c, end] = columns(r); c < end; ++c) {
        *rows++ = T(r);
        *cols++ = T(c);
      }
  });
  return finish_new(std::move(y), options);
}
const auto tril_indices_op = define<&tril_indices>({
    .schema = "tril_indices(int row, int col, int offset=0, *, Options options) -> Tensor",
    .in = kFunction,
    .doc = "Rows and columns (2, count) of the elements on and below a diagonal.",
    .run = [](Out&, int64_t row, int64_t col, int64_t offset, const TensorOptions& options) { return triangle_indices(row, col, offset, true, options); },
    .grad = from_numbers,
});
const auto triu_indices_op = define<&triu_indices>({
    .schema = "triu_indices(int row, int col, int offset=0, *, Options options) -> Tensor",
    .in = kFunction,
    .doc = "Rows and columns (2, count) of the elements on and above a diagonal.",
    .run = [](Out&, int64_t row, int64_t col, int64_t offset, const TensorOptions& options) { return triangle_indices(row, col, offset, false, options); },
    .grad = from_numbers,
});

Tensor powers(const Tensor& x, std::optional<int64_t> N, bool increasing) {
  int64_t n = N.value_or(x.size(-1));
  Tensor base = is_integral(x.dtype()) ? to(x, DType::Int64) : x;
  Ints sizes(x.sizes());
  sizes.push_back(std::max<int64_t>(n - 1, 0));
  if (n == 0) return new_empty(base, sizes);
  Tensor column = unsqueeze(base, -1), first = ones_like(column);
  if (n > 1) {
    Tensor parts[] = {first, cumprod(expand(column, sizes), -1)};
    first = cat(TensorList(parts, 2), -1);
  }
  return increasing ? first : flip(first, Ints{-1});
}
Tensor vander(const Tensor& x, std::optional<int64_t> N, bool increasing) {
  KG_CHECK(x.dim() == 1, "x must be a one-dimensional tensor.");
  KG_CHECK(!N || *N >= 0, "N must be non-negative.");
  return powers(x, N, increasing);
}
const auto vander_op = compose<&vander>({
    .schema = "vander(Tensor x, int? N=None, bool increasing=False) -> Tensor",
    .in = kFunction,
    .doc = "The matrix whose columns are powers of x: from N - 1 down to 0, or up if increasing.",
    .body = vander,
});
Tensor linalg_vander(const Tensor& x, std::optional<int64_t> N) {
  KG_CHECK(x.dtype() != DType::Bool, "linalg.vander supports floating point, complex, and integer tensors, but got Bool");
  Tensor vectors = x.dim() ? x : unsqueeze(x, -1);
  KG_CHECK(N.value_or(vectors.size(-1)) > 1, "N must be greater than 1.");
  return powers(vectors, N, true);
}
const auto linalg_vander_op = compose<&linalg_vander>({
    .schema = "linalg_vander(Tensor x, *, int? N=None) -> Tensor",
    .in = kFunction,
    .doc = "Matrices whose columns are the powers 0 to N - 1 of x.",
    .body = linalg_vander,
});

// ---------------------------------------------------------------- complex numbers from parts
void check_parts(const Tensor& a, const Tensor& b) {
  auto good = [](DType t) { return t == DType::Float32 || t == DType::Float64 || t == DType::Float16; };
  KG_CHECK(good(a.dtype()) && good(b.dtype()), "Expected both inputs to be Half, Float or Double tensors but got ", legacy_name(a.dtype()), " and ", legacy_name(b.dtype()));
  KG_CHECK(a.dtype() == b.dtype(), "Expected object of scalar type ", legacy_name(a.dtype()), " but got scalar type ", legacy_name(b.dtype()), " for second argument");
  KG_CHECK_IMPLEMENTED(a.dtype() != DType::Float16, "complex32 is not supported");
}
Tensor new_complex(const Tensor& a, const Tensor& b) { return empty_tensor(broadcast_sizes(a.sizes(), b.sizes()), to_complex(a.dtype()), a.device()); }

const auto complex_op = define<&complex>({
    .schema = "complex(Tensor real, Tensor imag) -> Tensor",
    .in = kFunction | kOut,
    .doc = "real + i imag.\n\n>>> torch.complex(torch.tensor([1.]), torch.tensor([2.]))\ntensor([1.+2.j])",
    .run = [](Out& out, const Tensor& re, const Tensor& im) {
      check_parts(re, im);
      KG_CHECK(out.dest_dtype().value_or(to_complex(re.dtype())) == to_complex(re.dtype()), "Expected object of scalar type ", legacy_name(to_complex(re.dtype())),
               " but got scalar type ", legacy_name(*out.dest_dtype()), " for argument 'out'");
      Tensor y = new_complex(re, im);
      if (y.is_meta()) return y;
      Tensor parts = view_as_real(y);
      cpu::copy_elements(select(parts, -1, 0), re);
      cpu::copy_elements(select(parts, -1, 1), im);
      return y;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, const Tensor&) -> Grads {
      return {c.needs(0) ? real(c.grad) : Tensor(), c.needs(1) ? imag(c.grad) : Tensor()};
    }),
});

const auto polar_op = define<&polar>({
    .schema = "polar(Tensor abs, Tensor angle) -> Tensor",
    .in = kFunction | kOut,
    .doc = "abs * (cos(angle) + i sin(angle)).",
    .run = [](Out&, const Tensor& abs, const Tensor& angle) {
      check_parts(abs, angle);
      Tensor y = new_complex(abs, angle);
      if (y.is_meta()) return y;
      Tensor r = contiguous(expand(abs, y.sizes())), phi = contiguous(expand(angle, y.sizes()));
      visit_floats("polar", r.dtype(), [&](auto tag) {
        using T = decltype(tag);
        const T *radius = r.data<T>(), *arc = phi.data<T>();
        auto* out = y.data<std::complex<T>>();
        parallel_for(0, y.numel(), 4096, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) out[i] = {radius[i] * std::cos(arc[i]), radius[i] * std::sin(arc[i])};
        });
      });
      return y;
    },
    .grad = vjp("angle out", [](Ctx& c, const Tensor&, const Tensor& angle) -> Grads {
      Tensor by_abs, by_angle;
      if (c.needs(0)) by_abs = real(c.grad * conj(polar(ones_like(angle), angle)));
      if (c.needs(1)) by_angle = imag(c.grad * conj(c.out()));
      return {by_abs, by_angle};
    }),
});

}  // namespace

Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step, const TensorOptions& options) { return arange_op(start, end, step, options); }
Tensor linspace(const Scalar& start, const Scalar& end, int64_t steps, const TensorOptions& options) { return linspace_op(start, end, steps, options); }
Tensor logspace(const Scalar& start, const Scalar& end, int64_t steps, double base, const TensorOptions& options) {
  return logspace_op(start, end, steps, base, options);
}
Tensor eye(int64_t n, std::optional<int64_t> m, const TensorOptions& options) { return eye_op(n, m, options); }
Tensor tril_indices(int64_t row, int64_t col, int64_t offset, const TensorOptions& options) { return tril_indices_op(row, col, offset, options); }
Tensor triu_indices(int64_t row, int64_t col, int64_t offset, const TensorOptions& options) { return triu_indices_op(row, col, offset, options); }
Tensor complex(const Tensor& re, const Tensor& im) { return complex_op(re, im); }
Tensor polar(const Tensor& abs, const Tensor& angle) { return polar_op(abs, angle); }

}  // namespace kagari
