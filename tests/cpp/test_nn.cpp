// Layers and optimizers against numbers recorded from PyTorch 2.13 with the same seed; names and errors of state dicts.
#include <cmath>
#include <functional>
#include <string>

#include "check.h"
#include "kagari/kagari.h"

using namespace kagari;

static bool close(const Tensor& t, std::vector<double> expected, double tolerance = 1e-6) {
  Tensor flat = to(reshape(detach(t), {-1}), DType::Float64);
  if (flat.numel() != int64_t(expected.size())) return false;
  for (size_t i = 0; i < expected.size(); ++i)
    if (std::fabs(flat.data<double>()[i] - expected[i]) > tolerance) return false;
  return true;
}

static std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.message();
  }
  return "no error";
}
static bool contains(const std::string& text, const char* part) { return text.find(part) != text.npos; }

static nn::Sequential small_model() {
  default_generator().manual_seed(0);
  return nn::Sequential{nn::Linear(3, 2), nn::BatchNorm1d(2), nn::ReLU(), nn::Linear(2, 1)};
}

static void initial_values() {
  nn::Sequential m = small_model();
  NamedTensors state = m->state_dict();
  const char* names[] = {"0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked", "3.weight", "3.bias"};
  EXPECT(state.size() == 9);
  for (size_t i = 0; i < state.size() && i < 9; ++i) EXPECT(state[i].first == names[i]);
  EXPECT(close(state[0].second, {-0.004322517663240433, 0.3097158372402191, -0.4751853346824646, -0.4248946011066437, -0.2223689705133438, 0.15482072532176971}));
  EXPECT(close(state[1].second, {-0.011439144611358643, 0.45777493715286255}));
  EXPECT(close(state[7].second, {-0.06275151669979095, 0.1871093362569809}));
  EXPECT(close(state[8].second, {-0.2136969119310379}));
  EXPECT(m->parameters().size() == 6 && m->named_buffers().size() == 3);
  default_generator().manual_seed(1);
  nn::Conv2d c(1, 2, 2);
  EXPECT(close(c->weight, {0.2576315999031067, -0.22068911790847778, -0.09693074226379395, 0.23468446731567383, -0.4707184433937073, 0.29985862970352173, -0.1028626561164856, 0.2543719410896301}));
  EXPECT(close(c->bias, {0.06950849294662476, -0.061222076416015625}));
  default_generator().manual_seed(2);
  nn::Embedding e(9, 2, nn::EmbeddingOptions{.padding_idx = 1});
  EXPECT(close(e->weight, {-1.0408011674880981, 0.9166041612625122, 0.0, 0.0, 0.029916182160377502, -0.04983803629875183, 1.0650779008865356, 0.8860366940498352, -0.8109861612319946,
                           0.6736502051353455, 0.12886369228363037, 2.7630667686462402, 0.14047646522521973, 1.1191015243530273, 0.3152315616607666, 1.7527765035629272, -0.7395675778388977,
                           -1.2424520254135132}));
}

static void train_steps(const std::function<std::unique_ptr<optim::Optimizer>(std::vector<Tensor>)>& make, std::vector<double> losses, std::vector<double> outputs, std::vector<double> variance) {
  nn::Sequential m = small_model();
  {
    NoGrad no_grad;
    fill_(m->parameters()[4], 0.5);
  }
  Tensor x = reshape(linspace(-1, 1, 12), {4, 3}), y = reshape(arange(0., 4.), {4, 1});
  auto optimizer = make(m->parameters());
  for (double expected : losses) {
    optimizer->zero_grad();
    Tensor loss = mse_loss(m(x), y);
    backward(loss);
    optimizer->step();
    EXPECT(std::fabs(loss.item<double>() - expected) < 1e-4);
  }
  m->eval();
  EXPECT(close(m(x), outputs, 2e-3));
  EXPECT(close(m->named_buffers()[1].second, variance, 1e-4));
  EXPECT(m->named_buffers()[2].second.item<int64_t>() == 3);
}

static void training() {
  train_steps([](std::vector<Tensor> p) { return std::make_unique<optim::AdamW>(std::move(p), optim::AdamWOptions{.lr = 0.1, .eps = 0.1}); }, {4.271861553192139, 3.9052248001098633, 3.589705467224121},
              {0.24331746995449066, 0.1800099015235901, 0.11670234799385071, 0.07545886933803558}, {0.7326570153236389, 0.7614919543266296});
  train_steps([](std::vector<Tensor> p) { return std::make_unique<optim::SGD>(std::move(p), optim::SGDOptions{.lr = 0.1, .momentum = 0.9, .nesterov = true}); }, {4.271861553192139, 3.0444159507751465, 1.9511960744857788},
              {1.3383558988571167, 1.3436899185180664, 1.3490240573883057, 1.3523285388946533}, {0.7328239679336548, 0.7615811824798584});
  train_steps([](std::vector<Tensor> p) { return std::make_unique<optim::Adam>(std::move(p), optim::Adam::Options{.lr = 0.1, .eps = 0.1, .weight_decay = 0.1, .amsgrad = true}); }, {4.271861553192139, 3.9039480686187744, 3.587712287902832},
              {0.19686031341552734, 0.14791622757911682, 0.09897215664386749, 0.07516662031412125}, {0.7323243618011475, 0.7570011615753174});
}

