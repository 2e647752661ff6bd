// Moves between channels and space: pixel and channel shuffles, sliding blocks as columns and back, unpooling. And one_hot, bilinear.
#include <algorithm>
#include <tuple>

#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/extremum.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/number.h"
#include "kagari/ops/padding.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

// ---------------------------------------------------------------- shuffles
Tensor pixel_shuffle(const Tensor& self, int64_t upscale_factor);
Tensor pixel_unshuffle(const Tensor& self, int64_t downscale_factor);
Tensor channel_shuffle(const Tensor& self, int64_t groups);

const auto pixel_shuffle_op = compose<&pixel_shuffle>({
    .schema = "pixel_shuffle(Tensor self, int upscale_factor) -> Tensor",
    .in = kFunction | kFunctional,
    .doc = "Spreads r * r channels over blocks of r by r pixels: (..., C r r, H, W) to (..., C, H r, W r) (Shi et al. 2016).",
    .body = [](const Tensor& self, int64_t r) {
      KG_CHECK(self.dim() >= 3, "pixel_shuffle expects input to have at least 3 dimensions, but got input with ", self.dim(), " dimension(s)");
      KG_CHECK(r > 0 && r < int64_t(1) << 31, "pixel_shuffle expects a positive upscale_factor, but got ", r);
      size_t n = self.sizes().size();
      int64_t c = self.sizes()[n - 3], h = self.sizes()[n - 2], w = self.sizes()[n - 1];
      KG_CHECK(c % (r * r) == 0, "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but input.size(-3)=", c, " is not divisible by ", r * r);
      Ints lead(self.sizes().begin(), self.sizes().end() - 3), whole = lead;
      int64_t batch = 1;
      for (int64_t s : lead) batch *= s;
      for (int64_t s : {c / (r * r), h * r, w * r}) whole.push_back(s);
      return reshape(contiguous(permute(reshape(self, {batch, c / (r * r), r, r, h, w}), {0, 1, 4, 2, 5, 3})), whole);
    },
});
const auto pixel_unshuffle_op = compose<&pixel_unshuffle>({
    .schema = "pixel_unshuffle(Tensor self, int downscale_factor) -> Tensor",
    .in = kFunction | kFunctional,
    .doc = "The way back of pixel_shuffle: (..., C, H r, W r) to (..., C r r, H, W).",
    .body = [](const Tensor& self, int64_t r) {
      KG_CHECK(self.dim() >= 3, "pixel_unshuffle expects input to have at least 3 dimensions, but got input with ", self.dim(), " dimension(s)");
      KG_CHECK(r > 0 && r < int64_t(1) << 31, "pixel_unshuffle expects a positive downscale_factor, but got ", r);
      size_t n = self.sizes().size();
      int64_t c = self.sizes()[n - 3], h = self.sizes()[n - 2], w = self.sizes()[n - 1];
      KG_CHECK(h % r == 0, "pixel_unshuffle expects height to be divisible by downscale_factor, but input.size(-2)=", h, " is not divisible by ", r);
      KG_CHECK(w % r == 0, "pixel_unshuffle expects width to be divisible by downscale_factor, but input.size(-1)=", w, " is not divisible by ", r);
      Ints lead(self.sizes().begin(), self.sizes().end() - 3), whole = lead;
      int64_t batch = 1;
      for (int64_t s : lead) batch *= s;
      for (int64_t s : {c * r * r, h / r, w / r}) whole.push_back(s);
      return reshape(contiguous(permute(reshape(self, {batch, c, h / r, r, w / r, r}), {0, 1, 3, 5, 2, 4})), whole);
    },
});
const auto channel_shuffle_op = compose<&channel_shuffle>({
    .schema = "channel_shuffle(Tensor self, int groups) -> Tensor",
    .in = kFunction | kFunctional,
    .aliases = "native_channel_shuffle",
    .doc = "Deals the channels (dimension 1) of each group out in turn (Zhang et al. 2018).",
    .body = [](const Tensor& self, int64_t groups) {
      KG_CHECK(self.dim() > 2, "channel_shuffle expects input with > 2 dims, but got input with sizes ", self.sizes());
      KG_CHECK(groups > 0, "Number of groups to divide channels in must be positive. Value of groups:", groups);
      int64_t batch = self.sizes()[0], c = self.sizes()[1], rest = 1;
      KG_CHECK(c % groups == 0, "Number of channels must be divisible by groups. Got ", c, " channels and ", groups, " groups.");
      for (size_t d = 2; d < self.sizes().size(); ++d) rest *= self.sizes()[d];
      return reshape(contiguous(transpose(reshape(self, {batch, groups, c / groups, rest}), 1, 2)), self.sizes());
    },
});
[[maybe_unused]] Tensor pixel_shuffle(const Tensor& self, int64_t r) { return pixel_shuffle_op(self, r); }
[[maybe_unused]] Tensor pixel_unshuffle(const Tensor& self, int64_t r) { return pixel_unshuffle_op(self, r); }
[[maybe_unused]] Tensor channel_shuffle(const Tensor& self, int64_t groups) { return channel_shuffle_op(self, groups); }

