#pragma once
#include "kagari/tensor/tensor.h"

// Losses of nn.functional. reduction: "none", "mean" or "sum"; size_average and reduce are its old form and win if given.
namespace kagari {

using MaybeBool = std::optional<bool>;

/// -weight[target] * input[target] of log-probabilities (N, C, d...) and class numbers (N, d...).
KAGARI_API Tensor nll_loss(const Tensor& input, const Tensor& target, const Tensor& weight = {}, MaybeBool size_average = {}, int64_t ignore_index = -100,
                           MaybeBool reduce = {}, std::string_view reduction = "mean");
/// nll_loss of log_softmax; target may hold probabilities (N, C, d...).
KAGARI_API Tensor cross_entropy(const Tensor& input, const Tensor& target, const Tensor& weight = {}, MaybeBool size_average = {}, int64_t ignore_index = -100,
                                MaybeBool reduce = {}, std::string_view reduction = "mean", double label_smoothing = 0);
KAGARI_API Tensor mse_loss(const Tensor& input, const Tensor& target, MaybeBool size_average = {}, MaybeBool reduce = {}, std::string_view reduction = "mean",
                           const Tensor& weight = {});
KAGARI_API Tensor l1_loss(const Tensor& input, const Tensor& target, MaybeBool size_average = {}, MaybeBool reduce = {}, std::string_view reduction = "mean",
                          const Tensor& weight = {});
KAGARI_API Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, MaybeBool size_average = {}, MaybeBool reduce = {}, std::string_view reduction = "mean",
                                 double beta = 1);
KAGARI_API Tensor huber_loss(const Tensor& input, const Tensor& target, std::string_view reduction = "mean", double delta = 1, const Tensor& weight = {});
KAGARI_API Tensor binary_cross_entropy(const Tensor& input, const Tensor& target, const Tensor& weight = {}, MaybeBool size_average = {}, MaybeBool reduce = {},
                                       std::string_view reduction = "mean");
KAGARI_API Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target, const Tensor& weight = {}, MaybeBool size_average = {},
                                                   MaybeBool reduce = {}, std::string_view reduction = "mean", const Tensor& pos_weight = {});
KAGARI_API Tensor kl_div(const Tensor& input, const Tensor& target, MaybeBool size_average = {}, MaybeBool reduce = {}, std::string_view reduction = "mean",
                         bool log_target = false);

/// "none", "mean" or "sum" from the arguments of a loss. Raises ValueError for other words.
KAGARI_API std::string_view reduction_of(MaybeBool size_average, MaybeBool reduce, std::string_view reduction);
/// The loss of all elements from that of each.
KAGARI_API Tensor reduced(const Tensor& loss, std::string_view reduction);

}  // namespace kagari
