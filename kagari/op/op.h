#pragma once
#include <atomic>
#include <tuple>

#include "kagari/autograd/grad_mode.h"
#include "kagari/autograd/variable.h"
#include "kagari/op/schema.h"
#include "kagari/op/value.h"

// How an operator is defined and called. One definition, in the .cpp of its family, says all that is true of it:
//
//   Tensor softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype);        // the family's header
//
//   const auto softmax_op = define<&softmax>({
//       .schema = "softmax(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",     // checked against the prototype
//       .in = kFunction | kMethod,
//       .doc = "...",
//       .run = [](Out& out, const Tensor& self, int64_t dim, std::optional<DType> dtype) { ... },
//       .grad = vjp("out", [](Ctx& c, const Tensor&, int64_t dim, std::optional<DType>) -> Grads { ... }),
//   });
//   Tensor softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype) { return softmax_op(self, dim, dtype); }
//
// An operator that is only a composition of others has a `.body` and no gradient of its own: compose<&softmax>({...}).

namespace kagari {

struct OpBase;

/// Where an operator appears in Python. Names that start with linalg_, fft_ or special_ appear in that module instead of `torch`.
enum In : unsigned {
  kFunction = 1,     // torch.f
  kMethod = 2,       // Tensor.f
  kInplace = 4,      // Tensor.f_ (and torch.f_ if kFunction)
  kOut = 8,          // torch.f(..., out=)
  kFunctional = 16,  // torch.nn.functional.f
  kProperty = 32,    // Tensor.f, read without a call
  kPrivate = 64,     // torch._C._nn.f, torch._VF.f
};
enum Trait : unsigned {
  kElementwise = 1,       // may write its result over an argument of the same layout
  kView = 2,              // the result shares memory with the first argument
  kNondeterministic = 4,  // draws random numbers
  kReadsValues = 8,       // needs elements for the result's shape (no meta execution), or is a composition that reads them itself
  kOutApart = 16,         // out= must not share memory with an argument
  kOutDTypeError = 32,    // out= of a dtype that cannot hold the result is a TypeError
};

/// Where the result goes: a fresh tensor, the first argument (f_), or given tensors (out=).
struct Dest {
  enum class Kind : uint8_t { Fresh, Inplace, Out };
  Kind kind = Kind::Fresh;
  const Tensor* tensors = nullptr;
  size_t count = 0;
};

/// Given to `run`; makes the results.
class KAGARI_API Out {
 public:
  Out() = default;
  Out(const Dest& dest, bool may_overlap) : dest_(dest), may_overlap_(may_overlap) {}
  /// The i-th result, row-major: the destination if it has this shape and dtype, else fresh memory.
  Tensor alloc(IntList sizes, DType dtype, Device device, size_t i = 0);
  Tensor alloc_like(const Tensor& t) { return alloc(t.sizes(), t.dtype(), t.device()); }
  /// The destination if it fits, whatever its strides; undefined if fresh memory is wanted. For kernels that can write to any strides.
  Tensor dest(IntList sizes, DType dtype, size_t i = 0) const;
  /// The dtype of the destination, if there is one: what creation operators take when they are not told another.
  std::optional<DType> dest_dtype() const { return dest_.count ? std::optional<DType>(dest_.tensors[0].dtype()) : std::nullopt; }

