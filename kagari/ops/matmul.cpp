#include "kagari/ops/matmul.h"

#include "kagari/cpu/gemm.h"
#include "kagari/cpu/reduce.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/elementwise.h"
#include "kagari/ops/logic.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

constexpr unsigned everywhere = kFunction | kMethod | kOut;

void check_dtypes(std::string_view op, const Tensor& a, const Tensor& b) {
  KG_CHECK(a.dtype() == b.dtype(), "expected m1 and m2 to have the same dtype, but got: ", legacy_name(a.dtype()) == "Float" ? "float" : name(a.dtype()),
           " != ", legacy_name(b.dtype()) == "Float" ? "float" : name(b.dtype()), " (in ", op, ")");
  KG_CHECK(a.device() == b.device(), "Expected all tensors to be on the same device, but got ", a.device(), " and ", b.device(), " (when checking arguments of ", op, ")");
}

/// The last two dimensions of t as an operand; a batch of one for matrices.
GemmOperand operand(const Tensor& t) {
  size_t n = t.sizes().size();
  return {t.bytes(), n == 3 && t.sizes()[0] != 1 ? t.strides()[0] : 0, t.strides()[n - 2], t.strides()[n - 1]};
}

/// y = alpha a b + beta y for matrices or batches of matrices of one dtype.
void multiply(const Tensor& y, const Tensor& a, const Tensor& b, const Scalar& beta = 0, const Scalar& alpha = 1, const Tensor& bias = {}) {
  if (y.numel() == 0 || y.is_meta()) return;
  KG_CHECK_IMPLEMENTED(y.dtype() != DType::Bool && !is_float8(y.dtype()), "\"addmm_impl_cpu_\" not implemented for '", y.dtype(), "'");
  Gemm g;
  g.dtype = y.dtype();
  size_t n = y.sizes().size();
  g.batch = n == 3 ? y.sizes()[0] : 1;
  g.m = y.sizes()[n - 2];
  g.n = y.sizes()[n - 1];
  g.k = a.sizes()[n - 1];
  g.a = operand(a);
  g.b = operand(b);
  g.c = y.bytes();
  g.c_batch_stride = n == 3 ? y.strides()[0] : 0;
  g.c_row_stride = y.strides()[n - 2];
  g.c_column_stride = y.strides()[n - 1];
  g.alpha = alpha.to_complex_value();
  g.beta = beta.to_complex_value();
  if (bias.defined()) g.bias = bias.bytes();
  gemm(g);
}

Tensor adj(const Tensor& t) { return conj(transpose(t, -2, -1)); }
Tensor scaled(const Tensor& g, const Scalar& s) {
  Scalar c = s.is_complex() ? Scalar(std::conj(s.to_complex_value())) : s;
  return c == Scalar(1) ? g : mul(g, wrapped_number(c));
}

void check_mm(std::string_view op, const Tensor& a, const Tensor& b) {
  KG_CHECK(a.dim() == 2 && b.dim() == 2, a.dim() != 2 ? (op == "mm" ? "self" : "mat1") : "mat2", " must be a matrix");
  KG_CHECK(a.sizes()[1] == b.sizes()[0], "mat1 and mat2 shapes cannot be multiplied (", a.sizes()[0], "x", a.sizes()[1], " and ", b.sizes()[0], "x", b.sizes()[1], ")");
  check_dtypes(op, a, b);
}
void check_bmm(const Tensor& a, const Tensor& b) {
  KG_CHECK(a.dim() == 3, "batch1 must be a 3D tensor");
  KG_CHECK(b.dim() == 3, "batch2 must be a 3D tensor");
  KG_CHECK(a.sizes()[0] == b.sizes()[0] && a.sizes()[2] == b.sizes()[1], "Expected size for first two dimensions of batch2 tensor to be: [", a.sizes()[0], ", ",
           a.sizes()[2], "] but got: [", b.sizes()[0], ", ", b.sizes()[1], "].");
  check_dtypes("bmm", a, b);
}

