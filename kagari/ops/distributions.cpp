#include "kagari/ops/distributions.h"

#include <cmath>
#include <numeric>
#include <vector>

#include "kagari/cpu/dispatch.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/random_fill.h"
#include "kagari/random/samplers.h"

namespace kagari {
namespace {

using namespace random_fill;

constexpr unsigned drawing = kElementwise | kNondeterministic;

/// `t` row-major.
Tensor row_major(const Tensor& t) {
  if (t.is_contiguous()) return t;
  Tensor dense = empty_tensor(t.sizes(), t.dtype());
  NoGrad no_record;
  autograd_arithmetic.copy_inplace(dense, t);
  return dense;
}

Dest in_place(const Tensor& t) { return {Dest::Kind::Inplace, &t, 1}; }

// ---------------------------------------------------------------- bernoulli
void check_probability(double p) { KG_CHECK(p >= 0 && p <= 1, "bernoulli_ expects p to be in [0, 1], but got p=", p); }

void run_bernoulli(const Tensor& t, double p, Generator* generator) {
  using Fn = void (*)(const uint32_t*, uint8_t*, int64_t, uint64_t);
  static const Fn compare = cpu::find_kernels<Fn>("bernoulli_pairs")[DType::Bool];
  constexpr int64_t block = 1024;
  Generator& g = generator_or_default(generator);
  const uint64_t threshold = uint64_t(std::ceil(p * 0x1p53));
  fill_in_memory_order(t, [&](std::byte* data, int64_t n) {
    std::lock_guard lock(g.mutex);
    uint32_t words[2 * block];
    uint8_t hits[block];
    for (int64_t b = 0; b < n; b += block) {
      int64_t count = std::min(block, n - b);
      g.fill(words, 2 * count);
      uint8_t* to = itemsize(t.dtype()) == 1 ? reinterpret_cast<uint8_t*>(data) + b : hits;
      compare(words, to, count, threshold);
      if (to != hits) continue;
      visit_all("bernoulli_", t.dtype(), [&](auto e) {
        using T = decltype(e);
        T* out = reinterpret_cast<T*>(data) + b;
        for (int64_t i = 0; i < count; ++i) out[i] = T(float(hits[i]));
      });
    }
  });
}

/// One draw for each element, compared with its own probability: 24 bits for float32 and narrower, 53 for float64.
void run_bernoulli_tensor(const Tensor& t, const Tensor& p, Generator* generator) {
  KG_CHECK_IMPLEMENTED(is_floating(p.dtype()), "\"bernoulli_tensor_cpu_p_\" not implemented for '", legacy_name(p.dtype()), "'");
  KG_CHECK(is_expandable_to(p.sizes(), t.sizes()), "output with shape ", t.sizes(), " doesn't match the broadcast shape of the probabilities ", p.sizes());
  if (t.is_meta() || t.numel() == 0) return;
  Tensor full = p.sizes() == t.sizes() ? p : alias(p, t.sizes(), broadcast_strides(p.sizes(), p.strides(), t.sizes()), p.storage_offset());
  Tensor values = in_order_of(t, full);
  Generator& g = generator_or_default(generator);
  visit_floats_and_halfs("bernoulli_", p.dtype(), [&](auto pe) {
    using P = decltype(pe);
    const P* probability = values.data<P>();
    fill_in_memory_order(t, [&](std::byte* data, int64_t n) {
      std::lock_guard lock(g.mutex);
      visit_all("bernoulli_", t.dtype(), [&](auto e) {
        using T = decltype(e);
        T* out = reinterpret_cast<T*>(data);
        for (int64_t i = 0; i < n; ++i) {
          double q = double(probability[i]);
          KG_CHECK(q >= 0 && q <= 1, "Expected p_in >= 0 && p_in <= 1 to be true, but got false.");
          double u;
          if constexpr (std::is_same_v<P, double>) u = g.uniform();
          else u = g.uniform_float();
          out[i] = T(float(u < q));
        }
      });
    });
  });
}

const auto bernoulli_op = define<&bernoulli>({
    .schema = "bernoulli(Tensor self, *, Generator? generator=None) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .traits = kNondeterministic,
    .doc = "1 with the probability that each element says, else 0.\n\n>>> torch.bernoulli(torch.tensor([0., 1.]))\ntensor([0., 1.])",
    .run = [](Out&, const Tensor& self, Generator* generator) {
      Tensor t = empty_tensor(self.sizes(), self.dtype(), self.device());
      run_bernoulli_tensor(t, self, generator);
      return t;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, Generator*) -> Grads { return {zeros_for(c.grad)}; }),
});
const auto bernoulli_p_op = define<&bernoulli_p>({
    .schema = "bernoulli.p(Tensor self, float p, *, Generator? generator=None) -> Tensor",
    .in = kFunction | kMethod,
    .traits = kNondeterministic,
    .doc = "1 with probability p, else 0, in a tensor like self.",
    .run = [](Out&, const Tensor& self, double p, Generator* generator) {
      check_probability(p);
      Tensor t = empty_tensor(self.sizes(), self.dtype(), self.device());
      run_bernoulli(t, p, generator);
      return t;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, double, Generator*) -> Grads { return {zeros_for(c.grad)}; }),
});
const auto bernoulli_fill_tensor_op = define<&bernoulli_fill_tensor>({
    .schema = "bernoulli.Tensor(Tensor self, Tensor p, *, Generator? generator=None) -> Tensor",
    .in = kInplace,
    .traits = kNondeterministic,
    .doc = "1 with the probability that each element of p says, else 0.",
    .run = [](Out& out, const Tensor& self, const Tensor& p, Generator* generator) {
      Tensor t = result_like(out, self);
      run_bernoulli_tensor(t, p, generator);
      return t;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, const Tensor&, Generator*) -> Grads { return {c.needs(0) ? zeros_for(c.grad) : Tensor(), c.needs(1) ? zeros_for(c.grad) : Tensor()}; }),
});
const auto bernoulli_fill_op = define<&bernoulli_fill>({
    .schema = "bernoulli.float(Tensor self, float p=0.5, *, Generator? generator=None) -> Tensor",
    .in = kInplace,
    .traits = drawing,
    .doc = "1 with probability p, else 0.",
    .run = [](Out& out, const Tensor& self, double p, Generator* generator) {
      check_probability(p);
      Tensor t = result_like(out, self);
      run_bernoulli(t, p, generator);
      return t;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, double, Generator*) -> Grads { return {zeros_for(c.grad)}; }),
});

