#pragma once
#include <complex>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kagari/base/error.h"
#include "kagari/base/half.h"

namespace kagari {

/// Element types. The order of the first fifteen is the order of tables below and in dtype.cpp. From Float4_e2m1fn_x2 on, names for memory only:
/// an element is a byte (Bits16: two) that can be viewed as another dtype and moved, and no operator computes with it.
enum class DType : uint8_t {
  Bool, UInt8, Int8, Int16, Int32, Int64, UInt16, UInt32, UInt64, Float16, BFloat16, Float32, Float64, Complex64, Complex128,
  Float8_e4m3fn, Float8_e5m2, Float8_e4m3fnuz, Float8_e5m2fnuz, Float8_e8m0fnu, Complex32,
  Float4_e2m1fn_x2, UInt1, UInt2, UInt3, UInt4, UInt5, UInt6, UInt7, Int1, Int2, Int3, Int4, Int5, Int6, Int7, Bits8, Bits16, Bits1x8, Bits2x4, Bits4x2
};
inline constexpr int dtype_count = 41;
/// Those that hold numbers.
inline constexpr int number_dtype_count = 21;

namespace detail {
inline constexpr uint8_t dtype_size[dtype_count] = {1, 1, 1, 2, 4, 8, 2, 4, 8, 2, 2, 4, 8, 8, 16, 1, 1, 1, 1, 1, 4,
                                                      1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1};
}
/// Bytes of one element.
constexpr int64_t itemsize(DType t) { return detail::dtype_size[int(t)]; }
constexpr bool is_complex(DType t) { return t == DType::Complex64 || t == DType::Complex128 || t == DType::Complex32; }
constexpr bool is_float8(DType t) { return t >= DType::Float8_e4m3fn && t <= DType::Float8_e8m0fnu; }
/// Memory without numbers: see DType.
constexpr bool is_shell(DType t) { return t >= DType::Float4_e2m1fn_x2; }
constexpr bool is_floating(DType t) { return (t >= DType::Float16 && t <= DType::Float64) || is_float8(t); }
/// Integers without bool.
constexpr bool is_integer(DType t) { return t >= DType::UInt8 && t <= DType::UInt64; }
/// Integers and bool.
constexpr bool is_integral(DType t) { return t <= DType::UInt64; }
constexpr bool is_unsigned(DType t) { return t == DType::UInt8 || (t >= DType::UInt16 && t <= DType::UInt64) || (t >= DType::UInt1 && t <= DType::UInt7); }
constexpr bool is_half(DType t) { return t == DType::Float16 || t == DType::BFloat16; }
/// Only these can require a gradient.
constexpr bool is_differentiable(DType t) { return is_floating(t) || is_complex(t); }

/// The real type of a complex one (and the type itself otherwise).
constexpr DType to_real(DType t) { return t == DType::Complex64 ? DType::Float32 : t == DType::Complex128 ? DType::Float64 : t == DType::Complex32 ? DType::Float16 : t; }
/// The complex type that holds values of a floating one.
constexpr DType to_complex(DType t) {
  return t == DType::Float64 || t == DType::Complex128 ? DType::Complex128 : t == DType::Float16 || t == DType::Complex32 ? DType::Complex32 : DType::Complex64;
}

/// "float32", as in `torch.float32`.
KAGARI_API std::string_view name(DType t);
/// "Float", "Long": the name in messages of type mismatches.
KAGARI_API std::string_view legacy_name(DType t);
KAGARI_API std::optional<DType> dtype_from_name(std::string_view name);
/// PyTorch's promotion table for two tensors with dimensions.
KAGARI_API DType promote(DType a, DType b);
/// Whether an in-place result of type `from` may be stored in `to` (no complex -> real, float -> integer, number -> bool).
KAGARI_API bool can_cast(DType from, DType to);
/// What a Python float becomes. `torch.set_default_dtype`.
KAGARI_API DType default_dtype();
KAGARI_API void set_default_dtype(DType t);

void append_to(std::string& out, DType t);

template <class T> struct dtype_of;
#define KG_DTYPE_OF(type, tag) \
  template <> struct dtype_of<type> { static constexpr DType value = DType::tag; };
KG_DTYPE_OF(bool, Bool) KG_DTYPE_OF(uint8_t, UInt8) KG_DTYPE_OF(int8_t, Int8) KG_DTYPE_OF(int16_t, Int16) KG_DTYPE_OF(int32_t, Int32)
KG_DTYPE_OF(int64_t, Int64) KG_DTYPE_OF(uint16_t, UInt16) KG_DTYPE_OF(uint32_t, UInt32) KG_DTYPE_OF(uint64_t, UInt64)
KG_DTYPE_OF(Half, Float16) KG_DTYPE_OF(BFloat16, BFloat16) KG_DTYPE_OF(float, Float32) KG_DTYPE_OF(double, Float64)
KG_DTYPE_OF(std::complex<float>, Complex64) KG_DTYPE_OF(std::complex<double>, Complex128) KG_DTYPE_OF(ComplexHalf, Complex32)
#undef KG_DTYPE_OF
template <class T> inline constexpr DType dtype_v = dtype_of<T>::value;

// Note [Visiting dtypes]: visit(t, f) calls f(T{}) with a value of the C++ type of t. The name says which types are accepted;
// others raise NotImplementedError that names the operator and the dtype.
[[noreturn]] KAGARI_API void fail_dtype(std::string_view op, DType t);

#define KG_CASE(tag, type) case DType::tag: return f(type{});
#define KG_INTEGER_CASES \
  KG_CASE(UInt8, uint8_t) KG_CASE(Int8, int8_t) KG_CASE(Int16, int16_t) KG_CASE(Int32, int32_t) KG_CASE(Int64, int64_t) \
  KG_CASE(UInt16, uint16_t) KG_CASE(UInt32, uint32_t) KG_CASE(UInt64, uint64_t)
#define KG_FLOAT_CASES KG_CASE(Float32, float) KG_CASE(Float64, double)
#define KG_HALF_CASES KG_CASE(Float16, Half) KG_CASE(BFloat16, BFloat16)
#define KG_COMPLEX_CASES KG_CASE(Complex64, std::complex<float>) KG_CASE(Complex128, std::complex<double>)
template <class F> decltype(auto) visit_integers(std::string_view op, DType t, F&& f) {
  switch (t) { KG_INTEGER_CASES default: fail_dtype(op, t); }
}
template <class F> decltype(auto) visit_floats(std::string_view op, DType t, F&& f) {
  switch (t) { KG_FLOAT_CASES default: fail_dtype(op, t); }
}
template <class F> decltype(auto) visit_floats_and_halfs(std::string_view op, DType t, F&& f) {
  switch (t) { KG_FLOAT_CASES KG_HALF_CASES default: fail_dtype(op, t); }
}
template <class F> decltype(auto) visit_floats_and_complex(std::string_view op, DType t, F&& f) {
  switch (t) { KG_FLOAT_CASES KG_COMPLEX_CASES default: fail_dtype(op, t); }
}
template <class F> decltype(auto) visit_reals(std::string_view op, DType t, F&& f) {
  switch (t) { KG_CASE(Bool, bool) KG_INTEGER_CASES KG_FLOAT_CASES KG_HALF_CASES default: fail_dtype(op, t); }
}
template <class F> decltype(auto) visit_all(std::string_view op, DType t, F&& f) {
  switch (t) { KG_CASE(Bool, bool) KG_INTEGER_CASES KG_FLOAT_CASES KG_HALF_CASES KG_COMPLEX_CASES default: fail_dtype(op, t); }
}
/// By size only, as raw integers: for kernels that just move elements.
struct alignas(16) Bytes16 { uint64_t words[2]; };
template <class F> decltype(auto) visit_sizes(DType t, F&& f) {
  switch (itemsize(t)) {
    case 1: return f(uint8_t{});
    case 2: return f(uint16_t{});
    case 4: return f(uint32_t{});
    case 8: return f(uint64_t{});
    default: return f(Bytes16{});
  }
}
#undef KG_CASE
#undef KG_INTEGER_CASES
#undef KG_FLOAT_CASES
#undef KG_HALF_CASES
#undef KG_COMPLEX_CASES

/// Conversion of one float8 code to float and back (round to nearest even; the "fn" kinds saturate to NaN as PyTorch does).
KAGARI_API float float8_to_float(DType kind, uint8_t bits);
KAGARI_API uint8_t float_to_float8(DType kind, float value);

}  // namespace kagari
