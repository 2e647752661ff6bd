// Products with sparse matrices. Everything comes down to two operators on strided parts: the product of compressed rows with a dense matrix,
// and inner products at the places of a pattern; each is the other's gradient.
#include <algorithm>

#include "kagari/base/parallel.h"
#include "kagari/cpu/dispatch.h"
#include "kagari/cpu/sparse.h"
#include "kagari/op/sparse_rules.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/bounds.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/sparse.h"
#include "kagari/ops/sparse_record.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

Tensor conjugate(const Tensor& t) { return t.is_complex() ? conj(t) : t; }

/// Rows compressed, in any order within a row: what the kernels take.
struct Rows {
  Tensor begin, column;  // (rows + 1), (nnz)
  Tensor order;          // the values in the order of the columns, if not as they were
};

/// Sorts entries by row.
Rows by_row(const Tensor& row, const Tensor& column, int64_t rows) {
  int64_t nnz = row.numel();
  Rows out{zeros({rows + 1}, {.dtype = DType::Int64, .layout = {}, .device = {}}), column, {}};
  const int64_t *r = row.data<int64_t>(), *c = column.data<int64_t>();
  int64_t* begin = out.begin.data<int64_t>();
  for (int64_t n = 0; n < nnz; ++n) ++begin[r[n] + 1];
  for (int64_t i = 0; i < rows; ++i) begin[i + 1] += begin[i];
  if (std::is_sorted(r, r + nnz)) return out;
  std::vector<int64_t> next(begin, begin + rows);
  out.order = empty_tensor({nnz}, DType::Int64);
  out.column = empty_tensor({nnz}, DType::Int64);
  for (int64_t n = 0; n < nnz; ++n) {
    int64_t at = next[size_t(r[n])]++;
    out.order.data<int64_t>()[at] = n;
    out.column.data<int64_t>()[at] = c[n];
  }
  return out;
}

Tensor row_of_each(const Tensor& begin, int64_t nnz) {
  Tensor row = empty_tensor({nnz}, DType::Int64);
  const int64_t* b = begin.data<int64_t>();
  for (int64_t r = 0; r + 1 < begin.numel(); ++r) std::fill(row.data<int64_t>() + b[r], row.data<int64_t>() + b[r + 1], r);
  return row;
}

/// Raises if the arrays would lead a kernel out of bounds: they may have been written to since the tensor was made.
void check_rows(const Tensor& begin, const Tensor& column, int64_t nnz, int64_t columns) {
  const int64_t *b = begin.data<int64_t>(), *c = column.data<int64_t>(), rows = begin.numel() - 1;
  bool good = rows >= 0 && b[0] == 0 && b[rows] == nnz && column.numel() == nnz;
  for (int64_t r = 0; good && r < rows; ++r) good = b[r] <= b[r + 1];
  for (int64_t n = 0; good && n < nnz; ++n) good = c[n] >= 0 && c[n] < columns;
  KG_CHECK(good, "the indices of a sparse tensor are out of range: they were changed after it was made");
}

template <class F>
void over_rows(const Tensor& begin, int64_t width, F&& f) {
  int64_t rows = begin.numel() - 1, nnz = begin.data<int64_t>()[rows], work = std::max<int64_t>(1, (nnz + rows) / std::max<int64_t>(rows, 1) * width);
  parallel_for(0, rows, std::max<int64_t>(1, 65536 / work), f);
}

Tensor csr_product(const Tensor& begin, const Tensor& column, const Tensor& values, const Tensor& dense);
Tensor csr_dots(const Tensor& begin, const Tensor& column, const Tensor& a, const Tensor& b);

/// transpose(A) @ dense for compressed rows of A, which has `columns` columns.
Tensor transposed_product(const Tensor& begin, const Tensor& column, const Tensor& values, const Tensor& dense, int64_t columns) {
  Rows flipped = by_row(column, row_of_each(begin, column.numel()), columns);
  return csr_product(flipped.begin, flipped.column, flipped.order.defined() ? index_select(values, 0, flipped.order) : values, dense);
}

