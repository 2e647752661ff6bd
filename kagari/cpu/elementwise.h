// Inner loops of elementwise operators, generated from one functor each.
//
// A floating operator is a functor over a value type V, which is Vec<float> or Vec<double>:
//
//     struct Silu { template <class V> V operator()(V x) const { return x * sigmoid(x); } };
//     KAGARI_KERNELS(r) { add_loop<Silu, kFloating>(r, "silu"); }
//
// and that is all: the table "silu" then has loops for float32, float64, and for float16 and bfloat16, which are converted to float32
// in registers, or if they are not contiguous in the L1 cache. Binary and ternary functors are the same with more arguments.
//
// Integers, bool and complex numbers are computed element by element, in plain loops that the compiler vectorises; V is
// the element type, and the output's type is what operator() returns (so a comparison returns bool). A functor that says
// `static constexpr bool scalar = true` takes this path for float and double, too:
//
//     struct Less { static constexpr bool scalar = true;
//                   template <class T> bool operator()(T a, T b) const { return a < b; } };
//     add_loop<Less, kReal>(r, "lt");
//
// A functor with scalars has a constructor from LoopParams (see scalar_param below):
//
//     struct LeakyRelu { double slope;  explicit LeakyRelu(const LoopParams& p) : slope(p.real[0]) {}
//                        template <class V> V operator()(V x) const { return select(x > V(0), x, x * V(slope)); } };
//
// What a caller sees: find_kernels<LoopFn>("silu")[dtype], a function
//     void loop(char* const* data, const int64_t* strides, int64_t n, const void* params)
// where data[0] is the output, strides are bytes, and params is a LoopParams (may be null if the functor has no scalars).
// The table's index is the dtype of the inputs, which all have it; the output has the same, except for functors that
// return bool, and abs, real, imag, angle of complex numbers. Any strides are accepted; contiguous and broadcast (stride 0)
// inputs and a contiguous output take the fast path, others go through blocks of kStageBlock elements in the L1 cache. An
// output may be the same memory as an input with the same stride, not otherwise overlap it. n may be 0.
#pragma once

#include <algorithm>
#include <complex>
#include <type_traits>
#include <utility>

#include "kagari/cpu/dispatch.h"
#include "kagari/cpu/simd.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {

#if KAGARI_VEC_BYTES == 64
inline constexpr Isa kCompiledIsa = Isa::V4;
#elif KAGARI_VEC_BYTES == 32
inline constexpr Isa kCompiledIsa = Isa::V3;
#else
inline constexpr Isa kCompiledIsa = Isa::V2;
#endif

/// Sets of dtypes, for registration.
using DTypeSet = uint32_t;
constexpr DTypeSet set_of(DType t) { return DTypeSet(1) << int(t); }
inline constexpr DTypeSet kBool = set_of(DType::Bool);
inline constexpr DTypeSet kFloat = set_of(DType::Float32) | set_of(DType::Float64);
inline constexpr DTypeSet kHalf = set_of(DType::Float16) | set_of(DType::BFloat16);
inline constexpr DTypeSet kFloating = kFloat | kHalf;
inline constexpr DTypeSet kSigned = set_of(DType::Int8) | set_of(DType::Int16) | set_of(DType::Int32) | set_of(DType::Int64);
inline constexpr DTypeSet kUnsigned =
    set_of(DType::UInt8) | set_of(DType::UInt16) | set_of(DType::UInt32) | set_of(DType::UInt64);
inline constexpr DTypeSet kInteger = kSigned | kUnsigned;
inline constexpr DTypeSet kIntegral = kInteger | kBool;
inline constexpr DTypeSet kComplex = set_of(DType::Complex64) | set_of(DType::Complex128) | set_of(DType::Complex32);
inline constexpr DTypeSet kReal = kIntegral | kFloating;
inline constexpr DTypeSet kNumber = kReal | kComplex;

inline constexpr int kMaxOperands = 6;
inline constexpr int64_t kStageBlock = 512;

/// What run_staged needs to know about a dense loop.
struct LoopSpec {
  LoopFn dense;               ///< takes contiguous operands, and inputs of stride 0 where allowed
  bool broadcast;             ///< dense takes inputs of stride 0
  int8_t operands;            ///< the output included
  DType computed[kMaxOperands];  ///< the element types that dense takes
  DType stored[kMaxOperands];    ///< the element types in memory
};

