// torch.UntypedStorage: the bytes behind tensors as a Python object with the buffer protocol.
#include "storage.h"
#include "kagari/tensor/sparse.h"

#include <structmember.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace kagari::python {

PyTypeObject* storage_type;

namespace {

Storage& storage_of(PyObject* o) { return *reinterpret_cast<StorageObject*>(o)->storage; }

/// A buffer of another Python object that a storage lives in.
struct Lent {
  Py_buffer view;
  static void give_back(void* context) {
    auto* self = static_cast<Lent*>(context);
    if (Py_IsInitialized()) {
      WithGil gil;
      PyBuffer_Release(&self->view);
    }
    delete self;
  }
};

void dealloc(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  if (reinterpret_cast<StorageObject*>(o)->weakrefs) PyObject_ClearWeakRefs(o);
  reinterpret_cast<StorageObject*>(o)->storage.~IntrusivePtr();
  type->tp_free(o);
  Py_DECREF(type);
}

PyObject* construct(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"size", "device", nullptr};
  PyObject *size = nullptr, *device = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO", const_cast<char**>(names), &size, &device)) return nullptr;
  return guarded([&]() -> PyObject* {
    Device where = device && device != Py_None ? tensor_device_of(device) : Device();
    if (!size || PyLong_Check(size)) {
      long long n = size ? PyLong_AsLongLong(size) : 0;
      if (n == -1 && PyErr_Occurred()) throw PythonError();
      KG_CHECK(n >= 0, "UntypedStorage(): the size must not be negative, got ", n);
      return wrap_storage(Storage::create(n, where), type);
    }
    Ref bytes(check(PyBytes_FromObject(size)));
    auto made = Storage::create(PyBytes_GET_SIZE(bytes.get()), where);
    if (!where.is_meta()) std::memcpy(made->data(), PyBytes_AS_STRING(bytes.get()), size_t(made->nbytes()));
    return wrap_storage(std::move(made), type);
  });
}

int get_buffer(PyObject* o, Py_buffer* view, int flags) {
  static std::byte nothing;
  Storage& s = storage_of(o);
  if (s.device().is_meta()) {
    PyErr_SetString(PyExc_BufferError, "a storage on the meta device has no data");
    view->obj = nullptr;
    return -1;
  }
  return PyBuffer_FillInfo(view, o, s.data() ? s.data() : &nothing, Py_ssize_t(s.nbytes()), 0, flags);
}

Py_ssize_t length(PyObject* o) { return Py_ssize_t(storage_of(o).nbytes()); }
PyObject* nbytes(PyObject* o, PyObject*) { return PyLong_FromLongLong(storage_of(o).nbytes()); }
PyObject* data_ptr(PyObject* o, PyObject*) { return PyLong_FromVoidPtr(storage_of(o).device().is_meta() ? nullptr : storage_of(o).data()); }
PyObject* element_size(PyObject*, PyObject*) { return PyLong_FromLong(1); }
PyObject* itself(PyObject* o, PyObject*) { return Py_NewRef(o); }
PyObject* no(PyObject*, PyObject*) { Py_RETURN_FALSE; }
PyObject* resizable(PyObject* o, PyObject*) { return PyBool_FromLong(storage_of(o).resizable()); }
PyObject* is_shared(PyObject* o, PyObject*) { return PyBool_FromLong(storage_of(o).shared_between_processes); }
PyObject* get_device(PyObject* o, void*) { return wrap(storage_of(o).device()); }
PyObject* get_cdata(PyObject* o, void*) { return PyLong_FromVoidPtr(&storage_of(o)); }
PyObject* get_false(PyObject*, void*) { Py_RETURN_FALSE; }

