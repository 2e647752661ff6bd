"""Rounding without leaving float32, for training: modules that follow the range of tensors and round them."""
import kagari
from kagari import nn
from kagari.ao.quantization import observer as observers
from kagari.ao.quantization.observer import _with_args

__all__ = [
    "FakeQuantize", "FakeQuantizeBase", "FixedQParamsFakeQuantize", "FusedMovingAvgObsFakeQuantize", "default_affine_fixed_qparams_fake_quant",
    "default_dynamic_fake_quant", "default_embedding_fake_quant", "default_embedding_fake_quant_4bit", "default_fake_quant",
    "default_fixed_qparams_range_0to1_fake_quant", "default_fixed_qparams_range_neg1to1_fake_quant", "default_fused_act_fake_quant",
    "default_fused_per_channel_wt_fake_quant", "default_fused_wt_fake_quant", "default_histogram_fake_quant", "default_per_channel_weight_fake_quant",
    "default_symmetric_fixed_qparams_fake_quant", "default_weight_fake_quant", "disable_fake_quant", "disable_observer", "enable_fake_quant",
    "enable_observer", "fused_per_channel_wt_fake_quant_range_neg_127_to_127", "fused_wt_fake_quant_range_neg_127_to_127",
]


def _is_per_channel(scheme):
    return scheme in (kagari.per_channel_symmetric, kagari.per_channel_affine, kagari.per_channel_affine_float_qparams)


class FakeQuantizeBase(nn.Module):
    """Base of modules that round. Two buffers of one element switch the rounding and the observer."""

    def __init__(self):
        super().__init__()
        self.register_buffer("fake_quant_enabled", kagari.tensor([1], dtype=kagari.uint8))
        self.register_buffer("observer_enabled", kagari.tensor([1], dtype=kagari.uint8))

    def forward(self, x):
        raise NotImplementedError

    def calculate_qparams(self, **kwargs):
        raise NotImplementedError

    def enable_fake_quant(self, enabled=True):
        self.fake_quant_enabled[0] = 1 if enabled else 0

    def disable_fake_quant(self):
        self.enable_fake_quant(False)

    def enable_observer(self, enabled=True):
        self.observer_enabled[0] = 1 if enabled else 0

    def disable_observer(self):
        self.enable_observer(False)

    @classmethod
    def with_args(cls, **kwargs):
        """The class with these arguments, to be called for a module."""
        made = _with_args(cls, **kwargs)
        made.__module__ = "torch.ao.quantization.fake_quantize"
        return made


