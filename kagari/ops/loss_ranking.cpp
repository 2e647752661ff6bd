#include "kagari/ops/loss_ranking.h"

#include <cmath>

#include "kagari/op/op.h"
#include "kagari/ops/activation.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/bounds.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/distance.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/logic.h"
#include "kagari/ops/number.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/power.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/scan.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

#define KG_OLD_REDUCTION "bool? size_average=None, bool? reduce=None, str reduction='mean'"

Tensor positive_part(const Tensor& t) { return clamp_min(t, Scalar(0)); }
Tensor mean_of(const Tensor& t, int64_t dim) {
  int64_t dims[] = {dim};
  return mean(t, IntList(dims, 1));
}
Tensor sum_of(const Tensor& t, int64_t dim) {
  int64_t dims[] = {dim};
  return sum(t, IntList(dims, 1));
}

const auto margin_ranking_op = compose<&margin_ranking_loss>({
    .schema = "margin_ranking_loss(Tensor input1, Tensor input2, Tensor target, float margin=0.0, " KG_OLD_REDUCTION ") -> Tensor",
    .in = kFunctional,
    .doc = "max(0, -target (input1 - input2) + margin): the first score should be the larger one where target is 1, the smaller one where it is -1.",
    .body = [](const Tensor& input1, const Tensor& input2, const Tensor& target, double margin, MaybeBool size_average, MaybeBool reduce, std::string_view reduction) {
      reduction = reduction_of(size_average, reduce, reduction);
      KG_CHECK(input1.dim() == input2.dim() && input1.dim() == target.dim(),
               "margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: torch.Size(", input1.sizes(), "), input2: torch.Size(", input2.sizes(),
               "), target: torch.Size(", target.sizes(), ") ");
      return reduced(positive_part(neg(target) * (input1 - input2) + Scalar(margin)), reduction);
    },
});

const auto hinge_embedding_op = compose<&hinge_embedding_loss>({
    .schema = "hinge_embedding_loss(Tensor input, Tensor target, float margin=1.0, " KG_OLD_REDUCTION ") -> Tensor",
    .in = kFunctional,
    .doc = "The input (a distance) where target is 1, max(0, margin - input) where it is -1, averaged.",
    .body = [](const Tensor& input, const Tensor& target, double margin, MaybeBool size_average, MaybeBool reduce, std::string_view reduction) {
      reduction = reduction_of(size_average, reduce, reduction);
      Tensor zero = full({}, Scalar(0), {.dtype = input.dtype(), .layout = {}, .device = input.device()});
      Tensor apart = where(eq(target, wrapped_number(1)), zero, positive_part(Scalar(margin) - input));
      Tensor together = where(eq(target, wrapped_number(-1)), zero, input);
      return reduced(apart + together, reduction);
    },
});

const auto cosine_embedding_op = compose<&cosine_embedding_loss>({
    .schema = "cosine_embedding_loss(Tensor input1, Tensor input2, Tensor target, float margin=0.0, " KG_OLD_REDUCTION ") -> Tensor",
    .in = kFunctional,
    .doc = "1 - cos(input1, input2) where target is 1, max(0, cos(input1, input2) - margin) where it is -1, averaged; inputs (D) or (N, D).",
    .body = [](const Tensor& input1, const Tensor& input2, const Tensor& target, double margin, MaybeBool size_average, MaybeBool reduce, std::string_view reduction) {
      reduction = reduction_of(size_average, reduce, reduction);
      KG_CHECK(target.dim() <= 1, "0D or 1D target tensor expected, multi-target not supported");
      int64_t dim = target.dim();
      KG_CHECK(input1.dim() == dim + 1 && input2.dim() == dim + 1, dim ? "1D target tensor expects 2D input tensors, but found inputs with sizes "
                                                                        : "0D target tensor expects 1D input tensors, but found inputs with sizes ",
               input1.sizes(), " and ", input2.sizes(), ".");
      const double eps = 1e-12;
      Tensor dot = sum_of(input1 * input2, dim);
      Tensor length1 = sum_of(input1 * input1, dim) + Scalar(eps), length2 = sum_of(input2 * input2, dim) + Scalar(eps);
      Tensor cosine = dot / sqrt(length1 * length2);
      Tensor zero = full({}, Scalar(0), {.dtype = cosine.dtype(), .layout = {}, .device = cosine.device()});
      Tensor loss = where(eq(target, wrapped_number(1)), Scalar(1) - cosine, zero) + where(eq(target, wrapped_number(-1)), positive_part(cosine - Scalar(margin)), zero);
      return reduced(loss, reduction);
    },
});

