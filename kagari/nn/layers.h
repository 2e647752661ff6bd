#pragma once
#include "kagari/nn/module.h"

// Layers with the names, arguments, initial values and parameter names of PyTorch's. With one seed they start with the same numbers.

namespace kagari::nn {

// ---------------------------------------------------------------- products and tables
/// y = x W^T + b for x (..., in): (..., out).
class KAGARI_API LinearImpl : public Module {
 public:
  LinearImpl(int64_t in_features, int64_t out_features, bool bias = true);
  Tensor forward(const Tensor& input) override;
  Tensor weight, bias;
};
using Linear = Holder<LinearImpl>;

struct Conv2dOptions {
  int64_t stride = 1, padding = 0, dilation = 1, groups = 1;
  bool bias = true;
};
/// Cross-correlation of images (N, in, H, W) with kernels (out, in / groups, k, k).
class KAGARI_API Conv2dImpl : public Module {
 public:
  Conv2dImpl(int64_t in_channels, int64_t out_channels, int64_t kernel_size, const Conv2dOptions& options = {});
  Tensor forward(const Tensor& input) override;
  Tensor weight, bias;

 private:
  Conv2dOptions options_;
};
using Conv2d = Holder<Conv2dImpl>;

struct EmbeddingOptions {
  int64_t padding_idx = -1;  // -1: none; this row is zero and gets no gradient
  bool sparse = false;
};
/// Rows of a table (num, dim) for integer tensors of any shape.
class KAGARI_API EmbeddingImpl : public Module {
 public:
  EmbeddingImpl(int64_t num_embeddings, int64_t embedding_dim, const EmbeddingOptions& options = {});
  Tensor forward(const Tensor& indices) override;
  Tensor weight;

 private:
  EmbeddingOptions options_;
};
using Embedding = Holder<EmbeddingImpl>;

// ---------------------------------------------------------------- normalisation
struct BatchNormOptions {
  double eps = 1e-5, momentum = 0.1;
  bool affine = true, track_running_stats = true;
};
/// Over all but dimension 1; the input has `dims` + 2 dimensions.
class KAGARI_API BatchNormImpl : public Module {
 public:
  BatchNormImpl(int64_t num_features, const BatchNormOptions& options = {}) : BatchNormImpl(0, num_features, options) {}
  Tensor forward(const Tensor& input) override;
  Tensor weight, bias, running_mean, running_var, num_batches_tracked;

 protected:
  BatchNormImpl(int dims, int64_t num_features, const BatchNormOptions& options);

 private:
  int dims_;
  BatchNormOptions options_;
};
struct KAGARI_API BatchNorm1dImpl : BatchNormImpl {
  BatchNorm1dImpl(int64_t num_features, const BatchNormOptions& options = {}) : BatchNormImpl(1, num_features, options) {}
};
struct KAGARI_API BatchNorm2dImpl : BatchNormImpl {
  BatchNorm2dImpl(int64_t num_features, const BatchNormOptions& options = {}) : BatchNormImpl(2, num_features, options) {}
};
using BatchNorm1d = Holder<BatchNorm1dImpl>;
using BatchNorm2d = Holder<BatchNorm2dImpl>;

/// Over the last dimensions, of the given sizes.
class KAGARI_API LayerNormImpl : public Module {
 public:
  LayerNormImpl(std::vector<int64_t> normalized_shape, double eps = 1e-5, bool elementwise_affine = true);
  LayerNormImpl(int64_t size, double eps = 1e-5, bool elementwise_affine = true) : LayerNormImpl(std::vector<int64_t>{size}, eps, elementwise_affine) {}
  Tensor forward(const Tensor& input) override;
  Tensor weight, bias;

 private:
  std::vector<int64_t> shape_;
  double eps_;
};
using LayerNorm = Holder<LayerNormImpl>;

// ---------------------------------------------------------------- without parameters
class KAGARI_API DropoutImpl : public Module {
 public:
  explicit DropoutImpl(double p = 0.5);
  Tensor forward(const Tensor& input) override;

