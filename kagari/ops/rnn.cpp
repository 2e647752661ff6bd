#include "kagari/ops/rnn.h"

#include <cstring>
#include <vector>

#include "kagari/base/parallel.h"
#include "kagari/cpu/gemm.h"
#include "kagari/cpu/reduce.h"
#include "kagari/op/op.h"
#include "kagari/ops/activation.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/dropout.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/shaping.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

// ---------------------------------------------------------------- gates
/// The formula of the fused step, for its gradient when that is itself recorded, and for what the fused loop does not take.
std::tuple<Tensor, Tensor> lstm_formula(const Tensor& gates, const Tensor& cell) {
  auto parts = chunk(gates, 4, -1);
  Tensor next = sigmoid(parts[1]) * cell + sigmoid(parts[0]) * tanh(parts[2]);
  return {sigmoid(parts[3]) * tanh(next), next};
}

bool has_kernel(const Tensor& t) { return (t.dtype() == DType::Float32 || t.dtype() == DType::Float64) && !t.is_meta(); }

/// Runs a kernel of gates over rows of `hidden` units. data[k] has width[k] * hidden elements per row.
void run_gates(std::string_view kernel, DType dtype, int64_t rows, int64_t hidden, std::initializer_list<const void*> data, std::initializer_list<int> width) {
  if (rows == 0 || hidden == 0) return;
  auto loop = cpu::find_kernels<cpu::RowsFn>(kernel)[dtype];
  int64_t row_bytes = hidden * itemsize(dtype);
  parallel_for(0, rows, std::max<int64_t>(1, 2048 / hidden), [&](int64_t begin, int64_t end) {
    char* part[7];
    size_t k = 0;
    for (const void* p : data) {
      part[k] = static_cast<char*>(const_cast<void*>(p)) + begin * row_bytes * width.begin()[k];
      ++k;
    }
    loop(part, end - begin, hidden, nullptr);
  });
}
void run_forward(DType dtype, int64_t rows, int64_t hidden, void* h, void* next, const void* gates, const void* cell) {
  run_gates("lstm_gates_rows", dtype, rows, hidden, {h, next, gates, cell}, {1, 1, 4, 1});
}
void run_backward(DType dtype, int64_t rows, int64_t hidden, void* to_gates, void* to_cell, const void* from_h, const void* from_next, const void* gates, const void* cell,
                  const void* next) {
  run_gates("lstm_gates_backward_rows", dtype, rows, hidden, {to_gates, to_cell, from_h, from_next, gates, cell, next}, {4, 1, 1, 1, 4, 1, 1});
}

/// (grad of gates, grad of cell) from those of h' and c'.
std::tuple<Tensor, Tensor> lstm_gates_backward(const Tensor& grad_h, const Tensor& grad_c, const Tensor& gates, const Tensor& cell, const Tensor& next) {
  Tensor gg = empty_tensor(gates.sizes(), gates.dtype()), gc = empty_tensor(cell.sizes(), cell.dtype());
  Tensor gh = contiguous(grad_h), gn = contiguous(grad_c), x = contiguous(gates), c = contiguous(cell), nc = contiguous(next);
  int64_t hidden = cell.sizes().back(), rows = hidden ? cell.numel() / hidden : 0;
  run_backward(gates.dtype(), rows, hidden, gg.bytes(), gc.bytes(), gh.bytes(), gn.bytes(), x.bytes(), c.bytes(), nc.bytes());
  return {gg, gc};
}

/// The same in operators, for gradients that are themselves recorded.
std::tuple<Tensor, Tensor> lstm_gates_backward_formula(const Tensor& gh, const Tensor& gc, const Tensor& gates, const Tensor& cell, const Tensor& next) {
  auto parts = chunk(gates, 4, -1);
  Tensor i = sigmoid(parts[0]), f = sigmoid(parts[1]), t = tanh(parts[2]), o = sigmoid(parts[3]), tn = tanh(next);
  Tensor dc = gc + gh * o * (1 - tn * tn);
  Tensor grads[] = {dc * t * i * (1 - i), dc * cell * f * (1 - f), dc * i * (1 - t * t), gh * tn * o * (1 - o)};
  return {cat(TensorList(grads, 4), -1), dc * f};
}

