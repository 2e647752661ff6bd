#include "kagari/cpu/gemm.h"

#include <dnnl.h>
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "kagari/base/allocator.h"
#include "kagari/base/cpu_features.h"
#include "kagari/base/parallel.h"
#include "kagari/cpu/blas.h"
#include "kagari/cpu/isa_table.h"
#include "kagari/cpu/kernels/amx_gemm.h"
#include "kagari/cpu/kernels/gemm_kernels.h"

namespace kagari {

const GemmKernels& gemm_kernels_for_this_cpu() {
  static const GemmKernels& chosen = KG_TABLE_FOR_THIS_CPU(gemm_kernels);
  return chosen;
}

const AmxKernels* amx_kernels_for_this_cpu() {
  static const AmxKernels* chosen = [] {
    const AmxKernels& k = KG_TABLE_FOR_THIS_CPU(amx_kernels);
    return k.gemm && has_tiles() ? &k : nullptr;
  }();
  return chosen;
}

namespace {

const GemmKernels& kernels() { return gemm_kernels_for_this_cpu(); }

// How a dtype is multiplied: the kernel, and the type that it accumulates in and writes.
struct Method {
  void (*run)(const GemmBlock&) = nullptr;
  DType sum = DType::Float32;
};
Method method_for(DType t) {
  const GemmKernels& k = kernels();
  switch (t) {
    case DType::Float32: return {k.gemm_float32, DType::Float32};
    case DType::Float64: return {k.gemm_float64, DType::Float64};
    case DType::BFloat16: return {k.gemm_bfloat16, DType::Float32};
    case DType::Float16: return {k.gemm_float16, DType::Float32};
    case DType::Int64:
    case DType::UInt64: return {k.gemm_int64, DType::Int64};  // products wrap alike
    case DType::Int32:
    case DType::UInt32: return {k.gemm_int32, DType::Int32};
    case DType::Int16:
    case DType::UInt16: return {k.gemm_int16, DType::Int32};  // the low 16 bits do not depend on the sign
    case DType::Int8: return {k.gemm_int8, DType::Int32};
    case DType::UInt8: return {k.gemm_uint8, DType::Int32};
    default: fail_dtype("matrix product", t);
  }
}

const char* at(const void* base, DType t, int64_t offset) { return static_cast<const char*>(base) + offset * itemsize(t); }
char* at(void* base, DType t, int64_t offset) { return static_cast<char*>(base) + offset * itemsize(t); }

// n elements of a narrow type to the type of sums, and back.
void widen_row(DType from, const char* source, void* target, int64_t n) {
  auto copy = [&]<class T>(T) {
    for (int64_t i = 0; i < n; ++i) static_cast<int32_t*>(target)[i] = reinterpret_cast<const T*>(source)[i];
  };
  switch (from) {
    case DType::BFloat16:
    case DType::Float16: return kernels().to_float32(from, source, static_cast<float*>(target), n);
    case DType::Int16: return copy(int16_t{});
    case DType::UInt16: return copy(uint16_t{});
    case DType::Int8: return copy(int8_t{});
    default: return copy(uint8_t{});
  }
}
void narrow_row(DType to, const char* source, void* target, int64_t n) {
  auto copy = [&]<class T>(T) {
    for (int64_t i = 0; i < n; ++i) static_cast<T*>(target)[i] = T(reinterpret_cast<const int32_t*>(source)[i]);
  };
  switch (to) {
    case DType::BFloat16:
    case DType::Float16: return kernels().from_float32(to, reinterpret_cast<const float*>(source), target, n);
    case DType::Int16:
    case DType::UInt16: return copy(uint16_t{});
    default: return copy(uint8_t{});
  }
}

// One rectangle of one matrix of the batch.
struct Cell {
  int64_t batch, i, j, rows, columns;
};

GemmBlock block_of(const Gemm& g, const Cell& c) {
  GemmBlock b;
  b.m = c.rows, b.n = c.columns, b.k = g.k;
  b.a = at(g.a.data, g.dtype, c.batch * g.a.batch_stride + c.i * g.a.row_stride);
  b.a_row = g.a.row_stride, b.a_col = g.a.column_stride;
  b.b = at(g.b.data, g.dtype, c.batch * g.b.batch_stride + c.j * g.b.column_stride);
  b.b_row = g.b.row_stride, b.b_col = g.b.column_stride;
  b.c = at(g.c, g.dtype, c.batch * g.c_batch_stride + c.i * g.c_row_stride + c.j);
  b.c_row = g.c_row_stride;
  b.alpha = g.alpha.real(), b.beta = g.beta.real();
  b.bias_per_row = g.bias_per_row;
  b.bias = g.bias ? at(g.bias, g.dtype, g.bias_per_row ? c.i : c.j) : nullptr;
  b.relu = g.relu;
  return b;
}

// Adds what the kernels of libraries do not know about.
void finish_float32(const GemmBlock& b) {
  auto* bias = static_cast<const float*>(b.bias);
  if (!bias && !b.relu) return;
  for (int64_t i = 0; i < b.m; ++i) {
    float* row = static_cast<float*>(b.c) + i * b.c_row;
    if (bias)
      for (int64_t j = 0; j < b.n; ++j) row[j] += bias[b.bias_per_row ? i : j];
    if (b.relu)
      for (int64_t j = 0; j < b.n; ++j) row[j] = row[j] < 0 ? 0 : row[j];
  }
}

// Whether oneDNN's sgemm can read the operand, and how.
bool onednn_layout(int64_t rows, int64_t columns, int64_t row, int64_t col, char& transposed, dnnl_dim_t& leading) {
  if (col == 1 && row >= columns) return transposed = 'N', leading = row, true;
  if (row == 1 && col >= rows) return transposed = 'T', leading = col, true;
  return false;
}

// Note [Large float32 products]: above this many multiplications oneDNN's sgemm, whose blocking knows the caches of each CPU, was
// the fastest of the libraries measured, and below it our own kernel, which has no set-up cost. It runs inside our
// parallel loop, so it uses one thread, and the result does not depend on their number.
constexpr double onednn_threshold = 300.0 * 300 * 300;

bool run_onednn(const GemmBlock& b) {
  // Outside of our loops oneDNN would start its own, and prepare_openmp() sets the number again where that is wanted.
  if (!in_parallel_region() && omp_get_max_threads() != 1) omp_set_num_threads(1);
  char ta, tb;
  dnnl_dim_t lda, ldb;
  if (!onednn_layout(b.m, b.k, b.a_row, b.a_col, ta, lda) || !onednn_layout(b.k, b.n, b.b_row, b.b_col, tb, ldb)) return false;
  if (dnnl_sgemm(ta, tb, b.m, b.n, b.k, float(b.alpha), static_cast<const float*>(b.a), lda, static_cast<const float*>(b.b), ldb,
                 float(b.beta), static_cast<float*>(b.c), b.c_row) != dnnl_success)
    return false;
  finish_float32(b);
  return true;
}

// Accumulates in a wider type, in pieces of rows that stay in the cache.
void run_narrow(const Gemm& g, GemmBlock b, const Method& method) {
  int64_t rows_at_once = std::max<int64_t>(64, (int64_t(1) << 18) / std::max<int64_t>(b.n, 1));
  rows_at_once = std::min(rows_at_once, b.m);
  int64_t row_bytes = b.n * itemsize(method.sum);
  int64_t bias_count = !b.bias ? 0 : b.bias_per_row ? b.m : b.n;
  Scratch sums(rows_at_once * row_bytes), wide_bias(bias_count * itemsize(method.sum));
  if (b.bias) widen_row(g.dtype, static_cast<const char*>(b.bias), wide_bias.data(), bias_count);
  auto* a = static_cast<const char*>(b.a);
  auto* c = static_cast<char*>(b.c);
  int64_t m = b.m, c_row = b.c_row;
  for (int64_t i = 0; i < m; i += rows_at_once) {
    b.m = std::min(rows_at_once, m - i);
    b.a = at(static_cast<const void*>(a), g.dtype, i * b.a_row);
    b.c = sums.data(), b.c_row = b.n;
    if (b.bias) b.bias = wide_bias.data() + (b.bias_per_row ? i * itemsize(method.sum) : 0);
    if (b.beta != 0)
      for (int64_t r = 0; r < b.m; ++r)
        widen_row(g.dtype, c + (i + r) * c_row * itemsize(g.dtype), sums.data() + r * row_bytes, b.n);
    method.run(b);
    for (int64_t r = 0; r < b.m; ++r)
      narrow_row(g.dtype, sums.data() + r * row_bytes, c + (i + r) * c_row * itemsize(g.dtype), b.n);
  }
}

// Few rows of half types: B is read as it is, the small rest becomes float32.
void run_wide_dots(const Gemm& g, GemmBlock b) {
  Scratch wide((b.m * (b.k + b.n) + (b.bias ? std::max(b.m, b.n) : 0)) * 4);
  float *a = wide.floats(), *c = a + b.m * b.k, *bias = c + b.m * b.n;
  for (int64_t i = 0; i < b.m; ++i) kernels().to_float32(g.dtype, at(b.a, g.dtype, i * b.a_row), a + i * b.k, b.k);
  void* target = b.c;
  int64_t row = b.c_row;
  if (b.beta != 0)
    for (int64_t i = 0; i < b.m; ++i) kernels().to_float32(g.dtype, at(target, g.dtype, i * row), c + i * b.n, b.n);
  if (b.bias) kernels().to_float32(g.dtype, b.bias, bias, b.bias_per_row ? b.m : b.n), b.bias = bias;
  b.a = a, b.a_row = b.k, b.c = c, b.c_row = b.n;
  (g.dtype == DType::BFloat16 ? kernels().dots_bfloat16 : kernels().dots_float16)(b);
  for (int64_t i = 0; i < b.m; ++i) kernels().from_float32(g.dtype, c + i * b.n, at(target, g.dtype, i * row), b.n);
}

void run_complex(const Gemm& g, const Cell& cell) {
  GemmBlock b = block_of(g, cell);
  complex_gemm({g.dtype, b.m, b.n, b.k, g.alpha, g.beta, b.a, b.a_row, b.a_col, b.b, b.b_row, b.b_col, b.c, b.c_row});
}

// Cuts each matrix of C into about `cells` rectangles of whole tiles, as square as possible.
struct Grid {
  int64_t rows, columns;         // of rectangles
  int64_t row_step, column_step;  // elements of each
};
Grid make_grid(int64_t m, int64_t n, int64_t cells, int64_t tile_m, int64_t tile_n) {
  int64_t best_rows = 1;
  double best = -1;
  for (int64_t rows = 1; rows <= cells; ++rows) {
    if (cells % rows) continue;
    // Work of the largest rectangle, and what is packed for it.
    auto step = [](int64_t size, int64_t parts, int64_t tile) { return ((size + parts - 1) / parts + tile - 1) / tile * tile; };
    double h = double(step(m, rows, tile_m)), w = double(step(n, cells / rows, tile_n));
    double cost = h * w + 8 * (h + 2 * w);
    if (best < 0 || cost < best) best = cost, best_rows = rows;
  }
  auto step = [](int64_t size, int64_t parts, int64_t tile) { return ((size + parts - 1) / parts + tile - 1) / tile * tile; };
  Grid grid;
  grid.row_step = step(m, best_rows, tile_m), grid.column_step = step(n, cells / best_rows, tile_n);
  grid.rows = (m + grid.row_step - 1) / grid.row_step, grid.columns = (n + grid.column_step - 1) / grid.column_step;
  return grid;
}

constexpr double work_per_thread = 1e6;  // multiplications below which another thread does not pay: some 10 us

// ---- matrix times vector

bool gemv(const Gemm& g) {
  bool row_vector = g.m == 1;
  if (!row_vector && g.n != 1) return false;
  bool narrow = is_half(g.dtype);
  if (g.dtype != DType::Float32 && g.dtype != DType::Float64 && !narrow) return false;
  const GemmOperand &matrix = row_vector ? g.b : g.a, &vector = row_vector ? g.a : g.b;
  GemvBlock v;
  v.outputs = row_vector ? g.n : g.m, v.length = g.k;
  v.out_stride = row_vector ? matrix.column_stride : matrix.row_stride;
  v.red_stride = row_vector ? matrix.row_stride : matrix.column_stride;
  if (v.length <= 1) v.red_stride = 1;
  else if (v.outputs == 1 && v.red_stride != 1) v.out_stride = 1;
  if (v.out_stride != 1 && v.red_stride != 1) return false;
  int64_t x_stride = row_vector ? vector.column_stride : vector.row_stride;
  v.y_stride = row_vector ? g.c_column_stride : g.c_row_stride;
  v.alpha = g.alpha.real(), v.beta = g.beta.real();
  auto run = g.dtype == DType::Float32 ? kernels().gemv_float32 : g.dtype == DType::Float64 ? kernels().gemv_float64
           : g.dtype == DType::BFloat16 ? kernels().gemv_bfloat16 : kernels().gemv_float16;
  int64_t size = itemsize(g.dtype);

  // x in one piece for the whole batch
  bool contiguous = x_stride == 1 || g.k <= 1;
  Scratch copy(contiguous ? 0 : g.batch * g.k * size);
  for (int64_t b = 0; !contiguous && b < g.batch; ++b)
    for (int64_t r = 0; r < g.k; ++r)
      std::memcpy(copy.data() + (b * g.k + r) * size, at(vector.data, g.dtype, b * vector.batch_stride + r * x_stride), size_t(size));

  // Half types: x and y as float32.
  Scratch wide(narrow ? g.batch * (g.k + v.outputs) * 4 : 0);
  float *wide_x = wide.floats(), *wide_y = wide_x + (narrow ? g.batch * g.k : 0);
  for (int64_t b = 0; narrow && b < g.batch; ++b)
    kernels().to_float32(g.dtype, contiguous ? at(vector.data, g.dtype, b * vector.batch_stride) : copy.data() + b * g.k * size, wide_x + b * g.k, g.k);

  // Parts of whole vectors, so that an element is computed the same way however many threads there are.
  constexpr int64_t part = 64;
  int64_t parts = (v.outputs + part - 1) / part;
  int64_t grain = std::max<int64_t>(1, int64_t(work_per_thread / (double(part) * double(std::max<int64_t>(g.k, 1)))));
  parallel_for(0, g.batch * parts, grain, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      int64_t b = begin / parts, first = begin % parts, last = std::min(parts, first + end - begin);
      GemvBlock piece = v;
      int64_t from = first * part;
      piece.outputs = std::min(v.outputs, last * part) - from;
      piece.matrix = at(matrix.data, g.dtype, b * matrix.batch_stride + from * v.out_stride);
      piece.x = contiguous ? at(vector.data, g.dtype, b * vector.batch_stride) : copy.data() + b * g.k * size;
      piece.y = at(g.c, g.dtype, b * g.c_batch_stride + from * v.y_stride);
      if (narrow) piece.x = wide_x + b * g.k, piece.y = wide_y + b * v.outputs + from, piece.y_stride = 1;
      run(piece);
      begin += last - first;
    }
  });
  if (narrow) {
    auto round = [&]<class T>(T) {
      for (int64_t b = 0; b < g.batch; ++b)
        for (int64_t i = 0; i < v.outputs; ++i) {
          T& y = static_cast<T*>(g.c)[b * g.c_batch_stride + i * v.y_stride];
          float value = float(v.alpha) * wide_y[b * v.outputs + i];
          if (v.beta != 0) value += float(v.beta) * float(y);
          if (g.bias) value += float(static_cast<const T*>(g.bias)[row_vector != g.bias_per_row ? i : 0]);
          y = T(g.relu && value < 0 ? 0.0f : value);
        }
    };
    g.dtype == DType::BFloat16 ? round(BFloat16{}) : round(Half{});
    return true;
  }
  if (!g.bias && !g.relu) return true;
  auto finish = [&]<class T>(T) {
    for (int64_t b = 0; b < g.batch; ++b)
      for (int64_t i = 0; i < v.outputs; ++i) {
        T& y = static_cast<T*>(g.c)[b * g.c_batch_stride + i * v.y_stride];
        if (g.bias) y += static_cast<const T*>(g.bias)[row_vector != g.bias_per_row ? i : 0];
        if (g.relu && y < 0) y = 0;
      }
  };
  g.dtype == DType::Float32 ? finish(float{}) : finish(double{});
  return true;
}

