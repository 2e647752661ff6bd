#include "kagari/random/generator.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "kagari/base/error.h"
#include "kagari/cpu/dispatch.h"

namespace kagari {
namespace {

/// The exchanged state, field by field.
struct StateBytes {
  uint64_t seed;
  int32_t left, seeded;
  uint64_t next;
  uint64_t words[624];
  double normal_x, normal_y, normal_rho;
  int32_t normal_is_valid, padding;
  float float_normal;
  uint8_t float_normal_is_valid, tail[3];
};
static_assert(sizeof(StateBytes) == Generator::state_bytes);

using BlockFn = void (*)(uint32_t* state, uint32_t* tempered, bool advance);
BlockFn block_kernel() {
  static const BlockFn fn = cpu::find_kernels<BlockFn>("mt19937_block")[DType::Bool];
  return fn;
}

}  // namespace

IntrusivePtr<Generator> Generator::create(uint64_t seed) { return IntrusivePtr<Generator>::adopt(new Generator(seed)); }

void Generator::manual_seed(uint64_t seed) {
  seed_ = seed;
  uint32_t x = uint32_t(seed);
  state_[0] = x;
  for (uint32_t i = 1; i < words; ++i) state_[i] = x = 1812433253u * (x ^ (x >> 30)) + i;
  position_ = words;
  started_ = false;
  next_normal_.reset();
  next_float_normal_.reset();
}

uint64_t Generator::seed() {
  std::random_device entropy;
  uint64_t s = uint64_t(entropy()) << 32 | entropy();
  s &= (uint64_t(1) << 53) - 1;  // exact as a double, for languages without 64-bit integers
  manual_seed(s);
  return s;
}

void Generator::refill() {
  block_kernel()(state_, tempered_, true);
  started_ = true;
  position_ = 0;
}

void Generator::fill(uint32_t* out, int64_t n) {
  while (n > 0) {
    if (position_ == words) refill();
    int64_t take = std::min<int64_t>(n, words - position_);
    std::memcpy(out, tempered_ + position_, size_t(take) * sizeof(uint32_t));
    position_ += int(take);
    out += take;
    n -= take;
  }
}

double Generator::normal(double mean, double std) {
  if (next_normal_) {
    double x = *next_normal_;
    next_normal_.reset();
    return x * std + mean;
  }
  constexpr double pi = 3.14159265358979323846;
  double u1 = uniform(), u2 = uniform();
  double radius = std::sqrt(-2.0 * std::log1p(-u2)), angle = 2.0 * pi * u1;
  next_normal_ = radius * std::sin(angle);
  return radius * std::cos(angle) * std + mean;
}

void Generator::get_state(std::byte* out) const {
  StateBytes s{};
  s.seed = seed_;
  s.seeded = 1;
  s.left = started_ ? words + 1 - position_ : 1;
  s.next = started_ ? uint64_t(position_) : 0;
  std::copy(state_, state_ + words, s.words);
  if (next_normal_) s.normal_y = *next_normal_;
  s.normal_is_valid = next_normal_.has_value();
  if (next_float_normal_) s.float_normal = *next_float_normal_;
  s.float_normal_is_valid = next_float_normal_.has_value();
  std::memcpy(out, &s, sizeof s);
}

void Generator::set_state(const std::byte* in) {
  StateBytes s;
  std::memcpy(&s, in, sizeof s);
  bool fresh = s.left == 1 && s.next == 0;
  KG_CHECK(s.seeded == 1 && s.next <= words && (fresh || s.left == words + 1 - int64_t(s.next)), "Invalid mt19937 state");
  seed_ = s.seed;
  std::transform(s.words, s.words + words, state_, [](uint64_t w) { return uint32_t(w); });
  started_ = !fresh;
  position_ = fresh ? words : int(s.next);
  if (started_) block_kernel()(state_, tempered_, false);
  next_normal_ = s.normal_is_valid ? std::optional<double>(s.normal_y) : std::nullopt;
  next_float_normal_ = s.float_normal_is_valid ? std::optional<float>(s.float_normal) : std::nullopt;
}

Generator& default_generator() {
  static const IntrusivePtr<Generator> generator = Generator::create();
  return *generator;
}

}  // namespace kagari
