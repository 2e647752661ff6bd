#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "kagari/base/array_view.h"
#include "kagari/base/intrusive_ptr.h"
#include "kagari/tensor/scalar.h"
#include "kagari/tensor/storage.h"

namespace kagari {

class Tensor;
class TensorImpl;

/// What autograd keeps beside a tensor. Defined above this layer; the tensor only owns it.
struct KAGARI_API AutogradState {
  virtual ~AutogradState() = default;
};

/// What a tensor stands for that a transform made (a batch of examples, a value with a tangent). Defined above this layer; immutable.
struct KAGARI_API TransformState {
  virtual ~TransformState() = default;
  /// Raises if `reader` ("item()") cannot have the tensor's values.
  virtual void check_readable(std::string_view reader) const = 0;
};

/// The object that a language binding keeps for a tensor.
struct BindingHooks {
  void (*destroy)(void* object) = nullptr;  // called when a tensor that owns its wrapper dies
};
KAGARI_API extern BindingHooks binding_hooks;

/// A strided view of a storage. Tensor is the handle that everybody uses; this is what handles share.
class KAGARI_API TensorImpl final : public RefCounted {
 public:
  static IntrusivePtr<TensorImpl> create(IntrusivePtr<Storage> storage, DType dtype);
  static void destroy(TensorImpl* t);

  IntrusivePtr<Storage> storage;
  Ints sizes, strides;
  int64_t offset = 0;  // in elements
  int64_t numel = 0;
  DType dtype = DType::Float32;
  Device device;
  bool contiguous = true;          // row-major and dense
  bool wrapped_number = false;     // made from a Python or C++ number: takes part in promotion by its category alone
  bool requires_grad = false;      // a leaf that collects a gradient
  bool has_grad_fn = false;        // the result of a recorded operator
  bool untracked_version = false;  // in-place changes through this handle are not counted (`x.data`)
  bool inference = false;          // made in inference mode
  bool owns_object = false;        // the Python wrapper lives as long as this, not the other way round
  bool special = false;            // of a subclass, a mode or a wrapper: boxed calls ask it first
  std::unique_ptr<AutogradState> autograd;
  IntrusivePtr<TensorImpl> base;  // the tensor that this one is a differentiable view of
  void* object = nullptr;         // the Python wrapper, borrowed unless owns_object
  std::shared_ptr<const TransformState> transform;  // of a `special` tensor that a transform made

  std::byte* data() const { return storage->data() + offset * itemsize(dtype); }
  void set_shape(IntList new_sizes);                          // row-major strides
  void set_layout(IntList new_sizes, IntList new_strides);
  void refresh();  // numel and contiguous, after sizes or strides were written

 private:
  TensorImpl() = default;
  ~TensorImpl() = default;
};

/// An n-dimensional array of one dtype: a counted reference to a strided view of shared bytes. A default-constructed Tensor is
/// undefined and stands for "none".
class KAGARI_API Tensor {
 public:
  Tensor() = default;
  explicit Tensor(IntrusivePtr<TensorImpl> impl) : impl_(std::move(impl)) {}

  bool defined() const { return bool(impl_); }
  TensorImpl* impl() const { return impl_.get(); }
  const IntrusivePtr<TensorImpl>& pointer() const { return impl_; }
  TensorImpl* detach_pointer() { return impl_.detach(); }
  bool is_same(const Tensor& o) const { return impl_ == o.impl_; }

