#include "kagari/optim/optimizer.h"

#include <algorithm>
#include <cmath>

#include "kagari/autograd/grad_mode.h"
#include "kagari/autograd/variable.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/bounds.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/pointwise.h"
#include "kagari/optim/passes.h"
#include "kagari/tensor/sparse.h"

namespace kagari::optim {

Optimizer::Optimizer(std::vector<Tensor> parameters) : parameters_(std::move(parameters)) {
  KG_CHECK_VALUE(!parameters_.empty(), "optimizer got an empty parameter list");
  for (const Tensor& p : parameters_) KG_CHECK_VALUE(p.defined() && !p.impl()->has_grad_fn, "can't optimize a non-leaf Tensor");
}

void Optimizer::step() {
  NoGrad no_record;
  std::vector<size_t> positions;
  for (size_t i = 0; i < parameters_.size(); ++i)
    if (grad_of(parameters_[i]).defined()) positions.push_back(i);
  if (!positions.empty()) update(positions);
}
void Optimizer::zero_grad() {
  for (const Tensor& p : parameters_) set_grad(p, {});
}

std::vector<Tensor> Optimizer::column(const std::string& name, const std::vector<size_t>& positions, bool* fresh) {
  std::vector<Tensor>& all = states_[name];
  all.resize(parameters_.size());
  std::vector<Tensor> out;
  for (size_t i : positions) {
    if (!all[i].defined()) {
      all[i] = name == "step" ? scalar_tensor(0, DType::Float32) : zeros_like(detach(parameters_[i]));
      if (fresh) *fresh = true;
    }
    out.push_back(all[i]);
  }
  return out;
}
std::vector<Tensor> Optimizer::gradients(const std::vector<size_t>& positions) const {
  std::vector<Tensor> out;
  for (size_t i : positions) out.push_back(grad_of(parameters_[i]));
  return out;
}
std::vector<Tensor> Optimizer::chosen(const std::vector<size_t>& positions) const {
  std::vector<Tensor> out;
  for (size_t i : positions) out.push_back(parameters_[i]);
  return out;
}

NamedTensors Optimizer::state() const {
  NamedTensors out;
  for (const auto& [name, tensors] : states_)
    for (size_t i = 0; i < tensors.size(); ++i)
      if (tensors[i].defined()) out.emplace_back(str(name, ".", i), tensors[i]);
  return out;
}
void Optimizer::load_state(const NamedTensors& state) {
  std::map<std::string, std::vector<Tensor>> loaded;
  std::vector<std::string> names = state_names();
  for (const auto& [key, value] : state) {
    size_t dot = key.rfind('.');
    std::string name = key.substr(0, dot);
    bool number = dot != key.npos && dot + 1 < key.size() && key.size() - dot < 12 && key.find_first_not_of("0123456789", dot + 1) == key.npos;
    bool known = std::find(names.begin(), names.end(), name) != names.end();
    KG_CHECK(number && known && std::stoull(key.substr(dot + 1)) < parameters_.size(), "load_state(): '", key, "' is no state of this optimizer");
    size_t i = size_t(std::stoull(key.substr(dot + 1)));
    IntList wanted = name == "step" ? IntList() : parameters_[i].sizes();
    KG_CHECK(value.sizes() == wanted, "load_state(): '", key, "' has shape ", value.sizes(), ", but ", wanted, " is needed");
    loaded[name].resize(parameters_.size());
    loaded[name][i] = clone(to(detach(value), name == "step" ? DType::Float32 : parameters_[i].dtype()));
  }
  states_ = std::move(loaded);
}

// ---------------------------------------------------------------- SGD
SGD::SGD(std::vector<Tensor> parameters, const SGDOptions& o) : Optimizer(std::move(parameters)), options_(o) {
  KG_CHECK_VALUE(o.lr >= 0, "Invalid learning rate: ", o.lr);
  KG_CHECK_VALUE(o.momentum >= 0, "Invalid momentum value: ", o.momentum);
  KG_CHECK_VALUE(o.weight_decay >= 0, "Invalid weight_decay value: ", o.weight_decay);
  KG_CHECK_VALUE(!o.nesterov || (o.momentum > 0 && o.dampening == 0), "Nesterov momentum requires a momentum and zero dampening");
}
std::vector<std::string> SGD::state_names() const { return {"momentum_buffer"}; }
void SGD::update(const std::vector<size_t>& positions) {
  const SGDOptions& o = options_;
  // parameters at their first step have no buffer yet: b = g
  std::vector<size_t> groups[2];
  for (size_t i : positions) {
    bool fresh = false;
    if (o.momentum != 0) column("momentum_buffer", {i}, &fresh);
    groups[fresh].push_back(i);
  }
  for (int first = 0; first < 2; ++first) {
    const std::vector<size_t>& group = groups[first];
    if (group.empty()) continue;
    std::vector<Tensor> params = chosen(group), grads = gradients(group), buffers;
    if (o.momentum != 0) buffers = column("momentum_buffer", group);
    if (sgd_pass(params, grads, buffers, {o.lr, o.momentum, o.dampening, o.weight_decay, o.nesterov, o.maximize, first == 1})) continue;
    for (size_t i = 0; i < params.size(); ++i) {
      Tensor g = o.maximize ? neg(grads[i]) : grads[i];
      if (o.weight_decay != 0) g = add(g, params[i], o.weight_decay);
      if (o.momentum != 0) {
        KG_CHECK_IMPLEMENTED(!is_sparse(g), "SGD with momentum does not take sparse gradients");
        if (first) copy_(buffers[i], g);
        else add_(mul_(buffers[i], wrapped_number(o.momentum)), g, 1 - o.dampening);
        g = o.nesterov ? add(g, buffers[i], o.momentum) : buffers[i];
      }
      add_(params[i], g, -o.lr);
    }
  }
}

// ---------------------------------------------------------------- Adam
Adam::Adam(std::vector<Tensor> parameters, const Options& o, bool decoupled) : Optimizer(std::move(parameters)), options_(o), decoupled_(decoupled) {
  KG_CHECK_VALUE(o.lr >= 0, "Invalid learning rate: ", o.lr);
  KG_CHECK_VALUE(o.eps >= 0, "Invalid epsilon value: ", o.eps);
  KG_CHECK_VALUE(o.beta1 >= 0 && o.beta1 < 1, "Invalid beta parameter at index 0: ", o.beta1);
  KG_CHECK_VALUE(o.beta2 >= 0 && o.beta2 < 1, "Invalid beta parameter at index 1: ", o.beta2);
  KG_CHECK_VALUE(o.weight_decay >= 0, "Invalid weight_decay value: ", o.weight_decay);
}
std::vector<std::string> Adam::state_names() const { return {"exp_avg", "exp_avg_sq", "max_exp_avg_sq", "step"}; }
void Adam::update(const std::vector<size_t>& positions) {
  const Options& o = options_;
  std::vector<Tensor> params = chosen(positions), grads = gradients(positions), means = column("exp_avg", positions), squares = column("exp_avg_sq", positions), steps = column("step", positions), largest;
  for (const Tensor& g : grads) KG_CHECK(!is_sparse(g), "Adam does not support sparse gradients, please consider SparseAdam instead");
  if (o.amsgrad) largest = column("max_exp_avg_sq", positions);
  if (adam_pass(params, grads, means, squares, largest, steps, {o.lr, o.beta1, o.beta2, o.eps, o.weight_decay, o.amsgrad, o.maximize, decoupled_})) return;
  for (size_t i = 0; i < params.size(); ++i) {
    add_(steps[i], wrapped_number(1));
    double t = steps[i].item<double>(), c1 = 1 - std::pow(o.beta1, t), c2 = 1 - std::pow(o.beta2, t);
    Tensor g = o.maximize ? neg(grads[i]) : grads[i];
    if (o.weight_decay != 0) {
      if (decoupled_) mul_(params[i], wrapped_number(1 - o.lr * o.weight_decay));
      else g = add(g, params[i], o.weight_decay);
    }
    add_(mul_(means[i], wrapped_number(o.beta1)), g, 1 - o.beta1);
    add_(mul_(squares[i], wrapped_number(o.beta2)), mul(g, conj(g)), 1 - o.beta2);
    if (o.amsgrad) copy_(largest[i], maximum(largest[i], squares[i]));
    Tensor root = add(div(sqrt(o.amsgrad ? largest[i] : squares[i]), wrapped_number(std::sqrt(c2))), wrapped_number(o.eps));
    add_(params[i], div(means[i], root), -o.lr / c1);
  }
}

}  // namespace kagari::optim
