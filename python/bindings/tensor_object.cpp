// torch.Tensor: the object, its life, its attributes.
#include "tensor_object.h"

#include <structmember.h>

#include <algorithm>
#include <cmath>

#include "kagari/autograd/engine.h"
#include "kagari/autograd/grad_mode.h"
#include "kagari/op/op.h"
#include "kagari/ops/handles.h"
#include "dispatch.h"
#include "op_function.h"
#include "numpy_api.h"
#include "tensor_methods.h"

namespace kagari::python {

PyTypeObject* tensor_type;
PyTypeObject* parameter_type;

// Note [Life of a tensor object]: the Python object holds a reference of the TensorImpl, which knows it without holding it. When the
// object dies while C++ still uses the tensor, an exact Tensor without attributes is simply forgotten and made anew when needed. An
// object with a subclass or attributes must come back as it was: then the direction turns round, the TensorImpl holds the object, and the
// object's own reference is dropped (it keeps the pointer) until somebody asks for the object again.
namespace {

TensorObject* object_of(PyObject* o) { return reinterpret_cast<TensorObject*>(o); }

constexpr int free_list_size = 256;
TensorObject* free_list[free_list_size];
int free_count = 0;

// The garbage collector finalizes an object once; one that came back must be finalized again.
void clear_finalized(PyObject* o) {
#if PY_VERSION_HEX < 0x030e0000 && !defined(Py_GIL_DISABLED)
  reinterpret_cast<uintptr_t*>(o)[-1] &= ~uintptr_t(1);
#endif
}

void forget_pointer(TensorObject* self) {
  // the impl's reference was already given up: drop the pointer without counting
  (void)self->tensor.detach_pointer();
}

void tensor_finalize(PyObject* o) {
  TensorObject* self = object_of(o);
  TensorImpl* impl = self->tensor.impl();
  if (!impl || impl->owns_object || impl->use_count() <= 1) return;
  if (Py_TYPE(o) == tensor_type && !self->dict) return;
  Py_INCREF(o);  // the TensorImpl's reference
  impl->owns_object = true;
  impl->release();
}

void destroy_object(void* object) {
  if (!Py_IsInitialized()) return;
  WithGil gil;
  auto* self = static_cast<TensorObject*>(object);
  forget_pointer(self);
  Py_DECREF(reinterpret_cast<PyObject*>(self));
}

void release_tensor(TensorObject* self) {
  TensorImpl* impl = self->tensor.impl();
  if (impl && impl->object == self) impl->object = nullptr;
  self->tensor = Tensor();
}

void tensor_dealloc(PyObject* o) {
  TensorObject* self = object_of(o);
  PyTypeObject* type = Py_TYPE(o);
  if (type == tensor_type) {
    if (self->dict && PyObject_CallFinalizerFromDealloc(o) < 0) return;
  }
  if (PyObject_GC_IsTracked(o)) PyObject_GC_UnTrack(o);
  if (self->weakrefs) PyObject_ClearWeakRefs(o);
  release_tensor(self);
  Py_CLEAR(self->dict);
  Py_CLEAR(self->backward_hooks);
  if (type == tensor_type && free_count < free_list_size) {
    self->tensor.~Tensor();
    free_list[free_count++] = self;
    Py_DECREF(type);
    return;
  }
  self->tensor.~Tensor();
  type->tp_free(o);
  Py_DECREF(type);
}

int tensor_traverse(PyObject* o, visitproc visit, void* arg) {
  TensorObject* self = object_of(o);
  Py_VISIT(Py_TYPE(o));
  Py_VISIT(self->dict);
  Py_VISIT(self->backward_hooks);
  return 0;
}
int tensor_clear(PyObject* o) {
  TensorObject* self = object_of(o);
  Py_CLEAR(self->dict);
  Py_CLEAR(self->backward_hooks);
  return 0;
}

PyObject* new_object(PyTypeObject* type, Tensor&& t) {
  TensorObject* self;
  if (type == tensor_type && free_count) {
    self = free_list[--free_count];
    PyObject_Init(reinterpret_cast<PyObject*>(self), type);
    clear_finalized(reinterpret_cast<PyObject*>(self));
  } else if (type == tensor_type) {
    self = PyObject_GC_New(TensorObject, type);
    if (!self) return nullptr;
  } else {
    self = object_of(type->tp_alloc(type, 0));
    if (!self) return nullptr;
  }
  self->dict = self->weakrefs = self->backward_hooks = nullptr;
  new (&self->tensor) Tensor(std::move(t));
  self->tensor.impl()->object = self;
  return reinterpret_cast<PyObject*>(self);
}

PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* { return construct_tensor(type, args, kwargs); });
}
int tensor_init(PyObject*, PyObject*, PyObject*) { return 0; }

int tensor_setattr(PyObject* o, PyObject* name, PyObject* value) {
  int r = PyObject_GenericSetAttr(o, name, value);
  // Plain tensors join the garbage collector once they have attributes, through which cycles may run.
  if (object_of(o)->dict && !PyObject_GC_IsTracked(o)) PyObject_GC_Track(o);
  return r;
}