 private:
  double p_;
};
using Dropout = Holder<DropoutImpl>;

/// Maxima of windows of k x k; the stride is k unless given.
class KAGARI_API MaxPool2dImpl : public Module {
 public:
  explicit MaxPool2dImpl(int64_t kernel_size, int64_t stride = 0, int64_t padding = 0) : kernel_(kernel_size), stride_(stride ? stride : kernel_size), padding_(padding) {}
  Tensor forward(const Tensor& input) override;

 private:
  int64_t kernel_, stride_, padding_;
};
using MaxPool2d = Holder<MaxPool2dImpl>;
/// Means of windows of k x k.
class KAGARI_API AvgPool2dImpl : public Module {
 public:
  explicit AvgPool2dImpl(int64_t kernel_size, int64_t stride = 0, int64_t padding = 0) : kernel_(kernel_size), stride_(stride ? stride : kernel_size), padding_(padding) {}
  Tensor forward(const Tensor& input) override;

 private:
  int64_t kernel_, stride_, padding_;
};
using AvgPool2d = Holder<AvgPool2dImpl>;
/// Means of size x size windows that cover the image.
class KAGARI_API AdaptiveAvgPool2dImpl : public Module {
 public:
  explicit AdaptiveAvgPool2dImpl(int64_t size) : size_(size) {}
  Tensor forward(const Tensor& input) override;

 private:
  int64_t size_;
};
using AdaptiveAvgPool2d = Holder<AdaptiveAvgPool2dImpl>;
/// Joins dimensions start..end.
class KAGARI_API FlattenImpl : public Module {
 public:
  explicit FlattenImpl(int64_t start_dim = 1, int64_t end_dim = -1) : start_(start_dim), end_(end_dim) {}
  Tensor forward(const Tensor& input) override;

 private:
  int64_t start_, end_;
};
using Flatten = Holder<FlattenImpl>;

/// An elementwise function as a module.
template <Tensor (*function)(const Tensor&)>
struct FunctionImpl : Module {
  Tensor forward(const Tensor& input) override { return function(input); }
};
namespace functions {
KAGARI_API Tensor relu(const Tensor& x);
KAGARI_API Tensor gelu(const Tensor& x);
KAGARI_API Tensor silu(const Tensor& x);
KAGARI_API Tensor sigmoid(const Tensor& x);
KAGARI_API Tensor tanh(const Tensor& x);
KAGARI_API Tensor identity(const Tensor& x);
}  // namespace functions
using ReLU = Holder<FunctionImpl<functions::relu>>;
using GELU = Holder<FunctionImpl<functions::gelu>>;
using SiLU = Holder<FunctionImpl<functions::silu>>;
using Sigmoid = Holder<FunctionImpl<functions::sigmoid>>;
using Tanh = Holder<FunctionImpl<functions::tanh>>;
using Identity = Holder<FunctionImpl<functions::identity>>;

/// Modules one after the other, under the names "0", "1", ...:
///
///   nn::Sequential net{nn::Linear(64, 32), nn::ReLU(), nn::Linear(32, 10)};
///
/// Write braces: only they make the modules in the order in which they stand, which decides who gets which random numbers.
class KAGARI_API SequentialImpl : public Module {
 public:
  template <class... H>
  explicit SequentialImpl(const Holder<H>&... modules) {
    (push_back(modules), ...);
  }
  Tensor forward(const Tensor& input) override;
  template <class H>
  void push_back(const Holder<H>& module) {
    register_child(std::to_string(children().size()), module.pointer());
  }
  template <class H>
  void push_back(const std::string& name, const Holder<H>& module) {
    register_child(name, module.pointer());
  }
};
using Sequential = Holder<SequentialImpl>;

}  // namespace kagari::nn