PyObject* resize(PyObject* o, PyObject* size) {
  return guarded([&]() -> PyObject* {
    long long n = PyLong_AsLongLong(size);
    if (n == -1 && PyErr_Occurred()) throw PythonError();
    KG_CHECK(n >= 0, "resize_(): the size must not be negative, got ", n);
    KG_CHECK(storage_of(o).resizable(), "Trying to resize storage that is not resizable");
    storage_of(o).resize(n);
    return Py_NewRef(o);
  });
}

PyObject* clone(PyObject* o, PyObject*) {
  return guarded([&]() -> PyObject* {
    Storage& s = storage_of(o);
    auto made = Storage::create(s.nbytes(), s.device());
    if (!s.device().is_meta() && s.nbytes()) std::memcpy(made->data(), s.data(), size_t(s.nbytes()));
    return wrap_storage(std::move(made));
  });
}

PyObject* copy_from(PyObject* o, PyObject* args) {
  PyObject *source, *ignored = nullptr;
  if (!PyArg_ParseTuple(args, "O|O", &source, &ignored)) return nullptr;
  return guarded([&]() -> PyObject* {
    KG_CHECK_TYPE(is_storage(source), "copy_(): expected an UntypedStorage, got ", Py_TYPE(source)->tp_name);
    Storage &to = storage_of(o), &from = storage_of(source);
    KG_CHECK(to.nbytes() == from.nbytes(), "size does not match, self was ", to.nbytes(), " bytes but src was ", from.nbytes(), " bytes");
    if (!to.device().is_meta() && !from.device().is_meta() && to.nbytes()) std::memmove(to.data(), from.data(), size_t(to.nbytes()));
    to.bump_version();
    return Py_NewRef(o);
  });
}

PyObject* fill(PyObject* o, PyObject* value) {
  return guarded([&]() -> PyObject* {
    long v = PyLong_AsLong(value);
    if (v == -1 && PyErr_Occurred()) throw PythonError();
    Storage& s = storage_of(o);
    if (!s.device().is_meta() && s.nbytes()) std::memset(s.data(), int(v), size_t(s.nbytes()));
    s.bump_version();
    return Py_NewRef(o);
  });
}

PyObject* to_list(PyObject* o, PyObject*) {
  return guarded([&]() -> PyObject* {
    Storage& s = storage_of(o);
    KG_CHECK(!s.device().is_meta(), "Not available for 'meta' device type");
    Ref list(check(PyList_New(Py_ssize_t(s.nbytes()))));
    for (int64_t i = 0; i < s.nbytes(); ++i) PyList_SET_ITEM(list.get(), i, check(PyLong_FromLong(long(s.data()[i]))));
    return list.release();
  });
}

PyObject* iterate(PyObject* o) {
  Ref list(to_list(o, nullptr));
  return list ? PyObject_GetIter(list.get()) : nullptr;
}

int64_t position(PyObject* o, PyObject* index) {
  Py_ssize_t i = PyNumber_AsSsize_t(index, PyExc_IndexError);
  if (i == -1 && PyErr_Occurred()) throw PythonError();
  int64_t n = storage_of(o).nbytes();
  KG_CHECK_INDEX(i >= -n && i < n, "index ", i, " out of range for storage of size ", n);
  return i < 0 ? i + n : i;
}

/// storage[i] is a byte; storage[a:b] a storage over the same bytes.
PyObject* get_item(PyObject* o, PyObject* index) {
  return guarded([&]() -> PyObject* {
    Storage& s = storage_of(o);
    if (!PySlice_Check(index)) {
      KG_CHECK(!s.device().is_meta(), "Not available for 'meta' device type");
      return PyLong_FromLong(long(s.data()[position(o, index)]));
    }
    Py_ssize_t start, stop, step;
    if (PySlice_Unpack(index, &start, &stop, &step) < 0) throw PythonError();
    KG_CHECK(step == 1, "Trying to slice with a step of ", step, ", but only a step of 1 is supported");
    Py_ssize_t n = PySlice_AdjustIndices(Py_ssize_t(s.nbytes()), &start, &stop, step);
    if (s.device().is_meta()) return wrap_storage(Storage::create(n, s.device()));
    auto* owner = new IntrusivePtr<Storage>(IntrusivePtr<Storage>::share(&s));
    return wrap_storage(Storage::borrow(s.data() + start, n, [](void* p) { delete static_cast<IntrusivePtr<Storage>*>(p); }, owner));
  });
}

