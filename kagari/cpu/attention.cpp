#include "kagari/cpu/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include "kagari/base/allocator.h"
#include "kagari/base/parallel.h"
#include "kagari/cpu/dispatch.h"
#include "kagari/cpu/gemm.h"
#include "kagari/cpu/reduce.h"

// Note [Attention by blocks]: scores are computed for a block of queries of one head, so that they stay in the second cache until they have
// been multiplied with V. A causal block computes only the columns that its last query sees. The gradient computes the scores
// once more instead of keeping them. Half types have their scores rounded, as the formula in operators has them.

namespace kagari {
namespace {

char* at(const AttentionOperand& o, DType t, int64_t batch, int64_t head, int64_t row) {
  return static_cast<char*>(o.data) + (batch * o.batch_stride + head * o.head_stride + row * o.row_stride) * itemsize(t);
}

struct Matrix {
  const void* data;
  int64_t row, column;
};

void product(DType t, int64_t m, int64_t n, int64_t k, Matrix a, Matrix b, void* c, int64_t c_row, double alpha, double beta,
             const std::optional<PackedOperand>& packed = {}) {
  Gemm g;
  g.dtype = t;
  g.m = m, g.n = n, g.k = k;
  g.a = {a.data, 0, a.row, a.column}, g.b = {b.data, 0, b.row, b.column};
  g.c = c, g.c_row_stride = c_row;
  g.alpha = alpha, g.beta = beta;
  g.packed_b = packed ? &*packed : nullptr;
  gemm(g);
}

// Queries [first, first + rows) of one head: how many columns are computed, and how many of them row i sees.
struct Block {
  int64_t batch, head, first, rows, columns;
  int64_t seen(const Attention& a, int64_t i) const { return a.causal ? std::min(columns, first + i + 1) : columns; }
};
Block make_block(const Attention& a, int64_t batch, int64_t head, int64_t first, int64_t rows) {
  return {batch, head, first, rows, a.causal ? std::min(a.keys, first + rows) : a.keys};
}
int64_t kv_head(const Attention& a, int64_t head) { return head / (a.heads / a.kv_heads); }

template <class T>
void apply_mask(const Attention& a, const char* mask, T* scores, int64_t n) {
  int64_t step = a.mask_column_stride;
  if (a.mask_dtype == DType::Bool) {
    auto* seen = reinterpret_cast<const bool*>(mask);
    for (int64_t j = 0; j < n; ++j) scores[j] = seen[j * step] ? scores[j] : T(-std::numeric_limits<float>::infinity());
  } else {
    auto* added = reinterpret_cast<const T*>(mask);
    for (int64_t j = 0; j < n; ++j) scores[j] = T(scores[j] + added[j * step]);
  }
}

// K and V of one head, packed for all blocks of its queries. Of half types: float32's three parts of so many rows are more than the caches
// hold, and products that pack go block by block.
class PackedHead {
 public:
  std::optional<PackedOperand> k, v;
  void prepare(const Attention& a, int64_t batch, int64_t head) {
    if (batch == batch_ && head == head_) return;
    batch_ = batch, head_ = head;
    k.emplace(a.dtype, a.width, a.keys, GemmOperand{at(a.k, a.dtype, batch, head, 0), 0, 1, a.k.row_stride});
    v.emplace(a.dtype, a.keys, a.value_width, GemmOperand{at(a.v, a.dtype, batch, head, 0), 0, a.v.row_stride, 1});
  }