class FakeQuantize(FakeQuantizeBase):
    """Rounds to the levels that its observer chooses: clamp(round(x / scale) + zero_point) back to numbers.

        >>> import kagari as torch
        >>> rounding = torch.ao.quantization.FakeQuantize()
        >>> rounding(torch.tensor([0., 0.5, 127.5]))
        tensor([  0.0000,   0.5000, 127.5000])
    """

    def __init__(self, observer=observers.MovingAverageMinMaxObserver, quant_min=None, quant_max=None, is_dynamic=False, **observer_kwargs):
        super().__init__()
        if quant_min is not None and quant_max is not None:
            if quant_min > quant_max:
                raise AssertionError("quant_min must be less than or equal to quant_max")
            observer_kwargs.update(quant_min=quant_min, quant_max=quant_max)
        observer_kwargs["is_dynamic"] = is_dynamic
        self.is_dynamic = is_dynamic
        self.activation_post_process = observer(**observer_kwargs)
        self.quant_min, self.quant_max = self.activation_post_process.quant_min, self.activation_post_process.quant_max
        floating = self.activation_post_process.qscheme == kagari.per_channel_affine_float_qparams
        self.register_buffer("scale", kagari.tensor([1.0], dtype=kagari.float))
        self.register_buffer("zero_point", kagari.tensor([0], dtype=kagari.float if floating else kagari.int))
        self.dtype, self.qscheme = self.activation_post_process.dtype, self.activation_post_process.qscheme
        self.ch_axis = getattr(self.activation_post_process, "ch_axis", -1)
        self.is_per_channel = _is_per_channel(self.qscheme)

    def calculate_qparams(self):
        return self.activation_post_process.calculate_qparams()

    def forward(self, X):
        if self.observer_enabled[0] == 1:
            self.activation_post_process(X.detach())
            scale, zero_point = self.calculate_qparams()
            if self.scale.shape != scale.shape:
                self.scale.resize_(scale.shape)
                self.zero_point.resize_(zero_point.shape)
            self.scale.copy_(scale)
            self.zero_point.copy_(zero_point)
        if self.fake_quant_enabled[0] == 1:
            if self.is_per_channel:
                X = kagari.fake_quantize_per_channel_affine(X, self.scale, self.zero_point, self.ch_axis, self.quant_min, self.quant_max)
            else:
                X = kagari.fake_quantize_per_tensor_affine(X, self.scale, self.zero_point, self.quant_min, self.quant_max)
        return X

    def extra_repr(self):
        return (f"fake_quant_enabled={self.fake_quant_enabled}, observer_enabled={self.observer_enabled}, quant_min={self.activation_post_process.quant_min}, "
                f"quant_max={self.activation_post_process.quant_max}, dtype={self.dtype}, qscheme={self.qscheme}, ch_axis={self.ch_axis}, "
                f"scale={self.scale}, zero_point={self.zero_point}")

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "scale"], destination[prefix + "zero_point"] = self.scale, self.zero_point

    def _load_from_state_dict(self, state_dict, prefix, *args):
        for name in ("scale", "zero_point"):
            if prefix + name in state_dict:
                getattr(self, name).resize_(state_dict[prefix + name].shape)
        super()._load_from_state_dict(state_dict, prefix, *args)


class FixedQParamsFakeQuantize(FakeQuantize):
    """FakeQuantize with an observer that always says the same."""

    def __init__(self, observer):
        super().__init__(observer=observer)
        scale, zero_point = self.activation_post_process.calculate_qparams()
        self.scale.resize_(scale.shape).copy_(scale)
        self.zero_point.resize_(zero_point.shape).copy_(zero_point)

    def calculate_qparams(self):
        return self.scale, self.zero_point

    def extra_repr(self):
        return (f"fake_quant_enabled={self.fake_quant_enabled}, observer_enabled={self.observer_enabled}, scale={self.scale}, zero_point={self.zero_point}, "
                f"dtype={self.dtype}, quant_min={self.activation_post_process.quant_min}, quant_max={self.activation_post_process.quant_max}, qscheme={self.qscheme}")


class FusedMovingAvgObsFakeQuantize(FakeQuantize):
    """FakeQuantize in one operator, for observers that average least and greatest numbers."""

    def __init__(self, observer=observers.MovingAverageMinMaxObserver, quant_min=0, quant_max=255, **observer_kwargs):
        super().__init__(observer, quant_min, quant_max, **observer_kwargs)
        self.register_buffer("fake_quant_enabled", kagari.tensor([1], dtype=kagari.long))
        self.register_buffer("observer_enabled", kagari.tensor([1], dtype=kagari.long))
        self.is_symmetric_quant = self.activation_post_process.qscheme in (kagari.per_tensor_symmetric, kagari.per_channel_symmetric)

    def calculate_qparams(self):
        return self.activation_post_process.calculate_qparams()

    def extra_repr(self):
        return (f"fake_quant_enabled={self.fake_quant_enabled}, observer_enabled={self.observer_enabled}, scale={self.scale}, zero_point={self.zero_point}, "
                f"dtype={self.dtype}, quant_min={self.activation_post_process.quant_min}, quant_max={self.activation_post_process.quant_max}, qscheme={self.qscheme}, "
                f"reduce_range={self.activation_post_process.reduce_range}")

    def forward(self, X):
        watched = self.activation_post_process
        return kagari.fused_moving_avg_obs_fake_quant(X, self.observer_enabled, self.fake_quant_enabled, watched.min_val, watched.max_val, self.scale, self.zero_point,
                                                      watched.averaging_constant, watched.quant_min, watched.quant_max, self.ch_axis, self.is_per_channel,
                                                      self.is_symmetric_quant)


