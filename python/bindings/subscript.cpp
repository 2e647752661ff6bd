// t[key] and t[key] = value.
//
// Note [Subscripts]: a key is walked once. Integers, slices, None, Ellipsis and True/False change sizes, strides and offset of a window, which
// becomes one view at the end (or, of a tensor that a transform made, a view per part: it has no layout of its own); what needs indices (tensors,
// lists, arrays) is collected on the way and applied to that view. Strides are never negative, so a slice with a negative step is a window that
// goes forward and is flipped: reading gives a copy, and what is assigned is flipped before it is written to the window.
#include "tensor_methods.h"

#include "kagari/autograd/variable.h"
#include "kagari/ops/copy.h"
#include "kagari/op/op.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/handles.h"
#include "kagari/ops/indexing.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"
#include "kagari/tensor/sparse.h"

namespace kagari::python {
namespace {

/// The window that the basic parts of a key describe, and the indices for the rest.
struct Target {
  Ints sizes, strides;
  int64_t offset;
  bool whole = true;  // still exactly the tensor itself
  Ints flips;         // dimensions of the window that are read backwards
  Tensors indices;    // per dimension of the window; undefined for ":"
  bool advanced = false;
  // Where modes or a subclass want to see operators, the window is made by these instead, one for each part of the key.
  struct Step {
    enum Kind { Select, Slice, Unsqueeze } kind;
    int64_t dim, start, stop, step;
  };
  std::vector<Step> steps;
  bool by_steps = false;
};

bool is_integer(PyObject* o) { return PyLong_Check(o) || (!PyFloat_Check(o) && !PyUnicode_Check(o) && !PySequence_Check(o) && PyIndex_Check(o)); }

int64_t integer_of(PyObject* o) {
  Py_ssize_t v = PyLong_CheckExact(o) ? PyLong_AsSsize_t(o) : PyNumber_AsSsize_t(o, PyExc_IndexError);
  if (v == -1 && PyErr_Occurred()) {
    if (PyErr_ExceptionMatches(PyExc_OverflowError)) {
      PyErr_Clear();
      PyErr_SetString(PyExc_ValueError, "Overflow when unpacking long long");
    }
    throw PythonError();
  }
  return int64_t(v);
}

/// Data of nested sequences or arrays as a tensor, by way of torch.tensor.
Tensor tensor_from(PyObject* o) {
  static PyObject* make = [] {
    Ref module = own(PyImport_ImportModule("kagari"));
    return check(PyObject_GetAttrString(module.get(), "tensor"));
  }();
  Ref made = own(PyObject_CallOneArg(make, o));
  return tensor_of(made.get());
}

/// Indices from a list, a range or an array. Empty lists are indices, too.
Tensor index_from(PyObject* o) {
  Tensor t = tensor_from(o);
  if (t.numel() == 0 && is_floating(t.dtype())) t = to(t, DType::Int64);
  return t;
}

bool is_array_like(PyObject* o) { return PyObject_HasAttrString(o, "__array__") || PyObject_HasAttrString(o, "__array_interface__"); }

class Walk {
 public:
  Walk(const Tensor& self, Py_ssize_t parts_that_consume, Target& target) : self_(self), t_(target), consume_(parts_that_consume) {
    t_.offset = self.storage_offset();
  }

  void integer(int64_t i) {
    need_dimension();
    int64_t size = self_.sizes()[dim_];
    KG_CHECK_INDEX(i >= -size && i < size, "index ", i, " is out of bounds for dimension ", dim_, " with size ", size);
    note(Target::Step::Select, i);
    t_.offset += (i < 0 ? i + size : i) * self_.strides()[dim_++];
    t_.whole = false;
  }

  void slice(PyObject* key) {
    need_dimension();
    Py_ssize_t start, stop, step;
    PySliceObject* s = reinterpret_cast<PySliceObject*>(key);
    if (s->start == Py_None && s->stop == Py_None && s->step == Py_None) return keep();
    Ref plain = without_tensors(s);
    if (PySlice_Unpack(plain ? plain.get() : key, &start, &stop, &step) < 0) throw PythonError();
    int64_t size = self_.sizes()[dim_], stride = self_.strides()[dim_];
    const Py_ssize_t taken = PySlice_AdjustIndices(size, &start, &stop, step);
    if (step < 0) {  // the same elements forwards
      t_.flips.push_back(int64_t(t_.sizes.size()));
      step = -step;
      stop = start + 1;
      start = taken ? start - (taken - 1) * step : stop;
    }
    stop = std::max(stop, start);
    note(Target::Step::Slice, start, stop, step);
    t_.offset += start * stride;
    int64_t count = (stop - start) / step + ((stop - start) % step != 0);
    int64_t wide;
    push(count, __builtin_mul_overflow(stride, int64_t(step), &wide) ? stride : wide);
    t_.whole = false;
    ++dim_;
  }