 private:
  Dest dest_;
  bool may_overlap_ = false;
};

class OpNodeBase;

/// What a gradient formula sees.
struct KAGARI_API Ctx {
  const OpNodeBase& node;
  const Grads& grads;         // of the outputs; undefined means zero
  const Tensor& grad;         // of the first (of the only) output
  bool needs(size_t tensor) const;                 // is the gradient of the i-th tensor argument wanted? Lists count item by item.
  IntList sizes(size_t tensor) const;              // of the i-th tensor argument, which must be wanted
  DType dtype(size_t tensor) const;
  Tensor out(size_t i = 0) const;                  // a saved output
  size_t tensor_count() const;                     // of all tensor arguments
  Tensor grad_or_zeros(size_t output) const;
};

// Note [Shapes of gradients]: a formula may return a gradient of any shape that broadcasting could have made from the argument's, and of any
// floating dtype: the engine sums and casts it. So no formula mentions broadcasting.
template <class Sig> struct Gradient;
template <class R, class... A>
struct Gradient<R(A...)> {
  using Fn = Grads (*)(Ctx&, A...);
  const char* saves;  // "self other:self out": self and the first output, and other if self's gradient is wanted
  Fn fn;
  const char* reason = nullptr;  // of having none
};
template <class F>
struct VjpMaker {
  const char* saves;
  F fn;
  template <class R, class... A>
  constexpr operator Gradient<R(A...)>() const {
    return {saves, static_cast<Grads (*)(Ctx&, A...)>(fn), nullptr};
  }
};
/// The gradient formula: from the gradients of the results to those of the tensor arguments, in terms of operators.
template <class F>
constexpr VjpMaker<F> vjp(const char* saves, F fn) {
  return {saves, fn};
}
struct NoGradient {
  const char* reason;
  template <class Sig>
  constexpr operator Gradient<Sig>() const {
    return {"", nullptr, reason};
  }
};
/// There is no gradient, and why.
constexpr NoGradient no_grad(const char* reason) { return {reason}; }

/// A schema that was compared with the C++ signature when it was compiled.
template <class Sig> struct CheckedSchema;
template <class R, class... A>
struct CheckedSchema<R(A...)> {
  const char* text;
  consteval CheckedSchema(const char* t) : text(t) {
    std::string_view s(t);
    size_t i = s.find('(') + 1, end = s.rfind(" -> ") - 1;
    (check<A>(s, i, end), ...);
    if (i < end) throw "the schema has more arguments than the function";
  }

 private:
  template <class T>
  static consteval void check(std::string_view s, size_t& i, size_t end) {
    if (i >= end) throw "the schema has fewer arguments than the function";
    if (s[i] == '*') i += 3;
    size_t space = s.find(' ', i);
    if (!detail::matches<T>(s.substr(i, space - i))) throw "the type of an argument in the schema is not that of the function";
    int depth = 0;
    while (i < end && (s[i] != ',' || depth)) {
      depth += (s[i] == '[') - (s[i] == ']');
      ++i;
    }
    if (i < end) i += 2;
  }
};

/// What is true of an operator, without its C++ types. All of them form a list.
struct KAGARI_API OpBase {
  const char* schema_text;
  unsigned in;
  unsigned traits;
  const char* aliases;     // other names, separated by spaces
  const char* doc;
  const char* node_name;   // of the backward node, if not CamelCase(name)Backward0
  const char* saves;
  bool differentiable;
  bool composed;
  bool has_parts;          // has a kernel, and a composition that stands for it
  const char* no_grad_reason;
  void (*boxed)(const OpBase&, const Value* args, Dest dest, Result& out);
  /// A node that keeps what the gradients of the tensor arguments in `wanted` (bit by bit) need. It has no edges yet.
  IntrusivePtr<Node> (*record)(const OpBase&, const Value* args, uint32_t wanted);
  const OpBase* next;

  const Schema& schema() const;
  std::string backward_name() const;
  /// Which tensors a node keeps. Parsed from `saves` once.
  struct Saves {
    bool out = false;
    uint32_t always = 0;                                      // bit per argument
    SmallVector<std::pair<uint8_t, uint8_t>, 2> conditional;  // argument, tensor argument whose gradient must be wanted
  };
  const Saves& saves_parsed() const;
  /// The arguments (bit by bit) that a node keeps if the gradients of these tensor arguments are wanted.
  uint32_t kept_for(uint32_t wanted) const {
    const Saves& plan = saves_parsed();
    uint32_t save = plan.always;
    for (auto [arg, needed_by] : plan.conditional) save |= (wanted >> needed_by & 1) << arg;
    return save;
  }

 protected:
  constexpr OpBase() = default;
  void enlist();