const auto csr_product_op = define<&csr_product>({
    .schema = "_csr_product(Tensor crow, Tensor col, Tensor values, Tensor dense) -> Tensor",
    .in = 0,
    .doc = "The product of a matrix with compressed rows and a dense matrix.",
    .run = [](Out&, const Tensor& begin, const Tensor& column, const Tensor& values, const Tensor& dense) {
      Tensor v = contiguous(values), x = contiguous(dense), y = empty_tensor({begin.numel() - 1, x.sizes()[1]}, values.dtype());
      check_rows(begin, column, v.numel(), x.sizes()[0]);
      static const auto& table = cpu::find_kernels<cpu::CsrTimesDenseFn>("csr_times_dense");
      auto kernel = table[v.dtype()];
      if (!kernel) fail_dtype("sparse.mm", v.dtype());
      int64_t n = x.sizes()[1];
      over_rows(begin, n, [&](int64_t from, int64_t to) {
        kernel(reinterpret_cast<char*>(y.bytes()), begin.data<int64_t>(), column.data<int64_t>(), reinterpret_cast<char*>(v.bytes()), reinterpret_cast<char*>(x.bytes()), n, from, to);
      });
      return y;
    },
    .grad = vjp("crow col values:dense dense:values", [](Ctx& c, const Tensor& begin, const Tensor& column, const Tensor& values, const Tensor& dense) -> Grads {
      Grads out{Tensor(), Tensor(), Tensor(), Tensor()};
      if (c.needs(2)) out[2] = csr_dots(begin, column, c.grad, conjugate(dense));
      if (c.needs(3)) out[3] = transposed_product(begin, column, conjugate(values), c.grad, c.sizes(3)[0]);
      return out;
    }),
    .node_name = "SparseAddmmBackward0",
});
Tensor csr_product(const Tensor& begin, const Tensor& column, const Tensor& values, const Tensor& dense) { return csr_product_op(begin, column, values, dense); }

const auto csr_dots_op = define<&csr_dots>({
    .schema = "_csr_dots(Tensor crow, Tensor col, Tensor a, Tensor b) -> Tensor",
    .in = 0,
    .doc = "For each place (r, c) of a pattern with compressed rows the inner product of row r of a and row c of b.",
    .run = [](Out&, const Tensor& begin, const Tensor& column, const Tensor& a, const Tensor& b) {
      Tensor x = contiguous(a), y = contiguous(b), out = empty_tensor({column.numel()}, a.dtype());
      check_rows(begin, column, column.numel(), y.sizes()[0]);
      KG_ASSERT(x.sizes()[0] == begin.numel() - 1 && x.sizes()[1] == y.sizes()[1]);
      static const auto& table = cpu::find_kernels<cpu::CsrDotsFn>("csr_dots");
      auto kernel = table[a.dtype()];
      if (!kernel) fail_dtype("sparse.sampled_addmm", a.dtype());
      int64_t n = x.sizes()[1];
      over_rows(begin, n, [&](int64_t from, int64_t to) {
        kernel(reinterpret_cast<char*>(out.bytes()), begin.data<int64_t>(), column.data<int64_t>(), reinterpret_cast<char*>(x.bytes()), reinterpret_cast<char*>(y.bytes()), n, from, to);
      });
      return out;
    },
    .grad = vjp("crow col a:b b:a", [](Ctx& c, const Tensor& begin, const Tensor& column, const Tensor& a, const Tensor& b) -> Grads {
      Grads out{Tensor(), Tensor(), Tensor(), Tensor()};
      if (c.needs(2)) out[2] = csr_product(begin, column, c.grad, conjugate(b));
      if (c.needs(3)) out[3] = transposed_product(begin, column, c.grad, conjugate(a), c.sizes(3)[0]);
      return out;
    }),
});
Tensor csr_dots(const Tensor& begin, const Tensor& column, const Tensor& a, const Tensor& b) { return csr_dots_op(begin, column, a, b); }

// ---------------------------------------------------------------- matrices of all layouts
/// A matrix as compressed rows and its values in their order, through which gradients flow.
std::pair<Rows, Tensor> rows_and_values(const Tensor& matrix) {
  KG_CHECK(sparse_parts(matrix).sparse_dim() == 2 && matrix.dim() == 2, "mm: expected a sparse matrix with 2 sparse dimensions and no dense ones, but got shape ", matrix.sizes());
  Tensor x = sparse_parts(matrix).in_blocks() ? to_layout(matrix, Layout::Sparse) : matrix;
  if (sparse_parts(x).is_coo() && grad_enabled() && x.requires_grad()) x = coalesce(x);
  const SparseParts& p = sparse_parts(x);
  Tensor values = sparse_values(x);
  if (p.layout == Layout::SparseCsr) return {{p.indices, p.plain, {}}, values};
  Tensor at = sparse_coordinates(x);
  Rows rows = by_row(select(at, 0, 0), select(at, 0, 1), x.sizes()[0]);
  return {rows, rows.order.defined() ? index_select(values, 0, rows.order) : values};
}

