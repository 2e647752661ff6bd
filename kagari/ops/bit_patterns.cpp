// Operators that look at the bits of numbers: mantissas and exponents, hashes.
#include <cmath>
#include <cstring>

#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduction.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using Two = std::tuple<Tensor, Tensor>;

Two frexp(const Tensor& self);
const auto frexp_op = define<&frexp>({
    .schema = "frexp(Tensor self) -> (Tensor mantissa, Tensor exponent)",
    .in = kFunction | kMethod | kOut,
    .doc = "mantissa * 2^exponent = self, with the mantissa's size in [1/2, 1) and an int32 exponent.\n\n"
           ">>> torch.frexp(torch.tensor([6.])).exponent\ntensor([3], dtype=torch.int32)",
    .run = [](Out&, const Tensor& self) -> Two {
      KG_CHECK(is_floating(self.dtype()) && !is_float8(self.dtype()), "torch.frexp() only supports floating-point dtypes");
      Ints strides = strides_like(self, MemoryFormat::Preserve);
      Tensor mantissa = empty_strided_tensor(self.sizes(), strides, self.dtype(), self.device()), exponent = empty_strided_tensor(self.sizes(), strides, DType::Int32, self.device());
      if (self.is_meta()) return {mantissa, exponent};
      Tensor x = self.strides() == IntList(strides) ? self : empty_strided_tensor(self.sizes(), strides, self.dtype());
      if (!x.is_same(self)) copy_(x, self);
      visit_floats_and_halfs("frexp", self.dtype(), [&]<class T>(T) {
        using A = std::conditional_t<std::is_same_v<T, double>, double, float>;
        for (int64_t i = 0; i < x.numel(); ++i) {
          A v = A(x.data<T>()[i]);
          int e = 0;
          mantissa.data<T>()[i] = T(std::isfinite(v) ? std::frexp(v, &e) : v);
          exponent.data<int32_t>()[i] = e;
        }
      });
      return {mantissa, exponent};
    },
    .grad = vjp("out", [](Ctx& c, const Tensor&) -> Grads {
      return {c.grad.defined() ? c.grad * exp2(-to(c.out(1), c.grad.dtype())) : Tensor()};
    }),
});
Two frexp(const Tensor& self) { return frexp_op(self); }

Tensor hash_tensor(const Tensor& self, IntList dim, bool keepdim, int64_t mode);
const auto hash_tensor_op = define<&hash_tensor>({
    .schema = "hash_tensor(Tensor self, int[1] dim=[], *, bool keepdim=False, int mode=0) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .doc = "The exclusive or, as uint64, of the bits of all elements or of those along the dimensions `dim`; the elements are taken as float64 or int64. "
           "mode 0 is the only one.\n\n>>> torch.hash_tensor(torch.tensor([1, 2, 4]))\ntensor(7, dtype=torch.uint64)",
    .run = [](Out&, const Tensor& self, IntList dim, bool keepdim, int64_t mode) {
      KG_CHECK(mode == 0, "Unknown hash_tensor mode: ", mode);
      KG_CHECK(self.numel() > 0 || !dim.empty(), "hash_tensor: Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument.");
      KG_CHECK_IMPLEMENTED(!self.is_complex(), "\"xor_sum_cpu\" not implemented for '", legacy_name(self.dtype()), "'");
      Ints dims = reduction::dims_of(self, dim.empty() ? std::nullopt : std::optional<IntList>(dim)), order, kept, sizes;
      auto reduced = [&](int64_t d) { return std::find(dims.begin(), dims.end(), d) != dims.end(); };
      for (int64_t d = 0; d < self.dim(); ++d) {
        if (reduced(d) && keepdim) sizes.push_back(1);
        if (reduced(d)) continue;
        order.push_back(d);
        kept.push_back(self.sizes()[size_t(d)]);
        sizes.push_back(kept.back());
      }
      for (int64_t d = 0; d < self.dim(); ++d)
        if (reduced(d)) order.push_back(d);
      Tensor y = empty_tensor(sizes, DType::UInt64, self.device());
      if (y.is_meta() || y.numel() == 0) return y;
      bool floating = is_floating(self.dtype());
      Tensor x = contiguous(permute(elementwise::converted(self, floating ? DType::Float64 : DType::Int64), order));
      int64_t n = x.numel() / y.numel();
      const auto* words = reinterpret_cast<const uint64_t*>(x.bytes());
      auto* out = reinterpret_cast<uint64_t*>(y.bytes());
      for (int64_t i = 0; i < y.numel(); ++i) {
        uint64_t h = 0;
        for (int64_t k = 0; k < n; ++k) h ^= words[i * n + k];
        out[i] = h;
      }
      return y;
    },
    .grad = no_grad("the result is an integer"),
});
Tensor hash_tensor(const Tensor& self, IntList dim, bool keepdim, int64_t mode) { return hash_tensor_op(self, dim, keepdim, mode); }

}  // namespace
}  // namespace kagari
