// Plans of Fourier transforms: how a length is split, and the tables of roots of unity that go with it.
#include <cmath>
#include <list>
#include <map>
#include <mutex>
#include <numbers>

#include "kagari/cpu/fft.h"

namespace kagari::cpu {
namespace {

constexpr int kLargestRadix = 47;
constexpr int64_t kCachedBytes = int64_t(64) << 20;

/// Roots exp(-2 pi i e / n). Angles are reduced to an eighth of the circle first, so that every entry is rounded once.
template <class T>
class Roots {
 public:
  explicit Roots(int64_t n) : n_(n) {
    if (n % 8 != 0) return;
    for (int64_t x = 0; x <= n / 8; ++x) eighth_.push_back(of_angle(8 * x));
  }
  /// e in [0, n)
  std::pair<T, T> operator()(int64_t e) const {
    int64_t x = 8 * e;  // the angle in units of 1 / (8 n) of the circle
    const bool below = x > 4 * n_;
    if (below) x = 8 * n_ - x;
    const bool left = x > 2 * n_;
    if (left) x = 4 * n_ - x;
    const bool steep = x > n_;
    if (steep) x = 2 * n_ - x;
    auto [c, s] = eighth_.empty() ? of_angle(x) : eighth_[size_t(x / 8)];
    if (steep) std::swap(c, s);
    if (left) c = -c;
    return {c, below ? s : -s};
  }

