#include "kagari/optim/passes.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "kagari/base/parallel.h"
#include "kagari/cpu/dispatch.h"
#include "kagari/cpu/optim_kernels.h"

namespace kagari::optim {
namespace {

using cpu::OptimKernel;
using Table = cpu::KernelTable<OptimKernel>;
using Columns = std::initializer_list<const Column*>;

constexpr int kMaxOperands = 5;
// Elements that one thread takes at a time.
constexpr int64_t kPart = 1 << 15;

bool fits(const TensorImpl& t, const TensorImpl& param) {
  if (t.dtype != param.dtype || !t.device.is_cpu() || t.numel != param.numel || !(t.sizes == param.sizes)) return false;
  return (t.contiguous && param.contiguous) || t.strides == param.strides;
}

// Whether all columns have the parameters' length and layouts, and the kernel knows the dtypes.
bool all_fit(const Table& table, Columns columns) {
  const Column& params = **columns.begin();
  for (const Column* column : columns)
    if (column->size() != params.size()) return false;
  for (size_t i = 0; i < params.size(); ++i) {
    if (!params[i].defined()) return false;
    const TensorImpl& param = *params[i].impl();
    if (param.special || !param.device.is_cpu() || table[param.dtype] == nullptr) return false;
    if (!param.contiguous && !params[i].is_non_overlapping_and_dense()) return false;
    for (const Column* column : columns)
      if (!(*column)[i].defined() || (*column)[i].impl()->special || !fits(*(*column)[i].impl(), param)) return false;
  }
  return true;
}

bool all_scalars(const Column& column, size_t count) {
  if (column.size() != count) return false;
  for (const Tensor& t : column) {
    if (!t.defined() || t.numel() != 1 || !t.is_cpu()) return false;
    if (t.dtype() != DType::Float32 && t.dtype() != DType::Float64) return false;
  }
  return true;
}

double read(const Tensor& t) { return t.dtype() == DType::Float32 ? double(*t.data<float>()) : *t.data<double>(); }
void write(const Tensor& t, double value) {
  if (t.dtype() == DType::Float32) *t.data<float>() = float(value);
  else *t.data<double>() = value;
  t.bump_version();
}
double increment(const Tensor& step) {
  write(step, read(step) + 1);
  return read(step);
}

// The work on one parameter.
template <class Numbers>
struct Item {
  char* data[kMaxOperands];
  int64_t numel, itemsize;
  OptimKernel kernel;
  Numbers numbers;

  void run(int64_t begin, int64_t end, int operands) const {
    void* at[kMaxOperands];
    for (int k = 0; k < operands; ++k) at[k] = data[k] + begin * itemsize;
    kernel(at, end - begin, &numbers);
  }
};

// Runs the kernel over all parameters. numbers_of(i) gives the numbers of parameter i and does the update of its scalar state.
template <class F>
void update(const Table& table, Columns columns, F numbers_of) {
  using Numbers = decltype(numbers_of(size_t(0)));
  const Column& params = **columns.begin();
  const int operands = int(columns.size());
  std::vector<Item<Numbers>> items(params.size());
  int64_t total = 0, parts = 0;
  for (size_t i = 0; i < params.size(); ++i) {
    Item<Numbers>& item = items[i];
    const TensorImpl& param = *params[i].impl();
    int k = 0;
    for (const Column* column : columns) {
      const Tensor& t = (*column)[i];
      item.data[k] = reinterpret_cast<char*>(t.bytes());
      if (k != 1) t.bump_version();
      ++k;
    }
    item.numel = param.numel;
    item.itemsize = itemsize(param.dtype);
    item.kernel = table[param.dtype];
    item.numbers = numbers_of(i);
    total += param.numel;
    parts += (param.numel + kPart - 1) / kPart;
  }
  if (total <= 2 * kPart) {
    for (const auto& item : items) item.run(0, item.numel, operands);
    return;
  }
  // Cut into parts of about equal size; which thread takes which does not change the result.
  struct Part {
    const Item<Numbers>* item;
    int64_t begin, end;
  };
  std::vector<Part> work;
  work.reserve(size_t(parts));
  for (const auto& item : items)
    for (int64_t begin = 0; begin < item.numel; begin += kPart)
      work.push_back({&item, begin, std::min(begin + kPart, item.numel)});
  parallel_for(0, int64_t(work.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) work[size_t(i)].item->run(work[size_t(i)].begin, work[size_t(i)].end, operands);
  });
}

const Table& table_of(const char* name) { return cpu::find_kernels<OptimKernel>(name); }

template <class Numbers>
Numbers start(bool maximize, double weight_decay, bool decoupled = false, double lr = 0) {
  Numbers n{};
  n.sign = maximize ? -1 : 1;
  n.decay = decoupled ? 0 : weight_decay;
  n.keep = decoupled ? 1 - lr * weight_decay : 1;
  return n;
}

// The numbers of a pass depend on the step only, and neighbouring parameters mostly have the same step.
template <class Numbers, class F>
auto by_step(const Column& steps, Numbers& numbers, F set) {
  return [&steps, &numbers, set, last = -1.0](size_t i) mutable {
    const double step = increment(steps[i]);
    if (step != last) set(numbers, last = step);
    return numbers;
  };
}

}  // namespace

