#include "kagari/ops/loss.h"

#include <cmath>

#include "kagari/base/parallel.h"
#include "kagari/op/op.h"
#include "kagari/ops/activation.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/autograd_support.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/logic.h"
#include "kagari/ops/loss_distances.h"
#include "kagari/ops/number.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/power.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/softmax.h"
#include "kagari/ops/views.h"

namespace kagari {

std::string_view reduction_of(MaybeBool size_average, MaybeBool reduce, std::string_view reduction) {
  if (size_average || reduce) return !reduce.value_or(true) ? "none" : size_average.value_or(true) ? "mean" : "sum";
  KG_CHECK_VALUE(reduction == "none" || reduction == "mean" || reduction == "sum", reduction, " is not a valid value for reduction");
  return reduction;
}
Tensor reduced(const Tensor& loss, std::string_view reduction) { return reduction == "mean" ? mean(loss) : reduction == "sum" ? sum(loss) : loss; }

namespace {

// ---------------------------------------------------------------- class numbers
// Note [Class losses]: log-probabilities are seen as (outer, classes, inner). The weight of an element is that of its class, 0 for the
// ignored one; "mean" divides by the sum of the weights.
struct ClassView {
  int64_t outer, classes, inner;
};

ClassView class_view(const Tensor& input, const Tensor& target, const Tensor& weight) {
  KG_CHECK_VALUE(input.dim() > 0, "Expected input to have at least one dimension, got 0");
  int64_t c_dim = input.dim() == 1 ? 0 : 1;
  ClassView v{c_dim ? input.sizes()[0] : 1, input.sizes()[size_t(c_dim)], 1};
  for (int64_t d = c_dim + 1; d < input.dim(); ++d) v.inner *= input.sizes()[size_t(d)];
  Ints expected(input.sizes().begin(), input.sizes().end());
  expected.erase(&expected[size_t(c_dim)]);
  KG_CHECK_VALUE(input.dim() < 2 || target.dim() == 0 || target.sizes()[0] == input.sizes()[0], "Expected input batch_size (", input.sizes()[0], ") to match target batch_size (",
                 target.dim() ? target.sizes()[0] : 1, ").");
  KG_CHECK(input.dim() > 2 || target.dim() <= 1, "0D or 1D target tensor expected, multi-target not supported");
  KG_CHECK(target.sizes() == IntList(expected) || (input.dim() == 1 && target.numel() == 1), "Expected target size ", expected, ", got ", target.sizes());
  KG_CHECK(target.dtype() == DType::Int64 || target.dtype() == DType::UInt8, "expected target dtype to be Long or Byte, but got ", legacy_name(target.dtype()));
  KG_CHECK(!weight.defined() || (weight.dim() == 1 && weight.numel() == v.classes), "weight tensor should be defined either for all ", v.classes,
           " classes or no classes but got weight tensor of shape: ", weight.defined() ? weight.sizes() : IntList());
  KG_CHECK(!weight.defined() || weight.dtype() == input.dtype(), "expected scalar type ", input.dtype(), " but found ", weight.defined() ? weight.dtype() : input.dtype());
  return v;
}

int64_t checked_class(int64_t t, int64_t classes) {
  KG_CHECK_INDEX(t >= 0 && t < classes, "Target ", t, " is out of bounds.");
  return t;
}

/// (loss, total weight) for class numbers; loss per element for "none".
std::tuple<Tensor, Tensor> nll_loss_forward(const Tensor& input, const Tensor& target, const Tensor& weight, std::string_view reduction, int64_t ignore_index);
/// Its gradient with respect to the log-probabilities of the given sizes.
Tensor nll_loss_backward(const Tensor& grad, const Tensor& target, const Tensor& weight, const Tensor& total, IntList input_sizes, std::string_view reduction, int64_t ignore_index);

const auto nll_forward_op = define<&nll_loss_forward>({
    .schema = "_nll_loss(Tensor input, Tensor target, Tensor? weight, str reduction, int ignore_index) -> (Tensor, Tensor)",
    .in = kPrivate,
    .doc = "The negative log-likelihood, and the total weight.",
    .run = [](Out&, const Tensor& input, const Tensor& target, const Tensor& weight, std::string_view reduction, int64_t ignore_index) {
      ClassView v = class_view(input, target, weight);
      bool each = reduction == "none";
      Tensor loss = each ? empty_tensor(target.sizes(), input.dtype(), input.device()) : empty_tensor({}, input.dtype(), input.device());
      Tensor total = empty_tensor({}, input.dtype(), input.device());
      if (input.is_meta()) return std::tuple(loss, total);
      Tensor x = contiguous(input), t = contiguous(to(target, DType::Int64)), w = weight.defined() ? contiguous(weight) : Tensor();
      visit_floats_and_halfs("nll_loss_out_frame", input.dtype(), [&](auto tag) {
        using T = decltype(tag);
        using A = std::conditional_t<std::is_same_v<T, double>, double, float>;
        const T *xs = x.data<T>(), *ws = w.defined() ? w.data<T>() : nullptr;
        const int64_t* ts = t.data<int64_t>();
        T* out = loss.data<T>();
        double sum_loss = 0, sum_weight = 0;
        for (int64_t o = 0; o < v.outer; ++o)
          for (int64_t i = 0; i < v.inner; ++i) {
            int64_t at = o * v.inner + i, c = ts[at];
            if (c == ignore_index) {
              if (each) out[at] = T(A(0));
              continue;
            }
            checked_class(c, v.classes);
            A factor = ws ? A(ws[c]) : A(1), value = -factor * A(xs[(o * v.classes + c) * v.inner + i]);
            if (each) out[at] = T(value);
            sum_loss += double(value);
            sum_weight += double(factor);
          }
        if (!each) *out = T(A(reduction == "mean" ? sum_loss / sum_weight : sum_loss));
        *total.data<T>() = T(A(sum_weight));
      });
      return std::tuple(loss, total);
    },
    .grad = vjp("input target weight out", [](Ctx& c, const Tensor& input, const Tensor& target, const Tensor& weight, std::string_view reduction, int64_t ignore_index) -> Grads {
      if (!c.needs(0) || !c.grads[0].defined()) return {Tensor(), Tensor(), Tensor()};
      return {constant_in(nll_loss_backward(c.grads[0], target, weight, detach(c.out(1)), c.sizes(0), reduction, ignore_index), input), Tensor(), Tensor()};
    }),
    .node_name = "NllLossBackward0",
});

const auto nll_backward_op = define<&nll_loss_backward>({
    .schema = "_nll_loss_backward(Tensor grad, Tensor target, Tensor? weight, Tensor total, int[] input_sizes, str reduction, int ignore_index) -> Tensor",
    .in = kPrivate,
    .doc = "The gradient of _nll_loss.",
    .run = [](Out&, const Tensor& grad, const Tensor& target, const Tensor& weight, const Tensor& total, IntList input_sizes, std::string_view reduction, int64_t ignore_index) {
      Tensor gx = empty_tensor(input_sizes, grad.dtype(), grad.device());
      if (gx.is_meta()) return gx;
      ClassView v = class_view(gx, target, weight);
      zero_(gx);
      Tensor g = contiguous(grad), t = contiguous(to(target, DType::Int64)), w = weight.defined() ? contiguous(weight) : Tensor();
      visit_floats_and_halfs("nll_loss_backward", grad.dtype(), [&](auto tag) {
        using T = decltype(tag);
        using A = std::conditional_t<std::is_same_v<T, double>, double, float>;
        const T *gs = g.data<T>(), *ws = w.defined() ? w.data<T>() : nullptr;
        const int64_t* ts = t.data<int64_t>();
        T* out = gx.data<T>();
        bool each = reduction == "none";
        A scale = reduction == "mean" ? A(1) / A(*total.data<T>()) : A(1);
        for (int64_t o = 0; o < v.outer; ++o)
          for (int64_t i = 0; i < v.inner; ++i) {
            int64_t at = o * v.inner + i, c = ts[at];
            if (c == ignore_index) continue;
            out[(o * v.classes + checked_class(c, v.classes)) * v.inner + i] = T(-(ws ? A(ws[c]) : A(1)) * scale * A(gs[each ? at : 0]));
          }
      });
      return gx;
    },
    .grad = vjp("target weight total", [](Ctx& c, const Tensor&, const Tensor& target, const Tensor& weight, const Tensor& total, IntList, std::string_view reduction, int64_t ignore_index) -> Grads {
      // linear in grad: the transpose is the loss of the incoming gradient, with the same total
      auto [loss, ignored] = nll_loss_forward(c.grad, target, weight, reduction == "mean" ? "sum" : reduction, ignore_index);
      return {reduction == "mean" ? div(loss, total) : loss, Tensor(), Tensor(), Tensor()};
    }),
});

std::tuple<Tensor, Tensor> nll_loss_forward(const Tensor& input, const Tensor& target, const Tensor& weight, std::string_view reduction, int64_t ignore_index) {
  KG_CHECK(!weight.defined() || !grad_enabled() || !weight.requires_grad(), "The function 'nll_loss_forward' is not differentiable with respect to argument 'weight'. This input cannot have requires_grad True.");
  return nll_forward_op(input, target, weight, reduction, ignore_index);
}
Tensor nll_loss_backward(const Tensor& grad, const Tensor& target, const Tensor& weight, const Tensor& total, IntList sizes, std::string_view reduction, int64_t ignore_index) {
  return nll_backward_op(grad, target, weight, total, sizes, reduction, ignore_index);
}

const auto nll_loss_op = compose<&nll_loss>({
    .schema = "nll_loss(Tensor input, Tensor target, Tensor? weight=None, bool? size_average=None, int ignore_index=-100, bool? reduce=None, str reduction='mean') -> Tensor",
    .in = kFunctional,
    .doc = "The negative log-likelihood of class numbers `target` (N, d...) under log-probabilities `input` (N, C, d...).",
    .body = [](const Tensor& input, const Tensor& target, const Tensor& weight, MaybeBool size_average, int64_t ignore_index, MaybeBool reduce, std::string_view reduction) {
      return std::get<0>(nll_loss_forward(input, target, weight, reduction_of(size_average, reduce, reduction), ignore_index));
    },
});

/// Cross entropy with probabilities as the target, or with smoothed labels.
Tensor soft_cross_entropy(const Tensor& logp, const Tensor& target, const Tensor& weight, std::string_view reduction, double smoothing) {
  int64_t c_dim = logp.dim() == 1 ? 0 : 1, classes = logp.sizes()[size_t(c_dim)];
  Tensor q = smoothing > 0 ? target * (1 - smoothing) + wrapped_number(smoothing / double(classes)) : target;
  Tensor terms = mul(logp, q);
  if (weight.defined()) {
    Ints shape(size_t(logp.dim()), 1);
    shape[size_t(c_dim)] = classes;
    terms = mul(terms, reshape(weight, shape));
  }
  int64_t dim[] = {c_dim};
  Tensor loss = neg(sum(terms, IntList(dim, 1)));
  if (reduction == "none") return loss;
  return reduction == "sum" ? sum(loss) : div(sum(loss), wrapped_number(double(logp.numel() / std::max<int64_t>(classes, 1))));
}

Tensor smoothed_nll(const Tensor& logp, const Tensor& target, const Tensor& weight, int64_t ignore_index, std::string_view reduction, double smoothing) {
  int64_t c_dim = logp.dim() == 1 ? 0 : 1, classes = logp.sizes()[size_t(c_dim)];
  auto [nll, total] = nll_loss_forward(logp, target, weight, reduction, ignore_index);
  Tensor weighted = logp;
  if (weight.defined()) {
    Ints shape(size_t(logp.dim()), 1);
    shape[size_t(c_dim)] = classes;
    weighted = mul(logp, reshape(weight, shape));
  }
  int64_t dim[] = {c_dim};
  Tensor smooth = masked_fill(neg(sum(weighted, IntList(dim, 1))), eq(target, wrapped_number(ignore_index)), 0);
  if (reduction == "sum") smooth = sum(smooth);
  if (reduction == "mean") smooth = weight.defined() ? div(sum(smooth), total) : div(sum(smooth), sum(to(ne(target, wrapped_number(ignore_index)), logp.dtype())));
  return nll * (1 - smoothing) + smooth * (smoothing / double(classes));
}

const auto cross_entropy_op = compose<&cross_entropy>({
    .schema = "cross_entropy(Tensor input, Tensor target, Tensor? weight=None, bool? size_average=None, int ignore_index=-100, bool? reduce=None, str reduction='mean', "
              "float label_smoothing=0.0) -> Tensor",
    .in = kFunctional,
    .doc = "The cross entropy of class numbers (N, d...) or probabilities (N, C, d...) under unnormalised scores `input` (N, C, d...).",
    .body = [](const Tensor& input, const Tensor& target, const Tensor& weight, MaybeBool size_average, int64_t ignore_index, MaybeBool reduce, std::string_view reduction, double smoothing) {
      reduction = reduction_of(size_average, reduce, reduction);
      KG_CHECK(smoothing >= 0 && smoothing <= 1, "label_smoothing must be between 0.0 and 1.0. Got: ", smoothing);
      KG_CHECK_VALUE(input.dim() > 0, "Expected input to have at least one dimension, got 0");
      Tensor logp = log_softmax(input, input.dim() == 1 ? 0 : 1);
      if (input.sizes() == target.sizes() && is_floating(target.dtype())) {
        KG_CHECK(ignore_index < 0, "ignore_index is not supported for floating point target");
        return soft_cross_entropy(logp, target, weight, reduction, smoothing);
      }
      KG_CHECK(input.sizes() != target.sizes(), "Expected floating point type for target with class probabilities, got ", legacy_name(target.dtype()));
      if (smoothing > 0) return smoothed_nll(logp, target, weight, ignore_index, reduction, smoothing);
      return std::get<0>(nll_loss_forward(logp, target, weight, reduction, ignore_index));
    },
});

// ---------------------------------------------------------------- distances between numbers
#define KG_OLD_REDUCTION "bool? size_average=None, bool? reduce=None, str reduction='mean'"

const auto mse_op = compose<&mse_loss>({
    .schema = "mse_loss(Tensor input, Tensor target, " KG_OLD_REDUCTION ", Tensor? weight=None) -> Tensor",
    .in = kFunctional,
    .doc = "The squared difference, averaged.",
    .body = [](const Tensor& input, const Tensor& target, MaybeBool size_average, MaybeBool reduce, std::string_view reduction, const Tensor& weight) {
      reduction = reduction_of(size_average, reduce, reduction);
      Tensor loss = squared_difference(input, target);
      if (!weight.defined()) return reduced(loss, reduction);
      KG_CHECK_VALUE(weight.sizes() == input.sizes(), "Weights and input must have the same size.");
      loss = mul(loss, weight);
      return reduction == "mean" ? div(sum(loss), sum(weight)) : reduced(loss, reduction);
    },
});
const auto l1_op = compose<&l1_loss>({
    .schema = "l1_loss(Tensor input, Tensor target, " KG_OLD_REDUCTION ", Tensor? weight=None) -> Tensor",
    .in = kFunctional,
    .doc = "The absolute difference, averaged.",
    .body = [](const Tensor& input, const Tensor& target, MaybeBool size_average, MaybeBool reduce, std::string_view reduction, const Tensor& weight) {
      reduction = reduction_of(size_average, reduce, reduction);
      Tensor loss = abs(sub(input, target));
      if (!weight.defined()) return reduced(loss, reduction);
      KG_CHECK_VALUE(weight.sizes() == input.sizes(), "Weights and input must have the same size.");
      loss = mul(loss, weight);
      return reduction == "mean" ? div(sum(loss), sum(weight)) : reduced(loss, reduction);
    },
});
const auto smooth_l1_op = compose<&smooth_l1_loss>({
    .schema = "smooth_l1_loss(Tensor input, Tensor target, " KG_OLD_REDUCTION ", float beta=1.0) -> Tensor",
    .in = kFunctional,
    .doc = "0.5 d^2 / beta where |d| < beta, else |d| - beta / 2, for the difference d.",
    .body = [](const Tensor& input, const Tensor& target, MaybeBool size_average, MaybeBool reduce, std::string_view reduction, double beta) {
      reduction = reduction_of(size_average, reduce, reduction);
      KG_CHECK(beta >= 0, "smooth_l1_loss does not support negative values for beta.");
      if (beta == 0) return l1_loss(input, target, {}, {}, reduction);
      return reduced(huber(input, target, beta, 1 / beta), reduction);
    },
});
const auto huber_op = compose<&huber_loss>({
    .schema = "huber_loss(Tensor input, Tensor target, str reduction='mean', float delta=1.0, Tensor? weight=None) -> Tensor",
    .in = kFunctional,
    .doc = "0.5 d^2 where |d| < delta, else delta (|d| - delta / 2), for the difference d.",
    .body = [](const Tensor& input, const Tensor& target, std::string_view reduction, double delta, const Tensor& weight) {
      reduction = reduction_of({}, {}, reduction);
      KG_CHECK(delta > 0, "huber_loss does not support non-positive values for delta.");
      Tensor loss = huber(input, target, delta, 1);
      if (!weight.defined()) return reduced(loss, reduction);
      KG_CHECK_VALUE(weight.sizes() == input.sizes(), "Weights and input must have the same size.");
      loss = mul(loss, weight);
      return reduction == "mean" ? div(sum(loss), sum(weight)) : reduced(loss, reduction);
    },
});

// ---------------------------------------------------------------- probabilities
const auto bce_op = compose<&binary_cross_entropy>({
    .schema = "binary_cross_entropy(Tensor input, Tensor target, Tensor? weight=None, " KG_OLD_REDUCTION ") -> Tensor",
    .in = kFunctional,
    .doc = "-(y log x + (1 - y) log(1 - x)) for probabilities x and targets y of one shape; logarithms are bounded by -100.",
    .body = [](const Tensor& input, const Tensor& target, const Tensor& weight, MaybeBool size_average, MaybeBool reduce, std::string_view reduction) {
      reduction = reduction_of(size_average, reduce, reduction);
      KG_CHECK_VALUE(input.sizes() == target.sizes(), "Using a target size (torch.Size(", target.sizes(), ")) that is different to the input size (torch.Size(", input.sizes(),
                     ")) is deprecated. Please ensure they have the same size.");
      KG_CHECK(is_floating(target.dtype()), "Found dtype ", target.dtype(), " but expected ", input.dtype());
      if (!input.is_meta() && input.numel() > 0) {
        NoGrad no_record;
        KG_CHECK(!any(all_values(logical_not(logical_and(ge(input, wrapped_number(0)), le(input, wrapped_number(1)))))).item().to_bool(), "all elements of input should be between 0 and 1");
      }
      auto bounded_log = [](const Tensor& p) {
        Tensor l = log(p);
        return where(l < Scalar(-100), mul(p, wrapped_number(0)) - Scalar(100), l);
      };
      Tensor one_minus = 1 - input;
      Tensor loss = neg(add(mul(target, bounded_log(input)), mul(1 - target, bounded_log(one_minus))));
      if (weight.defined()) loss = mul(loss, weight);
      return reduced(loss, reduction);
    },
});
const auto bce_logits_op = compose<&binary_cross_entropy_with_logits>({
    .schema = "binary_cross_entropy_with_logits(Tensor input, Tensor target, Tensor? weight=None, " KG_OLD_REDUCTION ", Tensor? pos_weight=None) -> Tensor",
    .in = kFunctional,
    .doc = "binary_cross_entropy of sigmoid(input), computed without overflow.",
    .body = [](const Tensor& input, const Tensor& target, const Tensor& weight, MaybeBool size_average, MaybeBool reduce, std::string_view reduction, const Tensor& pos_weight) {
      reduction = reduction_of(size_average, reduce, reduction);
      KG_CHECK_VALUE(input.sizes() == target.sizes(), "Target size (torch.Size(", target.sizes(), ")) must be the same as input size (torch.Size(", input.sizes(), "))");
      // (1 - y) x + w log(1 + e^-x), with log(1 + e^-x) = -log_sigmoid(x)
      Tensor log_term = neg(log_sigmoid(input));
      if (pos_weight.defined()) log_term = mul(log_term, (pos_weight - Scalar(1)) * target + Scalar(1));
      Tensor loss = add(mul(1 - target, input), log_term);
      if (weight.defined()) loss = mul(loss, weight);
      return reduced(loss, reduction);
    },
});
const auto kl_div_op = compose<&kl_div>({
    .schema = "kl_div(Tensor input, Tensor target, bool? size_average=None, bool? reduce=None, str reduction='mean', bool log_target=False) -> Tensor",
    .in = kFunctional,
    .doc = "target (log target - input): the divergence of log-probabilities `input` from `target`; reduction 'batchmean' divides by the batch size.",
    .body = [](const Tensor& input, const Tensor& target, MaybeBool size_average, MaybeBool reduce, std::string_view reduction, bool log_target) {
      bool batch_mean = reduction == "batchmean" && !size_average && !reduce;
      reduction = batch_mean ? "sum" : reduction_of(size_average, reduce, reduction);
      Tensor loss = log_target ? mul(exp(target), sub(target, input)) : sub(xlogy(target, target), mul(target, input));
      loss = reduced(loss, reduction);
      return batch_mean && input.dim() ? div(loss, wrapped_number(input.sizes()[0])) : loss;
    },
});

}  // namespace

Tensor nll_loss(const Tensor& input, const Tensor& target, const Tensor& weight, MaybeBool a, int64_t ignore_index, MaybeBool r, std::string_view reduction) {
  return nll_loss_op(input, target, weight, a, ignore_index, r, reduction);
}
Tensor cross_entropy(const Tensor& input, const Tensor& target, const Tensor& weight, MaybeBool a, int64_t ignore_index, MaybeBool r, std::string_view reduction, double smoothing) {
  return cross_entropy_op(input, target, weight, a, ignore_index, r, reduction, smoothing);
}
Tensor mse_loss(const Tensor& x, const Tensor& y, MaybeBool a, MaybeBool r, std::string_view reduction, const Tensor& weight) { return mse_op(x, y, a, r, reduction, weight); }
Tensor l1_loss(const Tensor& x, const Tensor& y, MaybeBool a, MaybeBool r, std::string_view reduction, const Tensor& weight) { return l1_op(x, y, a, r, reduction, weight); }
Tensor smooth_l1_loss(const Tensor& x, const Tensor& y, MaybeBool a, MaybeBool r, std::string_view reduction, double beta) { return smooth_l1_op(x, y, a, r, reduction, beta); }
Tensor huber_loss(const Tensor& x, const Tensor& y, std::string_view reduction, double delta, const Tensor& weight) { return huber_op(x, y, reduction, delta, weight); }
Tensor binary_cross_entropy(const Tensor& x, const Tensor& y, const Tensor& weight, MaybeBool a, MaybeBool r, std::string_view reduction) {
  return bce_op(x, y, weight, a, r, reduction);
}
Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& y, const Tensor& weight, MaybeBool a, MaybeBool r, std::string_view reduction, const Tensor& pos_weight) {
  return bce_logits_op(x, y, weight, a, r, reduction, pos_weight);
}
Tensor kl_div(const Tensor& x, const Tensor& y, MaybeBool a, MaybeBool r, std::string_view reduction, bool log_target) { return kl_div_op(x, y, a, r, reduction, log_target); }

}  // namespace kagari
