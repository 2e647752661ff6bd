#include "kagari/ops/fft.h"

#include "kagari/op/op.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/padding.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

constexpr unsigned everywhere = kFunction | kOut;

/// The normalization (see fft.h) of a transform; `forward` is what the caller's name says, not the sign of its exponent.
int64_t normalization(MaybeText norm, bool forward) {
  if (!norm || *norm == "backward") return forward ? 0 : 2;
  if (*norm == "forward") return forward ? 2 : 0;
  KG_CHECK(*norm == "ortho", "Invalid normalization mode: \"", *norm, "\"");
  return 1;
}

Tensor floating_input(const Tensor& t) {
  KG_CHECK(!is_half(t.dtype()) && !is_float8(t.dtype()) && t.dtype() != DType::Complex32, "Unsupported dtype ", legacy_name(t.dtype()));
  return is_integral(t.dtype()) ? to(t, default_dtype()) : t;
}
Tensor complex_input(const Tensor& t) {
  Tensor x = floating_input(t);
  return x.is_complex() ? x : to(x, to_complex(x.dtype()));
}
Tensor real_input(std::string_view name, const Tensor& t) {
  KG_CHECK(!t.is_complex(), name, " expects a real input tensor, but got ", legacy_name(t.dtype()));
  return floating_input(t);
}
void check_points(int64_t n) { KG_CHECK(n >= 1, "Invalid number of data points (", n, ") specified"); }

/// Cut, or padded with zeros at the end, to the given sizes along `dims`.
Tensor resized(const Tensor& t, IntList dims, IntList sizes) {
  Tensor x = t;
  Ints pad(size_t(2 * t.dim()), 0);
  bool grows = false;
  for (size_t i = 0; i < dims.size(); ++i) {
    int64_t have = x.sizes()[size_t(dims[i])];
    if (sizes[i] < have) x = slice(x, dims[i], 0, sizes[i]);
    if (sizes[i] > have) {
      pad[size_t(2 * (t.dim() - 1 - dims[i]) + 1)] = sizes[i] - have;
      grows = true;
    }
  }
  return grows ? constant_pad_nd(x, pad) : x;
}

// ---------------------------------------------------------------- one dimension
int64_t line_dim(const Tensor& t, int64_t dim) {
  KG_CHECK_INDEX(t.dim() > 0, "Dimension specified as ", dim, " but tensor has no dimensions");
  return wrap_dim(dim, t.dim());
}
Tensor complex_line(const Tensor& self, MaybeInt n, int64_t dim, MaybeText norm, bool forward) {
  int64_t d = line_dim(self, dim), size = n.value_or(self.sizes()[size_t(d)]);
  check_points(size);
  return fft_c2c(resized(complex_input(self), {d}, {size}), {d}, normalization(norm, forward), forward);
}
Tensor real_line(std::string_view name, const Tensor& self, MaybeInt n, int64_t dim, MaybeText norm, bool forward) {
  Tensor x = real_input(name, self);
  int64_t d = line_dim(x, dim), size = n.value_or(x.sizes()[size_t(d)]);
  check_points(size);
  Tensor y = fft_r2c(resized(x, {d}, {size}), {d}, normalization(norm, forward), true);
  return forward ? y : conj(y);
}
Tensor to_real_line(const Tensor& self, MaybeInt n, int64_t dim, MaybeText norm, bool forward) {
  Tensor x = complex_input(self);
  int64_t d = line_dim(x, dim), size = n.value_or(2 * (x.sizes()[size_t(d)] - 1));
  check_points(size);
  x = resized(x, {d}, {size / 2 + 1});
  return fft_c2r(forward ? conj(x) : x, {d}, normalization(norm, forward), size);
}