// ---------------------------------------------------------------- distributions with numbers as parameters
void run_exponential(const Tensor& t, double rate, Generator* generator) {
  using Fn = void (*)(const uint32_t*, double*, int64_t, double);
  static const Fn make = cpu::find_kernels<Fn>("exponential_pairs")[DType::Bool];
  constexpr int64_t block = 1024;
  Generator& g = generator_or_default(generator);
  visit_floats_and_halfs("exponential_", t.dtype(), [&](auto e) {
    using T = decltype(e);
    fill_in_memory_order(t, [&](std::byte* data, int64_t n) {
      std::lock_guard lock(g.mutex);
      T* out = reinterpret_cast<T*>(data);
      uint32_t words[2 * block];
      double numbers[block];
      for (int64_t b = 0; b < n; b += block) {
        int64_t count = std::min(block, n - b);
        g.fill(words, 2 * count);
        make(words, numbers, count, -1 / rate);
        for (int64_t i = 0; i < count; ++i) {
          if constexpr (std::is_same_v<T, double>) out[b + i] = numbers[i];
          else out[b + i] = T(float(numbers[i]));
        }
      }
    });
  });
}

const auto exponential_op = define<&exponential>({
    .schema = "exponential(Tensor self, float lambd=1, *, Generator? generator=None) -> Tensor",
    .in = kInplace,
    .traits = drawing,
    .doc = "Numbers of the exponential distribution with rate lambd.",
    .run = [](Out& out, const Tensor& self, double lambd, Generator* generator) {
      KG_CHECK(self.is_floating(), "Exponential distribution is a continuous probability distribution. dtype must be a floating point but you specified ", legacy_name(self.dtype()));
      KG_CHECK(lambd > 0, "exponential_ expects lambda > 0.0, but found lambda=", lambd);
      Tensor t = result_like(out, self);
      run_exponential(t, lambd, generator);
      return t;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, double, Generator*) -> Grads { return {zeros_for(c.grad)}; }),
});
const auto geometric_op = define<&geometric>({
    .schema = "geometric(Tensor self, float p, *, Generator? generator=None) -> Tensor",
    .in = kInplace,
    .traits = drawing,
    .doc = "Numbers of trials up to the first success, which has probability p.",
    .run = [](Out& out, const Tensor& self, double p, Generator* generator) {
      KG_CHECK(p > 0 && p < 1, "geometric_ expects p to be in (0, 1), but got p=", p);
      KG_CHECK_IMPLEMENTED(!self.is_complex() && self.dtype() != DType::Bool, "\"geometric_cpu\" not implemented for '", legacy_name(self.dtype()), "'");
      Tensor t = result_like(out, self);
      fill_serial("geometric_", t, generator, [log_q = std::log1p(-p)](Generator& g) { return std::ceil(std::log(g.uniform()) / log_q); });
      return t;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, double, Generator*) -> Grads { return {zeros_for(c.grad)}; }),
});
const auto cauchy_op = define<&cauchy>({
    .schema = "cauchy(Tensor self, float median=0, float sigma=1, *, Generator? generator=None) -> Tensor",
    .in = kInplace,
    .traits = drawing,
    .doc = "Numbers of the Cauchy distribution.",
    .run = [](Out& out, const Tensor& self, double median, double sigma, Generator* generator) {
      KG_CHECK(sigma > 0, "cauchy_ expects sigma > 0.0, but found sigma=", sigma);
      KG_CHECK(self.is_floating(), "Cauchy distribution is a continuous probability distribution. dtype must be a floating point but you specified ", legacy_name(self.dtype()));
      Tensor t = result_like(out, self);
      fill_serial("cauchy_", t, generator, [=](Generator& g) { return median + sigma * std::tan(3.14159265358979323846 * (g.uniform() - 0.5)); });
      return t;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, double, double, Generator*) -> Grads { return {zeros_for(c.grad)}; }),
});
const auto log_normal_op = define<&log_normal>({
    .schema = "log_normal(Tensor self, float mean=1, float std=2, *, Generator? generator=None) -> Tensor",
    .in = kInplace,
    .traits = drawing,
    .doc = "Numbers whose logarithm is normal with this mean and standard deviation.",
    .run = [](Out& out, const Tensor& self, double mean, double std, Generator* generator) {
      KG_CHECK(std > 0, "log_normal_ expects std > 0.0, but found std=", std);
      KG_CHECK_IMPLEMENTED(self.is_floating(), "\"log_normal_cpu\" not implemented for '", legacy_name(self.dtype()), "'");
      Tensor t = result_like(out, self);
      fill_serial("log_normal_", t, generator, [=](Generator& g) { return std::exp(g.normal(mean, std)); });
      return t;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, double, double, Generator*) -> Grads { return {zeros_for(c.grad)}; }),
});