/// Runs spec.dense over operands of any stride and of the stored types, block by block through the L1 cache.
void run_staged(const LoopSpec& spec, char* const* data, const int64_t* strides, int64_t n, const void* params);

namespace detail {

template <class F>
KAGARI_INLINE F make_functor(const void* params) {
  if constexpr (std::is_constructible_v<F, const LoopParams&>) {
    return F(*static_cast<const LoopParams*>(params));
  } else {
    return F();
  }
}

template <class F>
concept ForcesScalar = requires { requires F::scalar; };

template <class F, class T>
inline constexpr bool kUsesVec = (std::is_same_v<T, float> || std::is_same_v<T, double>) && !ForcesScalar<F>;

template <size_t, class T>
using Repeat = T;

template <class F, class T, size_t... I>
auto result_type(std::index_sequence<I...>)
    -> std::decay_t<decltype(std::declval<const F&>()(std::declval<Repeat<I, T>>()...))>;

// The output's element type. Small integers that were promoted to int by the arithmetic of C++ go back.
template <class F, class T, int Inputs>
struct OutputOf {
  static auto deduce() {
    if constexpr (kUsesVec<F, T>) {
      return T();
    } else {
      using R = decltype(result_type<F, T>(std::make_index_sequence<Inputs>()));
      if constexpr (std::is_integral_v<T> && std::is_same_v<R, int> && !std::is_same_v<T, int>) return T();
      else return R();
    }
  }
  using type = decltype(deduce());
};

// Operands are vectors: contiguous, or one value for all elements (step 0).
template <class F, class T, size_t... I>
void vector_loop(char* const* data, const int64_t* strides, int64_t n, const void* params, std::index_sequence<I...>) {
  using V = Vec<T>;
  constexpr int kWidth = V::size;
  const F f = make_functor<F>(params);
  T* out = reinterpret_cast<T*>(data[0]);
  const char* in[sizeof...(I)] = {data[I + 1]...};
  int64_t step[sizeof...(I)];
  alignas(64) T constant[sizeof...(I)][kWidth];
  for (size_t k = 0; k < sizeof...(I); ++k) {
    step[k] = kWidth * int64_t(sizeof(T));
    if (strides[k + 1] == 0 && n > 1) {
      V(*reinterpret_cast<const T*>(in[k])).store(constant[k]);
      in[k] = reinterpret_cast<const char*>(constant[k]);
      step[k] = 0;
    }
  }
  int64_t i = 0;
  // Two vectors of floats at a time: the compiler interleaves them, which hides the latency of long formulas.
  if constexpr (sizeof(T) == 4) {
    for (; i + 2 * kWidth <= n; i += 2 * kWidth) {
      V first = f(V::load(reinterpret_cast<const T*>(in[I]))...);
      V second = f(V::load(reinterpret_cast<const T*>(in[I] + step[I]))...);
      first.store(out + i);
      second.store(out + i + kWidth);
      ((in[I] += 2 * step[I]), ...);
    }
  }
  for (; i + kWidth <= n; i += kWidth) {
    f(V::load(reinterpret_cast<const T*>(in[I]))...).store(out + i);
    ((in[I] += step[I]), ...);
  }
  if (int rest = int(n - i); rest > 0)
    f(V::load_partial(reinterpret_cast<const T*>(in[I]), rest, T(1))...).store_partial(out + i, rest);
}

// The same for operands of half precision, with the conversion in registers; n is a multiple of two vectors. One function for both types:
// what distinguishes them is a branch that is always predicted, against which long formulas would be compiled twice.
template <class F, size_t... I>
void half_loop(char* const* data, const int64_t* strides, int64_t n, const void* params, bool bfloat16, std::index_sequence<I...>) {
  constexpr int kPair = 2 * VecF::size;
  const F f = make_functor<F>(params);
  char* out = data[0];
  const char* in[sizeof...(I)] = {data[I + 1]...};
  int64_t step[sizeof...(I)];
  alignas(64) uint16_t constant[sizeof...(I)][kPair];
  for (size_t k = 0; k < sizeof...(I); ++k) {
    step[k] = kPair * int64_t(sizeof(uint16_t));
    if (strides[k + 1] == 0) {
      std::fill_n(constant[k], kPair, *reinterpret_cast<const uint16_t*>(in[k]));
      in[k] = reinterpret_cast<const char*>(constant[k]);
      step[k] = 0;
    }
  }
  auto load = [bfloat16](const char* p, VecF& a, VecF& b) {
    if (bfloat16) load_two(reinterpret_cast<const BFloat16*>(p), a, b);
    else load_two(reinterpret_cast<const Half*>(p), a, b);
  };
  for (int64_t i = 0; i < n; i += kPair, out += kPair * int64_t(sizeof(uint16_t))) {
    VecF a[sizeof...(I)], b[sizeof...(I)];
    (load(in[I], a[I], b[I]), ...);
    const VecF first = f(a[I]...), second = f(b[I]...);
    if (bfloat16) store_two(reinterpret_cast<BFloat16*>(out), first, second);
    else store_two(reinterpret_cast<Half*>(out), first, second);
    ((in[I] += step[I]), ...);
  }
}

// Operands are contiguous scalars.
template <class F, class T, class Out, size_t... I>
void scalar_loop(char* const* data, int64_t n, const void* params, std::index_sequence<I...>) {
  const F f = make_functor<F>(params);
  Out* out = reinterpret_cast<Out*>(data[0]);
  const T* in[sizeof...(I)] = {reinterpret_cast<const T*>(data[I + 1])...};
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<Out>(f(in[I][i]...));
}

template <class F, class T, int Inputs>
void dense_loop(char* const* data, const int64_t* strides, int64_t n, const void* params) {
  using Out = typename OutputOf<F, T, Inputs>::type;
  if constexpr (kUsesVec<F, T>) {
    vector_loop<F, T>(data, strides, n, params, std::make_index_sequence<Inputs>());
  } else {
    scalar_loop<F, T, Out>(data, n, params, std::make_index_sequence<Inputs>());
  }
}

template <class F, class T, int Inputs, class Stored>
constexpr LoopSpec make_spec() {
  using Out = typename OutputOf<F, T, Inputs>::type;
  // the modulus of a pair of halves is a half
  using RealOut = std::conditional_t<std::is_same_v<Stored, ComplexHalf> && std::is_same_v<Out, float>, Half, Out>;
  using StoredOut = std::conditional_t<std::is_same_v<Out, T>, Stored, RealOut>;
  LoopSpec spec{&dense_loop<F, T, Inputs>, kUsesVec<F, T>, int8_t(Inputs + 1), {}, {}};
  spec.computed[0] = dtype_v<Out>;
  spec.stored[0] = dtype_v<StoredOut>;
  for (int k = 1; k <= Inputs; ++k) {
    spec.computed[k] = dtype_v<T>;
    spec.stored[k] = dtype_v<Stored>;
  }
  return spec;
}

// The function that is registered: dense operands directly, others in blocks.
template <class F, class T, int Inputs>
void loop(char* const* data, const int64_t* strides, int64_t n, const void* params) {
  using Out = typename OutputOf<F, T, Inputs>::type;
  static constexpr LoopSpec spec = make_spec<F, T, Inputs, T>();
  bool dense = strides[0] == int64_t(sizeof(Out));
  for (int k = 1; k <= Inputs; ++k)
    dense &= strides[k] == int64_t(sizeof(T)) || (kUsesVec<F, T> && strides[k] == 0);
  if (dense || n == 1) {
    dense_loop<F, T, Inputs>(data, strides, n, params);
  } else {
    run_staged(spec, data, strides, n, params);
  }
}

template <class F, class T, int Inputs, class Stored>
void converting_loop(char* const* data, const int64_t* strides, int64_t n, const void* params) {
  static constexpr LoopSpec spec = make_spec<F, T, Inputs, Stored>();
  if constexpr (kUsesVec<F, T> && sizeof(Stored) == 2 && std::is_same_v<T, float>) {
    bool dense = strides[0] == int64_t(sizeof(Stored));
    for (int k = 1; k <= Inputs; ++k) dense &= strides[k] == int64_t(sizeof(Stored)) || strides[k] == 0;
    if (const int64_t whole = n - n % (2 * VecF::size); dense && whole > 0) {
      half_loop<F>(data, strides, whole, params, std::is_same_v<Stored, BFloat16>, std::make_index_sequence<Inputs>());
      if (whole == n) return;
      char* rest[Inputs + 1];
      for (int k = 0; k <= Inputs; ++k) rest[k] = data[k] + whole * strides[k];
      return run_staged(spec, rest, strides, n - whole, params);
    }
  }
  run_staged(spec, data, strides, n, params);
}

// How many inputs F takes, judged with elements of type T.
template <class F, class V>
constexpr int count_inputs() {
  if constexpr (std::is_invocable_v<const F&, V>) return 1;
  else if constexpr (std::is_invocable_v<const F&, V, V>) return 2;
  else if constexpr (std::is_invocable_v<const F&, V, V, V>) return 3;
  else if constexpr (std::is_invocable_v<const F&, V, V, V, V>) return 4;
  else return 5;
}

template <class F, DTypeSet Set, class T>
void add_one(KernelRegistry& r, std::string_view name) {
  if constexpr ((Set & set_of(dtype_v<T>)) != 0) {
    using V = std::conditional_t<kUsesVec<F, T>, Vec<std::conditional_t<std::is_same_v<T, double>, double, float>>, T>;
    r.add<LoopFn>(name, dtype_v<T>, &loop<F, T, count_inputs<F, V>()>);
  }
}
// Stored is computed as T by conversion.
template <class F, DTypeSet Set, class Stored, class T>
void add_converted(KernelRegistry& r, std::string_view name) {
  if constexpr ((Set & set_of(dtype_v<Stored>)) != 0) {
    using V = std::conditional_t<kUsesVec<F, T>, Vec<std::conditional_t<std::is_same_v<T, double>, double, float>>, T>;
    r.add<LoopFn>(name, dtype_v<Stored>, &converting_loop<F, T, count_inputs<F, V>(), Stored>);
  }
}

}  // namespace detail

