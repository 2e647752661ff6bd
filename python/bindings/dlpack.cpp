#include "dlpack.h"
#include "kagari/tensor/sparse.h"

#include <cstdint>

namespace kagari::python {
namespace {

// The structures of the DLPack specification.
struct DLDevice {
  int32_t type, id;
};
struct DLDataType {
  uint8_t code, bits;
  uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
};
struct DLManaged {
  DLTensor tensor;
  void* context;
  void (*deleter)(DLManaged*);
};
struct DLManagedVersioned {
  struct {
    uint32_t major, minor;
  } version;
  void* context;
  void (*deleter)(DLManagedVersioned*);
  uint64_t flags;
  DLTensor tensor;
};
constexpr int32_t device_cpu = 1;
constexpr uint64_t flag_copied = 2;
enum Code : uint8_t { Int, UInt, Float, Opaque, BFloat, Complex, Bool, Float8_e3m4, Float8_e4m3, Float8_e4m3b11fnuz, Float8_e4m3fn, Float8_e4m3fnuz, Float8_e5m2, Float8_e5m2fnuz, Float8_e8m0fnu };

DLDataType type_of(DType t) {
  if (is_shell(t)) fail(ErrorKind::Type, str("__dlpack__(): ", name(t), " is not a type of DLPack"));
  uint8_t bits = uint8_t(itemsize(t) * 8);
  switch (t) {
    case DType::Bool: return {Bool, 8, 1};
    case DType::BFloat16: return {BFloat, 16, 1};
    case DType::Float8_e4m3fn: return {Float8_e4m3fn, 8, 1};
    case DType::Float8_e4m3fnuz: return {Float8_e4m3fnuz, 8, 1};
    case DType::Float8_e5m2: return {Float8_e5m2, 8, 1};
    case DType::Float8_e5m2fnuz: return {Float8_e5m2fnuz, 8, 1};
    case DType::Float8_e8m0fnu: return {Float8_e8m0fnu, 8, 1};
    default: break;
  }
  if (is_complex(t)) return {Complex, bits, 1};
  if (is_floating(t)) return {Float, bits, 1};
  return {uint8_t(is_unsigned(t) ? UInt : Int), bits, 1};
}

DType dtype_of(DLDataType d) {
  KG_CHECK(d.lanes == 1, "from_dlpack(): vector types (", int(d.lanes), " lanes) are not supported");
  for (int i = 0; i < number_dtype_count; ++i) {
    DLDataType known = type_of(DType(i));
    if (known.code == d.code && known.bits == d.bits) return DType(i);
  }
  fail(ErrorKind::Runtime, str("from_dlpack(): unsupported type, code ", int(d.code), " with ", int(d.bits), " bits"));
}

/// An exported tensor with the arrays that the structure points to.
template <class Managed>
struct Export {
  Managed managed;
  Tensor tensor;
  Ints sizes, strides;
};
template <class Managed>
void delete_export(Managed* m) {
  delete static_cast<Export<Managed>*>(m->context);
}

template <class Managed>
Managed* export_tensor(const Tensor& t) {
  require_strided(t, "DLPack export");
  auto* e = new Export<Managed>{{}, t, Ints(t.sizes()), Ints(t.strides())};
  // a dimension of one element may have any stride; 1 is what consumers expect
  for (size_t i = 0; i < e->sizes.size(); ++i)
    if (e->sizes[i] < 2) e->strides[i] = 1;
  e->managed.tensor = {t.numel() ? t.bytes() : nullptr, {device_cpu, 0}, int32_t(t.dim()), type_of(t.dtype()), e->sizes.data(), e->strides.data(), 0};
  e->managed.context = e;
  e->managed.deleter = delete_export<Managed>;
  return &e->managed;
}

/// Frees a capsule that nobody consumed.
template <class Managed>
void drop(PyObject* capsule, const char* name) {
  if (!PyCapsule_IsValid(capsule, name)) return;
  auto* m = static_cast<Managed*>(PyCapsule_GetPointer(capsule, name));
  if (m && m->deleter) m->deleter(m);
}
void drop_old(PyObject* capsule) { drop<DLManaged>(capsule, "dltensor"); }
void drop_versioned(PyObject* capsule) { drop<DLManagedVersioned>(capsule, "dltensor_versioned"); }

template <class Managed>
void release(void* context) {
  auto* m = static_cast<Managed*>(context);
  if (!m->deleter) return;
  if (!Py_IsInitialized()) return;
  WithGil gil;  // the producer may be Python
  m->deleter(m);
}

template <class Managed>
Tensor import_tensor(Managed* m) {
  const DLTensor& d = m->tensor;
  KG_CHECK_KIND(Runtime, d.device.type == device_cpu, "from_dlpack(): only memory of the CPU can be shared, not of device type ", d.device.type);
  DType dtype = dtype_of(d.dtype);
  Ints sizes(d.shape, d.shape + d.ndim), strides;
  if (d.strides) strides = Ints(d.strides, d.strides + d.ndim);
  else strides = row_major_strides(sizes);
  int64_t last = 1;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 2) strides[i] = std::max<int64_t>(strides[i], 0);
    KG_CHECK(strides[i] >= 0, "from_dlpack(): negative strides are not supported");
    last += sizes[i] ? (sizes[i] - 1) * strides[i] : 0;
  }
  if (numel_of(sizes) == 0) last = 0;
  auto storage = Storage::borrow(static_cast<char*>(d.data) + d.byte_offset, last * itemsize(dtype), release<Managed>, m);
  auto impl = TensorImpl::create(std::move(storage), dtype);
  impl->set_layout(sizes, strides);
  return Tensor(std::move(impl));
}

template <class Managed>
Tensor consume(PyObject* capsule, const char* name, const char* used) {
  auto* m = static_cast<Managed*>(PyCapsule_GetPointer(capsule, name));
  if (!m) throw PythonError();
  Tensor t = import_tensor(m);
  if (PyCapsule_SetName(capsule, used) < 0) throw PythonError();
  return t;
}

}  // namespace

PyObject* to_dlpack(const Tensor& t, bool versioned, bool copied) {
  if (t.requires_grad()) return PyErr_SetString(PyExc_BufferError, "Can't export tensors that require gradient, use tensor.detach()"), nullptr;
  if (!t.is_cpu()) return PyErr_Format(PyExc_BufferError, "Cannot pack tensors on %s", to_string(t.device()).c_str()), nullptr;
  if (!versioned) return PyCapsule_New(export_tensor<DLManaged>(t), "dltensor", drop_old);
  auto* m = export_tensor<DLManagedVersioned>(t);
  m->version = {1, 0};
  m->flags = copied ? flag_copied : 0;
  return PyCapsule_New(m, "dltensor_versioned", drop_versioned);
}

Tensor from_dlpack(PyObject* capsule) {
  if (PyCapsule_IsValid(capsule, "dltensor_versioned")) return consume<DLManagedVersioned>(capsule, "dltensor_versioned", "used_dltensor_versioned");
  KG_CHECK(PyCapsule_IsValid(capsule, "dltensor"), "from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only once, so you might have "
           "already constructed a tensor from it once.");
  return consume<DLManaged>(capsule, "dltensor", "used_dltensor");
}

}  // namespace kagari::python
