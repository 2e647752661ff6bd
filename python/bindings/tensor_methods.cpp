#include "tensor_methods.h"

#include <cstring>

#include "kagari/autograd/engine.h"
#include "kagari/autograd/grad_mode.h"
#include "kagari/autograd/variable.h"
#include "kagari/transforms/level.h"
#include "dispatch.h"
#include "kagari/ops/handles.h"
#include "keywords.h"
#include "kagari/tensor/quantized.h"
#include "kagari/tensor/sparse.h"
#include "op_function.h"
#include "python_data.h"

namespace kagari::python {
namespace {

#define KG_BODY(...) return guarded([&]() -> PyObject* { __VA_ARGS__ })

// ---------------------------------------------------------------- attributes
PyObject* get_shape(PyObject* o, void*) { return wrap_size(tensor_of(o).sizes()); }
PyObject* get_dtype(PyObject* o, void*) {
  const Tensor& t = tensor_of(o);
  return is_quantized(t) ? wrap_quantized(t.dtype()) : wrap(t.dtype());
}
PyObject* get_is_quantized(PyObject* o, void*) { return PyBool_FromLong(is_quantized(tensor_of(o))); }
PyObject* get_device(PyObject* o, void*) { return wrap(tensor_of(o).device()); }
PyObject* get_layout(PyObject* o, void*) { return wrap(layout_of(tensor_of(o))); }
PyObject* get_is_sparse(PyObject* o, void*) { return PyBool_FromLong(layout_of(tensor_of(o)) == Layout::Sparse); }
PyObject* get_is_sparse_csr(PyObject* o, void*) { return PyBool_FromLong(layout_of(tensor_of(o)) == Layout::SparseCsr); }
PyObject* get_ndim(PyObject* o, void*) { return PyLong_FromLongLong(tensor_of(o).dim()); }
PyObject* get_itemsize(PyObject* o, void*) { return PyLong_FromLongLong(tensor_of(o).itemsize()); }
PyObject* get_nbytes(PyObject* o, void*) { KG_BODY(require_strided(tensor_of(o), "nbytes"); return PyLong_FromLongLong(tensor_of(o).nbytes());); }
PyObject* get_requires_grad(PyObject* o, void*) { return PyBool_FromLong(tensor_of(o).requires_grad()); }
PyObject* get_is_leaf(PyObject* o, void*) { return PyBool_FromLong(!grad_fn_of(tensor_of(o))); }
PyObject* get_version(PyObject* o, void*) { KG_BODY(return PyLong_FromUnsignedLong(tensor_of(o).version());); }
PyObject* get_base(PyObject* o, void*) { return wrap(Tensor(tensor_of(o).impl()->base)); }
PyObject* get_output_nr(PyObject* o, void*) {
  auto* meta = autograd_meta_or_null(tensor_of(o));
  return PyLong_FromUnsignedLong(meta ? meta->output_nr : 0);
}
PyObject* get_retains_grad(PyObject* o, void*) {
  auto* meta = autograd_meta_or_null(tensor_of(o));
  return PyBool_FromLong(meta && meta->retains_grad);
}
PyObject* get_false(PyObject*, void*) { Py_RETURN_FALSE; }
PyObject* get_none(PyObject*, void*) { Py_RETURN_NONE; }
PyObject* get_is_cpu(PyObject* o, void*) { return PyBool_FromLong(tensor_of(o).is_cpu()); }
PyObject* get_is_meta(PyObject* o, void*) { return PyBool_FromLong(tensor_of(o).is_meta()); }
PyObject* get_names(PyObject* o, void*) {
  Py_ssize_t n = tensor_of(o).dim();
  PyObject* t = PyTuple_New(n);
  for (Py_ssize_t i = 0; t && i < n; ++i) PyTuple_SET_ITEM(t, i, Py_NewRef(Py_None));
  return t;
}
PyObject* get_backward_hooks(PyObject* o, void*) {
  PyObject* hooks = reinterpret_cast<TensorObject*>(o)->backward_hooks;
  return Py_NewRef(hooks ? hooks : Py_None);
}
int set_backward_hooks(PyObject* o, PyObject* value, void*) {
  Py_XSETREF(reinterpret_cast<TensorObject*>(o)->backward_hooks, value && value != Py_None ? Py_NewRef(value) : nullptr);
  return 0;
}

int set_requires_grad_attribute(PyObject* o, PyObject* value, void*) {
  return guarded([&]() -> int {
    KG_CHECK(value && PyBool_Check(value), "requires_grad must be a bool");
    set_requires_grad(tensor_of(o), value == Py_True);
    return 0;
  });
}

PyObject* get_data(PyObject* o, void*) {
  KG_BODY(const Tensor& self = tensor_of(o); Tensor t = self.impl()->transform ? transforms::detach_everywhere(self) : self.impl()->special ? detach(self) : alias(self); t.impl()->untracked_version = true; return wrap(std::move(t)););
}
int set_data(PyObject* o, PyObject* value, void*) {
  return guarded([&]() -> int {
    KG_CHECK_TYPE(value && is_tensor(value), "Variable data has to be a tensor, but got ", value ? Py_TYPE(value)->tp_name : "nothing");
    TensorImpl& to = *tensor_of(o).impl();
    const Tensor& from = tensor_of(value);
    if (to.autograd) {
      Tensor grad = grad_of(tensor_of(o));
      KG_CHECK(!grad.defined() || grad.dtype() == from.dtype(), "cannot change the dtype of a tensor that has a gradient of another dtype");
    }
    to.storage = from.storage();
    to.special = from.impl()->special;
    to.offset = from.storage_offset();
    to.dtype = from.dtype();
    to.device = from.device();
    to.base = {};
    to.set_layout(Ints(from.sizes().begin(), from.sizes().end()), Ints(from.strides().begin(), from.strides().end()));
    return 0;
  });
}

// ---------------------------------------------------------------- methods
PyObject* size(PyObject* o, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  KG_BODY(
      const Tensor& t = tensor_of(o);
      if (nargs == 0 && !kwnames) return wrap_size(t.sizes());
      PyObject* dim = args[0];
      if (dim == Py_None) return wrap_size(t.sizes());
      long long d = PyLong_AsLongLong(dim);
      if (d == -1 && PyErr_Occurred()) { PyErr_Clear(); fail(ErrorKind::Type, str("size(): argument 'dim' must be int, not ", Py_TYPE(dim)->tp_name)); }
      KG_CHECK_INDEX(t.dim() > 0, "Dimension specified as ", d, " but tensor has no dimensions");
      return PyLong_FromLongLong(t.size(d)););
}
PyObject* stride(PyObject* o, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  KG_BODY(
      const Tensor& t = tensor_of(o);
      if ((nargs == 0 && !kwnames) || args[0] == Py_None) {
        PyObject* tuple = check(PyTuple_New(t.dim()));
        for (int64_t i = 0; i < t.dim(); ++i) PyTuple_SET_ITEM(tuple, i, PyLong_FromLongLong(t.strides()[size_t(i)]));
        return tuple;
      }
      long long d = PyLong_AsLongLong(args[0]);
      if (d == -1 && PyErr_Occurred()) throw PythonError();
      KG_CHECK_INDEX(t.dim() > 0, "Dimension specified as ", d, " but tensor has no dimensions");
      return PyLong_FromLongLong(t.stride(d)););
}
PyObject* dim(PyObject* o, PyObject*) { return PyLong_FromLongLong(tensor_of(o).dim()); }
PyObject* numel(PyObject* o, PyObject*) { return PyLong_FromLongLong(tensor_of(o).numel()); }
PyObject* element_size(PyObject* o, PyObject*) { return PyLong_FromLongLong(tensor_of(o).itemsize()); }
PyObject* storage_offset(PyObject* o, PyObject*) { return PyLong_FromLongLong(tensor_of(o).storage_offset()); }
PyObject* data_ptr(PyObject* o, PyObject*) {
  KG_BODY(const Tensor& t = tensor_of(o); if (t.impl()->transform) t.impl()->transform->check_readable("data_ptr()"); require_strided(t, "data_ptr()"); return PyLong_FromVoidPtr(t.numel() == 0 || !t.storage()->data() ? nullptr : t.bytes()););
}
PyObject* is_contiguous(PyObject* o, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"memory_format", nullptr};
  PyObject* format = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", const_cast<char**>(names), &format)) return nullptr;
  KG_BODY(if (!format) return PyBool_FromLong(tensor_of(o).is_contiguous());
          KG_CHECK_TYPE(is_memory_format(format), "is_contiguous(): argument 'memory_format' must be torch.memory_format, not ", Py_TYPE(format)->tp_name);
          return PyBool_FromLong(tensor_of(o).is_contiguous(memory_format_of_object(format))););
}
PyObject* is_complex_method(PyObject* o, PyObject*) { return PyBool_FromLong(tensor_of(o).is_complex()); }
PyObject* is_floating_point(PyObject* o, PyObject*) { return PyBool_FromLong(tensor_of(o).is_floating()); }
PyObject* is_signed(PyObject* o, PyObject*) {
  DType t = tensor_of(o).dtype();
  return PyBool_FromLong(!is_unsigned(t) && t != DType::Bool);
}
PyObject* is_inference(PyObject* o, PyObject*) { return PyBool_FromLong(tensor_of(o).impl()->inference); }
PyObject* return_false(PyObject*, PyObject*) { Py_RETURN_FALSE; }
PyObject* return_self(PyObject* o, PyObject*) { return Py_NewRef(o); }
PyObject* is_set_to(PyObject* o, PyObject* other) {
  KG_BODY(KG_CHECK_TYPE(is_tensor(other), "is_set_to(): argument 'tensor' must be Tensor, not ", Py_TYPE(other)->tp_name); const Tensor& a = tensor_of(o);
          const Tensor& b = tensor_of(other);
          return PyBool_FromLong(a.storage() == b.storage() && a.storage_offset() == b.storage_offset() && a.sizes() == b.sizes() && a.strides() == b.strides()););
}
PyObject* is_same_size(PyObject* o, PyObject* other) {
  KG_BODY(KG_CHECK_TYPE(is_tensor(other), "is_same_size(): argument 'other' must be Tensor, not ", Py_TYPE(other)->tp_name);
          return PyBool_FromLong(tensor_of(o).sizes() == tensor_of(other).sizes()););
}
PyObject* get_device_index(PyObject* o, PyObject*) { return PyLong_FromLong(tensor_of(o).device().is_cpu() ? -1 : tensor_of(o).device().index); }
PyObject* cpu(PyObject* o, PyObject* const*, Py_ssize_t, PyObject*) {
  KG_BODY(KG_CHECK_IMPLEMENTED(!tensor_of(o).is_meta(), "Cannot copy out of meta tensor; no data!"); return Py_NewRef(o););
}
PyObject* requires_grad_method(PyObject* o, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"requires_grad", nullptr};
  int value = 1;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|p", const_cast<char**>(names), &value)) return nullptr;
  KG_BODY(set_requires_grad(tensor_of(o), value); return Py_NewRef(o););
}
PyObject* retain_grad_method(PyObject* o, PyObject*) {
  KG_BODY(retain_grad(tensor_of(o)); Py_RETURN_NONE;);
}
PyObject* make_subclass(PyObject*, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"cls", "data", "require_grad", "dispatch_sizes_strides_policy", "dispatch_device", "dispatch_layout", nullptr};
  PyObject *cls, *data, *a = nullptr, *b = nullptr, *c = nullptr;
  int require_grad = 0;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|pOOO", const_cast<char**>(names), &cls, &data, &require_grad, &a, &b, &c)) return nullptr;
  KG_BODY(KG_CHECK_TYPE(PyType_Check(cls) && PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(cls), tensor_type), "cls must be a type (got ", Py_TYPE(cls)->tp_name, ")");
          KG_CHECK_TYPE(is_tensor(data), "_make_subclass(): argument 'data' must be Tensor, not ", Py_TYPE(data)->tp_name); Tensor t = detach(tensor_of(data));
          KG_CHECK(!require_grad || is_differentiable(t.dtype()), "Only Tensors of floating point and complex dtype can require gradients");
          if (require_grad) set_requires_grad(t, true);
          return wrap_as(reinterpret_cast<PyTypeObject*>(cls), std::move(t)););
}
PyObject* as_subclass(PyObject* o, PyObject* cls) {
  KG_BODY(KG_CHECK_TYPE(PyType_Check(cls) && PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(cls), tensor_type), "cls must be a type (got ", Py_TYPE(cls)->tp_name, ")");
          const Tensor& self = tensor_of(o); Tensor t = grad_enabled() && self.requires_grad() ? view_of_all(self) : detach(self);
          if (t.impl()->object) t = alias(t);
          return wrap_as(reinterpret_cast<PyTypeObject*>(cls), std::move(t)););
}
PyObject* type_text(const Tensor& t) {
  if (is_quantized(t)) return PyUnicode_FromString(t.dtype() == DType::UInt8 ? "torch.quantized.QUInt8Tensor" : t.dtype() == DType::Int8 ? "torch.quantized.QInt8Tensor" : "torch.quantized.QInt32Tensor");
  return PyUnicode_FromString(str("torch.", is_sparse(t) ? "sparse." : "", legacy_name(t.dtype()), "Tensor").c_str());
}
PyObject* type_method(PyObject* o, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"dtype", "non_blocking", nullptr};
  PyObject *wanted = nullptr, *ignored = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO", const_cast<char**>(names), &wanted, &ignored)) return nullptr;
  KG_BODY(if (!wanted || wanted == Py_None) return type_text(tensor_of(o)); Ref dtype = Ref::share(wanted);
          if (PyUnicode_Check(wanted)) {
            std::string text = PyUnicode_AsUTF8(wanted);
            bool found = false;
            for (int i = 0; i < dtype_count; ++i)
              if (text == str("torch.", legacy_name(DType(i)), "Tensor")) dtype = Ref(wrap(DType(i))), found = true;
            KG_CHECK_VALUE(found, "invalid type: '", text, "'");
          } else if (!is_dtype(wanted)) {
            Ref on_cuda(PyObject_GetAttrString(wanted, "is_cuda"));
            if (!on_cuda) PyErr_Clear();
            if (on_cuda && on_cuda.get() == Py_True) check_device({DeviceType::CUDA, -1});
            dtype = own(PyObject_GetAttrString(wanted, "dtype"));
          }
          return PyObject_CallMethod(o, "to", "O", dtype.get()););
}
PyObject* backward_method(PyObject* o, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"gradient", "retain_graph", "create_graph", "inputs", nullptr};
  PyObject *gradient = Py_None, *retain = Py_None, *create = Py_False, *inputs = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OOOO", const_cast<char**>(names), &gradient, &retain, &create, &inputs)) return nullptr;
  Ref module(PyImport_ImportModule("kagari.autograd"));
  if (!module) return nullptr;
  if (inputs == Py_None && (gradient == Py_None || is_tensor(gradient)) && Py_TYPE(o) == tensor_type) {
    bool create_graph = PyObject_IsTrue(create) == 1, keep = retain == Py_None ? create_graph : PyObject_IsTrue(retain) == 1;
    return guarded([&]() -> PyObject* {
      Tensor root = tensor_of(o), g = gradient == Py_None ? Tensor() : tensor_of(gradient);
      Edge e = gradient_edge(root);
      KG_CHECK(e, "element 0 of tensors does not require grad and does not have a grad_fn");
      g = initial_gradient(root, g, create_graph);
      std::vector<Edge> roots{e};
      std::vector<Tensor> grads{g};
      PyThreadState* state = PyEval_SaveThread();
      struct Back {
        PyThreadState* s;
        ~Back() { PyEval_RestoreThread(s); }
      } back{state};
      run_backward(roots, std::move(grads), {}, {keep, create_graph, true, true});
      return Py_None;
    }) ? Py_NewRef(Py_None) : nullptr;
  }
  return PyObject_CallMethod(module.get(), "backward", "OOOOOO", o, gradient, retain, create, Py_None, inputs);
}
#define KG_FAST(name, f, doc) {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(f)), METH_FASTCALL | METH_KEYWORDS, doc}
#define KG_KEYWORDS(name, f, doc) {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(f)), METH_VARARGS | METH_KEYWORDS, doc}

}  // namespace