  void keep() {
    push(self_.sizes()[dim_], self_.strides()[dim_]);
    ++dim_;
  }
  void new_axis() {
    note(Target::Step::Unsqueeze);
    push(1, dim_ < self_.dim() ? self_.sizes()[dim_] * self_.strides()[dim_] : 1);
    t_.whole = false;
  }
  void ellipsis() {
    for (Py_ssize_t skip = self_.dim() - dim_ - (consume_ - used_); skip > 0; --skip) keep();
  }
  /// True or False: a new dimension of size 1 that is, or is not, taken.
  void truth(bool value) {
    new_axis();
    Tensor i = value ? zeros({1}, {DType::Int64, {}, {}, false, false}) : empty({0}, {DType::Int64, {}, {}, false, false});
    place(i, int64_t(t_.sizes.size()) - 1);
  }
  void tensor(const Tensor& i) {
    if (i.dim() == 0 && !i.is_meta() && !(i.impl()->transform && is_integral(i.dtype()) && i.dtype() != DType::Bool)) {
      if (i.dtype() == DType::Bool || i.dtype() == DType::UInt8) return truth(i.item().to_bool());
      if (is_integral(i.dtype())) return integer(i.item<int64_t>());
    }
    int64_t dims = i.dtype() == DType::Bool || i.dtype() == DType::UInt8 ? i.dim() : 1;
    int64_t first = int64_t(t_.sizes.size());
    for (int64_t d = 0; d < dims; ++d) {
      need_dimension_of_mask(i, d);
      keep();
    }
    place(i, first);
    hidden_ += dims - 1;
  }
  void finish() {
    while (dim_ < self_.dim()) keep();
  }
  void count_used(Py_ssize_t n) { used_ += n; }

 private:
  void note(Target::Step::Kind kind, int64_t start = 0, int64_t stop = 0, int64_t step = 0) {
    if (t_.by_steps) t_.steps.push_back({kind, int64_t(t_.sizes.size()), start, stop, step});
  }
  void push(int64_t size, int64_t stride) {
    t_.sizes.push_back(size);
    t_.strides.push_back(stride);
  }
  /// A mask stands for as many dimensions as it has, but is one index.
  void place(const Tensor& i, int64_t window_dim) {
    size_t at = size_t(window_dim - hidden_);
    t_.indices.resize(std::max(t_.indices.size(), at + 1));
    t_.indices[at] = i;
    t_.advanced = true;
  }
  void need_dimension() {
    KG_CHECK_INDEX(dim_ < self_.dim(), "too many indices for tensor of dimension ", self_.dim());
  }
  void need_dimension_of_mask(const Tensor& i, int64_t d) {
    need_dimension();
    if (i.dtype() != DType::Bool && i.dtype() != DType::UInt8) return;
    KG_CHECK_INDEX(i.sizes()[d] == self_.sizes()[dim_], "The shape of the mask ", i.sizes(), " at index ", d, " does not match the shape of the indexed tensor ", self_.sizes(),
                   " at index ", dim_);
  }
  /// A slice whose bounds are 0-d tensors as one of numbers; null if it has none.
  static Ref without_tensors(PySliceObject* s) {
    PyObject* parts[] = {s->start, s->stop, s->step};
    bool any = false;
    for (PyObject* p : parts) any = any || is_tensor(p);
    if (!any) return Ref();
    Ref plain[3];
    for (int i = 0; i < 3; ++i) {
      if (!is_tensor(parts[i])) {
        plain[i] = Ref::share(parts[i]);
        continue;
      }
      const Tensor& t = tensor_of(parts[i]);
      KG_CHECK_TYPE(is_integral(t.dtype()) && t.numel() == 1, "slice indices must be integers or None or have an __index__ method");
      plain[i] = own(PyLong_FromLongLong(t.item<int64_t>()));
    }
    return own(PySlice_New(plain[0].get(), plain[1].get(), plain[2].get()));
  }