const auto mm_op = define<&mm>({
    .schema = "mm(Tensor self, Tensor mat2) -> Tensor",
    .in = everywhere,
    .doc = "The product of two matrices, (n, k) x (k, m) -> (n, m).\n\n>>> torch.mm(torch.eye(2), torch.ones(2, 1))\ntensor([[1.],\n        [1.]])",
    .run = [](Out& out, const Tensor& self, const Tensor& mat2) {
      check_mm("mm", self, mat2);
      Tensor y = out.alloc({self.sizes()[0], mat2.sizes()[1]}, self.dtype(), self.device());
      multiply(y, self, mat2);
      return y;
    },
    .grad = vjp("self:mat2 mat2:self", [](Ctx& c, const Tensor& self, const Tensor& mat2) -> Grads {
      return {c.needs(0) ? mm(c.grad, adj(mat2)) : Tensor(), c.needs(1) ? mm(adj(self), c.grad) : Tensor()};
    }),
});

const auto bmm_op = define<&bmm>({
    .schema = "bmm(Tensor self, Tensor mat2) -> Tensor",
    .in = everywhere,
    .doc = "The products of two batches of matrices, (b, n, k) x (b, k, m) -> (b, n, m).",
    .run = [](Out& out, const Tensor& self, const Tensor& mat2) {
      check_bmm(self, mat2);
      Tensor y = out.alloc({self.sizes()[0], self.sizes()[1], mat2.sizes()[2]}, self.dtype(), self.device());
      multiply(y, self, mat2);
      return y;
    },
    .grad = vjp("self:mat2 mat2:self", [](Ctx& c, const Tensor& self, const Tensor& mat2) -> Grads {
      return {c.needs(0) ? bmm(c.grad, adj(mat2)) : Tensor(), c.needs(1) ? bmm(adj(self), c.grad) : Tensor()};
    }),
});

const auto mv_op = define<&mv>({
    .schema = "mv(Tensor self, Tensor vec) -> Tensor",
    .in = everywhere,
    .doc = "The product of a matrix and a vector, (n, k) x (k) -> (n).",
    .run = [](Out& out, const Tensor& self, const Tensor& vec) {
      KG_CHECK(self.dim() == 2 && vec.dim() == 1, "vector + matrix @ vector expected, got ", 1, ", ", self.dim(), ", ", vec.dim());
      KG_CHECK(self.sizes()[1] == vec.sizes()[0], "size mismatch, got input (", self.sizes()[0], "), mat (", self.sizes()[0], "x", self.sizes()[1], "), vec (", vec.sizes()[0], ")");
      check_dtypes("mv", self, vec);
      Tensor y = out.alloc({self.sizes()[0]}, self.dtype(), self.device());
      Tensor column = alias(y, {y.sizes()[0], 1}, {1, 1}, y.storage_offset());
      multiply(column, self, alias(vec, {vec.sizes()[0], 1}, {vec.strides()[0], 1}, vec.storage_offset()));
      return y;
    },
    .grad = vjp("self:vec vec:self", [](Ctx& c, const Tensor& self, const Tensor& vec) -> Grads {
      return {c.needs(0) ? outer(c.grad, conj(vec)) : Tensor(), c.needs(1) ? mv(adj(self), c.grad) : Tensor()};
    }),
});

Tensor run_dot(Out& out, const Tensor& a, const Tensor& b) {
  KG_CHECK(a.dim() == 1 && b.dim() == 1, "1D tensors expected, but got ", a.dim(), "D and ", b.dim(), "D tensors");
  KG_CHECK(a.dtype() == b.dtype(), "dot : expected both vectors to have same dtype, but found ", a.dtype(), " and ", b.dtype());
  KG_CHECK(a.numel() == b.numel(), "inconsistent tensor size, expected tensor [", a.numel(), "] and src [", b.numel(), "] to have the same number of elements, but got ",
           a.numel(), " and ", b.numel(), " elements respectively");
  Tensor y = out.alloc({}, a.dtype(), a.device());
  if (is_half(a.dtype()) && a.numel() > 0 && !a.is_meta() && !b.is_meta()) {
    static const cpu::KernelTable<cpu::RowsFn>& dots = cpu::find_kernels<cpu::RowsFn>("dot_rows");
    Tensor x = contiguous(a), z = contiguous(b);
    char* data[] = {reinterpret_cast<char*>(y.bytes()), reinterpret_cast<char*>(x.bytes()), reinterpret_cast<char*>(z.bytes())};
    dots[a.dtype()](data, 1, a.numel(), nullptr);
    return y;
  }
  Tensor cell = alias(y, {1, 1}, {1, 1}, y.storage_offset());
  multiply(cell, alias(a, {1, a.numel()}, {1, a.strides()[0]}, a.storage_offset()), alias(b, {b.numel(), 1}, {b.strides()[0], 1}, b.storage_offset()));
  return y;
}

