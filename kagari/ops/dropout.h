#pragma once
#include <tuple>

#include "kagari/op/value.h"

// Dropout: elements, or whole channels, become 0 with probability p, and the others are scaled so that the mean stays. Without `train`, or
// with p = 0, the input is returned as it is. RuntimeError for p outside [0, 1].
namespace kagari {

KAGARI_API Tensor dropout(const Tensor& input, double p, bool train);
/// Dropout that also says which elements were kept. `train` without a value counts as true.
KAGARI_API std::tuple<Tensor, Tensor> native_dropout(const Tensor& input, double p, std::optional<bool> train);
/// Drops whole channels: the first two dimensions are batch and channel.
KAGARI_API Tensor feature_dropout(const Tensor& input, double p, bool train);
/// Dropout for SELU networks: keeps mean 0 and variance 1.
KAGARI_API Tensor alpha_dropout(const Tensor& input, double p, bool train);
KAGARI_API Tensor feature_alpha_dropout(const Tensor& input, double p, bool train);

// In place.
KAGARI_API Tensor dropout_(const Tensor& input, double p, bool train);
KAGARI_API Tensor feature_dropout_(const Tensor& input, double p, bool train);
KAGARI_API Tensor alpha_dropout_(const Tensor& input, double p, bool train);
KAGARI_API Tensor feature_alpha_dropout_(const Tensor& input, double p, bool train);

/// self * scale where the bool mask is true, self * 0 elsewhere.
KAGARI_API Tensor masked_scale(const Tensor& self, const Tensor& mask, double scale);
KAGARI_API Tensor native_dropout_backward(const Tensor& grad_output, const Tensor& mask, double scale);
/// A bool tensor laid out as `input`, each element true with probability `keep`.
KAGARI_API Tensor dropout_mask(const Tensor& input, double keep);

/// Leaky ReLU with slopes drawn uniformly from [lower, upper] for each negative element when training, else with their mean.
KAGARI_API Tensor rrelu(const Tensor& self, const Scalar& lower, const Scalar& upper, bool training, Generator* generator = nullptr);
KAGARI_API Tensor rrelu_(const Tensor& self, const Scalar& lower, const Scalar& upper, bool training, Generator* generator = nullptr);
/// self * noise, and its gradient with respect to self, which is differentiable again.
KAGARI_API Tensor rrelu_scaled(const Tensor& self, const Tensor& noise);
KAGARI_API Tensor rrelu_scaled_backward(const Tensor& grad, const Tensor& self, const Tensor& noise);
/// The factor of each element in rrelu: 1 for positive elements.
KAGARI_API Tensor rrelu_noise(const Tensor& self, double lower, double upper, bool training, Generator* generator = nullptr);

}  // namespace kagari
