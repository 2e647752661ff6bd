#include "kagari/ops/random.h"

#include <cmath>
#include <cstring>

#include "kagari/cpu/dispatch.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/random_fill.h"

namespace kagari {
namespace {

using namespace random_fill;

constexpr int64_t block = 1024;  // numbers made at a time, in the L1 cache
constexpr unsigned drawing = kElementwise | kNondeterministic;

/// Runs make(words, out, n) over blocks; each number takes `words_each` draws.
template <class T, class Make>
void in_blocks(Generator& g, T* out, int64_t n, int words_each, Make&& make) {
  uint32_t words[2 * block];
  for (int64_t i = 0; i < n; i += block) {
    int64_t count = std::min(block, n - i);
    g.fill(words, count * words_each);
    make(words, out + i, count);
  }
}

using UniformFloat = void (*)(const uint32_t*, float*, int64_t, double, double);
using UniformDouble = void (*)(const uint32_t*, double*, int64_t, double, double);
UniformFloat uniform_float32() {
  static const UniformFloat fn = cpu::find_kernels<UniformFloat>("uniform_float32")[DType::Bool];
  return fn;
}
UniformDouble uniform_float64() {
  static const UniformDouble fn = cpu::find_kernels<UniformDouble>("uniform_float64")[DType::Bool];
  return fn;
}
template <class T>
void normal_blocks(T* data, int64_t blocks, double mean, double std) {
  using Fn = void (*)(T*, int64_t, double, double);
  static const Fn fn = cpu::find_kernels<Fn>(sizeof(T) == 4 ? "normal_float32" : "normal_float64")[DType::Bool];
  fn(data, blocks, mean, std);
}

/// n numbers, rounded to a half type.
template <class T>
void narrowed(const float* from, T* to, int64_t n) {
  char* data[] = {reinterpret_cast<char*>(to), reinterpret_cast<char*>(const_cast<float*>(from))};
  const int64_t strides[] = {sizeof(T), sizeof(float)};
  cpu::cast_loop(dtype_v<T>, DType::Float32)(data, strides, n, nullptr);
}

template <class T>
void fill_uniform(Generator& g, T* out, int64_t n, double from, double to) {
  if constexpr (std::is_same_v<T, double>) {
    in_blocks(g, out, n, 2, [&](const uint32_t* w, double* o, int64_t k) { uniform_float64()(w, o, k, from, to); });
  } else if constexpr (std::is_same_v<T, float>) {
    in_blocks(g, out, n, 1, [&](const uint32_t* w, float* o, int64_t k) { uniform_float32()(w, o, k, from, to); });
  } else {
    // computed in float32; what rounding brings up to the excluded end becomes the start
    const T low = T(float(from)), high = T(float(to));
    const bool zero = float(high) == 0;  // has two signs
    float staged[block];
    in_blocks(g, out, n, 1, [&](const uint32_t* w, T* o, int64_t k) {
      uniform_float32()(w, staged, k, from, to);
      narrowed(staged, o, k);
      for (int64_t i = 0; i < k; ++i) o[i].bits = o[i].bits == high.bits || (zero && uint16_t(o[i].bits << 1) == 0) ? low.bits : o[i].bits;
    });
  }
}

// Note [Normal numbers]: under 16 elements, and where memory has gaps, numbers are drawn one by one in float64. Otherwise blocks of 16
// uniform numbers are transformed in place; if the count is no multiple of 16, the last 16 elements are drawn once more.
template <class T>
void fill_normal(Generator& g, T* out, int64_t n, double mean, double std) {
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    fill_uniform(g, out, n, 0, 1);
    normal_blocks(out, n / 16, mean, std);
    if (n % 16) {
      fill_uniform(g, out + n - 16, 16, 0, 1);
      normal_blocks(out + n - 16, 1, mean, std);
    }
  } else {
    float staged[block];
    auto convert = [&](T* to, int64_t k) {
      fill_uniform(g, staged, k, 0, 1);
      normal_blocks(staged, k / 16, mean, std);
      narrowed(staged, to, k);
    };
    int64_t whole = n / 16 * 16;
    for (int64_t i = 0; i < whole; i += block) convert(out + i, std::min(block, whole - i));
    if (n != whole) convert(out + n - 16, 16);
  }
}

template <class T>
void fill_normal_serial(Generator& g, T* out, int64_t n, double mean, double std) {
  for (int64_t i = 0; i < n; ++i) {
    double x = g.normal(mean, std);
    if constexpr (std::is_same_v<T, double>) out[i] = x;
    else out[i] = T(float(x));
  }
}

/// The same elements as pairs of real ones.
DType part_dtype(const Tensor& t, int64_t& n) {
  if (!t.is_complex()) return t.dtype();
  n *= 2;
  return to_real(t.dtype());
}

void run_uniform(const Tensor& t, double from, double to, Generator* generator) {
  Generator& g = generator_or_default(generator);
  fill_in_memory_order(t, [&](std::byte* data, int64_t n) {
    DType d = part_dtype(t, n);
    std::lock_guard lock(g.mutex);
    visit_floats_and_halfs("uniform_", d, [&](auto e) { fill_uniform(g, reinterpret_cast<decltype(e)*>(data), n, from, to); });
  });
}

void run_normal(const Tensor& t, double mean, double std, Generator* generator) {
  Generator& g = generator_or_default(generator);
  if (t.is_complex()) std *= std::sqrt(0.5);
  bool in_blocks = t.is_contiguous() && t.numel() * (t.is_complex() ? 2 : 1) >= 16;
  fill_in_memory_order(t, [&](std::byte* data, int64_t n) {
    DType d = part_dtype(t, n);
    std::lock_guard lock(g.mutex);
    visit_floats_and_halfs("normal_", d, [&](auto e) {
      auto* out = reinterpret_cast<decltype(e)*>(data);
      if (in_blocks) fill_normal(g, out, n, mean, std);
      else fill_normal_serial(g, out, n, mean, std);
    });
  });
}

void check_uniform(const Tensor& t, double from, double to) {
  KG_CHECK_IMPLEMENTED(t.is_floating() || t.is_complex(), "\"check_uniform_bounds\" not implemented for '", legacy_name(t.dtype()), "'");
  KG_CHECK(from <= to, "uniform_ expects to return a [from, to) range, but found from=", from, " > to=", to);
}
void check_normal(const Tensor& t, double std) {
  KG_CHECK(std >= 0, "normal expects std >= 0.0, but found std ", std);
  KG_CHECK_IMPLEMENTED(t.is_floating() || t.is_complex(), "\"normal_kernel_cpu\" not implemented for '", legacy_name(t.dtype()), "'");
}

// ---------------------------------------------------------------- integers
/// How many integers from 0 up a dtype holds without a gap.
uint64_t integers_of(std::string_view op, DType t) {
  switch (t) {
    case DType::Bool: return 2;
    case DType::Float64: return (uint64_t(1) << 53) + 1;
    case DType::Float32: return (uint64_t(1) << 24) + 1;
    case DType::Float16: return (uint64_t(1) << 11) + 1;
    case DType::BFloat16: return (uint64_t(1) << 8) + 1;
    case DType::UInt64: return 0;  // 2^64
    default: break;
  }
  KG_CHECK_IMPLEMENTED(is_integer(t), "\"", op, "\" not implemented for '", legacy_name(t), "'");
  return uint64_t(1) << (itemsize(t) * 8 - !is_unsigned(t));
}

/// Integers base + r mod range, with r of 32 bits or 64; range 0 stands for 2^64.
void fill_integers(const Tensor& t, uint64_t range, int64_t base, bool wide, Generator* generator) {
  Generator& g = generator_or_default(generator);
  fill_in_memory_order(t, [&](std::byte* data, int64_t n) {
    std::lock_guard lock(g.mutex);
    visit_reals("random_", t.dtype(), [&](auto e) {
      using T = decltype(e);
      auto store = [&](T& to, uint64_t r) {
        int64_t x = int64_t(r + uint64_t(base));
        if constexpr (std::is_same_v<T, bool>) to = x != 0;
        else if constexpr (std::is_integral_v<T> || std::is_same_v<T, double>) to = T(x);
        else to = T(float(x));
      };
      in_blocks(g, reinterpret_cast<T*>(data), n, wide ? 2 : 1, [&](const uint32_t* w, T* out, int64_t k) {
        if (wide) {
          for (int64_t i = 0; i < k; ++i) {
            uint64_t r = uint64_t(w[2 * i]) << 32 | w[2 * i + 1];
            store(out[i], range ? r % range : r);
          }
        } else if ((range & (range - 1)) == 0) {
          for (int64_t i = 0; i < k; ++i) store(out[i], w[i] & (range - 1));
        } else {
          const uint32_t divisor = uint32_t(range);
          for (int64_t i = 0; i < k; ++i) store(out[i], w[i] % divisor);
        }
      });
    });
  });
}

/// The integers from `low` to `high` of a dtype, for errors; floating types have them up to the largest finite value.
void check_bounds(const Tensor& t, int64_t from, int64_t to) {
  DType d = t.dtype();
  KG_CHECK(is_integral(d) || d == DType::Float32 || d == DType::Float64 || is_half(d),
           "check_random_bounds handles only integral, floating-point and boolean types");
  auto outside = [&](int64_t v) {
    if (d == DType::Float16) return v < -65504 || v > 65504;
    if (is_floating(d) || d == DType::Int64) return false;
    if (d == DType::Bool) return v < 0 || v > 1;
    if (d == DType::UInt64) return v < 0;
    int bits = int(itemsize(d)) * 8;
    return is_unsigned(d) ? v < 0 || v >= int64_t(1) << bits : v < -(int64_t(1) << (bits - 1)) || v >= int64_t(1) << (bits - 1);
  };
  static constexpr std::string_view c_names[] = {"bool", "unsigned char", "signed char", "short", "int", "long", "unsigned short", "unsigned int", "unsigned long", "c10::Half"};
  std::string_view c_name = int(d) < int(std::size(c_names)) ? c_names[int(d)] : name(d);
  KG_CHECK(!outside(from), "from is out of bounds for ", c_name);
  KG_CHECK(!outside(to - 1), "to - 1 is out of bounds for ", c_name);
}

void run_random_between(const Tensor& t, int64_t from, std::optional<int64_t> to, Generator* generator) {
  if (to) {
    KG_CHECK(from < *to, "random_ expects 'from' to be less than 'to', but got from=", from, " >= to=", *to);
    check_bounds(t, from, *to);
    uint64_t range = uint64_t(*to) - uint64_t(from);
    return fill_integers(t, range, from, range >= uint64_t(1) << 28, generator);
  }
  if (from == std::numeric_limits<int64_t>::min()) {
    KG_CHECK(t.dtype() == DType::Int64 || t.dtype() == DType::Float64 || t.dtype() == DType::Float32 || t.dtype() == DType::BFloat16,
             "random_kernel_cpu_64_bits handles only int64, double, float and bfloat16");
    return fill_integers(t, 0, 0, true, generator);
  }
  check_bounds(t, from, from + 1);
  uint64_t count = integers_of("random_kernel_cpu", t.dtype());
  uint64_t range = count - uint64_t(from);
  KG_CHECK(from < 0 || count == 0 || uint64_t(from) < count, "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' casted to dtype, but got from=",
           from, " > to_inc=", count - 1);
  fill_integers(t, range, from, range >= uint64_t(1) << 28 || range == 0, generator);
}

void run_random(const Tensor& t, Generator* generator) {
  uint64_t count = integers_of("random_kernel_cpu", t.dtype());
  fill_integers(t, count, 0, itemsize(t.dtype()) == 8, generator);
}

// ---------------------------------------------------------------- new tensors
Tensor new_tensor(Out& out, IntList size, const TensorOptions& o, DType standard) {
  KG_CHECK(!o.layout || *o.layout == Layout::Strided, "random tensors have the strided layout only");
  return out.alloc(size, o.dtype.value_or(standard), o.device.value_or(Device()));
}
Tensor new_like(const Tensor& self, const TensorOptions& o, std::optional<MemoryFormat> format) {
  KG_CHECK(!o.layout || *o.layout == Layout::Strided, "random tensors have the strided layout only");
  DType dtype = o.dtype.value_or(self.dtype());
  Device device = o.device.value_or(self.device());
  if (format.value_or(MemoryFormat::Preserve) != MemoryFormat::Preserve) return empty_strided_tensor(self.sizes(), strides_for(self.sizes(), *format), dtype, device);
  Tensor like = fresh_like(self, dtype);
  return device == like.device() ? like : empty_strided_tensor(self.sizes(), like.strides(), dtype, device);
}
Tensor finished(const Tensor& t, const TensorOptions& o) {
  if (o.requires_grad) set_requires_grad(t, true);
  return t;
}

void run_randperm(const Tensor& t, int64_t n, Generator* generator) {
  if (t.is_meta() || n == 0) return;
  Generator& g = generator_or_default(generator);
  std::lock_guard lock(g.mutex);
  visit_reals("randperm", t.dtype(), [&](auto e) {
    using T = decltype(e);
    fill_in_memory_order(t, [&](std::byte* data, int64_t) {
      T* out = reinterpret_cast<T*>(data);
      if (n >= int64_t(1) << 31) {
        for (int64_t i = 0; i < n; ++i) out[i] = T(i);
        for (int64_t i = 0; i < n - 1; ++i) std::swap(out[i], out[i + int64_t((n < int64_t(1) << 32 ? g.random() : g.random64()) % uint64_t(n - i))]);
        return;
      }
      // swaps in 32 bits: half the cache misses of int64
      using Fn = void (*)(const uint32_t*, uint32_t*, int64_t, uint32_t);
      static const Fn remainders = cpu::find_kernels<Fn>("falling_remainders")[DType::Bool];
      Tensor scratch;
      uint32_t* p;
      if constexpr (std::is_same_v<T, int32_t> || std::is_same_v<T, uint32_t>) {
        p = reinterpret_cast<uint32_t*>(out);
      } else {
        scratch = empty_tensor(IntList(&n, 1), DType::Int32);
        p = scratch.data<uint32_t>();
      }
      for (int64_t i = 0; i < n; ++i) p[i] = uint32_t(i);
      uint32_t words[block], steps[block];
      for (int64_t i = 0; i < n - 1; i += block) {
        int64_t count = std::min(block, n - 1 - i);
        g.fill(words, count);
        remainders(words, steps, count, uint32_t(n - i));
        for (int64_t k = 0; k < count; ++k) std::swap(p[i + k], p[i + k + steps[k]]);
      }
      if (scratch.defined())
        for (int64_t i = 0; i < n; ++i) {
          if constexpr (std::is_integral_v<T>) out[i] = T(p[i]);
          else out[i] = T(float(p[i]));
        }
    });
  });
}

void check_permutation(int64_t n, DType dtype) {
  KG_CHECK(n >= 0, "Trying to create tensor with negative dimension ", n, ": [", n, "]");
  uint64_t count = integers_of("randperm", dtype);
  KG_CHECK(count == 0 || uint64_t(n) <= count || dtype == DType::Bool, "n is too large for result tensor type: '", legacy_name(dtype), "Tensor'");
}

// ---------------------------------------------------------------- definitions
constexpr const char* drawn = "the result is drawn, not computed";

const auto rand_op = define<&rand>({
    .schema = "rand(int[] size, *, Generator? generator=None, Options options) -> Tensor",
    .in = kFunction | kOut,
    .traits = kNondeterministic,
    .doc = "Numbers uniform in [0, 1).\n\n>>> torch.rand(2, 3).shape\ntorch.Size([2, 3])",
    .run = [](Out& out, IntList size, Generator* generator, const TensorOptions& o) {
      Tensor t = new_tensor(out, size, o, default_dtype());
      check_uniform(t, 0, 1);
      run_uniform(t, 0, 1, generator);
      return finished(t, o);
    },
    .grad = no_grad(drawn),
});
const auto randn_op = define<&randn>({
    .schema = "randn(int[] size, *, Generator? generator=None, Options options) -> Tensor",
    .in = kFunction | kOut,
    .traits = kNondeterministic,
    .doc = "Numbers of the normal distribution with mean 0 and variance 1; a complex dtype has the variance 1/2 in each part.\n\n"
           ">>> torch.randn(2, 3).shape\ntorch.Size([2, 3])",
    .run = [](Out& out, IntList size, Generator* generator, const TensorOptions& o) {
      Tensor t = new_tensor(out, size, o, default_dtype());
      check_normal(t, 1);
      run_normal(t, 0, 1, generator);
      return finished(t, o);
    },
    .grad = no_grad(drawn),
});
const auto randint_op = define<&randint>({
    .schema = "randint.low(int low, int high, int[] size, *, Generator? generator=None, Options options) -> Tensor",
    .in = kFunction | kOut,
    .traits = kNondeterministic,
    .doc = "Integers uniform in [low, high); the dtype is int64 unless given.\n\n>>> torch.randint(3, 5, (4,)).dtype\ntorch.int64",
    .run = [](Out& out, int64_t low, int64_t high, IntList size, Generator* generator, const TensorOptions& o) {
      Tensor t = new_tensor(out, size, o, DType::Int64);
      run_random_between(t, low, high, generator);
      return finished(t, o);
    },
    .grad = no_grad(drawn),
});
const auto randint_below_op = define<&randint_below>({
    .schema = "randint(int high, int[] size, *, Generator? generator=None, Options options) -> Tensor",
    .in = kFunction | kOut,
    .traits = kNondeterministic,
    .doc = "Integers uniform in [0, high); the dtype is int64 unless given.\n\n>>> torch.randint(10, (4,)).dtype\ntorch.int64",
    .run = [](Out& out, int64_t high, IntList size, Generator* generator, const TensorOptions& o) {
      Tensor t = new_tensor(out, size, o, DType::Int64);
      run_random_between(t, 0, high, generator);
      return finished(t, o);
    },
    .grad = no_grad(drawn),
});
const auto randperm_op = define<&randperm>({
    .schema = "randperm(int n, *, Generator? generator=None, Options options) -> Tensor",
    .in = kFunction | kOut,
    .traits = kNondeterministic,
    .doc = "The numbers 0, ..., n - 1 in random order; the dtype is int64 unless given.\n\n>>> torch.randperm(4).sort()[0]\ntensor([0, 1, 2, 3])",
    .run = [](Out& out, int64_t n, Generator* generator, const TensorOptions& o) {
      check_permutation(n, o.dtype.value_or(DType::Int64));
      Tensor t = new_tensor(out, IntList(&n, 1), o, DType::Int64);
      run_randperm(t, n, generator);
      return finished(t, o);
    },
    .grad = no_grad(drawn),
});
const auto rand_like_op = define<&rand_like>({
    .schema = "rand_like(Tensor self, *, Generator? generator=None, Options options, MemoryFormat? memory_format=None) -> Tensor",
    .traits = kNondeterministic,
    .doc = "Numbers uniform in [0, 1), in a tensor of self's shape, dtype and device unless told otherwise.",
    .run = [](Out&, const Tensor& self, Generator* generator, const TensorOptions& o, std::optional<MemoryFormat> format) {
      Tensor t = new_like(self, o, format);
      check_uniform(t, 0, 1);
      run_uniform(t, 0, 1, generator);
      return finished(t, o);
    },
    .grad = no_grad(drawn),
});
const auto randn_like_op = define<&randn_like>({
    .schema = "randn_like(Tensor self, *, Generator? generator=None, Options options, MemoryFormat? memory_format=None) -> Tensor",
    .traits = kNondeterministic,
    .doc = "Numbers of the normal distribution, in a tensor of self's shape, dtype and device unless told otherwise.",
    .run = [](Out&, const Tensor& self, Generator* generator, const TensorOptions& o, std::optional<MemoryFormat> format) {
      Tensor t = new_like(self, o, format);
      check_normal(t, 1);
      run_normal(t, 0, 1, generator);
      return finished(t, o);
    },
    .grad = no_grad(drawn),
});
const auto randint_like_op = define<&randint_like>({
    .schema = "randint_like.low_dtype(Tensor self, int low, int high, *, Generator? generator=None, Options options, MemoryFormat? memory_format=None) -> Tensor",
    .traits = kNondeterministic,
    .doc = "Integers uniform in [low, high), in a tensor of self's shape, dtype and device unless told otherwise.",
    .run = [](Out&, const Tensor& self, int64_t low, int64_t high, Generator* generator, const TensorOptions& o, std::optional<MemoryFormat> format) {
      Tensor t = new_like(self, o, format);
      run_random_between(t, low, high, generator);
      return finished(t, o);
    },
    .grad = no_grad(drawn),
});
const auto randint_like_below_op = define<&randint_like_below>({
    .schema = "randint_like(Tensor self, int high, *, Generator? generator=None, Options options, MemoryFormat? memory_format=None) -> Tensor",
    .traits = kNondeterministic,
    .doc = "Integers uniform in [0, high), in a tensor of self's shape, dtype and device unless told otherwise.",
    .run = [](Out&, const Tensor& self, int64_t high, Generator* generator, const TensorOptions& o, std::optional<MemoryFormat> format) {
      Tensor t = new_like(self, o, format);
      run_random_between(t, 0, high, generator);
      return finished(t, o);
    },
    .grad = no_grad(drawn),
});

const auto uniform_op = define<&uniform>({
    .schema = "uniform(Tensor self, float from=0, float to=1, *, Generator? generator=None) -> Tensor",
    .in = kInplace,
    .traits = drawing,
    .doc = "Numbers uniform in [from, to).",
    .run = [](Out& out, const Tensor& self, double from, double to, Generator* generator) {
      check_uniform(self, from, to);
      Tensor t = result_like(out, self);
      run_uniform(t, from, to, generator);
      return t;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, double, double, Generator*) -> Grads { return {zeros_for(c.grad)}; }),
});
const auto normal_fill_op = define<&normal_fill>({
    .schema = "normal(Tensor self, float mean=0, float std=1, *, Generator? generator=None) -> Tensor",
    .in = kInplace,
    .traits = drawing,
    .doc = "Numbers of the normal distribution with this mean and standard deviation.",
    .run = [](Out& out, const Tensor& self, double mean, double std, Generator* generator) {
      check_normal(self, std);
      Tensor t = result_like(out, self);
      run_normal(t, mean, std, generator);
      return t;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, double, double, Generator*) -> Grads { return {zeros_for(c.grad)}; }),
});
const auto random_op = define<&random>({
    .schema = "random(Tensor self, *, Generator? generator=None) -> Tensor",
    .in = kInplace,
    .traits = drawing,
    .doc = "Integers uniform between 0 and the largest one that the dtype holds with all below it.",
    .run = [](Out& out, const Tensor& self, Generator* generator) {
      Tensor t = result_like(out, self);
      run_random(t, generator);
      return t;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, Generator*) -> Grads { return {zeros_for(c.grad)}; }),
});
const auto random_below_op = define<&random_below>({
    .schema = "random.to(Tensor self, int to, *, Generator? generator=None) -> Tensor",
    .in = kInplace,
    .traits = drawing,
    .doc = "Integers uniform in [0, to).",
    .run = [](Out& out, const Tensor& self, int64_t to, Generator* generator) {
      Tensor t = result_like(out, self);
      run_random_between(t, 0, to, generator);
      return t;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, int64_t, Generator*) -> Grads { return {zeros_for(c.grad)}; }),
});
const auto random_between_op = define<&random_between>({
    .schema = "random.from(Tensor self, int from, int? to, *, Generator? generator=None) -> Tensor",
    .in = kInplace,
    .traits = drawing,
    .doc = "Integers uniform in [from, to); without `to` up to the largest one that the dtype holds with all below it.",
    .run = [](Out& out, const Tensor& self, int64_t from, std::optional<int64_t> to, Generator* generator) {
      Tensor t = result_like(out, self);
      run_random_between(t, from, to, generator);
      return t;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, int64_t, std::optional<int64_t>, Generator*) -> Grads { return {zeros_for(c.grad)}; }),
});

