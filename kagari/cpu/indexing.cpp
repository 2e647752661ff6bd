#include "kagari/cpu/indexing.h"

#include <cstring>

#include "kagari/base/parallel.h"
#include "kagari/cpu/copy.h"
#include "kagari/cpu/strided.h"

namespace kagari::cpu {
namespace {

constexpr int64_t block = 1024;  // indices turned into offsets at a time

[[noreturn]] void fail_index(const IndexPlan& plan, int64_t value, int64_t dim, int64_t size) {
  fail(plan.error, plan.error_text ? std::string(plan.error_text) : str("index ", value, " is out of bounds for dimension ", dim, " with size ", size));
}

/// The addresses, in elements, that the indices begin..end-1 stand for.
void offsets_of(const IndexPlan& plan, int64_t begin, int64_t end, int64_t* out) {
  int64_t n = end - begin;
  for (size_t k = 0; k < plan.indices.size(); ++k) {
    const IndexPlan::Index& x = plan.indices[k];
    const int64_t* values = x.values + begin;
    uint64_t size = uint64_t(x.size);
    int64_t wrap = plan.negative ? x.size : 0;
    bool bad = false;
    if (k == 0) {
      for (int64_t i = 0; i < n; ++i) {
        int64_t v = values[i] + (values[i] < 0 ? wrap : 0);
        bad |= uint64_t(v) >= size;
        out[i] = v * x.stride;
      }
    } else {
      for (int64_t i = 0; i < n; ++i) {
        int64_t v = values[i] + (values[i] < 0 ? wrap : 0);
        bad |= uint64_t(v) >= size;
        out[i] += v * x.stride;
      }
    }
    if (bad) [[unlikely]]
      for (int64_t i = 0; i < n; ++i)
        if (uint64_t(values[i] + (values[i] < 0 ? wrap : 0)) >= size) fail_index(plan, values[i], x.dim, x.size);
  }
  if (plan.indices.empty()) std::fill(out, out + n, 0);
}

/// Dimensions with as many as possible merged, outermost first.
struct Dims {
  Ints sizes, strides;
  int64_t count = 1;
  Dims(const Ints& s, const Ints& t) {
    for (size_t i = 0; i < s.size(); ++i) {
      count *= s[i];
      if (s[i] == 1) continue;
      if (!sizes.empty() && strides.back() == t[i] * s[i]) {
        sizes.back() *= s[i];
        strides.back() = t[i];
      } else {
        sizes.push_back(s[i]);
        strides.push_back(t[i]);
      }
    }
  }
  int64_t offset(int64_t at) const {
    int64_t out = 0;
    for (size_t d = sizes.size(); d-- > 0;) {
      out += at % sizes[d] * strides[d];
      at /= sizes[d];
    }
    return out;
  }
};

/// `after` as rows of one stride.
struct Rows {
  int64_t rows = 1, length = 1, stride = 1;
  Dims outer;
  explicit Rows(const IndexPlan& plan) : outer(plan.after_sizes, plan.after_strides) {
    if (!outer.sizes.empty()) {
      length = outer.sizes.back();
      stride = outer.strides.back();
      outer.sizes.pop_back();
      outer.strides.pop_back();
    }
    rows = length ? outer.count / length : 0;
  }
};

template <class T>
void take(T* out, const T* self, const IndexPlan& plan) {
  Dims before(plan.before_sizes, plan.before_strides);
  Rows after(plan);
  int64_t blocks = (plan.count + block - 1) / block, width = after.rows * after.length;
  if (width == 0) return;
  int64_t grain = std::max<int64_t>(1, parallel_grain / std::max<int64_t>(1, std::min(plan.count, block) * width));
  parallel_for(0, before.count * blocks, grain, [&](int64_t begin, int64_t end) {
    int64_t offsets[block], have = -1;
    for (int64_t task = begin; task < end; ++task) {
      int64_t b = task / blocks, first = task % blocks * block, last = std::min(plan.count, first + block), n = last - first;
      if (first != have) offsets_of(plan, first, last, offsets);
      have = first;
      const T* base = self + before.offset(b);
      T* to = out + (b * plan.count + first) * width;
      if (width == 1) {
        for (int64_t i = 0; i < n; ++i) to[i] = base[offsets[i]];
      } else if (after.rows == 1 && after.stride == 1) {
        for (int64_t i = 0; i < n; ++i, to += width) std::memcpy(to, base + offsets[i], size_t(width) * sizeof(T));
      } else {
        for (int64_t i = 0; i < n; ++i)
          for (int64_t r = 0; r < after.rows; ++r, to += after.length) {
            const T* from = base + offsets[i] + after.outer.offset(r);
            for (int64_t j = 0; j < after.length; ++j) to[j] = from[j * after.stride];
          }
      }
    }
  });
}

struct Store {
  static constexpr const char* loop = nullptr;
  template <class T>
  void operator()(T& to, const T& from) const { to = from; }
};
struct Sum {
  static constexpr const char* loop = "add";  // the same for rows: a kernel of two operands
  template <class T>
  void operator()(T& to, const T& from) const {
    if constexpr (std::is_same_v<T, bool>) to = to || from;
    else to = T(to + from);
  }
};

template <class T, class F>
void put(T* self, const T* values, bool single, const IndexPlan& plan, F f) {
  Dims before(plan.before_sizes, plan.before_strides);
  Rows after(plan);
  int64_t width = after.rows * after.length, step = single ? 0 : 1;
  if (width == 0 || plan.count == 0) return;
  // Half types are added in lanes, where they are converted by the dozen.
  LoopFn rows_loop = nullptr;
  if constexpr (F::loop != nullptr && (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>))
    if (after.length >= 16) rows_loop = find_kernels<LoopFn>(F::loop)[dtype_v<T>];
  // All indices of one column are written by one thread, in order.
  auto columns = [&](int64_t first_b, int64_t last_b, int64_t from_column, int64_t to_column) {
    int64_t offsets[block], have = -1;
    for (int64_t b = first_b; b < last_b; ++b) {
      for (int64_t first = 0; first < plan.count; first += block) {
        T* base = self + before.offset(b);
        int64_t last = std::min(plan.count, first + block);
        if (first != have) offsets_of(plan, first, last, offsets);
        have = first;
        if (width == 1) {
          const T* from = values + b * plan.count * step;
          for (int64_t i = first; i < last; ++i) f(base[offsets[i - first]], from[i * step]);
          continue;
        }
        for (int64_t i = first; i < last; ++i) {
          const T* from = values + (b * plan.count + i) * width * step;
          // rows lie anywhere: their first lines are asked for while earlier ones are written
          if (width >= 16 && i + 4 < last) {
            const char* ahead = reinterpret_cast<const char*>(base + offsets[i + 4 - first] + from_column * after.stride);
            for (int line = 0; line < 4; ++line) __builtin_prefetch(ahead + 64 * line, 1);
          }
          for (int64_t r = 0; r < after.rows; ++r) {
            T* to = base + offsets[i - first] + (after.rows == 1 ? 0 : after.outer.offset(r));
            const T* row = from + r * after.length * step;
            if (rows_loop && after.stride == 1 && step == 1) {
              char* data[] = {reinterpret_cast<char*>(to + from_column), reinterpret_cast<char*>(to + from_column), reinterpret_cast<char*>(const_cast<T*>(row + from_column))};
              const int64_t strides[] = {sizeof(T), sizeof(T), sizeof(T)};
              rows_loop(data, strides, to_column - from_column, nullptr);
            } else if (after.stride == 1 && step == 1)
              for (int64_t j = from_column; j < to_column; ++j) f(to[j], row[j]);
            else
              for (int64_t j = from_column; j < to_column; ++j) f(to[j * after.stride], row[j * step]);
          }
        }
      }
    }
  };
  int64_t work = plan.count * width;
  if (before.count > 1) {
    parallel_for(0, before.count, std::max<int64_t>(1, parallel_grain / work), [&](int64_t begin, int64_t end) {
      columns(begin, end, 0, after.length);
    });
  } else if (after.length >= 64) {
    parallel_for(0, after.length, std::max<int64_t>(32, parallel_grain / (plan.count * after.rows)), [&](int64_t begin, int64_t end) { columns(0, 1, begin, end); });
  } else if (before.count == 1) {
    columns(0, 1, 0, after.length);
  }
}

void check_all(const IndexPlan& plan) {
  int64_t offsets[block];
  for (int64_t first = 0; first < plan.count; first += block) offsets_of(plan, first, std::min(plan.count, first + block), offsets);
}

}  // namespace

void take_indexed(const Tensor& out, const Tensor& self, const IndexPlan& plan) {
  visit_sizes(self.dtype(), [&](auto tag) { take(out.data<decltype(tag)>(), self.data<decltype(tag)>(), plan); });
}

void put_indexed(const Tensor& self, const Tensor& values, const IndexPlan& plan, bool accumulate) {
  check_all(plan);  // nothing is written if an index is wrong
  bool single = values.numel() == 1;
  if (accumulate)
    visit_all("index_put_", self.dtype(), [&](auto tag) { put(self.data<decltype(tag)>(), values.data<decltype(tag)>(), single, plan, Sum()); });
  else
    visit_sizes(self.dtype(), [&](auto tag) { put(self.data<decltype(tag)>(), values.data<decltype(tag)>(), single, plan, Store()); });
}

// ---------------------------------------------------------------- one index per element
namespace {

[[noreturn]] void fail_along(const int64_t* index, int64_t n, int64_t step, int64_t dim, int64_t size) {
  for (int64_t i = 0; i < n; ++i)
    KG_CHECK(index[i * step] >= 0 && index[i * step] < size, "index ", index[i * step], " is out of bounds for dimension ", dim, " with size ", size);
  fail(ErrorKind::Internal, "an index was out of bounds and is not any more");
}

/// Offsets of the coordinates `at` in dimensions [0, end) but one.
int64_t offset_without(IntList sizes, IntList strides, int64_t end, int64_t skip, int64_t at) {
  int64_t out = 0;
  for (int64_t d = end; d-- > 0;) {
    if (d == skip) continue;
    out += at % sizes[d] * strides[d];
    at /= sizes[d];
  }
  return out;
}

}  // namespace

void gather_along(const Tensor& out, const Tensor& self, int64_t dim, const Tensor& index) {
  if (index.numel() == 0) return;
  const int64_t* ix = index.data<int64_t>();
  int64_t n = index.dim();
  int64_t size = self.dim() ? self.sizes()[dim] : 1, stride = self.dim() ? self.strides()[dim] : 1;
  int64_t length = n ? index.sizes()[n - 1] : 1, rows = index.numel() / length;
  int64_t along = n == 0 || dim == n - 1 ? 0 : self.strides()[n - 1];
  visit_sizes(self.dtype(), [&](auto tag) {
    using T = decltype(tag);
    T* to = out.data<T>();
    const T* from = self.data<T>();
    // rows are split only between coordinates, so one long row is split by elements
    auto run = [&](int64_t r, int64_t begin, int64_t end) {
      int64_t base = 0, at = r;
      for (int64_t d = n - 2; d >= 0; --d) {
        if (d != dim) base += at % index.sizes()[d] * self.strides()[d];
        at /= index.sizes()[d];
      }
      const int64_t* row = ix + r * length;
      T* y = to + r * length;
      bool bad = false;
      for (int64_t j = begin; j < end; ++j) {
        int64_t i = row[j];
        bool wrong = uint64_t(i) >= uint64_t(size);
        bad |= wrong;
        y[j] = from[base + j * along + (wrong ? 0 : i * stride)];
      }
      if (bad) fail_along(row + begin, end - begin, 1, dim, size);
    };
    if (size == 0) fail_along(ix, 1, 1, dim, 0);
    if (rows == 1) return parallel_for(0, length, parallel_grain, [&](int64_t begin, int64_t end) { run(0, begin, end); });
    parallel_for(0, rows, std::max<int64_t>(1, parallel_grain / length), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) run(r, 0, length);
    });
  });
}

