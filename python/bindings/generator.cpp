// torch.Generator: a random number generator as a Python object.
#include "kagari/random/generator.h"

#include "dispatch.h"
#include "tensor_object.h"

namespace kagari::python {
namespace {

/// The argument parser reads `generator` through this layout: it must stay first.
struct GeneratorObject {
  PyObject_HEAD
  Generator* generator;  // owned
};
PyTypeObject* generator_type;

Generator& generator_of(PyObject* o) { return *reinterpret_cast<GeneratorObject*>(o)->generator; }

PyObject* wrap_generator(PyTypeObject* type, IntrusivePtr<Generator> g) {
  PyObject* o = type->tp_alloc(type, 0);
  if (o) reinterpret_cast<GeneratorObject*>(o)->generator = g.detach();
  return o;
}

PyObject* construct(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"device", nullptr};
  PyObject* device = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O", const_cast<char**>(names), &device)) return nullptr;
  return guarded([&] {
    if (device) {
      Device d = device_of_object(device);
      KG_CHECK(d.is_cpu(), "Generator(): there are generators on the CPU only, not on ", d);
    }
    return wrap_generator(type, Generator::create());
  });
}

void dealloc(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  if (Generator* g = reinterpret_cast<GeneratorObject*>(o)->generator; g && g->release()) Generator::destroy(g);
  type->tp_free(o);
  Py_DECREF(type);
}

/// A seed may be given as a negative number: its bits count.
uint64_t seed_of(PyObject* o) {
  KG_CHECK(PyLong_Check(o), "manual_seed expected a long, but got ", Py_TYPE(o)->tp_name);
  int overflow;
  long long v = PyLong_AsLongLongAndOverflow(o, &overflow);
  if (v == -1 && PyErr_Occurred()) throw PythonError();
  if (!overflow) return uint64_t(v);
  unsigned long long u = PyLong_AsUnsignedLongLong(o);
  if (u == static_cast<unsigned long long>(-1) && PyErr_Occurred()) {
    PyErr_Clear();
    fail(ErrorKind::Value, "Overflow when unpacking long long");
  }
  return u;
}

PyObject* manual_seed(PyObject* o, PyObject* seed) {
  return guarded([&] {
    uint64_t s = seed_of(seed);
    std::lock_guard lock(generator_of(o).mutex);
    generator_of(o).manual_seed(s);
    return Py_NewRef(o);
  });
}
PyObject* seed(PyObject* o, PyObject*) {
  return guarded([&] {
    std::lock_guard lock(generator_of(o).mutex);
    return PyLong_FromUnsignedLongLong(generator_of(o).seed());
  });
}
PyObject* initial_seed(PyObject* o, PyObject*) { return PyLong_FromUnsignedLongLong(generator_of(o).initial_seed()); }

PyObject* get_state(PyObject* o, PyObject*) {
  return guarded([&] {
    Tensor t = empty_tensor({int64_t(Generator::state_bytes)}, DType::UInt8);
    std::lock_guard lock(generator_of(o).mutex);
    generator_of(o).get_state(t.bytes());
    return wrap(std::move(t));
  });
}
PyObject* set_state(PyObject* o, PyObject* state) {
  return guarded([&]() -> PyObject* {
    KG_CHECK_TYPE(is_tensor(state), "expected a torch.ByteTensor, but got ", Py_TYPE(state)->tp_name);
    const Tensor& t = tensor_of(state);
    KG_CHECK_TYPE(t.dtype() == DType::UInt8 && t.is_cpu() && t.is_contiguous(), "RNG state must be a torch.ByteTensor");
    KG_CHECK(t.numel() == int64_t(Generator::state_bytes), "Expected a CPUGeneratorImplState of size ", Generator::state_bytes, " but found the input RNG state size to be ", t.numel());
    std::lock_guard lock(generator_of(o).mutex);
    generator_of(o).set_state(t.bytes());
    return Py_NewRef(o);
  });
}
PyObject* clone_state(PyObject* o, PyObject*) {
  return guarded([&] {
    std::byte state[Generator::state_bytes];
    auto copy = Generator::create();
    std::lock_guard lock(generator_of(o).mutex);
    generator_of(o).get_state(state);
    copy->set_state(state);
    return wrap_generator(generator_type, std::move(copy));
  });
}
PyObject* get_device(PyObject*, void*) { return wrap(Device()); }

PyObject* reduce(PyObject* o, PyObject*) {
  Ref state(get_state(o, nullptr));
  if (!state) return nullptr;
  return Py_BuildValue("O(N)O", Py_TYPE(o), wrap(Device()), state.get());
}
PyObject* restore(PyObject* o, PyObject* state) {
  Ref done(set_state(o, state));
  return done ? Py_NewRef(Py_None) : nullptr;
}

PyMethodDef methods[] = {{"manual_seed", manual_seed, METH_O, "manual_seed(seed): starts the stream of this seed and returns the generator."},
                         {"seed", seed, METH_NOARGS, "Seeds from the system's randomness and returns the seed."},
                         {"initial_seed", initial_seed, METH_NOARGS, "The seed of the stream."},
                         {"get_state", get_state, METH_NOARGS, "The state as a uint8 tensor, in PyTorch's layout."},
                         {"set_state", set_state, METH_O, "set_state(state): goes on where get_state() was called."},
                         {"clone_state", clone_state, METH_NOARGS, "A generator that goes on as this one does."},
                         {"graphsafe_get_state", clone_state, METH_NOARGS, "A generator with this one's state."},
                         {"__reduce__", reduce, METH_NOARGS, nullptr},
                         {"__setstate__", restore, METH_O, nullptr},
                         {}};
PyGetSetDef getset[] = {{"device", get_device, nullptr, "cpu", nullptr}, {}};

}  // namespace

bool add_generator_type(PyObject* module) {
  PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(construct)},
                         {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                         {Py_tp_methods, methods},
                         {Py_tp_getset, getset},
                         {Py_tp_doc, const_cast<char*>("Generator(device='cpu'): a stream of random numbers with a seed and a state of its own.")},
                         {}};
  PyType_Spec spec{"torch.Generator", sizeof(GeneratorObject), 0, Py_TPFLAGS_DEFAULT, slots};
  generator_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (!generator_type || PyModule_AddObjectRef(module, "Generator", reinterpret_cast<PyObject*>(generator_type)) < 0) return false;
  Ref standard(wrap_generator(generator_type, IntrusivePtr<Generator>::share(&default_generator())));
  return standard && PyModule_AddObjectRef(module, "default_generator", standard.get()) == 0;
}

PyObject* generator_object(Generator* g) { return g ? wrap_generator(generator_type, IntrusivePtr<Generator>::share(g)) : Py_NewRef(Py_None); }

}  // namespace kagari::python