// ---------------------------------------------------------------- sliding blocks
struct Blocks {
  int64_t kernel[2], dilation[2], padding[2], stride[2], reach[2];
};
Blocks blocks_of(IntList kernel, IntList dilation, IntList padding, IntList stride) {
  Blocks b;
  auto fill = [](int64_t* to, IntList from, const char* name) {
    KG_CHECK(from.size() == 1 || from.size() == 2, "It is expected ", name, " equals to 2, but got size ", from.size());
    to[0] = from[0];
    to[1] = from[from.size() - 1];
  };
  fill(b.kernel, kernel, "kernel_size"), fill(b.dilation, dilation, "dilation"), fill(b.padding, padding, "padding"), fill(b.stride, stride, "stride");
  KG_CHECK(b.kernel[0] > 0 && b.kernel[1] > 0, "kernel size should be greater than zero, but got kernel_height: ", b.kernel[0], " kernel_width: ", b.kernel[1]);
  KG_CHECK(b.dilation[0] > 0 && b.dilation[1] > 0, "dilation should be greater than zero, but got dilation_height: ", b.dilation[0], " dilation_width: ", b.dilation[1]);
  KG_CHECK(b.padding[0] >= 0 && b.padding[1] >= 0, "padding should be non-negative, but got pad_height: ", b.padding[0], " pad_width: ", b.padding[1]);
  KG_CHECK(b.stride[0] > 0 && b.stride[1] > 0, "stride should be greater than zero, but got stride_height: ", b.stride[0], " stride_width: ", b.stride[1]);
  for (int d : {0, 1}) b.reach[d] = b.dilation[d] * (b.kernel[d] - 1) + 1;
  return b;
}
std::string pair_text(const int64_t* p) { return "(" + std::to_string(p[0]) + ", " + std::to_string(p[1]) + ")"; }

Tensor im2col(const Tensor& input, IntList kernel_size, IntList dilation, IntList padding, IntList stride);
Tensor col2im(const Tensor& input, IntList output_size, IntList kernel_size, IntList dilation, IntList padding, IntList stride);

const auto im2col_op = compose<&im2col>({
    .schema = "unfold.im2col(Tensor input, int[] kernel_size, int[] dilation=1, int[] padding=0, int[] stride=1) -> Tensor",
    .in = kFunctional,
    .doc = "The sliding blocks of (N, C, H, W) or (C, H, W) as columns: (N, C * kernel, blocks) or (C * kernel, blocks).",
    .body = [](const Tensor& input, IntList kernel_size, IntList dilation, IntList padding, IntList stride) {
      Blocks b = blocks_of(kernel_size, dilation, padding, stride);
      bool batched = input.dim() == 4;
      KG_CHECK(batched || input.dim() == 3, "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: ", input.sizes());
      Tensor x = batched ? input : unsqueeze(input, 0);
      int64_t n = x.sizes()[0], c = x.sizes()[1], spatial[2] = {x.sizes()[2], x.sizes()[3]}, counts[2];
      KG_CHECK(c != 0 && spatial[0] != 0 && spatial[1] != 0, "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: ", input.sizes());
      for (int d : {0, 1}) counts[d] = spatial[d] + 2 * b.padding[d] < b.reach[d] ? 0 : (spatial[d] + 2 * b.padding[d] - b.reach[d]) / b.stride[d] + 1;
      KG_CHECK(counts[0] > 0 && counts[1] > 0, "Given input with spatial size ", pair_text(spatial), ", kernel_size=", pair_text(b.kernel), ", dilation=", pair_text(b.dilation), ", padding=",
               pair_text(b.padding), ", calculated shape of the array of sliding blocks as ", pair_text(counts), ", but its components must be at least one.");
      x = constant_pad_nd(x, {b.padding[1], b.padding[1], b.padding[0], b.padding[0]}, Scalar(0));
      for (int d : {0, 1}) x = slice(unfold(x, 2 + d, b.reach[d], b.stride[d]), 4 + d, 0, b.reach[d], b.dilation[d]);
      x = reshape(permute(x, {0, 1, 4, 5, 2, 3}), {n, c * b.kernel[0] * b.kernel[1], counts[0] * counts[1]});
      return batched ? x : squeeze_dim(x, 0);
    },
});
[[maybe_unused]] Tensor im2col(const Tensor& input, IntList k, IntList d, IntList p, IntList s) { return im2col_op(input, k, d, p, s); }

