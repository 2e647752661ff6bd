#include "kagari/ops/number.h"

namespace kagari {
namespace {

std::string_view c_name(DType t) {
  switch (t) {
    case DType::Bool: return "bool";
    case DType::UInt8: return "uint8_t";
    case DType::Int8: return "int8_t";
    case DType::Int16: return "int16_t";
    case DType::Int32: return "int";
    case DType::Int64: return "int64_t";
    case DType::UInt16: return "uint16_t";
    case DType::UInt32: return "uint32_t";
    case DType::UInt64: return "uint64_t";
    case DType::Float16: return "c10::Half";
    case DType::BFloat16: return "c10::BFloat16";
    case DType::Float32: return "float";
    default: return name(t);
  }
}

bool fits(const Scalar& value, DType t) {
  if (is_complex(t) || t == DType::Float64 || t == DType::Bool || is_float8(t)) return !value.is_complex() || is_complex(t) || value.to_complex_value().imag() == 0;
  if (value.is_complex() && value.to_complex_value().imag() != 0) return false;
  double v = value.to_double();
  if (is_floating(t)) {
    if (std::isinf(v) || std::isnan(v)) return true;
    double limit = t == DType::Float16 ? 65504.0 : t == DType::BFloat16 ? 3.3895313892515355e38 : double(std::numeric_limits<float>::max());
    return std::abs(v) <= limit;
  }
  // An unsigned type takes the negative numbers that wrap around into its range.
  int bits = int(itemsize(t)) * 8;
  if (value.is_integral() && bits == 64) return true;
  double high = std::ldexp(1.0, is_unsigned(t) ? bits : bits - 1), low = is_unsigned(t) ? -high : -high;
  return v > low - 1 && v < high && !std::isnan(v) && !(is_unsigned(t) && v <= low);
}

}  // namespace

Tensor (*transformed_values)(const Tensor& t) = nullptr;
Tensor all_values(const Tensor& t) { return t.impl()->transform ? transformed_values(t) : t; }

void check_convertible(const Scalar& value, DType dtype) {
  KG_CHECK(fits(value, dtype), "value cannot be converted to type ", c_name(dtype), " without overflow");
}

}  // namespace kagari