// ---------------------------------------------------------------- distributions with tensors as parameters
/// Draws for each element of a row-major tensor in turn.
template <class Draw>
Tensor draw_each(std::string_view op, const Tensor& self, Generator* generator, Draw&& draw) {
  Tensor out = empty_tensor(self.sizes(), self.dtype(), self.device());
  if (self.is_meta()) return out;
  Tensor parameter = row_major(self);
  Generator& g = generator_or_default(generator);
  std::lock_guard lock(g.mutex);
  visit_floats_and_halfs(op, self.dtype(), [&](auto e) {
    using T = decltype(e);
    const T* x = parameter.data<T>();
    T* y = out.data<T>();
    for (int64_t i = 0, n = self.numel(); i < n; ++i) {
      if constexpr (std::is_same_v<T, double>) y[i] = draw(g, x[i]);
      else y[i] = T(float(draw(g, double(float(x[i])))));
    }
  });
  return out;
}

const auto poisson_op = define<&poisson>({
    .schema = "poisson(Tensor self, Generator? generator=None) -> Tensor",
    .traits = kNondeterministic,
    .doc = "Poisson numbers with the rate of each element.",
    .run = [](Out&, const Tensor& self, Generator* generator) {
      KG_CHECK_IMPLEMENTED(self.is_floating(), "\"poisson_cpu\" not implemented for '", legacy_name(self.dtype()), "'");
      return draw_each("poisson", self, generator, [](Generator& g, double rate) {
        KG_CHECK(rate >= 0, "invalid Poisson rate, expected rate to be non-negative");
        return sample_poisson(g, rate);
      });
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, Generator*) -> Grads { return {zeros_for(c.grad)}; }),
});