const auto col2im_op = compose<&col2im>({
    .schema = "fold(Tensor input, int[] output_size, int[] kernel_size, int[] dilation=1, int[] padding=0, int[] stride=1) -> Tensor",
    .in = kFunctional,
    .doc = "Adds columns (N, C * kernel, blocks) into the sliding blocks of a (N, C, output_size) image: the transpose of unfold.",
    .body = [](const Tensor& input, IntList output_size, IntList kernel_size, IntList dilation, IntList padding, IntList stride) {
      Blocks b = blocks_of(kernel_size, dilation, padding, stride);
      KG_CHECK(output_size.size() == 1 || output_size.size() == 2, "It is expected output_size equals to 2, but got size ", output_size.size());
      int64_t size[2] = {output_size[0], output_size[output_size.size() - 1]}, counts[2], padded[2], area = b.kernel[0] * b.kernel[1];
      bool batched = input.dim() == 3;
      KG_CHECK(batched || input.dim() == 2, "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for input, but got: ", input.sizes());
      Tensor x = batched ? input : unsqueeze(input, 0);
      KG_CHECK(x.sizes()[1] != 0 && x.sizes()[2] != 0, "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for input, but got: ", input.sizes());
      KG_CHECK(x.sizes()[1] % area == 0, "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got input.size(1)=", x.sizes()[1], " and kernel_size=",
               pair_text(b.kernel), ".");
      for (int d : {0, 1}) {
        padded[d] = size[d] + 2 * b.padding[d];
        counts[d] = padded[d] < b.reach[d] ? 0 : (padded[d] - b.reach[d]) / b.stride[d] + 1;
      }
      KG_CHECK(x.sizes()[2] == counts[0] * counts[1], "Given output_size=", pair_text(size), ", kernel_size=", pair_text(b.kernel), ", dilation=", pair_text(b.dilation), ", padding=",
               pair_text(b.padding), ", stride=", pair_text(b.stride), ", expected size of input's dimension 2 to match the calculated number of sliding blocks ", counts[0], " * ", counts[1], " = ",
               counts[0] * counts[1], ", but got input.size(2)=", x.sizes()[2], ".");
      KG_CHECK(counts[0] > 0 && counts[1] > 0, "Given output_size=", pair_text(size), ", kernel_size=", pair_text(b.kernel), ", dilation=", pair_text(b.dilation), ", padding=", pair_text(b.padding),
               ", calculated shape of the array of sliding blocks as ", pair_text(counts), ", but its components must be at least one.");
      int64_t n = x.sizes()[0], c = x.sizes()[1] / area, columns = area * counts[0] * counts[1];
      Tensor at = empty_tensor({columns}, DType::Int64);
      int64_t* to = at.data<int64_t>();
      for (int64_t i = 0; i < b.kernel[0]; ++i)
        for (int64_t j = 0; j < b.kernel[1]; ++j)
          for (int64_t a = 0; a < counts[0]; ++a)
            for (int64_t k = 0; k < counts[1]; ++k) *to++ = (i * b.dilation[0] + a * b.stride[0]) * padded[1] + j * b.dilation[1] + k * b.stride[1];
      if (x.is_meta()) at = empty_tensor({columns}, DType::Int64, x.device());
      Tensor image = index_add(zeros({n, c, padded[0] * padded[1]}, {.dtype = x.dtype(), .layout = {}, .device = x.device()}), 2, at, reshape(x, {n, c, columns}));
      image = constant_pad_nd(reshape(image, {n, c, padded[0], padded[1]}), {-b.padding[1], -b.padding[1], -b.padding[0], -b.padding[0]}, Scalar(0));
      return batched ? image : squeeze_dim(image, 0);
    },
});
[[maybe_unused]] Tensor col2im(const Tensor& input, IntList o, IntList k, IntList d, IntList p, IntList s) { return col2im_op(input, o, k, d, p, s); }

