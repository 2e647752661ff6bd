#include "kagari/ops/padding.h"

#include "kagari/base/parallel.h"
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/autograd_support.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

const auto constant_pad_op = define<&constant_pad_nd>({
    .schema = "constant_pad_nd(Tensor self, int[] pad, Scalar value=0) -> Tensor",
    .in = kFunction,
    .doc = "Surrounds a tensor with a constant; negative amounts crop.",
    .run = [](Out&, const Tensor& self, IntList pad, const Scalar& value) {
      KG_CHECK(pad.size() % 2 == 0, "Length of pad must be even but instead it equals ", pad.size());
      KG_CHECK(int64_t(pad.size()) / 2 <= self.dim(), "Length of pad should be no more than twice the number of dimensions of the input. Pad length is ", pad.size(), " while the input has ",
               self.dim(), " dimensions.");
      Ints sizes(self.sizes().begin(), self.sizes().end());
      Tensor from = self;
      Ints at(sizes.size(), 0);
      for (size_t i = 0; i < pad.size() / 2; ++i) {
        size_t d = sizes.size() - 1 - i;
        int64_t low = pad[2 * i], high = pad[2 * i + 1], n = sizes[d];
        sizes[d] = n + low + high;
        KG_CHECK(sizes[d] >= 0, "The input size ", n, ", plus negative padding ", low, " and ", high, " resulted in a negative output size, which is invalid. Check dimension ", d, " of your input.");
        int64_t first = std::min(std::max<int64_t>(-low, 0), n), last = std::max(first, std::min(n, n + high));
        from = alias(from, [&] { Ints s(from.sizes().begin(), from.sizes().end()); s[d] = last - first; return s; }(), from.strides(), from.storage_offset() + first * from.strides()[d]);
        at[d] = std::max<int64_t>(low, 0);
      }
      MemoryFormat last = self.dim() == 4 ? MemoryFormat::ChannelsLast : MemoryFormat::ChannelsLast3d;
      bool is_last = self.dim() >= 4 && self.dim() <= 5 && !self.is_contiguous() && self.is_contiguous(last);
      Tensor y = empty_strided_tensor(sizes, strides_for(sizes, is_last ? last : MemoryFormat::Contiguous), self.dtype(), self.device());
      fill_(y, value);
      if (from.numel() == 0) return y;
      int64_t offset = y.storage_offset();
      for (size_t d = 0; d < at.size(); ++d) offset += std::min(at[d], sizes[d]) * y.strides()[d];
      copy_(alias(y, from.sizes(), y.strides(), offset), from);
      return y;
    },
    .grad = vjp("", [](Ctx& c, const Tensor&, IntList pad, const Scalar&) -> Grads {
      Ints back(pad.begin(), pad.end());
      for (int64_t& p : back) p = -p;
      return {constant_pad_nd(c.grad, back, 0)};
    }),
});

/// The source of each position along a dimension of size n; a negative amount crops.
Tensor source_indices(std::string_view mode, int64_t n, int64_t low, int64_t high, Device device) {
  int64_t size = n + low + high, first = std::max<int64_t>(-low, 0), kept = n - first + std::min<int64_t>(high, 0);
  if (device.is_meta()) return empty_tensor({size}, DType::Int64, device);
  Tensor index = empty_tensor({size}, DType::Int64);
  int64_t* out = index.data<int64_t>();
  for (int64_t i = 0; i < size; ++i) {
    int64_t at = i - low;
    if (mode == "replicate") at = std::clamp<int64_t>(at, 0, n - 1);
    else if (mode == "circular") at = first + ((i - std::max<int64_t>(low, 0)) % kept + kept) % kept;  // of what the cropping leaves
    else at = at < 0 ? -at : at >= n ? 2 * (n - 1) - at : at;
    KG_CHECK(at >= 0 && at < n, "padding (", low, ", ", high, ") reflects beyond a dimension of size ", n);
    out[i] = at;
  }
  return index;
}

