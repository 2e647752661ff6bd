#include "kagari/cpu/lapack.h"

#include <algorithm>
#include <limits>
#include <mutex>
#include <string>
#include <type_traits>
#include <vector>

#include "kagari/base/allocator.h"
#include "kagari/base/error.h"
#include "kagari/base/parallel.h"
#include "kagari/cpu/blas.h"

namespace kagari::lapack {
namespace {

template <class T> constexpr bool complex_v = !std::is_same_v<T, RealOf<T>>;
template <class T> constexpr char prefix = std::is_same_v<T, float> ? 's' : std::is_same_v<T, double> ? 'd' : std::is_same_v<T, std::complex<float>> ? 'c' : 'z';

// Address of the Fortran routine for T. These take pointers to everything; the length of each character argument follows at
// the end.
template <class T>
void* routine(const char* real, const char* complex) {
  std::string name(1, prefix<T>);
  name += complex_v<T> ? complex : real;
  return openblas_symbol((name + "_").c_str());
}

int narrow(int64_t n) {
  KG_CHECK(n <= std::numeric_limits<int>::max(), "linear algebra: a size of ", n, " is beyond 32 bits");
  return int(n);
}

int checked(const char* name, int info) {
  KG_CHECK_KIND(Internal, info >= 0, "LAPACK ", name, ": argument ", -info, " is wrong");
  return info;
}

// OpenBLAS runs in the calling thread except inside this scope, for matrices that are worth it.
class LibraryThreads {
 public:
  explicit LibraryThreads(int64_t size) {
    if (size < 256 || in_parallel_region() || num_threads() == 1) return;
    lock_ = std::unique_lock(mutex());
    set(num_threads());
  }
  ~LibraryThreads() {
    if (lock_.owns_lock()) set(1);
  }

