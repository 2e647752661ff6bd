#pragma once
#include <vector>

#include "kagari/op/op.h"
#include "tensor_object.h"

namespace kagari::python {

/// What unpacked arguments point to. Lives on the stack during one call.
class Frame {
 public:
  Frame() = default;
  ~Frame() {
    for (int i = 0; i < number_count_; ++i) numbers_[i].tensor.~Tensor();
  }
  Frame(const Frame&) = delete;
  /// Forgets everything, for the next overload.
  void reset();
  const Tensor* keep(Tensor t);
  const Scalar* keep(const Scalar& s);
  int64_t* ints(size_t n);
  std::vector<double>& doubles() { return double_lists_.emplace_back(); }
  std::vector<Tensor>& tensors() { return tensor_lists_.emplace_back(); }
  TensorOptions options;
  Value values[32];

 private:
  static constexpr int max_numbers = 12;
  union Slot {
    Slot() {}
    ~Slot() {}
    Tensor tensor;
  };
  Slot numbers_[max_numbers];
  int number_count_ = 0;
  union ScalarSlot {
    ScalarSlot() {}
    Scalar scalar;
  };
  ScalarSlot scalars_[8];
  int scalar_count_ = 0;
  int64_t ints_[40];
  size_t int_count_ = 0;
  SmallVector<std::vector<int64_t>, 1> long_lists_;
  SmallVector<std::vector<double>, 1> double_lists_;
  SmallVector<std::vector<Tensor>, 1> tensor_lists_;
};

/// Converts `o` for a parameter. False, without an exception, if its type does not fit; throws for values out of range.
bool unpack(PyObject* o, const Argument& a, Value& v, Frame& frame);

/// An overload of a Python function: the schema with its names as interned Python strings.
struct Overload {
  explicit Overload(const OpBase& op, bool method);
  const OpBase* op;
  const Schema* schema;
  std::vector<PyObject*> names;        // interned
  std::vector<const char*> other_names;  // NumPy's word for the same parameter, or null
  int options_at = -1;                 // index of the Options parameter
  bool varargs_ints = false;           // view(2, 3) for view((2, 3))
  bool varargs_tensors = false;        // meshgrid(a, b) for meshgrid((a, b))
  bool method;
  bool has_out = false;
};

/// Unpacks a vectorcall for this overload. With `error`, says why it does not fit (and returns false). `out` receives the out= argument.
bool unpack_call(const Overload& o, PyObject* const* args, size_t nargs, PyObject* kwnames, Frame& frame, PyObject** out, std::string* error);

/// "Tensor", "int", "tuple of ints": the word for an object's type in messages.
std::string type_name(PyObject* o);
/// Python object of a result.
PyObject* wrap_result(const OpBase& op, Result& r);
/// The value as Python sees it (for modes and __torch_dispatch__).
PyObject* wrap_value(const Argument& a, const Value& v);

}  // namespace kagari::python