 private:
  mutable std::atomic<const Schema*> schema_{nullptr};
  mutable std::atomic<const Saves*> saves_{nullptr};
};
/// The first of all operators; follow `next`.
KAGARI_API const OpBase* first_op();

// Note [Modes]: a call is offered to the thread's modes from the top of the chain down. The first one that wants it takes it, with itself and
// everything above switched off while it works. If none wants it, the operator itself runs: a composed one calls its body, whose operators
// come through the door again; any other is recorded by autograd and computed. What works below autograd (`__torch_dispatch__`) takes the
// place of the kernel there. An observer (a profiler) is told of each call once, whoever takes it.

/// Something that sees operators before they run: a transform, a tracer, autocast.
struct KAGARI_API Mode {
  /// Where a mode stands in the chain, whatever the order in which modes are entered.
  enum class Rank : uint8_t { Floor, Autocast, Transform };
  explicit Mode(Rank r = Rank::Transform) : rank(r) {}
  virtual ~Mode() = default;
  virtual void call(const OpBase& op, const Value* args, Dest dest, Result& out) = 0;
  /// Whether this mode takes the call.
  virtual bool wants(const OpBase&, const Value*, const Dest&) { return true; }
  Mode* below = nullptr;
  Rank rank;
};
KAGARI_API extern constinit thread_local Mode* active_mode;
/// Puts the mode into the thread's chain, above all modes of its rank.
KAGARI_API void push_mode(Mode& mode);
/// Takes it out again; does nothing if it is not in the chain.
KAGARI_API void pop_mode(Mode& mode);
/// Asked, after the modes, when an argument is `special` (a dual number). False if it does not concern the handler.
using SpecialHandler = bool (*)(const OpBase& op, const Value* args, Dest dest, Result& out);
KAGARI_API extern SpecialHandler special_handler;
KAGARI_API void call_through_modes(const OpBase& op, const Value* args, Dest dest, Result& out);

/// Takes the place of an operator's kernel, after autograd has recorded the call.
using BoxedKernel = void (*)(const OpBase& op, const Value* args, Dest dest, Result& out);
/// Says who takes the place of the kernels of the calls that nobody took, or null. Offered by a language binding.
KAGARI_API extern BoxedKernel (*kernel_below_autograd)(const OpBase& op, const Value* args);
/// Runs the operator itself, past all modes: see Note [Modes]. `parts`: an operator with a composition beside its kernel takes that.
KAGARI_API void run_beneath(const OpBase& op, const Value* args, Dest dest, Result& out, BoxedKernel kernel = nullptr, bool parts = false);
/// For modes: hands a call on that observers were told of already.
KAGARI_API void pass_on(const OpBase& op, const Value* args, Dest dest, Result& out);

/// Is told of every operator call on its thread while it is set; calls nest.
struct KAGARI_API CallObserver {
  virtual ~CallObserver() = default;
  virtual void begin(const OpBase& op, const Value* args, const Dest& dest) = 0;
  virtual void end(const OpBase& op, const Result* out) = 0;  // null if the call failed
};
KAGARI_API extern constinit thread_local CallObserver* call_observer;
/// While the count is not zero every call takes the way through call_through_modes, even without modes.
KAGARI_API void watch_calls(int change);

template <class Sig> struct Op;

class KAGARI_API OpNodeBase : public Node {
 public:
  explicit OpNodeBase(const OpBase& op) : op_(op) {}
  std::string name() const override;
  const OpBase& op() const { return op_; }
  SavedTensor& saved_output(size_t i) const { return outs_[i]; }
  void save_output(const Tensor& t, size_t i) { outs_.emplace_back(t, true, uint32_t(i)); }

