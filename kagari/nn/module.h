#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kagari/tensor/named_tensors.h"

// Layers and models. A model is a class with layers as members, registered under their names; the names of its parameters are those that the
// same model has in Python, so that state dicts go both ways:
//
//   struct Net : nn::Module {
//     nn::Linear first{64, 32}, second{32, 10};
//     Net() {
//       register_module("first", first);
//       register_module("second", second);
//     }
//     Tensor forward(const Tensor& x) override { return second(relu(first(x))); }
//   };

namespace kagari::nn {

/// The base of layers and models: parameters, buffers and submodules by name.
class KAGARI_API Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// One tensor to one tensor. Models with other arguments have functions of their own. NotImplementedError if not overridden.
  virtual Tensor forward(const Tensor& input);
  Tensor operator()(const Tensor& input) { return forward(input); }

  /// "layer.weight", ... in the order of registration.
  NamedTensors named_parameters() const;
  std::vector<Tensor> parameters() const;
  NamedTensors named_buffers() const;
  const std::vector<std::pair<std::string, std::shared_ptr<Module>>>& children() const { return children_; }

  /// Parameters and buffers, sharing memory with the module, under Python's names in Python's order.
  NamedTensors state_dict() const;
  /// Copies values into parameters and buffers. RuntimeError, which lists all of them, for missing and unexpected names (if strict) and for
  /// shapes that do not fit.
  void load_state_dict(const NamedTensors& state, bool strict = true);

  /// Training mode, in which dropout drops and batch normalisation uses the batch; modules start in it.
  void train(bool on = true);
  void eval() { train(false); }
  bool is_training() const { return training_; }
  void zero_grad();
  /// Converts floating parameters and buffers.
  void to(DType dtype);

 protected:
  /// The tensor becomes a leaf that requires a gradient. An undefined one stands for None: it has a name and no value.
  Tensor register_parameter(const std::string& name, Tensor value);
  Tensor register_buffer(const std::string& name, Tensor value);
  void register_child(const std::string& name, std::shared_ptr<Module> child);
  template <class Holder>
  Holder register_module(const std::string& name, Holder holder) {
    register_child(name, holder.pointer());
    return holder;
  }

 private:
  void collect(const std::string& prefix, bool parameters, bool buffers, NamedTensors& out) const;
  void check_name(const std::string& name) const;
  NamedTensors parameters_, buffers_;
  std::vector<std::pair<std::string, std::shared_ptr<Module>>> children_;
  bool training_ = true;
};

/// What users hold: a counted reference to a module, called as a function. Copies are the same module.
template <class Impl>
class Holder {
 public:
  template <class... A>
    requires std::is_constructible_v<Impl, A...>
  explicit Holder(A&&... args) : impl_(std::make_shared<Impl>(std::forward<A>(args)...)) {}
  Holder(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  template <class... A>
  auto operator()(A&&... args) const {
    return impl_->forward(std::forward<A>(args)...);
  }
  Impl* operator->() const { return impl_.get(); }
  Impl& operator*() const { return *impl_; }
  const std::shared_ptr<Impl>& pointer() const { return impl_; }

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace kagari::nn
