#include "kagari/tensor/tensor.h"

#include "kagari/base/allocator.h"
#include "kagari/tensor/quantized.h"
#include "kagari/tensor/sparse.h"
#include "kagari/tensor/value_reads.h"
#include "kagari/tensor/wrapper.h"

namespace kagari {

BindingHooks binding_hooks;

IntrusivePtr<TensorImpl> TensorImpl::create(IntrusivePtr<Storage> storage, DType dtype) {
  auto* t = new (allocate(sizeof(TensorImpl))) TensorImpl;
  t->device = storage->device();
  t->storage = std::move(storage);
  t->dtype = dtype;
  return IntrusivePtr<TensorImpl>::adopt(t);
}

void TensorImpl::destroy(TensorImpl* t) {
  if (t->owns_object) binding_hooks.destroy(t->object);
  t->~TensorImpl();
  deallocate(t, sizeof(TensorImpl));
}

void TensorImpl::set_shape(IntList new_sizes) {
  sizes.assign(new_sizes.begin(), new_sizes.end());
  strides.resize(sizes.size());
  int64_t count = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    strides[i] = count;
    count *= std::max<int64_t>(sizes[i], 1);
  }
  numel = count;
  for (int64_t s : sizes)
    if (s == 0) numel = 0;
  contiguous = true;
}

void TensorImpl::set_layout(IntList new_sizes, IntList new_strides) {
  sizes.assign(new_sizes.begin(), new_sizes.end());
  strides.assign(new_strides.begin(), new_strides.end());
  refresh();
}

void TensorImpl::refresh() {
  numel = 1;
  contiguous = true;
  bool overflow = false;
  for (size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] != 1 && strides[i] != numel) contiguous = false;
    overflow |= __builtin_mul_overflow(numel, sizes[i], &numel);
  }
  if (overflow) [[unlikely]] numel = numel_of(sizes);  // raises, unless a size is 0
  if (numel == 0) contiguous = true;
}

int64_t Tensor::size(int64_t d) const { return impl_->sizes[size_t(wrap_dim(d, dim()))]; }
int64_t Tensor::stride(int64_t d) const { return impl_->strides[size_t(wrap_dim(d, dim()))]; }

bool Tensor::is_contiguous(MemoryFormat format) const {
  if (format == MemoryFormat::Contiguous || format == MemoryFormat::Preserve) return is_contiguous();
  if (dim() != (format == MemoryFormat::ChannelsLast ? 4 : 5)) return false;
  if (numel() == 0) return true;
  Ints expected = strides_for(sizes(), format);
  for (size_t i = 0; i < expected.size(); ++i)
    if (sizes()[i] != 1 && strides()[i] != expected[i]) return false;
  return true;
}

bool Tensor::is_non_overlapping_and_dense() const {
  if (is_contiguous()) return true;
  SmallVector<std::pair<int64_t, int64_t>, 5> dims;  // stride, size
  for (int64_t i = 0; i < dim(); ++i)
    if (sizes()[i] != 1) dims.push_back({strides()[i], sizes()[i]});
  std::sort(dims.begin(), dims.end());
  int64_t expected = 1;
  for (auto [stride, size] : dims) {
    if (stride != expected) return false;
    expected *= size;
  }
  return true;
}

constinit thread_local ValueReadObserver* value_read_observer = nullptr;
Scalar (*item_of_wrapper)(const Tensor& t) = nullptr;

Scalar Tensor::item() const {
  if (impl_->transform) [[unlikely]] impl_->transform->check_readable("item()");
  if (value_read_observer && !impl_->wrapped_number) [[unlikely]] value_read_observer->reads(*this);
  KG_CHECK(numel() == 1, "a Tensor with ", numel(), " elements cannot be converted to Scalar");
  KG_CHECK(!is_meta(), "Tensor.item() cannot be called on meta tensors");
  if (impl_->special && is_quantized(*this)) {
    const QuantizedParts& p = quantized_parts(*this);
    KG_CHECK_IMPLEMENTED(!p.per_channel(), "item(): a quantized tensor with a scale per channel");
    return double(float(p.levels.item().to_int() - p.zero_point) * float(p.scale));
  }
  if (is_sparse(*this)) {
    const Tensor& values = sparse_parts(*this).values;
    KG_CHECK(values.numel() < 2, "item(): the sparse tensor must be coalesced first");
    return values.numel() ? values.item() : dtype() == DType::Bool ? Scalar(false) : is_integral(dtype()) ? Scalar(0) : is_complex() ? Scalar(std::complex<double>()) : Scalar(0.0);
  }
  if (!impl_->storage->data()) {
    KG_CHECK(item_of_wrapper, "Cannot access data pointer of Tensor that doesn't have storage");
    return item_of_wrapper(*this);
  }
  if (is_float8(dtype())) return double(float8_to_float(dtype(), *data<uint8_t>()));
  return visit_all("item", dtype(), [&](auto tag) -> Scalar {
    using T = decltype(tag);
    T value = *data<T>();
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) return double(float(value));
    else if constexpr (std::is_same_v<T, std::complex<float>>) return std::complex<double>(value);
    else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) return int64_t(value);
    else return Scalar(value);
  });
}