Tensor sparse_times_dense(const Tensor& a, const Tensor& b) {
  KG_CHECK(b.dim() == 2, "mm: expected a matrix, but got a tensor of shape ", b.sizes());
  KG_CHECK(a.sizes()[1] == b.sizes()[0], "addmm: Argument #3 (dense): Expected dim 0 size ", a.sizes()[1], ", got ", b.sizes()[0]);
  KG_CHECK(a.dtype() == b.dtype(), "mat1 and mat2 must have the same dtype, but got ", a.dtype(), " and ", b.dtype());
  auto [rows, values] = rows_and_values(a);
  return csr_product(rows.begin, rows.column, values, b);
}

/// The same, row by row (Gustavson 1978), when nothing is recorded.
Tensor product_of_rows(const Rows& x, const Tensor& xv, const Rows& y, const Tensor& yv, int64_t columns) {
  const int64_t *xb = x.begin.data<int64_t>(), *xc = x.column.data<int64_t>(), *yb = y.begin.data<int64_t>(), *yc = y.column.data<int64_t>(), rows = x.begin.numel() - 1;
  Tensor left = contiguous(xv), right = contiguous(yv);
  return visit_all("sparse.mm", xv.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using S = std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>, float, std::conditional_t<std::is_integral_v<T>, uint64_t, T>>;
    const T *a = left.template data<T>(), *b = right.template data<T>();
    std::vector<S> sums(static_cast<size_t>(columns)), values;
    std::vector<int64_t> last_row(size_t(columns), -1), met, i, j;
    for (int64_t row = 0; row < rows; ++row) {
      met.clear();
      for (int64_t n = xb[row]; n < xb[row + 1]; ++n)
        for (int64_t m = yb[xc[n]]; m < yb[xc[n] + 1]; ++m) {
          size_t c = size_t(yc[m]);
          if (last_row[c] != row) {
            last_row[c] = row;
            sums[c] = S(0);
            met.push_back(yc[m]);
          }
          sums[c] += S(a[n]) * S(b[m]);
        }
      std::sort(met.begin(), met.end());
      for (int64_t c : met) {
        i.push_back(row);
        j.push_back(c);
        values.push_back(sums[size_t(c)]);
      }
    }
    int64_t nnz = int64_t(i.size());
    Tensor at = empty_tensor({2, nnz}, DType::Int64), v = empty_tensor({nnz}, xv.dtype());
    std::copy(i.begin(), i.end(), at.data<int64_t>());
    std::copy(j.begin(), j.end(), at.data<int64_t>() + nnz);
    std::transform(values.begin(), values.end(), v.template data<T>(), [](S s) { return T(s); });
    return make_sparse({rows, columns}, {Layout::Sparse, at, {}, v, true, false});
  });
}

/// All products of entries that meet, added up.
Tensor sparse_times_sparse(const Tensor& a, const Tensor& b) {
  KG_CHECK(a.sizes()[1] == b.sizes()[0], "mat1 and mat2 shapes cannot be multiplied (", a.sizes()[0], "x", a.sizes()[1], " and ", b.sizes()[0], "x", b.sizes()[1], ")");
  KG_CHECK(a.dtype() == b.dtype(), "sparse_mm: expected 'mat1' and 'mat2' to have the same dtype, but got ", a.dtype(), " and ", b.dtype());
  auto [x, xv] = rows_and_values(a);
  auto [y, yv] = rows_and_values(b);
  check_rows(x.begin, x.column, xv.numel(), b.sizes()[0]);
  check_rows(y.begin, y.column, yv.numel(), b.sizes()[1]);
  if (!grad_enabled() || (!xv.requires_grad() && !yv.requires_grad())) {
    Tensor made = product_of_rows(x, xv, y, yv, b.sizes()[1]);
    return sparse_parts(a).is_coo() ? made : to_layout(made, Layout::SparseCsr);
  }
  const int64_t *xb = x.begin.data<int64_t>(), *xc = x.column.data<int64_t>(), *yb = y.begin.data<int64_t>(), *yc = y.column.data<int64_t>();
  int64_t count = 0, rows = a.sizes()[0];
  for (int64_t n = 0; n < xv.numel(); ++n) count += yb[xc[n] + 1] - yb[xc[n]];
  Tensor at = empty_tensor({2, count}, DType::Int64), left = empty_tensor({count}, DType::Int64), right = empty_tensor({count}, DType::Int64);
  int64_t *i = at.data<int64_t>(), *j = i + count, *l = left.data<int64_t>(), *r = right.data<int64_t>(), k = 0;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t n = xb[row]; n < xb[row + 1]; ++n)
      for (int64_t m = yb[xc[n]]; m < yb[xc[n] + 1]; ++m, ++k) i[k] = row, j[k] = yc[m], l[k] = n, r[k] = m;
  Tensor values = mul(index_select(xv, 0, left), index_select(yv, 0, right));
  Tensor y_coo = coalesce(with_sparse_values(make_sparse({rows, b.sizes()[1]}, {Layout::Sparse, at, {}, detach(values), false, false}), values));
  return sparse_parts(a).is_coo() ? y_coo : to_layout(y_coo, Layout::SparseCsr);
}