PyObject* subscript(PyObject* self, PyObject* key) {
  return guarded([&]() -> PyObject* {
    static PyObject* name = PyUnicode_InternFromString("__getitem__");
    if (torch_function_modes || (Py_TYPE(self) != tensor_type && Py_TYPE(self) != parameter_type)) {
      PyObject* args[] = {self, key};
      Ref f(check(PyObject_GetAttr(reinterpret_cast<PyObject*>(tensor_type), name)));
      PyObject* handled;
      if (torch_function_handled(f.get(), args, 2, nullptr, &handled)) return handled;
    }
    return tensor_getitem(tensor_of(self), key);
  });
}
int assign_subscript(PyObject* self, PyObject* key, PyObject* value) {
  return guarded([&]() -> int {
    KG_CHECK_TYPE(value, "Tensor does not support deleting items");
    if (torch_function_modes || (Py_TYPE(self) != tensor_type && Py_TYPE(self) != parameter_type)) {
      PyObject* args[] = {self, key, value};
      Ref f(check(PyObject_GetAttrString(reinterpret_cast<PyObject*>(tensor_type), "__setitem__")));
      PyObject* handled;
      if (torch_function_handled(f.get(), args, 3, nullptr, &handled)) return Py_DECREF(handled), 0;
    }
    return tensor_setitem(tensor_of(self), key, value);
  });
}