 protected:
  void check_not_released() const;
  const OpBase& op_;
  mutable SmallVector<SavedTensor, 1> outs_;
  bool released_ = false;
};

namespace detail {

template <class T> inline constexpr bool is_tensor_arg = std::is_same_v<T, const Tensor&>;
template <class T> inline constexpr bool is_tensor_list = std::is_same_v<T, TensorList>;

template <class F>
void each_tensor(const Tensor& t, F&& f) { f(t); }
template <class F>
void each_tensor(TensorList ts, F&& f) {
  for (const Tensor& t : ts) f(t);
}
template <class T, class F>
void each_tensor(const T&, F&&) {}

/// What run_beneath asks of the next call of an operator on this thread.
struct Beneath {
  const OpBase* op = nullptr;
  BoxedKernel kernel = nullptr;
  bool parts = false;
};
KAGARI_API extern constinit thread_local Beneath beneath;
struct ModesOff {
  explicit ModesOff(bool off) : before(active_mode) {
    if (off) active_mode = nullptr;
  }
  ~ModesOff() { active_mode = before; }
  Mode* before;
};

template <class... A>
bool any_special(const A&... args) {
  bool any = false;
  (each_tensor(args, [&](const Tensor& t) { any |= t.defined() && t.impl()->special; }), ...);
  return any;
}
template <class... A>
bool any_requires_grad(const A&... args) {
  bool any = false;
  (each_tensor(args, [&](const Tensor& t) { any = any || (t.defined() && t.requires_grad()); }), ...);
  return any;
}

/// How a node keeps an argument.
template <class T> struct Kept { using type = std::decay_t<T>; static const type& restore(const type& x, const Node&) { return x; } };
template <> struct Kept<const Tensor&> {
  using type = SavedTensor;
  static Tensor restore(const SavedTensor& x, const Node& n) { return x.unpack(n); }
};
template <> struct Kept<TensorList> {
  using type = std::vector<SavedTensor>;
  static std::vector<Tensor> restore(const type& x, const Node& n) {
    std::vector<Tensor> out;
    for (auto& s : x) out.push_back(s.unpack(n));
    return out;
  }
};
template <> struct Kept<IntList> { using type = Ints; static const Ints& restore(const Ints& x, const Node&) { return x; } };
template <> struct Kept<ArrayView<double>> { using type = std::vector<double>; static const type& restore(const type& x, const Node&) { return x; } };
template <> struct Kept<std::string_view> { using type = std::string; static const std::string& restore(const std::string& x, const Node&) { return x; } };
template <> struct Kept<std::optional<IntList>> {
  using type = std::optional<Ints>;
  static std::optional<IntList> restore(const type& x, const Node&) { return x ? std::optional<IntList>(*x) : std::nullopt; }
};
template <> struct Kept<std::optional<ArrayView<double>>> {
  using type = std::optional<std::vector<double>>;
  static std::optional<ArrayView<double>> restore(const type& x, const Node&) { return x ? std::optional<ArrayView<double>>(*x) : std::nullopt; }
};
template <> struct Kept<std::optional<std::string_view>> {
  using type = std::optional<std::string>;
  static std::optional<std::string_view> restore(const type& x, const Node&) { return x ? std::optional<std::string_view>(*x) : std::nullopt; }
};

template <class T>
typename Kept<T>::type keep(const T& x, bool) {
  if constexpr (std::is_same_v<typename Kept<T>::type, std::optional<Ints>>) return x ? std::optional<Ints>(Ints(x->begin(), x->end())) : std::nullopt;
  else if constexpr (std::is_same_v<typename Kept<T>::type, std::optional<std::vector<double>>>) return x ? std::optional<std::vector<double>>({x->begin(), x->end()}) : std::nullopt;
  else if constexpr (std::is_same_v<typename Kept<T>::type, std::vector<double>>) return {x.begin(), x.end()};
  else if constexpr (std::is_same_v<typename Kept<T>::type, std::optional<std::string>>) return x ? std::optional<std::string>(*x) : std::nullopt;
  else return typename Kept<T>::type(x);
}
inline SavedTensor keep_tensor(const Tensor& t, bool save) { return save ? SavedTensor(t, false) : SavedTensor(); }
inline std::vector<SavedTensor> keep_tensors(TensorList ts, bool save) {
  std::vector<SavedTensor> out;
  for (const Tensor& t : ts) out.push_back(keep_tensor(t, save));
  return out;
}
template <class T>
typename Kept<T>::type keep_argument(T x, bool save) {
  if constexpr (is_tensor_arg<T>) return keep_tensor(x, save);
  else if constexpr (is_tensor_list<T>) return keep_tensors(x, save);
  else return keep<T>(x, save);
}

template <class Sig> class OpNode;
template <class R, class... A>
class OpNode<R(A...)> final : public OpNodeBase {
 public:
  OpNode(const Op<R(A...)>& op, uint32_t save, A... args) : OpNode(std::index_sequence_for<A...>(), op, save, args...) {}
  Grads apply(Grads&& grads) override { return apply_with(std::move(grads), std::index_sequence_for<A...>()); }
  void release_saved() override {
    released_ = true;
    outs_.clear();
    std::apply([](auto&... kept) { (reset(kept), ...); }, kept_);
  }