const auto lstm_gates_op = define<&lstm_gates>({
    .schema = "_lstm_gates(Tensor gates, Tensor cell) -> (Tensor, Tensor)",
    .in = kPrivate,
    .doc = "One step of an LSTM from the sums of its gates: the next hidden state and cell.",
    .run = [](Out&, const Tensor& gates, const Tensor& cell) -> std::tuple<Tensor, Tensor> {
      KG_CHECK(cell.dim() >= 1 && gates.dim() == cell.dim() && gates.numel() == 4 * cell.numel() && gates.sizes().back() == 4 * cell.sizes().back(),
               "_lstm_gates(): gates of shape ", gates.sizes(), " do not fit a cell of shape ", cell.sizes());
      if (!has_kernel(gates) || cell.dtype() != gates.dtype()) return lstm_formula(gates, cell);
      Tensor h = empty_tensor(cell.sizes(), cell.dtype()), next = empty_tensor(cell.sizes(), cell.dtype()), x = contiguous(gates), c = contiguous(cell);
      int64_t hidden = cell.sizes().back(), rows = hidden ? cell.numel() / hidden : 0;
      run_forward(gates.dtype(), rows, hidden, h.bytes(), next.bytes(), x.bytes(), c.bytes());
      return {h, next};
    },
    .grad = vjp("gates cell out", [](Ctx& c, const Tensor& gates, const Tensor& cell) -> Grads {
      Tensor gh = c.grad_or_zeros(0), gc = c.grad_or_zeros(1);
      bool fused = !grad_enabled() && !detail::any_special(gh, gc, gates, cell) && has_kernel(gates) && cell.dtype() == gates.dtype();
      auto [gg, gp] = fused ? lstm_gates_backward(gh, gc, gates, cell, c.out(1)) : lstm_gates_backward_formula(gh, gc, gates, cell, c.out(1));
      return {gg, gp};
    }),
});

// ---------------------------------------------------------------- a whole sequence
/// The recurrent weight of all steps: w (k x n), or its transpose when w is n x k.
struct RecurrentWeight {
  int64_t k, n;
  GemmOperand operand;
  PackedOperand packed;
  RecurrentWeight(const Tensor& w, bool transposed)
      : k(w.sizes()[transposed ? 1 : 0]), n(w.sizes()[transposed ? 0 : 1]),
        operand{w.bytes(), 0, w.strides()[transposed ? 1 : 0], w.strides()[transposed ? 0 : 1]}, packed(w.dtype(), k, n, operand) {}
};
/// C = A B + beta C (+ bias) for contiguous matrices of a step.
void product(DType dtype, int64_t m, const void* a, const RecurrentWeight& w, void* c, double beta, const void* bias) {
  int64_t n = w.n, k = w.k;
  Gemm g;
  g.dtype = dtype;
  g.m = m;
  g.n = n;
  g.k = k;
  g.a = {a, 0, k, 1};
  g.b = w.operand;
  g.packed_b = &w.packed;
  g.c = c;
  g.c_row_stride = n;
  g.beta = beta;
  g.bias = bias;
  gemm(g);
}

void add_into(const Tensor& y, int64_t start, const Tensor& x, int64_t from, int64_t n) {
  visit_floats("lstm", y.dtype(), [&](auto tag) {
    using T = decltype(tag);
    T* to = y.data<T>() + start;
    const T* p = x.data<T>() + from;
    for (int64_t k = 0; k < n; ++k) to[k] += p[k];
  });
}

std::tuple<Tensor, Tensor, Tensor> lstm_sequence(const Tensor& input_gates, const Tensor& hidden, const Tensor& cell, const Tensor& weight, const Tensor& bias, bool reverse);

