#pragma once
#include "kagari/ops/loss.h"

// Losses of nn.functional that compare scores, and those with a distribution. reduction as in loss.h.
namespace kagari {

/// max(0, -target (input1 - input2) + margin).
KAGARI_API Tensor margin_ranking_loss(const Tensor& input1, const Tensor& input2, const Tensor& target, double margin = 0, MaybeBool size_average = {},
                                      MaybeBool reduce = {}, std::string_view reduction = "mean");
/// input where target is 1, max(0, margin - input) where it is -1.
KAGARI_API Tensor hinge_embedding_loss(const Tensor& input, const Tensor& target, double margin = 1, MaybeBool size_average = {}, MaybeBool reduce = {},
                                       std::string_view reduction = "mean");
/// 1 - cos(input1, input2) where target is 1, max(0, cos(input1, input2) - margin) where it is -1; inputs (D) or (N, D).
KAGARI_API Tensor cosine_embedding_loss(const Tensor& input1, const Tensor& input2, const Tensor& target, double margin = 0, MaybeBool size_average = {},
                                        MaybeBool reduce = {}, std::string_view reduction = "mean");
/// max(0, |anchor - positive| - |anchor - negative| + margin) with the p-norm over the last dimension.
KAGARI_API Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative, double margin = 1, double p = 2, double eps = 1e-6,
                                      bool swap = false, MaybeBool size_average = {}, MaybeBool reduce = {}, std::string_view reduction = "mean");
/// The mean over classes of max(0, margin - input[target] + input)^p; input (N, C) or (C), target (N) or ().
KAGARI_API Tensor multi_margin_loss(const Tensor& input, const Tensor& target, const Scalar& p = 1, const Scalar& margin = 1, const Tensor& weight = {},
                                    MaybeBool size_average = {}, MaybeBool reduce = {}, std::string_view reduction = "mean");
/// The sum of max(0, 1 - input[target] + input[other]) over targets and others; a target of -1 ends the list of targets.
KAGARI_API Tensor multilabel_margin_loss(const Tensor& input, const Tensor& target, MaybeBool size_average = {}, MaybeBool reduce = {},
                                         std::string_view reduction = "mean");
/// Binary cross entropy of each class, averaged over the last dimension.
KAGARI_API Tensor multilabel_soft_margin_loss(const Tensor& input, const Tensor& target, const Tensor& weight = {}, MaybeBool size_average = {},
                                              MaybeBool reduce = {}, std::string_view reduction = "mean");
/// log(1 + exp(-target input)).
KAGARI_API Tensor soft_margin_loss(const Tensor& input, const Tensor& target, MaybeBool size_average = {}, MaybeBool reduce = {},
                                   std::string_view reduction = "mean");
/// The negative log-likelihood of counts under a Poisson distribution.
KAGARI_API Tensor poisson_nll_loss(const Tensor& input, const Tensor& target, bool log_input = true, bool full = false, MaybeBool size_average = {},
                                   double eps = 1e-8, MaybeBool reduce = {}, std::string_view reduction = "mean");
/// The negative log-likelihood of `target` under normal distributions of means `input` and variances `var`.
KAGARI_API Tensor gaussian_nll_loss(const Tensor& input, const Tensor& target, const Tensor& var, bool full = false, double eps = 1e-6,
                                    std::string_view reduction = "mean");

}  // namespace kagari