struct Block : nn::Module {
  nn::Linear inner{4, 4};
  nn::LayerNorm norm{4};
  Tensor scale;
  Block() {
    register_module("inner", inner);
    register_module("norm", norm);
    scale = register_parameter("scale", ones({4}));
  }
  Tensor forward(const Tensor& x) override { return norm(inner(x)) * scale; }
};

static void state_dicts() {
  Block a, b;
  NamedTensors state = a.state_dict();
  EXPECT(state.size() == 5 && state[0].first == "scale" && state[1].first == "inner.weight" && state[4].first == "norm.bias");
  b.load_state_dict(state);
  Tensor x = randn({2, 4});
  EXPECT(close(a(x) - b(x), std::vector<double>(8, 0.0)));
  EXPECT(!state[0].second.requires_grad() && a.parameters().size() == 5);
  state.pop_back();
  EXPECT(contains(error_of([&] { b.load_state_dict(state); }), "Missing key(s) in state_dict: \"norm.bias\""));
  b.load_state_dict(state, false);
  state.emplace_back("other", ones({1}));
  EXPECT(contains(error_of([&] { b.load_state_dict(state); }), "Unexpected key(s) in state_dict: \"other\""));
  state[0].second = ones({5});
  EXPECT(contains(error_of([&] { b.load_state_dict(state, false); }), "size mismatch for scale"));
  b.to(DType::Float64);
  EXPECT(b.inner->weight.dtype() == DType::Float64 && b(to(x, DType::Float64)).dtype() == DType::Float64);
  struct Twice : nn::Module {
    Twice() { register_parameter("a", ones({1})), register_parameter("a", ones({1})); }
  };
  EXPECT(contains(error_of([] { Twice t; }), "registered already"));
  EXPECT(contains(error_of([] { nn::Module().forward({}); }), "no forward()"));
}

static void modes() {
  nn::Sequential m(nn::Dropout(0.5), nn::Identity());
  Tensor x = ones({1000});
  Tensor dropped = m(x);
  EXPECT(sum(eq(dropped, wrapped_number(0))).item<int64_t>() > 300);
  m->eval();
  EXPECT(m(x).is_same(x) && !m->children()[0].second->is_training());
  EXPECT(contains(error_of([] { nn::Dropout d(2.0); }), "between 0 and 1"));
  EXPECT(contains(error_of([] { nn::BatchNorm2d n(2); n(ones({2, 2})); }), "expected 4D input"));
}

static void optimizer_states() {
  nn::Linear layer(2, 2);
  Tensor x = ones({1, 2});
  auto step = [&](optim::Optimizer& o) {
    o.zero_grad();
    backward(sum(layer(x) * layer(x)));
    o.step();
  };
  optim::Adam a(layer->parameters());
  EXPECT(a.state().empty());
  step(a), step(a);
  NamedTensors state = a.state(), weights = layer->state_dict();
  for (auto& [n, t] : weights) t = clone(t);
  for (auto& [n, t] : state) t = clone(t);
  step(a);
  NamedTensors reached = layer->state_dict();
  for (auto& [n, t] : reached) t = clone(t);
  layer->load_state_dict(weights);
  optim::Adam b(layer->parameters());
  b.load_state(state);
  step(b);
  EXPECT(equal(layer->weight, reached[0].second) && equal(layer->bias, reached[1].second));
  EXPECT(contains(error_of([&] { b.load_state({{"exp_avg.7", ones({1})}}); }), "is no state of this optimizer"));
  EXPECT(contains(error_of([&] { b.load_state({{"exp_avg.0", ones({1})}}); }), "has shape"));
  EXPECT(contains(error_of([] { optim::SGD o({}); }), "empty parameter list"));
  EXPECT(contains(error_of([&] { optim::SGD o(layer->parameters(), optim::SGDOptions{.lr = -1}); }), "Invalid learning rate"));
  // a sparse gradient goes into its rows only
  nn::Embedding table(5, 2, nn::EmbeddingOptions{.sparse = true});
  Tensor before = clone(detach(table->weight)), rows = empty_tensor({2}, DType::Int64);
  rows.data<int64_t>()[0] = rows.data<int64_t>()[1] = 3;
  backward(sum(table(rows)));
  EXPECT(is_sparse(grad_of(table->weight)));
  optim::SGD sgd(table->parameters(), optim::SGDOptions{.lr = 0.5});
  sgd.step();
  EXPECT(close(before - detach(table->weight), {0, 0, 0, 0, 0, 0, 1, 1, 0, 0}));
}

int main() {
  initial_values();
  training();
  state_dicts();
  modes();
  optimizer_states();
  return finish();
}