// ---- operands that no kernel reads in place

// A contiguous copy of one operand (rows x columns for each matrix), returned in `operand`.
void copy_operand(DType t, int64_t batch, int64_t rows, int64_t columns, GemmOperand& operand, char* target) {
  visit_sizes(t, [&]<class T>(T) {
    auto* to = reinterpret_cast<T*>(target);
    for (int64_t b = 0; b < batch; ++b)
      for (int64_t i = 0; i < rows; ++i) {
        auto* from = static_cast<const T*>(operand.data) + b * operand.batch_stride + i * operand.row_stride;
        for (int64_t j = 0; j < columns; ++j) *to++ = from[j * operand.column_stride];
      }
  });
  operand = {target, rows * columns, columns, 1};
}

bool one_stride_is_one(int64_t rows, int64_t columns, const GemmOperand& o) {
  auto wide_enough = [](int64_t stride, int64_t other, int64_t count) { return stride >= count || other <= 1; };
  return (o.column_stride == 1 && wide_enough(o.row_stride, rows, columns)) ||
         (o.row_stride == 1 && wide_enough(o.column_stride, columns, rows));
}

// Up to how many rows of C dot products beat packing B, when both operands are contiguous along k. Measured: packing pays off later the
// more of B comes from memory, and short dot products spend their time in adding up lanes.
int64_t rows_for_dots(int64_t n, int64_t k) {
  if (k < 256) return 3;
  if (k < 1024) return 8;
  return double(n) * double(k) > 4e6 ? 24 : 16;
}

