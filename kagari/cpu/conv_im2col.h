#pragma once
#include "kagari/cpu/conv.h"

// Convolution as matrix products over unfolded inputs, for the dtypes that oneDNN does not take. `c` is not transposed. Internal
// to kagari/cpu; same arguments as the public functions, without bias gradients.

namespace kagari {

void im2col_convolution(const Convolution& c, const void* input, const void* weight, const void* bias, void* output);
void im2col_backward_input(const Convolution& c, const void* grad_output, const void* weight, void* grad_input);
void im2col_backward_weight(const Convolution& c, const void* input, const void* grad_output, void* grad_weight);

}  // namespace kagari
