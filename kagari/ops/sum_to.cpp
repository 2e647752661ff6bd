#include "kagari/op/op.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

Tensor summed_to(const Tensor& self, IntList size) {
  KG_CHECK(is_expandable_to(size, self.sizes()), "size {", size, "} is not expandable to size {", self.sizes(), "}.");
  if (size.empty()) return sum(self);
  Ints dims;
  int64_t extra = self.dim() - int64_t(size.size());
  for (int64_t d = 0; d < self.dim(); ++d)
    if (d < extra || (size[d - extra] == 1 && self.sizes()[d] != 1)) dims.push_back(d);
  Tensor y = dims.empty() ? self : sum(self, dims, true);
  return extra ? view(y, size) : y;
}

const auto sum_to_op = compose<&sum_to>({
    .schema = "sum_to_size(Tensor self, int[] size) -> Tensor",
    .in = kMethod,
    .doc = "The sum over the dimensions that broadcasting `size` to the shape of self would add.\n\n>>> torch.ones(2, 3).sum_to_size(1, 3)\ntensor([[2., 2., 2.]])",
    .body = summed_to,
});

}  // namespace

Tensor sum_to(const Tensor& self, IntList size) { return self.sizes() == size ? self : sum_to_op(self, size); }

}  // namespace kagari
