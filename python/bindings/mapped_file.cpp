// torch.from_file and UntypedStorage.from_file: storages on the bytes of a file.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "kagari/autograd/variable.h"
#include "keywords.h"
#include "storage.h"

namespace kagari::python {
namespace {

struct Mapping {
  void* address;
  size_t size;
  static void unmap(void* context) {
    auto* m = static_cast<Mapping*>(context);
    munmap(m->address, m->size);
    delete m;
  }
};

/// The first `nbytes` bytes of a file (all of it if 0). Shared: changes reach the file, which is made or lengthened if needed.
/// Otherwise they stay in this process.
IntrusivePtr<Storage> map_file(const char* path, bool shared, int64_t nbytes) {
  KG_CHECK(nbytes >= 0, "from_file(): the size must not be negative, got ", nbytes);
  const int fd = open(path, shared ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDONLY | O_CLOEXEC, S_IRUSR | S_IWUSR);
  KG_CHECK(fd >= 0, "unable to open file <", path, "> in ", shared ? "read-write" : "read-only", " mode: ", std::strerror(errno), " (", errno, ")");
  struct Close {
    int fd;
    ~Close() { close(fd); }
  } closing{fd};
  struct stat about;
  KG_CHECK(fstat(fd, &about) == 0, "unable to stat the file <", path, ">: ", std::strerror(errno), " (", errno, ")");
  if (nbytes == 0) nbytes = about.st_size;
  if (nbytes > about.st_size) {
    KG_CHECK(shared, "file <", path, "> size <", int64_t(about.st_size), "> is smaller than the required mapping size <", nbytes, ">");
    KG_CHECK(ftruncate(fd, nbytes) == 0, "unable to resize file <", path, "> to the right size: ", std::strerror(errno), " (", errno, ")");
  }
  if (nbytes == 0) return Storage::create(0, Device());
  void* address = mmap(nullptr, size_t(nbytes), PROT_READ | PROT_WRITE, shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
  KG_CHECK(address != MAP_FAILED, "unable to mmap ", nbytes, " bytes from file <", path, ">: ", std::strerror(errno), " (", errno, ")");
  auto storage = Storage::borrow(address, nbytes, Mapping::unmap, new Mapping{address, size_t(nbytes)});
  storage->shared_between_processes = shared;
  return storage;
}

Ref path_of(PyObject* o) {
  PyObject* bytes = nullptr;
  if (!PyUnicode_FSConverter(o, &bytes)) throw PythonError();
  return Ref(bytes);
}

PyObject* storage_from_file(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&] {
    static constexpr const char* names[] = {"filename", "shared", "nbytes"};
    PyObject* a[3];
    parse_keywords("from_file", names, 3, 1, args, nargs, kwnames, a);
    Ref path = path_of(a[0]);
    return wrap_storage(map_file(PyBytes_AS_STRING(path.get()), truth(a[1]), int_argument("from_file", "nbytes", a[2], 0)));
  });
}

PyObject* tensor_from_file(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guarded([&] {
    static constexpr const char* names[] = {"filename", "shared", "size", "dtype", "layout", "device", "pin_memory", "requires_grad"};
    PyObject* a[8];
    parse_keywords("from_file", names, 3, 1, args, nargs, kwnames, a);
    Ref path = path_of(a[0]);
    const DType dtype = dtype_argument("from_file", a[3]).value_or(default_dtype());
    const int64_t size = int_argument("from_file", "size", given(a[2]) ? a[2] : nullptr, 0);
    auto storage = map_file(PyBytes_AS_STRING(path.get()), given(a[1]) && truth(a[1]), size * itemsize(dtype));
    auto impl = TensorImpl::create(std::move(storage), dtype);
    impl->set_shape({size});
    Tensor t(std::move(impl));
    if (truth(a[7])) set_requires_grad(t, true);
    return wrap(std::move(t));
  });
}

PyMethodDef static_method = {"from_file", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(storage_from_file)), METH_FASTCALL | METH_KEYWORDS,
                             "from_file(filename, shared=False, nbytes=0): the bytes of a file; changes reach it if shared."};
PyMethodDef functions[] = {{"from_file", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(tensor_from_file)), METH_FASTCALL | METH_KEYWORDS,
                            "from_file(filename, shared=None, size=0, *, dtype=None, requires_grad=False): a 1-D tensor on the bytes of a file."},
                           {}};

}  // namespace

bool add_mapped_files(PyObject* module) {
  Ref f(PyCFunction_New(&static_method, nullptr));
  Ref method(f ? PyStaticMethod_New(f.get()) : nullptr);
  return method && PyObject_SetAttrString(reinterpret_cast<PyObject*>(storage_type), "from_file", method.get()) == 0 && PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace kagari::python
