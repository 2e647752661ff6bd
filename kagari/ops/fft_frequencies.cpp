// The frequencies that belong to the results of Fourier transforms.
#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/fft.h"

namespace kagari {
namespace {

/// first, first + 1, ... below beyond, divided by n d.
Tensor frequencies(std::string_view name, int64_t first, int64_t beyond, int64_t n, double d, const TensorOptions& options) {
  TensorOptions plain = options;
  plain.dtype = options.dtype.value_or(default_dtype());
  plain.requires_grad = false;
  KG_CHECK(is_differentiable(*plain.dtype), name, " requires a floating point or complex dtype");
  KG_CHECK(n >= 0, "Trying to create tensor with negative dimension ", n, ": [", n, "]");
  return arange(first, beyond, 1, plain) * Scalar(1 / (double(n) * d));
}
Tensor fftfreq(int64_t n, double d, const TensorOptions& options) {
  return finish_new(ifftshift(frequencies("fftfreq", -(n / 2), n - n / 2, n, d, options)), options);
}
Tensor rfftfreq(int64_t n, double d, const TensorOptions& options) { return finish_new(frequencies("rfftfreq", 0, n / 2 + 1, n, d, options), options); }

const auto fftfreq_op = compose<&fftfreq>({
    .schema = "fft_fftfreq(int n, float d=1.0, *, Options options) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The frequencies of the n results of fft for samples d apart: [0, 1, ..., -2, -1] / (n d).\n\n"
           ">>> torch.fft.fftfreq(5)\ntensor([ 0.0000,  0.2000,  0.4000, -0.4000, -0.2000])",
    .body = fftfreq,
});
const auto rfftfreq_op = compose<&rfftfreq>({
    .schema = "fft_rfftfreq(int n, float d=1.0, *, Options options) -> Tensor",
    .in = kFunction | kOut,
    .doc = "The frequencies of the n / 2 + 1 results of rfft for samples d apart: [0, 1, ..., n / 2] / (n d).\n\n"
           ">>> torch.fft.rfftfreq(5)\ntensor([0.0000, 0.2000, 0.4000])",
    .body = rfftfreq,
});

}  // namespace
}  // namespace kagari
