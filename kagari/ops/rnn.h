#pragma once
#include "kagari/tensor/tensor.h"

// Recurrent layers. params holds, for each layer and direction, weight_ih, weight_hh and, with biases, bias_ih, bias_hh.
namespace kagari {

/// One step of an LSTM from the sums of its four gates (in order i, f, g, o): (h', c').
KAGARI_API std::tuple<Tensor, Tensor> lstm_gates(const Tensor& gates, const Tensor& cell);
/// One step of a GRU from its input and hidden sums (in order r, z, n): h'.
KAGARI_API Tensor gru_gates(const Tensor& input_gates, const Tensor& hidden_gates, const Tensor& hidden);

/// (output, h, c) for a batch of sequences of one length. hx: (h, c), each (layers * directions, batch, hidden).
KAGARI_API std::tuple<Tensor, Tensor, Tensor> lstm(const Tensor& input, TensorList hx, TensorList params, bool has_biases, int64_t num_layers, double dropout, bool train,
                                                   bool bidirectional, bool batch_first);
/// The same for packed sequences of falling lengths: batch_sizes (CPU, int64) says how many still run at each step.
KAGARI_API std::tuple<Tensor, Tensor, Tensor> lstm_packed(const Tensor& data, const Tensor& batch_sizes, TensorList hx, TensorList params, bool has_biases, int64_t num_layers,
                                                          double dropout, bool train, bool bidirectional);

}  // namespace kagari