  int64_t dim() const { return int64_t(impl_->sizes.size()); }
  IntList sizes() const { return impl_->sizes; }
  IntList strides() const { return impl_->strides; }
  /// Negative dimensions count from the end; raises IndexError outside.
  int64_t size(int64_t dim) const;
  int64_t stride(int64_t dim) const;
  int64_t numel() const { return impl_->numel; }
  int64_t storage_offset() const { return impl_->offset; }
  int64_t itemsize() const { return kagari::itemsize(impl_->dtype); }
  int64_t nbytes() const { return numel() * itemsize(); }
  DType dtype() const { return impl_->dtype; }
  Device device() const { return impl_->device; }
  const IntrusivePtr<Storage>& storage() const { return impl_->storage; }
  bool is_meta() const { return impl_->device.is_meta(); }
  bool is_cpu() const { return impl_->device.is_cpu(); }
  bool is_contiguous() const { return impl_->contiguous; }
  bool is_contiguous(MemoryFormat format) const;
  /// Every element of a dense block of memory exactly once, in any order of dimensions.
  bool is_non_overlapping_and_dense() const;
  bool is_complex() const { return kagari::is_complex(dtype()); }
  bool is_floating() const { return kagari::is_floating(dtype()); }
  bool is_wrapped_number() const { return impl_->wrapped_number; }
  /// Takes part in a recorded graph.
  bool requires_grad() const { return impl_->requires_grad || impl_->has_grad_fn || (impl_->base && impl_->base->has_grad_fn); }

  /// The first element. Meta tensors have none.
  std::byte* bytes() const { return impl_->data(); }
  template <class T>
  T* data() const {
    return reinterpret_cast<T*>(impl_->data());
  }
  uint32_t version() const { return impl_->storage->version(); }
  void bump_version() const {
    if (!impl_->untracked_version) impl_->storage->bump_version();
  }
  /// The only element as a number. Raises RuntimeError for any other count.
  Scalar item() const;
  template <class T>
  T item() const {
    return item().to<T>();
  }

 private:
  IntrusivePtr<TensorImpl> impl_;
};

using TensorList = ArrayView<Tensor>;
using Tensors = SmallVector<Tensor, 3>;

/// Uninitialised, row-major. Sizes must not be negative (RuntimeError).
KAGARI_API Tensor empty_tensor(IntList sizes, DType dtype, Device device = {});
KAGARI_API Tensor empty_strided_tensor(IntList sizes, IntList strides, DType dtype, Device device = {});
/// Another window on the same bytes; no autograd. Without a layout of its own it stands for what `t` stands for.
KAGARI_API Tensor alias(const Tensor& t, IntList sizes, IntList strides, int64_t offset);
KAGARI_API Tensor alias(const Tensor& t);
/// A 0-d tensor with this value that promotes as a number does. `dtype` defaults to the number's own.
KAGARI_API Tensor wrapped_number(const Scalar& value);
KAGARI_API Tensor scalar_tensor(const Scalar& value, DType dtype, Device device = {});

/// -1 is the last dimension. Raises IndexError "Dimension out of range (expected to be in range of [-n, n-1], but got d)". A 0-d
/// tensor accepts 0 and -1.
KAGARI_API int64_t wrap_dim(int64_t dim, int64_t ndim);
/// Sorted, distinct; all dimensions if `dims` is empty.
KAGARI_API Ints wrap_dims(IntList dims, int64_t ndim);
KAGARI_API Ints row_major_strides(IntList sizes);
KAGARI_API int64_t numel_of(IntList sizes);
/// Strides of a new tensor of these sizes in the given format.
KAGARI_API Ints strides_for(IntList sizes, MemoryFormat format);
/// The common shape. Raises RuntimeError "The size of tensor a (..) must match ...".
KAGARI_API Ints broadcast_sizes(IntList a, IntList b);
KAGARI_API bool is_expandable_to(IntList from, IntList to);
/// Strides that view a tensor of `from` sizes as `to`, 0 in broadcast dimensions. The sizes must be expandable.
KAGARI_API Ints broadcast_strides(IntList from, IntList strides, IntList to);
/// Strides with which memory of (sizes, strides) can be seen as `to`, or nothing if only a copy can do it.
KAGARI_API std::optional<Ints> view_strides(IntList sizes, IntList strides, IntList to);
/// The result of PyTorch's promotion over tensors: dimensioned tensors before 0-d tensors before numbers, by category.
KAGARI_API DType result_dtype(TensorList tensors);
/// "[2, 3]"
KAGARI_API std::string shape_text(IntList sizes);

inline void append_to(std::string& out, IntList sizes) { out += shape_text(sizes); }
inline void append_to(std::string& out, const Ints& sizes) { out += shape_text(sizes); }

}  // namespace kagari
