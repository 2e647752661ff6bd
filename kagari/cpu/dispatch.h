// The table of compiled CPU kernels, and the choice of the instruction set.
//
// Every file of kagari/cpu/kernels is compiled once per instruction set and registers its functions under a name, and where
// there is one function per element type, a dtype. A caller looks a table up once and keeps the reference:
//
//     static const KernelTable<LoopFn>& table = find_kernels<LoopFn>("exp");
//     LoopFn loop = table[dtype];        // null: no kernel for this dtype
//
// so that the cost of dispatch is one load and one indirect call. The instruction set is that of kagari::isa().
#pragma once

#include <cstdint>
#include <string_view>
#include <typeinfo>
#include <vector>

#include "kagari/base/cpu_features.h"
#include "kagari/base/export.h"
#include "kagari/tensor/dtype.h"

namespace kagari::cpu {

using AnyFn = void (*)();

/// One function per dtype (kernels without dtypes use any index, by convention that of Bool).
struct AnyKernelTable {
  AnyFn functions[dtype_count] = {};
  const std::type_info* signature = nullptr;
};

template <class Fn>
class KernelTable {
 public:
  /// The function for a dtype, or null.
  Fn operator[](DType dtype) const { return reinterpret_cast<Fn>(table_.functions[int(dtype)]); }

 private:
  AnyKernelTable table_;
};

namespace detail {
KAGARI_API const AnyKernelTable& find_table(std::string_view name, const std::type_info& signature);
}

/// The kernels registered under `name`, whose signature must be Fn. Raises an internal error for an unknown name or another
/// signature.
template <class Fn>
const KernelTable<Fn>& find_kernels(std::string_view name) {
  return reinterpret_cast<const KernelTable<Fn>&>(detail::find_table(name, typeid(Fn)));
}

/// The names of all registered kernels, sorted.
KAGARI_API std::vector<std::string_view> kernel_names();

/// Inner loop of an elementwise operator over n elements. Operand 0 is the output; strides are in bytes, one per operand.
using LoopFn = void (*)(char* const* data, const int64_t* strides, int64_t n, const void* params);

/// The loop that converts elements of type `from` (operand 1) into `to` (operand 0), strided or not; equal types are copied.
/// Floating to integer truncates; any to bool is != 0; complex to real takes the real part.
KAGARI_API LoopFn cast_loop(DType to, DType from);
using CastLoopOf = LoopFn (*)(DType to, DType from);

/// Scalars of an operator: alpha, limits, slopes, ... A functor reads the member of its own kind of element: `real` for
/// floating types, `integer` for integers and bool, real + i imag for complex.
struct LoopParams {
  double real[4] = {};
  double imag[4] = {};
  int64_t integer[4] = {};

  void set(int slot, double value) {
    real[slot] = value;
    // Out of int64's range (or NaN) the integer reading is 0: integer loops are given integers.
    integer[slot] = value > -9.2e18 && value < 9.2e18 ? int64_t(value) : 0;
  }
  void set(int slot, int64_t value) {
    integer[slot] = value;
    real[slot] = double(value);
  }
  void set(int slot, std::complex<double> value) {
    real[slot] = value.real();
    imag[slot] = value.imag();
  }
};

/// Where kernel files enter their functions. Collected when the library is loaded (a pointer each), run at the first look-up.
class KernelRegistry {
 public:
  template <class Fn>
  void add(std::string_view name, DType dtype, Fn fn) {
    add_any(name, dtype, reinterpret_cast<AnyFn>(fn), typeid(Fn));
  }
  template <class Fn>
  void add(std::string_view name, Fn fn) {
    add(name, DType::Bool, fn);
  }
  KAGARI_API void add_any(std::string_view name, DType dtype, AnyFn fn, const std::type_info& signature);
};

/// A link in the list of registration functions; made by KAGARI_KERNELS only.
struct KernelFile {
  KernelFile(Isa isa, void (*enter)(KernelRegistry&));
  Isa compiled_for;
  void (*enter)(KernelRegistry&);
  KernelFile* next;
};

}  // namespace kagari::cpu

/// At the end of a kernels file, inside namespace kagari::cpu and its inline namespace:
///     KAGARI_KERNELS(r) { add_unary<Exp, kFloating>(r, "exp"); ... }
#define KAGARI_KERNELS(registry)                                                                   \
  static void enter_kernels_of_this_file(::kagari::cpu::KernelRegistry& registry);                 \
  static ::kagari::cpu::KernelFile kernels_of_this_file(kCompiledIsa, enter_kernels_of_this_file); \
  static void enter_kernels_of_this_file(::kagari::cpu::KernelRegistry& registry)