double smallest_normal(DType t) {
  switch (t) {
    case DType::Float64: return 0x1p-1022;
    case DType::Float16: return 0x1p-14;
    default: return 0x1p-126;
  }
}
const auto standard_gamma_op = define<&standard_gamma>({
    .schema = "_standard_gamma(Tensor self, Generator? generator=None) -> Tensor",
    .traits = kNondeterministic,
    .doc = "Gamma numbers with the shape parameter of each element and rate 1.",
    .run = [](Out&, const Tensor& self, Generator* generator) {
      double least = smallest_normal(self.dtype());
      return draw_each("_standard_gamma", self, generator, [least](Generator& g, double alpha) { return std::max(least, sample_gamma(g, alpha)); });
    },
    .grad = vjp("self out", [](Ctx& c, const Tensor& self, Generator*) -> Grads { return {c.grad * standard_gamma_grad(self, c.out())}; }),
});
const auto standard_gamma_grad_op = define<&standard_gamma_grad>({
    .schema = "_standard_gamma_grad(Tensor self, Tensor output) -> Tensor",
    .doc = "The derivative of gamma numbers with respect to their shape parameters, at fixed quantiles.",
    .run = [](Out&, const Tensor& self, const Tensor& output) {
      KG_CHECK(self.sizes() == output.sizes() && self.dtype() == output.dtype(), "_standard_gamma_grad(): expected two tensors of one shape and dtype");
      Tensor out = empty_tensor(self.sizes(), self.dtype(), self.device());
      if (self.is_meta()) return out;
      Tensor alpha = row_major(self), x = row_major(output);
      visit_floats_and_halfs("_standard_gamma_grad", self.dtype(), [&](auto e) {
        using T = decltype(e);
        for (int64_t i = 0, n = self.numel(); i < n; ++i) {
          double d = gamma_sample_derivative(double(alpha.data<T>()[i]), double(x.data<T>()[i]));
          if constexpr (std::is_same_v<T, double>) out.data<T>()[i] = d;
          else out.data<T>()[i] = T(float(d));
        }
      });
      return out;
    },
    .grad = no_grad("the derivative of _standard_gamma_grad is not implemented"),
});
const auto sample_dirichlet_op = define<&sample_dirichlet>({
    .schema = "_sample_dirichlet(Tensor self, Generator? generator=None) -> Tensor",
    .traits = kNondeterministic,
    .doc = "Points of the simplex; the last dimension has the concentrations.",
    .run = [](Out&, const Tensor& self, Generator* generator) {
      KG_CHECK(self.dim() > 0, "_sample_dirichlet(): expected at least one dimension");
      Tensor out = empty_tensor(self.sizes(), self.dtype(), self.device());
      if (self.is_meta() || self.numel() == 0) return out;
      Tensor concentration = row_major(self);
      Generator& g = generator_or_default(generator);
      std::lock_guard lock(g.mutex);
      const int64_t k = self.size(-1);
      const double least = smallest_normal(self.dtype());
      std::vector<double> samples(size_t(self.numel()));
      visit_floats_and_halfs("_sample_dirichlet", self.dtype(), [&](auto e) {
        using T = decltype(e);
        const T* a = concentration.data<T>();
        for (int64_t i = 0; i < self.numel(); ++i) samples[size_t(i)] = std::max(least, sample_gamma(g, double(a[i])));
        T* y = out.data<T>();
        for (int64_t row = 0; row < self.numel(); row += k) {
          double sum = std::accumulate(samples.begin() + row, samples.begin() + row + k, 0.0);
          for (int64_t i = row; i < row + k; ++i) {
            double x = std::clamp(samples[size_t(i)] / sum, least, k == 1 ? 1.0 : 1 - (sizeof(T) == 8 ? 0x1p-53 : 0x1p-24));
            if constexpr (std::is_same_v<T, double>) y[i] = x;
            else y[i] = T(float(x));
          }
        }
      });
      return out;
    },
    .grad = no_grad("the derivative of _sample_dirichlet is not implemented"),
});
const auto dirichlet_grad_op = define<&dirichlet_grad>({
    .schema = "_dirichlet_grad(Tensor x, Tensor alpha, Tensor total) -> Tensor",
    .doc = "The derivative of Beta(alpha, total - alpha) numbers x with respect to alpha at fixed quantiles, divided by 1 - x.",
    .run = [](Out&, const Tensor& x, const Tensor& alpha, const Tensor& total) {
      KG_CHECK(x.sizes() == alpha.sizes() && x.sizes() == total.sizes() && x.dtype() == alpha.dtype() && x.dtype() == total.dtype(),
               "_dirichlet_grad(): expected three tensors of one shape and dtype");
      Tensor out = empty_tensor(x.sizes(), x.dtype(), x.device());
      if (x.is_meta()) return out;
      Tensor xs = row_major(x), as = row_major(alpha), ts = row_major(total);
      visit_floats_and_halfs("_dirichlet_grad", x.dtype(), [&](auto e) {
        using T = decltype(e);
        for (int64_t i = 0, n = x.numel(); i < n; ++i) {
          double a = double(as.data<T>()[i]);
          double d = beta_sample_derivative(a, double(ts.data<T>()[i]) - a, double(xs.data<T>()[i]));
          if constexpr (std::is_same_v<T, double>) out.data<T>()[i] = d;
          else out.data<T>()[i] = T(float(d));
        }
      });
      return out;
    },
    .grad = no_grad("the derivative of _dirichlet_grad is not implemented"),
});
const auto binomial_op = define<&binomial>({
    .schema = "binomial(Tensor count, Tensor prob, Generator? generator=None) -> Tensor",
    .traits = kNondeterministic,
    .doc = "Successes among `count` trials with probability `prob`, element by element.",
    .run = [](Out&, const Tensor& count, const Tensor& prob, Generator* generator) {
      KG_CHECK_VALUE(count.is_floating(), "binomial only supports floating-point dtypes for count, got: ", legacy_name(count.dtype()));
      KG_CHECK_VALUE(prob.is_floating(), "binomial only supports floating-point dtypes for prob, got: ", legacy_name(prob.dtype()));
      Ints sizes = broadcast_sizes(count.sizes(), prob.sizes());
      Tensor out = empty_tensor(sizes, count.dtype(), count.device());
      if (count.is_meta()) return out;
      auto expanded = [&](const Tensor& t) {
        Tensor same = elementwise::converted(t, DType::Float64);
        return row_major(alias(same, sizes, broadcast_strides(same.sizes(), same.strides(), sizes), same.storage_offset()));
      };
      Tensor n = expanded(count), p = expanded(prob);
      Generator& g = generator_or_default(generator);
      std::lock_guard lock(g.mutex);
      visit_floats_and_halfs("binomial", count.dtype(), [&](auto e) {
        using T = decltype(e);
        for (int64_t i = 0; i < out.numel(); ++i) {
          double x = sample_binomial(g, n.data<double>()[i], p.data<double>()[i]);
          if constexpr (std::is_same_v<T, double>) out.data<T>()[i] = x;
          else out.data<T>()[i] = T(float(x));
        }
      });
      return out;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, const Tensor&, Generator*) -> Grads { return {c.needs(0) ? zeros_for(c.grad) : Tensor(), c.needs(1) ? zeros_for(c.grad) : Tensor()}; }),
});

