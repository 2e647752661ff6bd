#pragma once
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "kagari/base/export.h"
#include "kagari/base/intrusive_ptr.h"

namespace kagari {

/// A stream of random numbers: the 32-bit Mersenne Twister mt19937, seeded and drawn from as PyTorch does, so that the same seed gives the
/// same numbers. A caller that draws holds `mutex`, for all that one operator draws.
class KAGARI_API Generator final : public RefCounted {
 public:
  static constexpr uint64_t default_seed = 67280421310721;
  static constexpr size_t state_bytes = 5056;

  static IntrusivePtr<Generator> create(uint64_t seed = default_seed);
  static void destroy(Generator* g) { delete g; }

  std::mutex mutex;

  void manual_seed(uint64_t seed);
  /// Seeds from the system's entropy and returns the seed.
  uint64_t seed();
  uint64_t initial_seed() const { return seed_; }

  uint32_t random() {
    if (position_ == words) refill();
    return tempered_[position_++];
  }
  /// Two draws; the first one is the upper half.
  uint64_t random64() {
    uint64_t high = random();
    return high << 32 | random();
  }
  /// 53 random bits in [0, 1).
  double uniform() { return double(random64() & ((uint64_t(1) << 53) - 1)) * 0x1p-53; }
  /// 24 random bits in [0, 1).
  float uniform_float() { return float(random() & ((1u << 24) - 1)) * 0x1p-24f; }
  /// One number of the normal distribution. They are made in pairs; the second one is kept for the next call.
  double normal(double mean, double std);
  /// The next n draws of random().
  void fill(uint32_t* out, int64_t n);

  /// 5056 bytes in the layout of PyTorch's CPU generator.
  void get_state(std::byte* out) const;
  /// Raises RuntimeError for bytes that are no state.
  void set_state(const std::byte* in);

 private:
  static constexpr int words = 624;
  explicit Generator(uint64_t seed) { manual_seed(seed); }
  void refill();

  uint64_t seed_ = 0;
  int position_ = words;   // of the next draw in tempered_
  bool started_ = false;   // state_ holds a block that was drawn from, not just the seed
  std::optional<double> next_normal_;
  std::optional<float> next_float_normal_;  // part of the exchanged state; nothing here draws it
  uint32_t state_[words];
  uint32_t tempered_[words];
};

/// The generator of operators that are given none. `torch.default_generator`.
KAGARI_API Generator& default_generator();
inline Generator& generator_or_default(Generator* g) { return g ? *g : default_generator(); }

}  // namespace kagari