const auto triplet_margin_op = compose<&triplet_margin_loss>({
    .schema = "triplet_margin_loss(Tensor anchor, Tensor positive, Tensor negative, float margin=1.0, float p=2.0, float eps=1e-06, bool swap=False, " KG_OLD_REDUCTION ") -> Tensor",
    .in = kFunctional,
    .doc = "max(0, |anchor - positive| - |anchor - negative| + margin) with the p-norm; with swap the negative is compared with the nearer of the others (Balntas et al. 2016).",
    .body = [](const Tensor& anchor, const Tensor& positive, const Tensor& negative, double margin, double p, double eps, bool swap, MaybeBool size_average, MaybeBool reduce,
               std::string_view reduction) {
      reduction = reduction_of(size_average, reduce, reduction);
      KG_CHECK_VALUE(margin > 0, "margin must be greater than 0, got ", margin, margin == std::floor(margin) ? ".0" : "");
      KG_CHECK(anchor.dim() == positive.dim() && positive.dim() == negative.dim(),
               "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: anchor ", anchor.dim(), "D, positive ", positive.dim(),
               "D, and negative ", negative.dim(), "D inputs");
      Tensor near = pairwise_distance(anchor, positive, p, eps), far = pairwise_distance(anchor, negative, p, eps);
      if (swap) far = minimum(far, pairwise_distance(positive, negative, p, eps));
      return reduced(positive_part(Scalar(margin) + near - far), reduction);
    },
});

const auto multi_margin_op = compose<&multi_margin_loss>({
    .schema = "multi_margin_loss(Tensor input, Tensor target, Scalar p=1, Scalar margin=1, Tensor? weight=None, " KG_OLD_REDUCTION ") -> Tensor",
    .in = kFunctional,
    .traits = kReadsValues,
    .doc = "The mean over the other classes of max(0, margin - input[target] + input)^p for p 1 or 2, times weight[target].",
    .body = [](const Tensor& input, const Tensor& target, const Scalar& p, const Scalar& margin, const Tensor& weight, MaybeBool size_average, MaybeBool reduce, std::string_view reduction) {
      reduction = reduction_of(size_average, reduce, reduction);
      KG_CHECK_VALUE(p.to_double() == 1 || p.to_double() == 2, "only p == 1 and p == 2 supported");
      KG_CHECK_VALUE(!weight.defined() || weight.dim() == 1, "weight must be one-dimensional");
      KG_CHECK(input.dim() <= 2 && (input.dim() < 2 || input.sizes()[1] != 0) && (input.dim() != 1 || input.sizes()[0] != 0),
               "Expected non-empty vector or matrix with optional 0-dim batch size, but got: ", input.sizes());
      KG_CHECK_IMPLEMENTED(is_floating(input.dtype()), "\"multi_margin_loss\" not implemented for '", input.dtype(), "'");
      Tensor x = input.dim() < 2 ? reshape(input, {1, -1}) : input, classes = reshape(target, {-1, 1});
      int64_t n = x.sizes()[0], c = x.sizes()[1];
      KG_CHECK(target.dim() <= 1 && target.numel() == n, "multi_margin_loss: The target tensor should be 1-D with size equal to the batch size. Expected target size [", n, "], but got ", target.sizes());
      KG_CHECK(target.dtype() == DType::Int64, "expected scalar type Long but found ", legacy_name(target.dtype()));
      KG_CHECK(!weight.defined() || weight.numel() == c, "inconsistent weight size, expected ", c, " but got ", weight.defined() ? weight.sizes() : IntList());
      if (!target.is_meta() && target.numel() > 0) {
        NoGrad no_record;
        KG_CHECK(!any(all_values(logical_or(lt(target, wrapped_number(0)), ge(target, wrapped_number(c))))).item().to_bool(), "target out of range");
      }
      Tensor violation = positive_part(margin - gather(x, 1, classes) + x);
      if (p.to_double() == 2) violation = square(violation);
      if (weight.defined()) violation = violation * reshape(index_select(weight, 0, reshape(target, {-1})), {-1, 1});
      Tensor own = eq(classes, unsqueeze(arange(Scalar(0), Scalar(c), Scalar(1), {.dtype = {}, .layout = {}, .device = x.device()}), 0));
      Tensor loss = sum_of(masked_fill(violation, own, Scalar(0)), 1) / Scalar(double(c));
      return reduced(reduction == "none" && target.dim() == 0 ? reshape(loss, {}) : loss, reduction);
    },
});