/// The gradient of the gates of all steps and of the first cell, from those of the three outputs.
std::pair<Tensor, Tensor> lstm_sequence_backward(const Tensor& grad_h, const Tensor& grad_c, const Tensor& grad_gates, const Tensor& cell, const Tensor& weight, const Tensor& cells,
                                                 const Tensor& gates, bool reverse) {
  int64_t batch = cell.sizes()[0], n = cell.sizes()[1], steps = gates.sizes()[0] / batch, block = batch * n;
  DType dtype = gates.dtype();
  Tensor gh = contiguous(grad_h), gc = contiguous(grad_c), gg = contiguous(grad_gates), first = contiguous(cell);
  Tensor out = empty_tensor(gates.sizes(), dtype), dh = empty_tensor(cell.sizes(), dtype), dc = zeros_like(first);
  int64_t bytes = block * itemsize(dtype);
  RecurrentWeight recurrent(weight, false);
  for (int64_t s = 0; s < steps; ++s) {
    int64_t t = reverse ? s : steps - 1 - s, later = reverse ? t - 1 : t + 1, earlier = reverse ? t + 1 : t - 1;
    std::memcpy(dh.bytes(), gh.bytes() + t * bytes, size_t(bytes));
    if (s > 0) product(dtype, batch, out.bytes() + later * 4 * bytes, recurrent, dh.bytes(), 1, nullptr);
    add_into(dc, 0, gc, t * block, block);
    run_backward(dtype, batch, n, out.bytes() + t * 4 * bytes, dc.bytes(), dh.bytes(), dc.bytes(), gates.bytes() + t * 4 * bytes,
                 s + 1 < steps ? cells.bytes() + earlier * bytes : first.bytes(), cells.bytes() + t * bytes);
    add_into(out, t * 4 * block, gg, t * 4 * block, 4 * block);
  }
  return {out, dc};
}
std::pair<Tensor, Tensor> lstm_sequence_backward_formula(const Tensor& gh, const Tensor& gc, const Tensor& gg, const Tensor& cell, const Tensor& weight, const Tensor& cells,
                                                         const Tensor& gates, bool reverse) {
  int64_t batch = cell.sizes()[0], steps = gates.sizes()[0] / batch;
  std::vector<Tensor> out(static_cast<size_t>(steps));
  Tensor dh, dc;
  auto at = [&](const Tensor& x, int64_t t) { return narrow(x, 0, t * batch, batch); };
  for (int64_t s = 0; s < steps; ++s) {
    int64_t t = reverse ? s : steps - 1 - s, earlier = reverse ? t + 1 : t - 1;
    auto [dg, dp] = lstm_gates_backward_formula(s > 0 ? at(gh, t) + dh : at(gh, t), s > 0 ? at(gc, t) + dc : at(gc, t), at(gates, t), s + 1 < steps ? at(cells, earlier) : cell, at(cells, t));
    out[size_t(t)] = dg + at(gg, t);
    dh = mm(out[size_t(t)], weight);
    dc = dp;
  }
  return {cat(out, 0), dc};
}

