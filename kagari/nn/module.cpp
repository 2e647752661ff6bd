#include "kagari/nn/module.h"

#include <algorithm>

#include "kagari/autograd/grad_mode.h"
#include "kagari/autograd/variable.h"
#include "kagari/ops/copy.h"

namespace kagari::nn {

Tensor Module::forward(const Tensor&) { fail(ErrorKind::NotImplemented, "this module has no forward() of one tensor"); }

void Module::check_name(const std::string& name) const {
  KG_CHECK(!name.empty() && name.find('.') == name.npos, "a name of a parameter or module must not be empty or contain '.', but got '", name, "'");
  auto taken = [&](const auto& list) { return std::any_of(list.begin(), list.end(), [&](auto& entry) { return entry.first == name; }); };
  KG_CHECK(!taken(parameters_) && !taken(buffers_) && !taken(children_), "the name '", name, "' is registered already");
}

Tensor Module::register_parameter(const std::string& name, Tensor value) {
  check_name(name);
  if (value.defined()) set_requires_grad(value, true);
  parameters_.emplace_back(name, value);
  return value;
}
Tensor Module::register_buffer(const std::string& name, Tensor value) {
  check_name(name);
  buffers_.emplace_back(name, value);
  return value;
}
void Module::register_child(const std::string& name, std::shared_ptr<Module> child) {
  check_name(name);
  KG_CHECK(child, "the module '", name, "' is null");
  children_.emplace_back(name, std::move(child));
}

void Module::collect(const std::string& prefix, bool parameters, bool buffers, NamedTensors& out) const {
  if (parameters)
    for (const auto& [name, t] : parameters_)
      if (t.defined()) out.emplace_back(prefix + name, t);
  if (buffers)
    for (const auto& [name, t] : buffers_)
      if (t.defined()) out.emplace_back(prefix + name, t);
  for (const auto& [name, child] : children_) child->collect(prefix + name + ".", parameters, buffers, out);
}

NamedTensors Module::named_parameters() const {
  NamedTensors all, out;
  collect("", true, false, all);
  // a parameter that two modules share is one parameter
  for (auto& entry : all)
    if (std::none_of(out.begin(), out.end(), [&](auto& o) { return o.second.is_same(entry.second); })) out.push_back(std::move(entry));
  return out;
}
std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> out;
  for (auto& [name, t] : named_parameters()) out.push_back(t);
  return out;
}
NamedTensors Module::named_buffers() const {
  NamedTensors out;
  collect("", false, true, out);
  return out;
}
NamedTensors Module::state_dict() const {
  NamedTensors out;
  collect("", true, true, out);
  for (auto& [name, t] : out) t = detach(t);
  return out;
}

void Module::load_state_dict(const NamedTensors& state, bool strict) {
  NamedTensors own;
  collect("", true, true, own);
  std::map<std::string, Tensor> given(state.begin(), state.end());
  std::string missing, unexpected, problems;
  for (const auto& [name, t] : own) {
    auto found = given.find(name);
    if (found == given.end()) missing += (missing.empty() ? "\"" : ", \"") + name + "\"";
    else if (found->second.sizes() != t.sizes())
      problems += str("\n\tsize mismatch for ", name, ": copying a param with shape ", found->second.sizes(), " from checkpoint, the shape in current model is ", t.sizes(), ".");
  }
  for (const auto& [name, t] : state)
    if (std::none_of(own.begin(), own.end(), [&, n = name](auto& o) { return o.first == n; })) unexpected += (unexpected.empty() ? "\"" : ", \"") + name + "\"";
  if (strict && !missing.empty()) problems = "\n\tMissing key(s) in state_dict: " + missing + "." + problems;
  if (strict && !unexpected.empty()) problems = "\n\tUnexpected key(s) in state_dict: " + unexpected + "." + problems;
  KG_CHECK(problems.empty(), "Error(s) in loading state_dict:", problems);
  NoGrad no_record;
  for (const auto& [name, t] : own)
    if (auto found = given.find(name); found != given.end()) copy_(t, found->second);
}

void Module::train(bool on) {
  training_ = on;
  for (auto& [name, child] : children_) child->train(on);
}
void Module::zero_grad() {
  for (const Tensor& t : parameters()) set_grad(t, {});
}
void Module::to(DType dtype) {
  KG_CHECK_TYPE(is_floating(dtype) || is_complex(dtype), "a module can be converted to a floating or complex dtype only, not to ", dtype);
  NamedTensors all;
  collect("", true, true, all);
  for (auto& [name, t] : all) {
    if (!t.is_floating() || t.dtype() == dtype) continue;
    NoGrad no_record;
    Tensor converted = kagari::to(detach(t), dtype);
    TensorImpl& impl = *t.impl();
    impl.storage = converted.storage();
    impl.offset = 0;
    impl.dtype = dtype;
    impl.set_layout(converted.sizes(), converted.strides());
    set_grad(t, {});
  }
}

}  // namespace kagari::nn