namespace {

struct Product {
  template <class T>
  void operator()(T& to, const T& from) const {
    if constexpr (std::is_same_v<T, bool>) to = to && from;
    else to = T(to * from);
  }
};
struct Smaller {
  template <class T>
  void operator()(T& to, const T& from) const {
    const T a = to, b = from;  // written always: which one wins is no branch that could be predicted
    to = (b < a) | (b != b) ? b : a;  // NaN wins
  }
};
struct Larger {
  template <class T>
  void operator()(T& to, const T& from) const {
    const T a = to, b = from;
    to = (b > a) | (b != b) ? b : a;
  }
};

template <class T, class F>
void scatter(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, F f) {
  const int64_t* ix = index.data<int64_t>();
  int64_t n = std::max<int64_t>(1, index.dim());
  Ints shape = index.dim() ? Ints(index.sizes()) : Ints{1};
  Ints index_strides = row_major_strides(shape);
  Ints to_strides = self.dim() ? Ints(self.strides()) : Ints{1}, from_strides = src.dim() ? Ints(src.strides()) : Ints(size_t(n), 0);
  int64_t size = self.dim() ? self.sizes()[dim] : 1, steps = shape[dim];
  T* to = self.data<T>();
  const T* from = src.data<T>();
  // Lines along `dim` that are neighbours in the last dimension are walked together; each line by one thread, in order.
  int64_t last = dim == n - 1 ? n : n - 1;
  int64_t width = last < n ? shape[last] : 1, outer = index.numel() / (width * steps);
  constexpr int64_t wide = 512;
  int64_t parts = (width + wide - 1) / wide;
  parallel_for(0, outer * parts, std::max<int64_t>(1, parallel_grain / (steps * std::min(width, wide))), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      int64_t o = task / parts, j0 = task % parts * wide, j1 = std::min(width, j0 + wide);
      int64_t a = offset_without(shape, index_strides, last, dim, o), b = offset_without(shape, to_strides, last, dim, o), c = offset_without(shape, from_strides, last, dim, o);
      if (last == n) {  // one line whose indices are dense
        const int64_t to_step = to_strides[dim], from_step = from_strides[dim];
        const int64_t* row = ix + a;
        constexpr int64_t block = 1024;  // checked at once, so that the loop that follows has nothing to decide
        for (int64_t start = 0; start < steps; start += block) {
          int64_t stop = std::min(steps, start + block);
          bool bad = false;
          for (int64_t k = start; k < stop; ++k) bad |= uint64_t(row[k]) >= uint64_t(size);
          if (bad) [[unlikely]] fail_along(row + start, stop - start, 1, dim, size);
          T* base = to + b;
          const T* source = from + c;
          if (to_step == 1 && from_step == 1) {
            for (int64_t k = start; k < stop; ++k) f(base[row[k]], source[k]);
          } else {
            for (int64_t k = start; k < stop; ++k) f(base[row[k] * to_step], source[k * from_step]);
          }
        }
        continue;
      }
      int64_t to_last = to_strides[last], from_last = from_strides[last];
      for (int64_t k = 0; k < steps; ++k) {
        const int64_t* row = ix + a + k * index_strides[dim];
        const T* source = from + c + k * from_strides[dim];
        for (int64_t j = j0; j < j1; ++j) {
          int64_t i = row[j];
          if (uint64_t(i) >= uint64_t(size)) [[unlikely]] fail_along(row + j, 1, 1, dim, size);
          f(to[b + j * to_last + i * to_strides[dim]], source[j * from_last]);
        }
      }
    }
  });
}

}  // namespace

