#include "kagari/cpu/copy.h"
#include "kagari/op/op.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

const auto sum_to_op = define<&sum_to>({
    .schema = "sum_to_size(Tensor self, int[] size) -> Tensor",
    .in = kMethod,
    .doc = "The sum over the dimensions that broadcasting `size` to the shape of self would add.\n\n>>> torch.ones(2, 3).sum_to_size(1, 3)\ntensor([[2., 2., 2.]])",
    .run = [](Out&, const Tensor& self, IntList size) {
      KG_CHECK(is_expandable_to(size, self.sizes()), "size {", size, "} is not expandable to size {", self.sizes(), "}.");
      Tensor y = empty_tensor(size, self.dtype(), self.device());
      if (y.is_meta()) return y;
      cpu::fill_elements(y, 0);
      Tensor spread = alias(y, self.sizes(), broadcast_strides(size, y.strides(), self.sizes()), 0);
      cpu::accumulate_elements(spread, self);
      return y;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, IntList) -> Grads { return {expand(c.grad, c.sizes(0))}; }),
});

}  // namespace

Tensor sum_to(const Tensor& self, IntList size) { return self.sizes() == size ? self : sum_to_op(self, size); }

}  // namespace kagari
