// Convolutions and their gradients against plain loops in double.
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "check.h"
#include "kagari/base/parallel.h"
#include "kagari/cpu/conv.h"
#include "kagari/cpu/gemm.h"

using namespace kagari;

static uint32_t state = 99;
static double small_integer() {
  state = state * 1664525u + 1013904223u;
  return int(state >> 24) % 5 - 2;
}

// Small integers are exact in every dtype that is tested, float16 and bfloat16 included.
static std::vector<char> encode(DType t, const std::vector<double>& v) {
  std::vector<char> out(v.size() * size_t(itemsize(t)));
  for (size_t i = 0; i < v.size(); ++i) {
    auto put = [&]<class T>(T x) { std::memcpy(out.data() + i * sizeof(T), &x, sizeof(T)); };
    if (t == DType::Float32) put(float(v[i]));
    else if (t == DType::Float64) put(v[i]);
    else if (t == DType::Float16) put(Half(float(v[i])));
    else if (t == DType::BFloat16) put(BFloat16(float(v[i])));
    else put(std::complex<float>(float(v[i])));
  }
  return out;
}

// Whether the memory holds these values; 0 and -0 are equal.
static bool holds(DType t, std::vector<char> bytes, const std::vector<double>& values) {
  size_t size = t == DType::Float64 ? 8 : t == DType::Complex64 || t == DType::Float32 ? 4 : 2;
  std::vector<char> negative_zero(size, 0);
  negative_zero.back() = char(0x80);
  for (size_t i = 0; i < bytes.size(); i += size)
    if (std::memcmp(bytes.data() + i, negative_zero.data(), size) == 0) bytes[i + size - 1] = 0;
  return bytes == encode(t, values);
}

struct Case {
  const char* name;
  Convolution c;
  int64_t output_padding = 0;
};

struct Problem {
  Convolution c;
  int64_t in[3], out[3], k[3], inputs, outputs, kernel;
  // element offsets
  int64_t x(int64_t n, int64_t ch, int64_t p) const { return c.channels_last ? (n * inputs + p) * c.in_channels + ch : (n * c.in_channels + ch) * inputs + p; }
  int64_t y(int64_t n, int64_t ch, int64_t p) const { return c.channels_last ? (n * outputs + p) * c.out_channels + ch : (n * c.out_channels + ch) * outputs + p; }
};

// Calls f(input offset, weight offset, output offset) for every product.
template <class F>
static void products(const Problem& p, F&& f) {
  const Convolution& c = p.c;
  int64_t gi = c.in_channels / c.groups, go = c.out_channels / c.groups;
  int64_t small = c.transposed ? p.inputs : p.outputs;  // positions that slide over the other side
  const int64_t *ss = c.transposed ? p.in : p.out, *ls = c.transposed ? p.out : p.in;
  for (int64_t n = 0; n < c.batch; ++n)
    for (int64_t g = 0; g < c.groups; ++g)
      for (int64_t i = 0; i < gi; ++i)
        for (int64_t o = 0; o < go; ++o)
          for (int64_t q = 0; q < small; ++q)
            for (int64_t k = 0; k < p.kernel; ++k) {
              int64_t rest_q = q, rest_k = k, large = 0, step = 1;
              bool inside = true;
              for (int d = c.dims - 1; d >= 0; --d) {
                int64_t at = rest_q % ss[d] * c.stride[d] - c.padding[d] + rest_k % p.k[d] * c.dilation[d];
                rest_q /= ss[d], rest_k /= p.k[d];
                inside = inside && at >= 0 && at < ls[d];
                large += at * step, step *= ls[d];
              }
              if (!inside) continue;
              int64_t w = c.transposed ? ((g * gi + i) * go + o) * p.kernel + k : ((g * go + o) * gi + i) * p.kernel + k;
              f(p.x(n, g * gi + i, c.transposed ? q : large), w, p.y(n, g * go + o, c.transposed ? large : q));
            }
}