const auto multilabel_margin_op = compose<&multilabel_margin_loss>({
    .schema = "multilabel_margin_loss(Tensor input, Tensor target, " KG_OLD_REDUCTION ") -> Tensor",
    .in = kFunctional,
    .traits = kReadsValues,
    .doc = "The sum over targets t and other classes o of max(0, 1 - input[t] + input[o]), divided by the number of classes; the first target of -1 ends the targets.",
    .body = [](const Tensor& input, const Tensor& target, MaybeBool size_average, MaybeBool reduce, std::string_view reduction) {
      reduction = reduction_of(size_average, reduce, reduction);
      KG_CHECK(input.dim() <= 2 && (input.dim() < 2 || input.sizes()[1] != 0) && (input.dim() != 1 || input.sizes()[0] != 0),
               "Expected non-empty vector or matrix with optional 0-dim batch size, but got: ", input.sizes());
      KG_CHECK(input.sizes() == target.sizes() || (input.dim() < 2 && target.dim() < 2 && input.numel() == target.numel()), "inconsistent target size: ", target.sizes(), " for input of size: ",
               input.sizes());
      KG_CHECK_IMPLEMENTED(is_floating(input.dtype()), "\"multilabel_margin_loss\" not implemented for '", input.dtype(), "'");
      int64_t c = input.dim() ? input.sizes()[size_t(input.dim() - 1)] : 1;
      Tensor x = reshape(input, {input.dim() == 2 ? input.sizes()[0] : 1, c}), t = reshape(target, x.sizes());
      if (!target.is_meta() && target.numel() > 0) {
        NoGrad no_record;
        KG_CHECK(!any(all_values(logical_or(lt(t, wrapped_number(-1)), ge(t, wrapped_number(c))))).item().to_bool(), "target out of range");
      }
      // a target counts while no -1 was before it or is there
      Tensor listed, is_target;
      {
        NoGrad no_record;
        listed = eq(cumsum(to(lt(t, wrapped_number(0)), DType::Int64), 1), wrapped_number(0));
        Tensor hits = scatter_add(zeros(x.sizes(), {.dtype = DType::Int64, .layout = {}, .device = x.device()}), 1, clamp_min(t, Scalar(0)), to(listed, DType::Int64));
        is_target = gt(hits, wrapped_number(0));
      }
      Tensor wanted = gather(x, 1, clamp_min(t, Scalar(0)));                                        // (N, T)
      Tensor violation = positive_part(Scalar(1) - unsqueeze(wanted, 2) + unsqueeze(x, 1));          // (N, T, C)
      Tensor counts = logical_and(unsqueeze(listed, 2), logical_not(unsqueeze(is_target, 1)));
      Tensor loss = sum_of(sum_of(masked_fill(violation, logical_not(counts), Scalar(0)), 2), 1) / Scalar(double(c));
      return reduced(reduction == "none" && input.dim() < 2 ? reshape(loss, {}) : loss, reduction);
    },
});

const auto multilabel_soft_margin_op = compose<&multilabel_soft_margin_loss>({
    .schema = "multilabel_soft_margin_loss(Tensor input, Tensor target, Tensor? weight=None, " KG_OLD_REDUCTION ") -> Tensor",
    .in = kFunctional,
    .doc = "Binary cross entropy of the scores of each class, averaged over the last dimension, then over the batch.",
    .body = [](const Tensor& input, const Tensor& target, const Tensor& weight, MaybeBool size_average, MaybeBool reduce, std::string_view reduction) {
      reduction = reduction_of(size_average, reduce, reduction);
      Tensor loss = neg(target * log_sigmoid(input) + (Scalar(1) - target) * log_sigmoid(neg(input)));
      if (weight.defined()) loss = loss * weight;
      return reduced(mean_of(loss, input.dim() - 1), reduction);
    },
});

const auto soft_margin_op = compose<&soft_margin_loss>({
    .schema = "soft_margin_loss(Tensor input, Tensor target, " KG_OLD_REDUCTION ") -> Tensor",
    .in = kFunctional,
    .doc = "log(1 + exp(-target input)) for targets 1 and -1, averaged.",
    .body = [](const Tensor& input, const Tensor& target, MaybeBool size_average, MaybeBool reduce, std::string_view reduction) {
      reduction = reduction_of(size_average, reduce, reduction);
      return reduced(log1p(exp(neg(target) * input)), reduction);
    },
});

// ---------------------------------------------------------------- distributions
const auto poisson_nll_op = compose<&poisson_nll_loss>({
    .schema = "poisson_nll_loss(Tensor input, Tensor target, bool log_input=True, bool full=False, bool? size_average=None, float eps=1e-08, bool? reduce=None, str reduction='mean') -> Tensor",
    .in = kFunctional,
    .doc = "exp(input) - target input, or input - target log(input + eps) if the input is not a logarithm; full adds Stirling's approximation of log(target!) for targets above 1.",
    .body = [](const Tensor& input, const Tensor& target, bool log_input, bool full_term, MaybeBool size_average, double eps, MaybeBool reduce, std::string_view reduction) {
      reduction = reduction_of(size_average, reduce, reduction);
      Tensor loss = log_input ? exp(input) - target * input : input - target * log(input + Scalar(eps));
      if (full_term) {
        Tensor stirling = target * log(target) - target + Scalar(0.5) * log(Scalar(2 * M_PI) * target);
        loss = loss + masked_fill(stirling, target <= Scalar(1), Scalar(0));
      }
      return reduced(loss, reduction);
    },
});

