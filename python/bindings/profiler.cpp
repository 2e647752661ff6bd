// The recorder behind torch.profiler: what ran on the thread that started it, when, how long, and with how much memory.
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include "kagari/autograd/engine.h"
#include "kagari/op/op.h"
#include "kagari/tensor/storage_meter.h"
#include "tensor_object.h"

namespace kagari::python {

bool add_profiler(PyObject* module);

namespace {

enum class Kind : uint8_t { Operator, Evaluation, Backward, User };

struct Input {
  Ints sizes;
  std::optional<DType> dtype;
};

struct Event {
  Kind kind;
  std::string name;
  int64_t start = 0, end = 0;  // nanoseconds of the steady clock
  int parent = -1;
  int64_t sequence = -1;
  int64_t memory = 0;          // bytes that storages grew by
  std::vector<Input> inputs;
  std::vector<std::string> stack;
};

int64_t now() { return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// The Python calls that are under way, innermost first.
std::vector<std::string> python_stack() {
  WithGil gil;
  std::vector<std::string> out;
  PyFrameObject* frame = PyEval_GetFrame();
  Py_XINCREF(reinterpret_cast<PyObject*>(frame));
  while (frame) {
    PyCodeObject* code = PyFrame_GetCode(frame);
    out.push_back(str(PyUnicode_AsUTF8(code->co_filename), "(", PyFrame_GetLineNumber(frame), "): ", PyUnicode_AsUTF8(code->co_name)));
    Py_DECREF(code);
    PyFrameObject* back = PyFrame_GetBack(frame);
    Py_DECREF(frame);
    frame = back;
  }
  return out;
}

class Recorder final : public CallObserver, public NodeObserver {
 public:
  bool shapes = false, stacks = false;
  std::vector<Event> events;

  void attach() {
    call_observer = this;
    node_observer = this;
    outer_meter_ = storage_meter;
    storage_meter = &bytes_;
    watch_calls(1);
  }
  void detach() {
    watch_calls(-1);
    storage_meter = outer_meter_;
    call_observer = nullptr;
    node_observer = nullptr;
    while (open_ >= 0) close();
  }

  void begin(const OpBase& op, const Value* args, const Dest& dest) override {
    std::string_view schema_name = op.schema().name;
    std::string name = schema_name.find("__") != std::string_view::npos && schema_name[0] != '_'
                           ? std::string(schema_name).replace(schema_name.find("__"), 2, "::") : str("aten::", schema_name);
    if (dest.kind == Dest::Kind::Inplace && name.back() != '_') name += '_';
    Event& e = open(Kind::Operator, std::move(name));
    if (shapes) note_inputs(op, args, e);
    e.start = now();
  }
  void end(const OpBase&, const Result*) override { close(); }

  void begin(const Node& node) override {
    std::string name = node.is_accumulate() ? "torch::autograd::AccumulateGrad" : node.name();
    open(Kind::Evaluation, "autograd::engine::evaluate_function: " + name).start = now();
    Event& e = open(Kind::Backward, std::move(name));
    e.sequence = node.is_accumulate() ? -1 : int64_t(node.sequence);
    e.start = now();
  }
  void end(const Node&) override {
    close();
    close();
  }

  Event& open(Kind kind, std::string name) {
    Event& e = events.emplace_back();
    e.kind = kind;
    e.name = std::move(name);
    e.parent = open_;
    e.memory = bytes_;
    if (stacks) e.stack = python_stack();
    open_ = int(events.size()) - 1;
    return e;
  }
  void close() {
    if (open_ < 0) return;
    Event& e = events[size_t(open_)];
    e.end = now();
    e.memory = bytes_ - e.memory;
    open_ = e.parent;
  }

 private:
  static void note_inputs(const OpBase& op, const Value* args, Event& e) {
    size_t n = op.schema().arguments.size();
    for (size_t i = 0; i < n; ++i) {
      Input& in = e.inputs.emplace_back();
      if (args[i].tag != Value::Tag::Tensor || args[i].tensor->is_wrapped_number()) continue;
      in.sizes = Ints(args[i].tensor->sizes().begin(), args[i].tensor->sizes().end());
      in.dtype = args[i].tensor->dtype();
    }
  }

  int open_ = -1;
  int64_t bytes_ = 0;
  int64_t* outer_meter_ = nullptr;
};

thread_local std::unique_ptr<Recorder> recorder;
thread_local bool paused = false;

PyObject* start(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    int shapes, stacks;
    if (!PyArg_ParseTuple(args, "pp", &shapes, &stacks)) return nullptr;
    KG_CHECK(!recorder && !call_observer, "Can't start the profiler: it is already enabled on this thread");
    recorder = std::make_unique<Recorder>();
    recorder->shapes = shapes;
    recorder->stacks = stacks;
    recorder->events.reserve(1024);
    paused = false;
    recorder->attach();
    return PyLong_FromLongLong(now());
  });
}

PyObject* inputs_object(const Event& e) {
  Ref list = own(PyList_New(0));
  for (const Input& in : e.inputs) {
    Ref dtype = in.dtype ? own(wrap(*in.dtype)) : Ref::share(Py_None), sizes = own(PyList_New(0));
    for (int64_t s : in.sizes) {
      Ref size = own(PyLong_FromLongLong(s));
      if (PyList_Append(sizes.get(), size.get()) < 0) throw PythonError();
    }
    Ref pair = own(PyTuple_Pack(2, sizes.get(), dtype.get()));
    if (PyList_Append(list.get(), pair.get()) < 0) throw PythonError();
  }
  return list.release();
}

PyObject* stop(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    KG_CHECK(recorder, "Can't disable the profiler: it is not running on this thread");
    if (!paused) recorder->detach();
    std::unique_ptr<Recorder> done = std::move(recorder);
    Ref list = own(PyList_New(Py_ssize_t(done->events.size())));
    for (size_t i = 0; i < done->events.size(); ++i) {
      const Event& e = done->events[i];
      Ref inputs = own(inputs_object(e)), stack = own(PyList_New(0));
      for (const std::string& line : e.stack) {
        Ref text = own(PyUnicode_FromString(line.c_str()));
        if (PyList_Append(stack.get(), text.get()) < 0) throw PythonError();
      }
      PyList_SET_ITEM(list.get(), Py_ssize_t(i), check(Py_BuildValue("(siLLiLLOO)", e.name.c_str(), int(e.kind), static_cast<long long>(e.start), static_cast<long long>(e.end),
                                                                     e.parent, static_cast<long long>(e.sequence), static_cast<long long>(e.memory), inputs.get(), stack.get())));
    }
    return list.release();
  });
}