const auto lstm_sequence_op = define<&lstm_sequence>({
    .schema = "_lstm_sequence(Tensor input_gates, Tensor hidden, Tensor cell, Tensor weight, Tensor? bias, bool reverse) -> (Tensor, Tensor, Tensor)",
    .in = kPrivate,
    .doc = "All steps of one direction of an LSTM layer, whose sequences have one length, from the input's share of the gates: (h, c, gates) of every step.",
    .run = [](Out&, const Tensor& input_gates, const Tensor& hidden, const Tensor& cell, const Tensor& weight, const Tensor& bias, bool reverse) -> std::tuple<Tensor, Tensor, Tensor> {
      KG_CHECK(cell.dim() == 2 && hidden.sizes() == cell.sizes() && input_gates.dim() == 2 && weight.dim() == 2, "_lstm_sequence(): expected matrices and a hidden state like the cell, but got shapes ",
               input_gates.sizes(), ", ", hidden.sizes(), ", ", cell.sizes(), ", ", weight.sizes());
      int64_t batch = cell.sizes()[0], n = cell.sizes()[1], rows = input_gates.sizes()[0], steps = batch ? rows / batch : 0;
      DType dtype = input_gates.dtype();
      KG_CHECK(batch > 0 && rows == steps * batch && input_gates.sizes()[1] == 4 * n && weight.sizes() == IntList(Ints{4 * n, n}) && (!bias.defined() || bias.sizes() == IntList(Ints{4 * n})),
               "_lstm_sequence(): gates ", input_gates.sizes(), " and weight ", weight.sizes(), " do not fit a cell of shape ", cell.sizes());
      KG_CHECK(has_kernel(input_gates) && hidden.dtype() == dtype && cell.dtype() == dtype && weight.dtype() == dtype && (!bias.defined() || bias.dtype() == dtype),
               "_lstm_sequence(): expected float32 or float64 for all tensors");
      Tensor gates = clone(contiguous(input_gates)), h = empty_tensor({rows, n}, dtype), c = empty_tensor({rows, n}, dtype);
      Tensor h0 = contiguous(hidden), c0 = contiguous(cell), b = bias.defined() ? contiguous(bias) : Tensor();
      int64_t bytes = batch * n * itemsize(dtype);
      RecurrentWeight recurrent(weight, true);
      for (int64_t s = 0; s < steps; ++s) {
        int64_t t = reverse ? steps - 1 - s : s, before = reverse ? t + 1 : t - 1;
        product(dtype, batch, s > 0 ? h.bytes() + before * bytes : h0.bytes(), recurrent, gates.bytes() + t * 4 * bytes, 1, bias.defined() ? b.bytes() : nullptr);
        run_forward(dtype, batch, n, h.bytes() + t * bytes, c.bytes() + t * bytes, gates.bytes() + t * 4 * bytes, s > 0 ? c.bytes() + before * bytes : c0.bytes());
      }
      return {h, c, gates};
    },
    .grad = vjp("hidden cell weight out", [](Ctx& c, const Tensor&, const Tensor& hidden, const Tensor& cell, const Tensor& weight, const Tensor&, bool reverse) -> Grads {
      Tensor h = c.out(0);
      int64_t batch = cell.sizes()[0], rows = h.sizes()[0];
      auto run = grad_enabled() || h.is_meta() || detail::any_special(c.grads[0], c.grads[1], c.grads[2], cell, weight, h) ? lstm_sequence_backward_formula : lstm_sequence_backward;
      auto [dg, dc] = run(c.grad_or_zeros(0), c.grad_or_zeros(1), c.grad_or_zeros(2), cell, weight, c.out(1), c.out(2), reverse);
      Grads out{dg, Tensor(), dc, Tensor(), Tensor()};
      if (c.needs(1)) out[1] = mm(narrow(dg, 0, reverse ? rows - batch : 0, batch), weight);
      if (c.needs(3)) {
        Tensor before[] = {reverse ? narrow(h, 0, batch, rows - batch) : hidden, reverse ? hidden : narrow(h, 0, 0, rows - batch)};
        out[3] = mm(transpose(dg, 0, 1), cat(TensorList(before, 2), 0));
      }
      if (c.needs(4)) out[4] = sum(dg, IntList(Ints{0}), false);
      return out;
    }),
});
std::tuple<Tensor, Tensor, Tensor> lstm_sequence(const Tensor& x, const Tensor& h, const Tensor& c, const Tensor& w, const Tensor& b, bool r) { return lstm_sequence_op(x, h, c, w, b, r); }

const auto gru_gates_op = compose<&gru_gates>({
    .schema = "_gru_gates(Tensor input_gates, Tensor hidden_gates, Tensor hidden) -> Tensor",
    .in = kPrivate,
    .doc = "One step of a GRU from the sums of its gates.",
    .body = [](const Tensor& input_gates, const Tensor& hidden_gates, const Tensor& hidden) {
      for (const Tensor* t : {&input_gates, &hidden_gates})
        KG_CHECK(t->dim() >= 1 && t->sizes().back() > 0 && t->sizes().back() % 3 == 0, "_gru_gates(): expected three gates in the last dimension, but got shape ", t->sizes());
      auto x = chunk(input_gates, 3, -1), h = chunk(hidden_gates, 3, -1);
      Tensor r = sigmoid(x[0] + h[0]), z = sigmoid(x[1] + h[1]), n = tanh(x[2] + r * h[2]);
      return n + z * (hidden - n);
    },
});

// ---------------------------------------------------------------- layers
enum class Kind { Lstm, Gru, Tanh, Relu };
constexpr int64_t gates_of(Kind k) { return k == Kind::Lstm ? 4 : k == Kind::Gru ? 3 : 1; }

struct Weights {
  Tensor ih, hh, bias_ih, bias_hh, projection;
};
struct State {
  Tensor h, c;
};

State step(Kind kind, const Tensor& input_gates, const State& s, const Weights& w) {
  if (kind == Kind::Gru) return {gru_gates(input_gates, linear(s.h, w.hh, w.bias_hh), s.h), {}};
  Tensor gates = input_gates + linear(s.h, w.hh, w.bias_hh);
  if (kind == Kind::Lstm) {
    auto [h, c] = lstm_gates(gates, s.c);
    return {w.projection.defined() ? linear(h, w.projection) : h, c};
  }
  return {kind == Kind::Tanh ? tanh(gates) : relu(gates), {}};
}

