#pragma once
#include <map>
#include <string>
#include <vector>

#include "kagari/tensor/named_tensors.h"

// Optimizers with the formulas and defaults of Python's.
//
//   optim::AdamW optimizer(model.parameters(), {.lr = 1e-3});
//   loss = ...; backward(loss); optimizer.step(); optimizer.zero_grad();

namespace kagari::optim {

class KAGARI_API Optimizer {
 public:
  explicit Optimizer(std::vector<Tensor> parameters);
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;
  /// Updates the parameters that have a gradient.
  void step();
  /// Removes the gradients.
  void zero_grad();
  const std::vector<Tensor>& parameters() const { return parameters_; }
  virtual double lr() const = 0;
  /// For learning-rate schedules.
  virtual void set_lr(double lr) = 0;
  /// The state by name: "exp_avg.0", ... with the position of the parameter. Empty before the first step.
  NamedTensors state() const;
  /// Takes a state that state() gave, for the same parameters. RuntimeError for other names and shapes.
  void load_state(const NamedTensors& state);

 protected:
  /// The update of the parameters at these positions, gradients turned off.
  virtual void update(const std::vector<size_t>& with_gradient) = 0;
  /// Names of the states that have the parameter's shape, and of those that are single numbers.
  virtual std::vector<std::string> state_names() const = 0;
  /// One kind of state for the given parameters, made of zeros where there is none yet. `fresh`, if not null, tells whether one was made.
  std::vector<Tensor> column(const std::string& name, const std::vector<size_t>& positions, bool* fresh = nullptr);
  std::vector<Tensor> gradients(const std::vector<size_t>& positions) const;
  std::vector<Tensor> chosen(const std::vector<size_t>& positions) const;

 private:
  std::vector<Tensor> parameters_;
  std::map<std::string, std::vector<Tensor>> states_;
};

struct SGDOptions {
  double lr = 1e-3, momentum = 0, dampening = 0, weight_decay = 0;
  bool nesterov = false, maximize = false;
};
/// Stochastic gradient descent: b = momentum b + (1 - dampening) g (at first g), p -= lr b. Takes sparse gradients, without momentum and weight decay.
class KAGARI_API SGD : public Optimizer {
 public:
  explicit SGD(std::vector<Tensor> parameters, const SGDOptions& options = {});
  double lr() const override { return options_.lr; }
  void set_lr(double lr) override { options_.lr = lr; }

 private:
  void update(const std::vector<size_t>& with_gradient) override;
  std::vector<std::string> state_names() const override;
  SGDOptions options_;
};

struct AdamSettings {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  bool amsgrad = false, maximize = false;
};
/// Adam (Kingma and Ba 2015).
class KAGARI_API Adam : public Optimizer {
 public:
  using Options = AdamSettings;
  explicit Adam(std::vector<Tensor> parameters, const Options& options = {}) : Adam(std::move(parameters), options, false) {}
  double lr() const override { return options_.lr; }
  void set_lr(double lr) override { options_.lr = lr; }

 protected:
  Adam(std::vector<Tensor> parameters, const Options& options, bool decoupled);

 private:
  void update(const std::vector<size_t>& with_gradient) override;
  std::vector<std::string> state_names() const override;
  Options options_;
  bool decoupled_;
};

struct AdamWOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 1e-2;
  bool amsgrad = false, maximize = false;
};
/// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
class KAGARI_API AdamW : public Adam {
 public:
  explicit AdamW(std::vector<Tensor> parameters, const AdamWOptions& o = {})
      : Adam(std::move(parameters), {o.lr, o.beta1, o.beta2, o.eps, o.weight_decay, o.amsgrad, o.maximize}, true) {}
};

}  // namespace kagari::optim
