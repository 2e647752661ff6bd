// Conversion loops between all element types, and the staging of elementwise loops that is built on them.
#include <array>
#include <bit>
#include <complex>

#include "kagari/cpu/elementwise.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

constexpr int64_t kMaxItem = 16;

template <class T>
constexpr bool kIsComplex = false;
template <class R>
constexpr bool kIsComplex<std::complex<R>> = true;

// Floating to small integers goes through int32 and keeps the low bits, as the processor's conversion does; there is no
// defined answer for values that do not fit.
template <class To, class From>
KAGARI_INLINE To convert(From x) {
  if constexpr (std::is_same_v<To, bool>) {
    return x != From(0);
  } else if constexpr (kIsComplex<From> && !kIsComplex<To>) {
    return convert<To>(x.real());
  } else if constexpr (kIsComplex<To> && !kIsComplex<From>) {
    return To(typename To::value_type(x));
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To> && sizeof(To) < 4) {
    return To(int32_t(x));
  } else if constexpr (std::is_floating_point_v<From> && std::is_same_v<To, uint32_t>) {
    return To(int64_t(x));
  } else {
    return To(x);
  }
}

template <class To, class From>
void cast(char* const* data, const int64_t* strides, int64_t n, const void*) {
  char* out = data[0];
  const char* in = data[1];
  if (strides[0] == sizeof(To) && strides[1] == sizeof(From)) {
    To* to = reinterpret_cast<To*>(out);
    const From* from = reinterpret_cast<const From*>(in);
    for (int64_t i = 0; i < n; ++i) to[i] = convert<To>(from[i]);
    return;
  }
  const int64_t out_stride = strides[0], in_stride = strides[1];
  for (int64_t i = 0; i < n; ++i)
    *reinterpret_cast<To*>(out + i * out_stride) = convert<To>(*reinterpret_cast<const From*>(in + i * in_stride));
}

template <class Bits>
void copy(char* const* data, const int64_t* strides, int64_t n, const void*) {
  char* out = data[0];
  const char* in = data[1];
  const int64_t out_stride = strides[0], in_stride = strides[1];
  if (out_stride == sizeof(Bits) && in_stride == sizeof(Bits)) {
    if (n > 0) std::memmove(out, in, size_t(n) * sizeof(Bits));
    return;
  }
  if (out_stride == sizeof(Bits)) {
    Bits* to = reinterpret_cast<Bits*>(out);
    if (in_stride == 0) {
      const Bits value = *reinterpret_cast<const Bits*>(in);
      for (int64_t i = 0; i < n; ++i) to[i] = value;
      return;
    }
    if (in_stride == -int64_t(sizeof(Bits))) {  // reversed, which the compiler does with a shuffle
      const Bits* from = reinterpret_cast<const Bits*>(in);
      for (int64_t i = 0; i < n; ++i) to[i] = from[-i];
      return;
    }
    for (int64_t i = 0; i < n; ++i) to[i] = *reinterpret_cast<const Bits*>(in + i * in_stride);
    return;
  }
  for (int64_t i = 0; i < n; ++i)
    *reinterpret_cast<Bits*>(out + i * out_stride) = *reinterpret_cast<const Bits*>(in + i * in_stride);
}

LoopFn copy_loop(int64_t size) {
  switch (size) {
    case 1:
      return &copy<uint8_t>;
    case 2:
      return &copy<uint16_t>;
    case 4:
      return &copy<uint32_t>;
    case 8:
      return &copy<uint64_t>;
    default:
      return &copy<Bytes16>;
  }
}

// Half types from and to float, with the vector conversions.
template <class H>
void half_to_float(char* const* data, const int64_t* strides, int64_t n, const void*) {
  float* out = reinterpret_cast<float*>(data[0]);
  const H* in = reinterpret_cast<const H*>(data[1]);
  int64_t i = 0;
  if (strides[0] == sizeof(float) && strides[1] == sizeof(H)) {
    for (; i + VecF::size <= n; i += VecF::size) load_float(in + i).store(out + i);
    for (; i < n; ++i) out[i] = float(in[i]);
    return;
  }
  for (; i < n; ++i)
    *reinterpret_cast<float*>(data[0] + i * strides[0]) = float(*reinterpret_cast<const H*>(data[1] + i * strides[1]));
}
template <class H>
void float_to_half(char* const* data, const int64_t* strides, int64_t n, const void*) {
  H* out = reinterpret_cast<H*>(data[0]);
  const float* in = reinterpret_cast<const float*>(data[1]);
  int64_t i = 0;
  if (strides[0] == sizeof(H) && strides[1] == sizeof(float)) {
    for (; i + VecF::size <= n; i += VecF::size) store_float(out + i, VecF::load(in + i));
    for (; i < n; ++i) out[i] = H(in[i]);
    return;
  }
  for (; i < n; ++i)
    *reinterpret_cast<H*>(data[0] + i * strides[0]) = H(*reinterpret_cast<const float*>(data[1] + i * strides[1]));
}