const auto fft_op = compose<&fft>({
    .schema = "fft_fft(Tensor self, int? n=None, int dim=-1, str? norm=None) -> Tensor",
    .in = everywhere,
    .doc = "X[k] = sum over j of x[j] exp(-2 pi i j k / n), along one dimension.\n\n>>> torch.fft.fft(torch.tensor([1., 2., 3., 4.]))\ntensor([10.+0.j, -2.+2.j, -2.+0.j, -2.-2.j])",
    .body = [](const Tensor& self, MaybeInt n, int64_t dim, MaybeText norm) { return complex_line(self, n, dim, norm, true); },
});
const auto ifft_op = compose<&ifft>({
    .schema = "fft_ifft(Tensor self, int? n=None, int dim=-1, str? norm=None) -> Tensor",
    .in = everywhere,
    .doc = "x[j] = 1/n sum over k of X[k] exp(2 pi i j k / n): the inverse of fft.\n\n>>> torch.fft.ifft(torch.tensor([10., -2., -2., -2.])).real\ntensor([1., 3., 3., 3.])",
    .body = [](const Tensor& self, MaybeInt n, int64_t dim, MaybeText norm) { return complex_line(self, n, dim, norm, false); },
});
const auto rfft_op = compose<&rfft>({
    .schema = "fft_rfft(Tensor self, int? n=None, int dim=-1, str? norm=None) -> Tensor",
    .in = everywhere,
    .doc = "fft of real input: its first n / 2 + 1 results, the others are their conjugates.\n\n>>> torch.fft.rfft(torch.tensor([1., 2., 3., 4.]))\ntensor([10.+0.j, -2.+2.j, -2.+0.j])",
    .body = [](const Tensor& self, MaybeInt n, int64_t dim, MaybeText norm) { return real_line("rfft", self, n, dim, norm, true); },
});
const auto irfft_op = compose<&irfft>({
    .schema = "fft_irfft(Tensor self, int? n=None, int dim=-1, str? norm=None) -> Tensor",
    .in = everywhere,
    .doc = "The inverse of rfft: n real results, 2 (size - 1) of them by default.\n\n>>> torch.fft.irfft(torch.fft.rfft(torch.tensor([1., 2., 3., 4.])))\ntensor([1., 2., 3., 4.])",
    .body = [](const Tensor& self, MaybeInt n, int64_t dim, MaybeText norm) { return to_real_line(self, n, dim, norm, false); },
});
const auto hfft_op = compose<&hfft>({
    .schema = "fft_hfft(Tensor self, int? n=None, int dim=-1, str? norm=None) -> Tensor",
    .in = everywhere,
    .doc = "fft of a Hermitian signal, of which the first half is given. The result is real, with 2 (size - 1) elements by default.\n\n"
           ">>> torch.fft.hfft(torch.tensor([1., 2., 3.]))\ntensor([ 8., -2.,  0., -2.])",
    .body = [](const Tensor& self, MaybeInt n, int64_t dim, MaybeText norm) { return to_real_line(self, n, dim, norm, true); },
});
const auto ihfft_op = compose<&ihfft>({
    .schema = "fft_ihfft(Tensor self, int? n=None, int dim=-1, str? norm=None) -> Tensor",
    .in = everywhere,
    .doc = "The inverse of hfft: of real input, the first n / 2 + 1 results of ifft.\n\n>>> torch.fft.ihfft(torch.tensor([1., 2., 3., 4.])).real\ntensor([ 2.5000, -0.5000, -0.5000])",
    .body = [](const Tensor& self, MaybeInt n, int64_t dim, MaybeText norm) { return real_line("ihfft", self, n, dim, norm, false); },
});

// ---------------------------------------------------------------- several dimensions
struct Grid {
  Ints dims, sizes;
  bool last_given;
};
Grid grid(const Tensor& t, MaybeInts s, MaybeInts dim) {
  Grid g;
  g.last_given = s && !s->empty() && s->back() != -1;
  if (dim) {
    for (int64_t d : *dim) g.dims.push_back(line_dim(t, d));
    for (size_t i = 0; i < g.dims.size(); ++i)
      for (size_t j = 0; j < i; ++j) KG_CHECK(g.dims[i] != g.dims[j], "FFT dims must be unique");
    KG_CHECK(!s || s->size() == dim->size(), "When given, dim and shape arguments must have the same length");
  } else {
    int64_t count = s ? int64_t(s->size()) : t.dim();
    KG_CHECK(count <= t.dim(), "Got shape with ", count, " values but input tensor only has ", t.dim(), " dimensions.");
    for (int64_t d = t.dim() - count; d < t.dim(); ++d) g.dims.push_back(d);
  }
  for (size_t i = 0; i < g.dims.size(); ++i) {
    int64_t size = s && (*s)[i] != -1 ? (*s)[i] : t.sizes()[size_t(g.dims[i])];
    check_points(size);
    g.sizes.push_back(size);
  }
  return g;
}
Tensor complex_grid(const Tensor& self, MaybeInts s, MaybeInts dim, MaybeText norm, bool forward) {
  Grid g = grid(self, s, dim);
  return fft_c2c(resized(complex_input(self), g.dims, g.sizes), g.dims, normalization(norm, forward), forward);
}
Tensor real_grid(std::string_view name, const Tensor& self, MaybeInts s, MaybeInts dim, MaybeText norm, bool forward) {
  KG_CHECK(!self.is_complex(), name, " expects a real-valued input tensor, but got ", legacy_name(self.dtype()));
  Grid g = grid(self, s, dim);
  KG_CHECK(!g.dims.empty(), name, " must transform at least one axis");
  Tensor y = fft_r2c(resized(floating_input(self), g.dims, g.sizes), g.dims, normalization(norm, forward), true);
  return forward ? y : conj(y);
}
Tensor to_real_grid(std::string_view name, const Tensor& self, MaybeInts s, MaybeInts dim, MaybeText norm, bool forward) {
  Grid g = grid(self, s, dim);
  KG_CHECK(!g.dims.empty(), name, " must transform at least one axis");
  int64_t last = g.last_given ? g.sizes.back() : 2 * (self.sizes()[size_t(g.dims.back())] - 1);
  check_points(last);
  g.sizes.back() = last / 2 + 1;
  Tensor x = resized(complex_input(self), g.dims, g.sizes);
  return fft_c2r(forward ? conj(x) : x, g.dims, normalization(norm, forward), last);
}

