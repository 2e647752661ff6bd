#include "kagari/nn/layers.h"

#include <cmath>

#include "kagari/autograd/grad_mode.h"
#include "kagari/ops/activation.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/convolution.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/dropout.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/normalization.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/pooling.h"
#include "kagari/ops/random.h"
#include "kagari/ops/views.h"

namespace kagari::nn {
namespace {

/// Uniform in +-sqrt(1 / fan_in): He et al. 2015 for leaky slopes of sqrt(5), as PyTorch's linear and convolution layers start. The steps are
/// those of nn.init.kaiming_uniform_, so that the last bit of the bound is the same, too.
Tensor kaiming(IntList sizes, int64_t fan_in) {
  double gain = std::sqrt(2.0 / (1 + std::pow(std::sqrt(5.0), 2))), std = gain / std::sqrt(double(fan_in)), bound = std::sqrt(3.0) * std;
  return uniform_(empty(sizes), -bound, bound);
}
Tensor bias_for(int64_t size, int64_t fan_in) {
  double bound = fan_in > 0 ? 1 / std::sqrt(double(fan_in)) : 0;
  return uniform_(empty({size}), -bound, bound);
}

}  // namespace

LinearImpl::LinearImpl(int64_t in_features, int64_t out_features, bool with_bias) {
  weight = register_parameter("weight", kaiming({out_features, in_features}, in_features));
  bias = register_parameter("bias", with_bias ? bias_for(out_features, in_features) : Tensor());
}
Tensor LinearImpl::forward(const Tensor& input) { return linear(input, weight, bias); }

Conv2dImpl::Conv2dImpl(int64_t in_channels, int64_t out_channels, int64_t kernel_size, const Conv2dOptions& options) : options_(options) {
  KG_CHECK_VALUE(options.groups > 0 && in_channels % options.groups == 0, "in_channels must be divisible by groups");
  KG_CHECK_VALUE(out_channels % options.groups == 0, "out_channels must be divisible by groups");
  int64_t fan_in = in_channels / options.groups * kernel_size * kernel_size;
  weight = register_parameter("weight", kaiming({out_channels, in_channels / options.groups, kernel_size, kernel_size}, fan_in));
  bias = register_parameter("bias", options.bias ? bias_for(out_channels, fan_in) : Tensor());
}
Tensor Conv2dImpl::forward(const Tensor& input) {
  const Conv2dOptions& o = options_;
  return conv2d(input, weight, bias, {o.stride, o.stride}, {o.padding, o.padding}, {o.dilation, o.dilation}, o.groups);
}

EmbeddingImpl::EmbeddingImpl(int64_t num_embeddings, int64_t embedding_dim, const EmbeddingOptions& options) : options_(options) {
  KG_CHECK_VALUE(options.padding_idx >= -1 && options.padding_idx < num_embeddings, "Padding_idx must be within num_embeddings");
  Tensor table = normal_(empty({num_embeddings, embedding_dim}));
  if (options.padding_idx >= 0) zero_(select(table, 0, options.padding_idx));
  weight = register_parameter("weight", table);
}
Tensor EmbeddingImpl::forward(const Tensor& indices) { return embedding(weight, indices, options_.padding_idx, false, options_.sparse); }

BatchNormImpl::BatchNormImpl(int dims, int64_t num_features, const BatchNormOptions& options) : dims_(dims), options_(options) {
  weight = register_parameter("weight", options.affine ? ones({num_features}) : Tensor());
  bias = register_parameter("bias", options.affine ? zeros({num_features}) : Tensor());
  bool track = options.track_running_stats;
  running_mean = register_buffer("running_mean", track ? zeros({num_features}) : Tensor());
  running_var = register_buffer("running_var", track ? ones({num_features}) : Tensor());
  num_batches_tracked = register_buffer("num_batches_tracked", track ? scalar_tensor(0, DType::Int64) : Tensor());
}
Tensor BatchNormImpl::forward(const Tensor& input) {
  if (dims_ == 1) KG_CHECK_VALUE(input.dim() == 2 || input.dim() == 3, "expected 2D or 3D input (got ", input.dim(), "D input)");
  if (dims_ == 2) KG_CHECK_VALUE(input.dim() == 4, "expected 4D input (got ", input.dim(), "D input)");
  if (is_training() && num_batches_tracked.defined()) {
    NoGrad no_record;
    add_(num_batches_tracked, wrapped_number(1));
  }
  return batch_norm(input, running_mean, running_var, weight, bias, is_training() || !running_mean.defined(), options_.momentum, options_.eps);
}

LayerNormImpl::LayerNormImpl(std::vector<int64_t> normalized_shape, double eps, bool elementwise_affine) : shape_(std::move(normalized_shape)), eps_(eps) {
  weight = register_parameter("weight", elementwise_affine ? ones(shape_) : Tensor());
  bias = register_parameter("bias", elementwise_affine ? zeros(shape_) : Tensor());
}
Tensor LayerNormImpl::forward(const Tensor& input) { return layer_norm(input, shape_, weight, bias, eps_); }

DropoutImpl::DropoutImpl(double p) : p_(p) { KG_CHECK_VALUE(p >= 0 && p <= 1, "dropout probability has to be between 0 and 1, but got ", p); }
Tensor DropoutImpl::forward(const Tensor& input) { return dropout(input, p_, is_training()); }

Tensor MaxPool2dImpl::forward(const Tensor& input) { return std::get<0>(max_pool_windows(input, 2, {kernel_, kernel_}, {stride_, stride_}, {padding_, padding_}, {1, 1}, false)); }
Tensor AvgPool2dImpl::forward(const Tensor& input) { return avg_pool_windows(input, 2, {kernel_, kernel_}, {stride_, stride_}, {padding_, padding_}, false, true, {}); }
Tensor AdaptiveAvgPool2dImpl::forward(const Tensor& input) { return adaptive_avg_pool(input, 2, {size_, size_}); }
Tensor FlattenImpl::forward(const Tensor& input) { return flatten(input, start_, end_); }

Tensor functions::relu(const Tensor& x) { return kagari::relu(x); }
Tensor functions::gelu(const Tensor& x) { return kagari::gelu(x); }
Tensor functions::silu(const Tensor& x) { return kagari::silu(x); }
Tensor functions::sigmoid(const Tensor& x) { return kagari::sigmoid(x); }
Tensor functions::tanh(const Tensor& x) { return kagari::tanh(x); }
Tensor functions::identity(const Tensor& x) { return x; }

Tensor SequentialImpl::forward(const Tensor& input) {
  Tensor x = input;
  for (const auto& [name, child] : children()) x = child->forward(x);
  return x;
}

}  // namespace kagari::nn
