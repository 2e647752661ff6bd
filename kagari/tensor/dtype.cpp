#include "kagari/tensor/dtype.h"

#include <atomic>
#include <cmath>

namespace kagari {
namespace {

constexpr std::string_view names[dtype_count] = {
    "bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "float16", "bfloat16", "float32", "float64",
    "complex64", "complex128", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu",
    "complex32", "float4_e2m1fn_x2", "uint1", "uint2", "uint3", "uint4", "uint5", "uint6", "uint7",
    "int1", "int2", "int3", "int4", "int5", "int6", "int7", "bits8", "bits16", "bits1x8", "bits2x4", "bits4x2"};
constexpr std::string_view legacy_names[dtype_count] = {
    "Bool", "Byte", "Char", "Short", "Int", "Long", "UInt16", "UInt32", "UInt64", "Half", "BFloat16", "Float", "Double",
    "ComplexFloat", "ComplexDouble", "Float8_e4m3fn", "Float8_e5m2", "Float8_e4m3fnuz", "Float8_e5m2fnuz", "Float8_e8m0fnu",
    "ComplexHalf", "Float4_e2m1fn_x2", "UInt1", "UInt2", "UInt3", "UInt4", "UInt5", "UInt6", "UInt7",
    "Int1", "Int2", "Int3", "Int4", "Int5", "Int6", "Int7", "Bits8", "Bits16", "Bits1x8", "Bits2x4", "Bits4x2"};

// Note [Promotion table]: row and column in the order of DType. PyTorch leaves the mixed rows of uint16, uint32 and uint64 empty; kagari
// fills them with the smallest type that holds both, and leaves out (no) only what none holds.
constexpr DType b1 = DType::Bool, u1 = DType::UInt8, i1 = DType::Int8, i2 = DType::Int16, i4 = DType::Int32, i8 = DType::Int64,
                u2 = DType::UInt16, u4 = DType::UInt32, u8 = DType::UInt64, f2 = DType::Float16, bf = DType::BFloat16,
                f4 = DType::Float32, f8 = DType::Float64, c4 = DType::Complex64, c8 = DType::Complex128, no = DType(255);
constexpr DType table[15][15] = {
    //        b1  u1  i1  i2  i4  i8  u2  u4  u8  f2  bf  f4  f8  c4  c8
    /* b1 */ {b1, u1, i1, i2, i4, i8, u2, u4, u8, f2, bf, f4, f8, c4, c8},
    /* u1 */ {u1, u1, i2, i2, i4, i8, u2, u4, u8, f2, bf, f4, f8, c4, c8},
    /* i1 */ {i1, i2, i1, i2, i4, i8, i4, i8, no, f2, bf, f4, f8, c4, c8},
    /* i2 */ {i2, i2, i2, i2, i4, i8, i4, i8, no, f2, bf, f4, f8, c4, c8},
    /* i4 */ {i4, i4, i4, i4, i4, i8, i4, i8, no, f2, bf, f4, f8, c4, c8},
    /* i8 */ {i8, i8, i8, i8, i8, i8, i8, i8, no, f2, bf, f4, f8, c4, c8},
    /* u2 */ {u2, u2, i4, i4, i4, i8, u2, u4, u8, f2, bf, f4, f8, c4, c8},
    /* u4 */ {u4, u4, i8, i8, i8, i8, u4, u4, u8, f2, bf, f4, f8, c4, c8},
    /* u8 */ {u8, u8, no, no, no, no, u8, u8, u8, f2, bf, f4, f8, c4, c8},
    /* f2 */ {f2, f2, f2, f2, f2, f2, f2, f2, f2, f2, f4, f4, f8, c4, c8},
    /* bf */ {bf, bf, bf, bf, bf, bf, bf, bf, bf, f4, bf, f4, f8, c4, c8},
    /* f4 */ {f4, f4, f4, f4, f4, f4, f4, f4, f4, f4, f4, f4, f8, c4, c8},
    /* f8 */ {f8, f8, f8, f8, f8, f8, f8, f8, f8, f8, f8, f8, f8, c8, c8},
    /* c4 */ {c4, c4, c4, c4, c4, c4, c4, c4, c4, c4, c4, c4, c8, c4, c8},
    /* c8 */ {c8, c8, c8, c8, c8, c8, c8, c8, c8, c8, c8, c8, c8, c8, c8},
};

std::atomic<DType> default_dtype_value{DType::Float32};

}  // namespace

std::string_view name(DType t) { return names[int(t)]; }
std::string_view legacy_name(DType t) { return legacy_names[int(t)]; }
void append_to(std::string& out, DType t) { out += legacy_names[int(t)]; }

std::optional<DType> dtype_from_name(std::string_view text) {
  for (int i = 0; i < dtype_count; ++i)
    if (names[i] == text) return DType(i);
  return {};
}

DType promote(DType a, DType b) {
  if (a == b) return a;
  KG_CHECK(!is_shell(a) && !is_shell(b), "Promotion of ", a, " and ", b, " is not supported");
  KG_CHECK(!is_float8(a) && !is_float8(b), "Promotion for Float8 Types is not supported, attempted to promote ", a, " and ", b);
  if (a == DType::Complex32 || b == DType::Complex32) {  // holds float16 and what is weaker
    DType other = a == DType::Complex32 ? b : a;
    return is_integral(other) || other == DType::Float16 ? DType::Complex32 : to_complex(other);
  }
  DType result = table[int(a)][int(b)];
  KG_CHECK(result != no, "Promotion for uint16, uint32, uint64 types is not supported, attempted to promote ", a, " and ", b);
  return result;
}

bool can_cast(DType from, DType to) {
  if (is_complex(from) && !is_complex(to)) return false;
  if (is_floating(from) && is_integral(to)) return false;
  return from == DType::Bool || to != DType::Bool;
}

DType default_dtype() { return default_dtype_value.load(std::memory_order_relaxed); }
void set_default_dtype(DType t) {
  KG_CHECK_TYPE(is_floating(t), "only floating-point types are supported as the default type");
  default_dtype_value.store(t, std::memory_order_relaxed);
}

void fail_dtype(std::string_view op, DType t) {
  fail(ErrorKind::NotImplemented, str("\"", op, "\" not implemented for '", legacy_name(t), "'"));
}

// Note [float8]: sign, exponent bits, mantissa bits, exponent bias. "fn": no infinities, all-ones is NaN. "fnuz": besides, no negative
// zero, whose code is the NaN. e8m0: an exponent alone, 2^(code - 127), 255 is NaN. (OCP Microscaling Formats specification 1.0.)
namespace {
struct Float8Format {
  int exponent_bits, mantissa_bits, bias;
  bool has_infinity, unsigned_zero;
};
Float8Format format_of(DType kind) {
  switch (kind) {
    case DType::Float8_e4m3fn: return {4, 3, 7, false, false};
    case DType::Float8_e5m2: return {5, 2, 15, true, false};
    case DType::Float8_e4m3fnuz: return {4, 3, 8, false, true};
    default: return {5, 2, 16, false, true};
  }
}
}  // namespace

float float8_to_float(DType kind, uint8_t bits) {
  if (kind == DType::Float8_e8m0fnu) return bits == 255 ? NAN : std::ldexp(1.0f, int(bits) - 127);
  Float8Format f = format_of(kind);
  int exponent = bits >> f.mantissa_bits & ((1 << f.exponent_bits) - 1), mantissa = bits & ((1 << f.mantissa_bits) - 1);
  if (f.unsigned_zero && bits == 0x80) return NAN;
  int top = (1 << f.exponent_bits) - 1;
  if (f.has_infinity && exponent == top) return mantissa ? NAN : bits & 0x80 ? -INFINITY : INFINITY;
  if (!f.has_infinity && !f.unsigned_zero && exponent == top && mantissa == (1 << f.mantissa_bits) - 1) return NAN;
  float value = exponent ? std::ldexp(float(mantissa | 1 << f.mantissa_bits), exponent - f.bias - f.mantissa_bits)
                         : std::ldexp(float(mantissa), 1 - f.bias - f.mantissa_bits);
  return bits & 0x80 ? -value : value;
}

uint8_t float_to_float8(DType kind, float value) {
  if (kind == DType::Float8_e8m0fnu) {
    if (!(value > 0) || std::isinf(value)) return value == 0 ? 0 : 255;
    int exponent;
    float fraction = std::frexp(value, &exponent);  // fraction in [0.5, 1)
    int code = exponent - 1 + 127 + (fraction > 0.75f || (fraction == 0.75f && (exponent - 1 + 127) % 2));
    return uint8_t(code < 0 ? 0 : code > 254 ? 255 : code);
  }
  Float8Format f = format_of(kind);
  uint8_t sign = std::signbit(value) ? 0x80 : 0;
  uint8_t nan_code = f.unsigned_zero ? 0x80 : uint8_t(sign | 0x7f), magnitude_mask = 0x7f;
  if (std::isnan(value)) return nan_code;
  int top = (1 << f.exponent_bits) - 1;
  uint8_t overflow = f.has_infinity ? uint8_t(sign | top << f.mantissa_bits) : nan_code;
  float magnitude = std::fabs(value);
  if (std::isinf(magnitude)) return overflow;
  if (magnitude == 0) return f.unsigned_zero ? 0 : sign;
  int exponent;
  std::frexp(magnitude, &exponent);
  int scale = std::max(exponent - 1, 1 - f.bias) - f.mantissa_bits;
  int code = int(std::nearbyint(std::ldexp(magnitude, -scale)));  // mantissa with hidden bit, rounded to nearest even
  int biased = scale + f.mantissa_bits + f.bias;
  int bits = code < 1 << f.mantissa_bits ? code : code + ((biased - 1) << f.mantissa_bits);
  int largest = f.has_infinity ? (top << f.mantissa_bits) - 1 : f.unsigned_zero ? 0x7f : 0x7e;
  if (bits > largest) return overflow;
  if (bits == 0 && f.unsigned_zero) return 0;
  return uint8_t(sign | (bits & magnitude_mask));
}

}  // namespace kagari
