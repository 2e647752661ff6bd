"""Modules that look at the tensors that pass and find how to round them: a scale and a zero point.

value = (integer - zero_point) * scale; "symmetric" schemes have 0, or the middle of the range, as the zero point. (B. Jacob et al., "Quantization and
training of neural networks for efficient integer-arithmetic-only inference", 2018.)
"""
import functools
import math
import warnings
from abc import ABC, abstractmethod

import kagari
from kagari.nn.modules.module import Module

__all__ = ["FixedQParamsObserver", "HistogramObserver", "MinMaxObserver", "MovingAverageMinMaxObserver", "MovingAveragePerChannelMinMaxObserver", "NoopObserver",
           "ObserverBase", "PerChannelMinMaxObserver", "PlaceholderObserver", "RecordingObserver", "UniformQuantizationObserverBase", "default_debug_observer",
           "default_dynamic_quant_observer", "default_observer", "default_per_channel_weight_observer", "default_placeholder_observer", "default_weight_observer"]

_RANGES = {"qint8": (-128, 127), "int8": (-128, 127), "quint8": (0, 255), "uint8": (0, 255), "qint32": (-2 ** 31, 2 ** 31 - 1), "int32": (-2 ** 31, 2 ** 31 - 1),
           "int16": (-2 ** 15, 2 ** 15 - 1), "uint16": (0, 2 ** 16 - 1)}


class _Partial:
    """A class with some of its arguments; with_args adds others."""

    def __init__(self, p):
        self.p, self.callable_args = p, {}

    def __call__(self, *args, **keywords):
        made = {name: value() for name, value in self.callable_args.items() if name not in keywords}
        return self.p(*args, **{**made, **keywords})

    def __repr__(self):
        return f"{self.p!r}{self.callable_args!r}"

    def with_args(self, **kwargs):
        """The same with other arguments."""
        found = _Partial(functools.partial(self.p, **kwargs))
        found.callable_args = dict(self.callable_args)
        return found

    def with_callable_args(self, **kwargs):
        """The same with arguments that functions give when the object is made."""
        found = _Partial(self.p)
        found.callable_args = {**self.callable_args, **kwargs}
        return found


def _with_args(cls, **kwargs):
    """The class with some of its arguments, to be called with the rest."""
    return _Partial(functools.partial(cls, **kwargs))


def _with_callable_args(cls, **kwargs):
    """The class with arguments that functions give when the object is made."""
    return _Partial(cls).with_callable_args(**kwargs)


class ObserverBase(ABC, Module):
    """Base class: forward sees a tensor and returns it, calculate_qparams says how to round."""

    def __init__(self, dtype, is_dynamic=False):
        super().__init__()
        self.dtype, self.is_dynamic = dtype, is_dynamic

    @abstractmethod
    def forward(self, x):
        """Looks at x and returns it."""

    @abstractmethod
    def calculate_qparams(self, **kwargs):
        """(scale, zero_point)"""

    with_args = classmethod(_with_args)
    with_callable_args = classmethod(_with_callable_args)