// ---------------------------------------------------------------- normal numbers with given parameters
void check_std(const Tensor& std) {
  KG_CHECK(!std.is_complex(), "normal expects standard deviation to be non-complex");
  if (std.is_meta()) return;
  Tensor dense = in_order_of(std, std);
  visit_reals("normal", std.dtype(), [&](auto e) {
    auto* p = reinterpret_cast<const decltype(e)*>(dense.bytes());
    for (int64_t i = 0, n = std.is_contiguous() ? std.numel() : dense.numel(); i < n; ++i) KG_CHECK(!(p[i] < decltype(e)(0)), "normal expects all elements of std >= 0.0");
  });
}

Tensor standard_normal(Out& out, IntList sizes, const Tensor& like, Generator* generator) {
  Tensor t = out.alloc(sizes, like.dtype(), like.device());
  check_normal(t, 1);
  run_normal(t, 0, 1, generator);
  return t;
}

const auto normal_op = define<&normal>({
    .schema = "normal.Tensor_Tensor(Tensor mean, Tensor std, *, Generator? generator=None) -> Tensor",
    .in = kFunction | kOut,
    .traits = kNondeterministic,
    .doc = "Normal numbers with a mean and a standard deviation for each element; the two broadcast.\n\n"
           ">>> torch.normal(torch.zeros(3), torch.ones(3)).shape\ntorch.Size([3])",
    .run = [](Out& out, const Tensor& mean, const Tensor& std, Generator* generator) {
      check_std(std);
      Tensor t = standard_normal(out, broadcast_sizes(mean.sizes(), std.sizes()), mean, generator);
      return add_(mul_(t, std), mean);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, const Tensor&, Generator*) -> Grads {
      return {c.needs(0) ? zeros_for(c.grad) : Tensor(), c.needs(1) ? zeros_for(c.grad) : Tensor()};
    }),
});
const auto normal_mean_op = define<&normal_mean>({
    .schema = "normal.Tensor_float(Tensor mean, float std=1, *, Generator? generator=None) -> Tensor",
    .in = kFunction | kOut,
    .traits = kNondeterministic,
    .doc = "Normal numbers with a mean for each element and one standard deviation.",
    .run = [](Out& out, const Tensor& mean, double std, Generator* generator) {
      check_normal(mean, std);
      Tensor t = standard_normal(out, mean.sizes(), mean, generator);
      return add_(mul_(t, wrapped_number(std)), mean);
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, double, Generator*) -> Grads { return {zeros_for(c.grad)}; }),
});
const auto normal_std_op = define<&normal_std>({
    .schema = "normal.float_Tensor(float mean, Tensor std, *, Generator? generator=None) -> Tensor",
    .in = kFunction | kOut,
    .traits = kNondeterministic,
    .doc = "Normal numbers with one mean and a standard deviation for each element.",
    .run = [](Out& out, double mean, const Tensor& std, Generator* generator) {
      check_std(std);
      Tensor t = standard_normal(out, std.sizes(), std, generator);
      return add_(mul_(t, std), wrapped_number(mean));
    },
    .grad = vjp("", [](Ctx& c, double, const Tensor&, Generator*) -> Grads { return {zeros_for(c.grad)}; }),
});
const auto normal_of_size_op = define<&normal_of_size>({
    .schema = "normal.float_float(float mean, float std, int[] size, *, Generator? generator=None, Options options) -> Tensor",
    .in = kFunction | kOut,
    .traits = kNondeterministic,
    .doc = "Normal numbers with this mean and standard deviation.\n\n>>> torch.normal(2.0, 3.0, (4,)).shape\ntorch.Size([4])",
    .run = [](Out& out, double mean, double std, IntList size, Generator* generator, const TensorOptions& o) {
      Tensor t = new_tensor(out, size, o, default_dtype());
      check_normal(t, std);
      run_normal(t, mean, std, generator);
      return finished(t, o);
    },
    .grad = no_grad(drawn),
});

