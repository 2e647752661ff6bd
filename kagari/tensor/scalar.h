#pragma once
#include <cmath>
#include <complex>
#include <limits>

#include "kagari/tensor/dtype.h"

namespace kagari {

/// A number that came from the program text: bool, integer, floating or complex, without a width.
class Scalar {
 public:
  enum class Kind : uint8_t { Bool, Int, Float, Complex };
  Scalar(bool v) : kind_(Kind::Bool), i_(v) {}
  Scalar(int v) : kind_(Kind::Int), i_(v) {}
  Scalar(int64_t v) : kind_(Kind::Int), i_(v) {}
  Scalar(long long v) : kind_(Kind::Int), i_(v) {}
  Scalar(uint64_t v) : kind_(Kind::Int), i_(int64_t(v)) {}
  Scalar(float v) : kind_(Kind::Float), d_(v) {}
  Scalar(double v) : kind_(Kind::Float), d_(v) {}
  Scalar(std::complex<double> v) : kind_(Kind::Complex), d_(v.real()), imag_(v.imag()) {}

  Kind kind() const { return kind_; }
  bool is_bool() const { return kind_ == Kind::Bool; }
  bool is_integral() const { return kind_ <= Kind::Int; }
  bool is_floating() const { return kind_ == Kind::Float; }
  bool is_complex() const { return kind_ == Kind::Complex; }
  /// The dtype that a tensor made from this number has: bool, int64, the default dtype, its complex type.
  DType dtype() const {
    switch (kind_) {
      case Kind::Bool: return DType::Bool;
      case Kind::Int: return DType::Int64;
      case Kind::Float: return default_dtype();
      default: return to_complex(default_dtype());
    }
  }
  double to_double() const { return is_integral() ? double(i_) : d_; }
  int64_t to_int() const { return is_integral() ? i_ : saturate(d_); }
  bool to_bool() const { return is_integral() ? i_ != 0 : d_ != 0 || (is_complex() && imag_ != 0); }
  std::complex<double> to_complex_value() const { return {to_double(), is_complex() ? imag_ : 0.0}; }
  /// The value as a C++ element type.
  template <class T>
  T to() const {
    if constexpr (std::is_same_v<T, bool>) return to_bool();
    else if constexpr (std::is_same_v<T, std::complex<float>>) return std::complex<float>(to_complex_value());
    else if constexpr (std::is_same_v<T, std::complex<double>>) return to_complex_value();
    else if constexpr (std::is_integral_v<T>) return T(to_int());
    else return T(float_of<T>());
  }
  friend bool operator==(const Scalar& a, const Scalar& b) {
    return a.is_integral() && b.is_integral() ? a.i_ == b.i_ : a.to_complex_value() == b.to_complex_value();
  }

 private:
  template <class T>
  auto float_of() const {
    if constexpr (std::is_same_v<T, double>) return to_double();
    else return float(to_double());
  }
  // NaN and values beyond int64 have no integer; the conversion must still be defined.
  static int64_t saturate(double v) {
    if (!(v >= -0x1p63)) return std::numeric_limits<int64_t>::min();
    return v < 0x1p63 ? int64_t(v) : std::numeric_limits<int64_t>::min();
  }
  Kind kind_;
  union {
    int64_t i_;
    double d_;
  };
  double imag_ = 0;
};

}  // namespace kagari
