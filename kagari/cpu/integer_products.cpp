#include "kagari/cpu/integer_products.h"

#include <cstring>

#include "kagari/cpu/isa_table.h"
#include "kagari/cpu/kernels/level_kernels.h"
#include "kagari/cpu/onednn.h"

namespace kagari {
namespace {

/// Without these instructions oneDNN adds pairs of products in 16 bits, which may saturate.
bool has_instructions() {
  static const bool has = __builtin_cpu_supports("avx512vnni");
  return has;
}

void row_major(int rank, const int64_t* sizes, int64_t* strides) {
  for (int64_t d = rank - 1, step = 1; d >= 0; --d) strides[d] = step, step *= sizes[d];
}
void image(int dims, int64_t channels, const int64_t* sizes, bool channels_last, int64_t* strides) {
  int64_t step = channels_last ? channels : 1;
  for (int d = dims - 1; d >= 0; --d) strides[2 + d] = step, step *= sizes[d];
  strides[1] = channels_last ? 1 : step;
  strides[0] = channels_last ? step : step * channels;
}

/// Attributes of a product whose input has a zero point that is told in each call.
onednn::Attributes with_zero_point() {
  onednn::Attributes attr = onednn::attributes();
  dnnl_primitive_attr_set_zero_points_mask(attr.get(), DNNL_ARG_SRC, 0);
  return attr;
}
void add_zero_point(onednn::Plan& plan) {
  int64_t one = 1;
  plan.add_plain_argument(DNNL_ARG_ATTR_ZERO_POINTS | DNNL_ARG_SRC, onednn::strided(1, &one, DType::Int32, &one));
}

template <class Key>
std::string key_of(const Key& key) {
  return std::string(reinterpret_cast<const char*>(&key), sizeof key);
}

std::shared_ptr<const onednn::Plan> matmul_plan(int64_t m, int64_t n, int64_t k, DType source) {
  using namespace onednn;
  int64_t a[] = {m, k}, b[] = {k, n}, c[] = {m, n}, a_strides[] = {k, 1}, b_strides[] = {1, k}, c_strides[] = {n, 1};
  auto a_layout = strided(2, a, source, a_strides), b_layout = strided(2, b, DType::Int8, b_strides), c_layout = strided(2, c, DType::Int32, c_strides);
  Attributes attr = with_zero_point();
  dnnl_primitive_desc_t d = nullptr;
  if (dnnl_matmul_primitive_desc_create(&d, engine(), a_layout.get(), b_layout.get(), nullptr, c_layout.get(), attr.get()) != dnnl_success) return nullptr;
  auto plan = std::make_shared<Plan>(PrimitiveDesc(d));
  plan->add_argument(DNNL_ARG_SRC, dnnl_query_src_md, 0, std::move(a_layout), false);
  plan->add_argument(DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, std::move(b_layout), false);
  plan->add_argument(DNNL_ARG_DST, dnnl_query_dst_md, 0, std::move(c_layout), true);
  add_zero_point(*plan);
  return plan;
}

std::shared_ptr<const onednn::Plan> convolution_plan(const Convolution& c) {
  using namespace onednn;
  int rank = c.dims + 2, weight_rank = rank + (c.groups > 1), w = 0;
  int64_t in[5] = {c.batch, c.in_channels}, out[5] = {c.batch, c.out_channels}, in_strides[5], out_strides[5], weight[6], weight_strides[6], stride[3], dilation[3], low[3], high[3];
  if (c.groups > 1) weight[w++] = c.groups;
  weight[w++] = c.out_channels / c.groups, weight[w++] = c.in_channels / c.groups;
  for (int d = 0; d < c.dims; ++d) {
    in[2 + d] = c.input_size[d], out[2 + d] = c.output_size[d], weight[w++] = c.kernel[d];
    stride[d] = c.stride[d], dilation[d] = c.dilation[d] - 1, low[d] = c.padding[d];
    high[d] = (c.output_size[d] - 1) * c.stride[d] + (c.kernel[d] - 1) * c.dilation[d] + 1 - c.input_size[d] - low[d];
  }
  row_major(weight_rank, weight, weight_strides);
  image(c.dims, c.in_channels, c.input_size, c.channels_last, in_strides);
  image(c.dims, c.out_channels, c.output_size, c.channels_last, out_strides);
  auto source = strided(rank, in, c.dtype, in_strides), target = strided(rank, out, DType::Int32, out_strides), weights = strided(weight_rank, weight, DType::Int8, weight_strides);
  auto any_source = c.channels_last ? strided(rank, in, c.dtype, in_strides) : any_layout(rank, in, c.dtype);
  auto any_target = c.channels_last ? strided(rank, out, DType::Int32, out_strides) : any_layout(rank, out, DType::Int32);
  auto any_weights = any_layout(weight_rank, weight, DType::Int8);
  Attributes attr = with_zero_point();
  dnnl_primitive_desc_t d = nullptr;
  if (dnnl_convolution_forward_primitive_desc_create(&d, engine(), dnnl_forward_inference, dnnl_convolution_direct, any_source.get(), any_weights.get(), nullptr, any_target.get(), stride,
                                                     dilation, low, high, attr.get()) != dnnl_success)
    return nullptr;
  auto plan = std::make_shared<Plan>(PrimitiveDesc(d));
  plan->add_argument(DNNL_ARG_SRC, dnnl_query_src_md, 0, std::move(source), false);
  plan->add_argument(DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0, std::move(weights), false);
  plan->add_argument(DNNL_ARG_DST, dnnl_query_dst_md, 0, std::move(target), true);
  add_zero_point(*plan);
  return plan;
}

}  // namespace

const LevelKernels& level_kernels() {
  static const LevelKernels& chosen = KG_TABLE_FOR_THIS_CPU(level_kernels);
  return chosen;
}

bool integer_matmul(int64_t m, int64_t n, int64_t k, const void* a, bool signed_a, int32_t zero, const int8_t* b, int32_t* c) {
  if (!has_instructions() || m == 0 || n == 0 || k == 0) return false;
  DType source = signed_a ? DType::Int8 : DType::UInt8;
  const int64_t key[] = {0x1e7e6e2, m, n, k, int64_t(source)};
  auto plan = onednn::cached_plan(key_of(key), [&] { return matmul_plan(m, n, k, source); });
  if (!plan) return false;
  plan->run({const_cast<void*>(a), const_cast<int8_t*>(b), c, &zero});
  return true;
}

bool integer_convolution(const Convolution& c, const void* input, int32_t zero, const int8_t* weight, int32_t* output) {
  if (!has_instructions() || c.transposed || c.batch == 0) return false;
  int64_t key[30] = {0x1e7e6e3, int64_t(c.dtype), c.dims, c.channels_last, c.batch, c.in_channels, c.out_channels, c.groups};
  size_t at = 8;
  for (const auto* list : {c.input_size, c.output_size, c.kernel, c.stride, c.dilation, c.padding})
    for (int d = 0; d < 3; ++d) key[at++] = list[d];
  auto plan = onednn::cached_plan(key_of(key), [&] { return convolution_plan(c); });
  if (!plan) return false;
  plan->run({const_cast<void*>(input), const_cast<int8_t*>(weight), output, &zero});
  return true;
}

}  // namespace kagari
