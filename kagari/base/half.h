#pragma once
#include <bit>
#include <complex>
#include <cstdint>

namespace kagari {

/// IEEE 754 binary16, stored. Arithmetic happens in float.
struct Half {
  uint16_t bits = 0;
  Half() = default;
  constexpr Half(float value) : bits(round(value)) {}
  constexpr operator float() const {
    uint32_t sign = uint32_t(bits & 0x8000) << 16, magnitude = bits & 0x7fff;
    if (magnitude >= 0x7c00) return std::bit_cast<float>(sign | 0x7f800000 | (magnitude & 0x3ff) << 13);
    if (magnitude < 0x400) {  // zero and subnormal: a multiple of 2^-24
      float value = float(magnitude) * 0x1p-24f;
      return sign ? -value : value;
    }
    return std::bit_cast<float>(sign | ((magnitude << 13) + (112u << 23)));
  }
  static constexpr Half from_bits(uint16_t bits) {
    Half h;
    h.bits = bits;
    return h;
  }

 private:
  static constexpr uint16_t round(float value) {  // to nearest, ties to even
    uint32_t u = std::bit_cast<uint32_t>(value);
    uint16_t sign = uint16_t(u >> 16 & 0x8000);
    u &= 0x7fffffff;
    if (u > 0x7f800000) return sign | 0x7e00;
    if (u >= 0x477ff000) return sign | 0x7c00;
    if (u < 0x38800000) {  // result is subnormal: let the float adder round at bit 2^-24
      float shifted = std::bit_cast<float>(u) + 0.5f;
      return uint16_t(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000));
    }
    u += 0xfff + (u >> 13 & 1);
    return uint16_t(sign | ((u - (112u << 23)) >> 13));
  }
};

/// bfloat16: the upper half of a float, stored. Arithmetic happens in float.
struct BFloat16 {
  uint16_t bits = 0;
  BFloat16() = default;
  constexpr BFloat16(float value) : bits(round(value)) {}
  constexpr operator float() const { return std::bit_cast<float>(uint32_t(bits) << 16); }
  static constexpr BFloat16 from_bits(uint16_t bits) {
    BFloat16 b;
    b.bits = bits;
    return b;
  }

 private:
  static constexpr uint16_t round(float value) {  // to nearest, ties to even
    uint32_t u = std::bit_cast<uint32_t>(value);
    if ((u & 0x7fffffff) > 0x7f800000) return uint16_t(u >> 16 | 0x40);
    return uint16_t((u + 0x7fff + (u >> 16 & 1)) >> 16);
  }
};

/// A complex number of two float16, stored. Arithmetic happens in std::complex<float>.
struct ComplexHalf {
  Half real, imag;
  ComplexHalf() = default;
  constexpr ComplexHalf(std::complex<float> value) : real(value.real()), imag(value.imag()) {}
  constexpr operator std::complex<float>() const { return {float(real), float(imag)}; }
};

}  // namespace kagari
