// The optimizers' passes over all parameters as functions of lists, for kagari.optim.
#include <array>

#include "tensor_object.h"
#include "kagari/autograd/variable.h"
#include "kagari/optim/passes.h"

namespace kagari::python {
namespace {

using optim::Column;

// Above this many elements the GIL is released during the pass.
constexpr int64_t kLongWork = 1 << 16;

// The tensors of a list; None becomes an undefined tensor, which no pass accepts.
Column column_of(PyObject* list) {
  if (!PyList_Check(list)) {
    PyErr_Format(PyExc_TypeError, "expected a list of tensors, got %s", Py_TYPE(list)->tp_name);
    throw PythonError();
  }
  Column column;
  const Py_ssize_t count = PyList_GET_SIZE(list);
  column.reserve(size_t(count));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* item = PyList_GET_ITEM(list, i);
    if (is_tensor(item)) {
      column.push_back(tensor_of(item));
    } else if (item == Py_None) {
      column.emplace_back();
    } else {
      PyErr_Format(PyExc_TypeError, "expected a list of tensors, got one with %s", Py_TYPE(item)->tp_name);
      throw PythonError();
    }
  }
  return column;
}

// Positional arguments of a pass, as lists; then keyword numbers, by name.
template <size_t Lists>
struct Arguments {
  std::array<Column, Lists> columns;
  PyObject* keywords;

  Arguments(const char* name, PyObject* args, PyObject* keywords) : keywords(keywords) {
    if (PyTuple_GET_SIZE(args) != Py_ssize_t(Lists)) {
      PyErr_Format(PyExc_TypeError, "%s() takes %zu lists, got %zd", name, Lists, PyTuple_GET_SIZE(args));
      throw PythonError();
    }
    for (size_t i = 0; i < Lists; ++i) columns[i] = column_of(PyTuple_GET_ITEM(args, Py_ssize_t(i)));
  }

  PyObject* find(const char* name) {
    PyObject* value = keywords ? PyDict_GetItemString(keywords, name) : nullptr;
    if (!value) {
      PyErr_Format(PyExc_TypeError, "the keyword argument '%s' is missing", name);
      throw PythonError();
    }
    return value;
  }
  double number(const char* name) {
    const double value = PyFloat_AsDouble(find(name));
    if (value == -1 && PyErr_Occurred()) throw PythonError();
    return value;
  }
  bool flag(const char* name) {
    const int value = PyObject_IsTrue(find(name));
    if (value < 0) throw PythonError();
    return value != 0;
  }