 private:
  static std::mutex& mutex() {
    static std::mutex m;
    return m;
  }
  static void set(int n) {
    static const auto f = reinterpret_cast<void (*)(int)>(openblas_symbol("openblas_set_num_threads"));
    f(n);
  }
  std::unique_lock<std::mutex> lock_;
};

// Calls f(work, lwork) once to ask for the best size and once to compute.
template <class T, class F>
void with_workspace(F&& f) {
  T best{};
  f(&best, -1);
  int size = std::max(1, int(std::real(best) * 1.00001));  // float32 cannot hold every size exactly
  Scratch work(int64_t(size) * int64_t(sizeof(T)));
  f(reinterpret_cast<T*>(work.data()), size);
}

constexpr size_t one = 1;

#define KG_ROUTINE(real, complex, ...) static const auto call = reinterpret_cast<void (*)(__VA_ARGS__)>(routine<T>(real, complex))

}  // namespace

template <class T>
int getrf(int64_t m, int64_t n, T* a, int64_t lda, int32_t* pivots) {
  KG_ROUTINE("getrf", "getrf", const int*, const int*, T*, const int*, int*, int*);
  LibraryThreads threads(std::min(m, n));
  int mi = narrow(m), ni = narrow(n), ld = narrow(lda), info = 0;
  call(&mi, &ni, a, &ld, pivots, &info);
  return checked("getrf", info);
}

template <class T>
int getrs(char trans, int64_t n, int64_t nrhs, const T* a, int64_t lda, const int32_t* pivots, T* b, int64_t ldb) {
  KG_ROUTINE("getrs", "getrs", const char*, const int*, const int*, const T*, const int*, const int*, T*, const int*, int*, size_t);
  LibraryThreads threads(std::min(n, nrhs));
  int ni = narrow(n), nr = narrow(nrhs), la = narrow(lda), lb = narrow(ldb), info = 0;
  call(&trans, &ni, &nr, a, &la, pivots, b, &lb, &info, one);
  return checked("getrs", info);
}

template <class T>
int getri(int64_t n, T* a, int64_t lda, const int32_t* pivots) {
  KG_ROUTINE("getri", "getri", const int*, T*, const int*, const int*, T*, const int*, int*);
  LibraryThreads threads(n);
  int ni = narrow(n), ld = narrow(lda), info = 0;
  with_workspace<T>([&](T* work, int size) { call(&ni, a, &ld, pivots, work, &size, &info); });
  return checked("getri", info);
}

template <class T>
int potrf(char uplo, int64_t n, T* a, int64_t lda) {
  KG_ROUTINE("potrf", "potrf", const char*, const int*, T*, const int*, int*, size_t);
  LibraryThreads threads(n);
  int ni = narrow(n), ld = narrow(lda), info = 0;
  call(&uplo, &ni, a, &ld, &info, one);
  return checked("potrf", info);
}

template <class T>
int potrs(char uplo, int64_t n, int64_t nrhs, const T* a, int64_t lda, T* b, int64_t ldb) {
  KG_ROUTINE("potrs", "potrs", const char*, const int*, const int*, const T*, const int*, T*, const int*, int*, size_t);
  LibraryThreads threads(std::min(n, nrhs));
  int ni = narrow(n), nr = narrow(nrhs), la = narrow(lda), lb = narrow(ldb), info = 0;
  call(&uplo, &ni, &nr, a, &la, b, &lb, &info, one);
  return checked("potrs", info);
}

template <class T>
int potri(char uplo, int64_t n, T* a, int64_t lda) {
  KG_ROUTINE("potri", "potri", const char*, const int*, T*, const int*, int*, size_t);
  LibraryThreads threads(n);
  int ni = narrow(n), ld = narrow(lda), info = 0;
  call(&uplo, &ni, a, &ld, &info, one);
  return checked("potri", info);
}

template <class T>
int sytrf(char uplo, bool hermitian, int64_t n, T* a, int64_t lda, int32_t* pivots) {
  using F = void (*)(const char*, const int*, T*, const int*, int*, T*, const int*, int*, size_t);
  static const auto symmetric = reinterpret_cast<F>(routine<T>("sytrf", "sytrf"));
  static const auto conjugate = reinterpret_cast<F>(routine<T>("sytrf", "hetrf"));
  LibraryThreads threads(n);
  int ni = narrow(n), ld = narrow(lda), info = 0;
  with_workspace<T>([&](T* work, int size) { (hermitian ? conjugate : symmetric)(&uplo, &ni, a, &ld, pivots, work, &size, &info, one); });
  return checked("sytrf", info);
}

template <class T>
int sytrs(char uplo, bool hermitian, int64_t n, int64_t nrhs, const T* a, int64_t lda, const int32_t* pivots, T* b, int64_t ldb) {
  using F = void (*)(const char*, const int*, const int*, const T*, const int*, const int*, T*, const int*, int*, size_t);
  static const auto symmetric = reinterpret_cast<F>(routine<T>("sytrs", "sytrs"));
  static const auto conjugate = reinterpret_cast<F>(routine<T>("sytrs", "hetrs"));
  LibraryThreads threads(std::min(n, nrhs));
  int ni = narrow(n), nr = narrow(nrhs), la = narrow(lda), lb = narrow(ldb), info = 0;
  (hermitian ? conjugate : symmetric)(&uplo, &ni, &nr, a, &la, pivots, b, &lb, &info, one);
  return checked("sytrs", info);
}

template <class T>
int geqrf(int64_t m, int64_t n, T* a, int64_t lda, T* tau) {
  KG_ROUTINE("geqrf", "geqrf", const int*, const int*, T*, const int*, T*, T*, const int*, int*);
  LibraryThreads threads(std::min(m, n));
  int mi = narrow(m), ni = narrow(n), ld = narrow(lda), info = 0;
  with_workspace<T>([&](T* work, int size) { call(&mi, &ni, a, &ld, tau, work, &size, &info); });
  return checked("geqrf", info);
}

template <class T>
int orgqr(int64_t m, int64_t n, int64_t k, T* a, int64_t lda, const T* tau) {
  KG_ROUTINE("orgqr", "ungqr", const int*, const int*, const int*, T*, const int*, const T*, T*, const int*, int*);
  LibraryThreads threads(std::min(m, n));
  int mi = narrow(m), ni = narrow(n), ki = narrow(k), ld = narrow(lda), info = 0;
  with_workspace<T>([&](T* work, int size) { call(&mi, &ni, &ki, a, &ld, tau, work, &size, &info); });
  return checked("orgqr", info);
}

template <class T>
int ormqr(char side, char trans, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* tau, T* c, int64_t ldc) {
  KG_ROUTINE("ormqr", "unmqr", const char*, const char*, const int*, const int*, const int*, const T*, const int*, const T*, T*,
             const int*, T*, const int*, int*, size_t, size_t);
  LibraryThreads threads(std::min(m, n));
  if (trans != 'N') trans = complex_v<T> ? 'C' : 'T';
  int mi = narrow(m), ni = narrow(n), ki = narrow(k), la = narrow(lda), lc = narrow(ldc), info = 0;
  with_workspace<T>([&](T* work, int size) { call(&side, &trans, &mi, &ni, &ki, a, &la, tau, c, &lc, work, &size, &info, one, one); });
  return checked("ormqr", info);
}

template <class T>
int trtrs(char uplo, char trans, char diag, int64_t n, int64_t nrhs, const T* a, int64_t lda, T* b, int64_t ldb) {
  KG_ROUTINE("trtrs", "trtrs", const char*, const char*, const char*, const int*, const int*, const T*, const int*, T*, const int*,
             int*, size_t, size_t, size_t);
  LibraryThreads threads(std::min(n, nrhs));
  int ni = narrow(n), nr = narrow(nrhs), la = narrow(lda), lb = narrow(ldb), info = 0;
  call(&uplo, &trans, &diag, &ni, &nr, a, &la, b, &lb, &info, one, one, one);
  return checked("trtrs", info);
}

template <class T>
void trsm(char side, char uplo, char trans, char diag, int64_t m, int64_t n, T alpha, const T* a, int64_t lda, T* b, int64_t ldb) {
  KG_ROUTINE("trsm", "trsm", const char*, const char*, const char*, const char*, const int*, const int*, const T*, const T*,
             const int*, T*, const int*, size_t, size_t, size_t, size_t);
  LibraryThreads threads(std::min(m, n));
  int mi = narrow(m), ni = narrow(n), la = narrow(lda), lb = narrow(ldb);
  call(&side, &uplo, &trans, &diag, &mi, &ni, &alpha, a, &la, b, &lb, one, one, one, one);
}

template <class T>
int trtri(char uplo, char diag, int64_t n, T* a, int64_t lda) {
  KG_ROUTINE("trtri", "trtri", const char*, const char*, const int*, T*, const int*, int*, size_t, size_t);
  LibraryThreads threads(n);
  int ni = narrow(n), ld = narrow(lda), info = 0;
  call(&uplo, &diag, &ni, a, &ld, &info, one, one);
  return checked("trtri", info);
}

template <class T>
int syevd(char jobz, char uplo, int64_t n, T* a, int64_t lda, RealOf<T>* w) {
  using R = RealOf<T>;
  LibraryThreads threads(n);
  int ni = narrow(n), ld = narrow(lda), info = 0;
  // The three workspaces are asked for together.
  T best{};
  R best_real{};
  int best_int = 0, query = -1;
  auto compute = [&](T* work, int lwork, R* rwork, int lrwork, int* iwork, int liwork) {
    if constexpr (complex_v<T>) {
      KG_ROUTINE("", "heevd", const char*, const char*, const int*, T*, const int*, R*, T*, const int*, R*, const int*, int*, const int*,
                 int*, size_t, size_t);
      call(&jobz, &uplo, &ni, a, &ld, w, work, &lwork, rwork, &lrwork, iwork, &liwork, &info, one, one);
    } else {
      KG_ROUTINE("syevd", "", const char*, const char*, const int*, T*, const int*, R*, T*, const int*, int*, const int*, int*, size_t,
                 size_t);
      (void)rwork, (void)lrwork;
      call(&jobz, &uplo, &ni, a, &ld, w, work, &lwork, iwork, &liwork, &info, one, one);
    }
  };
  compute(&best, query, &best_real, query, &best_int, query);
  checked("syevd", info);
  int lwork = std::max(1, int(std::real(best) * R(1.00001))), lrwork = std::max(1, int(best_real * R(1.00001))), liwork = std::max(1, best_int);
  Scratch work(int64_t(lwork) * int64_t(sizeof(T))), rwork(int64_t(lrwork) * int64_t(sizeof(R))), iwork(int64_t(liwork) * 4);
  compute(reinterpret_cast<T*>(work.data()), lwork, reinterpret_cast<R*>(rwork.data()), lrwork, reinterpret_cast<int*>(iwork.data()), liwork);
  return checked("syevd", info);
}

template <class T>
int geev(char jobvl, char jobvr, int64_t n, T* a, int64_t lda, std::complex<RealOf<T>>* w, T* vl, int64_t ldvl, T* vr, int64_t ldvr) {
  using R = RealOf<T>;
  LibraryThreads threads(n);
  int ni = narrow(n), la = narrow(lda), ll = narrow(ldvl), lr = narrow(ldvr), info = 0;
  if constexpr (complex_v<T>) {
    KG_ROUTINE("", "geev", const char*, const char*, const int*, T*, const int*, T*, T*, const int*, T*, const int*, T*, const int*, R*,
               int*, size_t, size_t);
    Scratch real(2 * n * int64_t(sizeof(R)));
    with_workspace<T>([&](T* work, int size) {
      call(&jobvl, &jobvr, &ni, a, &la, w, vl, &ll, vr, &lr, work, &size, reinterpret_cast<R*>(real.data()), &info, one, one);
    });
  } else {
    KG_ROUTINE("geev", "", const char*, const char*, const int*, T*, const int*, T*, T*, T*, const int*, T*, const int*, T*, const int*,
               int*, size_t, size_t);
    std::vector<T> re(static_cast<size_t>(n)), im(static_cast<size_t>(n));
    with_workspace<T>([&](T* work, int size) {
      call(&jobvl, &jobvr, &ni, a, &la, re.data(), im.data(), vl, &ll, vr, &lr, work, &size, &info, one, one);
    });
    for (size_t i = 0; i < re.size(); ++i) w[i] = {re[i], im[i]};
  }
  return checked("geev", info);
}

template <class T>
int gesdd(char jobz, int64_t m, int64_t n, T* a, int64_t lda, RealOf<T>* s, T* u, int64_t ldu, T* vt, int64_t ldvt) {
  using R = RealOf<T>;
  LibraryThreads threads(std::min(m, n));
  int mi = narrow(m), ni = narrow(n), la = narrow(lda), lu = narrow(ldu), lv = narrow(ldvt), info = 0;
  int64_t small = std::min(m, n), large = std::max(m, n);
  std::vector<int> iwork(static_cast<size_t>(8 * small + 1));
  if constexpr (complex_v<T>) {
    KG_ROUTINE("", "gesdd", const char*, const int*, const int*, T*, const int*, R*, T*, const int*, T*, const int*, T*, const int*, R*,
               int*, int*, size_t);
    int64_t reals = jobz == 'N' ? 7 * small : std::max(5 * small * small + 5 * small, 2 * large * small + 2 * small * small + small);
    Scratch real((reals + 1) * int64_t(sizeof(R)));
    with_workspace<T>([&](T* work, int size) {
      call(&jobz, &mi, &ni, a, &la, s, u, &lu, vt, &lv, work, &size, reinterpret_cast<R*>(real.data()), iwork.data(), &info, one);
    });
  } else {
    KG_ROUTINE("gesdd", "", const char*, const int*, const int*, T*, const int*, R*, T*, const int*, T*, const int*, T*, const int*, int*,
               int*, size_t);
    with_workspace<T>([&](T* work, int size) { call(&jobz, &mi, &ni, a, &la, s, u, &lu, vt, &lv, work, &size, iwork.data(), &info, one); });
  }
  return checked("gesdd", info);
}

template <class T>
int gesvd(char jobu, char jobvt, int64_t m, int64_t n, T* a, int64_t lda, RealOf<T>* s, T* u, int64_t ldu, T* vt, int64_t ldvt) {
  using R = RealOf<T>;
  LibraryThreads threads(std::min(m, n));
  int mi = narrow(m), ni = narrow(n), la = narrow(lda), lu = narrow(ldu), lv = narrow(ldvt), info = 0;
  if constexpr (complex_v<T>) {
    KG_ROUTINE("", "gesvd", const char*, const char*, const int*, const int*, T*, const int*, R*, T*, const int*, T*, const int*, T*,
               const int*, R*, int*, size_t, size_t);
    Scratch real((5 * std::min(m, n) + 1) * int64_t(sizeof(R)));
    with_workspace<T>([&](T* work, int size) {
      call(&jobu, &jobvt, &mi, &ni, a, &la, s, u, &lu, vt, &lv, work, &size, reinterpret_cast<R*>(real.data()), &info, one, one);
    });
  } else {
    KG_ROUTINE("gesvd", "", const char*, const char*, const int*, const int*, T*, const int*, R*, T*, const int*, T*, const int*, T*,
               const int*, int*, size_t, size_t);
    with_workspace<T>([&](T* work, int size) { call(&jobu, &jobvt, &mi, &ni, a, &la, s, u, &lu, vt, &lv, work, &size, &info, one, one); });
  }
  return checked("gesvd", info);
}

template <class T>
int gels(char trans, int64_t m, int64_t n, int64_t nrhs, T* a, int64_t lda, T* b, int64_t ldb) {
  KG_ROUTINE("gels", "gels", const char*, const int*, const int*, const int*, T*, const int*, T*, const int*, T*, const int*, int*, size_t);
  LibraryThreads threads(std::min(m, n));
  int mi = narrow(m), ni = narrow(n), nr = narrow(nrhs), la = narrow(lda), lb = narrow(ldb), info = 0;
  with_workspace<T>([&](T* work, int size) { call(&trans, &mi, &ni, &nr, a, &la, b, &lb, work, &size, &info, one); });
  return checked("gels", info);
}

template <class T>
int gelsy(int64_t m, int64_t n, int64_t nrhs, T* a, int64_t lda, T* b, int64_t ldb, int32_t* pivots, RealOf<T> rcond, int32_t* rank) {
  using R = RealOf<T>;
  LibraryThreads threads(std::min(m, n));
  int mi = narrow(m), ni = narrow(n), nr = narrow(nrhs), la = narrow(lda), lb = narrow(ldb), info = 0;
  std::fill(pivots, pivots + n, 0);  // every column is free to move
  if constexpr (complex_v<T>) {
    KG_ROUTINE("", "gelsy", const int*, const int*, const int*, T*, const int*, T*, const int*, int*, const R*, int*, T*, const int*, R*, int*);
    Scratch real((2 * n + 1) * int64_t(sizeof(R)));
    with_workspace<T>([&](T* work, int size) {
      call(&mi, &ni, &nr, a, &la, b, &lb, pivots, &rcond, rank, work, &size, reinterpret_cast<R*>(real.data()), &info);
    });
  } else {
    KG_ROUTINE("gelsy", "", const int*, const int*, const int*, T*, const int*, T*, const int*, int*, const R*, int*, T*, const int*, int*);
    with_workspace<T>([&](T* work, int size) { call(&mi, &ni, &nr, a, &la, b, &lb, pivots, &rcond, rank, work, &size, &info); });
  }
  return checked("gelsy", info);
}

template <class T>
int gelsd(int64_t m, int64_t n, int64_t nrhs, T* a, int64_t lda, T* b, int64_t ldb, RealOf<T>* s, RealOf<T> rcond, int32_t* rank) {
  using R = RealOf<T>;
  LibraryThreads threads(std::min(m, n));
  int mi = narrow(m), ni = narrow(n), nr = narrow(nrhs), la = narrow(lda), lb = narrow(ldb), info = 0, query = -1;
  T best{};
  R best_real{};
  int best_int = 0;
  auto compute = [&](T* work, const int* lwork, R* rwork, int* iwork) {
    if constexpr (complex_v<T>) {
      KG_ROUTINE("", "gelsd", const int*, const int*, const int*, T*, const int*, T*, const int*, R*, const R*, int*, T*, const int*, R*, int*,
                 int*);
      call(&mi, &ni, &nr, a, &la, b, &lb, s, &rcond, rank, work, lwork, rwork, iwork, &info);
    } else {
      KG_ROUTINE("gelsd", "", const int*, const int*, const int*, T*, const int*, T*, const int*, R*, const R*, int*, T*, const int*, int*,
                 int*);
      (void)rwork;
      call(&mi, &ni, &nr, a, &la, b, &lb, s, &rcond, rank, work, lwork, iwork, &info);
    }
  };
  compute(&best, &query, &best_real, &best_int);
  checked("gelsd", info);
  int lwork = std::max(1, int(std::real(best) * R(1.00001)));
  Scratch work(int64_t(lwork) * int64_t(sizeof(T))), iwork(int64_t(std::max(1, best_int)) * 4);
  Scratch rwork((int64_t(best_real * R(1.00001)) + 1) * int64_t(sizeof(R)));
  compute(reinterpret_cast<T*>(work.data()), &lwork, reinterpret_cast<R*>(rwork.data()), reinterpret_cast<int*>(iwork.data()));
  return checked("gelsd", info);
}

template <class T>
int gelss(int64_t m, int64_t n, int64_t nrhs, T* a, int64_t lda, T* b, int64_t ldb, RealOf<T>* s, RealOf<T> rcond, int32_t* rank) {
  using R = RealOf<T>;
  LibraryThreads threads(std::min(m, n));
  int mi = narrow(m), ni = narrow(n), nr = narrow(nrhs), la = narrow(lda), lb = narrow(ldb), info = 0;
  if constexpr (complex_v<T>) {
    KG_ROUTINE("", "gelss", const int*, const int*, const int*, T*, const int*, T*, const int*, R*, const R*, int*, T*, const int*, R*, int*);
    Scratch real((5 * std::min(m, n) + 1) * int64_t(sizeof(R)));
    with_workspace<T>([&](T* work, int size) {
      call(&mi, &ni, &nr, a, &la, b, &lb, s, &rcond, rank, work, &size, reinterpret_cast<R*>(real.data()), &info);
    });
  } else {
    KG_ROUTINE("gelss", "", const int*, const int*, const int*, T*, const int*, T*, const int*, R*, const R*, int*, T*, const int*, int*);
    with_workspace<T>([&](T* work, int size) { call(&mi, &ni, &nr, a, &la, b, &lb, s, &rcond, rank, work, &size, &info); });
  }
  return checked("gelss", info);
}

#define KG_INSTANTIATE(T)                                                                                                              \
  template KAGARI_API int getrf(int64_t, int64_t, T*, int64_t, int32_t*);                                                              \
  template KAGARI_API int getrs(char, int64_t, int64_t, const T*, int64_t, const int32_t*, T*, int64_t);                               \
  template KAGARI_API int getri(int64_t, T*, int64_t, const int32_t*);                                                                 \
  template KAGARI_API int potrf(char, int64_t, T*, int64_t);                                                                           \
  template KAGARI_API int potrs(char, int64_t, int64_t, const T*, int64_t, T*, int64_t);                                               \
  template KAGARI_API int potri(char, int64_t, T*, int64_t);                                                                           \
  template KAGARI_API int sytrf(char, bool, int64_t, T*, int64_t, int32_t*);                                                           \
  template KAGARI_API int sytrs(char, bool, int64_t, int64_t, const T*, int64_t, const int32_t*, T*, int64_t);                         \
  template KAGARI_API int geqrf(int64_t, int64_t, T*, int64_t, T*);                                                                    \
  template KAGARI_API int orgqr(int64_t, int64_t, int64_t, T*, int64_t, const T*);                                                     \
  template KAGARI_API int ormqr(char, char, int64_t, int64_t, int64_t, const T*, int64_t, const T*, T*, int64_t);                      \
  template KAGARI_API int trtrs(char, char, char, int64_t, int64_t, const T*, int64_t, T*, int64_t);                                   \
  template KAGARI_API void trsm(char, char, char, char, int64_t, int64_t, T, const T*, int64_t, T*, int64_t);                          \
  template KAGARI_API int trtri(char, char, int64_t, T*, int64_t);                                                                     \
  template KAGARI_API int syevd(char, char, int64_t, T*, int64_t, RealOf<T>*);                                                         \
  template KAGARI_API int geev(char, char, int64_t, T*, int64_t, std::complex<RealOf<T>>*, T*, int64_t, T*, int64_t);                  \
  template KAGARI_API int gesdd(char, int64_t, int64_t, T*, int64_t, RealOf<T>*, T*, int64_t, T*, int64_t);                            \
  template KAGARI_API int gesvd(char, char, int64_t, int64_t, T*, int64_t, RealOf<T>*, T*, int64_t, T*, int64_t);                      \
  template KAGARI_API int gels(char, int64_t, int64_t, int64_t, T*, int64_t, T*, int64_t);                                             \
  template KAGARI_API int gelsy(int64_t, int64_t, int64_t, T*, int64_t, T*, int64_t, int32_t*, RealOf<T>, int32_t*);                   \
  template KAGARI_API int gelsd(int64_t, int64_t, int64_t, T*, int64_t, T*, int64_t, RealOf<T>*, RealOf<T>, int32_t*);                 \
  template KAGARI_API int gelss(int64_t, int64_t, int64_t, T*, int64_t, T*, int64_t, RealOf<T>*, RealOf<T>, int32_t*);

KG_INSTANTIATE(float)
KG_INSTANTIATE(double)
KG_INSTANTIATE(std::complex<float>)
KG_INSTANTIATE(std::complex<double>)

}  // namespace kagari::lapack