static void run(const Case& test, DType t, bool channels_last) {
  Problem p;
  p.c = test.c;
  p.c.dtype = t, p.c.channels_last = channels_last;
  p.inputs = p.outputs = p.kernel = 1;
  for (int d = 0; d < p.c.dims; ++d) {
    p.c.output_size[d] = convolution_output_size(p.c, d, test.output_padding);
    p.in[d] = p.c.input_size[d], p.out[d] = p.c.output_size[d], p.k[d] = p.c.kernel[d];
    p.inputs *= p.in[d], p.outputs *= p.out[d], p.kernel *= p.k[d];
  }
  auto random = [](int64_t n) {
    std::vector<double> v(static_cast<size_t>(n));
    for (auto& x : v) x = small_integer();
    return v;
  };
  auto x = random(p.c.batch * p.c.in_channels * p.inputs), w = random(p.c.in_channels * p.c.out_channels / p.c.groups * p.kernel);
  auto g = random(p.c.batch * p.c.out_channels * p.outputs), b = random(p.c.out_channels);
  std::vector<double> y(g.size()), gx(x.size()), gw(w.size()), gb(b.size());
  for (int64_t n = 0; n < p.c.batch; ++n)
    for (int64_t o = 0; o < p.c.out_channels; ++o)
      for (int64_t q = 0; q < p.outputs; ++q) {
        y[size_t(p.y(n, o, q))] = b[size_t(o)];
        gb[size_t(o)] += g[size_t(p.y(n, o, q))];
      }
  products(p, [&](int64_t i, int64_t k, int64_t o) {
    y[size_t(o)] += x[size_t(i)] * w[size_t(k)];
    gx[size_t(i)] += g[size_t(o)] * w[size_t(k)];
    gw[size_t(k)] += g[size_t(o)] * x[size_t(i)];
  });
  auto ex = encode(t, x), ew = encode(t, w), eg = encode(t, g), eb = encode(t, b);
  std::vector<char> ry(eg.size()), rx(ex.size()), rw(ew.size()), rb(eb.size());
  convolution_forward(p.c, ex.data(), ew.data(), eb.data(), ry.data());
  convolution_backward_input(p.c, eg.data(), ew.data(), rx.data());
  convolution_backward_weight(p.c, ex.data(), eg.data(), rw.data(), rb.data());
  bool same[] = {holds(t, ry, y), holds(t, rx, gx), holds(t, rw, gw), holds(t, rb, gb)};
  for (int i = 0; i < 4; ++i)
    if (!same[i]) std::printf("%s %s channels_last %d: result %d differs\n", test.name, std::string(name(t)).c_str(), channels_last, i);
  EXPECT(same[0] && same[1] && same[2] && same[3]);
  std::vector<char> no_bias(eg.size());
  convolution_forward(p.c, ex.data(), ew.data(), nullptr, no_bias.data());
  std::vector<double> expected = y;
  for (int64_t n = 0; n < p.c.batch; ++n)
    for (int64_t o = 0; o < p.c.out_channels; ++o)
      for (int64_t q = 0; q < p.outputs; ++q) expected[size_t(p.y(n, o, q))] -= b[size_t(o)];
  EXPECT(holds(t, no_bias, expected));
}

static Case make(const char* name, int dims, int64_t batch, int64_t in, int64_t out, int64_t groups, int64_t size, int64_t kernel, int64_t stride,
                 int64_t padding, int64_t dilation, bool transposed = false, int64_t output_padding = 0) {
  Case r{name, {}, output_padding};
  Convolution& c = r.c;
  c.dims = dims, c.batch = batch, c.in_channels = in, c.out_channels = out, c.groups = groups, c.transposed = transposed;
  for (int d = 0; d < dims; ++d)
    c.input_size[d] = size + d, c.kernel[d] = kernel, c.stride[d] = stride, c.padding[d] = padding, c.dilation[d] = dilation;
  return r;
}