 private:
  template <size_t... I>
  Grads apply_with(Grads&& grads, std::index_sequence<I...>);
  template <size_t... I>
  OpNode(std::index_sequence<I...>, const Op<R(A...)>& op, uint32_t save, A... args);
  static void reset(SavedTensor& t) { t.reset(); }
  static void reset(std::vector<SavedTensor>& ts) { for (auto& t : ts) t.reset(); }
  template <class T> static void reset(T&) {}
  std::tuple<typename Kept<A>::type...> kept_;
};

template <class F>
void each_output(Tensor& t, F&& f) { f(t); }
template <class... T, class F>
void each_output(std::tuple<T...>& ts, F&& f) {
  std::apply([&](auto&... t) { (f(t), ...); }, ts);
}
template <class F>
void each_output(std::vector<Tensor>& ts, F&& f) {
  for (Tensor& t : ts) f(t);
}
template <class F>
void each_output(TensorOrTuple& ts, F&& f) {
  for (Tensor& t : ts.tensors) f(t);
}
template <class R, class F>
void each_output(R&, F&&) {}

/// Makes `result` the contents of the destination, casting where PyTorch would, and resizing for out=.
KAGARI_API void deliver(const OpBase& op, const Dest& dest, Tensor& result, size_t i);
KAGARI_API void check_dest(const OpBase& op, const Dest& dest, const Tensor& first, bool requires_grad);
KAGARI_API bool shares_memory_with_dest(const Dest& dest, const Tensor& t);
/// RuntimeError if t, which is to be written, has several elements at one address (an expanded tensor).
KAGARI_API void check_no_internal_overlap(const Tensor& t);
/// RuntimeError if bytes of t and of an out= tensor overlap.
KAGARI_API void check_apart(const Dest& dest, const Tensor& t);
KAGARI_API Tensor keep_before_overwrite(const Tensor& t);
KAGARI_API void set_view_base(const Tensor& view, const Tensor& of);
KAGARI_API void finish_output(const OpBase& op, const Dest& dest, const IntrusivePtr<Node>& node, Tensor& t);
template <class Head, class... Tail>
const Tensor& first_tensor(const Head& h, const Tail&...) {
  if constexpr (std::is_same_v<Head, Tensor>) return h;
  else return undefined_tensor;
}

}  // namespace detail

template <class Sig> struct Definition;
template <class R, class... A>
struct Definition<R(A...)> {
  CheckedSchema<R(A...)> schema;
  unsigned in = kFunction;
  unsigned traits = 0;
  const char* aliases = "";
  const char* doc;
  R (*run)(Out& out, A...);
  Gradient<R(A...)> grad;
  const char* node_name = nullptr;
  R (*parts)(A...) = nullptr;  // the same as a composition, for those who want to see what it is made of
};
template <class Sig> struct Composition;
template <class R, class... A>
struct Composition<R(A...)> {
  CheckedSchema<R(A...)> schema;
  unsigned in = kFunction;
  unsigned traits = 0;
  const char* aliases = "";
  const char* doc;
  R (*body)(A...);
};

template <class R, class... A>
struct Op<R(A...)> final : OpBase {
  using Sig = R(A...);
  R (*run)(Out&, A...) = nullptr;
  R (*body)(A...) = nullptr;
  R (*parts)(A...) = nullptr;
  Gradient<Sig> gradient{"", nullptr, nullptr};

  explicit Op(const Definition<Sig>& d) : run(d.run), parts(d.parts), gradient(d.grad) {
    set(d.schema.text, d.in, d.traits, d.aliases, d.doc, d.node_name);
    differentiable = gradient.fn != nullptr;
    has_parts = parts != nullptr;
    no_grad_reason = gradient.reason;
    saves = gradient.saves;
    enlist();
  }
  explicit Op(const Composition<Sig>& d) : body(d.body) {
    set(d.schema.text, d.in, d.traits, d.aliases, d.doc, nullptr);
    composed = differentiable = true;
    enlist();
  }