Py_hash_t tensor_hash(PyObject* o) { return Py_hash_t(reinterpret_cast<uintptr_t>(o) >> 4); }

// ---------------------------------------------------------------- numbers
template <class F>
PyType_Slot slot(int id, F* f) {
  return {id, reinterpret_cast<void*>(f)};
}
FunctionObject* slot_function(const char* name) { return reinterpret_cast<FunctionObject*>(method_of_tensor(name)); }
PyObject* missing_operator(const char* name) {
  PyErr_Format(PyExc_NotImplementedError, "the operator Tensor.%s does not exist in kagari", name);
  return nullptr;
}

template <size_t N>
struct Text {
  char text[N];
  constexpr Text(const char (&t)[N]) { std::copy_n(t, N, text); }
};

/// a op b, where either may be a number.
template <Text name>
PyObject* binary(PyObject* a, PyObject* b) {
  static FunctionObject* f = slot_function(name.text);
  if (!f) return missing_operator(name.text);
  return call_binary_slot(f, a, b);
}
template <Text name>
PyObject* inplace(PyObject* a, PyObject* b) {
  static FunctionObject* f = slot_function(name.text);
  if (!f) return missing_operator(name.text);
  return call_inplace_slot(f, a, b);
}
template <Text name>
PyObject* unary(PyObject* a) {
  static PyObject* f = method_of_tensor(name.text);
  if (!f) return missing_operator(name.text);
  return PyObject_CallOneArg(f, a);
}
PyObject* power(PyObject* a, PyObject* b, PyObject*) { return binary<"pow">(a, b); }
PyObject* inplace_power(PyObject* a, PyObject* b, PyObject*) { return inplace<"pow_">(a, b); }
PyObject* invert(PyObject* a) {
  if (!is_integral(tensor_of(a).dtype())) {
    PyErr_SetString(PyExc_TypeError, "~ (operator.invert) is only implemented on integer and Boolean-type tensors");
    return nullptr;
  }
  return unary<"bitwise_not">(a);
}
PyObject* positive(PyObject* a) { return Py_NewRef(a); }

PyObject* compare(PyObject* a, PyObject* b, int op) {
  static const char* names[] = {"lt", "le", "eq", "ne", "gt", "ge"};
  static FunctionObject* functions[6] = {};
  if (!functions[op]) functions[op] = slot_function(names[op]);
  if (!functions[op]) return missing_operator(names[op]);
  if (op == Py_EQ && is_ndarray(b)) {  // only == takes arrays, as in PyTorch
    return guarded([&] {
      Ref t = own(wrap(tensor_from_ndarray(b, false)));
      return call_binary_slot(functions[op], a, t.get());
    });
  }
  return call_binary_slot(functions[op], a, b);
}

/// The only element, of a special tensor through the operator.
Scalar number_of(const Tensor& t) { return t.impl()->special ? local_scalar_dense(t) : t.item(); }

int truth(PyObject* o) {
  return guarded([&]() -> int {
    const Tensor& t = tensor_of(o);
    KG_CHECK(t.numel() != 0, "Boolean value of Tensor with no values is ambiguous");
    KG_CHECK(t.numel() == 1, "Boolean value of Tensor with more than one value is ambiguous");
    if (t.impl()->transform) t.impl()->transform->check_readable("bool()");
    return number_of(t).to_bool();
  });
}
PyObject* as_float(PyObject* o) {
  return guarded([&]() -> PyObject* {
    Scalar s = number_of(tensor_of(o));
    if (s.is_complex()) KG_CHECK(s.to_complex_value().imag() == 0, "value cannot be converted to type double without overflow");
    return PyFloat_FromDouble(s.to_double());
  });
}
PyObject* as_int(PyObject* o) {
  return guarded([&]() -> PyObject* {
    Scalar s = number_of(tensor_of(o));
    if (s.is_integral()) return PyLong_FromLongLong(s.to_int());
    double v = s.to_double();
    KG_CHECK_VALUE(!std::isnan(v), "cannot convert float NaN to integer");
    KG_CHECK_KIND(Overflow, !std::isinf(v), "cannot convert float infinity to integer");
    return PyLong_FromDouble(v);
  });
}
PyObject* as_index(PyObject* o) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = tensor_of(o);
    KG_CHECK_TYPE(is_integral(t.dtype()) && t.numel() == 1, "only integer tensors of a single element can be converted to an index");
    return PyLong_FromLongLong(number_of(t).to_int());
  });
}
Py_ssize_t length(PyObject* o) {
  return guarded([&]() -> Py_ssize_t {
    const Tensor& t = tensor_of(o);
    KG_CHECK_TYPE(t.dim() > 0, "len() of a 0-d tensor");
    return t.sizes()[0];
  });
}
PyObject* iterate(PyObject* o) {
  return guarded([&]() -> PyObject* {
    KG_CHECK_TYPE(tensor_of(o).dim() > 0, "iteration over a 0-d tensor");
    PyObject* f = method_of_tensor("unbind");
    if (!f) return missing_operator("unbind");
    Ref parts(check(PyObject_CallOneArg(f, o)));
    return PyObject_GetIter(parts.get());
  });
}

}  // namespace