PyObject* construct_tensor(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  Device device;
  if (kwargs)
    if (PyObject* d = PyDict_GetItemString(kwargs, "device"); d && d != Py_None) device = tensor_device_of(d);
  if (PyTuple_GET_SIZE(args) == 1 && is_tensor(PyTuple_GET_ITEM(args, 0))) return wrap_as(type, alias(tensor_of(PyTuple_GET_ITEM(args, 0))));
  Tensor made = legacy_tensor(&PyTuple_GET_ITEM(args, 0), PyTuple_GET_SIZE(args), default_dtype(), device);
  return wrap_as(type, std::move(made));
}

PyGetSetDef tensor_getset[] = {
    {"shape", get_shape, nullptr, "The sizes, a torch.Size.", nullptr},
    {"dtype", get_dtype, nullptr, "The type of the elements.", nullptr},
    {"device", get_device, nullptr, "Where the bytes are.", nullptr},
    {"layout", get_layout, nullptr, nullptr, nullptr},
    {"ndim", get_ndim, nullptr, "The number of dimensions.", nullptr},
    {"itemsize", get_itemsize, nullptr, "Bytes of one element.", nullptr},
    {"nbytes", get_nbytes, nullptr, "Bytes of all elements.", nullptr},
    {"requires_grad", get_requires_grad, set_requires_grad_attribute, "Whether gradients flow to or through this tensor.", nullptr},
    {"grad", get_grad, set_grad_attribute, "The gradient that backward() accumulated, or None.", nullptr},
    {"_grad", get_grad, set_grad_attribute, nullptr, nullptr},
    {"grad_fn", get_grad_fn, nullptr, "The recorded operator that made this tensor, or None.", nullptr},
    {"is_leaf", get_is_leaf, nullptr, "Not the result of a recorded operator.", nullptr},
    {"data", get_data, set_data, "The same bytes outside of autograd.", nullptr},
    {"_version", get_version, nullptr, "Counts in-place changes.", nullptr},
    {"_base", get_base, nullptr, "The tensor that this one is a view of, or None.", nullptr},
    {"output_nr", get_output_nr, nullptr, nullptr, nullptr},
    {"retains_grad", get_retains_grad, nullptr, nullptr, nullptr},
    {"is_cpu", get_is_cpu, nullptr, nullptr, nullptr},
    {"is_meta", get_is_meta, nullptr, nullptr, nullptr},
    {"is_cuda", get_false, nullptr, nullptr, nullptr},
    {"is_mps", get_false, nullptr, nullptr, nullptr},
    {"is_xpu", get_false, nullptr, nullptr, nullptr},
    {"is_xla", get_false, nullptr, nullptr, nullptr},
    {"is_ipu", get_false, nullptr, nullptr, nullptr},
    {"is_hpu", get_false, nullptr, nullptr, nullptr},
    {"is_maia", get_false, nullptr, nullptr, nullptr},
    {"is_mtia", get_false, nullptr, nullptr, nullptr},
    {"is_vulkan", get_false, nullptr, nullptr, nullptr},
    {"is_mkldnn", get_false, nullptr, nullptr, nullptr},
    {"is_sparse", get_is_sparse, nullptr, nullptr, nullptr},
    {"is_sparse_csr", get_is_sparse_csr, nullptr, nullptr, nullptr},
    {"is_quantized", get_is_quantized, nullptr, nullptr, nullptr},
    {"is_nested", get_false, nullptr, nullptr, nullptr},
    {"name", get_none, nullptr, nullptr, nullptr},
    {"names", get_names, nullptr, nullptr, nullptr},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {"_backward_hooks", get_backward_hooks, set_backward_hooks, nullptr, nullptr},
    {}};