/// Whether one operator computes all steps: sequences of one length, and shapes and dtypes that fit without conversions.
bool takes_sequence(const Tensor& gates, const std::vector<int64_t>& sizes, const State& s, const Weights& w) {
  if (sizes.empty() || w.projection.defined() || !has_kernel(gates) || sizes.front() != sizes.back()) return false;
  int64_t batch = sizes[0], n = w.hh.dim() == 2 ? w.hh.sizes()[1] : 0;
  auto fits = [&](const Tensor& t, IntList shape) { return t.dtype() == gates.dtype() && t.sizes() == shape; };
  return batch > 0 && n > 0 && gates.sizes()[1] == 4 * n && fits(s.h, {batch, n}) && fits(s.c, {batch, n}) && fits(w.hh, {4 * n, n}) && (!w.bias_hh.defined() || fits(w.bias_hh, {4 * n}));
}

/// One direction of one layer over a packed sequence: `sizes[t]` rows at step t. Returns the outputs, packed, and the last state.
std::pair<Tensor, State> direction(Kind kind, const Tensor& data, const std::vector<int64_t>& sizes, State start, const Weights& w, bool reverse) {
  Tensor gates = linear(data, w.ih, w.bias_ih);  // one product for all steps
  if (kind == Kind::Lstm && takes_sequence(gates, sizes, start, w)) {
    auto [h, c, all] = lstm_sequence(gates, start.h, start.c, w.hh, w.bias_hh, reverse);
    int64_t last = reverse ? 0 : h.sizes()[0] - sizes[0];
    return {h, {narrow(h, 0, last, sizes[0]), narrow(c, 0, last, sizes[0])}};
  }
  int64_t steps = int64_t(sizes.size());
  std::vector<Tensor> per_step = sizes.empty() ? std::vector<Tensor>() : split_with_sizes(gates, IntList(sizes), 0);
  std::vector<Tensor> outputs(sizes.size());
  State state = start;
  if (!reverse) {
    std::vector<Tensor> ended_h, ended_c;  // of sequences that stopped, longest last
    auto cut = [&](int64_t n) {
      int64_t had = state.h.sizes()[0];
      if (n == had) return;
      ended_h.push_back(narrow(state.h, 0, n, had - n));
      state.h = narrow(state.h, 0, 0, n);
      if (state.c.defined()) {
        ended_c.push_back(narrow(state.c, 0, n, had - n));
        state.c = narrow(state.c, 0, 0, n);
      }
    };
    for (int64_t t = 0; t < steps; ++t) {
      cut(sizes[size_t(t)]);
      state = step(kind, per_step[size_t(t)], state, w);
      outputs[size_t(t)] = state.h;
    }
    if (!ended_h.empty()) {
      ended_h.push_back(state.h);
      std::reverse(ended_h.begin(), ended_h.end());
      state.h = cat(ended_h, 0);
      if (state.c.defined()) {
        ended_c.push_back(state.c);
        std::reverse(ended_c.begin(), ended_c.end());
        state.c = cat(ended_c, 0);
      }
    }
  } else {
    Tensor all_h = start.h, all_c = start.c;
    for (int64_t t = steps; t-- > 0;) {
      int64_t n = sizes[size_t(t)];
      if (t == steps - 1) {
        state = {narrow(all_h, 0, 0, n), all_c.defined() ? narrow(all_c, 0, 0, n) : Tensor()};
      } else if (int64_t had = state.h.sizes()[0]; n > had) {  // shorter sequences join
        Tensor hs[] = {state.h, narrow(all_h, 0, had, n - had)};
        state.h = cat(TensorList(hs, 2), 0);
        if (all_c.defined()) {
          Tensor cs[] = {state.c, narrow(all_c, 0, had, n - had)};
          state.c = cat(TensorList(cs, 2), 0);
        }
      }
      state = step(kind, per_step[size_t(t)], state, w);
      outputs[size_t(t)] = state.h;
    }
  }
  return {outputs.empty() ? data : cat(outputs, 0), state};
}

struct Outcome {
  Tensor output, h, c;
};

