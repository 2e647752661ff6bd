#include "kagari/op/sparse_rules.h"

#include <unordered_map>

namespace kagari {

bool (*call_quantized)(const OpBase& op, const Value* args, const Dest& dest, Result& out) = nullptr;
void (*run_sparse_valuewise)(const SparseCall& call, bool linear, Result& out) = nullptr;

namespace {

const SparseRule* rules = nullptr;
const SparseValuewise* valuewise = nullptr;

std::string full_name(const OpBase& op) {
  const Schema& s = op.schema();
  return s.overload.empty() ? std::string(s.name) : str(s.name, ".", s.overload);
}

struct Entry {
  const SparseRule* rule = nullptr;
  const SparseValuewise* group = nullptr;
};

/// Which operator has which rule. A rule for an operator that does not exist is a mistake of ours.
std::unordered_map<const OpBase*, Entry> build_table() {
  std::unordered_map<std::string, std::vector<const OpBase*>> ops;
  for (const OpBase* op = first_op(); op; op = op->next) ops[full_name(*op)].push_back(op);
  std::unordered_map<const OpBase*, Entry> table;
  for (const SparseRule* r = rules; r; r = r->next) {
    bool found = false;
    for (const OpBase* op : ops[r->name])
      if (op->schema().arguments.size() == r->arity) table[op].rule = r, found = true;
    if (!found) fail(ErrorKind::Internal, str("the sparse rule for ", r->name, " fits no operator"));
  }
  for (const SparseValuewise* v = valuewise; v; v = v->next) {
    std::string_view rest = v->names;
    while (!rest.empty()) {
      std::string name(rest.substr(0, rest.find(' ')));
      rest.remove_prefix(std::min(rest.size(), name.size() + 1));
      if (ops[name].empty()) fail(ErrorKind::Internal, str("there is no operator ", name, " to run on sparse values"));
      for (const OpBase* op : ops[name]) table[op].group = v;
    }
  }
  return table;
}

template <class F>
void each_tensor(const OpBase& op, const Value* args, F&& f) {
  for (size_t i = 0; i < op.schema().arguments.size(); ++i) {
    if (args[i].tag == Value::Tag::Tensor) f(*args[i].tensor);
    if (args[i].tag == Value::Tag::TensorList)
      for (const Tensor& t : args[i].view<Tensor>())
        if (t.defined()) f(t);
  }
}

/// Makes a sparse or strided result the contents of a destination.
void deliver_sparse(const OpBase& op, const Dest& dest, Tensor& result, size_t i) {
  if (i >= dest.count || result.is_same(dest.tensors[i])) return;
  const Tensor& to = dest.tensors[i];
  bool records = grad_enabled() && result.requires_grad();
  KG_CHECK(is_sparse(to) == is_sparse(result), op.schema().name, "(): a result of layout ", python_name(layout_of(result)), " cannot be written into a tensor of layout ",
           python_name(layout_of(to)));
  if (!is_sparse(to)) {
    if (records && dest.kind == Dest::Kind::Inplace) {
      autograd_arithmetic.copy_recorded(to, result);
      result = to;
      return;
    }
    return detail::deliver(op, dest, result, i);
  }
  KG_CHECK(layout_of(to) == layout_of(result), op.schema().name, "(): a result of layout ", python_name(layout_of(result)), " cannot be written into a tensor of layout ",
           python_name(layout_of(to)));
  KG_CHECK(dest.kind == Dest::Kind::Out || to.sizes() == result.sizes(), "output with shape ", to.sizes(), " doesn't match the broadcast shape ", result.sizes());
  KG_CHECK(can_cast(result.dtype(), to.dtype()), "result type ", result.dtype(), " can't be cast to the desired output type ", to.dtype());
  if (result.dtype() != to.dtype()) result = autograd_arithmetic.cast(result, to.dtype());
  replace_sparse(to, result.sizes(), sparse_parts(result));
  if (records) {
    AutogradMeta& meta = autograd_meta(to);
    meta.grad_fn = grad_fn_of(result);
    meta.output_nr = autograd_meta(result).output_nr;
    meta.view_version = to.version();
    to.impl()->has_grad_fn = true;
  }
  result = to;
}

}  // namespace

void SparseRule::enlist() {
  next = rules;
  rules = this;
}
SparseValuewise::SparseValuewise(const char* op_names, bool is_linear) : names(op_names), linear(is_linear), next(valuewise) { valuewise = this; }

bool call_sparse(const OpBase& op, const Value* args, const Dest& dest, Result& out) {
  const Tensor* sparse = nullptr;
  bool requires_grad = false;
  each_tensor(op, args, [&](const Tensor& t) {
    if (is_sparse(t)) {
      check_sparse_indices(t);
      sparse = &t;
    }
    requires_grad = requires_grad || t.requires_grad();
  });
  if (!sparse) return false;
  static const auto table = build_table();
  auto at = table.find(&op);
  KG_CHECK_IMPLEMENTED(at != table.end(), "Could not run 'aten::", full_name(op), "' with arguments from the '", name(layout_of(*sparse)), "CPU' backend: ", op.schema().name,
                       "() has no form for tensors of layout ", python_name(layout_of(*sparse)), "; convert it with to_dense() first");
  if (dest.kind == Dest::Kind::Inplace) check_inplace(dest.tensors[0], grad_enabled() && requires_grad);
  if (dest.kind == Dest::Kind::Out)
    KG_CHECK(!grad_enabled() || !requires_grad, op.schema().name, "(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad.");
  SparseCall call{op, dest, args};
  if (at->second.rule) (*at->second.rule)(call, out);
  else run_sparse_valuewise(call, at->second.group->linear, out);
  if (dest.kind != Dest::Kind::Fresh)
    for (size_t i = 0; i < out.tensors.size(); ++i) deliver_sparse(op, dest, out.tensors[i], i);
  return true;
}

}  // namespace kagari