// ---------------------------------------------------------------- multinomial
// Note [Multinomial]: without replacement (and for a single draw) each weight is divided by an exponential number, and the largest
// quotients win: a race of exponential clocks. With replacement each draw looks a uniform number up in the row's cumulative sums.

template <class T>
void check_weights(const T* w, int64_t rows, int64_t k) {
  for (int64_t i = 0; i < rows * k; ++i)
    KG_CHECK(w[i] >= 0 && w[i] < std::numeric_limits<T>::infinity(), "probability tensor contains either `inf`, `nan` or element < 0");
  for (int64_t r = 0; r < rows; ++r)
    KG_CHECK(std::any_of(w + r * k, w + (r + 1) * k, [](T x) { return x > 0; }), "invalid multinomial distribution (sum of probabilities <= 0)");
}

template <class T>
void race(const T* weight, const T* clock, int64_t* out, int64_t rows, int64_t k, int64_t samples, DType stored) {
  std::vector<T> quotient{};
  quotient.resize(size_t(k));
  std::vector<int64_t> order(static_cast<size_t>(k));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < k; ++i) {
      T q = weight[r * k + i] / clock[r * k + i];
      if constexpr (std::is_same_v<T, float>) q = stored == DType::Float16 ? float(Half(q)) : stored == DType::BFloat16 ? float(BFloat16(q)) : q;
      quotient[size_t(i)] = q;
    }
    auto before = [&](int64_t a, int64_t b) { return quotient[size_t(a)] > quotient[size_t(b)] || (quotient[size_t(a)] == quotient[size_t(b)] && a < b); };
    if (samples == 1) {
      out[r] = std::max_element(quotient.begin(), quotient.end()) - quotient.begin();
      continue;
    }
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + samples, order.end(), before);
    std::copy_n(order.begin(), samples, out + r * samples);
  }
}

