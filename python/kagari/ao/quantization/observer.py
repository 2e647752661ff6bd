"""Observers: modules that let tensors pass, remember what range their numbers have, and choose scales and zero points.

Source of the scheme: Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference".
"""
import functools
import warnings
from collections import OrderedDict

import kagari
from kagari import nn

__all__ = [
    "AffineQuantizedObserverBase", "FixedQParamsObserver", "HistogramObserver", "MinMaxObserver", "MovingAverageMinMaxObserver",
    "MovingAveragePerChannelMinMaxObserver", "NoopObserver", "ObserverBase", "PerChannelMinMaxObserver", "PlaceholderObserver", "RecordingObserver",
    "ReuseInputObserver", "UniformQuantizationObserverBase", "default_affine_fixed_qparams_observer", "default_debug_observer",
    "default_dynamic_quant_observer", "default_fixed_qparams_range_0to1_observer", "default_fixed_qparams_range_neg1to1_observer",
    "default_float_qparams_observer", "default_float_qparams_observer_4bit", "default_histogram_observer", "default_observer",
    "default_per_channel_weight_observer", "default_placeholder_observer", "default_reuse_input_observer", "default_symmetric_fixed_qparams_observer",
    "default_weight_observer", "get_observer_state_dict", "load_observer_state_dict", "per_channel_weight_observer_range_neg_127_to_127",
    "weight_observer_range_neg_127_to_127",
]

_EPS = kagari.finfo(kagari.float32).eps


class _PartialWrapper:
    """A class with some of its arguments; more can be given with with_args, and functions of no argument with with_callable_args."""

    def __init__(self, p):
        self.p, self.callable_args = p, {}

    def __call__(self, *args, **keywords):
        return self.p(*args, **{**{name: f() for name, f in self.callable_args.items() if name not in keywords}, **keywords})

    def __repr__(self):
        return repr(self.p) + repr(self.callable_args)

    def with_args(self, **kwargs):
        return _with_args(self, **kwargs)

    def with_callable_args(self, **kwargs):
        return _with_callable_args(self, **kwargs)


def _with_args(cls_or_self, **kwargs):
    """The class with these arguments, to be called for an observer: MinMaxObserver.with_args(dtype=torch.qint8)."""
    if isinstance(cls_or_self, _PartialWrapper):
        made = _PartialWrapper(functools.partial(cls_or_self.p, **kwargs))
        made.callable_args = dict(cls_or_self.callable_args)
        return made
    return _PartialWrapper(functools.partial(cls_or_self, **kwargs))


def _with_callable_args(cls_or_self, **kwargs):
    """The same with functions, which are called for each observer."""
    made = _with_args(cls_or_self)
    made.callable_args = {**made.callable_args, **kwargs}
    return made


class ObserverBase(nn.Module):
    """Base of observers: forward(x) looks at x and returns it; calculate_qparams() gives scale and zero point."""

    def __init__(self, dtype, is_dynamic=False):
        super().__init__()
        self.dtype, self.is_dynamic = dtype, is_dynamic

    def forward(self, x):
        raise NotImplementedError

    def calculate_qparams(self, **kwargs):
        raise NotImplementedError

    with_args = classmethod(_with_args)
    with_callable_args = classmethod(_with_callable_args)