  R operator()(A... args) const {
    if (active_mode || detail::any_special(args...)) [[unlikely]] return through_modes({}, args...);
    if (body) return body(args...);
    return execute({}, nullptr, args...);
  }
  /// The in-place and out= forms.
  R into(const Dest& dest, A... args) const {
    if (active_mode || detail::any_special(args...)) [[unlikely]] return through_modes(dest, args...);
    return execute(dest, nullptr, args...);
  }

 private:
  [[gnu::cold]] void set(const char* schema, unsigned where, unsigned t, const char* other_names, const char* text, const char* node) {
    schema_text = schema;
    in = where;
    traits = t;
    aliases = other_names;
    doc = text;
    node_name = node;
    composed = has_parts = false;
    no_grad_reason = nullptr;
    saves = "";
    boxed = [](const OpBase& base, const Value* args, Dest dest, Result& out) {
      call_boxed(static_cast<const Op&>(base), args, dest, out, std::index_sequence_for<A...>());
    };
    record = [](const OpBase& base, const Value* args, uint32_t wanted) {
      return record_boxed(static_cast<const Op&>(base), args, wanted, std::index_sequence_for<A...>());
    };
  }
  template <size_t... I>
  static IntrusivePtr<Node> record_boxed(const Op& op, const Value* args, uint32_t wanted, std::index_sequence<I...>) {
    (void)args;
    return make_node<detail::OpNode<Sig>>(op, op.kept_for(wanted), detail::Boxing<A>::get(args[I])...);
  }
  template <size_t... I>
  static void call_boxed(const Op& op, const Value* args, const Dest& dest, Result& out, std::index_sequence<I...>) {
    (void)args;
    bool fresh = dest.kind == Dest::Kind::Fresh;
    if constexpr (std::is_void_v<R>) {
      op(detail::Boxing<A>::get(args[I])...);
    } else {
      detail::Returning<R>::put(out, fresh ? op(detail::Boxing<A>::get(args[I])...) : op.into(dest, detail::Boxing<A>::get(args[I])...));
    }
  }
  [[gnu::cold]] R through_modes(const Dest& dest, A... args) const {  // short rather than fast: there is one for every signature
    if (detail::beneath.op == this) {
      detail::Beneath how = std::exchange(detail::beneath, {});
      if (dest.kind == Dest::Kind::Fresh) {
        if (body) return body(args...);
        if (parts && how.parts) return parts(args...);
      }
      detail::ModesOff off(!composed && !how.kernel);
      return execute(dest, how.kernel, args...);
    }
    Value boxed_args[] = {detail::Boxing<A>::put(args)..., Value()};
    Result out;
    call_through_modes(*this, boxed_args, dest, out);
    if constexpr (!std::is_void_v<R>) return detail::Returning<R>::get(out);
  }
  R execute(const Dest& dest, BoxedKernel kernel, A... args) const;
  /// The kernel's work, done by somebody else.
  R delegate(const Dest& dest, BoxedKernel kernel, A... args) const {
    Value boxed_args[] = {detail::Boxing<A>::put(args)..., Value()};
    Result out;
    kernel(*this, boxed_args, dest, out);
    if constexpr (!std::is_void_v<R>) return detail::Returning<R>::get(out);
  }
};

/// `kernel`, if not null, works in the place of `run`.
template <class R, class... A>
R Op<R(A...)>::execute(const Dest& dest, BoxedKernel kernel, A... args) const {
  bool fresh = dest.kind == Dest::Kind::Fresh;
  bool requires_grad = grad_enabled() && detail::any_requires_grad(args...);
  bool overlaps = false;
  if (!fresh) {
    detail::check_dest(*this, dest, detail::first_tensor(args...), requires_grad);
    if (traits & kOutApart && dest.kind == Dest::Kind::Out) (detail::each_tensor(args, [&](const Tensor& t) { detail::check_apart(dest, t); }), ...);
    if (!(traits & kElementwise))
      (detail::each_tensor(args, [&](const Tensor& t) { overlaps = overlaps || detail::shares_memory_with_dest(dest, t); }), ...);
  }
  Out out(dest, !overlaps);
  IntrusivePtr<Node> node;
  if (requires_grad && differentiable && !composed && dest.kind != Dest::Kind::Out) {
    // Which tensor arguments have which number among the edges, and what must be kept for them.
    uint32_t wanted = 0, k = 0;
    if (!saves_parsed().conditional.empty())
      (detail::each_tensor(args, [&](const Tensor& t) { wanted |= uint32_t(t.defined() && t.requires_grad()) << (k++ & 31); }), ...);
    uint32_t save = kept_for(wanted);
    if (!fresh) {
      // The destination is about to be overwritten: what the formula needs of its old value is kept apart.
      auto shield = [&]<class T>(T& x) -> decltype(auto) {
        if constexpr (std::is_same_v<T, const Tensor>) return x.defined() && x.is_same(dest.tensors[0]) ? detail::keep_before_overwrite(x) : Tensor(x);
        else return (x);
      };
      if (save & 1) node = make_node<detail::OpNode<Sig>>(*this, save, shield(args)...);
    }
    if (!node) node = make_node<detail::OpNode<Sig>>(*this, save, args...);
    node->next_edges.clear();
    (detail::each_tensor(args, [&](const Tensor& t) { node->next_edges.push_back(gradient_edge(t)); }), ...);
  }
  if constexpr (std::is_void_v<R>) {
    if (kernel) [[unlikely]] delegate(dest, kernel, args...);
    else run(out, args...);
  } else {
    auto compute = [&]() -> R {
      if (composed) return body(args...);
      if (kernel) [[unlikely]] {
        NoGrad no_record;
        return delegate(dest, kernel, args...);
      }
      if (!requires_grad) return run(out, args...);
      NoGrad no_record;
      return run(out, args...);
    };
    R result = compute();
    size_t i = 0;
    if (!fresh && (composed || !kernel)) detail::each_output(result, [&](Tensor& t) { detail::deliver(*this, dest, t, i++); });
    if (traits & kView) detail::each_output(result, [&](Tensor& t) { detail::set_view_base(t, detail::first_tensor(args...)); });
    if (node) {
      auto* saver = saves_parsed().out ? static_cast<OpNodeBase*>(node.get()) : nullptr;
      i = 0;
      detail::each_output(result, [&](Tensor& t) {
        detail::finish_output(*this, dest, node, t);
        if (saver) saver->save_output(t, i);
        ++i;
      });
    }
    return result;
  }
}

namespace detail {
template <class R, class... A>
template <size_t... I>
OpNode<R(A...)>::OpNode(std::index_sequence<I...>, const Op<R(A...)>& op, uint32_t save, A... args)
    : OpNodeBase(op), kept_(keep_argument<A>(args, save >> I & 1)...) {
  (void)save;
}
template <class R, class... A>
template <size_t... I>
Grads OpNode<R(A...)>::apply_with(Grads&& grads, std::index_sequence<I...>) {
  check_not_released();
  Ctx c{*this, grads, grads[0]};
  std::tuple<decltype(Kept<A>::restore(std::declval<const typename Kept<A>::type&>(), *this))...> restored{Kept<A>::restore(std::get<I>(kept_), *this)...};
  return static_cast<const Op<R(A...)>&>(op_).gradient.fn(c, std::get<I>(restored)...);
}

template <class F> struct SignatureOf;
template <class R, class... A> struct SignatureOf<R (*)(A...)> { using type = R(A...); };
}  // namespace detail

/// Defines the operator whose public C++ function is F.
template <auto F>
Op<typename detail::SignatureOf<decltype(F)>::type> define(const Definition<typename detail::SignatureOf<decltype(F)>::type>& d) {
  return Op<typename detail::SignatureOf<decltype(F)>::type>(d);
}
/// The same for an operator that only calls others.
template <auto F>
Op<typename detail::SignatureOf<decltype(F)>::type> compose(const Composition<typename detail::SignatureOf<decltype(F)>::type>& d) {
  return Op<typename detail::SignatureOf<decltype(F)>::type>(d);
}

}  // namespace kagari