/// Reflection, replication or repetition of the last pad.size() / 2 dimensions, one after the other.
Tensor border_pad(const Tensor& input, IntList pad, std::string_view mode);
Tensor run_border_pad(Out& out, const Tensor& input, IntList pad, std::string_view mode) {
  const size_t dims = pad.size() / 2, ndim = input.sizes().size();
  KG_CHECK(pad.size() % 2 == 0 && dims >= 1 && dims <= 3 && dims <= ndim, "_border_pad: ", pad.size(), " numbers of padding for an input of shape ", input.sizes());
  KG_CHECK(mode == "reflect" || mode == "replicate" || mode == "circular", "_border_pad: unknown mode ", mode);
  Ints sizes(input.sizes());
  Tensor sources[3];  // of the padded dimensions, the last one first
  for (size_t i = 0; i < dims; ++i) {
    int64_t d = int64_t(ndim) - 1 - int64_t(i), n = input.sizes()[size_t(d)], low = pad[2 * i], high = pad[2 * i + 1];
    if (mode == "reflect")
      KG_CHECK(low < n && high < n, "Argument #4: Padding size should be less than the corresponding input dimension, but got: padding (", low, ", ", high, ") at dimension ", d, " of input ", input.sizes());
    if (mode == "circular") {
      KG_CHECK(low <= n && high <= n, "Padding value causes wrapping around more than once.");
      KG_CHECK(n + std::min<int64_t>(low, 0) + std::min<int64_t>(high, 0) > 0, "input (size ", n, ") and padding (", low, ", ", high, ") at dimension ", d, " leave nothing");
    }
    KG_CHECK(n + low + high > 0 && n > 0, "input (size ", n, ") and padding (", low, ", ", high, ") at dimension ", d, " leave nothing");
    sources[i] = source_indices(mode, n, low, high, input.device());
    sizes[size_t(d)] = n + low + high;
  }
  Tensor y = out.alloc(sizes, input.dtype(), input.device());
  if (y.is_meta() || y.numel() == 0) return y;
  Tensor x = contiguous(input);
  // Rows along the last dimension: a run of the input between two borders.
  const int64_t n = input.sizes()[ndim - 1], width = sizes[ndim - 1], *columns = sources[0].data<int64_t>();
  const int64_t first = std::clamp<int64_t>(pad[0], 0, width), behind = std::clamp<int64_t>(pad[0] + n, first, width);
  visit_sizes(input.dtype(), [&](auto tag) {
    using T = decltype(tag);
    parallel_for(0, y.numel() / width, std::max<int64_t>(1, 32768 / width), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        int64_t at = row, source = 0, step = 1;
        for (size_t i = 1; i < dims; ++i) {
          const int64_t size = sizes[ndim - 1 - i];
          source += sources[i].data<int64_t>()[at % size] * step;
          at /= size;
          step *= input.sizes()[ndim - 1 - i];
        }
        const T* from = x.data<T>() + (source + at * step) * n;
        T* to = y.data<T>() + row * width;
        for (int64_t j = 0; j < first; ++j) to[j] = from[columns[j]];
        std::copy(from + columns[first < width ? first : 0], from + columns[first < width ? first : 0] + (behind - first), to + first);
        for (int64_t j = behind; j < width; ++j) to[j] = from[columns[j]];
      }
    });
  });
  return y;
}
/// Its transpose: every element's gradient goes back to where the element came from.
Tensor border_pad_gradient(const Tensor& grad, IntList input_sizes, IntList pad, std::string_view mode) {
  Tensor g = grad;
  for (size_t i = pad.size() / 2; i-- > 0;) {
    int64_t d = int64_t(input_sizes.size()) - 1 - int64_t(i), n = input_sizes[size_t(d)], low = pad[2 * i], high = pad[2 * i + 1];
    if (!low && !high) continue;
    Ints sizes(g.sizes());
    sizes[size_t(d)] = n;
    g = index_add(zeros(sizes, {.dtype = g.dtype(), .layout = {}, .device = g.device()}), d, source_indices(mode, n, low, high, g.device()), g);
  }
  return g;
}
const auto border_pad_op = define<&border_pad>({
    .schema = "_border_pad(Tensor input, int[] pad, str mode) -> Tensor",
    .in = kPrivate,
    .doc = "Surrounds the last dimensions of a tensor with its reflection, its border, or itself again.",
    .run = [](Out& out, const Tensor& input, IntList pad, std::string_view mode) { return run_border_pad(out, input, pad, mode); },
    .grad = vjp("input", [](Ctx& c, const Tensor& input, IntList pad, std::string_view mode) -> Grads {
      Tensor g = border_pad_gradient(c.grad, c.sizes(0), pad, mode);
      return {mode == "circular" ? g : constant_in(g, input)};
    }),
    .node_name = "PadBackward0",
});
Tensor border_pad(const Tensor& input, IntList pad, std::string_view mode) { return border_pad_op(input, pad, mode); }

const auto pad_op = compose<&pad>({
    .schema = "pad(Tensor input, int[] pad, str mode='constant', float? value=None) -> Tensor",
    .in = kFunctional | kPrivate,
    .doc = "Surrounds the last dimensions of a tensor with a constant, its reflection, its border, or itself again.",
    .body = [](const Tensor& input, IntList pad, std::string_view mode, std::optional<double> value) {
      KG_CHECK(pad.size() % 2 == 0, "Padding length must be divisible by 2");
      KG_CHECK(int64_t(pad.size()) <= input.dim() * 2, "Padding length should be less than or equal to two times the input dimension but got padding length ", pad.size(), " and input of dimension ", input.dim());
      if (mode == "constant") return constant_pad_nd(input, pad, value ? Scalar(*value) : Scalar(0));
      KG_CHECK(!value || *value == 0, "Padding mode \"", mode, "\" doesn't take in value argument");
      KG_CHECK_IMPLEMENTED(mode == "reflect" || mode == "replicate" || mode == "circular", "Unrecognised padding mode ", mode);
      int64_t dims = int64_t(pad.size()) / 2;
      KG_CHECK_IMPLEMENTED(dims >= 1 && dims <= 3 && (input.dim() == dims + 1 || input.dim() == dims + 2),
                           "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now");
      return border_pad(input, pad, mode);
    },
});

}  // namespace

Tensor constant_pad_nd(const Tensor& self, IntList pad, const Scalar& value) { return constant_pad_op(self, pad, value); }
Tensor pad(const Tensor& input, IntList amounts, std::string_view mode, std::optional<double> value) { return pad_op(input, amounts, mode, value); }

}  // namespace kagari