PyObject* toggle(PyObject*, PyObject* on) {
  bool pause = !PyObject_IsTrue(on);
  if (recorder && pause != paused) {
    if (pause) recorder->detach();
    else recorder->attach();
    paused = pause;
  }
  Py_RETURN_NONE;
}
PyObject* enter(PyObject*, PyObject* name) {
  const char* text = PyUnicode_AsUTF8(name);
  if (!text) return nullptr;
  if (!recorder || paused) Py_RETURN_FALSE;
  recorder->open(Kind::User, text).start = now();
  Py_RETURN_TRUE;
}
PyObject* leave(PyObject*, PyObject*) {
  if (recorder && !paused) recorder->close();
  Py_RETURN_NONE;
}
PyObject* running(PyObject*, PyObject*) { return PyBool_FromLong(recorder && !paused); }

PyMethodDef functions[] = {
    {"_profiler_start", start, METH_VARARGS, "_profiler_start(shapes, stacks): records this thread's operators from now on; the time in nanoseconds."},
    {"_profiler_stop", stop, METH_NOARGS, "Ends recording: (name, kind, start, end, parent, sequence number, bytes, inputs, stack) per event."},
    {"_profiler_toggle", toggle, METH_O, "Interrupts recording (False) or goes on (True)."},
    {"_profiler_enter", enter, METH_O, "Opens an event of this name; whether anything records."},
    {"_profiler_leave", leave, METH_NOARGS, "Closes the innermost event."},
    {"_profiler_running", running, METH_NOARGS, "Whether this thread is recorded."},
    {}};

}  // namespace

bool add_profiler(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace kagari::python