PyMethodDef tensor_methods[] = {
    KG_FAST("size", size, "size(dim=None): the sizes, or that of one dimension."),
    KG_FAST("stride", stride, "stride(dim=None): the strides in elements, or that of one dimension."),
    {"dim", dim, METH_NOARGS, "The number of dimensions."},
    {"ndimension", dim, METH_NOARGS, "The number of dimensions."},
    {"numel", numel, METH_NOARGS, "The number of elements."},
    {"nelement", numel, METH_NOARGS, "The number of elements."},
    {"element_size", element_size, METH_NOARGS, "Bytes of one element."},
    {"storage_offset", storage_offset, METH_NOARGS, "Elements before the first one in the storage."},
    {"data_ptr", data_ptr, METH_NOARGS, "The address of the first element."},
    KG_KEYWORDS("is_contiguous", is_contiguous, "is_contiguous(memory_format=torch.contiguous_format)"),
    {"is_complex", is_complex_method, METH_NOARGS, nullptr},
    {"is_floating_point", is_floating_point, METH_NOARGS, nullptr},
    {"is_signed", is_signed, METH_NOARGS, nullptr},
    {"is_inference", is_inference, METH_NOARGS, nullptr},
    {"is_conj", return_false, METH_NOARGS, "False: kagari's conj() computes at once."},
    {"is_neg", return_false, METH_NOARGS, "False: kagari's neg() computes at once."},
    {"resolve_conj", return_self, METH_NOARGS, nullptr},
    {"resolve_neg", return_self, METH_NOARGS, nullptr},
    {"has_names", return_false, METH_NOARGS, nullptr},
    {"is_pinned", return_false, METH_NOARGS, nullptr},
    {"pin_memory", return_self, METH_NOARGS, "The tensor itself: only transfers to accelerators need pinned memory."},
    {"is_distributed", return_false, METH_NOARGS, nullptr},
    {"is_coalesced", return_false, METH_NOARGS, nullptr},
    {"is_set_to", is_set_to, METH_O, nullptr},
    {"is_same_size", is_same_size, METH_O, nullptr},
    {"get_device", get_device_index, METH_NOARGS, nullptr},
    KG_FAST("cpu", cpu, nullptr),
    KG_KEYWORDS("requires_grad_", requires_grad_method, "requires_grad_(requires_grad=True): sets the flag, returns self."),
    {"retain_grad", retain_grad_method, METH_NOARGS, "Keeps the gradient of a non-leaf in .grad."},
    {"register_hook", register_hook, METH_O, "hook(grad) is called with the gradient and may return another one."},
    {"register_post_accumulate_grad_hook", register_post_accumulate_grad_hook, METH_O, "hook(tensor) is called after .grad was accumulated."},
    {"_make_subclass", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(make_subclass)), METH_STATIC | METH_VARARGS | METH_KEYWORDS, nullptr},
    {"as_subclass", as_subclass, METH_O, "The same data as an instance of a subclass of Tensor."},
    KG_KEYWORDS("type", type_method, "type(dtype=None): the legacy type name, or a conversion."),
    KG_KEYWORDS("backward", backward_method, "backward(gradient=None, retain_graph=None, create_graph=False, inputs=None): adds gradients to the leaves' .grad."),
    {}};

}  // namespace kagari::python