const auto dot_op = define<&dot>({
    .schema = "dot(Tensor self, Tensor tensor) -> Tensor",
    .in = everywhere,
    .doc = "The sum of the products of two vectors' elements.\n\n>>> torch.dot(torch.tensor([2, 3]), torch.tensor([2, 1]))\ntensor(7)",
    .run = run_dot,
    .grad = vjp("self:tensor tensor:self", [](Ctx& c, const Tensor& self, const Tensor& tensor) -> Grads {
      return {c.needs(0) ? mul(c.grad, conj(tensor)) : Tensor(), c.needs(1) ? mul(c.grad, conj(self)) : Tensor()};
    }),
});
const auto vdot_op = compose<&vdot>({
    .schema = "vdot(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .doc = "dot of the conjugate of self and other.",
    .body = [](const Tensor& self, const Tensor& other) { return dot(conj(self), other); },
});

const auto addmm_op = define<&addmm>({
    .schema = "addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    .in = everywhere | kInplace,
    .doc = "beta * self + alpha * (mat1 @ mat2); self broadcasts to the product. With beta 0, self is not read.",
    .run = [](Out& out, const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta, const Scalar& alpha) {
      check_mm("addmm", mat1, mat2);
      KG_CHECK(self.dtype() == mat1.dtype(), "self and mat2 must have the same dtype, but got ", self.dtype(), " and ", mat2.dtype());
      Ints sizes{mat1.sizes()[0], mat2.sizes()[1]};
      KG_CHECK(is_expandable_to(self.sizes(), sizes), "The expanded size of the tensor (", sizes.back(), ") must match the existing size (",
               self.dim() ? self.sizes().back() : 1, ") at non-singleton dimension ", 1, ".  Target sizes: ", sizes, ".  Tensor sizes: ", self.sizes());
      Tensor y = out.alloc(sizes, mat1.dtype(), mat1.device());
      bool fused = self.dim() == 1 && self.sizes()[0] == sizes[1] && self.is_contiguous() && beta == Scalar(1) && alpha == Scalar(1) && is_floating(y.dtype());
      bool reads = !(beta == Scalar(0));
      if (!fused && reads && !y.is_same(self)) autograd_arithmetic.copy_inplace(y, self);
      multiply(y, mat1, mat2, fused || !reads ? Scalar(0) : beta, alpha, fused ? self : Tensor());
      return y;
    },
    .grad = vjp("mat1:mat2 mat2:mat1", [](Ctx& c, const Tensor&, const Tensor& mat1, const Tensor& mat2, const Scalar& beta, const Scalar& alpha) -> Grads {
      return {c.needs(0) ? scaled(c.grad, beta) : Tensor(), c.needs(1) ? scaled(mm(c.grad, adj(mat2)), alpha) : Tensor(),
              c.needs(2) ? scaled(mm(adj(mat1), c.grad), alpha) : Tensor()};
    }),
});

