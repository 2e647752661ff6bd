// Trains a small convolutional network on handwritten digits, as examples/digits.py does in Python.
//
//   digits FILE   where FILE holds n records of 64 floats (8 x 8 pixels, 0 to 1) and one float, the class.
//
// Every fifth record is held out. Prints the accuracy on it; the exit status is 0 if it is at least 95 %.
#include <kagari/kagari.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

using namespace kagari;

namespace {

/// A weight with the initial values of a PyTorch layer: uniform in +-1 / sqrt(fan_in).
Tensor weight(IntList sizes, int64_t fan_in) {
  double bound = 1 / std::sqrt(double(fan_in));
  Tensor w = rand(sizes) * (2 * bound) - Scalar(bound);
  set_requires_grad(w, true);
  return w;
}

struct Network {
  Tensor conv1 = weight({32, 1, 3, 3}, 9), bias1 = weight({32}, 9);
  Tensor conv2 = weight({64, 32, 3, 3}, 288), bias2 = weight({64}, 288);
  Tensor linear1 = weight({64, 1024}, 1024), bias3 = weight({64}, 1024);
  Tensor linear2 = weight({10, 64}, 64), bias4 = weight({10}, 64);

  std::vector<Tensor> parameters() const { return {conv1, bias1, conv2, bias2, linear1, bias3, linear2, bias4}; }
  Tensor operator()(const Tensor& images) const {
    Tensor x = relu(conv2d(images, conv1, bias1, {1}, {1}, {1}, 1));
    x = relu(conv2d(x, conv2, bias2, {1}, {1}, {1}, 1));
    x = std::get<0>(max_pool_windows(x, 2, {2}, {}, {0}, {1}, false));
    x = relu(linear(flatten(x, 1), linear1, bias3));
    return linear(x, linear2, bias4);
  }
};

/// AdamW (Loshchilov and Hutter 2019), spelled out with operators.
class AdamW {
 public:
  AdamW(std::vector<Tensor> parameters, double lr) : parameters_(std::move(parameters)), lr_(lr) {
    for (const Tensor& p : parameters_) {
      mean_.push_back(zeros_like(p));
      square_.push_back(zeros_like(p));
    }
  }
  void step() {
    NoGrad no_grad;
    ++steps_;
    double c1 = 1 - std::pow(0.9, steps_), c2 = 1 - std::pow(0.999, steps_);
    for (size_t i = 0; i < parameters_.size(); ++i) {
      Tensor g = grad_of(parameters_[i]);
      mul_(parameters_[i], wrapped_number(1 - lr_ * 0.01));
      add_(mul_(mean_[i], wrapped_number(0.9)), g, 0.1);
      add_(mul_(square_[i], wrapped_number(0.999)), g * g, 0.001);
      sub_(parameters_[i], mean_[i] / (sqrt(square_[i] / Scalar(c2)) + Scalar(1e-8)), lr_ / c1);
      set_grad(parameters_[i], {});
    }
  }

 private:
  std::vector<Tensor> parameters_, mean_, square_;
  double lr_;
  int steps_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  std::FILE* file = argc == 2 ? std::fopen(argv[1], "rb") : nullptr;
  if (!file) {
    std::fprintf(stderr, "usage: %s FILE\n", argv[0]);
    return 2;
  }
  std::vector<float> records(65 * 4096);
  size_t n = std::fread(records.data(), 65 * sizeof(float), 4096, file);
  std::fclose(file);
  Tensor data = empty_tensor({int64_t(n), 65}, DType::Float32);
  std::copy_n(records.data(), n * 65, data.data<float>());
  Tensor images = reshape(narrow(data, 1, 0, 64), {int64_t(n), 1, 8, 8}), labels = to(select(data, 1, 64), DType::Int64);
  Tensor place = arange(0, int64_t(n)), held_out = eq(remainder(place, wrapped_number(5)), wrapped_number(0));
  Tensor train_rows = masked_select(place, logical_not(held_out)), test_rows = masked_select(place, held_out);
  int64_t count = train_rows.numel(), batch = 50;

  default_generator().manual_seed(0);
  Network network;
  AdamW optimizer(network.parameters(), 3e-3);
  for (int epoch = 0; epoch < 12; ++epoch) {
    Tensor order = randperm(count);
    double total = 0;
    for (int64_t i = 0; i + batch <= count; i += batch) {
      Tensor rows = index_select(train_rows, 0, narrow(order, 0, i, batch));
      Tensor loss = cross_entropy(network(index_select(images, 0, rows)), index_select(labels, 0, rows));
      backward(loss);
      optimizer.step();
      total += loss.item<double>();
    }
    std::printf("epoch %d: loss %.4f\n", epoch + 1, total / double(count / batch));
  }
  NoGrad no_grad;
  Tensor guesses = argmax(network(index_select(images, 0, test_rows)), 1);
  double accuracy = mean(to(eq(guesses, index_select(labels, 0, test_rows)), DType::Float32)).item<double>();
  std::printf("%.1f%% of %lld held-out digits are recognised\n", accuracy * 100, static_cast<long long>(test_rows.numel()));
  return accuracy >= 0.95 ? 0 : 1;
}