int set_item(PyObject* o, PyObject* index, PyObject* value) {
  return guarded([&]() -> int {
    KG_CHECK_TYPE(value, "items of a storage cannot be deleted");
    long v = PyLong_AsLong(value);
    if (v == -1 && PyErr_Occurred()) throw PythonError();
    Storage& s = storage_of(o);
    KG_CHECK(!s.device().is_meta(), "Not available for 'meta' device type");
    if (PySlice_Check(index)) {
      Py_ssize_t start, stop, step;
      if (PySlice_Unpack(index, &start, &stop, &step) < 0) throw PythonError();
      Py_ssize_t n = PySlice_AdjustIndices(Py_ssize_t(s.nbytes()), &start, &stop, step);
      for (Py_ssize_t i = 0; i < n; ++i) s.data()[start + i * step] = std::byte(v);
    } else {
      s.data()[position(o, index)] = std::byte(v);
    }
    s.bump_version();
    return 0;
  });
}

PyObject* compare(PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || !is_storage(a) || !is_storage(b)) Py_RETURN_NOTIMPLEMENTED;
  return PyBool_FromLong((&storage_of(a) == &storage_of(b)) == (op == Py_EQ));
}
Py_hash_t hash(PyObject* o) { return Py_hash_t(reinterpret_cast<uintptr_t>(&storage_of(o)) >> 4); }

/// from_buffer(buffer, dtype=uint8, count=-1, offset=0, byte_order="native"): a copy of the bytes.
PyObject* from_buffer(PyObject*, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"buffer", "byte_order", "count", "offset", "dtype", nullptr};
  Py_buffer view;
  const char* order = "native";
  Py_ssize_t count = -1, offset = 0;
  PyObject* dtype = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*|snnO", const_cast<char**>(names), &view, &order, &count, &offset, &dtype)) return nullptr;
  PyObject* result = guarded([&]() -> PyObject* {
    int64_t width = dtype && dtype != Py_None ? itemsize(dtype_of_object(dtype)) : 1;
    KG_CHECK_VALUE(offset >= 0 && offset <= view.len, "offset must be non-negative and no greater than buffer length (", view.len, ") , but got ", offset);
    int64_t left = view.len - offset;
    KG_CHECK_VALUE(count >= 0 || left % width == 0, "buffer size (", view.len, ") must be a multiple of element size (", width, ")");
    KG_CHECK_VALUE(count < 0 || count <= left / width, "buffer has only ", left / width, " elements after offset ", offset, ", but specified a size of ", count);
    int64_t n = count < 0 ? left : count * width;
    auto made = Storage::create(n, Device());
    if (n) std::memcpy(made->data(), static_cast<const char*>(view.buf) + offset, size_t(n));
    if (std::strcmp(order, "big") == 0)
      for (int64_t i = 0; i + width <= n; i += width) std::reverse(made->data() + i, made->data() + i + width);
    return wrap_storage(std::move(made));
  });
  PyBuffer_Release(&view);
  return result;
}

/// A storage on the bytes of a writable buffer, which it keeps alive.
PyObject* storage_over(PyObject*, PyObject* buffer) {
  auto* lent = new Lent;
  if (PyObject_GetBuffer(buffer, &lent->view, PyBUF_WRITABLE) < 0) {
    delete lent;
    return nullptr;
  }
  return guarded([&] { return wrap_storage(Storage::borrow(lent->view.buf, lent->view.len, Lent::give_back, lent)); });
}