const auto fftn_op = compose<&fftn>({
    .schema = "fft_fftn(Tensor self, int[1]? s=None, int[1]? dim=None, str? norm=None) -> Tensor",
    .in = everywhere,
    .doc = "fft along several dimensions: `dim`, or as many of the last ones as `s` has sizes, or all.",
    .body = [](const Tensor& self, MaybeInts s, MaybeInts dim, MaybeText norm) { return complex_grid(self, s, dim, norm, true); },
});
const auto ifftn_op = compose<&ifftn>({
    .schema = "fft_ifftn(Tensor self, int[1]? s=None, int[1]? dim=None, str? norm=None) -> Tensor",
    .in = everywhere,
    .doc = "ifft along several dimensions: `dim`, or as many of the last ones as `s` has sizes, or all.",
    .body = [](const Tensor& self, MaybeInts s, MaybeInts dim, MaybeText norm) { return complex_grid(self, s, dim, norm, false); },
});
const auto rfftn_op = compose<&rfftn>({
    .schema = "fft_rfftn(Tensor self, int[1]? s=None, int[1]? dim=None, str? norm=None) -> Tensor",
    .in = everywhere,
    .doc = "fftn of real input; the last of the dimensions gives its first n / 2 + 1 results only.",
    .body = [](const Tensor& self, MaybeInts s, MaybeInts dim, MaybeText norm) { return real_grid("rfftn", self, s, dim, norm, true); },
});
const auto irfftn_op = compose<&irfftn>({
    .schema = "fft_irfftn(Tensor self, int[1]? s=None, int[1]? dim=None, str? norm=None) -> Tensor",
    .in = everywhere,
    .doc = "The inverse of rfftn. The last of the sizes is that of the result, 2 (size - 1) by default.",
    .body = [](const Tensor& self, MaybeInts s, MaybeInts dim, MaybeText norm) { return to_real_grid("irfftn", self, s, dim, norm, false); },
});
const auto hfftn_op = compose<&hfftn>({
    .schema = "fft_hfftn(Tensor self, int[1]? s=None, int[1]? dim=None, str? norm=None) -> Tensor",
    .in = everywhere,
    .doc = "fftn of a Hermitian signal, of which the last dimension holds the first half; the result is real.",
    .body = [](const Tensor& self, MaybeInts s, MaybeInts dim, MaybeText norm) { return to_real_grid("hfftn", self, s, dim, norm, true); },
});
const auto ihfftn_op = compose<&ihfftn>({
    .schema = "fft_ihfftn(Tensor self, int[1]? s=None, int[1]? dim=None, str? norm=None) -> Tensor",
    .in = everywhere,
    .doc = "The inverse of hfftn: ifftn of real input, with the first half of the last dimension.",
    .body = [](const Tensor& self, MaybeInts s, MaybeInts dim, MaybeText norm) { return real_grid("ihfftn", self, s, dim, norm, false); },
});

// ---------------------------------------------------------------- two dimensions: the same with other defaults
template <Tensor (*Whole)(const Tensor&, MaybeInts, MaybeInts, MaybeText)>
Tensor plane(const Tensor& self, MaybeInts s, IntList dim, MaybeText norm) {
  return Whole(self, s, dim, norm);
}
const auto fft2_op = compose<&plane<fftn>>({
    .schema = "fft_fft2(Tensor self, int[1]? s=None, int[1] dim=[-2,-1], str? norm=None) -> Tensor",
    .in = everywhere, .doc = "fftn along two dimensions.", .body = plane<fftn>});
const auto ifft2_op = compose<&plane<ifftn>>({
    .schema = "fft_ifft2(Tensor self, int[1]? s=None, int[1] dim=[-2,-1], str? norm=None) -> Tensor",
    .in = everywhere, .doc = "ifftn along two dimensions.", .body = plane<ifftn>});