int64_t numel_of(IntList sizes) {
  int64_t n = 1;
  for (int64_t s : sizes) {
    KG_CHECK(s >= 0, "Trying to create tensor with negative dimension ", s, ": ", sizes);
    KG_CHECK(!__builtin_mul_overflow(n, s, &n), "Storage size calculation overflowed with sizes=", sizes);
  }
  return n;
}

namespace {
int64_t checked_bytes(int64_t count, DType dtype, IntList sizes) {
  int64_t bytes;
  KG_CHECK(!__builtin_mul_overflow(count, itemsize(dtype), &bytes), "Storage size calculation overflowed with sizes=", sizes);
  return bytes;
}
}  // namespace

Tensor empty_tensor(IntList sizes, DType dtype, Device device) {
  KG_CHECK(device.is_cpu() || device.is_meta(), "kagari was built without support for the device '", device, "'");
  int64_t count = 1, bytes;
  bool negative = false, overflow = false;
  for (int64_t s : sizes) {
    negative |= s < 0;
    overflow |= __builtin_mul_overflow(count, s, &count);
  }
  overflow |= __builtin_mul_overflow(count, itemsize(dtype), &bytes);
  if (negative || overflow) [[unlikely]] bytes = checked_bytes(numel_of(sizes), dtype, sizes);
  auto impl = TensorImpl::create(Storage::create(bytes, device), dtype);
  impl->set_shape(sizes);
  return Tensor(std::move(impl));
}

Tensor empty_strided_tensor(IntList sizes, IntList strides, DType dtype, Device device) {
  KG_CHECK(device.is_cpu() || device.is_meta(), "kagari was built without support for the device '", device, "'");
  KG_CHECK(sizes.size() == strides.size(), "mismatch in length of strides and shape");
  int64_t count = numel_of(sizes) == 0 ? 0 : 1;
  for (size_t i = 0; i < sizes.size(); ++i) {
    KG_CHECK(strides[i] >= 0, "as_strided: Negative strides are not supported at the moment, got strides: ", strides);
    int64_t reach;
    KG_CHECK(!__builtin_mul_overflow(sizes[i] - 1, strides[i], &reach) && !__builtin_add_overflow(count, count ? reach : 0, &count),
             "Storage size calculation overflowed with sizes=", sizes, " and strides=", strides);
  }
  auto impl = TensorImpl::create(Storage::create(checked_bytes(count, dtype, sizes), device), dtype);
  impl->set_layout(sizes, strides);
  return Tensor(std::move(impl));
}

Tensor alias(const Tensor& t, IntList sizes, IntList strides, int64_t offset) {
  if (t.impl()->special && is_quantized(t)) [[unlikely]] {
    QuantizedParts parts = quantized_parts(t);
    KG_CHECK_IMPLEMENTED(!parts.per_channel() || (sizes == t.sizes() && strides == t.strides()), "views of a quantized tensor with a scale per channel are not supported");
    parts.levels = alias(parts.levels, sizes, strides, offset);
    return make_quantized(std::move(parts));
  }
  auto impl = TensorImpl::create(t.storage(), t.dtype());
  impl->offset = offset;
  impl->untracked_version = t.impl()->untracked_version;
  impl->inference = t.impl()->inference;
  impl->special = is_sparse(t);
  impl->set_layout(sizes, strides);
  return Tensor(std::move(impl));
}

Tensor alias(const Tensor& t) {
  Tensor out = alias(t, t.sizes(), t.strides(), t.storage_offset());
  if (t.impl()->transform) [[unlikely]] {
    out.impl()->transform = t.impl()->transform;
    out.impl()->special = true;
  }
  return out;
}

Tensor scalar_tensor(const Scalar& value, DType dtype, Device device) {
  Tensor t = empty_tensor({}, dtype, device);
  if (device.is_meta()) return t;
  if (is_float8(dtype)) {
    *t.data<uint8_t>() = float_to_float8(dtype, value.to<float>());
    return t;
  }
  visit_all("scalar_tensor", dtype, [&](auto tag) { *t.data<decltype(tag)>() = value.to<decltype(tag)>(); });
  return t;
}

Tensor wrapped_number(const Scalar& value) {
  // Numbers are kept in their widest type, so that an operator that computes in float64 sees the value as written.
  DType dtype = value.is_bool() ? DType::Bool : value.is_integral() ? DType::Int64 : value.is_complex() ? DType::Complex128 : DType::Float64;
  Tensor t = scalar_tensor(value, dtype);
  t.impl()->wrapped_number = true;
  return t;
}

int64_t wrap_dim(int64_t dim, int64_t ndim) {
  int64_t n = ndim == 0 ? 1 : ndim;
  KG_CHECK_INDEX(dim >= -n && dim < n, "Dimension out of range (expected to be in range of [", -n, ", ", n - 1, "], but got ", dim, ")");
  return dim < 0 ? dim + n : dim;
}