/// Numbers of a tuple or list of ints.
Ints integers(PyObject* o, const char* what) {
  Ref items(check(PySequence_Tuple(o)));
  Ints out;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items.get()); ++i) {
    long long v = PyLong_AsLongLong(PyTuple_GET_ITEM(items.get(), i));
    if (v == -1 && PyErr_Occurred()) throw PythonError();
    KG_CHECK(v >= 0, what, " must not be negative, got ", v);
    out.push_back(v);
  }
  return out;
}

/// _tensor_over(storage, dtype, offset, size, stride): a tensor on part of a storage. RuntimeError if it would reach outside.
PyObject* tensor_over(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&]() -> PyObject* {
    KG_CHECK_TYPE(nargs == 5 && is_storage(args[0]) && is_dtype(args[1]), "_tensor_over(storage, dtype, offset, size, stride)");
    auto storage = reinterpret_cast<StorageObject*>(args[0])->storage;
    DType dtype = dtype_of_object(args[1]);
    long long offset = PyLong_AsLongLong(args[2]);
    if (offset == -1 && PyErr_Occurred()) throw PythonError();
    KG_CHECK(offset >= 0, "a tensor's storage offset must not be negative, got ", offset);
    Ints sizes = integers(args[3], "a tensor's sizes"), strides = integers(args[4], "a tensor's strides");
    KG_CHECK(sizes.size() == strides.size(), "a tensor's sizes ", sizes, " and strides ", strides, " differ in length");
    __int128 last = offset, count = 1;
    bool empty = false;
    for (size_t i = 0; i < sizes.size(); ++i) {
      empty = empty || sizes[i] == 0;
      if (sizes[i] > 0) last += __int128(sizes[i] - 1) * strides[i];
      count *= sizes[i] ? sizes[i] : 1;
      KG_CHECK(last < (__int128(1) << 58) && count < (__int128(1) << 62), "a tensor of sizes ", sizes, " and strides ", strides, " overflows 64 bits");
    }
    int64_t needed = empty ? 0 : int64_t((last + 1) * itemsize(dtype));
    KG_CHECK(needed <= storage->nbytes(), "setStorage: sizes ", sizes, ", strides ", strides, ", storage offset ", offset, ", and itemsize ", itemsize(dtype),
             " requiring a storage size of ", needed, " are out of bounds for storage of size ", storage->nbytes());
    auto impl = TensorImpl::create(storage, dtype);
    impl->device = storage->device();
    impl->offset = offset;
    impl->set_layout(sizes, strides);
    return wrap(Tensor(std::move(impl)));
  });
}

/// Memory that other processes can map, by its file descriptor.
struct SharedBlock {
  int fd;
  void* address;
  size_t size;
  static void give_back(void* context) {
    auto* self = static_cast<SharedBlock*>(context);
    munmap(self->address, self->size);
    close(self->fd);
    delete self;
  }
  /// Maps `size` bytes of fd, which it takes over.
  static SharedBlock* map(int fd, int64_t size) {
    size_t bytes = size ? size_t(size) : 1;
    void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (address == MAP_FAILED) close(fd);
    KG_CHECK(address != MAP_FAILED, "unable to mmap ", bytes, " bytes of shared memory: ", std::strerror(errno));
    return new SharedBlock{fd, address, bytes};
  }
};

PyObject* share_memory(PyObject* o, PyObject*) {
  return guarded([&]() -> PyObject* {
    Storage& s = storage_of(o);
    if (s.shared_between_processes || s.device().is_meta()) return Py_NewRef(o);
    int fd = memfd_create("kagari", MFD_CLOEXEC);
    KG_CHECK(fd >= 0, "unable to make shared memory: ", std::strerror(errno));
    if (ftruncate(fd, s.nbytes() ? s.nbytes() : 1) != 0) {
      close(fd);
      fail(ErrorKind::Runtime, str("unable to make ", s.nbytes(), " bytes of shared memory: ", std::strerror(errno)));
    }
    SharedBlock* block = SharedBlock::map(fd, s.nbytes());
    s.relocate(block->address, SharedBlock::give_back, block);
    s.shared_between_processes = true;
    return Py_NewRef(o);
  });
}