Outcome run_layers(Kind kind, Tensor data, const std::vector<int64_t>& sizes, const Tensor& h0, const Tensor& c0, TensorList params, bool has_biases, int64_t layers, double p,
                   bool train, bool bidirectional) {
  int64_t directions = bidirectional ? 2 : 1;
  bool projected = kind == Kind::Lstm && h0.sizes().back() != c0.sizes().back();
  size_t per_direction = (has_biases ? 4 : 2) + (projected ? 1 : 0);
  KG_CHECK(int64_t(params.size()) == layers * directions * int64_t(per_direction), "got an incorrect number of RNN parameters");
  auto weights = [&](size_t i) {
    const Tensor* w = &params[i * per_direction];
    return Weights{w[0], w[1], has_biases ? w[2] : Tensor(), has_biases ? w[3] : Tensor(), projected ? w[per_direction - 1] : Tensor()};
  };
  std::vector<Tensor> hs, cs;
  for (int64_t layer = 0; layer < layers; ++layer) {
    std::vector<Tensor> outputs;
    for (int64_t d = 0; d < directions; ++d) {
      int64_t i = layer * directions + d;
      auto [out, state] = direction(kind, data, sizes, {select(h0, 0, i), c0.defined() ? select(c0, 0, i) : Tensor()}, weights(size_t(i)), d == 1);
      outputs.push_back(out);
      hs.push_back(state.h);
      if (state.c.defined()) cs.push_back(state.c);
    }
    data = directions == 1 ? outputs[0] : cat(outputs, -1);
    if (p > 0 && train && layer + 1 < layers) data = dropout(data, p, true);
  }
  return {data, stack(hs, 0), cs.empty() ? Tensor() : stack(cs, 0)};
}

void check_states(Kind kind, TensorList hx) {
  KG_CHECK(hx.size() == (kind == Kind::Lstm ? 2u : 1u), "expected ", kind == Kind::Lstm ? "two" : "one", " hidden state", kind == Kind::Lstm ? "s" : "", " for this RNN, got ", hx.size());
  for (const Tensor& t : hx) KG_CHECK(t.dim() == 3, "hidden states must have 3 dimensions (layers * directions, batch, size), got ", t.sizes());
}

Outcome padded(Kind kind, const Tensor& input, TensorList hx, TensorList params, bool has_biases, int64_t layers, double p, bool train, bool bidirectional, bool batch_first) {
  check_states(kind, hx);
  KG_CHECK(input.dim() == 3, "RNN: expected an input of 3 dimensions, got ", input.sizes());
  Tensor x = batch_first ? transpose(input, 0, 1) : input;
  int64_t steps = x.sizes()[0], batch = x.sizes()[1];
  KG_CHECK(steps > 0, "Expected sequence length to be larger than 0 in RNN");
  Outcome o = run_layers(kind, reshape(x, {steps * batch, x.sizes()[2]}), std::vector<int64_t>(size_t(steps), batch), hx[0], hx.size() > 1 ? hx[1] : Tensor(), params, has_biases,
                         layers, p, train, bidirectional);
  o.output = reshape(o.output, {steps, batch, o.output.sizes().back()});
  if (batch_first) o.output = transpose(o.output, 0, 1);
  return o;
}

Outcome packed(Kind kind, const Tensor& data, const Tensor& batch_sizes, TensorList hx, TensorList params, bool has_biases, int64_t layers, double p, bool train, bool bidirectional) {
  check_states(kind, hx);
  KG_CHECK(batch_sizes.dtype() == DType::Int64 && batch_sizes.dim() == 1, "batch_sizes must be a 1-D int64 tensor, got ", batch_sizes.dtype(), " of shape ", batch_sizes.sizes());
  Tensor bs = contiguous(batch_sizes);
  std::vector<int64_t> sizes(bs.data<int64_t>(), bs.data<int64_t>() + bs.numel());
  int64_t total = 0;
  for (size_t t = 0; t < sizes.size(); ++t) {
    KG_CHECK(sizes[t] > 0 && (t == 0 || sizes[t] <= sizes[t - 1]), "batch_sizes must be positive and must not increase");
    total += sizes[t];
  }
  KG_CHECK(data.dim() == 2 && data.sizes()[0] == total, "packed data of shape ", data.sizes(), " does not have the ", total, " rows that batch_sizes says");
  return run_layers(kind, data, sizes, hx[0], hx.size() > 1 ? hx[1] : Tensor(), params, has_biases, layers, p, train, bidirectional);
}

constexpr unsigned where = kFunction;