Dest in_place(const Tensor& t) { return {Dest::Kind::Inplace, &t, 1}; }

}  // namespace

Tensor rand(IntList size, Generator* g, const TensorOptions& o) { return rand_op(size, g, o); }
Tensor randn(IntList size, Generator* g, const TensorOptions& o) { return randn_op(size, g, o); }
Tensor randint(int64_t low, int64_t high, IntList size, Generator* g, const TensorOptions& o) { return randint_op(low, high, size, g, o); }
Tensor randint_below(int64_t high, IntList size, Generator* g, const TensorOptions& o) { return randint_below_op(high, size, g, o); }
Tensor randperm(int64_t n, Generator* g, const TensorOptions& o) { return randperm_op(n, g, o); }
Tensor rand_like(const Tensor& self, Generator* g, const TensorOptions& o, std::optional<MemoryFormat> f) { return rand_like_op(self, g, o, f); }
Tensor randn_like(const Tensor& self, Generator* g, const TensorOptions& o, std::optional<MemoryFormat> f) { return randn_like_op(self, g, o, f); }
Tensor randint_like(const Tensor& self, int64_t low, int64_t high, Generator* g, const TensorOptions& o, std::optional<MemoryFormat> f) {
  return randint_like_op(self, low, high, g, o, f);
}
Tensor randint_like_below(const Tensor& self, int64_t high, Generator* g, const TensorOptions& o, std::optional<MemoryFormat> f) {
  return randint_like_below_op(self, high, g, o, f);
}
Tensor uniform(const Tensor& self, double from, double to, Generator* g) { return uniform_op(self, from, to, g); }
Tensor normal_fill(const Tensor& self, double mean, double std, Generator* g) { return normal_fill_op(self, mean, std, g); }
Tensor random(const Tensor& self, Generator* g) { return random_op(self, g); }
Tensor random_below(const Tensor& self, int64_t to, Generator* g) { return random_below_op(self, to, g); }
Tensor random_between(const Tensor& self, int64_t from, std::optional<int64_t> to, Generator* g) { return random_between_op(self, from, to, g); }
const Tensor& uniform_(const Tensor& self, double from, double to, Generator* g) {
  uniform_op.into(in_place(self), self, from, to, g);
  return self;
}
const Tensor& normal_(const Tensor& self, double mean, double std, Generator* g) {
  normal_fill_op.into(in_place(self), self, mean, std, g);
  return self;
}
Tensor normal(const Tensor& mean, const Tensor& std, Generator* g) { return normal_op(mean, std, g); }
Tensor normal_mean(const Tensor& mean, double std, Generator* g) { return normal_mean_op(mean, std, g); }
Tensor normal_std(double mean, const Tensor& std, Generator* g) { return normal_std_op(mean, std, g); }
Tensor normal_of_size(double mean, double std, IntList size, Generator* g, const TensorOptions& o) { return normal_of_size_op(mean, std, size, g, o); }

}  // namespace kagari