const auto baddbmm_op = define<&baddbmm>({
    .schema = "baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    .in = everywhere | kInplace,
    .doc = "beta * self + alpha * (batch1 @ batch2) for batches of matrices; self broadcasts to the product.",
    .run = [](Out& out, const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) {
      check_bmm(a, b);
      KG_CHECK(self.dtype() == a.dtype(), "Input dtypes must be the same, got: input ", self.dtype(), ", batch1: ", a.dtype(), ", batch2: ", b.dtype());
      Ints sizes{a.sizes()[0], a.sizes()[1], b.sizes()[2]};
      KG_CHECK(is_expandable_to(self.sizes(), sizes), "The expanded size of the tensor ", sizes, " must match the existing size ", self.sizes());
      Tensor y = out.alloc(sizes, a.dtype(), a.device());
      bool reads = !(beta == Scalar(0));
      if (reads && !y.is_same(self)) autograd_arithmetic.copy_inplace(y, self);
      multiply(y, a, b, reads ? beta : Scalar(0), alpha);
      return y;
    },
    .grad = vjp("batch1:batch2 batch2:batch1", [](Ctx& c, const Tensor&, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) -> Grads {
      return {c.needs(0) ? scaled(c.grad, beta) : Tensor(), c.needs(1) ? scaled(bmm(c.grad, adj(b)), alpha) : Tensor(),
              c.needs(2) ? scaled(bmm(adj(a), c.grad), alpha) : Tensor()};
    }),
});

/// The factor as the dtype holds it: integers truncate it, and only complex numbers hold a complex one.
Scalar factor_for(DType dtype, const Scalar& s) {
  KG_CHECK(is_complex(dtype) || !s.is_complex(), "value cannot be converted to type ", name(dtype), " without overflow");
  return is_integer(dtype) ? Scalar(s.to_int()) : s;
}
/// beta * self + alpha * product, as PyTorch's add* family defines it: with beta 0, NaN in self does not matter.
Tensor blend(const Tensor& self, const Tensor& product, const Scalar& given_beta, const Scalar& given_alpha) {
  DType dtype = promote(self.dtype(), product.dtype());
  Scalar beta = factor_for(dtype, given_beta), alpha = factor_for(dtype, given_alpha);
  Tensor scaled_product = alpha == Scalar(1) ? product : mul(product, wrapped_number(alpha));
  if (beta == Scalar(0)) return to(scaled_product, dtype);
  return add(beta == Scalar(1) ? self : mul(self, wrapped_number(beta)), scaled_product);
}
const auto addbmm_op = compose<&addbmm>({
    .schema = "addbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    .in = everywhere | kInplace,
    .doc = "beta * self + alpha * the sum over the batch of batch1 @ batch2.",
    .body = [](const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) {
      check_bmm(a, b);
      KG_CHECK(self.dtype() == a.dtype(), "self and mat2 must have the same dtype, but got ", legacy_name(self.dtype()), " and ", legacy_name(a.dtype()));
      KG_CHECK(is_expandable_to(self.sizes(), {a.sizes()[1], b.sizes()[2]}), "The expanded size of the tensor must match the existing size ", self.sizes());
      // the sum over the batch is one product with a longer inner dimension
      int64_t n = a.sizes()[1], m = b.sizes()[2], k = a.sizes()[0] * a.sizes()[2];
      return blend(self, mm(reshape(transpose(a, 0, 1), {n, k}), reshape(b, {k, m})), beta, alpha);
    },
});
const auto addmv_op = compose<&addmv>({
    .schema = "addmv(Tensor self, Tensor mat, Tensor vec, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    .in = everywhere | kInplace,
    .doc = "beta * self + alpha * (mat @ vec).",
    .body = [](const Tensor& self, const Tensor& mat, const Tensor& vec, const Scalar& beta, const Scalar& alpha) {
      KG_CHECK(mat.dim() == 2 && vec.dim() == 1 && self.dim() <= 1, "vector + matrix @ vector expected, got ", self.dim(), ", ", mat.dim(), ", ", vec.dim());
      KG_CHECK(self.dtype() == mat.dtype() && self.dtype() == vec.dtype(), "addmv input tensors must have the same dtype, but got ", legacy_name(self.dtype()), ", ", legacy_name(mat.dtype()),
               ", and ", legacy_name(vec.dtype()));
      Tensor product = mv(mat, vec);
      KG_CHECK(is_expandable_to(self.sizes(), product.sizes()), "size mismatch, got input (", self.numel(), "), mat (", mat.sizes()[0], "x", mat.sizes()[1], "), vec (", vec.sizes()[0], ")");
      return blend(self, product, beta, alpha);
    },
});
const auto addr_op = compose<&addr>({
    .schema = "addr(Tensor self, Tensor vec1, Tensor vec2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    .in = everywhere | kInplace,
    .doc = "beta * self + alpha * outer(vec1, vec2); of bool tensors with `or` and `and` instead of + and *.",
    .body = [](const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) {
      KG_CHECK(a.dim() == 1 && b.dim() == 1, "addr: Expected 1-D arguments `vec1` and `vec2`, but got ", a.dim(), "-D and ", b.dim(), "-D");
      KG_CHECK(is_expandable_to(self.sizes(), {a.sizes()[0], b.sizes()[0]}), "The expanded size of the tensor must match the existing size ", self.sizes());
      Tensor product = outer(a, b);
      if (is_integral(promote(self.dtype(), product.dtype())))
        for (const Scalar* s : {&beta, &alpha})
          KG_CHECK(s->is_integral() || s->is_bool(), "For integral input tensors, argument ", s == &beta ? "beta" : "alpha", " must not be a floating point number.");
      if (self.dtype() != DType::Bool || product.dtype() != DType::Bool) return blend(self, product, beta, alpha);
      Tensor right = logical_and(product, wrapped_number(alpha.to_bool()));
      return beta.to_bool() ? logical_or(self, right) : right;
    },
});
const auto outer_op = compose<&outer>({
    .schema = "outer(Tensor self, Tensor vec2) -> Tensor",
    .in = everywhere,
    .aliases = "ger",
    .doc = "All products of the elements of two vectors, (n) x (m) -> (n, m).",
    .body = [](const Tensor& self, const Tensor& vec2) {
      KG_CHECK(self.dim() == 1 && vec2.dim() == 1, "outer: Expected 1-D argument ", self.dim() != 1 ? "self" : "vec2", ", but got ", self.dim() != 1 ? self.dim() : vec2.dim(), "-D");
      return mul(unsqueeze(self, 1), vec2);
    },
});
const auto inner_op = compose<&inner>({
    .schema = "inner(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .doc = "The sums of products over the last dimension of both.",
    .body = [](const Tensor& self, const Tensor& other) {
      if (self.dim() == 0 || other.dim() == 0) return mul(self, other);
      KG_CHECK(self.sizes().back() == other.sizes().back(), "inner() the last dimension must match on both input tensors but got shapes ", self.sizes(), " and ", other.sizes());
      int64_t a[] = {self.dim() - 1}, b[] = {other.dim() - 1};
      return tensordot(self, other, IntList(a, 1), IntList(b, 1));
    },
});
const auto kron_op = compose<&kron>({
    .schema = "kron(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .doc = "The Kronecker product.",
    .body = [](const Tensor& self, const Tensor& other) {
      int64_t n = std::max(self.dim(), other.dim());
      Ints a, b, sizes;
      for (int64_t i = 0; i < n; ++i) {
        int64_t x = i < n - self.dim() ? 1 : self.sizes()[i - (n - self.dim())], y = i < n - other.dim() ? 1 : other.sizes()[i - (n - other.dim())];
        a.push_back(x), a.push_back(1), b.push_back(1), b.push_back(y);
        sizes.push_back(x * y);
      }
      return reshape(mul(reshape(self, a), reshape(other, b)), sizes);
    },
});

