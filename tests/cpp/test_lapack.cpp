// Each factorisation is multiplied back together.
#include <cmath>
#include <limits>
#include <vector>

#include "check.h"
#include "kagari/base/parallel.h"
#include "kagari/cpu/lapack.h"

using namespace kagari::lapack;

static uint32_t state = 7;
static double random_value() {
  state = state * 1664525u + 1013904223u;
  return double(state >> 8) / double(1 << 24) - 0.5;
}

template <class T> struct Matrix {
  int64_t m, n;
  std::vector<T> data;
  Matrix(int64_t m, int64_t n) : m(m), n(n), data(size_t(m * n)) {}
  T& operator()(int64_t i, int64_t j) { return data[size_t(j * m + i)]; }
  T* get() { return data.data(); }
};

template <class T> T make(double re, double im) {
  if constexpr (std::is_same_v<T, RealOf<T>>) return T(re);
  else return T(RealOf<T>(re), RealOf<T>(im));
}
template <class T> T conj_of(T x) {
  if constexpr (std::is_same_v<T, RealOf<T>>) return x;
  else return std::conj(x);
}
template <class T> Matrix<T> random_matrix(int64_t m, int64_t n) {
  Matrix<T> a(m, n);
  for (auto& x : a.data) x = make<T>(random_value(), random_value());
  return a;
}
template <class T> Matrix<T> operator*(Matrix<T> a, Matrix<T> b) {
  Matrix<T> c(a.m, b.n);
  for (int64_t j = 0; j < b.n; ++j)
    for (int64_t p = 0; p < a.n; ++p)
      for (int64_t i = 0; i < a.m; ++i) c(i, j) += a(i, p) * b(p, j);
  return c;
}
template <class T> Matrix<T> adjoint(Matrix<T> a) {
  Matrix<T> c(a.n, a.m);
  for (int64_t i = 0; i < a.m; ++i)
    for (int64_t j = 0; j < a.n; ++j) c(j, i) = conj_of(a(i, j));
  return c;
}
template <class T> bool near(Matrix<T> a, Matrix<T> b) {
  double worst = 0;
  for (size_t i = 0; i < a.data.size(); ++i) worst = std::max(worst, double(std::abs(a.data[i] - b.data[i])));
  return a.m == b.m && a.n == b.n && worst < 3e3 * double(std::numeric_limits<RealOf<T>>::epsilon());
}