// Whether dot products along k are to be had, and better than packing.
bool takes_dots(const Gemm& g) {
  if (g.a.column_stride != 1 || g.b.row_stride != 1) return false;
  if (is_half(g.dtype)) return g.m <= std::min<int64_t>(8, rows_for_dots(g.n, g.k));
  return (g.dtype == DType::Float32 || g.dtype == DType::Float64) && g.m <= rows_for_dots(g.n, g.k);
}

// Whether packing into tiles pays (Note [Products on tiles]). Half types are converted and packed by the vector kernels, too. For float32 the
// two costs, measured in picoseconds on one processor: multiplications of whole tiles, packing, sums and setting up against
// multiplications by vectors, of whole strips of 32 columns. A tenth is for what the model does not know.
bool worth_tiles(const Gemm& g) {
  if (!amx_kernels_for_this_cpu() || g.k < 8 || takes_dots(g) || !one_stride_is_one(g.m, g.k, g.a) || !one_stride_is_one(g.k, g.n, g.b)) return false;
  if (is_half(g.dtype)) return g.n >= 8;
  if (g.dtype != DType::Float32 || g.k < 16) return false;
  auto up = [](int64_t n, int64_t unit) { return double((n + unit - 1) / unit * unit); };
  double m = double(g.m), n = double(g.n), k = double(g.k);
  double tiles = 4.4 * up(g.m, 16) * up(g.n, 16) * up(g.k, 32) + 150 * (m + n) * k + 50 * m * n + 300e3;
  return 1.1 * tiles < 15 * m * up(g.n, 32) * k;
}

