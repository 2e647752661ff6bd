// Filling memory: one value, or an arithmetic sequence.
#include "kagari/cpu/elementwise.h"

namespace kagari::cpu {
inline namespace KAGARI_ISA {
namespace {

// Operand 0 is the output, params points to one element of its type (by size only).
template <class Bits>
void fill(char* const* data, const int64_t* strides, int64_t n, const void* params) {
  Bits value;
  std::memcpy(&value, params, sizeof(Bits));
  if (strides[0] == sizeof(Bits)) {
    Bits* out = reinterpret_cast<Bits*>(data[0]);
    for (int64_t i = 0; i < n; ++i) out[i] = value;
    return;
  }
  for (int64_t i = 0; i < n; ++i) *reinterpret_cast<Bits*>(data[0] + i * strides[0]) = value;
}

LoopFn fill_of_size(int64_t size) {
  switch (size) {
    case 1:
      return &fill<uint8_t>;
    case 2:
      return &fill<uint16_t>;
    case 4:
      return &fill<uint32_t>;
    case 8:
      return &fill<uint64_t>;
    default:
      return &fill<Bytes16>;
  }
}

// out[i] = start + (first + i) * step; slot 0 start, 1 step, integer slot 2 the index of the first element.
template <class T>
void arange(char* const* data, const int64_t* strides, int64_t n, const void* params) {
  const LoopParams& p = *static_cast<const LoopParams*>(params);
  const int64_t first = p.integer[2];
  for (int64_t i = 0; i < n; ++i) {
    T* out = reinterpret_cast<T*>(data[0] + i * strides[0]);
    if constexpr (std::is_integral_v<T>) *out = T(p.integer[0] + (first + i) * p.integer[1]);
    else *out = T(p.real[0] + double(first + i) * p.real[1]);
  }
}

}  // namespace

KAGARI_KERNELS(r) {
  for (int t = 0; t < dtype_count; ++t) r.add("fill", DType(t), fill_of_size(itemsize(DType(t))));
  r.add<LoopFn>("arange", DType::UInt8, &arange<uint8_t>);
  r.add<LoopFn>("arange", DType::Int8, &arange<int8_t>);
  r.add<LoopFn>("arange", DType::Int16, &arange<int16_t>);
  r.add<LoopFn>("arange", DType::Int32, &arange<int32_t>);
  r.add<LoopFn>("arange", DType::Int64, &arange<int64_t>);
  r.add<LoopFn>("arange", DType::UInt16, &arange<uint16_t>);
  r.add<LoopFn>("arange", DType::UInt32, &arange<uint32_t>);
  r.add<LoopFn>("arange", DType::UInt64, &arange<uint64_t>);
  r.add<LoopFn>("arange", DType::Float16, &arange<Half>);
  r.add<LoopFn>("arange", DType::BFloat16, &arange<BFloat16>);
  r.add<LoopFn>("arange", DType::Float32, &arange<float>);
  r.add<LoopFn>("arange", DType::Float64, &arange<double>);
}

}  // namespace KAGARI_ISA
}  // namespace kagari::cpu
