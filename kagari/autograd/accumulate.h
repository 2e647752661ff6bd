#pragma once
#include "kagari/autograd/variable.h"

namespace kagari {

/// The end of a path of the backward graph: adds the gradient to `variable.grad`.
class KAGARI_API AccumulateGrad final : public Node {
 public:
  explicit AccumulateGrad(const Tensor& variable);
  ~AccumulateGrad() override;
  Grads apply(Grads&& grads) override;
  std::string name() const override { return "AccumulateGrad"; }
  bool is_accumulate() const override { return true; }
  const Tensor& variable() const { return variable_; }

 private:
  Tensor variable_;
};

/// The one living accumulator of a leaf; made anew if the last one is gone.
KAGARI_API IntrusivePtr<Node> grad_accumulator(const Tensor& leaf);

}  // namespace kagari