 private:
  using Wide = std::conditional_t<sizeof(T) == 4, double, long double>;
  std::pair<T, T> of_angle(int64_t x) const {
    const Wide angle = std::numbers::pi_v<Wide> * Wide(x) / Wide(4 * n_);
    return {T(std::cos(angle)), T(std::sin(angle))};
  }
  int64_t n_;
  std::vector<std::pair<T, T>> eighth_;
};

/// The radices of a length: odd primes, then powers of two.
std::vector<int> radices_of(int64_t n) {
  std::vector<int> odd, out;
  int twos = 0;
  for (; n % 2 == 0; n /= 2) ++twos;
  for (int p = 3; p <= kLargestRadix; p += 2)
    for (; n % p == 0; n /= p) odd.push_back(p);
  if (n != 1) return {};
  // Few stages: sixteens and eights, one smaller radix where nothing else is left.
  if (twos % 3 == 1 && twos > 1) {
    out = {16};
    twos -= 4;
  } else if (twos % 3 == 2 && twos > 5) {
    out = {16, 16};
    twos -= 8;
  } else if (twos % 3 == 2) {
    out = {4};
    twos -= 2;
  } else if (twos == 1) {
    out = {2};
    twos = 0;
  }
  out.insert(out.begin(), size_t(twos / 3), 8);
  out.insert(out.begin(), odd.begin(), odd.end());
  if (out.empty()) out.push_back(1);
  return out;
}

template <class T>
FftTable table(int64_t complex_numbers) {
  return FftTable(2 * complex_numbers, sizeof(T));
}

template <class T>
void plan_lanes(FftPlan& p) {
  const int64_t n = p.n;
  const Roots<T> root(n);
  p.radices = radices_of(n);
  p.position.assign(size_t(n), 0);
  p.order.assign(1, 0);
  int64_t length = n, done = 1;
  for (size_t stage = 0; stage < p.radices.size(); ++stage) {
    const int r = p.radices[stage];
    const int64_t m = length / r;
    FftTable twiddles = table<T>(m * (r - 1));
    T* to = twiddles.as<T>();
    for (int64_t q = 0; q < m; ++q)
      for (int k = 1; k < r; ++k) {
        const auto [c, s] = root(q * k * done % n);
        *to++ = c;
        *to++ = s;
      }
    p.twiddles.push_back(std::move(twiddles));
    FftTable odd;
    if (r % 2 == 1) {
      odd = table<T>(r);
      for (int k = 0; k < r; ++k) {
        const auto [c, s] = Roots<T>(r)(k);
        odd.as<T>()[k] = c;
        odd.as<T>()[r + k] = -s;
      }
    }
    p.roots.push_back(std::move(odd));
    if (stage + 1 < p.radices.size()) {
      std::vector<int32_t> next;
      for (int32_t before : p.order)
        for (int k = 0; k < r; ++k) next.push_back(int32_t(before + k * done));
      p.order = std::move(next);
    }
    done *= r;
    length = m;
  }
  const int last = p.radices.back();
  for (size_t b = 0; b < p.order.size(); ++b)
    for (int k = 0; k < last; ++k) p.position[size_t(p.order[b] + k * (n / last))] = int32_t(b * size_t(last) + size_t(k));
}

int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/// n = first * second with both near the root of n and few lanes left empty.
int64_t first_factor(int64_t n, int width) {
  int64_t best = 1;
  double least = INFINITY;
  for (int64_t a = 1; a * a <= n; ++a) {
    if (n % a) continue;
    for (int64_t d : {a, n / a}) {
      const double padded = double(round_up(d, width)) * double(round_up(n / d, width)) / double(n);
      const double cost = padded * (1 + 0.1 * std::fabs(std::log2(double(d) * double(d) / double(n))));
      if (cost < least) {
        least = cost;
        best = d;
      }
    }
  }
  return best;
}

template <class T>
void plan_long(FftPlan& p, DType real, int width) {
  const int64_t n1 = first_factor(p.n, width), n2 = p.n / n1;
  p.first = fft_plan(FftPlan::Kind::Lanes, n1, real, width);
  p.second = fft_plan(FftPlan::Kind::Lanes, n2, real, width);
  const Roots<T> root(p.n);
  const int64_t blocks = (n1 + width - 1) / width;
  p.rotation = table<T>(blocks * n2 * width);
  T* to = p.rotation.as<T>();
  for (int64_t b = 0; b < blocks; ++b)
    for (int64_t j = 0; j < n2; ++j, to += 2 * width)
      for (int lane = 0; lane < width; ++lane) {
        const auto [c, s] = root((b * width + lane) * j % p.n);
        to[lane] = c;
        to[width + lane] = s;
      }
}

/// The smallest a * 2^k from `least` on, a one of 1, 3, 5.
int64_t padded_length(int64_t least) {
  int64_t best = 1;
  while (best < least) best *= 2;
  for (int64_t a : {3, 5}) {
    int64_t m = a * 64;
    while (m < least) m *= 2;
    best = std::min(best, m);
  }
  return best;
}

template <class T>
void plan_bluestein(FftPlan& p, DType real, int width) {
  const int64_t n = p.n, m = padded_length(2 * n - 1);
  const bool lanes = m <= kFftLanesLength / 2;
  p.first = fft_plan(lanes ? FftPlan::Kind::Lanes : FftPlan::Kind::Long, m, real, width);
  const Roots<double> root(2 * n);
  p.rotation = table<T>(n);
  FftTable kernel = table<double>(m);
  double* k = kernel.as<double>();
  std::fill(k, k + 2 * m, 0.0);
  for (int64_t j = 0; j < n; ++j) {
    const auto [c, s] = root(int64_t(__int128(j) * j % (2 * n)));
    p.rotation.as<T>()[2 * j] = T(c);
    p.rotation.as<T>()[2 * j + 1] = T(s);
    for (int64_t at : {j, (m - j) % m}) {
      k[2 * at] = c;
      k[2 * at + 1] = -s;
    }
  }
  fft(FftKind::Complex, false, DType::Float64, 1 / double(m), {1, m, 1}, k, k);
  p.spectrum = table<T>(m);
  for (int64_t i = 0; i < 2 * m; ++i) p.spectrum.as<T>()[i] = T(k[i]);
}

template <class T>
std::shared_ptr<FftPlan> make_plan(FftPlan::Kind kind, int64_t n, DType real, int width) {
  auto p = std::make_shared<FftPlan>();
  p->kind = kind;
  p->n = n;
  switch (kind) {
    case FftPlan::Kind::Lanes: plan_lanes<T>(*p); break;
    case FftPlan::Kind::Long: plan_long<T>(*p, real, width); break;
    case FftPlan::Kind::Bluestein: plan_bluestein<T>(*p, real, width); break;
    case FftPlan::Kind::Real: {
      const Roots<T> root(n);
      p->rotation = table<T>(n / 4 + 1);
      for (int64_t k = 0; k <= n / 4; ++k) {
        const auto [c, s] = root(k);
        p->rotation.as<T>()[2 * k] = c;
        p->rotation.as<T>()[2 * k + 1] = s;
      }
    }
  }
  p->nbytes = int64_t(sizeof(FftPlan)) + 8 * int64_t(p->position.size()) + p->rotation.nbytes() + p->spectrum.nbytes();
  for (const FftTable& t : p->twiddles) p->nbytes += t.nbytes();
  return p;
}

/// Plans that were used last, at most kCachedBytes of them.
class PlanCache {
 public:
  using Key = std::tuple<FftPlan::Kind, int64_t, DType>;
  std::shared_ptr<const FftPlan> find(const Key& key) {
    std::lock_guard lock(mutex_);
    auto at = index_.find(key);
    if (at == index_.end()) return nullptr;
    plans_.splice(plans_.begin(), plans_, at->second);
    return plans_.front().second;
  }
  void add(const Key& key, std::shared_ptr<const FftPlan> plan) {
    std::lock_guard lock(mutex_);
    if (index_.contains(key)) return;
    bytes_ += plan->nbytes;
    plans_.emplace_front(key, std::move(plan));
    index_[key] = plans_.begin();
    while (bytes_ > kCachedBytes && plans_.size() > 1) {
      bytes_ -= plans_.back().second->nbytes;
      index_.erase(plans_.back().first);
      plans_.pop_back();
    }
  }

 private:
  std::mutex mutex_;
  std::list<std::pair<Key, std::shared_ptr<const FftPlan>>> plans_;
  std::map<Key, decltype(plans_)::iterator> index_;
  int64_t bytes_ = 0;
};

}  // namespace

bool fft_is_smooth(int64_t n) {
  for (int p = 2; p <= kLargestRadix; ++p)
    while (n % p == 0) n /= p;
  return n == 1;
}

std::shared_ptr<const FftPlan> fft_plan(FftPlan::Kind kind, int64_t n, DType real, int width) {
  static PlanCache& cache = *new PlanCache;  // outlives threads that end late
  const PlanCache::Key key{kind, n, real};
  if (auto plan = cache.find(key)) return plan;
  std::shared_ptr<const FftPlan> plan =
      real == DType::Float32 ? make_plan<float>(kind, n, real, width) : make_plan<double>(kind, n, real, width);
  cache.add(key, plan);
  return plan;
}

int64_t fft_scratch_rows(const FftPlan& plan, int64_t n) {
  const int64_t rows = std::max(plan.kind == FftPlan::Kind::Bluestein ? plan.first->n : plan.n, n) + 1;
  return 2 * rows;
}

}  // namespace kagari::cpu
