#pragma once
#include "kagari/op/op.h"
#include "kagari/tensor/sparse.h"

// What operators do with sparse tensors: see Note [Sparse tensors]. A rule belongs to one operator, by name, and has its C++ signature:
//
//   Tensor negated(const SparseCall&, const Tensor& self) { ... }
//   const SparseRule neg_rule("neg", negated);
//
// It is called if an argument is sparse, instead of everything that the operator itself would do: it records its own gradient, mostly by
// being written with operators on the values. For the in-place and out= forms it returns the result, which the caller delivers, or the
// destination itself if it wrote there.

namespace kagari {

struct SparseCall {
  const OpBase& op;
  const Dest& dest;
  const Value* args;
  bool inplace() const { return dest.kind == Dest::Kind::Inplace; }
};

class KAGARI_API SparseRule {
 public:
  template <class R, class... A>
  SparseRule(const char* op_name, R (*rule)(const SparseCall&, A...))
      : name(op_name), arity(sizeof...(A)), rule_(reinterpret_cast<void (*)()>(rule)), call_([](void (*f)(), const SparseCall& c, Result& out) {
          unbox(reinterpret_cast<R (*)(const SparseCall&, A...)>(f), c, out, std::index_sequence_for<A...>());
        }) {
    enlist();
  }
  void operator()(const SparseCall& c, Result& out) const { call_(rule_, c, out); }

  const char* name;  // of the operator, with its overload: "add", "squeeze.dim"
  size_t arity;
  const SparseRule* next;

 private:
  template <class R, class... A, size_t... I>
  static void unbox(R (*f)(const SparseCall&, A...), const SparseCall& c, Result& out, std::index_sequence<I...>) {
    if constexpr (std::is_void_v<R>) f(c, detail::Boxing<A>::get(c.args[I])...);
    else detail::Returning<R>::put(out, f(c, detail::Boxing<A>::get(c.args[I])...));
  }
  void enlist();
  void (*rule_)();
  void (*call_)(void (*)(), const SparseCall&, Result&);
};

/// An operator that computes each value from the value alone and turns 0 into 0: it runs on the values. `linear`: also on duplicates.
class KAGARI_API SparseValuewise {
 public:
  SparseValuewise(const char* op_names, bool is_linear);
  const char* names;
  bool linear;
  const SparseValuewise* next;
};

/// Runs the rule of an operator of which an argument is sparse. False if none is. NotImplementedError if there is no rule.
KAGARI_API bool call_sparse(const OpBase& op, const Value* args, const Dest& dest, Result& out);
/// Set by ops/: runs an operator of which an argument is quantized. False if none is, or if the operator itself can run: see Note [Quantized tensors].
KAGARI_API extern bool (*call_quantized)(const OpBase& op, const Value* args, const Dest& dest, Result& out);
/// Set by ops/: the result of a valuewise operator.
KAGARI_API extern void (*run_sparse_valuewise)(const SparseCall& call, bool linear, Result& out);

}  // namespace kagari
