// Short-time Fourier transforms: of overlapping frames of a signal, each multiplied by a window.
#include <algorithm>

#include "kagari/op/op.h"
#include "kagari/ops/arithmetic.h"
#include "kagari/ops/comparison.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/creation.h"
#include "kagari/ops/fft.h"
#include "kagari/ops/padding.h"
#include "kagari/ops/pointwise.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

/// A window of n_fft entries: the given one, or ones, with zeros on both sides.
Tensor padded_window(const Tensor& window, int64_t win_length, int64_t n_fft, DType dtype) {
  Tensor w = window;
  if (!w.defined()) {
    if (win_length == n_fft) return {};
    TensorOptions options;
    options.dtype = dtype;
    w = ones({win_length}, options);
  }
  int64_t left = (n_fft - win_length) / 2;
  return win_length == n_fft ? w : constant_pad_nd(w, {left, n_fft - win_length - left});
}

Tensor stft(const Tensor& self, int64_t n_fft, MaybeInt hop_length, MaybeInt win_length, const Tensor& window, bool center, std::string_view pad_mode,
            bool normalized, std::optional<bool> onesided, std::optional<bool> return_complex, std::optional<bool> align_to_window) {
  KG_CHECK(!window.defined() || window.device() == self.device(), "stft input and window must be on the same device but got self on ", self.device(),
           " and window on ", window.device());
  KG_CHECK(!center || !align_to_window, "stft align_to_window should only be set when center = false");
  KG_CHECK(self.dim() <= 2, "stft(): expected a 1D or 2D tensor, but got shape ", self.sizes());
  Tensor x = self;
  if (center) {
    Ints sizes{1, 1, 1};
    for (int64_t i = 0; i < self.dim(); ++i) sizes[size_t(3 - self.dim() + i)] = self.sizes()[size_t(i)];
    x = pad(reshape(self, sizes), {n_fft / 2, n_fft / 2}, pad_mode);
    x = self.dim() == 2 ? squeeze_dim(x, 0) : reshape(x, {x.size(-1)});
  }
  const int64_t hop = hop_length.value_or(n_fft / 4), length = win_length.value_or(n_fft);
  KG_CHECK(is_differentiable(x.dtype()), "stft(): expected a tensor of floating point or complex values, but got ", x.dtype());
  KG_CHECK(x.dim() == 1 || x.dim() == 2, "stft(): expected a 1D or 2D tensor, but got shape ", x.sizes());
  const int64_t samples = x.size(-1);
  KG_CHECK(n_fft > 0 && n_fft <= samples, "stft(): expected 0 < n_fft < ", samples, ", but got n_fft=", n_fft);
  KG_CHECK(hop > 0, "stft(): expected hop_length > 0, but got hop_length=", hop);
  KG_CHECK(length > 0 && length <= n_fft, "stft(): expected 0 < win_length <= n_fft, but got win_length=", length);
  KG_CHECK(!window.defined() || (window.dim() == 1 && window.numel() == length), "stft(): expected a 1D window tensor of size equal to win_length=", length,
           ", but got window with size ", window.defined() ? window.sizes() : IntList());
  const bool complex = x.is_complex() || (window.defined() && window.is_complex());
  const bool half = onesided.value_or(!complex);
  KG_CHECK(!half || !complex, "Cannot have onesided output if window or input is complex");
  KG_CHECK(return_complex || complex, "stft requires the return_complex parameter be given for real inputs, and will further require that return_complex=True "
           "in a future PyTorch release.");
  const bool aligned = align_to_window.value_or(false);
  Tensor frames = unfold(x, -1, aligned ? length : n_fft, hop);
  if (aligned) {
    const int64_t left = (n_fft - length) / 2;
    frames = constant_pad_nd(window.defined() ? frames * window : frames, {left, n_fft - length - left});
  } else if (Tensor w = padded_window(window, length, n_fft, x.dtype()); w.defined()) {
    frames = frames * w;
  }
  const int64_t normalization = normalized ? 1 : 0;
  KG_CHECK(!is_half(frames.dtype()), "Unsupported dtype ", legacy_name(frames.dtype()));
  Tensor y = frames.is_complex() ? fft_c2c(frames, {-1}, normalization, true) : fft_r2c(frames, {-1}, normalization, half);
  y = transpose(y, -2, -1);
  return return_complex.value_or(complex) ? y : view_as_real(y);
}
const auto stft_op = compose<&stft>({
    .schema = "stft(Tensor self, int n_fft, int? hop_length=None, int? win_length=None, Tensor? window=None, bool center=True, str pad_mode='reflect', "
              "bool normalized=False, bool? onesided=None, bool? return_complex=None, bool? align_to_window=None) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "The Fourier transforms of frames of n_fft samples, hop_length (default n_fft / 4) apart, each multiplied by the window: a complex tensor (..., "
           "frequencies, frames).\n\ncenter: the signal is padded by n_fft / 2 on both sides as pad_mode says, so that frame t is centred at t * hop_length.\n"
           "win_length, window: a window of win_length (default n_fft) samples, in the middle of the frame; ones by default.\n"
           "normalized: divided by the root of n_fft.\nonesided: the n_fft / 2 + 1 frequencies that determine the others (the default for real signals).\n"
           "return_complex: False gives real and imaginary parts in a last dimension; required for real signals.\n"
           "align_to_window: without centring, frames are win_length long.\n\n"
           ">>> torch.stft(torch.ones(8), 4, window=torch.ones(4), return_complex=True).shape\ntorch.Size([3, 9])",
    .body = stft,
});

Tensor istft(const Tensor& self, int64_t n_fft, MaybeInt hop_length, MaybeInt win_length, const Tensor& window, bool center, bool normalized,
             std::optional<bool> onesided, MaybeInt length, bool return_complex) {
  KG_CHECK(!window.defined() || window.device() == self.device(), "istft input and window must be on the same device but got self on ", self.device(),
           " and window on ", window.device());
  const int64_t hop = hop_length.value_or(n_fft / 4), win = win_length.value_or(n_fft);
  KG_CHECK(self.is_complex(), "istft requires a complex-valued input tensor matching the output from stft with return_complex=True.");
  KG_CHECK(self.numel() > 0, "istft(): input tensor cannot be empty.");
  KG_CHECK_INDEX(self.dim() >= 2, "Dimension out of range (expected to be in range of [", -self.dim() - 1, ", ", self.dim(), "], but got -3)");
  KG_CHECK(self.dim() <= 3, "istft(): expected a tensor of shape (frequencies, frames) or (batch, frequencies, frames), but got ", self.sizes());
  const int64_t frequencies = self.size(-2), count = self.size(-1);
  const bool half = onesided.value_or(frequencies != n_fft);
  KG_CHECK(frequencies == (half ? n_fft / 2 + 1 : n_fft), "istft(): expected the frequency dimension (3rd to the last) of the input tensor to match n_fft",
           half ? " / 2 + 1" : "", " when onesided=", half, ", but got ", frequencies);
  KG_CHECK(0 < hop && hop <= win, "istft(): expected 0 < hop_length <= win_length, but got hop_length=", hop, " and win_length=", win);
  KG_CHECK(0 < win && win <= n_fft, "istft(): expected 0 < win_length <= n_fft, but got win_length=", win, " and n_fft=", n_fft);
  KG_CHECK(!window.defined() || (window.dim() == 1 && window.numel() == win),
           "istft(): Invalid window shape. window has to be 1D and length of `win_length`");
  KG_CHECK(return_complex || !window.defined() || !window.is_complex(), "Complex windows are incompatible with return_complex=False");
  KG_CHECK(!return_complex || !half, "Cannot have onesided output if window or input is complex");
  DType real_type = to_real(self.dtype());
  Tensor w = window;
  if (!w.defined() || win != n_fft) w = padded_window(window, win, n_fft, real_type);
  if (!w.defined()) {
    TensorOptions options;
    options.dtype = real_type;
    w = ones({n_fft}, options);
  }
  Tensor spectra = transpose(self.dim() == 2 ? unsqueeze(self, 0) : self, 1, 2);  // (batch, frames, frequencies)
  const int64_t normalization = normalized ? 1 : 2;
  Tensor frames;
  if (return_complex) frames = fft_c2c(spectra, {-1}, normalization, false);
  else frames = fft_c2r(half ? spectra : slice(spectra, -1, 0, n_fft / 2 + 1), {-1}, normalization, n_fft);
  const int64_t all = n_fft + hop * (count - 1);
  Tensor sums = unfold_backward(frames * w, {spectra.size(0), all}, 1, n_fft, hop);
  Tensor envelope = unfold_backward(expand(w * w, {count, n_fft}), {all}, 0, n_fft, hop);
  const int64_t start = center ? n_fft / 2 : 0;
  const int64_t end = length ? start + *length : center ? all - n_fft / 2 : all;
  sums = slice(sums, 1, start, std::min(end, all));
  envelope = slice(envelope, 0, start, std::min(end, all));
  KG_CHECK(envelope.is_meta() || !any(le(abs(detach(envelope)), wrapped_number(1e-11))).item<bool>(), "istft(): window overlap add min: 1; the squares of the windows do not cover all of the signal");
  Tensor y = sums / envelope;
  if (end > all) y = constant_pad_nd(y, {0, end - all});
  return self.dim() == 2 ? squeeze_dim(y, 0) : y;
}
const auto istft_op = compose<&istft>({
    .schema = "istft(Tensor self, int n_fft, int? hop_length=None, int? win_length=None, Tensor? window=None, bool center=True, bool normalized=False, "
              "bool? onesided=None, int? length=None, bool return_complex=False) -> Tensor",
    .in = kFunction | kMethod,
    .doc = "The signal whose short-time transforms come closest to the given ones in the sense of least squares: the inverse of stft, called with the same "
           "arguments (Griffin and Lim 1984). The squared windows must cover the whole signal.\n\nlength: of the result; by default what the frames determine.\n"
           "return_complex: the signal is complex.\n\n"
           ">>> s = torch.stft(torch.arange(8.), 4, window=torch.ones(4), return_complex=True)\n"
           ">>> torch.istft(s, 4, window=torch.ones(4))\ntensor([0., 1., 2., 3., 4., 5., 6., 7.])",
    .body = istft,
});

}  // namespace
}  // namespace kagari