  template <class F>
  PyObject* run(F pass) {
    int64_t total = 0;
    for (const Tensor& t : columns[0])
      if (t.defined()) total += t.numel();
    bool done = false;
    if (total < kLongWork) {
      done = pass();
    } else {
      struct Released {
        PyThreadState* state = PyEval_SaveThread();
        ~Released() { PyEval_RestoreThread(state); }
      } released;
      done = pass();
    }
    return PyBool_FromLong(done);
  }
};

PyObject* optim_sgd(PyObject*, PyObject* args, PyObject* keywords) {
  return guarded([&] {
    Arguments<3> a("_optim_sgd", args, keywords);
    const optim::SgdOptions o{a.number("lr"),     a.number("momentum"), a.number("dampening"), a.number("weight_decay"),
                              a.flag("nesterov"), a.flag("maximize"),   a.flag("first")};
    return a.run([&] { return optim::sgd_pass(a.columns[0], a.columns[1], a.columns[2], o); });
  });
}

PyObject* optim_adamw(PyObject*, PyObject* args, PyObject* keywords) {
  return guarded([&] {
    Arguments<6> a("_optim_adamw", args, keywords);
    const auto& c = a.columns;
    const optim::AdamOptions o{a.number("lr"),           a.number("beta1"), a.number("beta2"),   a.number("eps"),
                               a.number("weight_decay"), a.flag("amsgrad"), a.flag("maximize"), a.flag("decoupled")};
    return a.run([&] { return optim::adam_pass(c[0], c[1], c[2], c[3], c[4], c[5], o); });
  });
}

PyObject* optim_adamax(PyObject*, PyObject* args, PyObject* keywords) {
  return guarded([&] {
    Arguments<5> a("_optim_adamax", args, keywords);
    const auto& c = a.columns;
    const optim::AdamaxOptions o{a.number("lr"),  a.number("beta1"),        a.number("beta2"),
                                 a.number("eps"), a.number("weight_decay"), a.flag("maximize")};
    return a.run([&] { return optim::adamax_pass(c[0], c[1], c[2], c[3], c[4], o); });
  });
}

PyObject* optim_nadam(PyObject*, PyObject* args, PyObject* keywords) {
  return guarded([&] {
    Arguments<6> a("_optim_nadam", args, keywords);
    const auto& c = a.columns;
    const optim::NadamOptions o{a.number("lr"),           a.number("beta1"),          a.number("beta2"),   a.number("eps"),
                                a.number("weight_decay"), a.number("momentum_decay"), a.flag("decoupled"), a.flag("maximize")};
    return a.run([&] { return optim::nadam_pass(c[0], c[1], c[2], c[3], c[4], c[5], o); });
  });
}

PyObject* optim_radam(PyObject*, PyObject* args, PyObject* keywords) {
  return guarded([&] {
    Arguments<5> a("_optim_radam", args, keywords);
    const auto& c = a.columns;
    const optim::RadamOptions o{a.number("lr"),           a.number("beta1"),   a.number("beta2"), a.number("eps"),
                                a.number("weight_decay"), a.flag("decoupled"), a.flag("maximize")};
    return a.run([&] { return optim::radam_pass(c[0], c[1], c[2], c[3], c[4], o); });
  });
}

PyObject* optim_adagrad(PyObject*, PyObject* args, PyObject* keywords) {
  return guarded([&] {
    Arguments<4> a("_optim_adagrad", args, keywords);
    const auto& c = a.columns;
    const optim::AdagradOptions o{a.number("lr"), a.number("lr_decay"), a.number("weight_decay"), a.number("eps"),
                                  a.flag("maximize")};
    return a.run([&] { return optim::adagrad_pass(c[0], c[1], c[2], c[3], o); });
  });
}

PyObject* optim_adadelta(PyObject*, PyObject* args, PyObject* keywords) {
  return guarded([&] {
    Arguments<5> a("_optim_adadelta", args, keywords);
    const auto& c = a.columns;
    const optim::AdadeltaOptions o{a.number("lr"), a.number("rho"), a.number("eps"), a.number("weight_decay"),
                                   a.flag("maximize")};
    return a.run([&] { return optim::adadelta_pass(c[0], c[1], c[2], c[3], c[4], o); });
  });
}

PyObject* optim_rmsprop(PyObject*, PyObject* args, PyObject* keywords) {
  return guarded([&] {
    Arguments<6> a("_optim_rmsprop", args, keywords);
    const auto& c = a.columns;
    const optim::RmspropOptions o{a.number("lr"),       a.number("alpha"),  a.number("eps"),    a.number("weight_decay"),
                                  a.number("momentum"), a.flag("centered"), a.flag("maximize")};
    return a.run([&] { return optim::rmsprop_pass(c[0], c[1], c[2], c[3], c[4], c[5], o); });
  });
}

PyObject* optim_rprop(PyObject*, PyObject* args, PyObject* keywords) {
  return guarded([&] {
    Arguments<5> a("_optim_rprop", args, keywords);
    const auto& c = a.columns;
    const optim::RpropOptions o{a.number("step_size_min"), a.number("step_size_max"), a.number("etaminus"),
                                a.number("etaplus"), a.flag("maximize")};
    return a.run([&] { return optim::rprop_pass(c[0], c[1], c[2], c[3], c[4], o); });
  });
}

PyObject* optim_asgd(PyObject*, PyObject* args, PyObject* keywords) {
  return guarded([&] {
    Arguments<6> a("_optim_asgd", args, keywords);
    const auto& c = a.columns;
    const optim::AsgdOptions o{a.number("lambd"), a.number("lr"),           a.number("t0"),
                               a.number("alpha"), a.number("weight_decay"), a.flag("maximize")};
    return a.run([&] { return optim::asgd_pass(c[0], c[1], c[2], c[3], c[4], c[5], o); });
  });
}

// _optim_gather(params, state, names) -> (params with a gradient, gradients, [one list per name]), or None if one of these
// parameters has no such state yet.
PyObject* optim_gather(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    if (count != 3 || !PyTuple_Check(args[2])) {
      PyErr_SetString(PyExc_TypeError, "_optim_gather() takes a list, a dict and a tuple");
      throw PythonError();
    }
    if (!PyList_Check(args[0]) || !PyDict_Check(args[1])) Py_RETURN_NONE;
    PyObject *list = args[0], *table = args[1], *names = args[2];
    const Py_ssize_t columns = PyTuple_GET_SIZE(names);
    Ref params = own(PyList_New(0)), grads = own(PyList_New(0)), lists = own(PyList_New(columns));
    for (Py_ssize_t k = 0; k < columns; ++k) PyList_SET_ITEM(lists.get(), k, check(PyList_New(0)));
    auto append = [](PyObject* to, PyObject* item) {
      if (PyList_Append(to, item) < 0) throw PythonError();
    };
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i) {
      PyObject* param = PyList_GET_ITEM(list, i);
      if (!is_tensor(param)) Py_RETURN_NONE;
      const AutogradMeta* meta = autograd_meta_or_null(tensor_of(param));
      if (!meta || !meta->grad.defined()) continue;
      // Without columns there need not be any state.
      PyObject* state = columns ? PyDict_GetItemWithError(table, param) : nullptr;
      if (!state && PyErr_Occurred()) throw PythonError();
      if (columns && (!state || !PyDict_Check(state))) Py_RETURN_NONE;
      for (Py_ssize_t k = 0; k < columns; ++k) {
        PyObject* value = PyDict_GetItemWithError(state, PyTuple_GET_ITEM(names, k));
        if (!value && PyErr_Occurred()) throw PythonError();
        if (!value) Py_RETURN_NONE;
        append(PyList_GET_ITEM(lists.get(), k), value);
      }
      append(params.get(), param);
      append(grads.get(), own(wrap(meta->grad)).get());
    }
    return check(PyTuple_Pack(3, params.get(), grads.get(), lists.get()));
  });
}