Ints wrap_dims(IntList dims, int64_t ndim) {
  Ints out;
  if (dims.empty()) {
    for (int64_t i = 0; i < ndim; ++i) out.push_back(i);
    return out;
  }
  for (int64_t d : dims) {
    int64_t w = wrap_dim(d, ndim);
    for (int64_t seen : out) KG_CHECK(seen != w, "dim ", w, " appears multiple times in the list of dims");
    out.push_back(w);
  }
  std::sort(out.begin(), out.end());
  if (ndim == 0) out.clear();
  return out;
}

Ints row_major_strides(IntList sizes) {
  Ints strides(sizes.size());
  int64_t step = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    strides[i] = step;
    step *= std::max<int64_t>(sizes[i], 1);
  }
  return strides;
}

Ints strides_for(IntList sizes, MemoryFormat format) {
  if (format == MemoryFormat::Contiguous || format == MemoryFormat::Preserve) return row_major_strides(sizes);
  size_t n = format == MemoryFormat::ChannelsLast ? 4 : 5;
  KG_CHECK(sizes.size() == n, "required rank ", n, " tensor to use channels_last", n == 5 ? "_3d" : "", " format");
  Ints strides(n);
  int64_t step = 1;
  auto put = [&](size_t i) {
    strides[i] = step;
    step *= std::max<int64_t>(sizes[i], 1);
  };
  put(1);
  for (size_t i = n - 1; i >= 2; --i) put(i);
  put(0);
  return strides;
}

bool is_expandable_to(IntList from, IntList to) {
  if (from.size() > to.size()) return false;
  for (size_t i = 1; i <= from.size(); ++i)
    if (from[from.size() - i] != to[to.size() - i] && from[from.size() - i] != 1) return false;
  return true;
}

Ints broadcast_sizes(IntList a, IntList b) {
  if (a == b) return Ints(a.begin(), a.end());
  size_t n = std::max(a.size(), b.size());
  Ints out(n);
  for (size_t i = 1; i <= n; ++i) {
    int64_t x = i <= a.size() ? a[a.size() - i] : 1, y = i <= b.size() ? b[b.size() - i] : 1;
    KG_CHECK(x == y || x == 1 || y == 1, "The size of tensor a (", x, ") must match the size of tensor b (", y,
             ") at non-singleton dimension ", n - i);
    out[n - i] = x == 1 ? y : x;
  }
  return out;
}

Ints broadcast_strides(IntList from, IntList strides, IntList to) {
  Ints out(to.size(), 0);
  size_t shift = to.size() - from.size();
  for (size_t i = 0; i < from.size(); ++i) out[i + shift] = from[i] == 1 && to[i + shift] != 1 ? 0 : strides[i];
  return out;
}

std::optional<Ints> view_strides(IntList sizes, IntList strides, IntList to) {
  if (numel_of(sizes) == 0) return sizes == to ? Ints(strides.begin(), strides.end()) : row_major_strides(to);
  Ints out(to.size());
  // Walk both shapes from the back; a run of old dimensions that is dense can be cut anywhere.
  int64_t o = int64_t(sizes.size()) - 1, t = int64_t(to.size()) - 1;
  while (t >= 0 || o >= 0) {
    while (o >= 0 && sizes[o] == 1) --o;
    if (o < 0) {  // only ones are left
      int64_t step = t + 1 < int64_t(to.size()) ? out[t + 1] * to[t + 1] : 1;
      for (; t >= 0; --t) out[t] = step;
      break;
    }
    int64_t run = sizes[o], base = strides[o], made = 1;
    while (o > 0 && (sizes[o - 1] == 1 || strides[o - 1] == run * base)) run *= sizes[--o];
    --o;
    while (t >= 0 && (made < run || to[t] == 1)) {
      out[t] = base * made;
      made *= to[t];
      --t;
    }
    if (made != run) return {};
  }
  return out;
}

namespace {
int category(DType t) { return t == DType::Bool ? 0 : is_integral(t) ? 1 : is_complex(t) ? 3 : 2; }
}  // namespace

DType result_dtype(TensorList tensors) {
  // Note [Promotion of numbers]: three groups; a weaker group only counts if its category (bool, integer, floating, complex) is higher.
  std::optional<DType> groups[3];
  for (const Tensor& t : tensors) {
    if (!t.defined()) continue;
    DType d = t.dtype();
    int g = t.is_wrapped_number() ? 2 : t.dim() == 0 ? 1 : 0;
    if (g == 2) d = is_complex(d) ? to_complex(default_dtype()) : is_floating(d) ? default_dtype() : d;
    groups[g] = groups[g] ? promote(*groups[g], d) : d;
  }
  std::optional<DType> result;
  for (const auto& g : groups) {
    if (!g) continue;
    if (!result) result = g;
    else if (category(*g) > category(*result)) {
      // float16 with a complex number is complex64 in PyTorch's CPU arithmetic; other reals keep their precision
      result = is_complex(*g) && is_floating(*result) ? to_complex(*result) : promote(*result, *g);
    }
  }
  KG_CHECK(result, "result_dtype needs at least one tensor");
  return *result;
}

std::string shape_text(IntList sizes) {
  std::string out = "[";
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (i) out += ", ";
    out += std::to_string(sizes[i]);
  }
  return out + "]";
}

}  // namespace kagari
