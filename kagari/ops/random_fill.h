#pragma once
#include <algorithm>

#include "kagari/base/function_ref.h"
#include "kagari/op/op.h"
#include "kagari/random/generator.h"

// What the operators that draw random numbers share: in which order they fill memory. Not for users.
namespace kagari::random_fill {

// Note [Order of random numbers]: a tensor is filled in the order of its memory, not of its indices, whatever the strides: the numbers of
// x.t().uniform_() are those of x.uniform_(). A tensor with gaps is filled as if there were none.

/// An uninitialised tensor for results over `self`: the destination if there is one, else a fresh one laid out as `self` is.
KAGARI_API Tensor result_like(Out& out, const Tensor& self);
KAGARI_API Tensor fresh_like(const Tensor& self, DType dtype);

/// Calls fill(bytes, count) with memory for all elements of `t` in the order of the note, and brings the elements into t.
/// Does nothing for meta tensors and empty ones.
using FillFn = FunctionRef<void(std::byte* data, int64_t count)>;
KAGARI_API void fill_in_memory_order(const Tensor& t, FillFn fill);

/// The elements of `source`, which has the shape of `t`, in the order in which fill_in_memory_order would fill `t`: row-major with
/// permuted dimensions. Both become dense.
KAGARI_API Tensor in_order_of(const Tensor& t, const Tensor& source);

/// Zeros, the gradient of an operator that overwrites its argument with random numbers.
KAGARI_API Tensor zeros_for(const Tensor& grad);

/// Draws count numbers with draw() -> double, one after the other, into elements of `dtype`.
template <class Draw>
void fill_serial(std::string_view op, const Tensor& t, Generator* generator, Draw&& draw) {
  Generator& g = generator_or_default(generator);
  visit_reals(op, t.dtype(), [&](auto element) {
    using T = decltype(element);
    fill_in_memory_order(t, [&](std::byte* data, int64_t n) {
      std::lock_guard lock(g.mutex);
      T* out = reinterpret_cast<T*>(data);
      for (int64_t i = 0; i < n; ++i) {
        double x = draw(g);
        if constexpr (std::is_same_v<T, bool>) out[i] = x != 0;
        else if constexpr (std::is_integral_v<T>) out[i] = T(int64_t(x));
        else if constexpr (std::is_same_v<T, double>) out[i] = x;
        else out[i] = T(float(x));
      }
    });
  });
}

}  // namespace kagari::random_fill