// ---------------------------------------------------------------- linear and matmul
/// (..., k) as one matrix.
Tensor as_matrix(const Tensor& t) { return t.dim() == 2 ? t : reshape(t, {-1, t.sizes().back()}); }

const auto linear_op = define<&linear>({
    .schema = "linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor",
    .in = kFunctional | kPrivate | kOut,
    .doc = "input @ weight.T + bias for input (..., in), weight (out, in) and bias (out); the result is (..., out).",
    .run = [](Out& out, const Tensor& input, const Tensor& weight, const Tensor& bias) {
      KG_CHECK(weight.dim() == 2 || weight.dim() == 1, "linear(): weight must be a matrix or a vector, but has shape ", weight.sizes());
      int64_t k = weight.sizes().back();
      KG_CHECK(input.dim() > 0 && input.sizes().back() == k, "mat1 and mat2 shapes cannot be multiplied (",
               input.dim() < 2 ? 1 : input.numel() / std::max<int64_t>(input.sizes().back(), 1), "x", input.dim() ? input.sizes().back() : 1, " and ", k, "x", weight.dim() == 2 ? weight.sizes()[0] : 1, ")");
      KG_CHECK(input.dtype() == weight.dtype(), "mat1 and mat2 must have the same dtype, but got ", input.dtype(), " and ", weight.dtype());
      KG_CHECK(weight.device() == input.device() && (!bias.defined() || bias.device() == input.device()), "Expected all tensors to be on the same device, but got ", input.device(),
               " and ", weight.device(), " (when checking arguments of linear)");
      KG_CHECK(!bias.defined() || bias.dtype() == input.dtype(), "self and mat2 must have the same dtype, but got ", bias.defined() ? bias.dtype() : input.dtype(), " and ", input.dtype());
      int64_t n = weight.dim() == 2 ? weight.sizes()[0] : 1;
      KG_CHECK(!bias.defined() || is_expandable_to(bias.sizes(), {n}), "linear(): bias of shape ", bias.defined() ? bias.sizes() : IntList(), " does not fit ", n, " outputs");
      Ints sizes(input.sizes().begin(), input.sizes().end());
      if (weight.dim() == 2) sizes.back() = n;
      else sizes.pop_back();
      Tensor y = out.alloc(sizes, input.dtype(), input.device());
      if (y.is_meta() || y.numel() == 0) return y;
      int64_t rows = y.numel() / n;
      Tensor x = input.dim() == 2 ? input : input.is_contiguous() ? alias(input, {rows, k}, {k, 1}, input.storage_offset()) : reshape(input, {rows, k});
      Tensor w = alias(weight, {k, n}, {weight.strides().back(), weight.dim() == 2 ? weight.strides()[0] : 1}, weight.storage_offset());
      Tensor flat = alias(y, {rows, n}, {n, 1}, y.storage_offset());
      bool fused = bias.defined() && bias.is_contiguous() && bias.numel() == n && !input.is_complex();
      if (bias.defined() && !fused) autograd_arithmetic.copy_inplace(flat, bias);
      multiply(flat, x, w, bias.defined() && !fused ? 1 : 0, 1, fused ? bias : Tensor());
      return y;
    },
    .grad = vjp("input:weight weight:input", [](Ctx& c, const Tensor& input, const Tensor& weight, const Tensor&) -> Grads {
      Grads out{Tensor(), Tensor(), Tensor()};
      if (c.needs(0)) out[0] = weight.dim() == 2 ? matmul(c.grad, conj(weight)) : matmul(unsqueeze(c.grad, -1), conj(unsqueeze(weight, 0)));
      if (c.needs(1)) {
        bool vector = c.sizes(1).size() == 1;
        Tensor gw = mm(transpose(as_matrix(vector ? unsqueeze(c.grad, -1) : c.grad), 0, 1), conj(as_matrix(input)));
        out[1] = vector ? select(gw, 0, 0) : gw;
      }
      if (c.needs(2)) out[2] = numel_of(c.sizes(2)) == 1 ? reshape(sum(c.grad), c.sizes(2)) : sum_rows(as_matrix(c.grad));
      return out;
    }),
    .parts = [](const Tensor& input, const Tensor& weight, const Tensor& bias) {
      if (weight.dim() != 2) return bias.defined() ? add(matmul(input, weight), bias) : matmul(input, weight);
      if (!bias.defined()) return matmul(input, t(weight));
      if (input.dim() == 2) return addmm(bias, input, t(weight));
      Ints sizes(input.sizes().begin(), input.sizes().end());
      sizes.back() = weight.sizes()[0];
      return reshape(addmm(bias, reshape(input, {-1, input.sizes().back()}), t(weight)), sizes);
    },
});

