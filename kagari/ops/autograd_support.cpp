// The few operators that autograd itself needs.
#include "kagari/ops/autograd_support.h"

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
#include "kagari/ops/sparse.h"
#include "kagari/ops/strided_window.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

bool any_nan(const Tensor& t) {
  if (t.impl()->special) return any(all_values(isnan(t))).item<bool>();
  if (t.is_meta() || !is_differentiable(t.dtype()) || is_float8(t.dtype())) return false;
  Tensor dense = contiguous(is_sparse(t) ? sparse_parts(t).values : detach(t));
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
  if (is_sparse(from)) return overwrite(to, to_dense(from));
  if (active_mode || to.impl()->special || from.impl()->special) {  // others want to see the copy
    NoGrad no_record;
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

const auto constant_in_op = define<&constant_in>({
    .schema = "_constant_in(Tensor value, Tensor input) -> Tensor",
    .in = kPrivate,
    .doc = "`value`, recorded as a function of `input` whose derivative is zero.",
    .run = [](Out&, const Tensor& value, const Tensor&) { return alias(value); },
    .grad = vjp("input", [](Ctx& c, const Tensor&, const Tensor& input) -> Grads { return {c.grad, c.needs(1) ? zeros_like(input) : Tensor()}; }),
});

}  // namespace

Tensor constant_in(const Tensor& value, const Tensor& input) {
  return grad_enabled() && input.requires_grad() ? constant_in_op(value, input) : value;
}

}  // namespace kagari