Tensor product(const Tensor& a, const Tensor& b) {
  KG_CHECK(a.dim() == 2 && b.dim() == 2, "mm: expected two matrices, but got shapes ", a.sizes(), " and ", b.sizes());
  if (is_sparse(a) && is_sparse(b)) return sparse_times_sparse(a, b);
  if (is_sparse(a)) return sparse_times_dense(a, b);
  KG_CHECK(a.sizes()[1] == b.sizes()[0], "mat1 and mat2 shapes cannot be multiplied (", a.sizes()[0], "x", a.sizes()[1], " and ", b.sizes()[0], "x", b.sizes()[1], ")");
  return t(sparse_times_dense(t(b), t(a)));
}

Tensor mm_rule(const SparseCall&, const Tensor& self, const Tensor& mat2) { return product(self, mat2); }
Tensor mv_rule(const SparseCall&, const Tensor& self, const Tensor& vec) {
  KG_CHECK(is_sparse(self) && !is_sparse(vec), "mv(): the vector must be strided");
  KG_CHECK(self.dim() == 2 && vec.dim() == 1, "mv: expected a matrix and a vector, but got shapes ", self.sizes(), " and ", vec.sizes());
  KG_CHECK(self.sizes()[1] == vec.sizes()[0], "mv: expected self.size(-1) == vec.size(-1), but got ", self.sizes()[1], " and ", vec.sizes()[0]);
  return select(sparse_times_dense(self, unsqueeze(vec, 1)), 1, 0);
}
Tensor matmul_rule(const SparseCall& call, const Tensor& self, const Tensor& other) {
  if (self.dim() == 2 && other.dim() == 2) return product(self, other);
  if (self.dim() == 2 && other.dim() == 1) return mv_rule(call, self, other);
  if (self.dim() == 1 && other.dim() == 2 && !is_sparse(self)) return select(product(unsqueeze(self, 0), other), 0, 0);
  if (self.dim() >= 3 && other.dim() == 2 && !is_sparse(self)) {
    Ints sizes(self.sizes());
    Tensor rows = reshape(self, {-1, sizes.back()});
    sizes.back() = other.sizes()[1];
    return reshape(product(rows, other), sizes);
  }
  if (self.dim() == 3 && other.dim() == 3) return bmm(self, other);
  fail(ErrorKind::NotImplemented, str("matmul(): a product of shapes ", shape_text(self.sizes()), " and ", shape_text(other.sizes()), " is not supported for sparse tensors"));
}
Tensor bmm_rule(const SparseCall&, const Tensor& self, const Tensor& mat2) {
  KG_CHECK(self.dim() == 3 && mat2.dim() == 3, "bmm: expected two 3-dimensional tensors, but got shapes ", self.sizes(), " and ", mat2.sizes());
  KG_CHECK(self.sizes()[0] == mat2.sizes()[0], "bmm: 'self.size(0)' and 'mat2.size(0)' must match, but got ", self.sizes()[0], " and ", mat2.sizes()[0]);
  KG_CHECK_IMPLEMENTED(is_sparse(self) != is_sparse(mat2), "bmm(): the product of two sparse tensors is not supported");
  std::vector<Tensor> out;
  for (int64_t b = 0; b < self.sizes()[0]; ++b) out.push_back(product(select(self, 0, b), select(mat2, 0, b)));
  return out.empty() ? zeros({0, self.sizes()[1], mat2.sizes()[2]}, {.dtype = self.dtype(), .layout = {}, .device = {}}) : stack(out, 0);
}
Tensor scaled(const Tensor& t, const Scalar& s) { return s == Scalar(1) ? t : mul(t, wrapped_number(s)); }
Tensor addmm_rule(const SparseCall&, const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta, const Scalar& alpha) {
  KG_CHECK(is_sparse(mat1) || is_sparse(mat2), "addmm: expected strided result tensor, got tensor with layout ", name(layout_of(self)));
  Tensor y = scaled(product(mat1, mat2), alpha);
  if (beta == Scalar(0)) return y;
  if (is_sparse(y) && !is_sparse(self)) y = to_dense(y);
  if (is_sparse(self) && !is_sparse(y)) return add(y, scaled(self, beta));
  Tensor base = is_sparse(self) || self.sizes() == y.sizes() ? self : expand(self, y.sizes());
  return add(scaled(base, beta), y);
}
Tensor linear_rule(const SparseCall&, const Tensor& input, const Tensor& weight, const Tensor& bias) {
  Tensor y = matmul(input, t(weight));
  return bias.defined() ? add(y, bias) : y;
}
const SparseRule mm_op("mm", mm_rule), mv_op("mv", mv_rule), matmul_op("matmul", matmul_rule), bmm_op("bmm", bmm_rule), addmm_op("addmm", addmm_rule), linear_op("linear", linear_rule);