  const Tensor& self_;
  Target& t_;
  Py_ssize_t consume_, used_ = 0;
  int64_t dim_ = 0, hidden_ = 0;
};

/// A list is a key of several parts (as NumPy once had it) if it holds slices, None, Ellipsis, tensors or sequences. A list of numbers is one
/// index.
bool is_list_of_parts(PyObject* key) {
  if (!PyList_Check(key)) return false;
  Py_ssize_t n = PyList_GET_SIZE(key);
  if (n >= 32) return false;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* o = PyList_GET_ITEM(key, i);
    if (o == Py_None || o == Py_Ellipsis || PySlice_Check(o) || is_tensor(o) || (PySequence_Check(o) && !PyUnicode_Check(o))) return true;
  }
  return false;
}

/// How many dimensions of the tensor a part of the key takes.
Py_ssize_t consumed_by(PyObject* part) {
  if (part == Py_None || part == Py_Ellipsis || PyBool_Check(part)) return 0;
  if (is_tensor(part)) {
    const Tensor& t = tensor_of(part);
    return t.dtype() == DType::Bool || t.dtype() == DType::UInt8 ? t.dim() : 1;
  }
  return 1;
}

void step(Walk& walk, PyObject* part) {
  Py_ssize_t uses = consumed_by(part);
  walk.count_used(uses);
  if (PyLong_CheckExact(part)) return walk.integer(integer_of(part));
  if (PySlice_Check(part)) return walk.slice(part);
  if (part == Py_None) return walk.new_axis();
  if (part == Py_Ellipsis) return walk.ellipsis();
  if (PyBool_Check(part)) return walk.truth(part == Py_True);
  if (is_tensor(part)) return walk.tensor(tensor_of(part));
  if (is_integer(part)) return walk.integer(integer_of(part));
  if (!PyUnicode_Check(part) && (PySequence_Check(part) || is_array_like(part))) {
    Tensor t = index_from(part);
    // a mask in a list takes as many dimensions as it has, one was counted
    if (t.dtype() == DType::Bool && t.dim() > 1) walk.count_used(t.dim() - 1);
    return walk.tensor(t);
  }
  if (PyUnicode_Check(part)) fail(ErrorKind::Type, "new(): invalid data type 'str'");
  fail(ErrorKind::Index, str("only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got ", Py_TYPE(part)->tp_name, ")"));
}

void walk_key(const Tensor& self, PyObject* key, Target& target) {
  target.by_steps = active_mode || self.impl()->special;
  if (is_list_of_parts(key)) {
    Ref tuple = own(PyList_AsTuple(key));
    return walk_key(self, tuple.get(), target);
  }
  if (!PyTuple_Check(key)) {
    Walk walk(self, consumed_by(key), target);
    if (self.dim() == 0 && !is_tensor(key) && is_integer(key) && !PyBool_Check(key))
      fail(ErrorKind::Index, "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a 0-dim tensor to a number");
    step(walk, key);
    return walk.finish();
  }
  Py_ssize_t n = PyTuple_GET_SIZE(key), total = 0;
  for (Py_ssize_t i = 0; i < n; ++i) total += consumed_by(PyTuple_GET_ITEM(key, i));
  Walk walk(self, total, target);
  for (Py_ssize_t i = 0; i < n; ++i) step(walk, PyTuple_GET_ITEM(key, i));
  walk.finish();
}

/// A key of integers, ":" , None and one-dimensional indices, part by part: a sparse tensor has no views of windows.
Tensor sparse_item(const Tensor& self, PyObject* key) {
  Ref parts = PyTuple_Check(key) ? Ref::share(key) : own(PyTuple_Pack(1, key));
  Py_ssize_t n = PyTuple_GET_SIZE(parts.get()), total = 0;
  for (Py_ssize_t i = 0; i < n; ++i) total += consumed_by(PyTuple_GET_ITEM(parts.get(), i));
  KG_CHECK_INDEX(total <= self.dim(), "too many indices for tensor of dimension ", self.dim());
  Tensor y = self;
  int64_t dim = 0;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* part = PyTuple_GET_ITEM(parts.get(), i);
    PySliceObject* range = PySlice_Check(part) ? reinterpret_cast<PySliceObject*>(part) : nullptr;
    if (part == Py_Ellipsis) dim += self.dim() - total;
    else if (range && range->start == Py_None && range->stop == Py_None && range->step == Py_None) ++dim;
    else if (part == Py_None) y = unsqueeze(y, dim++);
    else if (range) {
      Py_ssize_t start, stop, step;
      if (PySlice_Unpack(part, &start, &stop, &step) < 0) throw PythonError();
      const Py_ssize_t taken = PySlice_AdjustIndices(y.size(dim), &start, &stop, step);
      y = index_select(y, dim++, arange(int64_t(start), int64_t(start + taken * step), int64_t(step)));
    } else if (is_integer(part) && !is_tensor(part) && !PyBool_Check(part)) y = select(y, dim, integer_of(part));
    else {
      Tensor at = is_tensor(part) ? tensor_of(part) : index_from(part);
      KG_CHECK_IMPLEMENTED(at.dim() == 1 && at.dtype() != DType::Bool, "a sparse tensor can be indexed by integers, slices, None, Ellipsis and one-dimensional indices only");
      y = index_select(y, dim++, at);
    }
  }
  return y;
}