// ---------------------------------------------------------------- unpooling
/// Puts each element at its position (in the flattened space) in zeros of the size that pooled to the input's.
Tensor unpool(const Tensor& input, const Tensor& indices, int64_t dims, IntList kernel, const std::optional<IntList>& maybe_stride, IntList padding, const std::optional<IntList>& output_size) {
  KG_CHECK(indices.dtype() == DType::Int64, "elements in indices should be type int64 but got: ", legacy_name(indices.dtype()));
  KG_CHECK(input.dim() == dims + 1 || input.dim() == dims + 2, "Input to max_unpooling", dims, "d should be a ", dims + 1, "d or ", dims + 2, "d Tensor, but got a tensor with ", input.dim(),
           " dimensions.");
  KG_CHECK(input.sizes() == indices.sizes(), "Expected shape of indices to be same as that of the input tensor (", input.sizes(), ") but got indices tensor with shape: ", indices.sizes());
  auto entry = [&](IntList v, int64_t d) { return v.size() == 1 ? v[0] : v[size_t(d)]; };
  IntList stride = maybe_stride && !maybe_stride->empty() ? *maybe_stride : kernel;
  size_t lead = input.sizes().size() - size_t(dims);
  Ints sizes(input.sizes().begin(), input.sizes().begin() + lead), flat_in = sizes, flat_out = sizes;
  int64_t given = output_size ? int64_t(output_size->size()) : 0, total = 1, count = 1;
  KG_CHECK_VALUE(!output_size || given == dims || given == dims + 2, "output_size should be a sequence containing ", dims, " or ", dims + 2, " elements, but it has a length of '", given, "'");
  for (int64_t d = 0; d < dims; ++d) {
    int64_t n = input.sizes()[lead + size_t(d)], usual = (n - 1) * entry(stride, d) + entry(kernel, d) - 2 * entry(padding, d), size = usual;
    if (output_size) {
      size = (*output_size)[size_t(given - dims + d)];
      int64_t low = usual - entry(stride, d), high = usual + entry(stride, d);
      KG_CHECK_VALUE(low < size && size < high, "invalid output_size \"", *output_size, "\" (dim ", d, " must be between ", low, " and ", high, ")");
    }
    sizes.push_back(size);
    total *= size;
    count *= n;
  }
  flat_in.push_back(count);
  flat_out.push_back(total);
  if (!indices.is_meta() && indices.numel() > 0) {
    NoGrad no_record;
    auto [least, most] = aminmax(all_values(indices));
    int64_t low = least.item().to_int(), high = most.item().to_int();
    KG_CHECK(low >= 0 && high < total, "Found an invalid max index: ", low < 0 ? low : high, " (output volumes are of size ", IntList(sizes.data() + lead, size_t(dims)), ")");
  }
  Tensor zero = zeros(flat_out, {.dtype = input.dtype(), .layout = {}, .device = input.device()});
  return reshape(scatter(zero, -1, reshape(indices, flat_in), reshape(input, flat_in)), sizes);
}
using MaybeInts = std::optional<IntList>;
#define KG_UNPOOL(n, dims)                                                                                                                                            \
  Tensor max_unpool##n(const Tensor& input, const Tensor& indices, IntList kernel_size, MaybeInts stride, IntList padding, MaybeInts output_size);                    \
  const auto max_unpool##n##_op = compose<&max_unpool##n>({                                                                                                           \
      .schema = "max_unpool" #n "(Tensor input, Tensor indices, int[] kernel_size, int[]? stride=None, int[] padding=0, int[]? output_size=None) -> Tensor",          \
      .in = kFunctional,                                                                                                                                              \
      .doc = "Puts maxima back at the positions that max pooling gave, in zeros of output_size or the size that follows from the windows.",                           \
      .body = [](const Tensor& x, const Tensor& i, IntList k, MaybeInts s, IntList p, MaybeInts size) { return unpool(x, i, dims, k, s, p, size); },                  \
  });                                                                                                                                                                 \
  [[maybe_unused]] Tensor max_unpool##n(const Tensor& x, const Tensor& i, IntList k, MaybeInts s, IntList p, MaybeInts size) { return max_unpool##n##_op(x, i, k, s, p, size); }