// A float8 type from and to float.
template <DType Kind>
void float8_to_float_loop(char* const* data, const int64_t* strides, int64_t n, const void*) {
  for (int64_t i = 0; i < n; ++i)
    *reinterpret_cast<float*>(data[0] + i * strides[0]) =
        float8_to_float(Kind, *reinterpret_cast<const uint8_t*>(data[1] + i * strides[1]));
}
template <DType Kind>
void float_to_float8_loop(char* const* data, const int64_t* strides, int64_t n, const void*) {
  for (int64_t i = 0; i < n; ++i)
    *reinterpret_cast<uint8_t*>(data[0] + i * strides[0]) =
        float_to_float8(Kind, *reinterpret_cast<const float*>(data[1] + i * strides[1]));
}

// Pairs of halves from and to pairs of floats.
void complex_half_to_float(char* const* data, const int64_t* strides, int64_t n, const void*) {
  for (int64_t i = 0; i < n; ++i)
    *reinterpret_cast<std::complex<float>*>(data[0] + i * strides[0]) = *reinterpret_cast<const ComplexHalf*>(data[1] + i * strides[1]);
}
void complex_float_to_half(char* const* data, const int64_t* strides, int64_t n, const void*) {
  for (int64_t i = 0; i < n; ++i)
    *reinterpret_cast<ComplexHalf*>(data[0] + i * strides[0]) = *reinterpret_cast<const std::complex<float>*>(data[1] + i * strides[1]);
}

// Element types with direct conversions among each other.
template <class... T>
struct Types {};
using Direct = Types<bool, uint8_t, int8_t, int16_t, int32_t, int64_t, float, double>;

using Row = std::array<LoopFn, dtype_count>;
using Table = std::array<Row, dtype_count>;

template <class To, class... From>
void fill_row(Table& table, Types<From...>) {
  ((table[int(dtype_v<To>)][int(dtype_v<From>)] = &cast<To, From>), ...);
}
template <class... To>
void fill_direct(Table& table, Types<To...>) {
  (fill_row<To>(table, Direct()), ...);
}
template <class A, class B>
void fill_pair(Table& table) {
  table[int(dtype_v<A>)][int(dtype_v<B>)] = &cast<A, B>;
  table[int(dtype_v<B>)][int(dtype_v<A>)] = &cast<B, A>;
}
template <class H>
void fill_half(Table& table) {
  table[int(DType::Float32)][int(dtype_v<H>)] = &half_to_float<H>;
  table[int(dtype_v<H>)][int(DType::Float32)] = &float_to_half<H>;
}
template <DType Kind>
void fill_float8(Table& table) {
  table[int(DType::Float32)][int(Kind)] = &float8_to_float_loop<Kind>;
  table[int(Kind)][int(DType::Float32)] = &float_to_float8_loop<Kind>;
}

// The direct type through which a pair without a loop of its own goes.
constexpr DType hub_of(DType t) {
  switch (t) {
    case DType::UInt16:
      return DType::Int32;
    case DType::UInt32:
    case DType::UInt64:
      return DType::Int64;
    case DType::Complex64:
      return DType::Float32;
    case DType::Complex128:
      return DType::Float64;
    default:
      return is_half(t) || is_float8(t) ? DType::Float32 : t;
  }
}

const Table& casts() {
  static const Table table = [] {
    Table t{};
    fill_direct(t, Direct());
    fill_pair<uint16_t, int32_t>(t);
    fill_pair<uint16_t, int64_t>(t);
    fill_pair<uint32_t, int64_t>(t);
    fill_pair<uint64_t, int64_t>(t);
    fill_pair<uint64_t, float>(t);
    fill_pair<uint64_t, double>(t);
    fill_pair<std::complex<float>, float>(t);
    fill_pair<std::complex<double>, double>(t);
    fill_pair<std::complex<float>, double>(t);
    fill_pair<std::complex<double>, float>(t);
    fill_pair<std::complex<double>, std::complex<float>>(t);
    fill_pair<std::complex<double>, bool>(t);
    fill_pair<std::complex<float>, bool>(t);
    fill_pair<std::complex<double>, int64_t>(t);
    fill_pair<std::complex<float>, int64_t>(t);
    fill_half<Half>(t);
    fill_half<BFloat16>(t);
    t[int(DType::Complex64)][int(DType::Complex32)] = &complex_half_to_float;
    t[int(DType::Complex32)][int(DType::Complex64)] = &complex_float_to_half;
    fill_float8<DType::Float8_e4m3fn>(t);
    fill_float8<DType::Float8_e5m2>(t);
    fill_float8<DType::Float8_e4m3fnuz>(t);
    fill_float8<DType::Float8_e5m2fnuz>(t);
    fill_float8<DType::Float8_e8m0fnu>(t);
    for (int i = 0; i < dtype_count; ++i) t[i][i] = copy_loop(itemsize(DType(i)));
    return t;
  }();
  return table;
}

struct Path {
  LoopFn steps[4];
  DType types[5];  // from, the types in between, to
  int count;
};