const auto lstm_op = compose<&lstm>({
    .schema = "lstm(Tensor input, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor, Tensor)",
    .in = where,
    .doc = "A stack of LSTM layers over a batch of sequences (Hochreiter and Schmidhuber 1997): (output, h, c).",
    .body = [](const Tensor& input, TensorList hx, TensorList params, bool has_biases, int64_t layers, double p, bool train, bool bidirectional, bool batch_first) {
      Outcome o = padded(Kind::Lstm, input, hx, params, has_biases, layers, p, train, bidirectional, batch_first);
      return std::tuple(o.output, o.h, o.c);
    },
});
const auto lstm_packed_op = compose<&lstm_packed>({
    .schema = "lstm.data(Tensor data, Tensor batch_sizes, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional) -> (Tensor, Tensor, Tensor)",
    .in = where,
    .doc = "LSTM over packed sequences.",
    .body = [](const Tensor& data, const Tensor& batch_sizes, TensorList hx, TensorList params, bool has_biases, int64_t layers, double p, bool train, bool bidirectional) {
      Outcome o = packed(Kind::Lstm, data, batch_sizes, hx, params, has_biases, layers, p, train, bidirectional);
      return std::tuple(o.output, o.h, o.c);
    },
});

using Pair = std::tuple<Tensor, Tensor>;
// The single-state layers differ in their kind only.
#define KG_RECURRENT(name, kind, text)                                                                                                                                        \
  Pair name(const Tensor& input, const Tensor& hx, TensorList params, bool has_biases, int64_t num_layers, double dropout, bool train, bool bidirectional, bool batch_first); \
  Pair name##_packed(const Tensor& data, const Tensor& batch_sizes, const Tensor& hx, TensorList params, bool has_biases, int64_t num_layers, double dropout, bool train,     \
                     bool bidirectional);                                                                                                                                     \
  const auto name##_op = compose<&name>({                                                                                                                                     \
      .schema = #name "(Tensor input, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor)", \
      .in = where,                                                                                                                                                            \
      .doc = text ": (output, h).",                                                                                                                                           \
      .body = [](const Tensor& input, const Tensor& hx, TensorList params, bool has_biases, int64_t layers, double p, bool train, bool bidirectional, bool batch_first) {     \
        Outcome o = padded(kind, input, TensorList(&hx, 1), params, has_biases, layers, p, train, bidirectional, batch_first);                                                \
        return Pair(o.output, o.h);                                                                                                                                           \
      },                                                                                                                                                                      \
  });                                                                                                                                                                         \
  const auto name##_packed_op = compose<&name##_packed>({                                                                                                                     \
      .schema = #name ".data(Tensor data, Tensor batch_sizes, Tensor hx, Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, bool bidirectional) -> (Tensor, Tensor)", \
      .in = where,                                                                                                                                                            \
      .doc = text " over packed sequences.",                                                                                                                                  \
      .body = [](const Tensor& data, const Tensor& batch_sizes, const Tensor& hx, TensorList params, bool has_biases, int64_t layers, double p, bool train, bool bidirectional) { \
        Outcome o = packed(kind, data, batch_sizes, TensorList(&hx, 1), params, has_biases, layers, p, train, bidirectional);                                                 \
        return Pair(o.output, o.h);                                                                                                                                           \
      },                                                                                                                                                                      \
  });                                                                                                                                                                         \
  [[maybe_unused]] Pair name(const Tensor& input, const Tensor& hx, TensorList params, bool b, int64_t l, double p, bool t, bool bi, bool bf) {                               \
    return name##_op(input, hx, params, b, l, p, t, bi, bf);                                                                                                                  \
  }                                                                                                                                                                           \
  [[maybe_unused]] Pair name##_packed(const Tensor& data, const Tensor& sizes, const Tensor& hx, TensorList params, bool b, int64_t l, double p, bool t, bool bi) {           \
    return name##_packed_op(data, sizes, hx, params, b, l, p, t, bi);                                                                                                         \
  }
KG_RECURRENT(gru, Kind::Gru, "A stack of GRU layers over a batch of sequences (Cho et al. 2014)")
KG_RECURRENT(rnn_tanh, Kind::Tanh, "A stack of Elman layers with tanh over a batch of sequences")
KG_RECURRENT(rnn_relu, Kind::Relu, "A stack of Elman layers with relu over a batch of sequences")
#undef KG_RECURRENT

