#include "kagari/op/op.h"

#include <cctype>

#include "kagari/op/sparse_rules.h"

namespace kagari {

namespace {
const OpBase* head = nullptr;
}
const OpBase* first_op() { return head; }

void OpBase::enlist() {
  next = head;
  head = this;
}

const Schema& OpBase::schema() const {
  const Schema* s = schema_.load(std::memory_order_acquire);
  if (!s) {
    auto fresh = std::make_unique<Schema>(schema_text);
    if (schema_.compare_exchange_strong(s, fresh.get(), std::memory_order_acq_rel)) s = fresh.release();
  }
  return *s;
}

std::string OpBase::backward_name() const {
  if (node_name) return node_name;
  std::string out;
  bool upper = true;
  for (char c : schema().name) {
    if (c == '_') {
      upper = true;
      continue;
    }
    out += upper ? char(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = false;
  }
  return out + "Backward0";
}

const OpBase::Saves& OpBase::saves_parsed() const {
  const Saves* p = saves_.load(std::memory_order_acquire);
  if (p) return *p;
  auto fresh = std::make_unique<Saves>();
  const Schema& s = schema();
  auto argument = [&](std::string_view wanted) {
    for (size_t i = 0; i < s.arguments.size(); ++i)
      if (s.arguments[i].name == wanted) return i;
    fail(ErrorKind::Internal, str(s.name, ": no argument is called ", wanted));
  };
  auto tensor_number = [&](size_t arg) {
    size_t n = 0;
    for (size_t i = 0; i < arg; ++i) n += s.arguments[i].tag == Value::Tag::Tensor;
    return n;
  };
  std::string_view text = saves;
  while (!text.empty()) {
    std::string_view item = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    if (item == "out") fresh->out = true;
    else if (size_t colon = item.find(':'); colon != item.npos)
      fresh->conditional.push_back({uint8_t(argument(item.substr(0, colon))), uint8_t(tensor_number(argument(item.substr(colon + 1))))});
    else fresh->always |= 1u << argument(item);
  }
  if (saves_.compare_exchange_strong(p, fresh.get(), std::memory_order_acq_rel)) p = fresh.release();
  return *p;
}

// ---------------------------------------------------------------- results
Tensor Out::dest(IntList sizes, DType dtype, size_t i) const {
  if (i >= dest_.count || !may_overlap_) return {};
  const Tensor& t = dest_.tensors[i];
  if (t.dtype() != dtype || t.sizes() != sizes || t.is_meta()) return {};
  detail::check_no_internal_overlap(t);
  return t;
}

Tensor Out::alloc(IntList sizes, DType dtype, Device device, size_t i) {
  if (dest_.count) {
    Tensor t = dest(sizes, dtype, i);
    if (t.defined() && t.is_contiguous() && t.device() == device) return t;
  }
  return empty_tensor(sizes, dtype, device);
}

// ---------------------------------------------------------------- gradients
namespace {
const Edge& wanted_edge(const OpNodeBase& node, size_t i) {
  KG_ASSERT(node.needs(i));
  return node.next_edges[i];
}
}  // namespace

bool Ctx::needs(size_t i) const { return node.needs(i); }
IntList Ctx::sizes(size_t i) const {
  const Edge& e = wanted_edge(node, i);
  return e.node->outputs[e.input_nr].sizes;
}
DType Ctx::dtype(size_t i) const {
  const Edge& e = wanted_edge(node, i);
  return e.node->outputs[e.input_nr].dtype;
}
Tensor Ctx::out(size_t i) const { return node.saved_output(i).unpack(node); }
size_t Ctx::tensor_count() const { return node.next_edges.size(); }
Tensor Ctx::grad_or_zeros(size_t i) const {
  if (grads[i].defined()) return grads[i];
  const OutputInfo& info = node.outputs[i];
  Tensor zero = empty_tensor(info.sizes, info.dtype, info.device);
  autograd_arithmetic.copy_inplace(zero, scalar_tensor(0, info.dtype));
  return zero;
}

std::string OpNodeBase::name() const { return op_.backward_name(); }
void OpNodeBase::check_not_released() const {
  if (!released_) return;
  uint32_t wanted = 0;
  for (size_t i = 0; i < next_edges.size(); ++i) wanted |= uint32_t(needs(i)) << (i & 31);
  const bool saved_nothing = !op_.saves_parsed().out && op_.kept_for(wanted) == 0;  // such a node may run again
  KG_CHECK(saved_nothing, "Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed). Saved "
           "intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to "
           "backward through the graph a second time or if you need to access saved tensors after calling backward.");
}

// ---------------------------------------------------------------- destinations
namespace detail {

bool shares_memory_with_dest(const Dest& dest, const Tensor& t) {
  for (size_t i = 0; i < dest.count; ++i)
    if (t.defined() && t.storage() == dest.tensors[i].storage()) return true;
  return false;
}

/// Writing through two elements at one address would keep an arbitrary one of the two.
void check_no_internal_overlap(const Tensor& t) {
  if (t.numel() < 2) return;
  for (int64_t i = 0; i < t.dim(); ++i)
    KG_CHECK(t.sizes()[i] < 2 || t.strides()[i] != 0, "unsupported operation: more than one element of the written-to tensor refers to a single memory "
             "location. Please clone() the tensor before performing the operation.");
}

void check_apart(const Dest& dest, const Tensor& t) {
  for (size_t i = 0; i < dest.count; ++i) check_no_internal_overlap(dest.tensors[i]);
  if (!t.defined() || t.is_meta() || t.numel() == 0) return;
  auto extent = [](const Tensor& x) {
    int64_t last = 1;
    for (int64_t d = 0; d < x.dim(); ++d) last += (x.sizes()[d] - 1) * x.strides()[d];
    return std::pair(x.bytes(), x.bytes() + last * x.itemsize());
  };
  auto [t0, t1] = extent(t);
  for (size_t i = 0; i < dest.count; ++i) {
    const Tensor& out = dest.tensors[i];
    if (out.storage() != t.storage() || out.numel() == 0) continue;
    auto [o0, o1] = extent(out);
    KG_CHECK(o1 <= t0 || t1 <= o0, "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. "
             "Please clone() the tensor before performing the operation.");
  }
}

void check_dest(const OpBase& op, const Dest& dest, const Tensor& first, bool requires_grad) {
  if (dest.kind == Dest::Kind::Inplace) return check_inplace(dest.tensors[0], requires_grad);
  KG_CHECK(!requires_grad, op.schema().name, "(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad.");
  (void)first;
  for (size_t i = 0; i < dest.count; ++i)
    KG_CHECK(!is_sparse(dest.tensors[i]), op.schema().name, "(): a strided result cannot be written into a tensor of layout ", python_name(layout_of(dest.tensors[i])));
  for (size_t i = 0; i < dest.count; ++i)
    KG_CHECK(!grad_enabled() || !dest.tensors[i].requires_grad(), op.schema().name,
             "(): functions with out=... arguments don't support automatic differentiation, but one of the arguments requires grad.");
}

void deliver(const OpBase& op, const Dest& dest, Tensor& result, size_t i) {
  if (i >= dest.count) return;
  const Tensor& to = dest.tensors[i];
  if (result.is_same(to)) {
    if (!op.composed) to.bump_version();  // the operators of a composition have done so
    return;
  }
  if (op.traits & kOutDTypeError)
    KG_CHECK_TYPE(can_cast(result.dtype(), to.dtype()), "torch.", op.schema().name, "(): input types can't be cast to the desired output type ", legacy_name(to.dtype()));
  KG_CHECK(can_cast(result.dtype(), to.dtype()), "result type ", result.dtype(),
           " can't be cast to the desired output type ", to.dtype());
  KG_CHECK(result.device() == to.device(), op.schema().name, "(): expected the ", dest.kind == Dest::Kind::Out ? "out" : "self", " tensor on device ", result.device(), ", but it is on ", to.device());
  if (result.sizes() != to.sizes()) {
    KG_CHECK(dest.kind == Dest::Kind::Out, "output with shape ", to.sizes(), " doesn't match the broadcast shape ", result.sizes());
    TensorImpl& impl = *to.impl();
    int64_t bytes = (impl.offset + result.numel()) * to.itemsize();
    if (impl.storage->nbytes() < bytes) impl.storage->resize(bytes);
    impl.set_shape(result.sizes());
  }
  check_no_internal_overlap(to);
  if (op.composed && grad_enabled() && dest.kind == Dest::Kind::Inplace && (result.requires_grad() || to.requires_grad())) {
    autograd_arithmetic.copy_recorded(to, result);
  } else if (active_mode || to.impl()->special || result.impl()->special) {  // others want to see the copy
    NoGrad no_record;
    autograd_arithmetic.copy_recorded(to, result);
  } else {
    NoGrad no_record;
    autograd_arithmetic.copy_inplace(to, result);
    to.bump_version();
  }
  result = to;
}

Tensor keep_before_overwrite(const Tensor& t) {
  NoGrad no_record;
  Tensor copy = autograd_arithmetic.clone(detach(t));
  if (Edge e = gradient_edge(t); e && !e.node->is_accumulate()) {
    AutogradMeta& meta = autograd_meta(copy);
    meta.grad_fn = e.node;
    meta.output_nr = e.input_nr;
    meta.view_version = copy.version();
    copy.impl()->has_grad_fn = true;
  }
  return copy;
}

void set_view_base(const Tensor& view, const Tensor& of) {
  if (!of.defined() || view.storage() != of.storage() || view.is_same(of) || of.impl()->inference) return;
  if (!grad_enabled() && of.requires_grad()) return;  // made under no_grad: stands apart, as if detached
  view.impl()->base = of.impl()->base ? of.impl()->base : of.pointer();
}

void finish_output(const OpBase& op, const Dest& dest, const IntrusivePtr<Node>& node, Tensor& t) {
  if (!t.defined() || !is_differentiable(t.dtype())) {
    node->add_output(t);
    return;
  }
  if (dest.kind == Dest::Kind::Inplace) return rebase_history(t, node);
  // An operator may return its argument unchanged; the recorded result must be another tensor.
  if (t.impl()->has_grad_fn || t.impl()->requires_grad) {
    Tensor base = t;
    t = alias(t);
    if (op.traits & kView) set_view_base(t, base);
  }
  set_history(t, node);
}

}  // namespace detail
}  // namespace kagari