// Two hops at most beside the direct one: from -> hub(from) -> hub(to) -> to. One more where complex32 begins or ends the path by complex64.
Path find_path(DType to, DType from) {
  Path path{{}, {from}, 0};
  auto hop = [&](DType next) {
    DType last = path.types[path.count];
    if (last == next) return;
    path.steps[path.count++] = casts()[int(next)][int(last)];
    path.types[path.count] = next;
  };
  if (from == DType::Complex32) hop(from = DType::Complex64);
  const DType last = to;
  if (to == DType::Complex32) to = DType::Complex64;
  if (casts()[int(to)][int(from)] == nullptr) {
    if (casts()[int(to)][int(hub_of(from))] != nullptr) {
      hop(hub_of(from));
    } else if (casts()[int(hub_of(to))][int(from)] != nullptr) {
      hop(hub_of(to));
    } else {
      hop(hub_of(from));
      hop(hub_of(to));
    }
  }
  hop(to);
  hop(last);
  return path;
}

template <DType To, DType From>
void cast_by_hops(char* const* data, const int64_t* strides, int64_t n, const void*) {
  static const Path path = find_path(To, From);
  alignas(64) char buffers[3][kStageBlock * kMaxItem];
  for (int64_t start = 0; start < n; start += kStageBlock) {
    const int64_t count = n - start < kStageBlock ? n - start : kStageBlock;
    char* in = data[1] + start * strides[1];
    int64_t in_stride = strides[1];
    for (int step = 0; step < path.count; ++step) {
      const bool last = step == path.count - 1;
      char* out = last ? data[0] + start * strides[0] : buffers[step];
      const int64_t out_stride = last ? strides[0] : itemsize(path.types[step + 1]);
      char* pair[2] = {out, in};
      const int64_t pair_strides[2] = {out_stride, in_stride};
      path.steps[step](pair, pair_strides, count, nullptr);
      in = out;
      in_stride = out_stride;
    }
  }
}

template <int... Pair>
constexpr auto hop_table(std::integer_sequence<int, Pair...>) {
  return std::array<LoopFn, sizeof...(Pair)>{&cast_by_hops<DType(Pair / number_dtype_count), DType(Pair % number_dtype_count)>...};
}

LoopFn choose_cast(DType to, DType from) {
  static constexpr auto hops = hop_table(std::make_integer_sequence<int, number_dtype_count * number_dtype_count>());
  if (LoopFn direct = casts()[int(to)][int(from)]) return direct;
  if (is_shell(to) || is_shell(from)) fail_dtype("copy_", is_shell(from) ? from : to);
  return hops[int(to) * number_dtype_count + int(from)];
}

}  // namespace

void run_staged(const LoopSpec& spec, char* const* data, const int64_t* strides, int64_t n, const void* params) {
  alignas(64) char buffers[kMaxOperands][kStageBlock * kMaxItem];
  char* pointers[kMaxOperands];
  int64_t dense_strides[kMaxOperands];
  LoopFn loads[kMaxOperands] = {};
  int64_t steps[kMaxOperands];
  for (int k = 0; k < spec.operands; ++k) {
    const int64_t size = itemsize(spec.computed[k]);
    const bool same = spec.computed[k] == spec.stored[k];
    steps[k] = strides[k];
    dense_strides[k] = size;
    pointers[k] = data[k];
    if (k == 0) {
      if (!(same && strides[0] == size)) {
        loads[0] = choose_cast(spec.stored[0], spec.computed[0]);
        pointers[0] = buffers[0];
      }
      continue;
    }
    if (strides[k] == 0) {
      // One value for all: converted once, and spread over a block only if the loop needs that.
      if (spec.broadcast) dense_strides[k] = 0;
      char* pair[2] = {buffers[k], data[k]};
      const int64_t pair_strides[2] = {size, 0};
      const int64_t count = spec.broadcast ? 1 : n < kStageBlock ? n : kStageBlock;
      choose_cast(spec.computed[k], spec.stored[k])(pair, pair_strides, count, nullptr);
      pointers[k] = buffers[k];
    } else if (!(same && strides[k] == size)) {
      loads[k] = choose_cast(spec.computed[k], spec.stored[k]);
      pointers[k] = buffers[k];
    }
  }
  for (int64_t start = 0; start < n; start += kStageBlock) {
    const int64_t count = n - start < kStageBlock ? n - start : kStageBlock;
    for (int k = 1; k < spec.operands; ++k) {
      if (loads[k] != nullptr) {
        char* pair[2] = {buffers[k], data[k] + start * steps[k]};
        const int64_t pair_strides[2] = {dense_strides[k], steps[k]};
        loads[k](pair, pair_strides, count, nullptr);
      } else if (pointers[k] != buffers[k]) {
        pointers[k] = data[k] + start * steps[k];
      }
    }
    if (loads[0] == nullptr) pointers[0] = data[0] + start * steps[0];
    // A single element tells nothing about its stride; keep broadcast values where they are.
    spec.dense(pointers, dense_strides, count, params);
    if (loads[0] != nullptr) {
      char* pair[2] = {data[0] + start * steps[0], buffers[0]};
      const int64_t pair_strides[2] = {steps[0], dense_strides[0]};
      loads[0](pair, pair_strides, count, nullptr);
    }
  }
}

KAGARI_KERNELS(r) {
  r.add<CastLoopOf>("cast", &choose_cast);
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