def _range_of(dtype, reduce_range, quant_min, quant_max):
    if quant_min is not None or quant_max is not None:
        if quant_min is None or quant_max is None or quant_min > 0 and dtype in (kagari.qint8,) or quant_min > quant_max:
            raise AssertionError("Used-specified quantization range must include 0 and quant_min must be below quant_max.")
        return (quant_min // 2, quant_max // 2) if reduce_range else (quant_min, quant_max)
    ranges = {kagari.qint8: (-128, 127), kagari.int8: (-128, 127), kagari.quint8: (0, 255), kagari.uint8: (0, 255),
              kagari.qint32: (-2 ** 31, 2 ** 31 - 1), kagari.int32: (-2 ** 31, 2 ** 31 - 1), kagari.int16: (-2 ** 15, 2 ** 15 - 1),
              kagari.uint16: (0, 2 ** 16 - 1)}
    least, most = ranges.get(dtype, (0, 15))
    if reduce_range and dtype in (kagari.qint8, kagari.int8, kagari.quint8, kagari.uint8):
        least, most = least // 2, most // 2
    return least, most


class UniformQuantizationObserverBase(ObserverBase):
    """Base of observers with levels at equal distances. reduce_range: half of the levels, for processors whose sums would overflow."""
    _version = 3

    def __init__(self, dtype=kagari.quint8, qscheme=kagari.per_tensor_affine, reduce_range=False, quant_min=None, quant_max=None, factory_kwargs=None,
                 eps=_EPS, is_dynamic=False, **kwargs):
        super().__init__(dtype=dtype, is_dynamic=is_dynamic, **kwargs)
        self.qscheme = qscheme
        if reduce_range:
            warnings.warn("Please use quant_min and quant_max to specify the range for observers.                     "
                          "reduce_range will be deprecated in a future release of PyTorch.", stacklevel=2)
        self.reduce_range = reduce_range
        self.register_buffer("eps", kagari.tensor([eps]))
        schemes = (kagari.per_tensor_affine, kagari.per_tensor_symmetric, kagari.per_channel_affine, kagari.per_channel_symmetric,
                   kagari.per_channel_affine_float_qparams)
        if qscheme not in schemes:
            raise AssertionError("Default Observer only works for per_tensor_affine, per_tensor_symmetric, per_channel_affine, per_channel_symmetric and "
                                 "per_channel_float_qparams quantization scheme")
        self.has_customized_qrange = quant_min is not None and quant_max is not None
        self.quant_min, self.quant_max = _range_of(dtype, reduce_range, quant_min, quant_max)

    def _calculate_qparams(self, min_val, max_val):
        """(scale, zero point): the range with 0 in it, divided into equal steps."""
        if min_val.numel() == 0 or max_val.numel() == 0 or bool((min_val == float("inf")).all() and (max_val == float("-inf")).all()):
            warnings.warn("must run observer before calling calculate_qparams. Returning default values.", stacklevel=2)
            return kagari.tensor([1.0]), kagari.tensor([0])
        if bool((min_val > max_val).any()):
            raise AssertionError(f"min {min_val} should be less than max {max_val}")
        least, most = min_val.clamp(max=0), max_val.clamp(min=0)
        steps = float(self.quant_max - self.quant_min)
        zero_point = kagari.zeros(least.size(), dtype=kagari.int64)
        if self.qscheme in (kagari.per_tensor_symmetric, kagari.per_channel_symmetric):
            scale = kagari.max(kagari.max(-least, most) / (steps / 2), self.eps)
            if self.dtype in (kagari.quint8, kagari.uint8):
                zero_point = zero_point.new_full(zero_point.size(), (self.quant_min + self.quant_max) // 2 if self.has_customized_qrange else 128)
            elif self.dtype == kagari.uint16:
                zero_point = zero_point.new_full(zero_point.size(), 2 ** 15)
        elif self.qscheme == kagari.per_channel_affine_float_qparams:
            scale = (max_val - min_val) / steps
            scale = kagari.where(scale > self.eps, scale, kagari.ones_like(scale))
            zero_point = -1 * min_val / scale
        else:
            scale = kagari.max((most - least) / steps, self.eps)
            zero_point = (self.quant_min - kagari.round(least / scale).to(kagari.int)).clamp(self.quant_min, self.quant_max)
        if scale.dim() == 0:
            scale = kagari.tensor([float(scale)], dtype=scale.dtype)
        if zero_point.dim() == 0:
            zero_point = kagari.tensor([zero_point.item()], dtype=zero_point.dtype)
        return scale, zero_point

    def reset_min_max_vals(self):
        raise NotImplementedError("Cannot reset min/max values in the given observer.")


AffineQuantizedObserverBase = UniformQuantizationObserverBase


class MinMaxObserver(UniformQuantizationObserverBase):
    """Remembers the least and the greatest number that it has seen.

        >>> import kagari as torch
        >>> observer = torch.ao.quantization.MinMaxObserver()
        >>> _ = observer(torch.tensor([-1., 4.1]))
        >>> observer.calculate_qparams()
        (tensor([0.0200]), tensor([50], dtype=torch.int32))
    """

    def __init__(self, dtype=kagari.quint8, qscheme=kagari.per_tensor_affine, reduce_range=False, quant_min=None, quant_max=None, factory_kwargs=None,
                 eps=_EPS, is_dynamic=False, **kwargs):
        if qscheme not in (kagari.per_tensor_affine, kagari.per_tensor_symmetric) and type(self) in (MinMaxObserver, MovingAverageMinMaxObserver):
            raise NotImplementedError("MinMaxObserver's qscheme only support torch.per_tensor_symmetric and torch.per_tensor_affine.")
        super().__init__(dtype=dtype, qscheme=qscheme, reduce_range=reduce_range, quant_min=quant_min, quant_max=quant_max, eps=eps, is_dynamic=is_dynamic, **kwargs)
        self.register_buffer("min_val", kagari.tensor(float("inf")))
        self.register_buffer("max_val", kagari.tensor(float("-inf")))

    def forward(self, x_orig):
        if x_orig.numel():
            least, most = kagari.aminmax(x_orig.detach().to(self.min_val.dtype))
            self.min_val.copy_(kagari.min(least, self.min_val))
            self.max_val.copy_(kagari.max(most, self.max_val))
        return x_orig

    def calculate_qparams(self):
        """(scale, zero point), each a tensor."""
        return self._calculate_qparams(self.min_val, self.max_val)

    def extra_repr(self):
        return f"min_val={self.min_val}, max_val={self.max_val}"

    def reset_min_max_vals(self):
        """Forgets what was seen."""
        self.min_val.copy_(kagari.tensor(float("inf")))
        self.max_val.copy_(kagari.tensor(float("-inf")))


def _moved(running, now, constant):
    return kagari.where(kagari.isinf(running), now, running + constant * (now - running))


class MovingAverageMinMaxObserver(MinMaxObserver):
    """Averages least and greatest numbers: running + averaging_constant * (now - running)."""

    def __init__(self, averaging_constant=0.01, dtype=kagari.quint8, qscheme=kagari.per_tensor_affine, reduce_range=False, quant_min=None, quant_max=None,
                 eps=_EPS, is_dynamic=False, **kwargs):
        super().__init__(dtype=dtype, qscheme=qscheme, reduce_range=reduce_range, quant_min=quant_min, quant_max=quant_max, eps=eps, is_dynamic=is_dynamic, **kwargs)
        self.averaging_constant = averaging_constant

    def forward(self, x_orig):
        if x_orig.numel():
            least, most = kagari.aminmax(x_orig.detach().to(self.min_val.dtype))
            self.min_val.copy_(_moved(self.min_val, least, self.averaging_constant))
            self.max_val.copy_(_moved(self.max_val, most, self.averaging_constant))
        return x_orig


class PerChannelMinMaxObserver(UniformQuantizationObserverBase):
    """Least and greatest number for each index of dimension ch_axis."""

    def __init__(self, ch_axis=0, dtype=kagari.quint8, qscheme=kagari.per_channel_affine, reduce_range=False, quant_min=None, quant_max=None,
                 factory_kwargs=None, eps=_EPS, is_dynamic=False, **kwargs):
        super().__init__(dtype=dtype, qscheme=qscheme, reduce_range=reduce_range, quant_min=quant_min, quant_max=quant_max, eps=eps, is_dynamic=is_dynamic, **kwargs)
        self.ch_axis = ch_axis
        self.register_buffer("min_val", kagari.tensor([]))
        self.register_buffer("max_val", kagari.tensor([]))

    def _extremes(self, x):
        return kagari.aminmax(x.detach().to(self.min_val.dtype).transpose(0, self.ch_axis).flatten(1), dim=1)

    def _follow(self, least, most):
        return kagari.min(least, self.min_val), kagari.max(most, self.max_val)

    def forward(self, x_orig):
        if x_orig.numel():
            least, most = self._extremes(x_orig)
            if self.min_val.numel():
                least, most = self._follow(least, most)
            self.min_val.resize_(least.shape).copy_(least)
            self.max_val.resize_(most.shape).copy_(most)
        return x_orig

    def calculate_qparams(self):
        return self._calculate_qparams(self.min_val, self.max_val)

    def extra_repr(self):
        return f"min_val={self.min_val}, max_val={self.max_val}"

    def _load_from_state_dict(self, state_dict, prefix, *args):
        for name in ("min_val", "max_val"):
            if prefix + name in state_dict:
                getattr(self, name).resize_(state_dict[prefix + name].shape)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def reset_min_max_vals(self):
        self.min_val, self.max_val = kagari.rand(0), kagari.rand(0)


class MovingAveragePerChannelMinMaxObserver(PerChannelMinMaxObserver):
    """The same with moving averages."""

    def __init__(self, averaging_constant=0.01, ch_axis=0, dtype=kagari.quint8, qscheme=kagari.per_channel_affine, reduce_range=False, quant_min=None,
                 quant_max=None, eps=_EPS, is_dynamic=False, **kwargs):
        super().__init__(ch_axis=ch_axis, dtype=dtype, qscheme=qscheme, reduce_range=reduce_range, quant_min=quant_min, quant_max=quant_max, eps=eps,
                         is_dynamic=is_dynamic, **kwargs)
        self.averaging_constant = averaging_constant

    def _follow(self, least, most):
        return (self.min_val + self.averaging_constant * (least - self.min_val), self.max_val + self.averaging_constant * (most - self.max_val))


class HistogramObserver(UniformQuantizationObserverBase):
    """Counts numbers in bins, and chooses the range whose levels lose least: see Note [Choosing a range].

    Note [Choosing a range]
    The numbers of a bin count as spread evenly over it. A range of bins is divided into as many steps as there are levels; the squared error of a
    number is that to the middle of its step, or of the first or last step outside of the range, and its integral over a stretch from a to b around
    the middle is density * (b^3 - a^3) / 3. The range shrinks from the ends, the one with fewer numbers behind it first, as long as the error falls.
    """

    def __init__(self, bins=2048, dtype=kagari.quint8, qscheme=kagari.per_tensor_affine, reduce_range=False, quant_min=None, quant_max=None,
                 factory_kwargs=None, eps=_EPS, is_dynamic=False, **kwargs):
        if qscheme not in (kagari.per_tensor_affine, kagari.per_tensor_symmetric):
            raise NotImplementedError("HistogramObserver's qscheme only support torch.per_tensor_symmetric and torch.per_tensor_affine.")
        super().__init__(dtype=dtype, qscheme=qscheme, reduce_range=reduce_range, quant_min=quant_min, quant_max=quant_max, eps=eps, is_dynamic=is_dynamic, **kwargs)
        self.bins = bins
        self.register_buffer("histogram", kagari.zeros(bins))
        self.register_buffer("min_val", kagari.tensor(float("inf")))
        self.register_buffer("max_val", kagari.tensor(float("-inf")))
        self.dst_nbins = 2 ** kagari.iinfo(kagari._quantized.levels_of(dtype)).bits
        self.upsample_rate = 16

    def _error(self, first, last):
        """What levels over the bins first ... last lose."""
        width = (self.max_val.item() - self.min_val.item()) / self.bins
        step = width * (last - first + 1) / self.dst_nbins
        if step == 0.0:
            return 0.0
        begin = (kagari.arange(self.bins) - first) * width
        end = begin + width
        first_step = kagari.clamp(kagari.div(begin, step, rounding_mode="floor"), 0, self.dst_nbins - 1)
        last_step = kagari.clamp(kagari.div(end, step, rounding_mode="floor"), 0, self.dst_nbins - 1)
        density, half = self.histogram / width, step / 2

        def lost(a, b):
            return density * (b * b * b - a * a * a) / 3
        total = lost(begin - (first_step + 0.5) * step, kagari.full((self.bins,), half))
        total += (last_step - first_step - 1) * lost(kagari.tensor(-half), kagari.tensor(half))
        total += lost(kagari.tensor(-half), end - (last_step * step + half))
        return total.sum().item()

    def _non_linear_param_search(self):
        """(least, greatest) of the range with the smallest error."""
        if self.histogram.size(0) != self.bins:
            raise AssertionError("bins mismatch")
        width = (self.max_val - self.min_val) / self.bins
        total = kagari.sum(self.histogram).item()
        below = kagari.cumsum(self.histogram, 0).tolist()
        part, low, high, first, last, best = 1e-5, 0.0, 1.0, 0, self.bins - 1, float("inf")
        while low < high:
            next_low, next_high = low + part, high - part
            left, right = first, last
            while left < last and below[left] < next_low * total:
                left += 1
            while right > first and below[right] > next_high * total:
                right -= 1
            next_first, next_last = first, last
            if left - first > last - right:
                next_first, low = left, next_low
            else:
                next_last, high = right, next_high
            if (next_first, next_last) == (first, last):
                continue
            error = self._error(next_first, next_last)
            if error > best:
                break
            best, first, last = error, next_first, next_last
        return self.min_val + width * first, self.min_val + width * (last + 1)

    def _spread(self, histogram, least, most, new_least, new_most):
        """The histogram in the bins of a wider range; each bin goes there in sixteen parts."""
        parts = self.bins * self.upsample_rate
        size = (most - least) / parts
        middles = kagari.linspace(least.item(), most.item(), parts + 1)[:-1] + 0.5 * size
        bounds = kagari.linspace(new_least.item(), new_most.item(), self.bins + 1)
        bins = (kagari.bucketize(middles, bounds, right=True) - 1).clamp(0, self.bins - 1)
        return kagari.bincount(bins, weights=histogram.repeat_interleave(self.upsample_rate) / self.upsample_rate, minlength=self.bins)

    def reset_histogram(self, x, min_val, max_val):
        """Starts with the numbers of x."""
        self.min_val.resize_(min_val.shape).copy_(min_val)
        self.max_val.resize_(max_val.shape).copy_(max_val)
        if min_val.numel() != 1 or max_val.numel() != 1:
            raise AssertionError("histogram min/max values must be scalar.")
        kagari.histc(x, self.bins, min=min_val, max=max_val, out=self.histogram)

    def forward(self, x_orig):
        if x_orig.numel() == 0:
            return x_orig
        x = x_orig.detach()
        least, most = kagari.aminmax(x)
        for extreme in (least, most):
            if kagari.isinf(extreme):
                warnings.warn("torch.inf detected in input tensor, ignoring input")
                x = x[x.abs() != float("inf")]
                if x.numel() == 0:
                    return x_orig
                least, most = kagari.aminmax(x)
                break
        if self.min_val == float("inf") or self.max_val == float("-inf"):
            self.reset_histogram(x, least, most)
            return x_orig
        old_least, old_most = self.min_val, self.max_val
        new_least, new_most = kagari.min(old_least, least), kagari.max(old_most, most)
        counted = kagari.histc(x, self.bins, min=new_least, max=new_most)
        if new_least == old_least and new_most == old_most:
            combined = self.histogram + counted
        elif old_least == old_most:
            bounds = kagari.linspace(new_least.item(), new_most.item(), self.bins + 1)
            combined = counted.clone()
            combined[kagari.bucketize(old_least, bounds, right=True).sub(1).clamp(0, self.bins - 1)] += kagari.sum(self.histogram)
        else:
            combined = counted + self._spread(self.histogram, old_least, old_most, new_least, new_most).to(counted.dtype)
        self.histogram.copy_(combined)
        self.min_val.copy_(new_least)
        self.max_val.copy_(new_most)
        return x_orig

    def calculate_qparams(self):
        if self.min_val == float("inf") and self.max_val == float("-inf"):
            warnings.warn("must run observer before calling calculate_qparams. Returning default scale and zero point ", stacklevel=2)
            return kagari.tensor([1.0]), kagari.tensor([0])
        if self.bins != len(self.histogram):
            raise AssertionError("The number of bins in histogram should be equal to the number of bins supplied while making this observer")
        return self._calculate_qparams(*self._non_linear_param_search())

    def extra_repr(self):
        return f"min_val={self.min_val}, max_val={self.max_val}"

    def reset_min_max_vals(self):
        self.min_val.fill_(float("inf"))
        self.max_val.fill_(float("-inf"))


class FixedQParamsObserver(ObserverBase):
    """Says always the same scale and zero point, whatever it sees."""

    def __init__(self, scale, zero_point, dtype=kagari.quint8, qscheme=kagari.per_tensor_affine, quant_min=0, quant_max=255, is_dynamic=False, **kwargs):
        super().__init__(dtype=dtype, is_dynamic=is_dynamic, **kwargs)
        self.quant_min, self.quant_max, self.qscheme = quant_min, quant_max, qscheme
        self.register_buffer("scale", kagari.tensor([scale], dtype=kagari.float))
        self.register_buffer("zero_point", kagari.tensor([zero_point], dtype=kagari.int))

    def forward(self, X):
        return X

    def calculate_qparams(self):
        return self.scale, self.zero_point


class PlaceholderObserver(ObserverBase):
    """Records nothing: its dtype says what a layer should become. custom_op_name and compute_dtype are kept for those who ask."""

    def __init__(self, dtype=kagari.float32, custom_op_name="", compute_dtype=None, quant_min=None, quant_max=None, qscheme=None, eps=None, is_dynamic=False):
        super().__init__(dtype=dtype, is_dynamic=is_dynamic)
        self.custom_op, self.quant_min, self.quant_max, self.eps = custom_op_name, quant_min, quant_max, eps
        self.qscheme = kagari.per_tensor_affine if qscheme is None else qscheme
        if compute_dtype:
            self.is_dynamic = True
            warnings.warn("Please use `is_dynamic` instead of `compute_dtype`. `compute_dtype` will be deprecated in a future release of PyTorch.", stacklevel=2)

    def forward(self, x):
        return x

    def extra_repr(self):
        return f"dtype={self.dtype}, is_dynamic={self.is_dynamic}"

    def calculate_qparams(self):
        raise Exception("calculate_qparams should not be called for PlaceholderObserver")  # noqa: TRY002


class RecordingObserver(ObserverBase):
    """Keeps copies of the tensors that it sees."""

    def __init__(self, dtype=kagari.quint8):
        super().__init__(dtype=dtype, is_dynamic=False)
        self.tensor_val = []

    def forward(self, x):
        self.tensor_val.append(x.clone())
        return x

    def calculate_qparams(self):
        raise Exception("calculate_qparams should not be called for RecordingObserver")  # noqa: TRY002

    def get_tensor_value(self):
        """The tensors."""
        return self.tensor_val


class NoopObserver(ObserverBase):
    """Sees nothing."""

    def __init__(self, dtype=kagari.float16, custom_op_name=""):
        super().__init__(dtype=dtype, is_dynamic=False)
        self.custom_op = custom_op_name

    def forward(self, x):
        return x

    def calculate_qparams(self):
        raise Exception("calculate_qparams should not be called for NoopObserver")  # noqa: TRY002


class ReuseInputObserver(ObserverBase):
    """Stands behind operators that keep the scale of their input."""

    def __init__(self):
        super().__init__(kagari.quint8, is_dynamic=False)

    def forward(self, x):
        return x

    def calculate_qparams(self):
        raise Exception("calculate_qparams should not be called for ReuseInputObserver")  # noqa: TRY002


def get_observer_state_dict(mod):
    """What the observers in a module remember."""
    return OrderedDict((name, value) for name, value in mod.state_dict().items() if "activation_post_process" in name)


def load_observer_state_dict(mod, obs_dict):
    """Puts it back."""
    mod.load_state_dict(obs_dict, strict=False)


default_observer = MinMaxObserver.with_args(quant_min=0, quant_max=127)
default_placeholder_observer = PlaceholderObserver
default_debug_observer = RecordingObserver
default_weight_observer = MinMaxObserver.with_args(dtype=kagari.qint8, qscheme=kagari.per_tensor_symmetric)
weight_observer_range_neg_127_to_127 = MinMaxObserver.with_args(dtype=kagari.qint8, qscheme=kagari.per_tensor_symmetric, quant_min=-127, quant_max=127, eps=2 ** -12)
default_histogram_observer = HistogramObserver.with_args(quant_min=0, quant_max=127)
default_per_channel_weight_observer = PerChannelMinMaxObserver.with_args(dtype=kagari.qint8, qscheme=kagari.per_channel_symmetric)
per_channel_weight_observer_range_neg_127_to_127 = PerChannelMinMaxObserver.with_args(dtype=kagari.qint8, qscheme=kagari.per_channel_symmetric, quant_min=-127,
                                                                                      quant_max=127, eps=2 ** -12)
default_dynamic_quant_observer = PlaceholderObserver.with_args(dtype=kagari.quint8, quant_min=0, quant_max=255, is_dynamic=True)
default_float_qparams_observer = PerChannelMinMaxObserver.with_args(dtype=kagari.quint8, qscheme=kagari.per_channel_affine_float_qparams, ch_axis=0)
default_float_qparams_observer_4bit = PerChannelMinMaxObserver.with_args(dtype=kagari.quint4x2, qscheme=kagari.per_channel_affine_float_qparams, ch_axis=0)
default_fixed_qparams_range_neg1to1_observer = FixedQParamsObserver.with_args(scale=2.0 / 256.0, zero_point=128, dtype=kagari.quint8, quant_min=0, quant_max=255)
default_fixed_qparams_range_0to1_observer = FixedQParamsObserver.with_args(scale=1.0 / 256.0, zero_point=0, dtype=kagari.quint8, quant_min=0, quant_max=255)
default_symmetric_fixed_qparams_observer = default_fixed_qparams_range_neg1to1_observer
default_affine_fixed_qparams_observer = default_fixed_qparams_range_0to1_observer
default_reuse_input_observer = ReuseInputObserver