void scatter_along(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, ScatterKind kind) {
  if (index.numel() == 0) return;
  if (is_half(self.dtype()) && kind != ScatterKind::Assign && index.numel() >= 64 && self.numel() <= 8 * index.numel()) {
    // Combined in float32 and rounded once: faster than converting each element, and closer to the true sum.
    auto wide = [](const Tensor& t) {
      Tensor w = empty_tensor(t.sizes(), DType::Float32);
      copy_elements(w, t);
      return w;
    };
    Tensor total = wide(self);
    scatter_along(total, dim, index, wide(src), kind);
    return copy_elements(self, total);
  }
  switch (kind) {
    case ScatterKind::Assign:
      return visit_sizes(self.dtype(), [&](auto tag) { scatter<decltype(tag)>(self, dim, index, src, Store()); });
    case ScatterKind::Add:
      return visit_all("scatter_add", self.dtype(), [&](auto tag) { scatter<decltype(tag)>(self, dim, index, src, Sum()); });
    case ScatterKind::Multiply:
      return visit_all("scatter_reduce", self.dtype(), [&](auto tag) { scatter<decltype(tag)>(self, dim, index, src, Product()); });
    case ScatterKind::Minimum:
      return visit_reals("scatter_reduce", self.dtype(), [&](auto tag) { scatter<decltype(tag)>(self, dim, index, src, Smaller()); });
    case ScatterKind::Maximum:
      return visit_reals("scatter_reduce", self.dtype(), [&](auto tag) { scatter<decltype(tag)>(self, dim, index, src, Larger()); });
  }
}

