// Views, copies, creation and joining, with their gradients through the engine.
#include "check.h"

#include "kagari/autograd/engine.h"
#include "kagari/autograd/variable.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

using namespace kagari;

namespace {

Tensor numbers(IntList sizes) { return reshape(arange(0, numel_of(sizes), 1, {.dtype = DType::Float64, .layout = {}, .device = {}}), sizes); }

bool equals(const Tensor& t, IntList sizes, std::initializer_list<double> values) {
  if (t.sizes() != sizes) return false;
  Tensor dense = contiguous(to(detach(t), DType::Float64));
  const double* x = dense.data<double>();
  for (double v : values)
    if (*x++ != v) return false;
  return true;
}

template <class F>
bool raises(ErrorKind kind, F&& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.kind() == kind;
  }
  return false;
}

/// The gradient of sum(weights * f(x)) with weights 1, 2, 3, ...
template <class F>
Tensor gradient(const Tensor& x, F&& f) {
  Tensor leaf = detach(clone(x));
  set_requires_grad(leaf, true);
  Tensor y = f(leaf);
  Tensor weights = reshape(arange(1, y.numel() + 1, 1, {.dtype = DType::Float64, .layout = {}, .device = {}}), y.sizes());
  const Tensor ys[] = {y}, xs[] = {leaf}, gs[] = {weights};
  return grad(TensorList(ys, 1), TensorList(xs, 1), TensorList(gs, 1))[0];
}

void test_views() {
  Tensor x = numbers({2, 3});
  EXPECT(equals(transpose(x, 0, 1), {3, 2}, {0, 3, 1, 4, 2, 5}));
  EXPECT(equals(select(x, 1, -1), {2}, {2, 5}));
  EXPECT(equals(slice(x, 1, {}, {}, 2), {2, 2}, {0, 2, 3, 5}));
  EXPECT(equals(diagonal(x, 1), {2}, {1, 5}));
  EXPECT(equals(unfold(x, 1, 2, 1), {2, 2, 2}, {0, 1, 1, 2, 3, 4, 4, 5}));
  EXPECT(equals(expand(select(x, 0, 0), {2, 3}), {2, 3}, {0, 1, 2, 0, 1, 2}));
  EXPECT(raises(ErrorKind::Runtime, [&] { view(transpose(x, 0, 1), {6}); }));
  EXPECT(raises(ErrorKind::Index, [&] { select(x, 0, 2); }));
  EXPECT(raises(ErrorKind::Runtime, [&] { as_strided(x, {7}, {1}); }));
  EXPECT(equals(flip(x, {0, 1}), {2, 3}, {5, 4, 3, 2, 1, 0}));
  EXPECT(equals(roll(x, {1}), {2, 3}, {5, 0, 1, 2, 3, 4}));
  EXPECT(equals(roll(x, {1, -1}, {0, 1}), {2, 3}, {4, 5, 3, 1, 2, 0}));
  EXPECT(equals(repeat(x, {1, 2}), {2, 6}, {0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5}));
  Tensor big = numbers({70, 130});
  Tensor turned = contiguous(transpose(big, 0, 1));
  bool good = true;
  for (int64_t i = 0; i < 70; ++i)
    for (int64_t j = 0; j < 130; ++j) good = good && turned.data<double>()[j * 70 + i] == double(i * 130 + j);
  EXPECT(good);
}

void test_gradients() {
  Tensor x = numbers({2, 3});
  EXPECT(equals(gradient(x, [](const Tensor& t) { return transpose(t, 0, 1); }), {2, 3}, {1, 3, 5, 2, 4, 6}));
  EXPECT(equals(gradient(x, [](const Tensor& t) { return select(t, 0, 1); }), {2, 3}, {0, 0, 0, 1, 2, 3}));
  EXPECT(equals(gradient(x, [](const Tensor& t) { return slice(t, 1, 1); }), {2, 3}, {0, 1, 2, 0, 3, 4}));
  EXPECT(equals(gradient(x, [](const Tensor& t) { return unfold(t, 1, 2, 1); }), {2, 3}, {1, 5, 4, 5, 13, 8}));
  EXPECT(equals(gradient(x, [](const Tensor& t) { return as_strided(t, {2, 2}, {1, 1}); }), {2, 3}, {1, 5, 4, 0, 0, 0}));
  EXPECT(equals(gradient(x, [](const Tensor& t) {
    const Tensor both[] = {t, t};
    return cat(TensorList(both, 2), 1);
  }), {2, 3}, {5, 7, 9, 17, 19, 21}));
  EXPECT(equals(gradient(numbers({3}), [](const Tensor& t) { return expand(t, {2, 3}); }), {3}, {5, 7, 9}));
  EXPECT(equals(gradient(x, [](const Tensor& t) {
    Tensor y = clone(t);
    copy_(select(y, 0, 0), select(t, 0, 1));
    return y;
  }), {2, 3}, {0, 0, 0, 5, 7, 9}));
  EXPECT(equals(gradient(x, [](const Tensor& t) {
    auto parts = split(t, 2, 1);
    return parts[1];
  }), {2, 3}, {0, 0, 1, 0, 0, 2}));
}

}  // namespace

int main() {
  test_views();
  test_gradients();
  return finish();
}
