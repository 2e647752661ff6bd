// The loss of connectionist temporal classification (Graves et al. 2006).
#include <cmath>
#include <limits>
#include <vector>

#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/logic.h"
#include "kagari/ops/loss.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

// Note [The gradient of CTC]: the gradient is defined for log-probabilities that come from a log_softmax, as PyTorch's is: it is
// exp(log_prob) minus the expected share of paths through each class. The term `normaliser`, whose value is 0, adds the first part.
constexpr double kImpossible = -1e30;  // finite, so that the sum of two impossible paths has a gradient

std::vector<int64_t> lengths_of(const Tensor& lengths, const char* name, int64_t batch) {
  KG_CHECK(!is_floating(lengths.dtype()) && !lengths.is_complex(), name, " must be integral");
  Tensor t = contiguous(to(reshape(lengths, {-1}), DType::Int64));
  KG_CHECK(t.numel() == batch, name, " must be of size batch_size");
  return {t.data<int64_t>(), t.data<int64_t>() + batch};
}

/// The numbers as a tensor of so many rows.
Tensor table_of(const std::vector<int64_t>& values, int64_t rows) {
  Tensor t = empty_tensor({rows, rows ? int64_t(values.size()) / rows : 0}, DType::Int64);
  std::copy(values.begin(), values.end(), t.data<int64_t>());
  return t;
}

Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths, const Tensor& target_lengths, int64_t blank, std::string_view reduction, bool zero_infinity);
const auto ctc_loss_op = compose<&ctc_loss>({
    .schema = "ctc_loss(Tensor log_probs, Tensor targets, Tensor input_lengths, Tensor target_lengths, int blank=0, str reduction='mean', bool zero_infinity=False) -> Tensor",
    .in = kFunctional,
    .traits = kReadsValues,
    .doc = "The negative logarithm of the probability of the targets, (N, S) or all in a row, summed over all alignments with log_probs (T, N, C) or (T, C). reduction 'mean' divides each by its "
           "target's length first; zero_infinity makes impossible alignments 0.",
    .body = [](const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths, const Tensor& target_lengths, int64_t blank, std::string_view reduction, bool zero_infinity) {
      reduction = reduction_of({}, {}, reduction);
      KG_CHECK(log_probs.dim() == 2 || log_probs.dim() == 3, "log_probs must be 2D or 3D");
      KG_CHECK(log_probs.numel() > 0, "log_probs tensor must not be empty");
      bool batched = log_probs.dim() == 3;
      Tensor lp = batched ? log_probs : unsqueeze(log_probs, 1);
      int64_t steps = lp.sizes()[0], batch = lp.sizes()[1], classes = lp.sizes()[2];
      KG_CHECK(blank >= 0 && blank < classes, "blank must be in label range");
      std::vector<int64_t> in = lengths_of(input_lengths, "input_lengths", batch), out = lengths_of(target_lengths, "target_lengths", batch);
      Tensor labels = contiguous(to(targets, DType::Int64));
      bool rows = batched && labels.dim() == 2;
      int64_t longest = 0, offset = 0;
      for (int64_t n = 0; n < batch; ++n) {
        KG_CHECK(in[size_t(n)] <= steps, "Expected input_lengths to have value at most ", steps, ", but got value ", in[size_t(n)]);
        KG_CHECK(in[size_t(n)] >= 0 && out[size_t(n)] >= 0, "lengths must not be negative");
        longest = std::max(longest, out[size_t(n)]);
      }
      // the target with blanks between its labels; whether a label may follow the one two places before
      int64_t width = 2 * longest + 1;
      std::vector<int64_t> states(size_t(batch * width), blank), skips(size_t(batch * width), 0);
      for (int64_t n = 0; n < batch; ++n) {
        int64_t first = rows ? n * labels.sizes()[1] : offset;
        KG_CHECK(first + out[size_t(n)] <= labels.numel() && (!rows || out[size_t(n)] <= labels.sizes()[1]), "Expected targets to have enough labels for target_lengths");
        const int64_t* label = labels.data<int64_t>() + first;
        for (int64_t k = 0; k < out[size_t(n)]; ++k) {
          KG_CHECK(label[k] >= 0 && label[k] < classes, "target label ", label[k], " is out of range");
          states[size_t(n * width + 2 * k + 1)] = label[k];
          skips[size_t(n * width + 2 * k + 1)] = k > 0 && label[k] != label[k - 1];
        }
        offset += out[size_t(n)];
      }
      Tensor state = table_of(states, batch), may_skip = ne(table_of(skips, batch), wrapped_number(0));
      DType type = lp.dtype();
      auto impossible = [&](int64_t columns) { return fill_(empty_tensor({batch, columns}, type), Scalar(kImpossible)); };
      auto emission = [&](int64_t t) { return gather(select(lp, 0, t), 1, state); };
      std::vector<int64_t> ends(size_t(batch * 2));
      for (int64_t n = 0; n < batch; ++n) {
        ends[size_t(2 * n)] = 2 * out[size_t(n)];
        ends[size_t(2 * n + 1)] = std::max<int64_t>(2 * out[size_t(n)] - 1, 0);
      }
      Tensor length = table_of(in, batch), ends_at = table_of(ends, batch);
      // paths begin with the first blank or the first label
      Tensor alpha = cat(std::vector<Tensor>{zero_(empty_tensor({batch, std::min<int64_t>(2, width)}, type)), impossible(width - std::min<int64_t>(2, width))}, 1);
      for (int64_t t = 0; t < steps; ++t) {
        Tensor reach = alpha;
        if (t > 0) {
          Tensor one = slice(cat(std::vector<Tensor>{impossible(1), alpha}, 1), 1, 0, width);
          Tensor two = slice(cat(std::vector<Tensor>{impossible(2), alpha}, 1), 1, 0, width);
          two = masked_fill(two, logical_not(may_skip), Scalar(kImpossible));
          int64_t last[] = {-1};
          reach = logsumexp(stack(std::vector<Tensor>{alpha, one, two}, -1), IntList(last, 1));
        }
        alpha = where(gt(length, wrapped_number(t)), reach + emission(t), alpha);
      }
      int64_t last[] = {1};
      Tensor finals = gather(alpha, 1, ends_at);
      std::vector<int64_t> empty_target(size_t(batch * 2), 0), empty_input(static_cast<size_t>(batch), 0);
      for (int64_t n = 0; n < batch; ++n) {
        empty_target[size_t(2 * n + 1)] = out[size_t(n)] == 0;
        empty_input[size_t(n)] = in[size_t(n)] == 0 && out[size_t(n)] > 0;
      }
      finals = masked_fill(finals, ne(table_of(empty_target, batch), wrapped_number(0)), Scalar(kImpossible));
      Tensor loss = neg(logsumexp(finals, IntList(last, 1)));
      Tensor hopeless = logical_or(loss > Scalar(-kImpossible / 2), ne(reshape(table_of(empty_input, batch), {batch}), wrapped_number(0)));
      std::vector<int64_t> used(static_cast<size_t>(steps * batch));
      for (int64_t t = 0; t < steps; ++t)
        for (int64_t n = 0; n < batch; ++n) used[size_t(t * batch + n)] = t < in[size_t(n)];
      if (steps > 0) {
        Tensor p = exp(lp), normaliser = (p - detach(p)) * to(unsqueeze(table_of(used, steps), 2), type);
        int64_t others[] = {0, 2};
        loss = loss + sum(normaliser, IntList(others, 2));
      }
      loss = masked_fill(loss, hopeless, Scalar(zero_infinity ? 0.0 : std::numeric_limits<double>::infinity()));
      if (reduction == "mean") {
        std::vector<int64_t> divisors;
        for (int64_t l : out) divisors.push_back(std::max<int64_t>(l, 1));
        return mean(loss / to(reshape(table_of(divisors, batch), {batch}), type));
      }
      if (reduction == "sum") return sum(loss);
      return batched ? loss : squeeze_dim(loss, 0);
    },
});
[[maybe_unused]] Tensor ctc_loss(const Tensor& lp, const Tensor& y, const Tensor& in, const Tensor& out, int64_t blank, std::string_view reduction, bool zero_infinity) {
  return ctc_loss_op(lp, y, in, out, blank, reduction, zero_infinity);
}

}  // namespace
}  // namespace kagari