// ---------------------------------------------------------------- operators with names of their own
Tensor smm(const Tensor& self, const Tensor& mat2) {
  KG_CHECK(is_sparse(self), "smm(): expected the first matrix to be sparse");
  Tensor y = product(self, mat2);
  return is_sparse(y) ? y : to_sparse(y);
}
Tensor hspmm(const Tensor& mat1, const Tensor& mat2) {
  KG_CHECK(is_sparse(mat1) && sparse_parts(mat1).is_coo(), "hspmm: expected the first matrix to be of layout torch.sparse_coo");
  return to_sparse(product(mat1, mat2), 1);
}
Tensor sspaddmm(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta, const Scalar& alpha) {
  KG_CHECK(is_sparse(self) && is_sparse(mat1), "sspaddmm: expected 'self' and 'mat1' to be sparse");
  return add(scaled(self, beta), scaled(smm(mat1, mat2), alpha));
}
Tensor sampled_addmm(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta, const Scalar& alpha) {
  KG_CHECK_IMPLEMENTED(is_sparse(self) && !sparse_parts(self).is_coo(), "Could not run 'aten::sparse_sampled_addmm' with arguments from the '", is_sparse(self) ? "Sparse" : "",
                       "CPU' backend: it needs a tensor of layout torch.sparse_csr");
  KG_CHECK(layout_of(self) == Layout::SparseCsr, "sampled_addmm: Expected self to have layout torch.sparse_csr, but got ", python_name(layout_of(self)));
  KG_CHECK(!is_sparse(mat1) && !is_sparse(mat2), "sampled_addmm: Expected mat1 and mat2 to have strided layout");
  KG_CHECK(mat1.dtype() == mat2.dtype() && mat1.dtype() == self.dtype(), "sampled_addmm: Expected self, mat1 and mat2 to have the same dtype, but got ", self.dtype(), ", ", mat1.dtype(), " and ", mat2.dtype());
  KG_CHECK(mat1.dim() == 2 && mat2.dim() == 2, "sampled_addmm: Expected mat1 and mat2 to be matrices, but got shapes ", mat1.sizes(), " and ", mat2.sizes());
  KG_CHECK(mat1.sizes()[1] == mat2.sizes()[0], "sampled_addmm: mat1 and mat2 shapes cannot be multiplied (", mat1.sizes()[0], "x", mat1.sizes()[1], " and ", mat2.sizes()[0], "x", mat2.sizes()[1], ")");
  KG_CHECK(self.sizes()[0] == mat1.sizes()[0], "sampled_addmm: self.shape[-2] must match mat1.shape[-2]");
  KG_CHECK(self.sizes()[1] == mat2.sizes()[1], "sampled_addmm: self.shape[-1] must match mat2.shape[-1]");
  const SparseParts& p = sparse_parts(self);
  Tensor sampled = scaled(csr_dots(p.indices, p.plain, mat1, t(mat2)), alpha);
  return with_sparse_values(detach(self), beta == Scalar(0) ? sampled : add(scaled(sparse_values(self), beta), sampled));
}
Tensor mm_reduce(const Tensor& self, const Tensor& other, std::string_view reduce) {
  KG_CHECK_IMPLEMENTED(is_sparse(self) && layout_of(self) == Layout::SparseCsr, "Could not run 'aten::_sparse_mm_reduce_impl': expected a matrix of layout torch.sparse_csr, but got ", python_name(layout_of(self)));
  KG_CHECK(!is_sparse(other), "sparse_mm_reduce: expected other to be strided");
  if (reduce == "max" || reduce == "min") reduce = reduce == "max" ? "amax" : "amin";
  KG_CHECK(reduce == "sum" || reduce == "mean" || reduce == "amax" || reduce == "amin", "sparse_mm_reduce: reduce type of ", reduce, " has not been enabled.");
  if (reduce == "sum") return sparse_times_dense(self, other);
  const SparseParts& p = sparse_parts(self);
  KG_CHECK(other.dim() == 2 && self.dim() == 2 && self.sizes()[1] == other.sizes()[0], "mat1 and mat2 shapes cannot be multiplied (", self.sizes()[0], "x", self.sizes().back(), " and ", other.sizes()[0], "x", other.sizes().back(), ")");
  Tensor counts = sub(slice(p.indices, 0, 1), slice(p.indices, 0, 0, -1));
  if (reduce == "mean") return div(sparse_times_dense(self, other), to(unsqueeze(clamp_min(counts, 1), 1), self.dtype()));
  Tensor row = row_of_each(p.indices, p.nnz());
  Tensor products = mul(unsqueeze(sparse_values(self), 1), index_select(other, 0, p.plain));
  Tensor zero = zeros({self.sizes()[0], other.sizes()[1]}, {.dtype = self.dtype(), .layout = {}, .device = {}});
  return scatter_reduce(zero, 0, expand(unsqueeze(row, 1), products.sizes()), products, reduce, false);
}