// Adding to C cannot be done over, so what tiles cannot multiply must be known before.
bool operands_are_finite(const Gemm& g) {
  auto all = amx_kernels_for_this_cpu()->all_finite;
  for (int64_t b = 0; b < g.batch; ++b)
    if (!all(g.dtype, at(g.a.data, g.dtype, b * g.a.batch_stride), g.m, g.k, g.a.row_stride, g.a.column_stride) ||
        !all(g.dtype, at(g.b.data, g.dtype, b * g.b.batch_stride), g.k, g.n, g.b.row_stride, g.b.column_stride))
      return false;
  return true;
}

// False if tiles were wanted and met an element that is not finite.
bool run(const Gemm& g, bool tiles) {
  if (g.dtype == DType::Complex32 || is_shell(g.dtype)) fail_dtype("gemm", g.dtype);
  bool complex = is_complex(g.dtype);
  Method method = complex ? Method{} : method_for(g.dtype);
  bool narrow = !complex && itemsize(method.sum) != itemsize(g.dtype);
  double work = double(g.m) * double(g.n) * double(std::max<int64_t>(g.k, 1));
  bool few_rows = takes_dots(g);
  bool onednn = g.dtype == DType::Float32 && !few_rows && work >= onednn_threshold;

  int64_t threads = in_parallel_region() ? 1 : std::min<int64_t>(num_threads(), int64_t(work * double(g.batch) / work_per_thread) + 1);
  int64_t cells = g.batch >= 4 * threads || threads == 1 ? 1 : (threads + g.batch - 1) / g.batch;
  Grid grid = make_grid(g.m, g.n, cells, tiles ? 32 : kernels().row_tile, tiles ? 32 : kernels().column_tile);
  int64_t per_matrix = grid.rows * grid.columns, total = g.batch * per_matrix;
  int64_t grain = std::max<int64_t>(1, int64_t(work_per_thread / (work / double(per_matrix) + 1)));
  std::atomic<bool> finite{true};
  parallel_for(0, total, grain, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      int64_t within = index % per_matrix;
      Cell cell{index / per_matrix, within / grid.columns * grid.row_step, within % grid.columns * grid.column_step, 0, 0};
      cell.rows = std::min(grid.row_step, g.m - cell.i), cell.columns = std::min(grid.column_step, g.n - cell.j);
      if (complex) {
        run_complex(g, cell);
        continue;
      }
      GemmBlock b = block_of(g, cell);
      if (tiles) {
        if (!finite.load(std::memory_order_relaxed)) return;
        if (!amx_kernels_for_this_cpu()->gemm(g.dtype, b)) finite.store(false, std::memory_order_relaxed);
      } else if (narrow && few_rows) run_wide_dots(g, b);
      else if (narrow) run_narrow(g, b, method);
      else if (few_rows) (g.dtype == DType::Float32 ? kernels().dots_float32 : kernels().dots_float64)(b);
      else if (!onednn || !run_onednn(b)) method.run(b);
    }
  });
  return finite;
}

