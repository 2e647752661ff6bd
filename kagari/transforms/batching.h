#pragma once
#include <deque>

#include "kagari/transforms/interpreter.h"

// What rules of vmap are made of. A rule gets a Call, brings the examples' dimension of the arguments to where the operator can work on all
// examples at once, and runs it. An operator without a rule runs once per example.

namespace kagari::transforms {

class Call;
using BatchRule = void (*)(Call&);
struct BatchRuleEntry {
  const char* op;          // "name" or "name.overload"
  BatchRule rule;
  const char* data = "";   // what the rule needs to know, e.g. the names of arguments that count dimensions
};
/// The tables, one per family.
std::span<const BatchRuleEntry> elementwise_rules();
std::span<const BatchRuleEntry> dimension_rules();
std::span<const BatchRuleEntry> view_rules();
std::span<const BatchRuleEntry> matrix_rules();
std::span<const BatchRuleEntry> network_rules();
std::span<const BatchRuleEntry> indexing_rules();

/// One call of an operator at a batch level. Arguments are numbered as in the schema.
class Call {
 public:
  Call(const Level& level, const OpBase& op, const Value* args, const Dest& dest, Result& out, const char* data);
  const OpBase& op;
  const Level& level;
  Result& out;
  const char* data;
  const Dest dest;         // in-place or out=, on tensors of any level
  int64_t count() const { return level.batch_size; }

  size_t arguments() const { return args_.size(); }
  /// The number of an argument; fails if there is none of that name.
  size_t find(std::string_view name) const;
  bool has(std::string_view name) const;
  /// Whether a tensor was given there.
  bool is_tensor(size_t i) const { return given_[i].tag == Value::Tag::Tensor; }
  const Value& value(size_t i) const { return args_[i]; }
  /// The tensor as the user sees it.
  const Tensor& seen(size_t i) const { return *given_[i].tensor; }
  TensorList seen_list(size_t i) const { return given_[i].view<Tensor>(); }
  int64_t rank(size_t i) const { return seen(i).dim(); }
  bool batched(size_t i) const { return is_tensor(i) && batched(seen(i)); }
  bool batched(const Tensor& t) const;
  /// All examples with their dimension in front; or the value that is the same for all, as it is.
  Tensor front(const Tensor& t) const;
  Tensor front(size_t i) const { return is_tensor(i) ? front(seen(i)) : Tensor(); }
  /// The same, repeated (without copying) if it is the same for all.
  Tensor spread(const Tensor& t) const;
  Tensor spread(size_t i) const { return spread(seen(i)); }
  /// One example.
  Tensor example(const Tensor& t, int64_t at) const;

  void set(size_t i, Tensor t);
  void set(size_t i, std::vector<Tensor> list);
  void set(size_t i, Ints list);
  void set(size_t i, int64_t number);
  void set(size_t i, std::optional<int64_t> number);
  void drop(size_t i) { args_[i] = Value(); }

  /// Runs the operator with the arguments as they were set; results have their examples in front.
  void run();
  /// Runs it over the destination's own memory, if this call is in-place and `self` was set to a view of it; otherwise like run().
  void run_inplace();
  /// Gives a result that other operators made.
  void give(Tensor t, int64_t dim = 0);
  /// Runs the operator once per example.
  void loop();
  /// Which dimension of result i counts examples; -1: one for all.
  int64_t dim_of(size_t i) const { return i < dims_.size() ? dims_[i] : 0; }
  void set_dim(size_t i, int64_t dim);
  bool wrote_dest() const { return wrote_dest_; }

 private:
  SmallVector<Value, 8> given_, args_;
  std::deque<Tensor> tensors_;
  std::deque<std::vector<Tensor>> lists_;
  std::deque<Ints> ints_;
  SmallVector<int64_t, 4> dims_;
  bool wrote_dest_ = false;
};

/// Inserts dimensions of size 1 behind the first one until t has `rank` dimensions behind it.
Tensor with_rank(const Tensor& t, int64_t rank);
/// [n, sizes...]
Ints behind(int64_t n, IntList sizes);

// Rules that several families use.
void rule_elementwise(Call& c);
void rule_leading(Call& c);    // the operator works on any leading dimensions; arguments are aligned at the right
void rule_spread(Call& c);     // the same where every tensor must have the examples' dimension
void rule_dims(Call& c);       // data: names of arguments that count dimensions of the first tensor
void rule_reduce(Call& c);     // the same, where no dimension means all
void rule_loop(Call& c);

}  // namespace kagari::transforms