template <class T> static void run(int64_t n) {
  using R = RealOf<T>;
  Matrix<T> a = random_matrix<T>(n, n), b = random_matrix<T>(n, 3);
  for (int64_t i = 0; i < n; ++i) a(i, i) += T(3);
  std::vector<int32_t> pivots(static_cast<size_t>(n));

  Matrix<T> lu = a, x = b;
  EXPECT(getrf(n, n, lu.get(), n, pivots.data()) == 0);
  EXPECT(getrs('N', n, 3, lu.get(), n, pivots.data(), x.get(), n) == 0);
  EXPECT(near(a * x, b));
  EXPECT(getri(n, lu.get(), n, pivots.data()) == 0);
  EXPECT(near(lu * b, x));

  Matrix<T> positive = a * adjoint(a), l = positive;
  EXPECT(potrf('L', n, l.get(), n) == 0);
  x = b;
  EXPECT(potrs('L', n, 3, l.get(), n, x.get(), n) == 0);
  if (n < 50) EXPECT(near(positive * x, b));
  for (int64_t j = 0; j < n; ++j)
    for (int64_t i = 0; i < j; ++i) l(i, j) = T(0);
  if (n < 50) EXPECT(near(l * adjoint(l), positive));
  x = b;
  EXPECT(trtrs('L', 'N', 'N', n, 3, l.get(), n, x.get(), n) == 0);
  EXPECT(near(l * x, b));
  x = b;
  trsm('L', 'L', 'N', 'N', n, 3, T(2), l.get(), n, x.get(), n);
  for (auto& v : x.data) v = v / T(2);
  EXPECT(near(l * x, b));
  Matrix<T> inverse = l;
  EXPECT(trtri('L', 'N', n, inverse.get(), n) == 0);
  EXPECT(near(inverse * b, x));
  Matrix<T> indefinite = positive;
  indefinite(n - 1, n - 1) = T(-1);
  EXPECT(potrf('L', n, indefinite.get(), n) == n);

  Matrix<T> hermitian = a;
  Matrix<T> at = adjoint(a);
  for (size_t i = 0; i < a.data.size(); ++i) hermitian.data[i] = (a.data[i] + at.data[i]) / T(2);
  Matrix<T> ldl = hermitian;
  x = b;
  EXPECT(sytrf('L', true, n, ldl.get(), n, pivots.data()) == 0);
  EXPECT(sytrs('L', true, n, 3, ldl.get(), n, pivots.data(), x.get(), n) == 0);
  EXPECT(near(hermitian * x, b));

  Matrix<T> vectors = hermitian;
  std::vector<R> w(static_cast<size_t>(n));
  EXPECT(syevd('V', 'L', n, vectors.get(), n, w.data()) == 0);
  Matrix<T> scaled = vectors;
  for (int64_t j = 0; j < n; ++j)
    for (int64_t i = 0; i < n; ++i) scaled(i, j) *= w[size_t(j)];
  EXPECT(near(hermitian * vectors, scaled));

  Matrix<T> tall = random_matrix<T>(2 * n, n), q = tall, r(n, n);
  std::vector<T> tau(static_cast<size_t>(n));
  EXPECT(geqrf(2 * n, n, q.get(), 2 * n, tau.data()) == 0);
  for (int64_t j = 0; j < n; ++j)
    for (int64_t i = 0; i <= j; ++i) r(i, j) = q(i, j);
  Matrix<T> c = tall;
  EXPECT(ormqr('L', 'T', 2 * n, n, n, q.get(), 2 * n, tau.data(), c.get(), 2 * n) == 0);
  Matrix<T> top(n, n);
  for (int64_t j = 0; j < n; ++j)
    for (int64_t i = 0; i < n; ++i) top(i, j) = c(i, j);
  EXPECT(near(top, r));
  EXPECT(orgqr(2 * n, n, n, q.get(), 2 * n, tau.data()) == 0);
  EXPECT(near(q * r, tall));

  for (bool divide : {true, false}) {
    Matrix<T> s = tall, u(2 * n, n), vt(n, n);
    std::vector<R> values(static_cast<size_t>(n));
    if (divide) EXPECT(gesdd('S', 2 * n, n, s.get(), 2 * n, values.data(), u.get(), 2 * n, vt.get(), n) == 0);
    else EXPECT(gesvd('S', 'S', 2 * n, n, s.get(), 2 * n, values.data(), u.get(), 2 * n, vt.get(), n) == 0);
    for (int64_t j = 0; j < n; ++j)
      for (int64_t i = 0; i < 2 * n; ++i) u(i, j) *= values[size_t(j)];
    EXPECT(near(u * vt, tall));
  }

  Matrix<T> wanted = random_matrix<T>(n, 2), right = tall * wanted;
  for (int method = 0; method < 4; ++method) {
    Matrix<T> m = tall, y = right;
    std::vector<R> values(static_cast<size_t>(n));
    int32_t rank = int32_t(n);
    int info = method == 0   ? gels('N', 2 * n, n, 2, m.get(), 2 * n, y.get(), 2 * n)
               : method == 1 ? gelsy(2 * n, n, 2, m.get(), 2 * n, y.get(), 2 * n, pivots.data(), R(1e-6), &rank)
               : method == 2 ? gelsd(2 * n, n, 2, m.get(), 2 * n, y.get(), 2 * n, values.data(), R(1e-6), &rank)
                             : gelss(2 * n, n, 2, m.get(), 2 * n, y.get(), 2 * n, values.data(), R(1e-6), &rank);
    EXPECT(info == 0 && rank == n);
    Matrix<T> got(n, 2);
    for (int64_t j = 0; j < 2; ++j)
      for (int64_t i = 0; i < n; ++i) got(i, j) = y(i, j);
    EXPECT(near(got, wanted));
  }

  Matrix<T> general = a, right_vectors(n, n);
  std::vector<std::complex<R>> eigenvalues(static_cast<size_t>(n));
  EXPECT(geev('N', 'V', n, general.get(), n, eigenvalues.data(), static_cast<T*>(nullptr), 1, right_vectors.get(), n) == 0);
  std::complex<R> sum = 0, trace = 0;
  for (int64_t i = 0; i < n; ++i) sum += eigenvalues[size_t(i)], trace += a(i, i);
  EXPECT(std::abs(sum - trace) < R(1e-3) * R(n));

  Matrix<T> singular(n, n);
  EXPECT(getrf(n, n, singular.get(), n, pivots.data()) > 0);
}

int main() {
  kagari::set_num_threads(2);
  for (int64_t n : {1, 2, 7}) {
    run<float>(n);
    run<double>(n);
    run<std::complex<float>>(n);
    run<std::complex<double>>(n);
  }
  run<double>(300);
  return finish();
}