// The product with packed B; false if it is not to be had so.
bool run_packed(const Gemm& g) {
  const char* tiles = g.packed_b ? g.packed_b->tiles() : nullptr;
  if (!tiles || g.batch != 1 || g.m < 4 || (g.a.column_stride != 1 && g.a.row_stride != 1)) return false;
  const AmxKernels& k = *amx_kernels_for_this_cpu();
  if (g.beta != 0.0 && !k.all_finite(g.dtype, g.a.data, g.m, g.k, g.a.row_stride, g.a.column_stride)) return false;
  int64_t parts = (g.n + 31) / 32;
  auto grain = std::max<int64_t>(1, int64_t(work_per_thread / (32.0 * double(g.m) * double(g.k) + 1)));
  std::atomic<bool> finite{true};
  parallel_for(0, parts, grain, [&](int64_t begin, int64_t end) {
    Cell cell{0, 0, begin * 32, g.m, std::min(g.n, end * 32) - begin * 32};
    if (!k.gemm_packed(g.dtype, block_of(g, cell), tiles, g.packed_b->k(), begin * 32)) finite.store(false, std::memory_order_relaxed);
  });
  return finite;
}

void run(const Gemm& g) {
  if (gemv(g) || run_packed(g)) return;
  if (worth_tiles(g) && (g.beta == 0.0 || operands_are_finite(g)) && run(g, true)) return;
  run(g, false);
}

}  // namespace