KG_UNPOOL(1d, 1)
KG_UNPOOL(2d, 2)
KG_UNPOOL(3d, 3)
#undef KG_UNPOOL

// ---------------------------------------------------------------- one_hot, bilinear
Tensor one_hot(const Tensor& tensor, int64_t num_classes);
const auto one_hot_op = compose<&one_hot>({
    .schema = "one_hot(Tensor tensor, int num_classes=-1) -> Tensor",
    .in = kFunctional,
    .traits = kReadsValues,
    .doc = "Class numbers (*) as rows (*, num_classes) of zeros with a 1 (int64); -1 classes means one more than the largest number.",
    .body = [](const Tensor& tensor, int64_t num_classes) {
      KG_CHECK(tensor.dtype() == DType::Int64, "one_hot is only applicable to index tensor of type LongTensor.");
      if (tensor.numel() == 0) {
        KG_CHECK(num_classes > 0, "Can not infer total number of classes from empty tensor.");
      } else {
        auto [least, most] = aminmax(all_values(tensor));
        KG_CHECK(least.item().to_int() >= 0, "Class values must be non-negative.");
        if (num_classes == -1) num_classes = most.item().to_int() + 1;
        KG_CHECK(num_classes > most.item().to_int(), "Class values must be smaller than num_classes.");
      }
      Ints sizes(tensor.sizes());
      sizes.push_back(num_classes);
      return scatter_value(zeros(sizes, {.dtype = DType::Int64, .layout = {}, .device = tensor.device()}), -1, unsqueeze(tensor, -1), Scalar(1));
    },
});
[[maybe_unused]] Tensor one_hot(const Tensor& t, int64_t classes) { return one_hot_op(t, classes); }

Tensor bilinear(const Tensor& input1, const Tensor& input2, const Tensor& weight, const Tensor& bias);
const auto bilinear_op = compose<&bilinear>({
    .schema = "bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=None) -> Tensor",
    .in = kFunction | kFunctional,
    .doc = "input1^T weight[k] input2 + bias[k] for each output k: (*, I), (*, J), (K, I, J) and (K) to (*, K).",
    .body = [](const Tensor& input1, const Tensor& input2, const Tensor& weight, const Tensor& bias) {
      KG_CHECK(input1.dim() == input2.dim(), "bilinear(): input dimensions do not match: got ", input1.dim(), " and ", input2.dim());
      for (int64_t d = 0; d + 1 < input1.dim(); ++d)
        KG_CHECK(input1.sizes()[size_t(d)] == input2.sizes()[size_t(d)], "bilinear(): input batch dimensions do not match at dim ", d, ": got ", input1.sizes()[size_t(d)], " and ",
                 input2.sizes()[size_t(d)]);
      KG_CHECK(weight.dim() == 3 && input1.dim() > 0, "bilinear(): expected a weight of 3 dimensions and inputs of at least one");
      int64_t outs = weight.sizes()[0], size1 = weight.sizes()[1], size2 = weight.sizes()[2];
      KG_CHECK(input1.sizes().back() == size1, "bilinear(): input1 size does not match weight size: got ", input1.sizes().back(), " but expected ", size1);
      KG_CHECK(input2.sizes().back() == size2, "bilinear(): input2 size does not match weight size: got ", input2.sizes().back(), " but expected ", size2);
      KG_CHECK(!bias.defined() || bias.sizes()[0] == outs, "bilinear(): bias size does not match weight size: got ", bias.defined() ? bias.sizes()[0] : 0, " but expected ", outs);
      Ints sizes(input1.sizes().begin(), input1.sizes().end() - 1);
      int64_t rows = 1;
      for (int64_t s : sizes) rows *= s;
      sizes.push_back(outs);
      // (rows, I) times (I, K J), then each (K, J) of a row times its input2
      Tensor half = reshape(matmul(reshape(input1, {rows, size1}), reshape(transpose(weight, 0, 1), {size1, outs * size2})), {rows, outs, size2});
      Tensor y = reshape(matmul(half, reshape(input2, {rows, size2, 1})), sizes);
      return bias.defined() ? y + bias : y;
    },
});
[[maybe_unused]] Tensor bilinear(const Tensor& a, const Tensor& b, const Tensor& weight, const Tensor& bias) { return bilinear_op(a, b, weight, bias); }

}  // namespace
}  // namespace kagari