/// Registers the loops of functor F for the dtypes of Set under `name`.
template <class F, DTypeSet Set>
void add_loop(KernelRegistry& r, std::string_view name) {
  using namespace detail;
  add_one<F, Set, bool>(r, name);
  add_one<F, Set, uint8_t>(r, name);
  add_one<F, Set, int8_t>(r, name);
  add_one<F, Set, int16_t>(r, name);
  add_one<F, Set, int32_t>(r, name);
  add_one<F, Set, int64_t>(r, name);
  add_one<F, Set, uint64_t>(r, name);
  add_converted<F, Set, uint16_t, int32_t>(r, name);
  add_converted<F, Set, uint32_t, int64_t>(r, name);
  add_converted<F, Set, Half, float>(r, name);
  add_converted<F, Set, BFloat16, float>(r, name);
  add_one<F, Set, float>(r, name);
  add_one<F, Set, double>(r, name);
  add_one<F, Set, std::complex<float>>(r, name);
  add_one<F, Set, std::complex<double>>(r, name);
  add_converted<F, Set, ComplexHalf, std::complex<float>>(r, name);
}

/// Registers integer loops that all compute in int64 (for functors whose loops are long and rarely used).
template <class F, DTypeSet Set>
void add_widened_loop(KernelRegistry& r, std::string_view name) {
  using namespace detail;
  add_converted<F, Set, uint8_t, int64_t>(r, name);
  add_converted<F, Set, int8_t, int64_t>(r, name);
  add_converted<F, Set, int16_t, int64_t>(r, name);
  add_converted<F, Set, int32_t, int64_t>(r, name);
  add_one<F, Set, int64_t>(r, name);
  add_converted<F, Set, uint16_t, int64_t>(r, name);
  add_converted<F, Set, uint32_t, int64_t>(r, name);
  add_one<F, Set, uint64_t>(r, name);
}

/// Slot `slot` of the parameters as an element of type T.
template <class T>
KAGARI_INLINE T scalar_param(const LoopParams& p, int slot) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(p.integer[slot]);
  else if constexpr (std::is_floating_point_v<T>) return T(p.real[slot]);
  else return T(typename T::value_type(p.real[slot]), typename T::value_type(p.imag[slot]));
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