const auto matmul_op = compose<&matmul>({
    .schema = "matmul(Tensor self, Tensor other) -> Tensor",
    .in = everywhere,
    .aliases = "linalg_matmul __matmul__",
    .doc = "The matrix product: of vectors a dot product, of matrices mm, of more dimensions a batch of products, whose leading dimensions broadcast.",
    .body = [](const Tensor& self, const Tensor& other) {
      int64_t a = self.dim(), b = other.dim();
      if (a == 2 && b == 2) return mm(self, other);
      KG_CHECK(a > 0 && b > 0, "both arguments to matmul need to be at least 1D, but they are ", a, "D and ", b, "D");
      if (a == 1 && b == 1) return dot(self, other);
      if (a == 2 && b == 1) return mv(self, other);
      if (a == 1 && b == 2) return squeeze_dim(mm(unsqueeze(self, 0), other), 0);
      if (a >= 3 && b <= 2) {  // one matrix for all: a single product of many rows
        int64_t k = self.sizes().back();
        KG_CHECK(k == other.sizes()[0], "mat1 and mat2 shapes cannot be multiplied (", self.numel() / std::max<int64_t>(k, 1), "x", k, " and ", other.sizes()[0], "x",
                 b == 2 ? other.sizes()[1] : 1, ")");
        Ints sizes(self.sizes().begin(), self.sizes().end() - 1);
        if (b == 2) sizes.push_back(other.sizes()[1]);
        Tensor rows = reshape(self, {k ? self.numel() / k : numel_of(IntList(self.sizes().data(), size_t(a - 1))), k});
        return reshape(b == 1 ? mv(rows, other) : mm(rows, other), sizes);
      }
      Tensor x = a == 1 ? unsqueeze(self, 0) : self, y = b == 1 ? unsqueeze(other, -1) : other;
      IntList xs = x.sizes(), ys = y.sizes();
      Ints batch = broadcast_sizes(IntList(xs.data(), xs.size() - 2), IntList(ys.data(), ys.size() - 2));
      auto spread = [&](const Tensor& t) {
        Ints full = batch;
        full.push_back(t.sizes()[size_t(t.dim() - 2)]), full.push_back(t.sizes().back());
        Tensor e = t.sizes() == IntList(full) ? t : expand(t, full);
        return e.dim() == 3 ? e : reshape(e, {numel_of(batch), full[full.size() - 2], full.back()});
      };
      Ints sizes = batch;
      if (a > 1) sizes.push_back(xs[xs.size() - 2]);
      if (b > 1) sizes.push_back(ys.back());
      Tensor product = bmm(spread(x), spread(y));
      return product.sizes() == IntList(sizes) ? product : reshape(product, sizes);
    },
});

}  // namespace

