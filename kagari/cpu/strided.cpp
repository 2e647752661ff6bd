#include "kagari/cpu/strided.h"

#include "kagari/base/parallel.h"

namespace kagari::cpu {
namespace {

constexpr size_t max_operands = 8;

struct Dimension {
  int64_t size;
  int64_t strides[max_operands];  // bytes
};

void run_part(LoopFn loop, const void* params, const SmallVector<Dimension, 6>& dims, size_t operands, char* const* base, int64_t begin, int64_t end) {
  // The first dimension is the inner loop. [begin, end) counts elements; start in the middle of a row if need be.
  int64_t inner = dims[0].size;
  SmallVector<int64_t, 6> at(dims.size(), 0);
  char* data[max_operands];
  for (size_t k = 0; k < operands; ++k) data[k] = base[k];
  int64_t rest = begin;
  for (size_t d = 0; d < dims.size(); ++d) {
    at[d] = rest % dims[d].size;
    rest /= dims[d].size;
    for (size_t k = 0; k < operands; ++k) data[k] += at[d] * dims[d].strides[k];
  }
  int64_t left = end - begin;
  while (left > 0) {
    int64_t n = std::min(inner - at[0], left);
    loop(data, dims[0].strides, n, params);
    left -= n;
    if (left == 0) return;
    for (size_t k = 0; k < operands; ++k) data[k] -= at[0] * dims[0].strides[k];
    at[0] = 0;
    for (size_t d = 1; d < dims.size(); ++d) {
      ++at[d];
      for (size_t k = 0; k < operands; ++k) data[k] += dims[d].strides[k];
      if (at[d] < dims[d].size) break;
      for (size_t k = 0; k < operands; ++k) data[k] -= dims[d].size * dims[d].strides[k];
      at[d] = 0;
    }
  }
}

}  // namespace

void run_elementwise(LoopFn loop, const void* params, std::span<const Tensor* const> operands) {
  const Tensor& out = *operands[0];
  int64_t count = out.numel();
  if (count == 0) return;
  size_t n = operands.size();
  char* data[max_operands];
  bool dense = true;
  for (size_t k = 0; k < n; ++k) {
    data[k] = reinterpret_cast<char*>(operands[k]->bytes());
    dense = dense && operands[k]->is_contiguous() && (k == 0 || operands[k]->numel() == count || operands[k]->numel() == 1);
  }
  if (dense) {
    int64_t strides[max_operands];
    for (size_t k = 0; k < n; ++k) strides[k] = operands[k]->numel() == 1 && count != 1 ? 0 : operands[k]->itemsize();
    if (count <= parallel_grain) return loop(data, strides, count, params);
    return parallel_for(0, count, parallel_grain, [&](int64_t begin, int64_t end) {
      char* part[max_operands];
      for (size_t k = 0; k < n; ++k) part[k] = data[k] + begin * strides[k];
      loop(part, strides, end - begin, params);
    });
  }

  SmallVector<Dimension, 6> dims;
  for (int64_t d = out.dim() - 1; d >= 0; --d) {
    if (out.sizes()[d] == 1) continue;
    Dimension& dim = dims.emplace_back();
    dim.size = out.sizes()[d];
    for (size_t k = 0; k < n; ++k) {
      const Tensor& t = *operands[k];
      int64_t own = d - (out.dim() - t.dim());
      dim.strides[k] = own < 0 || t.sizes()[own] == 1 ? 0 : t.strides()[own] * t.itemsize();
    }
  }
  if (dims.empty()) dims.push_back({1, {}});
  // smallest output stride innermost; insertion sort keeps the given order among equals
  for (size_t i = 1; i < dims.size(); ++i)
    for (size_t j = i; j > 0 && dims[j].strides[0] < dims[j - 1].strides[0]; --j) std::swap(dims[j], dims[j - 1]);
  for (size_t i = 1; i < dims.size();) {
    Dimension& low = dims[i - 1];
    bool merge = true;
    for (size_t k = 0; k < n; ++k) merge = merge && dims[i].strides[k] == low.strides[k] * low.size;
    if (merge) {
      low.size *= dims[i].size;
      dims.erase(&dims[i]);
    } else ++i;
  }
  if (count <= parallel_grain) return run_part(loop, params, dims, n, data, 0, count);
  parallel_for(0, count, parallel_grain, [&](int64_t begin, int64_t end) { run_part(loop, params, dims, n, data, begin, end); });
}

Ints result_strides(IntList sizes, std::span<const Tensor* const> inputs) {
  bool row_major = true;
  for (const Tensor* t : inputs)
    if (t->sizes() == sizes && !t->is_contiguous()) row_major = false;
  if (row_major) {
    // a smaller, non-contiguous input decides only if no input has the full shape
    bool any_full = false, odd = false;
    for (const Tensor* t : inputs) {
      any_full = any_full || t->sizes() == sizes;
      odd = odd || !t->is_contiguous();
    }
    if (any_full || !odd) return {};
  }
  size_t n = sizes.size();
  SmallVector<size_t, 6> order;  // dimensions, innermost first
  for (size_t i = n; i-- > 0;) order.push_back(i);
  SmallVector<Ints, 3> strides;
  for (const Tensor* t : inputs) strides.push_back(broadcast_strides(t->sizes(), t->strides(), sizes));
  // -1: a is inside b, 1: outside, 0: the inputs do not say
  auto compare = [&](size_t a, size_t b) {
    for (const Ints& s : strides) {
      if (s[a] == 0 || s[b] == 0) continue;
      if (s[a] != s[b]) return s[a] < s[b] ? -1 : 1;
      if (sizes[a] != sizes[b]) return sizes[a] < sizes[b] ? -1 : 1;
    }
    return 0;
  };
  for (size_t i = 1; i < n; ++i) {
    size_t moving = i;
    for (size_t j = i; j-- > 0;) {
      int c = compare(order[j], order[moving]);
      if (c > 0) {
        std::swap(order[j], order[moving]);
        moving = j;
      } else if (c < 0) break;
    }
  }
  Ints out(n);
  int64_t step = 1;
  for (size_t d : order) {
    out[d] = step;
    step *= std::max<int64_t>(sizes[d], 1);
  }
  return out;
}

}  // namespace kagari::cpu
