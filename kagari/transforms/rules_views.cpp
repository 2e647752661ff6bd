// vmap over views and over operators that rearrange.
#include <algorithm>
#include <string>

#include "kagari/ops/creation.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"
#include "kagari/transforms/batching.h"

namespace kagari::transforms {
namespace {

/// Without -1.
Ints known_sizes(IntList size, int64_t numel) {
  Ints out(size);
  int64_t known = 1, unknown = -1;
  for (size_t i = 0; i < out.size(); ++i) (out[i] < 0 ? unknown : known) = out[i] < 0 ? int64_t(i) : known * out[i];
  if (unknown >= 0 && known) out[size_t(unknown)] = numel / known;
  return out;
}

/// A view where the examples' memory allows it, else a copy.
void rule_view(Call& c) {
  IntList size = c.value(1).view<int64_t>();
  int64_t numel = c.seen(0).numel();
  Ints wanted = known_sizes(size, numel);
  int64_t count = 1;
  for (int64_t s : wanted) count *= s;
  KG_CHECK(count == numel, "shape '", size, "' is invalid for input of size ", numel);
  c.give(reshape(c.front(0), behind(c.count(), wanted)));
}

void rule_permute(Call& c) {
  int64_t rank = c.rank(0);
  Ints dims{0};
  for (int64_t d : c.value(1).view<int64_t>()) dims.push_back(wrap_dim(d, rank) + 1);
  c.set(1, std::move(dims));
  c.run();
}

void rule_t(Call& c) {
  KG_CHECK(c.rank(0) <= 2, "t() expects a tensor with <= 2 dimensions, but self is ", c.rank(0), "D");
  c.give(c.rank(0) == 2 ? transpose(c.front(0), 1, 2) : alias(c.front(0)));
}

void rule_expand(Call& c) {
  IntList size = c.value(1).view<int64_t>();
  KG_CHECK(int64_t(size.size()) >= c.rank(0), "expand(", c.seen(0).sizes(), ", size=", size, "): the number of sizes provided (", size.size(),
           ") must be greater or equal to the number of dimensions in the tensor (", c.rank(0), ")");
  c.set(0, with_rank(c.front(0), int64_t(size.size())));
  c.set(1, behind(c.count(), size));
  c.run();
}

void rule_squeeze(Call& c) {
  Ints dims;
  for (int64_t d = 0; d < c.rank(0); ++d)
    if (c.seen(0).sizes()[d] == 1) dims.push_back(d + 1);
  c.give(dims.empty() ? alias(c.front(0)) : squeeze_dims(c.front(0), dims));
}

void rule_unsqueeze(Call& c) {
  c.set(1, wrap_dim(c.value(1).i, c.rank(0) + 1) + 1);
  c.run();
}

/// The gradient of a view: sizes of the view's source, dimensions of it.
void rule_sized(Call& c) {
  size_t sizes = c.find("input_sizes");
  IntList given = c.value(sizes).view<int64_t>();
  int64_t rank = int64_t(given.size());
  for (const char* name : {"dim", "dim1", "dim2"})
    if (c.has(name)) c.set(c.find(name), wrap_dim(c.value(c.find(name)).i, rank) + 1);
  c.set(sizes, behind(c.count(), given));
  c.run();
}

/// self and src, aligned and with dimensions counted in self.
void rule_window_scatter(Call& c) {
  int64_t rank = c.rank(0);
  for (const char* name : {"dim", "dim1", "dim2"})
    if (c.has(name)) c.set(c.find(name), wrap_dim(c.value(c.find(name)).i, rank) + 1);
  c.set(0, c.spread(0));
  c.set(1, c.spread(1));
  c.run();
}

// A transformed tensor is an alias of its first example, so that its layout is that of all of them behind the examples' stride.
void rule_as_strided(Call& c) {
  const TransformedState* s = state_of(c.seen(0));
  int64_t offset = c.value(c.find("storage_offset")).i;
  Ints strides{s->value.strides()[s->dim]};
  for (int64_t step : c.value(c.find("stride")).view<int64_t>()) strides.push_back(step);
  c.give(as_strided(s->value, behind(c.count(), c.value(c.find("size")).view<int64_t>()), strides, offset));
}

/// Both windows, and behind them those of the other examples: far enough apart not to touch.
void rule_as_strided_gradient(Call& c) {
  int64_t apart = 1;
  for (const char* side : {"from", "to"}) {
    std::string name(side);
    IntList sizes = c.value(c.find(name + "_size")).view<int64_t>(), strides = c.value(c.find(name + "_stride")).view<int64_t>();
    int64_t last = c.value(c.find(name + "_offset")).i;
    for (size_t d = 0; d < sizes.size(); ++d) last += std::max<int64_t>(sizes[d] - 1, 0) * strides[d];
    apart = std::max(apart, last + 1);
  }
  for (const char* side : {"from", "to"}) {
    std::string name(side);
    size_t sizes = c.find(name + "_size"), strides = c.find(name + "_stride");
    c.set(sizes, behind(c.count(), c.value(sizes).view<int64_t>()));
    c.set(strides, behind(apart, c.value(strides).view<int64_t>()));
  }
  c.run();
}

/// new_zeros(size) and the like: one per example, so that it can be written to.
void rule_new(Call& c) {
  size_t size = c.find("size");
  c.set(size, behind(c.count(), c.value(size).view<int64_t>()));
  c.run();
}

/// Tensors that become one; what the user sees decides how dimensions are counted.
void rule_stack(Call& c) {
  std::vector<Tensor> list;
  for (const Tensor& t : c.seen_list(0)) list.push_back(c.spread(t));
  size_t dim = c.find("dim");
  c.set(dim, wrap_dim(c.value(dim).i, c.seen_list(0)[0].dim() + 1) + 1);
  c.set(0, std::move(list));
  c.run();
}
void rule_cat(Call& c) {
  std::vector<Tensor> list;
  Ints extents;
  IntList given = c.value(2).view<int64_t>();
  TensorList seen = c.seen_list(0);
  for (size_t i = 0; i < seen.size(); ++i) {
    if (given[i] < 0) continue;
    list.push_back(c.spread(seen[i]));
    extents.push_back(given[i]);
  }
  if (list.empty()) return c.loop();
  c.set(0, std::move(list));
  c.set(1, c.value(1).i + 1);
  c.set(2, std::move(extents));
  c.run();
}

void rule_view_dtype(Call& c) {
  if (c.rank(0) == 0) return c.loop();
  c.run();
}

const BatchRuleEntry table[] = {
    {"view", rule_view}, {"permute", rule_permute}, {"t", rule_t}, {"expand", rule_expand}, {"squeeze", rule_squeeze}, {"squeeze.dim", rule_dims, "dim"},
    {"squeeze.dims", rule_dims, "dim"}, {"unsqueeze", rule_unsqueeze}, {"transpose", rule_dims, "dim0 dim1"}, {"split_with_sizes", rule_dims, "dim"},
    {"split", rule_dims, "dim"}, {"unbind", rule_dims, "dim"}, {"select", rule_dims, "dim"}, {"slice", rule_dims, "dim"},
    {"diagonal", rule_dims, "dim1 dim2"}, {"unfold", rule_dims, "dimension"}, {"select_backward", rule_sized}, {"slice_backward", rule_sized},
    {"diagonal_backward", rule_sized}, {"unfold_backward", rule_sized}, {"select_scatter", rule_window_scatter}, {"slice_scatter", rule_window_scatter},
    {"diagonal_scatter", rule_window_scatter}, {"_as_strided", rule_as_strided}, {"as_strided_backward", rule_as_strided_gradient}, {"view.dtype", rule_view_dtype}, {"new_empty", rule_new},
    {"new_zeros", rule_new}, {"new_ones", rule_new}, {"new_full", rule_new}, {"_cat", rule_cat}, {"stack", rule_stack},
};

}  // namespace

std::span<const BatchRuleEntry> view_rules() { return table; }

}  // namespace kagari::transforms
