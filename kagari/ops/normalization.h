#pragma once
#include "kagari/tensor/tensor.h"

// Normalisation layers. Statistics are computed in float32 (float64 for float64).
namespace kagari {

/// (y, mean, rstd) over the last dimensions, whose sizes are normalized_shape; weight and bias have that shape or are undefined.
KAGARI_API std::tuple<Tensor, Tensor, Tensor> native_layer_norm(const Tensor& input, IntList normalized_shape, const Tensor& weight, const Tensor& bias, double eps);
KAGARI_API Tensor layer_norm(const Tensor& input, IntList normalized_shape, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5,
                             bool cudnn_enable = true);
KAGARI_API Tensor rms_norm(const Tensor& input, IntList normalized_shape, const Tensor& weight = {}, std::optional<double> eps = {});
/// (y, mean, rstd) over all but dimension 1. In training, running_mean and running_var (may be undefined) move towards the batch's by
/// `momentum`; otherwise they are used instead of it.
KAGARI_API std::tuple<Tensor, Tensor, Tensor> native_batch_norm(const Tensor& input, const Tensor& weight, const Tensor& bias, const Tensor& running_mean,
                                                                const Tensor& running_var, bool training, double momentum, double eps);
KAGARI_API Tensor batch_norm(const Tensor& input, const Tensor& running_mean, const Tensor& running_var, const Tensor& weight = {}, const Tensor& bias = {},
                             bool training = false, double momentum = 0.1, double eps = 1e-5);
/// Over each of num_groups groups of the channels (dimension 1) of each sample.
KAGARI_API Tensor group_norm(const Tensor& input, int64_t num_groups, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-5);
/// Over the spatial dimensions of each channel of each sample.
KAGARI_API Tensor instance_norm(const Tensor& input, const Tensor& running_mean = {}, const Tensor& running_var = {}, const Tensor& weight = {}, const Tensor& bias = {},
                                bool use_input_stats = true, double momentum = 0.1, double eps = 1e-5);

}  // namespace kagari