PackedOperand::PackedOperand(DType dtype, int64_t k, int64_t n, const GemmOperand& b) : k_(k) {
  bool half = dtype == DType::Float16 || dtype == DType::BFloat16;
  if (!amx_kernels_for_this_cpu() || !(half || dtype == DType::Float32) || k < 8 || n < 8 || !one_stride_is_one(k, n, b)) return;
  tiles_ = std::make_unique<Scratch>(amx_kernels_for_this_cpu()->packed_bytes(dtype, k, n));
  if (!amx_kernels_for_this_cpu()->pack(dtype, k, n, b.data, b.row_stride, b.column_stride, tiles_->data())) tiles_.reset();
}

void gemm(const Gemm& original) {
  Gemm g = original;
  if (g.m == 0 || g.n == 0 || g.batch == 0) return;
  KG_ASSERT(!g.bias || !is_complex(g.dtype));
  if (g.n == 1 && g.m != 1) g.c_column_stride = 1;  // means nothing
  if (g.c_column_stride != 1 && g.m != 1 && g.c_row_stride == 1) {
    // C is stored by columns: compute its transpose.
    g.bias_per_row = !g.bias_per_row;
    std::swap(g.m, g.n);
    std::swap(g.a, g.b);
    std::swap(g.a.row_stride, g.a.column_stride);
    std::swap(g.b.row_stride, g.b.column_stride);
    std::swap(g.c_row_stride, g.c_column_stride);
  }
  // OpenBLAS reads plain and transposed matrices only.
  bool copy_a = is_complex(g.dtype) && !one_stride_is_one(g.m, g.k, g.a);
  bool copy_b = is_complex(g.dtype) && !one_stride_is_one(g.k, g.n, g.b);
  int64_t size = itemsize(g.dtype);
  Scratch a_copy(copy_a ? g.batch * g.m * g.k * size : 0), b_copy(copy_b ? g.batch * g.k * g.n * size : 0);
  if (copy_a) copy_operand(g.dtype, g.batch, g.m, g.k, g.a, a_copy.data());
  if (copy_b) copy_operand(g.dtype, g.batch, g.k, g.n, g.b, b_copy.data());

  bool readable = !is_complex(g.dtype) || g.m == 1 || g.c_row_stride >= g.n;
  if (g.c_column_stride == 1 && readable) return run(g);
  if (gemv(g)) return;  // writes at any distance
  // C's elements are scattered: compute a contiguous C and distribute it.
  Scratch c_copy(g.batch * g.m * g.n * size);
  GemmOperand c{g.c, g.c_batch_stride, g.c_row_stride, g.c_column_stride};
  if (g.beta != 0.0) copy_operand(g.dtype, g.batch, g.m, g.n, c, c_copy.data());
  Gemm packed = g;
  packed.c = c_copy.data(), packed.c_batch_stride = g.m * g.n, packed.c_row_stride = g.n, packed.c_column_stride = 1;
  run(packed);
  visit_sizes(g.dtype, [&]<class T>(T) {
    auto* from = reinterpret_cast<const T*>(c_copy.data());
    for (int64_t b = 0; b < g.batch; ++b)
      for (int64_t i = 0; i < g.m; ++i)
        for (int64_t j = 0; j < g.n; ++j)
          static_cast<T*>(g.c)[b * g.c_batch_stride + i * g.c_row_stride + j * g.c_column_stride] = *from++;
  });
}

}  // namespace kagari