bool sgd_pass(const Column& params, const Column& grads, const Column& buffers, const SgdOptions& o) {
  static const Table& plain = table_of("optim_sgd");
  static const Table& with_momentum = table_of("optim_sgd_momentum");
  auto n = start<cpu::SgdNumbers>(o.maximize, o.weight_decay);
  n.lr = o.lr;
  n.momentum = o.momentum;
  n.one_minus_dampening = 1 - o.dampening;
  n.nesterov = o.nesterov;
  n.first = o.first;
  auto same = [&n](size_t) { return n; };
  if (o.momentum == 0) {
    if (!all_fit(plain, {&params, &grads})) return false;
    update(plain, {&params, &grads}, same);
    return true;
  }
  if (!all_fit(with_momentum, {&params, &grads, &buffers})) return false;
  update(with_momentum, {&params, &grads, &buffers}, same);
  return true;
}

bool adam_pass(const Column& params, const Column& grads, const Column& exp_avgs, const Column& exp_avg_sqs,
               const Column& max_exp_avg_sqs, const Column& steps, const AdamOptions& o) {
  static const Table& adam = table_of("optim_adam");
  static const Table& amsgrad = table_of("optim_amsgrad");
  if (!all_scalars(steps, params.size())) return false;
  auto n = start<cpu::AdamNumbers>(o.maximize, o.weight_decay, o.decoupled, o.lr);
  n.one_minus_beta1 = 1 - o.beta1;
  n.beta2 = o.beta2;
  n.eps = o.eps;
  auto numbers = by_step(steps, n, [&o](cpu::AdamNumbers& k, double step) {
    k.step_size = o.lr / (1 - std::pow(o.beta1, step));
    k.root_correction2 = std::sqrt(1 - std::pow(o.beta2, step));
  });
  if (o.amsgrad) {
    if (!all_fit(amsgrad, {&params, &grads, &exp_avgs, &exp_avg_sqs, &max_exp_avg_sqs})) return false;
    update(amsgrad, {&params, &grads, &exp_avgs, &exp_avg_sqs, &max_exp_avg_sqs}, numbers);
    return true;
  }
  if (!all_fit(adam, {&params, &grads, &exp_avgs, &exp_avg_sqs})) return false;
  update(adam, {&params, &grads, &exp_avgs, &exp_avg_sqs}, numbers);
  return true;
}

