#include "kagari/cpu/blas.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <string>

namespace kagari {
namespace {

std::string library_directory() {
  Dl_info info;
  KG_ASSERT(dladdr(reinterpret_cast<void*>(&openblas_symbol), &info) != 0 && info.dli_fname);
  std::string path = info.dli_fname;
  return path.substr(0, path.rfind('/') + 1);
}

void* open_library() {
  // OpenBLAS starts its threads while it is loaded unless the environment says that one is enough.
  bool set = !std::getenv("OPENBLAS_NUM_THREADS");
  if (set) setenv("OPENBLAS_NUM_THREADS", "1", 0);
  std::string path = library_directory() + "libscipy_openblas.so";
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (set) unsetenv("OPENBLAS_NUM_THREADS");
  if (!handle) {
    const char* why = dlerror();
    fail(ErrorKind::Runtime, str("linear algebra needs OpenBLAS, which could not be loaded: ", why ? why : path.c_str()));
  }
  if (auto set_threads = reinterpret_cast<void (*)(int)>(dlsym(handle, "scipy_openblas_set_num_threads"))) set_threads(1);
  return handle;
}

constexpr int row_major = 101, no_transpose = 111, transpose = 112;

using CblasGemm = void (*)(int order, int trans_a, int trans_b, int m, int n, int k, const void* alpha, const void* a, int lda,
                           const void* b, int ldb, const void* beta, void* c, int ldc);

// A matrix of which one stride is 1, as CBLAS wants it.
struct Layout {
  int transposed, leading;
};
Layout layout(int64_t rows, int64_t columns, int64_t row, int64_t col) {
  bool plain = col == 1 || columns <= 1;
  KG_ASSERT(plain || row == 1 || rows <= 1);
  // A stride along a dimension of one element means nothing, but CBLAS checks it.
  int64_t leading = plain ? std::max(row, columns) : std::max(col, rows);
  if (plain && rows <= 1) leading = std::max<int64_t>(columns, 1);
  KG_CHECK(leading <= std::numeric_limits<int>::max(), "matrix product: a stride of ", leading, " elements is too large");
  return {plain ? no_transpose : transpose, int(std::max<int64_t>(leading, 1))};
}

}  // namespace

void* openblas_symbol(const char* name) {
  static void* const library = open_library();
  void* address = dlsym(library, (std::string("scipy_") + name).c_str());
  KG_CHECK(address, "OpenBLAS has no function ", name);
  return address;
}

void complex_gemm(const ComplexGemm& g) {
  static const auto cgemm = reinterpret_cast<CblasGemm>(openblas_symbol("cblas_cgemm"));
  static const auto zgemm = reinterpret_cast<CblasGemm>(openblas_symbol("cblas_zgemm"));
  KG_ASSERT(is_complex(g.dtype));
  Layout a = layout(g.m, g.k, g.a_row, g.a_col), b = layout(g.k, g.n, g.b_row, g.b_col);
  int m = int(g.m), n = int(g.n), k = int(g.k), c_row = int(std::max(g.c_row, std::max<int64_t>(g.n, 1)));
  if (g.dtype == DType::Complex128) {
    zgemm(row_major, a.transposed, b.transposed, m, n, k, &g.alpha, g.a, a.leading, g.b, b.leading, &g.beta, g.c, c_row);
  } else {
    std::complex<float> alpha(g.alpha), beta(g.beta);
    cgemm(row_major, a.transposed, b.transposed, m, n, k, &alpha, g.a, a.leading, g.b, b.leading, &beta, g.c, c_row);
  }
}

}  // namespace kagari