template <class T>
void look_up(Generator& g, const T* weight, int64_t* out, int64_t rows, int64_t k, int64_t samples) {
  std::vector<T> sums(static_cast<size_t>(k));
  for (int64_t r = 0; r < rows; ++r) {
    T sum = 0;
    for (int64_t i = 0; i < k; ++i) {
      T w = weight[r * k + i];
      KG_CHECK(w >= 0, "invalid multinomial distribution (encountering probability entry < 0)");
      KG_CHECK(w < std::numeric_limits<T>::infinity(), "invalid multinomial distribution (encountering probability entry = infinity or NaN)");
      sums[size_t(i)] = sum += w;
    }
    KG_CHECK(sum > 0, "invalid multinomial distribution (sum of probabilities <= 0)");
    if (sum != 1)
      for (T& s : sums) s /= sum;
    sums.back() = 1;
    for (int64_t s = 0; s < samples; ++s) {
      double u = g.uniform();
      out[r * samples + s] = std::partition_point(sums.begin(), sums.end(), [u](T x) { return double(x) < u; }) - sums.begin();
    }
  }
}

const auto multinomial_op = define<&multinomial>({
    .schema = "multinomial(Tensor self, int num_samples, bool replacement=False, *, Generator? generator=None) -> Tensor",
    .in = kFunction | kMethod | kOut,
    .traits = kNondeterministic,
    .doc = "Indices drawn with probabilities proportional to the elements, row by row.\n\n"
           ">>> torch.multinomial(torch.tensor([0., 3., 0.]), 2, replacement=True)\ntensor([1, 1])",
    .run = [](Out& out, const Tensor& self, int64_t samples, bool replacement, Generator* generator) {
      KG_CHECK(self.dim() == 1 || self.dim() == 2, "prob_dist must be 1 or 2 dim");
      KG_CHECK(self.is_floating(), "multinomial only supports floating-point dtypes for input, got: ", legacy_name(self.dtype()));
      KG_CHECK(samples > 0, "cannot sample n_sample <= 0 samples");
      const int64_t k = self.size(-1), rows = self.dim() == 2 ? self.size(0) : 1;
      KG_CHECK(replacement || samples <= k, "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
      KG_CHECK(k <= int64_t(1) << 24, "number of categories cannot exceed 2^24");
      Tensor result = self.dim() == 2 ? out.alloc({rows, samples}, DType::Int64, self.device()) : out.alloc({samples}, DType::Int64, self.device());
      if (self.is_meta() || self.numel() == 0) return result;
      DType compute = self.dtype() == DType::Float64 ? DType::Float64 : DType::Float32;
      Tensor weights = row_major(elementwise::converted(self, compute));
      visit_floats("multinomial", compute, [&](auto e) {
        using T = decltype(e);
        const T* w = weights.data<T>();
        if (replacement && samples > 1) {
          Generator& g = generator_or_default(generator);
          std::lock_guard lock(g.mutex);
          return look_up(g, w, result.data<int64_t>(), rows, k, samples);
        }
        check_weights(w, rows, k);
        Tensor clocks = exponential(self, 1, generator);
        clocks = row_major(elementwise::converted(clocks, compute));
        race(w, clocks.data<T>(), result.data<int64_t>(), rows, k, samples, self.dtype());
      });
      return result;
    },
    .grad = no_grad("the result has integers"),
});

}  // namespace