bool adamax_pass(const Column& params, const Column& grads, const Column& exp_avgs, const Column& exp_infs,
                 const Column& steps, const AdamaxOptions& o) {
  static const Table& table = table_of("optim_adamax");
  if (!all_scalars(steps, params.size()) || !all_fit(table, {&params, &grads, &exp_avgs, &exp_infs})) return false;
  auto n = start<cpu::AdamaxNumbers>(o.maximize, o.weight_decay);
  n.one_minus_beta1 = 1 - o.beta1;
  n.beta2 = o.beta2;
  n.eps = o.eps;
  update(table, {&params, &grads, &exp_avgs, &exp_infs}, by_step(steps, n, [&o](cpu::AdamaxNumbers& k, double step) {
           k.step_size = o.lr / (1 - std::pow(o.beta1, step));
         }));
  return true;
}

bool nadam_pass(const Column& params, const Column& grads, const Column& exp_avgs, const Column& exp_avg_sqs,
                const Column& mu_products, const Column& steps, const NadamOptions& o) {
  static const Table& table = table_of("optim_nadam");
  if (!all_scalars(steps, params.size()) || !all_scalars(mu_products, params.size())) return false;
  if (!all_fit(table, {&params, &grads, &exp_avgs, &exp_avg_sqs})) return false;
  auto n = start<cpu::NadamNumbers>(o.maximize, o.weight_decay, o.decoupled, o.lr);
  n.one_minus_beta1 = 1 - o.beta1;
  n.beta2 = o.beta2;
  n.eps = o.eps;
  double last = -1, mu = 0, mu_next = 0;
  update(table, {&params, &grads, &exp_avgs, &exp_avg_sqs}, [&](size_t i) {
    const double step = increment(steps[i]);
    if (step != last) {
      mu = o.beta1 * (1 - 0.5 * std::pow(0.96, step * o.momentum_decay));
      mu_next = o.beta1 * (1 - 0.5 * std::pow(0.96, (step + 1) * o.momentum_decay));
      n.correction2 = 1 - std::pow(o.beta2, step);
      last = step;
    }
    // In float32 the factor is rounded, too, as the product of a tensor and a number is.
    const Tensor& product_of = mu_products[i];
    write(product_of, product_of.dtype() == DType::Float32 ? double(*product_of.data<float>() * float(mu)) : read(product_of) * mu);
    const double product = read(mu_products[i]);
    n.grad_size = o.lr * (1 - mu) / (1 - product);
    n.average_size = o.lr * mu_next / (1 - product * mu_next);
    return n;
  });
  return true;
}

bool radam_pass(const Column& params, const Column& grads, const Column& exp_avgs, const Column& exp_avg_sqs,
                const Column& steps, const RadamOptions& o) {
  static const Table& table = table_of("optim_radam");
  if (!all_scalars(steps, params.size()) || !all_fit(table, {&params, &grads, &exp_avgs, &exp_avg_sqs})) return false;
  auto n = start<cpu::RadamNumbers>(o.maximize, o.weight_decay, o.decoupled, o.lr);
  n.one_minus_beta1 = 1 - o.beta1;
  n.beta2 = o.beta2;
  n.eps = o.eps;
  n.lr = o.lr;
  const double rho_inf = 2 / (1 - o.beta2) - 1;
  update(table, {&params, &grads, &exp_avgs, &exp_avg_sqs}, by_step(steps, n, [&](cpu::RadamNumbers& k, double step) {
           const double decayed = std::pow(o.beta2, step);
           const double rho = rho_inf - 2 * step * decayed / (1 - decayed);
           k.correction1 = 1 - std::pow(o.beta1, step);
           k.adaptive = rho > 5;
           if (k.adaptive)
             k.factor = std::sqrt((1 - decayed) * (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho));
         }));
  return true;
}

bool adagrad_pass(const Column& params, const Column& grads, const Column& sums, const Column& steps,
                  const AdagradOptions& o) {
  static const Table& table = table_of("optim_adagrad");
  if (!all_scalars(steps, params.size()) || !all_fit(table, {&params, &grads, &sums})) return false;
  auto n = start<cpu::AdagradNumbers>(o.maximize, o.weight_decay);
  n.eps = o.eps;
  update(table, {&params, &grads, &sums}, by_step(steps, n, [&o](cpu::AdagradNumbers& k, double step) {
           k.step_size = o.lr / (1 + (step - 1) * o.lr_decay);
         }));
  return true;
}