// oneDNN's loops must not wait for the parent's threads in a forked child.
static void children_compute() {
  auto work = [] {
    std::vector<float> x(8 * 16 * 20 * 20, 1), w(16 * 16 * 9, 1), y(8 * 16 * 18 * 18), m(400 * 400, 1), r(400 * 400);
    Convolution c;
    c.batch = 8, c.in_channels = c.out_channels = 16;
    for (int d = 0; d < 2; ++d) c.input_size[d] = 20, c.kernel[d] = 3, c.output_size[d] = 18;
    convolution_forward(c, x.data(), w.data(), nullptr, y.data());
    Gemm g;
    g.m = g.n = g.k = 400, g.a = g.b = {m.data(), 0, 400, 1}, g.c = r.data(), g.c_row_stride = 400;
    gemm(g);
    return y[0] == 144 && r[0] == 400;
  };
  EXPECT(work());
  pid_t child = fork();
  if (child == 0) {
    alarm(30);
    _exit(work() ? 0 : 1);
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main() {
  set_num_threads(2);
  const Case cases[] = {
      make("3x3", 2, 2, 3, 5, 1, 7, 3, 1, 1, 1),
      make("3x3 wide", 2, 1, 16, 32, 1, 9, 3, 1, 1, 1),
      make("strided", 2, 2, 4, 6, 2, 9, 3, 2, 1, 1),
      make("dilated", 2, 1, 4, 4, 1, 9, 3, 1, 2, 2),
      make("even size, stride 2", 2, 1, 3, 4, 1, 6, 3, 2, 0, 1),
      make("large kernel", 2, 1, 3, 8, 1, 14, 7, 2, 3, 1),
      make("pointwise", 2, 3, 6, 8, 1, 5, 1, 1, 0, 1),
      make("pointwise, groups", 2, 2, 6, 8, 2, 5, 1, 1, 0, 1),
      make("pointwise, strided", 2, 2, 6, 8, 1, 5, 1, 2, 0, 1),
      make("depthwise", 2, 2, 6, 6, 6, 19, 3, 1, 1, 1),
      make("depthwise, strided", 2, 2, 4, 4, 4, 18, 3, 2, 1, 1),
      make("depthwise, stride 3, dilated", 2, 1, 4, 8, 4, 20, 3, 3, 2, 2),
      make("depthwise 5x5", 2, 1, 3, 3, 3, 8, 5, 1, 2, 1),
      make("depthwise 4x4, padding beyond the input", 2, 1, 3, 3, 3, 3, 4, 2, 3, 1),
      make("1d", 1, 2, 4, 6, 1, 20, 5, 1, 2, 1),
      make("1d depthwise", 1, 2, 4, 4, 4, 37, 3, 1, 1, 1),
      make("3d", 3, 1, 2, 4, 1, 5, 3, 1, 1, 1),
      make("3d strided", 3, 1, 2, 4, 2, 6, 2, 2, 0, 1),
      make("transposed", 2, 2, 4, 6, 1, 5, 4, 2, 1, 1, true),
      make("transposed, output padding", 2, 1, 4, 6, 2, 5, 3, 2, 1, 1, true, 1),
      make("transposed, dilated", 2, 1, 4, 4, 1, 5, 3, 1, 1, 2, true, 1),
      make("transposed 1d", 1, 2, 3, 5, 1, 9, 4, 3, 0, 1, true),
      make("transposed 3d", 3, 1, 2, 3, 1, 4, 2, 2, 0, 1, true),
      make("transposed pointwise", 2, 2, 3, 5, 1, 4, 1, 1, 0, 1, true),
      make("transposed depthwise", 2, 2, 3, 3, 3, 6, 3, 2, 1, 1, true, 1),
      make("kernel as large as the input", 2, 2, 3, 4, 1, 4, 4, 1, 0, 1),
      make("empty batch", 2, 0, 3, 4, 1, 4, 3, 1, 0, 1),
  };
  for (const Case& c : cases)
    for (DType t : {DType::Float32, DType::Float64, DType::Float16, DType::BFloat16, DType::Complex64})
      for (bool channels_last : {false, true}) run(c, t, channels_last);
  children_compute();
  return finish();
}