// ---------------------------------------------------------------- single steps
State cell(Kind kind, const Tensor& input, const State& s, const Weights& w) {
  KG_CHECK(input.sizes().back() == w.ih.sizes()[1], "input has inconsistent input_size: got ", input.sizes().back(), " expected ", w.ih.sizes()[1]);
  KG_CHECK(s.h.sizes().back() == w.hh.sizes()[1], "hidden0 has inconsistent hidden_size: got ", s.h.sizes().back(), ", expected ", w.hh.sizes()[1]);
  KG_CHECK(input.dim() != 2 || s.h.dim() != 2 || input.sizes()[0] == s.h.sizes()[0], "Input batch size ", input.sizes()[0], " doesn't match hidden0 batch size ", s.h.dim() == 2 ? s.h.sizes()[0] : 1);
  KG_CHECK(w.ih.sizes()[0] == gates_of(kind) * w.hh.sizes()[1], "weight_ih has ", w.ih.sizes()[0], " rows, expected ", gates_of(kind) * w.hh.sizes()[1]);
  return step(kind, linear(input, w.ih, w.bias_ih), s, w);
}
Pair lstm_cell(const Tensor& input, TensorList hx, const Tensor& w_ih, const Tensor& w_hh, const Tensor& b_ih, const Tensor& b_hh);
const auto lstm_cell_op = compose<&lstm_cell>({
    .schema = "lstm_cell(Tensor input, Tensor[] hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None) -> (Tensor, Tensor)",
    .in = where,
    .doc = "One step of an LSTM: (h', c').",
    .body = [](const Tensor& input, TensorList hx, const Tensor& w_ih, const Tensor& w_hh, const Tensor& b_ih, const Tensor& b_hh) {
      KG_CHECK(hx.size() == 2, "lstm_cell expects two hidden states");
      State s = cell(Kind::Lstm, input, {hx[0], hx[1]}, {w_ih, w_hh, b_ih, b_hh, {}});
      return Pair(s.h, s.c);
    },
});
Pair lstm_cell(const Tensor& input, TensorList hx, const Tensor& w_ih, const Tensor& w_hh, const Tensor& b_ih, const Tensor& b_hh) { return lstm_cell_op(input, hx, w_ih, w_hh, b_ih, b_hh); }
#define KG_CELL(name, kind)                                                                                                                                  \
  Tensor name(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh, const Tensor& b_ih, const Tensor& b_hh);                        \
  const auto name##_op = compose<&name>({                                                                                                                    \
      .schema = #name "(Tensor input, Tensor hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, Tensor? b_hh=None) -> Tensor",                                 \
      .in = where,                                                                                                                                           \
      .doc = "One step of the recurrent layer: h'.",                                                                                                         \
      .body = [](const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh, const Tensor& b_ih, const Tensor& b_hh) {                    \
        return cell(kind, input, {hx, {}}, {w_ih, w_hh, b_ih, b_hh, {}}).h;                                                                                  \
      },                                                                                                                                                     \
  });                                                                                                                                                        \
  Tensor name(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh, const Tensor& b_ih, const Tensor& b_hh) { return name##_op(input, hx, w_ih, w_hh, b_ih, b_hh); }
KG_CELL(gru_cell, Kind::Gru)
KG_CELL(rnn_tanh_cell, Kind::Tanh)
KG_CELL(rnn_relu_cell, Kind::Relu)
#undef KG_CELL

}  // namespace

std::tuple<Tensor, Tensor> lstm_gates(const Tensor& gates, const Tensor& cell) { return lstm_gates_op(gates, cell); }
Tensor gru_gates(const Tensor& x, const Tensor& h, const Tensor& hidden) { return gru_gates_op(x, h, hidden); }
std::tuple<Tensor, Tensor, Tensor> lstm(const Tensor& input, TensorList hx, TensorList params, bool b, int64_t layers, double p, bool train, bool bi, bool batch_first) {
  return lstm_op(input, hx, params, b, layers, p, train, bi, batch_first);
}
std::tuple<Tensor, Tensor, Tensor> lstm_packed(const Tensor& data, const Tensor& sizes, TensorList hx, TensorList params, bool b, int64_t layers, double p, bool train, bool bi) {
  return lstm_packed_op(data, sizes, hx, params, b, layers, p, train, bi);
}

}  // namespace kagari