/// The view that the basic parts describe.
Tensor window_of(const Tensor& self, const Target& target) {
  if (target.whole && target.advanced) return self;
  if (target.by_steps) {
    Tensor t = target.whole ? view_of_all(self) : self;
    for (const Target::Step& s : target.steps)
      t = s.kind == Target::Step::Select ? select(t, s.dim, s.start) : s.kind == Target::Step::Slice ? slice(t, s.dim, s.start, s.stop, s.step) : unsqueeze(t, s.dim);
    return t;
  }
  return strided_window(self, target.sizes, target.strides, target.offset);
}

/// What is assigned, as a tensor of self's dtype.
Tensor value_for(const Tensor& self, PyObject* value) {
  if (is_tensor(value)) return tensor_of(value);
  if (is_number(value)) {
    Scalar s = scalar_of(value);
    Tensor t = empty({}, {self.dtype(), {}, self.device(), false, false});
    return fill_(t, s);
  }
  if (is_array_like(value) && !PyUnicode_Check(value)) return tensor_from(value);
  KG_CHECK_TYPE(false, "can't assign a ", Py_TYPE(value)->tp_name, " to a torch.", legacy_name(self.dtype()), "Tensor");
  return {};
}

/// Leading dimensions of size 1 that the target does not have are dropped.
Tensor without_leading_ones(const Tensor& t, int64_t dims) {
  if (t.dim() <= dims) return t;
  Ints sizes(t.sizes());
  while (int64_t(sizes.size()) > dims && !sizes.empty() && sizes[0] == 1) sizes.erase(sizes.begin());
  return sizes.size() == size_t(t.dim()) ? t : reshape(t, sizes);
}

}  // namespace

PyObject* tensor_getitem(const Tensor& self, PyObject* key) {
  if (is_sparse(self)) return wrap(sparse_item(self, key));
  Target target;
  walk_key(self, key, target);
  Tensor window = window_of(self, target);
  if (!target.flips.empty()) window = flip(window, target.flips);
  if (!target.advanced) return wrap(std::move(window));
  return wrap(index(window, {target.indices.data(), target.indices.size()}));
}

int tensor_setitem(const Tensor& self, PyObject* key, PyObject* value) {
  if (!value) fail(ErrorKind::Type, "Tensor does not support deleting items");
  KG_CHECK_TYPE(!is_sparse(self), "Cannot assign to a sparse tensor");
  Target target;
  walk_key(self, key, target);
  Tensor source = value_for(self, value);
  Tensor window = target.whole ? self : window_of(self, target);
  if (!target.advanced) {
    source = without_leading_ones(source, window.dim());
    // the message of expand() names the sizes that do not fit
    if (!(source.sizes() == window.sizes())) source = expand(source, window.sizes());
    copy_(window, target.flips.empty() ? source : flip(source, target.flips));
    return 0;
  }
  if (!target.flips.empty()) {
    Tensor backwards = flip(window, target.flips);
    index_put_(backwards, {target.indices.data(), target.indices.size()}, source.device() == window.device() ? source : to(source, {}, window.device()), false);
    copy_(window, flip(backwards, target.flips));
    return 0;
  }
  if (source.device() != window.device()) source = to(source, {}, window.device());
  // a number for a plain mask needs no list of positions
  if (target.indices.size() == 1 && target.indices[0].defined() && target.indices[0].dtype() == DType::Bool && source.numel() == 1 && source.dim() == 0 &&
      !source.requires_grad() && !source.impl()->transform && source.dtype() == window.dtype() && !window.is_meta() && !target.indices[0].is_meta()) {
    Tensor mask = target.indices[0];
    for (int64_t d = mask.dim(); d < window.dim(); ++d) mask = unsqueeze(mask, -1);
    masked_fill_(window, mask, source.item());
    return 0;
  }
  index_put_(window, {target.indices.data(), target.indices.size()}, source, false);
  return 0;
}

}  // namespace kagari::python