def _on_each(name):
    def switch(mod):
        if isinstance(mod, FakeQuantizeBase) or hasattr(mod, "fake_quant_enabled") and hasattr(mod, name):
            getattr(mod, name)()
    switch.__name__ = switch.__qualname__ = name
    switch.__doc__ = f"For model.apply: {name}() of every module that rounds."
    return switch


disable_fake_quant, enable_fake_quant, disable_observer, enable_observer = map(_on_each, ("disable_fake_quant", "enable_fake_quant", "disable_observer", "enable_observer"))

_moving, _moving_channels = observers.MovingAverageMinMaxObserver, observers.MovingAveragePerChannelMinMaxObserver
default_fake_quant = FakeQuantize.with_args(observer=_moving, quant_min=0, quant_max=255, dtype=kagari.quint8, qscheme=kagari.per_tensor_affine, reduce_range=True)
default_weight_fake_quant = FakeQuantize.with_args(observer=_moving, quant_min=-128, quant_max=127, dtype=kagari.qint8, qscheme=kagari.per_tensor_symmetric,
                                                   reduce_range=False)
default_dynamic_fake_quant = FakeQuantize.with_args(observer=_moving, quant_min=0, quant_max=255, is_dynamic=True, dtype=kagari.quint8, averaging_constant=1)
default_fixed_qparams_range_neg1to1_fake_quant = FixedQParamsFakeQuantize.with_args(observer=observers.default_fixed_qparams_range_neg1to1_observer)
default_fixed_qparams_range_0to1_fake_quant = FixedQParamsFakeQuantize.with_args(observer=observers.default_fixed_qparams_range_0to1_observer)
default_symmetric_fixed_qparams_fake_quant = default_fixed_qparams_range_neg1to1_fake_quant
default_affine_fixed_qparams_fake_quant = default_fixed_qparams_range_0to1_fake_quant
default_per_channel_weight_fake_quant = FakeQuantize.with_args(observer=_moving_channels, quant_min=-128, quant_max=127, dtype=kagari.qint8,
                                                               qscheme=kagari.per_channel_symmetric, reduce_range=False, ch_axis=0)
default_embedding_fake_quant = FakeQuantize.with_args(observer=_moving_channels, qscheme=kagari.per_channel_affine_float_qparams, dtype=kagari.quint8, quant_min=0,
                                                      quant_max=255, ch_axis=0, averaging_constant=1)
default_embedding_fake_quant_4bit = FakeQuantize.with_args(observer=_moving_channels, qscheme=kagari.per_channel_affine_float_qparams, ch_axis=0,
                                                           dtype=kagari.quint4x2, averaging_constant=1)
default_histogram_fake_quant = FakeQuantize.with_args(observer=observers.HistogramObserver, quant_min=0, quant_max=255, dtype=kagari.quint8,
                                                      qscheme=kagari.per_tensor_affine, reduce_range=True)
default_fused_act_fake_quant = FusedMovingAvgObsFakeQuantize.with_args(observer=_moving, quant_min=0, quant_max=255, dtype=kagari.quint8)
default_fused_wt_fake_quant = FusedMovingAvgObsFakeQuantize.with_args(observer=_moving, quant_min=-128, quant_max=127, dtype=kagari.qint8, qscheme=kagari.per_tensor_symmetric)
default_fused_per_channel_wt_fake_quant = FusedMovingAvgObsFakeQuantize.with_args(observer=_moving_channels, quant_min=-128, quant_max=127, dtype=kagari.qint8,
                                                                                  qscheme=kagari.per_channel_symmetric)
fused_wt_fake_quant_range_neg_127_to_127 = FusedMovingAvgObsFakeQuantize.with_args(observer=_moving, quant_min=-127, quant_max=127, dtype=kagari.qint8,
                                                                                   qscheme=kagari.per_tensor_symmetric, eps=2 ** -12)
fused_per_channel_wt_fake_quant_range_neg_127_to_127 = FusedMovingAvgObsFakeQuantize.with_args(
    observer=_moving_channels, quant_min=-127, quant_max=127, dtype=kagari.qint8, qscheme=kagari.per_channel_symmetric, eps=2 ** -12)