const auto gaussian_nll_op = compose<&gaussian_nll_loss>({
    .schema = "gaussian_nll_loss(Tensor input, Tensor target, Tensor|Scalar var, bool full=False, float eps=1e-06, str reduction='mean') -> Tensor",
    .in = kFunctional,
    .doc = "0.5 (log var + (input - target)^2 / var), with var at least eps (its gradient passes the bound); var has the input's shape, or lacks or has 1 as its last size.",
    .body = [](const Tensor& input, const Tensor& target, const Tensor& var, bool full_term, double eps, std::string_view reduction) {
      KG_CHECK_VALUE(reduction == "none" || reduction == "mean" || reduction == "sum", reduction, " is not valid");
      Tensor v = var;
      if (var.dim() && var.sizes() != input.sizes()) {
        IntList s = input.sizes(), w = var.sizes();
        if (w.size() + 1 == s.size() && IntList(s.data(), s.size() - 1) == w) v = unsqueeze(var, -1);
        else {
          bool same = w.size() == s.size(), differs = false;
          for (size_t d = 0; same && d < s.size(); ++d) {
            if (w[d] == s[d]) continue;
            same = w[d] == 1 && !differs;
            differs = true;
          }
          KG_CHECK_VALUE(same, "var is of incorrect size");
        }
      }
      {
        NoGrad no_record;
        if (!var.is_meta() && var.numel() > 0) KG_CHECK_VALUE(!any(all_values(v < Scalar(0))).item().to_bool(), "var has negative entry/entries");
      }
      if (v.dim() == 0 && v.dtype() != input.dtype()) v = to(v, input.dtype());
      // the bound is passed by the gradient, as if it were not there
      v = v + clamp_min(detach(v), Scalar(eps)) - detach(v);
      Tensor loss = Scalar(0.5) * (log(v) + square(input - target) / v);
      if (full_term) loss = loss + Scalar(0.5 * std::log(2 * M_PI));
      return reduced(loss, reduction);
    },
});

}  // namespace

Tensor margin_ranking_loss(const Tensor& a, const Tensor& b, const Tensor& y, double margin, MaybeBool s, MaybeBool r, std::string_view reduction) {
  return margin_ranking_op(a, b, y, margin, s, r, reduction);
}
Tensor hinge_embedding_loss(const Tensor& x, const Tensor& y, double margin, MaybeBool s, MaybeBool r, std::string_view reduction) { return hinge_embedding_op(x, y, margin, s, r, reduction); }
Tensor cosine_embedding_loss(const Tensor& a, const Tensor& b, const Tensor& y, double margin, MaybeBool s, MaybeBool r, std::string_view reduction) {
  return cosine_embedding_op(a, b, y, margin, s, r, reduction);
}
Tensor triplet_margin_loss(const Tensor& a, const Tensor& b, const Tensor& c, double margin, double p, double eps, bool swap, MaybeBool s, MaybeBool r, std::string_view reduction) {
  return triplet_margin_op(a, b, c, margin, p, eps, swap, s, r, reduction);
}
Tensor multi_margin_loss(const Tensor& x, const Tensor& y, const Scalar& p, const Scalar& margin, const Tensor& weight, MaybeBool s, MaybeBool r, std::string_view reduction) {
  return multi_margin_op(x, y, p, margin, weight, s, r, reduction);
}
Tensor multilabel_margin_loss(const Tensor& x, const Tensor& y, MaybeBool s, MaybeBool r, std::string_view reduction) { return multilabel_margin_op(x, y, s, r, reduction); }
Tensor multilabel_soft_margin_loss(const Tensor& x, const Tensor& y, const Tensor& weight, MaybeBool s, MaybeBool r, std::string_view reduction) {
  return multilabel_soft_margin_op(x, y, weight, s, r, reduction);
}
Tensor soft_margin_loss(const Tensor& x, const Tensor& y, MaybeBool s, MaybeBool r, std::string_view reduction) { return soft_margin_op(x, y, s, r, reduction); }
Tensor poisson_nll_loss(const Tensor& x, const Tensor& y, bool log_input, bool full_term, MaybeBool s, double eps, MaybeBool r, std::string_view reduction) {
  return poisson_nll_op(x, y, log_input, full_term, s, eps, r, reduction);
}
Tensor gaussian_nll_loss(const Tensor& x, const Tensor& y, const Tensor& var, bool full_term, double eps, std::string_view reduction) {
  return gaussian_nll_op(x, y, var, full_term, eps, reduction);
}

}  // namespace kagari