Tensor sum_rows(const Tensor& t) {
  int64_t zero[] = {0};
  return sum(t, IntList(zero, 1));
}

Tensor mm(const Tensor& self, const Tensor& mat2) { return mm_op(self, mat2); }
Tensor bmm(const Tensor& self, const Tensor& mat2) { return bmm_op(self, mat2); }
Tensor mv(const Tensor& self, const Tensor& vec) { return mv_op(self, vec); }
Tensor dot(const Tensor& self, const Tensor& tensor) { return dot_op(self, tensor); }
Tensor vdot(const Tensor& self, const Tensor& other) { return vdot_op(self, other); }
Tensor matmul(const Tensor& self, const Tensor& other) { return matmul_op(self, other); }
Tensor linear(const Tensor& input, const Tensor& weight, const Tensor& bias) { return linear_op(input, weight, bias); }
Tensor addmm(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) { return addmm_op(self, a, b, beta, alpha); }
Tensor baddbmm(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) { return baddbmm_op(self, a, b, beta, alpha); }
Tensor addbmm(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) { return addbmm_op(self, a, b, beta, alpha); }
Tensor addmv(const Tensor& self, const Tensor& mat, const Tensor& vec, const Scalar& beta, const Scalar& alpha) { return addmv_op(self, mat, vec, beta, alpha); }
Tensor addr(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) { return addr_op(self, a, b, beta, alpha); }
Tensor outer(const Tensor& self, const Tensor& vec2) { return outer_op(self, vec2); }
Tensor inner(const Tensor& self, const Tensor& other) { return inner_op(self, other); }
Tensor kron(const Tensor& self, const Tensor& other) { return kron_op(self, other); }

}  // namespace kagari