const auto rfft2_op = compose<&plane<rfftn>>({
    .schema = "fft_rfft2(Tensor self, int[1]? s=None, int[1] dim=[-2,-1], str? norm=None) -> Tensor",
    .in = everywhere, .doc = "rfftn along two dimensions.", .body = plane<rfftn>});
const auto irfft2_op = compose<&plane<irfftn>>({
    .schema = "fft_irfft2(Tensor self, int[1]? s=None, int[1] dim=[-2,-1], str? norm=None) -> Tensor",
    .in = everywhere, .doc = "irfftn along two dimensions.", .body = plane<irfftn>});
const auto hfft2_op = compose<&plane<hfftn>>({
    .schema = "fft_hfft2(Tensor self, int[1]? s=None, int[1] dim=[-2,-1], str? norm=None) -> Tensor",
    .in = everywhere, .doc = "hfftn along two dimensions.", .body = plane<hfftn>});
const auto ihfft2_op = compose<&plane<ihfftn>>({
    .schema = "fft_ihfft2(Tensor self, int[1]? s=None, int[1] dim=[-2,-1], str? norm=None) -> Tensor",
    .in = everywhere, .doc = "ihfftn along two dimensions.", .body = plane<ihfftn>});

// ---------------------------------------------------------------- order of frequencies
Tensor shifted(const Tensor& self, MaybeInts dim, bool forward) {
  Ints dims, shifts;
  if (dim) dims = Ints(*dim);
  else for (int64_t d = 0; d < self.dim(); ++d) dims.push_back(d);
  for (int64_t d : dims) {
    int64_t size = self.size(d);
    shifts.push_back(forward ? size / 2 : (size + 1) / 2);
  }
  return roll(self, shifts, dims);
}
const auto fftshift_op = compose<&fftshift>({
    .schema = "fft_fftshift(Tensor self, int[1]? dim=None) -> Tensor",
    .doc = "Rotates by half the size along `dim` (by default all dimensions): the zero frequency comes to the middle.\n\n"
           ">>> torch.fft.fftshift(torch.arange(5))\ntensor([3, 4, 0, 1, 2])",
    .body = [](const Tensor& self, MaybeInts dim) { return shifted(self, dim, true); },
});
const auto ifftshift_op = compose<&ifftshift>({
    .schema = "fft_ifftshift(Tensor self, int[1]? dim=None) -> Tensor",
    .doc = "The inverse of fftshift.\n\n>>> torch.fft.ifftshift(torch.arange(5))\ntensor([2, 3, 4, 0, 1])",
    .body = [](const Tensor& self, MaybeInts dim) { return shifted(self, dim, false); },
});

}  // namespace

Tensor fft(const Tensor& self, MaybeInt n, int64_t dim, MaybeText norm) { return fft_op(self, n, dim, norm); }
Tensor ifft(const Tensor& self, MaybeInt n, int64_t dim, MaybeText norm) { return ifft_op(self, n, dim, norm); }
Tensor rfft(const Tensor& self, MaybeInt n, int64_t dim, MaybeText norm) { return rfft_op(self, n, dim, norm); }
Tensor irfft(const Tensor& self, MaybeInt n, int64_t dim, MaybeText norm) { return irfft_op(self, n, dim, norm); }
Tensor hfft(const Tensor& self, MaybeInt n, int64_t dim, MaybeText norm) { return hfft_op(self, n, dim, norm); }
Tensor ihfft(const Tensor& self, MaybeInt n, int64_t dim, MaybeText norm) { return ihfft_op(self, n, dim, norm); }
Tensor fftn(const Tensor& self, MaybeInts s, MaybeInts dim, MaybeText norm) { return fftn_op(self, s, dim, norm); }
Tensor ifftn(const Tensor& self, MaybeInts s, MaybeInts dim, MaybeText norm) { return ifftn_op(self, s, dim, norm); }
Tensor rfftn(const Tensor& self, MaybeInts s, MaybeInts dim, MaybeText norm) { return rfftn_op(self, s, dim, norm); }
Tensor irfftn(const Tensor& self, MaybeInts s, MaybeInts dim, MaybeText norm) { return irfftn_op(self, s, dim, norm); }
Tensor hfftn(const Tensor& self, MaybeInts s, MaybeInts dim, MaybeText norm) { return hfftn_op(self, s, dim, norm); }
Tensor ihfftn(const Tensor& self, MaybeInts s, MaybeInts dim, MaybeText norm) { return ihfftn_op(self, s, dim, norm); }
Tensor fftshift(const Tensor& self, MaybeInts dim) { return fftshift_op(self, dim); }
Tensor ifftshift(const Tensor& self, MaybeInts dim) { return ifftshift_op(self, dim); }

}  // namespace kagari
