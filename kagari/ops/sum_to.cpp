#include "kagari/ops/elementwise.h"
#include "kagari/ops/reduction.h"
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
      Ints dims;
      int64_t added = self.dim() - int64_t(size.size());
      for (int64_t d = 0; d < self.dim(); ++d)
        if (d < added || size[d - added] != self.sizes()[d]) dims.push_back(d);
      Out fresh;
      Tensor y = reduction::apply(fresh, "sum", "sum_to_size", self, dims, true, is_integral(self.dtype()) ? DType::Int64 : self.dtype());
      return elementwise::converted(reshape(y, size), self.dtype());
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, IntList) -> Grads { return {expand(c.grad, c.sizes(0))}; }),
});

}  // namespace

Tensor sum_to(const Tensor& self, IntList size) { return self.sizes() == size ? self : sum_to_op(self, size); }

}  // namespace kagari