/// (file descriptor, bytes) of shared memory; the descriptor stays the storage's.
PyObject* shared_descriptor(PyObject* o, PyObject*) {
  return guarded([&]() -> PyObject* {
    Storage& s = storage_of(o);
    KG_CHECK(s.deleter() == SharedBlock::give_back, "the storage is not in shared memory");
    return Py_BuildValue("(iL)", static_cast<SharedBlock*>(s.context())->fd, static_cast<long long>(s.nbytes()));
  });
}

/// _storage_from_descriptor(fd, nbytes): a storage in the shared memory behind fd, which it takes over.
PyObject* from_descriptor(PyObject*, PyObject* args) {
  int fd;
  long long size;
  if (!PyArg_ParseTuple(args, "iL", &fd, &size)) return nullptr;
  return guarded([&]() -> PyObject* {
    KG_CHECK(size >= 0 && lseek(fd, 0, SEEK_END) >= size, "the shared memory is smaller than ", size, " bytes");
    SharedBlock* block = SharedBlock::map(fd, size);
    auto s = Storage::borrow(block->address, size, SharedBlock::give_back, block);
    s->shared_between_processes = true;
    return wrap_storage(std::move(s));
  });
}

PyObject* untyped_storage(PyObject* self, PyObject*) {
  return guarded([&] {
    KG_CHECK_IMPLEMENTED(!is_sparse(tensor_of(self)), "Cannot access storage of a tensor of layout ", python_name(layout_of(tensor_of(self))));
    return wrap_storage(tensor_of(self).storage());
  });
}

PyGetSetDef getset[] = {{"device", get_device, nullptr, "Where the bytes are.", nullptr},
                        {"_cdata", get_cdata, nullptr, "A number that identifies the storage while it lives.", nullptr},
                        {"is_cuda", get_false, nullptr, nullptr, nullptr},
                        {"is_hpu", get_false, nullptr, nullptr, nullptr},
                        {"is_sparse", get_false, nullptr, nullptr, nullptr},
                        {"is_sparse_csr", get_false, nullptr, nullptr, nullptr},
                        {}};
PyMethodDef methods[] = {{"nbytes", nbytes, METH_NOARGS, "The number of bytes."},
                         {"size", nbytes, METH_NOARGS, "The number of bytes."},
                         {"data_ptr", data_ptr, METH_NOARGS, "The address of the first byte."},
                         {"element_size", element_size, METH_NOARGS, "1: elements are bytes."},
                         {"untyped", itself, METH_NOARGS, "The storage itself."},
                         {"cpu", itself, METH_NOARGS, "The storage itself."},
                         {"is_pinned", no, METH_VARARGS, "False."},
                         {"resizable", resizable, METH_NOARGS, "Whether the storage owns its bytes."},
                         {"is_shared", is_shared, METH_NOARGS, "Whether other processes see the bytes."},
                         {"share_memory_", share_memory, METH_NOARGS, "Moves the bytes into memory that processes started later can share."},
                         {"_share_fd_cpu_", shared_descriptor, METH_NOARGS, "(file descriptor, bytes) of shared memory."},
                         {"resize_", resize, METH_O, "resize_(nbytes): keeps the common prefix."},
                         {"clone", clone, METH_NOARGS, "A copy."},
                         {"copy_", copy_from, METH_VARARGS, "copy_(source): takes over the bytes of a storage of the same size."},
                         {"fill_", fill, METH_O, "fill_(value): sets every byte."},
                         {"tolist", to_list, METH_NOARGS, "The bytes as a list of ints."},
                         {"from_buffer", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(from_buffer)), METH_VARARGS | METH_KEYWORDS | METH_STATIC,
                          "from_buffer(buffer, byte_order='native', count=-1, offset=0, dtype=torch.uint8): a copy of the bytes."},
                         {}};
