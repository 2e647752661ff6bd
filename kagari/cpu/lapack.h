#pragma once
#include <complex>
#include <cstdint>

#include "kagari/base/export.h"

// LAPACK through OpenBLAS, with LAPACK's names and meaning of arguments: matrices are column-major with a leading dimension,
// pivots count from 1, a result above 0 is LAPACK's `info` (singular, not positive definite, no convergence). Workspace is
// allocated inside. A negative info (a wrong argument, so our mistake) raises an internal Error; sizes beyond 32 bits raise
// one of kind Runtime. T is float, double, std::complex<float> or std::complex<double>; for complex T the Hermitian or
// unitary variant is meant (syevd is heevd, orgqr is ungqr, sytrf is hetrf when `hermitian`).
//
// Calls on large matrices use num_threads() threads unless they come from inside a parallel loop.

namespace kagari::lapack {

template <class T> struct RealOfScalar { using type = T; };
template <class T> struct RealOfScalar<std::complex<T>> { using type = T; };
template <class T> using RealOf = typename RealOfScalar<T>::type;

// ---- LU
template <class T> int getrf(int64_t m, int64_t n, T* a, int64_t lda, int32_t* pivots);
template <class T>
int getrs(char trans, int64_t n, int64_t nrhs, const T* a, int64_t lda, const int32_t* pivots, T* b, int64_t ldb);
template <class T> int getri(int64_t n, T* a, int64_t lda, const int32_t* pivots);

// ---- Cholesky
template <class T> int potrf(char uplo, int64_t n, T* a, int64_t lda);
template <class T> int potrs(char uplo, int64_t n, int64_t nrhs, const T* a, int64_t lda, T* b, int64_t ldb);
template <class T> int potri(char uplo, int64_t n, T* a, int64_t lda);

// ---- LDL
template <class T> int sytrf(char uplo, bool hermitian, int64_t n, T* a, int64_t lda, int32_t* pivots);
template <class T>
int sytrs(char uplo, bool hermitian, int64_t n, int64_t nrhs, const T* a, int64_t lda, const int32_t* pivots, T* b, int64_t ldb);

// ---- QR
template <class T> int geqrf(int64_t m, int64_t n, T* a, int64_t lda, T* tau);
template <class T> int orgqr(int64_t m, int64_t n, int64_t k, T* a, int64_t lda, const T* tau);
/// trans: 'N' or, for the (conjugate) transpose, 'T' whatever T is.
template <class T>
int ormqr(char side, char trans, int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* tau, T* c, int64_t ldc);

// ---- triangular
template <class T>
int trtrs(char uplo, char trans, char diag, int64_t n, int64_t nrhs, const T* a, int64_t lda, T* b, int64_t ldb);
/// B = alpha op(A)^-1 B (side 'L') or alpha B op(A)^-1 ('R'); B is m x n. Singular matrices give infinities.
template <class T>
void trsm(char side, char uplo, char trans, char diag, int64_t m, int64_t n, T alpha, const T* a, int64_t lda, T* b, int64_t ldb);
template <class T> int trtri(char uplo, char diag, int64_t n, T* a, int64_t lda);

// ---- eigenvalues
/// Ascending eigenvalues to w; vectors replace A when jobz is 'V'.
template <class T> int syevd(char jobz, char uplo, int64_t n, T* a, int64_t lda, RealOf<T>* w);
/// Eigenvalues to w. For real T the vectors are packed as LAPACK packs them: a complex pair shares two columns.
template <class T>
int geev(char jobvl, char jobvr, int64_t n, T* a, int64_t lda, std::complex<RealOf<T>>* w, T* vl, int64_t ldvl, T* vr, int64_t ldvr);

// ---- singular values
/// jobz: 'A', 'S' or 'N'.
template <class T>
int gesdd(char jobz, int64_t m, int64_t n, T* a, int64_t lda, RealOf<T>* s, T* u, int64_t ldu, T* vt, int64_t ldvt);
template <class T>
int gesvd(char jobu, char jobvt, int64_t m, int64_t n, T* a, int64_t lda, RealOf<T>* s, T* u, int64_t ldu, T* vt, int64_t ldvt);

// ---- least squares: B is max(m, n) x nrhs
template <class T> int gels(char trans, int64_t m, int64_t n, int64_t nrhs, T* a, int64_t lda, T* b, int64_t ldb);
/// pivots: n elements, overwritten.
template <class T>
int gelsy(int64_t m, int64_t n, int64_t nrhs, T* a, int64_t lda, T* b, int64_t ldb, int32_t* pivots, RealOf<T> rcond, int32_t* rank);
template <class T>
int gelsd(int64_t m, int64_t n, int64_t nrhs, T* a, int64_t lda, T* b, int64_t ldb, RealOf<T>* s, RealOf<T> rcond, int32_t* rank);
template <class T>
int gelss(int64_t m, int64_t n, int64_t nrhs, T* a, int64_t lda, T* b, int64_t ldb, RealOf<T>* s, RealOf<T> rcond, int32_t* rank);

}  // namespace kagari::lapack