PyObject* wrap(Tensor t) {
  if (!t.defined()) Py_RETURN_NONE;
  TensorImpl* impl = t.impl();
  if (impl->object) {
    auto* o = static_cast<PyObject*>(impl->object);
    if (impl->owns_object) {  // turn the ownership round again; the TensorImpl's reference becomes the caller's
      impl->owns_object = false;
      impl->retain();
      clear_finalized(o);
      return o;
    }
    return Py_NewRef(o);
  }
  // fresh memory made in inference mode; views of ordinary tensors stay ordinary
  if (grad_state().inference && !impl->base && impl->storage->use_count() == 1) impl->inference = true;
  return new_object(tensor_type, std::move(t));
}

PyObject* wrap_as(PyTypeObject* type, Tensor t) {
  if (dispatches(type)) t.impl()->special = true;
  return new_object(type, std::move(t));
}

bool add_tensor_type(PyObject* module) {
  binding_hooks.destroy = destroy_object;
  static PyMemberDef members[] = {{"__dictoffset__", T_PYSSIZET, offsetof(TensorObject, dict), READONLY, nullptr},
                                  {"__weaklistoffset__", T_PYSSIZET, offsetof(TensorObject, weakrefs), READONLY, nullptr}, {}};
  PyType_Slot slots[] = {
      slot(Py_tp_new, tensor_new), slot(Py_tp_init, tensor_init), slot(Py_tp_dealloc, tensor_dealloc), slot(Py_tp_finalize, tensor_finalize),
      slot(Py_tp_traverse, tensor_traverse), slot(Py_tp_clear, tensor_clear), slot(Py_tp_setattro, tensor_setattr), slot(Py_tp_hash, tensor_hash),
      slot(Py_tp_richcompare, compare), slot(Py_tp_iter, iterate), slot(Py_tp_repr, tensor_repr),
      {Py_tp_members, members}, {Py_tp_getset, tensor_getset}, {Py_tp_methods, tensor_methods},
      {Py_tp_doc, const_cast<char*>("A multi-dimensional array of one dtype.")},
      slot(Py_nb_add, binary<"add">), slot(Py_nb_subtract, binary<"sub">), slot(Py_nb_multiply, binary<"mul">),
      slot(Py_nb_true_divide, binary<"div">), slot(Py_nb_floor_divide, binary<"floor_divide">),
      slot(Py_nb_remainder, binary<"remainder">), slot(Py_nb_matrix_multiply, binary<"matmul">),
      slot(Py_nb_and, binary<"bitwise_and">), slot(Py_nb_or, binary<"bitwise_or">),
      slot(Py_nb_xor, binary<"bitwise_xor">), slot(Py_nb_lshift, binary<"bitwise_left_shift">),
      slot(Py_nb_rshift, binary<"bitwise_right_shift">), slot(Py_nb_power, power),
      slot(Py_nb_inplace_add, inplace<"add_">), slot(Py_nb_inplace_subtract, inplace<"sub_">), slot(Py_nb_inplace_multiply, inplace<"mul_">),
      slot(Py_nb_inplace_true_divide, inplace<"div_">), slot(Py_nb_inplace_floor_divide, inplace<"floor_divide_">),
      slot(Py_nb_inplace_remainder, inplace<"remainder_">), slot(Py_nb_inplace_and, inplace<"bitwise_and_">), slot(Py_nb_inplace_or, inplace<"bitwise_or_">),
      slot(Py_nb_inplace_xor, inplace<"bitwise_xor_">), slot(Py_nb_inplace_lshift, inplace<"bitwise_left_shift_">),
      slot(Py_nb_inplace_rshift, inplace<"bitwise_right_shift_">), slot(Py_nb_inplace_power, inplace_power),
      slot(Py_nb_negative, unary<"neg">), slot(Py_nb_positive, positive), slot(Py_nb_absolute, unary<"abs">), slot(Py_nb_invert, invert),
      slot(Py_nb_bool, truth), slot(Py_nb_float, as_float), slot(Py_nb_int, as_int), slot(Py_nb_index, as_index),
      slot(Py_mp_length, length), slot(Py_sq_length, length), slot(Py_mp_subscript, subscript), slot(Py_mp_ass_subscript, assign_subscript),
      {}};
  PyType_Spec spec{"torch.Tensor", sizeof(TensorObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
  tensor_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  return tensor_type && PyModule_AddObjectRef(module, "Tensor", reinterpret_cast<PyObject*>(tensor_type)) == 0 &&
         PyModule_AddObjectRef(module, "TensorBase", reinterpret_cast<PyObject*>(tensor_type)) == 0;
}

}  // namespace kagari::python