Tensor bernoulli(const Tensor& self, Generator* g) { return bernoulli_op(self, g); }
Tensor bernoulli_p(const Tensor& self, double p, Generator* g) { return bernoulli_p_op(self, p, g); }
Tensor bernoulli_fill(const Tensor& self, double p, Generator* g) { return bernoulli_fill_op(self, p, g); }
Tensor bernoulli_fill_tensor(const Tensor& self, const Tensor& p, Generator* g) { return bernoulli_fill_tensor_op(self, p, g); }
const Tensor& bernoulli_(const Tensor& self, double p, Generator* g) {
  bernoulli_fill_op.into(in_place(self), self, p, g);
  return self;
}
Tensor exponential(const Tensor& self, double lambd, Generator* g) { return exponential_op(self, lambd, g); }
Tensor geometric(const Tensor& self, double p, Generator* g) { return geometric_op(self, p, g); }
Tensor cauchy(const Tensor& self, double median, double sigma, Generator* g) { return cauchy_op(self, median, sigma, g); }
Tensor log_normal(const Tensor& self, double mean, double std, Generator* g) { return log_normal_op(self, mean, std, g); }
Tensor poisson(const Tensor& self, Generator* g) { return poisson_op(self, g); }
Tensor binomial(const Tensor& count, const Tensor& prob, Generator* g) { return binomial_op(count, prob, g); }
Tensor standard_gamma(const Tensor& self, Generator* g) { return standard_gamma_op(self, g); }
Tensor standard_gamma_grad(const Tensor& self, const Tensor& output) { return standard_gamma_grad_op(self, output); }
Tensor sample_dirichlet(const Tensor& self, Generator* g) { return sample_dirichlet_op(self, g); }
Tensor dirichlet_grad(const Tensor& x, const Tensor& alpha, const Tensor& total) { return dirichlet_grad_op(x, alpha, total); }
Tensor multinomial(const Tensor& self, int64_t n, bool replacement, Generator* g) { return multinomial_op(self, n, replacement, g); }

}  // namespace kagari
