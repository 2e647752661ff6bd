#include "kagari/ops/matrix_exponential.h"

#include <cmath>

#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/extremum.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/number.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"

namespace kagari {
namespace {

const auto matrix_exp_op = compose<&matrix_exp>({
    .schema = "matrix_exp(Tensor self) -> Tensor",
    .in = kFunction | kMethod,
    .aliases = "linalg_matrix_exp",
    .doc = "The exponential of square matrices, by scaling, a Taylor polynomial, and squaring (Moler and Van Loan 2003).",
    .body = [](const Tensor& self) {
      KG_CHECK(self.dim() >= 2, "linalg.matrix_exp: The input tensor A must have at least 2 dimensions.");
      int64_t n = self.sizes().back();
      KG_CHECK(self.sizes()[size_t(self.dim() - 2)] == n, "linalg.matrix_exp: A must be batches of square matrices, but they are ", self.sizes()[size_t(self.dim() - 2)], " by ", n, " matrices");
      KG_CHECK(is_differentiable(self.dtype()), "linalg.matrix_exp: Expected a floating point or complex tensor as input. Got ", self.dtype());
      if (self.numel() == 0 || self.is_meta()) return clone(self);
      double norm;
      {
        NoGrad no_record;
        int64_t last[] = {-1};
        norm = max(all_values(sum(abs(detach(self)), IntList(last, 1)))).item<double>();
      }
      int squarings = std::isfinite(norm) && norm > 0.5 ? int(std::ceil(std::log2(norm / 0.5))) : 0;
      Tensor scaled = self * std::ldexp(1.0, -squarings), one = eye(n, {}, {self.dtype(), {}, self.device()}), result = one;
      // with a norm of at most 1/2, sixteen terms leave less than 2^-60
      for (int k = 16; k > 0; --k) result = one + matmul(scaled, result) * (1.0 / k);
      for (int i = 0; i < squarings; ++i) result = matmul(result, result);
      return result;
    },
});

}  // namespace

Tensor matrix_exp(const Tensor& self) { return matrix_exp_op(self); }

}  // namespace kagari
