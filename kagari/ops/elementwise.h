#pragma once
#include <algorithm>

#include "kagari/cpu/strided.h"
#include "kagari/op/op.h"

// What the families of elementwise operators share: shapes, dtypes, the result's memory, the loop. Not for users.
//
// A `.run` of an operator with a kernel of the same name is one of the templates below, named by its dtype rule:
//
//     .run = floating_unary<"exp">        integers and bool compute in the default dtype
//     .run = same_unary<"neg">            result has the argument's dtype
//     .run = predicate_unary<"isnan">     result is bool
//     .run = promoting_binary<"mul">, floating_binary<"atan2">, comparing_binary<"lt">

namespace kagari {

/// A string as a template argument.
template <size_t N>
struct Name {
  char text[N];
  constexpr Name(const char (&t)[N]) { std::copy_n(t, N, text); }
  operator std::string_view() const { return {text, N - 1}; }
};

namespace elementwise {

using Table = cpu::KernelTable<cpu::LoopFn>;

template <Name name>
const Table& table() {
  static const Table& t = cpu::find_kernels<cpu::LoopFn>(name);
  return t;
}

/// `t` with elements of `dtype`: itself, or a converted copy (no gradient).
KAGARI_API Tensor converted(const Tensor& t, DType dtype);
/// The dtype in which an operator with floating results computes: the default one for integers and bool.
inline DType floating(DType t) { return is_integral(t) ? default_dtype() : t; }

/// Broadcasts the inputs, allocates a result of `result` dtype and runs the loop of `compute` over the converted inputs.
KAGARI_API Tensor apply(Out& out, const Table& table, std::string_view name, std::span<const Tensor* const> inputs, DType compute, DType result,
                        const cpu::LoopParams* params = nullptr);
inline Tensor apply(Out& out, const Table& t, std::string_view name, const Tensor& a, DType compute, DType result, const cpu::LoopParams* params = nullptr) {
  const Tensor* inputs[] = {&a};
  return apply(out, t, name, inputs, compute, result, params);
}
inline Tensor apply(Out& out, const Table& t, std::string_view name, const Tensor& a, const Tensor& b, DType compute, DType result,
                    const cpu::LoopParams* params = nullptr) {
  const Tensor* inputs[] = {&a, &b};
  return apply(out, t, name, inputs, compute, result, params);
}
/// Parameters of a loop, slot by slot.
KAGARI_API cpu::LoopParams numbers(std::initializer_list<Scalar> values);
/// TypeError for an operator of two tensors of which one may be a number, if both are.
inline void refuse_two_numbers(std::string_view name, const Tensor& a, const Tensor& b) {
  KG_CHECK_TYPE(!a.is_wrapped_number() || !b.is_wrapped_number(), name, "(): at least one of the two arguments must be a tensor");
}
/// The promoted dtype of two arguments.
KAGARI_API DType promoted(const Tensor& a, const Tensor& b);

}  // namespace elementwise

template <Name name>
Tensor floating_unary(Out& out, const Tensor& self) {
  DType d = elementwise::floating(self.dtype());
  return elementwise::apply(out, elementwise::table<name>(), name, self, d, d);
}
template <Name name>
Tensor same_unary(Out& out, const Tensor& self) {
  return elementwise::apply(out, elementwise::table<name>(), name, self, self.dtype(), self.dtype());
}
template <Name name>
Tensor predicate_unary(Out& out, const Tensor& self) {
  return elementwise::apply(out, elementwise::table<name>(), name, self, self.dtype(), DType::Bool);
}
template <Name name>
Tensor promoting_binary(Out& out, const Tensor& self, const Tensor& other) {
  DType d = elementwise::promoted(self, other);
  return elementwise::apply(out, elementwise::table<name>(), name, self, other, d, d);
}
/// promoting_binary where either argument may be a number.
template <Name name>
Tensor promoting_binary_of_numbers(Out& out, const Tensor& self, const Tensor& other) {
  elementwise::refuse_two_numbers(name, self, other);
  return promoting_binary<name>(out, self, other);
}
template <Name name>
Tensor floating_binary(Out& out, const Tensor& self, const Tensor& other) {
  elementwise::refuse_two_numbers(name, self, other);
  DType d = elementwise::floating(elementwise::promoted(self, other));
  return elementwise::apply(out, elementwise::table<name>(), name, self, other, d, d);
}
template <Name name>
Tensor comparing_binary(Out& out, const Tensor& self, const Tensor& other) {
  return elementwise::apply(out, elementwise::table<name>(), name, self, other, elementwise::promoted(self, other), DType::Bool);
}

}  // namespace kagari