PyMemberDef members[] = {{"__weaklistoffset__", T_PYSSIZET, offsetof(StorageObject, weakrefs), READONLY, nullptr}, {}};
/// Two Python objects exchange their tensors, whatever else refers to them.
PyObject* swap_tensors(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&]() -> PyObject* {
    KG_CHECK_TYPE(nargs == 2 && is_tensor(args[0]) && is_tensor(args[1]), "_swap_tensor_impl(a, b): expected two tensors");
    auto *a = reinterpret_cast<TensorObject*>(args[0]), *b = reinterpret_cast<TensorObject*>(args[1]);
    std::swap(a->tensor, b->tensor);
    a->tensor.impl()->object = a;
    b->tensor.impl()->object = b;
    Py_RETURN_NONE;
  });
}
PyMethodDef functions[] = {{"_storage_over", storage_over, METH_O, "A storage on the bytes of a writable buffer."},
                           {"_tensor_over", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(tensor_over)), METH_FASTCALL,
                            "_tensor_over(storage, dtype, offset, size, stride): a tensor on part of a storage."},
                           {"_swap_tensor_impl", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(swap_tensors)), METH_FASTCALL,
                            "The two objects exchange their tensors."},
                           {"_storage_from_descriptor", from_descriptor, METH_VARARGS, "A storage in the shared memory behind a file descriptor."},
                           {}};
PyMethodDef tensor_method = {"untyped_storage", untyped_storage, METH_NOARGS, "The bytes behind the tensor."};

}  // namespace

bool is_storage(PyObject* o) { return PyObject_TypeCheck(o, storage_type); }

Tensor tensor_over_storage(PyObject* o, DType dtype) {
  auto storage = reinterpret_cast<StorageObject*>(o)->storage;
  auto impl = TensorImpl::create(storage, dtype);
  impl->device = storage->device();
  impl->set_shape(Ints{storage->nbytes() / itemsize(dtype)});
  return Tensor(std::move(impl));
}

PyObject* wrap_storage(IntrusivePtr<Storage> storage, PyTypeObject* type) {
  if (!type) type = storage_type;
  PyObject* o = type->tp_alloc(type, 0);
  if (!o) return nullptr;
  new (&reinterpret_cast<StorageObject*>(o)->storage) IntrusivePtr<Storage>(std::move(storage));
  return o;
}

bool add_storage_type(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(construct)},
                         {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                         {Py_tp_getset, getset},
                         {Py_tp_methods, methods},
                         {Py_tp_members, members},
                         {Py_tp_richcompare, reinterpret_cast<void*>(compare)},
                         {Py_tp_hash, reinterpret_cast<void*>(hash)},
                         {Py_tp_iter, reinterpret_cast<void*>(iterate)},
                         {Py_sq_length, reinterpret_cast<void*>(length)},
                         {Py_mp_length, reinterpret_cast<void*>(length)},
                         {Py_mp_subscript, reinterpret_cast<void*>(get_item)},
                         {Py_mp_ass_subscript, reinterpret_cast<void*>(set_item)},
                         {Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)},
                         {Py_tp_doc, const_cast<char*>("UntypedStorage(size=0, device='cpu'): bytes that tensors share.")},
                         {}};
  PyType_Spec spec{"torch.storage.UntypedStorage", sizeof(StorageObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  storage_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (!storage_type || PyModule_AddObjectRef(module, "UntypedStorage", reinterpret_cast<PyObject*>(storage_type)) < 0) return false;
  Ref method(PyDescr_NewMethod(tensor_type, &tensor_method));
  return method && PyObject_SetAttrString(reinterpret_cast<PyObject*>(tensor_type), "untyped_storage", method.get()) == 0 &&
         PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace kagari::python