// ---------------------------------------------------------------- masks
namespace {

constexpr int64_t mask_block = 32768;

int64_t count_bytes(const uint8_t* mask, int64_t n) {
  int64_t count = 0;
  while (n > 0) {  // sums of bytes stay below 256
    int64_t part = std::min<int64_t>(n, 255 * 8);
    uint64_t lanes = 0;
    int64_t i = 0;
    for (; i + 8 <= part; i += 8) {
      uint64_t word;
      std::memcpy(&word, mask + i, 8);
      lanes += word;
    }
    for (int64_t k = 0; k < 8; ++k) count += lanes >> (8 * k) & 255;
    for (; i < part; ++i) count += mask[i];
    mask += part;
    n -= part;
  }
  return count;
}

/// How many elements are set before each block, and in all.
std::vector<int64_t> starts_of(const Tensor& mask) {
  int64_t n = mask.numel(), blocks = (n + mask_block - 1) / mask_block;
  std::vector<int64_t> starts(size_t(blocks) + 1, 0);
  const uint8_t* m = mask.data<uint8_t>();
  parallel_for(0, blocks, 4, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) starts[b + 1] = count_bytes(m + b * mask_block, std::min(mask_block, n - b * mask_block));
  });
  for (int64_t b = 0; b < blocks; ++b) starts[b + 1] += starts[b];
  return starts;
}