class UniformQuantizationObserverBase(ObserverBase):
    """Base of observers with a smallest and a largest value.

    qscheme: torch.per_tensor_affine, per_tensor_symmetric, per_channel_affine, per_channel_symmetric or per_channel_affine_float_qparams.
    quant_min, quant_max: the range of integers, by default the dtype's; reduce_range: half of it.
    """

    def __init__(self, dtype=kagari.quint8, qscheme=kagari.per_tensor_affine, reduce_range=False, quant_min=None, quant_max=None, factory_kwargs=None,
                 eps=kagari.finfo(kagari.float32).eps, is_dynamic=False, **kwargs):
        super().__init__(dtype, is_dynamic)
        self.qscheme, self.reduce_range = qscheme, reduce_range
        self.register_buffer("eps", kagari.tensor([eps], **(factory_kwargs or {})))
        name = str(dtype).rpartition(".")[2]
        if name not in _RANGES:
            raise AssertionError(f"Default Observer only works for qint8, quint8, int8, uint8, int16, uint16 and 32-bit data types, not {dtype}")
        self.has_customized_qrange = quant_min is not None and quant_max is not None
        low, high = (quant_min, quant_max) if self.has_customized_qrange else _RANGES[name]
        if self.has_customized_qrange and not low <= 0 <= high:
            raise AssertionError("Used-specified quantization range must include 0.")
        if low >= high:
            raise AssertionError("qmin must be less than qmax for user-specified quantization range.")
        self.quant_min, self.quant_max = (low // 2, high // 2) if reduce_range and not name.endswith("32") else (low, high)

    def _calculate_qparams(self, min_val, max_val):
        if min_val.numel() == 0 or bool((min_val > max_val).any()):
            warnings.warn("must run observer before calling calculate_qparams. Returning default values.", stacklevel=3)
            return kagari.tensor([1.0]), kagari.tensor([0])
        low, high = self.quant_min, self.quant_max
        smallest, largest = min_val.clamp(max=0).reshape(-1), max_val.clamp(min=0).reshape(-1)
        eps = self.eps.to(smallest.dtype)
        if self.qscheme in (kagari.per_tensor_symmetric, kagari.per_channel_symmetric):
            scale = kagari.maximum(kagari.maximum(-smallest, largest) / (float(high - low) / 2), eps)
            zero_point = kagari.zeros(scale.shape, dtype=kagari.int64)
            if self.dtype in (kagari.quint8, kagari.uint8):
                zero_point.fill_((low + high) // 2 if self.has_customized_qrange else 128)
        elif self.qscheme is kagari.per_channel_affine_float_qparams:
            scale = (max_val - min_val).reshape(-1) / float(high - low)
            scale = kagari.where(scale > eps, scale, kagari.ones_like(scale))
            zero_point = -1 * min_val.reshape(-1) / scale
        else:
            scale = kagari.maximum((largest - smallest) / float(high - low), eps)
            zero_point = (low - kagari.round(smallest / scale).to(kagari.int32)).clamp(low, high)
        return scale, zero_point

    def reset_min_max_vals(self):
        """Forgets what was seen."""
        raise NotImplementedError("Cannot reset min/max values in the given observer.")


class MinMaxObserver(UniformQuantizationObserverBase):
    """The smallest and the largest element seen.

    >>> observer = MinMaxObserver()
    >>> _ = observer(torch.tensor([-1., 3.]))
    >>> observer.calculate_qparams()
    (tensor([0.0157]), tensor([64], dtype=torch.int32))
    """

    def __init__(self, dtype=kagari.quint8, qscheme=kagari.per_tensor_affine, reduce_range=False, quant_min=None, quant_max=None, factory_kwargs=None,
                 eps=kagari.finfo(kagari.float32).eps, is_dynamic=False, **kwargs):
        super().__init__(dtype, qscheme, reduce_range, quant_min, quant_max, factory_kwargs, eps, is_dynamic, **kwargs)
        self.reset_min_max_vals()

    def reset_min_max_vals(self):
        """Forgets what was seen."""
        self.register_buffer("min_val", kagari.tensor(math.inf))
        self.register_buffer("max_val", kagari.tensor(-math.inf))

    def forward(self, x_orig):
        if x_orig.numel():
            smallest, largest = kagari.aminmax(x_orig.detach().to(self.min_val.dtype))
            self._see(smallest, largest)
        return x_orig

    def _see(self, smallest, largest):
        self.min_val.copy_(kagari.minimum(smallest, self.min_val))
        self.max_val.copy_(kagari.maximum(largest, self.max_val))

    def calculate_qparams(self):
        """(scale, zero_point) for what was seen; (1, 0) with a warning before anything was."""
        return self._calculate_qparams(self.min_val, self.max_val)

    def extra_repr(self):
        """The text between the brackets of repr."""
        return f"min_val={self.min_val}, max_val={self.max_val}"


class MovingAverageMinMaxObserver(MinMaxObserver):
    """Averages of the smallest and the largest element, in which the last tensor weighs averaging_constant."""

    def __init__(self, averaging_constant=0.01, dtype=kagari.quint8, qscheme=kagari.per_tensor_affine, reduce_range=False, quant_min=None, quant_max=None,
                 eps=kagari.finfo(kagari.float32).eps, is_dynamic=False, **kwargs):
        self.averaging_constant = 1.0 if is_dynamic else averaging_constant
        super().__init__(dtype, qscheme, reduce_range, quant_min, quant_max, eps=eps, is_dynamic=is_dynamic, **kwargs)

    def _see(self, smallest, largest):
        if self.min_val == math.inf and self.max_val == -math.inf:
            self.min_val.copy_(smallest)
            self.max_val.copy_(largest)
        else:
            self.min_val += self.averaging_constant * (smallest - self.min_val)
            self.max_val += self.averaging_constant * (largest - self.max_val)


class PerChannelMinMaxObserver(UniformQuantizationObserverBase):
    """The smallest and the largest element seen for each index of the dimension ch_axis."""

    def __init__(self, ch_axis=0, dtype=kagari.quint8, qscheme=kagari.per_channel_affine, reduce_range=False, quant_min=None, quant_max=None, factory_kwargs=None,
                 eps=kagari.finfo(kagari.float32).eps, is_dynamic=False, **kwargs):
        super().__init__(dtype, qscheme, reduce_range, quant_min, quant_max, factory_kwargs, eps, is_dynamic, **kwargs)
        self.ch_axis = ch_axis
        self.reset_min_max_vals()

    def reset_min_max_vals(self):
        """Forgets what was seen."""
        self.register_buffer("min_val", kagari.tensor([]))
        self.register_buffer("max_val", kagari.tensor([]))

    def forward(self, x_orig):
        if x_orig.numel():
            rows = x_orig.detach().movedim(self.ch_axis, 0).flatten(1) if x_orig.dim() > 1 else x_orig.detach().unsqueeze(1)
            self._see(*kagari.aminmax(rows.to(self.min_val.dtype), dim=1))
        return x_orig

    def _see(self, smallest, largest):
        first = self.min_val.numel() == 0
        self.min_val = smallest if first else kagari.minimum(smallest, self.min_val)
        self.max_val = largest if first else kagari.maximum(largest, self.max_val)

    def calculate_qparams(self):
        """(scale, zero_point) for each index."""
        return self._calculate_qparams(self.min_val, self.max_val)

    def extra_repr(self):
        """The text between the brackets of repr."""
        return f"min_val={self.min_val}, max_val={self.max_val}"

    def _load_from_state_dict(self, state_dict, prefix, *args):
        for name in ("min_val", "max_val"):
            if prefix + name in state_dict:
                setattr(self, name, kagari.empty_like(state_dict[prefix + name]))
        super()._load_from_state_dict(state_dict, prefix, *args)


class MovingAveragePerChannelMinMaxObserver(PerChannelMinMaxObserver):
    """Averages of the smallest and the largest element for each index of the dimension ch_axis."""

    def __init__(self, averaging_constant=0.01, ch_axis=0, dtype=kagari.quint8, qscheme=kagari.per_channel_affine, reduce_range=False, quant_min=None, quant_max=None,
                 eps=kagari.finfo(kagari.float32).eps, is_dynamic=False, **kwargs):
        super().__init__(ch_axis, dtype, qscheme, reduce_range, quant_min, quant_max, eps=eps, is_dynamic=is_dynamic, **kwargs)
        self.averaging_constant = averaging_constant

    def _see(self, smallest, largest):
        if self.min_val.numel() == 0:
            self.min_val, self.max_val = smallest, largest
        else:
            self.min_val = self.min_val + self.averaging_constant * (smallest - self.min_val)
            self.max_val = self.max_val + self.averaging_constant * (largest - self.max_val)


class HistogramObserver(UniformQuantizationObserverBase):
    """Finds the range that loses least by a histogram: not supported."""

    def __init__(self, *args, **kwargs):
        raise NotImplementedError("HistogramObserver is not supported; use MinMaxObserver or MovingAverageMinMaxObserver")

    def forward(self, x_orig):
        raise NotImplementedError

    def calculate_qparams(self):
        raise NotImplementedError


class FixedQParamsObserver(ObserverBase):
    """A scale and a zero point that are given."""

    def __init__(self, scale, zero_point, dtype=kagari.quint8, qscheme=kagari.per_tensor_affine, quant_min=0, quant_max=255, is_dynamic=False, **kwargs):
        super().__init__(dtype, is_dynamic)
        self.quant_min, self.quant_max, self.qscheme = quant_min, quant_max, qscheme
        self.register_buffer("scale", kagari.tensor([scale], dtype=kagari.float32))
        self.register_buffer("zero_point", kagari.tensor([zero_point], dtype=kagari.int32))

    def forward(self, X):
        return X

    def calculate_qparams(self):
        """(scale, zero_point) as given."""
        return self.scale, self.zero_point


class PlaceholderObserver(ObserverBase):
    """Looks at nothing: says which dtype is meant."""

    def __init__(self, dtype=kagari.float32, custom_op_name="", compute_dtype=None, quant_min=None, quant_max=None, qscheme=None, eps=None, is_dynamic=False):
        super().__init__(dtype, is_dynamic or compute_dtype is not None)
        self.qscheme, self.quant_min, self.quant_max, self.eps, self.custom_op = qscheme or kagari.per_tensor_affine, quant_min, quant_max, eps, custom_op_name

    def forward(self, x):
        return x

    def calculate_qparams(self):
        """Exception: nothing was looked at."""
        raise Exception("calculate_qparams should not be called for PlaceholderObserver")

    def extra_repr(self):
        """The text between the brackets of repr."""
        return f"dtype={self.dtype}, is_dynamic={self.is_dynamic}"


class NoopObserver(ObserverBase):
    """Looks at nothing."""

    def __init__(self, dtype=kagari.float16, custom_op_name=""):
        super().__init__(dtype)
        self.custom_op = custom_op_name

    def forward(self, x):
        return x

    def calculate_qparams(self):
        """Exception: nothing was looked at."""
        raise Exception("calculate_qparams should not be called for NoopObserver")


class RecordingObserver(ObserverBase):
    """Keeps copies of the tensors."""

    def __init__(self, dtype=kagari.quint8):
        super().__init__(dtype)
        self.tensor_val = []

    def forward(self, x):
        self.tensor_val.append(x.clone())
        return x

    def calculate_qparams(self):
        """Exception: nothing was measured."""
        raise Exception("calculate_qparams should not be called for RecordingObserver")

    def get_tensor_value(self):
        """The copies."""
        return self.tensor_val


default_observer = MinMaxObserver.with_args(quant_min=0, quant_max=127)
default_placeholder_observer, default_debug_observer = PlaceholderObserver, RecordingObserver
default_weight_observer = MinMaxObserver.with_args(dtype=kagari.qint8, qscheme=kagari.per_tensor_symmetric)
default_per_channel_weight_observer = PerChannelMinMaxObserver.with_args(dtype=kagari.qint8, qscheme=kagari.per_channel_symmetric)
default_dynamic_quant_observer = PlaceholderObserver.with_args(dtype=kagari.quint8, quant_min=0, quant_max=255, is_dynamic=True)
