// The few operators that autograd itself needs.
#include "kagari/autograd/grad_mode.h"
#include "kagari/autograd/variable.h"
#include "kagari/cpu/copy.h"
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/number.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/strided_window.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

bool any_nan(const Tensor& t) {
  if (t.impl()->special) return any(all_values(isnan(t))).item<bool>();
  if (t.is_meta() || !is_differentiable(t.dtype()) || is_float8(t.dtype())) return false;
  Tensor dense = contiguous(detach(t));
  return visit_all("isnan", dense.dtype(), [&](auto tag) {
    using T = decltype(tag);
    const T* x = dense.data<T>();
    bool found = false;
    for (int64_t i = 0; i < dense.numel(); ++i) found |= !(x[i] == x[i]);
    return found;
  });
}

void overwrite(const Tensor& to, const Tensor& from) {
  if (detail::any_special(to, from) || (grad_enabled() && (to.requires_grad() || from.requires_grad()))) {
    copy_(to, from);
    return;
  }
  if (!to.is_meta()) cpu::copy_elements(to, from);
  to.bump_version();
}

const bool filled_in = [] {
  AutogradArithmetic& a = autograd_arithmetic;
  a.add = [](const Tensor& x, const Tensor& y) { return add(x, y); };
  a.add_inplace = [](const Tensor& x, const Tensor& y) { add_(x, y); };
  a.clone = [](const Tensor& x) { return clone(x); };
  a.sum_to = [](const Tensor& x, IntList sizes) { return sum_to(x, sizes); };
  a.cast = [](const Tensor& x, DType dtype) { return to(is_complex(x.dtype()) && !is_complex(dtype) ? real(x) : x, dtype); };
  a.ones_like = [](const Tensor& x) { return ones_like(x); };
  a.as_strided = [](const Tensor& x, IntList sizes, IntList strides, int64_t offset) { return as_strided(x, sizes, strides, offset); };
  a.as_strided_node = strided_window_node;
  a.copy_inplace = overwrite;
  a.copy_recorded = [](const Tensor& to, const Tensor& from) { copy_(to, from); };
  a.has_nan = any_nan;
  return true;
}();

}  // namespace
}  // namespace kagari