bool adadelta_pass(const Column& params, const Column& grads, const Column& square_avgs, const Column& acc_deltas,
                   const Column& steps, const AdadeltaOptions& o) {
  static const Table& table = table_of("optim_adadelta");
  if (!all_scalars(steps, params.size()) || !all_fit(table, {&params, &grads, &square_avgs, &acc_deltas})) return false;
  auto n = start<cpu::AdadeltaNumbers>(o.maximize, o.weight_decay);
  n.lr = o.lr;
  n.rho = o.rho;
  n.eps = o.eps;
  update(table, {&params, &grads, &square_avgs, &acc_deltas}, by_step(steps, n, [](cpu::AdadeltaNumbers&, double) {}));
  return true;
}

bool rmsprop_pass(const Column& params, const Column& grads, const Column& square_avgs, const Column& grad_avgs,
                  const Column& buffers, const Column& steps, const RmspropOptions& o) {
  static const Table* const tables[2][2] = {
      {&table_of("optim_rmsprop"), &table_of("optim_rmsprop_momentum")},
      {&table_of("optim_rmsprop_centered"), &table_of("optim_rmsprop_centered_momentum")}};
  if (!all_scalars(steps, params.size())) return false;
  auto n = start<cpu::RmspropNumbers>(o.maximize, o.weight_decay);
  n.lr = o.lr;
  n.alpha = o.alpha;
  n.eps = o.eps;
  n.momentum = o.momentum;
  const bool momentum = o.momentum > 0;
  const Table& table = *tables[o.centered][momentum];
  auto run = [&](Columns columns) {
    if (!all_fit(table, columns)) return false;
    update(table, columns, by_step(steps, n, [](cpu::RmspropNumbers&, double) {}));
    return true;
  };
  if (o.centered && momentum) return run({&params, &grads, &square_avgs, &grad_avgs, &buffers});
  if (o.centered) return run({&params, &grads, &square_avgs, &grad_avgs});
  if (momentum) return run({&params, &grads, &square_avgs, &buffers});
  return run({&params, &grads, &square_avgs});
}

bool rprop_pass(const Column& params, const Column& grads, const Column& prevs, const Column& step_sizes,
                const Column& steps, const RpropOptions& o) {
  static const Table& table = table_of("optim_rprop");
  if (!all_scalars(steps, params.size()) || !all_fit(table, {&params, &grads, &prevs, &step_sizes})) return false;
  auto n = start<cpu::RpropNumbers>(o.maximize, 0);
  n.smallest = o.step_size_min;
  n.largest = o.step_size_max;
  n.shrink = o.etaminus;
  n.grow = o.etaplus;
  update(table, {&params, &grads, &prevs, &step_sizes}, by_step(steps, n, [](cpu::RpropNumbers&, double) {}));
  return true;
}

bool asgd_pass(const Column& params, const Column& grads, const Column& axs, const Column& mus, const Column& etas,
               const Column& steps, const AsgdOptions& o) {
  static const Table& table = table_of("optim_asgd");
  const size_t count = params.size();
  if (!all_scalars(steps, count) || !all_scalars(mus, count) || !all_scalars(etas, count)) return false;
  if (!all_fit(table, {&params, &grads, &axs})) return false;
  auto n = start<cpu::AsgdNumbers>(o.maximize, o.weight_decay);
  double last = -1, next_eta = 0;
  update(table, {&params, &grads, &axs}, [&](size_t i) {
    const double step = increment(steps[i]);
    n.eta = read(etas[i]);
    n.mu = read(mus[i]);
    n.keep = 1 - o.lambd * n.eta;
    if (step != last) next_eta = o.lr / std::pow(1 + o.lambd * o.lr * step, o.alpha);
    last = step;
    write(etas[i], next_eta);
    write(mus[i], 1 / std::max(1.0, step - o.t0));
    return n;
  });
  return true;
}

}  // namespace kagari::optim