/// Calls f(i, k) for the k-th set element i of a dense mask; blocks in parallel.
template <class F>
void each_true(const Tensor& mask, F&& f) {
  std::vector<int64_t> starts = starts_of(mask);
  int64_t n = mask.numel(), blocks = int64_t(starts.size()) - 1;
  const uint8_t* m = mask.data<uint8_t>();
  parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      int64_t k = starts[b], stop = starts[b + 1], last = std::min(n, (b + 1) * mask_block);
      int64_t i = b * mask_block;
      // eight bytes at a time: the positions of the set ones are the bits of one multiplication
      for (; i + 8 <= last && k < stop; i += 8) {
        uint64_t word;
        std::memcpy(&word, m + i, 8);
        if (word == 0) continue;
        uint32_t bits = uint32_t((word & 0x0101010101010101ull) * 0x0102040810204080ull >> 56);
        for (; bits; bits &= bits - 1) f(i + __builtin_ctz(bits), k++);
      }
      for (; i < last && k < stop; ++i)
        if (m[i]) f(i, k++);
    }
  });
}

}  // namespace

int64_t count_true(const Tensor& mask) { return mask.numel() ? starts_of(mask).back() : 0; }

void compress(const Tensor& out, const Tensor& x, const Tensor& mask) {
  if (out.numel() == 0) return;
  visit_sizes(x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    T* to = out.data<T>();
    const T* from = x.data<T>();
    each_true(mask, [=](int64_t i, int64_t k) { to[k] = from[i]; });
  });
}

void expand_masked(const Tensor& y, const Tensor& mask, const Tensor& source) {
  if (y.numel() == 0) return;
  visit_sizes(y.dtype(), [&](auto tag) {
    using T = decltype(tag);
    T* to = y.data<T>();
    const T* from = source.data<T>();
    each_true(mask, [=](int64_t i, int64_t k) { to[i] = from[k]; });
  });
}

void coordinates_of_true(const Tensor& out, const Tensor& mask) {
  if (out.numel() == 0) return;
  int64_t* to = out.data<int64_t>();
  int64_t row = out.strides()[0], column = out.strides()[1], n = mask.dim();
  if (n == 1) return each_true(mask, [=](int64_t i, int64_t k) { to[k * row] = i; });
  if (n == 2) {
    int64_t width = mask.sizes()[1];
    return each_true(mask, [=](int64_t i, int64_t k) {
      to[k * row] = i / width;
      to[k * row + column] = i % width;
    });
  }
  each_true(mask, [=, &mask](int64_t i, int64_t k) {
    for (int64_t d = n; d-- > 0;) {
      to[k * row + d * column] = i % mask.sizes()[d];
      i /= mask.sizes()[d];
    }
  });
}

}  // namespace kagari::cpu