PyCFunction with_keywords(PyCFunctionWithKeywords f) { return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f)); }

PyMethodDef optim_functions[] = {
    {"_optim_sgd", with_keywords(optim_sgd), METH_VARARGS | METH_KEYWORDS, "One step of SGD."},
    {"_optim_adamw", with_keywords(optim_adamw), METH_VARARGS | METH_KEYWORDS, "One step of Adam or AdamW."},
    {"_optim_adamax", with_keywords(optim_adamax), METH_VARARGS | METH_KEYWORDS, "One step of Adamax."},
    {"_optim_nadam", with_keywords(optim_nadam), METH_VARARGS | METH_KEYWORDS, "One step of NAdam."},
    {"_optim_radam", with_keywords(optim_radam), METH_VARARGS | METH_KEYWORDS, "One step of RAdam."},
    {"_optim_adagrad", with_keywords(optim_adagrad), METH_VARARGS | METH_KEYWORDS, "One step of Adagrad."},
    {"_optim_adadelta", with_keywords(optim_adadelta), METH_VARARGS | METH_KEYWORDS, "One step of Adadelta."},
    {"_optim_rmsprop", with_keywords(optim_rmsprop), METH_VARARGS | METH_KEYWORDS, "One step of RMSprop."},
    {"_optim_rprop", with_keywords(optim_rprop), METH_VARARGS | METH_KEYWORDS, "One step of Rprop."},
    {"_optim_asgd", with_keywords(optim_asgd), METH_VARARGS | METH_KEYWORDS, "One step of ASGD."},
    {"_optim_gather", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(optim_gather)), METH_FASTCALL,
     "Parameters that have a gradient, gradients, and columns of state; None if state is missing."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

bool add_optimizer_passes(PyObject* module) { return PyModule_AddFunctions(module, optim_functions) == 0; }

}  // namespace kagari::python
