// Trains a small convolutional network on handwritten digits, as examples/digits.py does in Python, and keeps it in a file that Python reads.
//
//   digits train DATA MODEL   trains on DATA, prints the accuracy, writes the weights to MODEL (.pt or .safetensors)
//   digits test DATA MODEL    reads weights that this program or Python wrote, and prints the accuracy
//
// DATA holds n records of 64 floats (8 x 8 pixels, 0 to 1) and one float, the class. Every fifth record is held out. The exit status is 0 if at
// least 95 % of them are recognised. In Python the same network is
//
//   nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
//                 nn.Linear(1024, 64), nn.ReLU(), nn.Linear(64, 10))
#include <kagari/kagari.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

using namespace kagari;

namespace {

nn::Sequential make_network() {
  return nn::Sequential{nn::Conv2d(1, 32, 3, nn::Conv2dOptions{.padding = 1}), nn::ReLU(), nn::Conv2d(32, 64, 3, nn::Conv2dOptions{.padding = 1}), nn::ReLU(), nn::MaxPool2d(2),
                        nn::Flatten(), nn::Linear(1024, 64), nn::ReLU(), nn::Linear(64, 10)};
}

struct Digits {
  Tensor images, labels, train_rows, test_rows;
};

Digits read_digits(const char* path) {
  std::FILE* file = std::fopen(path, "rb");
  KG_CHECK(file, "cannot open ", path);
  std::vector<float> records(65 * 4096);
  size_t n = std::fread(records.data(), 65 * sizeof(float), 4096, file);
  std::fclose(file);
  Tensor data = empty({int64_t(n), 65});
  std::copy_n(records.data(), n * 65, data.data<float>());
  Tensor place = arange(0, int64_t(n)), held_out = eq(remainder(place, wrapped_number(5)), wrapped_number(0));
  return {reshape(narrow(data, 1, 0, 64), {int64_t(n), 1, 8, 8}), to(select(data, 1, 64), DType::Int64), masked_select(place, logical_not(held_out)), masked_select(place, held_out)};
}

void train(const nn::Sequential& network, const Digits& d) {
  optim::AdamW optimizer(network->parameters(), {.lr = 3e-3});
  int64_t count = d.train_rows.numel(), batch = 50;
  for (int epoch = 0; epoch < 12; ++epoch) {
    Tensor order = randperm(count);
    double total = 0;
    for (int64_t i = 0; i + batch <= count; i += batch) {
      Tensor rows = index_select(d.train_rows, 0, narrow(order, 0, i, batch));
      Tensor loss = cross_entropy(network(index_select(d.images, 0, rows)), index_select(d.labels, 0, rows));
      backward(loss);
      optimizer.step();
      optimizer.zero_grad();
      total += loss.item<double>();
    }
    std::printf("epoch %d: loss %.4f\n", epoch + 1, total / double(count / batch));
  }
}

bool is_safetensors(const std::string& path) { return path.ends_with(".safetensors"); }

int run(const std::string& command, const char* data, const std::string& model) {
  Digits d = read_digits(data);
  default_generator().manual_seed(0);
  nn::Sequential network = make_network();
  if (command == "train") {
    train(network, d);
    if (is_safetensors(model)) io::save_safetensors(network->state_dict(), model);
    else io::save(network->state_dict(), model);
  } else {
    network->load_state_dict(is_safetensors(model) ? io::load_safetensors(model) : io::load(model).named_tensors());
  }
  NoGrad no_grad;
  network->eval();
  Tensor guesses = argmax(network(index_select(d.images, 0, d.test_rows)), 1);
  double accuracy = mean(to(eq(guesses, index_select(d.labels, 0, d.test_rows)), DType::Float32)).item<double>();
  std::printf("%.1f%% of %lld held-out digits are recognised\n", accuracy * 100, static_cast<long long>(d.test_rows.numel()));
  return accuracy >= 0.95 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 || (std::strcmp(argv[1], "train") != 0 && std::strcmp(argv[1], "test") != 0)) {
    std::fprintf(stderr, "usage: %s train|test DATA MODEL\n", argv[0]);
    return 2;
  }
  try {
    return run(argv[1], argv[2], argv[3]);
  } catch (const Error& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
}