 private:
  int64_t batch_ = -1, head_ = -1;
};

// The weights of a block, rows of `columns` elements.
template <class T>
void weights(const Attention& a, const Block& b, T* p, const std::optional<PackedOperand>& packed_k = {}) {
  static const auto& softmax = cpu::find_kernels<cpu::RowsFn>("softmax_rows");
  product(a.dtype, b.rows, b.columns, a.width, {at(a.q, a.dtype, b.batch, b.head, b.first), a.q.row_stride, 1},
          {at(a.k, a.dtype, b.batch, kv_head(a, b.head), 0), 1, a.k.row_stride}, p, b.columns, a.scale, 0, packed_k);
  if (!a.mask.data && !a.causal) {
    char* data[] = {reinterpret_cast<char*>(p), reinterpret_cast<char*>(p)};
    return softmax[a.dtype](data, b.rows, b.columns, nullptr);
  }
  for (int64_t i = 0; i < b.rows; ++i) {
    T* row = p + i * b.columns;
    int64_t n = b.seen(a, i);
    if (a.mask.data) {
      apply_mask(a, at(a.mask, a.mask_dtype, b.batch, b.head, b.first + i), row, n);
      bool none = true;
      for (int64_t j = 0; j < n && none; ++j) none = double(row[j]) == -std::numeric_limits<double>::infinity();
      if (none) n = 0;
    }
    char* data[] = {reinterpret_cast<char*>(row), reinterpret_cast<char*>(row)};
    if (n > 0) softmax[a.dtype](data, 1, n, nullptr);
    std::memset(static_cast<void*>(row + n), 0, size_t(b.columns - n) * sizeof(T));
  }
}

// Rows of scores that fill about half of the second cache.
int64_t block_rows(const Attention& a) {
  int64_t rows = (int64_t(1) << 20) / std::max<int64_t>(1, a.keys * itemsize(a.dtype));
  return std::min(a.queries, std::clamp<int64_t>(rows / 32 * 32, 32, 256));
}

template <class T>
void forward(const Attention& a) {
  int64_t rows = block_rows(a), blocks = (a.queries + rows - 1) / rows;
  double work = double(rows) * double(a.keys) * double(a.width + a.value_width);
  auto grain = std::max<int64_t>(1, int64_t(100e3 / (work + 1)));
  parallel_for(0, a.batch * a.heads * blocks, grain, [&](int64_t begin, int64_t end) {
    Scratch scores(rows * a.keys * int64_t(sizeof(T)));
    auto* p = reinterpret_cast<T*>(scores.data());
    PackedHead packed;
    for (int64_t i = begin; i < end; ++i) {
      int64_t head = i / blocks, first = i % blocks * rows;
      Block b = make_block(a, head / a.heads, head % a.heads, first, std::min(rows, a.queries - first));
      if (blocks > 1 && is_half(a.dtype)) packed.prepare(a, b.batch, kv_head(a, b.head));
      weights(a, b, p, packed.k);
      product(a.dtype, b.rows, a.value_width, b.columns, {p, b.columns, 1}, {at(a.v, a.dtype, b.batch, kv_head(a, b.head), 0), a.v.row_stride, 1},
              at(a.out, a.dtype, b.batch, b.head, b.first), a.out.row_stride, 1, 0, packed.v);
    }
  });
}

template <class T>
void backward(const Attention& a, const AttentionOperand& grad, const AttentionOperand& grad_q, const AttentionOperand& grad_k, const AttentionOperand& grad_v) {
  static const auto& softmax_backward = cpu::find_kernels<cpu::RowsFn>("softmax_backward_rows");
  // Sums over blocks are kept in the gradient itself, which half types have not the bits for: those take one block.
  int64_t rows = sizeof(T) < 4 ? a.queries : block_rows(a), group = a.heads / a.kv_heads;
  bool widened = sizeof(T) < 4 && group > 1;
  parallel_for(0, a.batch * a.kv_heads, 1, [&](int64_t begin, int64_t end) {
    int64_t block = rows * a.keys * int64_t(sizeof(T));
    Scratch one(block), two(block), part(widened ? a.keys * std::max(a.width, a.value_width) * int64_t(sizeof(T)) : 0);
    Scratch sums(widened ? a.keys * (a.width + a.value_width) * 4 : 0);
    auto *p = reinterpret_cast<T*>(one.data()), *dp = reinterpret_cast<T*>(two.data());
    auto* t = reinterpret_cast<T*>(part.data());
    float *sum_k = sums.floats(), *sum_v = sum_k + (widened ? a.keys * a.width : 0);
    for (int64_t i = begin; i < end; ++i) {
      int64_t batch = i / a.kv_heads, kv = i % a.kv_heads;
      char *to_k = at(grad_k, a.dtype, batch, kv, 0), *to_v = at(grad_v, a.dtype, batch, kv, 0);
      auto clear = [&](char* to, const AttentionOperand& o, int64_t width) {
        for (int64_t r = 0; r < a.keys; ++r) std::memset(to + r * o.row_stride * int64_t(sizeof(T)), 0, size_t(width) * sizeof(T));
      };
      clear(to_k, grad_k, a.width), clear(to_v, grad_v, a.value_width);
      if (widened) std::memset(sum_k, 0, size_t(a.keys * (a.width + a.value_width)) * 4);
      // target (columns x width) += A^T B, A of `columns` columns
      auto accumulate = [&](const T* left, const Block& b, const char* right, int64_t right_row, int64_t width, char* to, int64_t to_row, float* sum, double alpha) {
        if (!widened) return product(a.dtype, b.columns, width, b.rows, {left, 1, b.columns}, {right, right_row, 1}, to, to_row, alpha, 1);
        product(a.dtype, b.columns, width, b.rows, {left, 1, b.columns}, {right, right_row, 1}, t, width, alpha, 0);
        for (int64_t j = 0; j < b.columns * width; ++j) sum[j] += float(t[j]);
      };
      for (int64_t head = kv * group; head < (kv + 1) * group; ++head)
        for (int64_t first = 0; first < a.queries; first += rows) {
          Block b = make_block(a, batch, head, first, std::min(rows, a.queries - first));
          weights(a, b, p);
          const char *go = at(grad, a.dtype, batch, head, first), *q = at(a.q, a.dtype, batch, head, first);
          accumulate(p, b, go, grad.row_stride, a.value_width, to_v, grad_v.row_stride, sum_v, 1);
          product(a.dtype, b.rows, b.columns, a.value_width, {go, grad.row_stride, 1}, {at(a.v, a.dtype, batch, kv, 0), 1, a.v.row_stride}, dp, b.columns, 1, 0);
          char* data[] = {reinterpret_cast<char*>(dp), reinterpret_cast<char*>(dp), reinterpret_cast<char*>(p)};
          softmax_backward[a.dtype](data, b.rows, b.columns, nullptr);
          product(a.dtype, b.rows, a.width, b.columns, {dp, b.columns, 1}, {at(a.k, a.dtype, batch, kv, 0), a.k.row_stride, 1}, at(grad_q, a.dtype, batch, head, first),
                  grad_q.row_stride, a.scale, 0);
          accumulate(dp, b, q, a.q.row_stride, a.width, to_k, grad_k.row_stride, sum_k, a.scale);
        }
      auto finish = [&](const float* sum, char* to, int64_t row, int64_t width) {
        for (int64_t r = 0; r < a.keys; ++r)
          for (int64_t j = 0; j < width; ++j) reinterpret_cast<T*>(to)[r * row + j] = T(sum[r * width + j]);
      };
      if (widened) finish(sum_k, to_k, grad_k.row_stride, a.width), finish(sum_v, to_v, grad_v.row_stride, a.value_width);
    }
  });
}

}  // namespace

void attention_forward(const Attention& a) {
  visit_floats_and_halfs("scaled_dot_product_attention", a.dtype, [&]<class T>(T) { forward<T>(a); });
}

void attention_backward(const Attention& a, const AttentionOperand& grad, const AttentionOperand& grad_q, const AttentionOperand& grad_k, const AttentionOperand& grad_v) {
  visit_floats_and_halfs("scaled_dot_product_attention", a.dtype, [&]<class T>(T) { backward<T>(a, grad, grad_q, grad_k, grad_v); });
}

}  // namespace kagari