#define KG_SPARSE_PRODUCT(f, where, schema_text, rule_name, doc_text, ...)                                               \
  const auto f##_op = compose<&f>({.schema = schema_text, .in = where, .traits = kReadsValues, .doc = doc_text, .body = &f}); \
  const SparseRule f##_of_sparse(rule_name, __VA_ARGS__)
KG_SPARSE_PRODUCT(smm, kFunction | kMethod, "smm(Tensor self, Tensor mat2) -> Tensor", "smm", "The product of a sparse and a dense matrix as a COO matrix.",
                  +[](const SparseCall&, const Tensor& a, const Tensor& b) { return smm(a, b); });
KG_SPARSE_PRODUCT(hspmm, kFunction, "hspmm(Tensor mat1, Tensor mat2) -> Tensor", "hspmm", "The product of a sparse and a dense matrix as a COO tensor with one sparse dimension.",
                  +[](const SparseCall&, const Tensor& a, const Tensor& b) { return hspmm(a, b); });
KG_SPARSE_PRODUCT(sspaddmm, kFunction | kMethod, "sspaddmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor", "sspaddmm", "beta * self + alpha * mat1 @ mat2, all but mat2 sparse.",
                  +[](const SparseCall&, const Tensor& s, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) { return sspaddmm(s, a, b, beta, alpha); });
KG_SPARSE_PRODUCT(sampled_addmm, kFunction, "sparse_sampled_addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor", "sparse_sampled_addmm",
                  "beta * self + alpha * (mat1 @ mat2) at the places of the CSR matrix self.",
                  +[](const SparseCall&, const Tensor& s, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) { return sampled_addmm(s, a, b, beta, alpha); });
KG_SPARSE_PRODUCT(mm_reduce, kFunction, "_sparse_mm_reduce(Tensor sparse, Tensor dense, str reduce) -> Tensor", "_sparse_mm_reduce",
                  "The product of a CSR and a dense matrix in which the terms of an element are reduced by sum, mean, amax or amin; a row without entries gives 0.",
                  +[](const SparseCall&, const Tensor& a, const Tensor& b, std::string_view reduce) { return mm_reduce(a, b, reduce); });
#undef KG_SPARSE_PRODUCT

}  // namespace
}  // namespace kagari
