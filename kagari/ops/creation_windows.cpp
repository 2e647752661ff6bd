// Window functions of signal processing. A periodic window of length L is the symmetric one of length L + 1 without its last value.
#include <cmath>
#include <numbers>

#include "kagari/op/op.h"
#include "kagari/ops/creation.h"

namespace kagari {
namespace {

const NoGradient from_numbers = no_grad("made from numbers");

/// f(n, N): entry n of the window whose last index is N. A window of one entry is `lone`.
template <class F>
Tensor window(std::string_view name, int64_t length, bool periodic, const TensorOptions& options, F&& f, double lone = 1) {
  NewTensor made = resolve(options, default_dtype());
  KG_CHECK(is_floating(made.dtype), name, " expects floating point dtypes, got: ", legacy_name(made.dtype));
  KG_CHECK(length >= 0, name, " requires non-negative window_length, got window_length=", length);
  Tensor y = empty_tensor({length}, made.dtype, made.device);
  if (y.is_meta()) return finish_new(y, options);
  double last = double(periodic ? length : length - 1);
  visit_floats_and_halfs(name, y.dtype(), [&](auto tag) {
    using T = decltype(tag);
    for (int64_t i = 0; i < length; ++i) y.data<T>()[i] = Scalar(length == 1 ? lone : f(double(i), last)).template to<T>();
  });
  return finish_new(std::move(y), options);
}

constexpr double pi = std::numbers::pi;

/// The modified Bessel function of order zero, by its power series: all terms are positive, so it is accurate to a few ulp.
double bessel_i0(double x) {
  double term = 1, sum = 1, q = x * x / 4;
  for (int k = 1; k < 2000 && term > sum * 1e-17; ++k) {
    term *= q / (double(k) * k);
    sum += term;
  }
  return sum;
}

Tensor hamming_window(int64_t length, bool periodic, double alpha, double beta, const TensorOptions& options) {
  return window("hamming_window", length, periodic, options, [=](double n, double N) { return alpha - beta * std::cos(2 * pi * n / N); });
}
Tensor hann_window(int64_t length, bool periodic, const TensorOptions& options) {
  return window("hann_window", length, periodic, options, [](double n, double N) { return 0.5 - 0.5 * std::cos(2 * pi * n / N); });
}
Tensor blackman_window(int64_t length, bool periodic, const TensorOptions& options) {
  return window("blackman_window", length, periodic, options, [](double n, double N) {
    return std::max(0.0, 0.42 - 0.5 * std::cos(2 * pi * n / N) + 0.08 * std::cos(4 * pi * n / N));
  });
}
Tensor bartlett_window(int64_t length, bool periodic, const TensorOptions& options) {
  return window("bartlett_window", length, periodic, options, [](double n, double N) { return 1 - std::abs(2 * n / N - 1); });
}
Tensor kaiser_window(int64_t length, bool periodic, double beta, const TensorOptions& options) {
  double scale = bessel_i0(beta);
  return window("kaiser_window", length, periodic, options, [=](double n, double N) {
    double x = 2 * n / N - 1;
    return bessel_i0(beta * std::sqrt(std::max(0.0, 1 - x * x))) / scale;
  });
}

// Those that only torch.signal.windows has; `sym` is the opposite of periodic there.
Tensor cosine_sum(int64_t M, ArrayView<double> a, bool sym, const TensorOptions& options) {
  return window("general_cosine", M, !sym, options, [=](double n, double N) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += (i % 2 == 0 ? a[i] : -a[i]) * std::cos(2 * pi * double(i) * n / N);
    return sum;
  });
}
Tensor cosine(int64_t M, bool sym, const TensorOptions& options) {
  return window("cosine", M, !sym, options, [](double n, double N) { return std::sin(pi * (n + 0.5) / (N + 1)); });
}
Tensor gaussian(int64_t M, double std, bool sym, const TensorOptions& options) {
  return window("gaussian", M, !sym, options, [=](double n, double N) { return std::exp(-0.5 * ((n - N / 2) / std) * ((n - N / 2) / std)); });
}
Tensor exponential(int64_t M, std::optional<double> center, double tau, bool sym, const TensorOptions& options) {
  auto entry = [=](double n, double N) { return std::exp(-std::abs(n - center.value_or(N / 2)) / tau); };
  return window("exponential", M, !sym, options, entry, entry(0, 0));
}

const auto hann_op = define<&hann_window>({
    .schema = "hann_window(int window_length, bool periodic=True, *, Options options) -> Tensor",
    .doc = "0.5 - 0.5 cos(2 pi n / N).",
    .run = [](Out&, int64_t length, bool periodic, const TensorOptions& options) { return hann_window(length, periodic, options); },
    .grad = from_numbers,
});
const auto hamming_op = define<&hamming_window>({
    .schema = "hamming_window(int window_length, bool periodic=True, float alpha=0.54, float beta=0.46, *, Options options) -> Tensor",
    .doc = "alpha - beta cos(2 pi n / N).",
    .run = [](Out&, int64_t length, bool periodic, double alpha, double beta, const TensorOptions& options) {
      return hamming_window(length, periodic, alpha, beta, options);
    },
    .grad = from_numbers,
});
const auto blackman_op = define<&blackman_window>({
    .schema = "blackman_window(int window_length, bool periodic=True, *, Options options) -> Tensor",
    .doc = "0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N).",
    .run = [](Out&, int64_t length, bool periodic, const TensorOptions& options) { return blackman_window(length, periodic, options); },
    .grad = from_numbers,
});
const auto bartlett_op = define<&bartlett_window>({
    .schema = "bartlett_window(int window_length, bool periodic=True, *, Options options) -> Tensor",
    .doc = "1 - |2 n / N - 1|, a triangle.",
    .run = [](Out&, int64_t length, bool periodic, const TensorOptions& options) { return bartlett_window(length, periodic, options); },
    .grad = from_numbers,
});
const auto kaiser_op = define<&kaiser_window>({
    .schema = "kaiser_window(int window_length, bool periodic=True, float beta=12.0, *, Options options) -> Tensor",
    .doc = "I0(beta sqrt(1 - (2 n / N - 1)^2)) / I0(beta).",
    .run = [](Out&, int64_t length, bool periodic, double beta, const TensorOptions& options) { return kaiser_window(length, periodic, beta, options); },
    .grad = from_numbers,
});

const auto cosine_sum_op = define<&cosine_sum>({
    .schema = "_window_general_cosine(int M, float[] a, bool sym, *, Options options) -> Tensor",
    .in = kPrivate,
    .doc = "a[0] - a[1] cos(2 pi n / N) + a[2] cos(4 pi n / N) - ...",
    .run = [](Out&, int64_t M, ArrayView<double> a, bool sym, const TensorOptions& options) { return cosine_sum(M, a, sym, options); },
    .grad = from_numbers,
});
const auto cosine_op = define<&cosine>({
    .schema = "_window_cosine(int M, bool sym, *, Options options) -> Tensor",
    .in = kPrivate,
    .doc = "sin(pi (n + 1/2) / (N + 1)).",
    .run = [](Out&, int64_t M, bool sym, const TensorOptions& options) { return cosine(M, sym, options); },
    .grad = from_numbers,
});
const auto gaussian_op = define<&gaussian>({
    .schema = "_window_gaussian(int M, float std, bool sym, *, Options options) -> Tensor",
    .in = kPrivate,
    .doc = "exp(-((n - N / 2) / std)^2 / 2).",
    .run = [](Out&, int64_t M, double std, bool sym, const TensorOptions& options) { return gaussian(M, std, sym, options); },
    .grad = from_numbers,
});
const auto exponential_op = define<&exponential>({
    .schema = "_window_exponential(int M, float? center, float tau, bool sym, *, Options options) -> Tensor",
    .in = kPrivate,
    .doc = "exp(-|n - center| / tau); center is N / 2 by default.",
    .run = [](Out&, int64_t M, std::optional<double> center, double tau, bool sym, const TensorOptions& options) { return exponential(M, center, tau, sym, options); },
    .grad = from_numbers,
});

}  // namespace
}  // namespace kagari
