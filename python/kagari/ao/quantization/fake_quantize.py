"""Modules that round in training as integers would round later, and let gradients through."""
import kagari
from kagari.ao.quantization.observer import (FixedQParamsObserver, MovingAverageMinMaxObserver, MovingAveragePerChannelMinMaxObserver, _with_args,
                                             _with_callable_args)
from kagari.nn.modules.module import Module

__all__ = ["FakeQuantize", "FakeQuantizeBase", "FixedQParamsFakeQuantize", "default_fake_quant", "default_per_channel_weight_fake_quant", "default_weight_fake_quant",
           "disable_fake_quant", "disable_observer", "enable_fake_quant", "enable_observer"]


class FakeQuantizeBase(Module):
    """Base class: two switches, for rounding and for looking."""

    def __init__(self):
        super().__init__()
        self.register_buffer("fake_quant_enabled", kagari.tensor([1], dtype=kagari.uint8))
        self.register_buffer("observer_enabled", kagari.tensor([1], dtype=kagari.uint8))

    def enable_fake_quant(self, enabled=True):
        """Rounds from now on."""
        self.fake_quant_enabled[0] = 1 if enabled else 0

    def disable_fake_quant(self):
        """Rounds no more."""
        self.enable_fake_quant(False)

    def enable_observer(self, enabled=True):
        """Looks at tensors from now on."""
        self.observer_enabled[0] = 1 if enabled else 0

    def disable_observer(self):
        """Keeps the scale and the zero point."""
        self.enable_observer(False)

    with_args = classmethod(_with_args)
    with_callable_args = classmethod(_with_callable_args)


class FakeQuantize(FakeQuantizeBase):
    """Rounds with the scale and the zero point that an observer finds; see torch.fake_quantize_per_tensor_affine.

    observer: its class, or what its with_args gives; quant_min, quant_max and others are arguments of it.

    >>> rounding = FakeQuantize(quant_min=0, quant_max=3)
    >>> rounding(torch.tensor([0., 1.2, 3.]))
    tensor([0., 1., 3.])
    """

    def __init__(self, observer=MovingAverageMinMaxObserver, quant_min=None, quant_max=None, is_dynamic=False, **observer_kwargs):
        super().__init__()
        if quant_min is not None and quant_max is not None:
            if quant_min > quant_max:
                raise AssertionError("quant_min must be less than or equal to quant_max")
            observer_kwargs.update(quant_min=quant_min, quant_max=quant_max)
        self.is_dynamic = is_dynamic
        if is_dynamic:
            observer_kwargs["is_dynamic"] = True
        self.activation_post_process = observer(**observer_kwargs)
        self.quant_min, self.quant_max = self.activation_post_process.quant_min, self.activation_post_process.quant_max
        self.register_buffer("scale", kagari.tensor([1.0]))
        self.register_buffer("zero_point", kagari.tensor([0], dtype=kagari.int32))
        self.dtype, self.qscheme = self.activation_post_process.dtype, self.activation_post_process.qscheme
        self.ch_axis = getattr(self.activation_post_process, "ch_axis", -1)
        self.is_per_channel = self.qscheme in (kagari.per_channel_symmetric, kagari.per_channel_affine, kagari.per_channel_affine_float_qparams)

    def calculate_qparams(self):
        """(scale, zero_point) of the observer."""
        return self.activation_post_process.calculate_qparams()

    def forward(self, X):
        if self.observer_enabled[0] == 1:
            self.activation_post_process(X.detach())
            scale, zero_point = self.calculate_qparams()
            self.scale = scale.to(self.scale.dtype)
            self.zero_point = zero_point.to(self.zero_point.dtype)
        if self.fake_quant_enabled[0] == 1:
            if self.is_per_channel:
                return kagari.fake_quantize_per_channel_affine(X, self.scale, self.zero_point, self.ch_axis, self.quant_min, self.quant_max)
            return kagari.fake_quantize_per_tensor_affine(X, self.scale, self.zero_point, self.quant_min, self.quant_max)
        return X

    def extra_repr(self):
        """The text between the brackets of repr."""
        return (f"fake_quant_enabled={self.fake_quant_enabled}, observer_enabled={self.observer_enabled}, quant_min={self.quant_min}, quant_max={self.quant_max}, "
                f"dtype={self.dtype}, qscheme={self.qscheme}, ch_axis={self.ch_axis}, scale={self.scale}, zero_point={self.zero_point}")

    def _load_from_state_dict(self, state_dict, prefix, *args):
        for name in ("scale", "zero_point"):
            if prefix + name in state_dict:
                setattr(self, name, kagari.empty_like(state_dict[prefix + name]))
        super()._load_from_state_dict(state_dict, prefix, *args)


class FixedQParamsFakeQuantize(FakeQuantize):
    """Rounds with a scale and a zero point that are given; observer: a FixedQParamsObserver's with_args."""

    def __init__(self, observer):
        super().__init__(observer=observer)
        if type(self.activation_post_process) is not FixedQParamsObserver:
            raise AssertionError(f"{type(self).__name__}'s observer must be a FixedQParamsObserver")
        self.scale, self.zero_point = self.activation_post_process.scale, self.activation_post_process.zero_point


default_fake_quant = FakeQuantize.with_args(observer=MovingAverageMinMaxObserver, quant_min=0, quant_max=255, dtype=kagari.quint8,
                                            qscheme=kagari.per_tensor_affine, reduce_range=True)
default_weight_fake_quant = FakeQuantize.with_args(observer=MovingAverageMinMaxObserver, quant_min=-128, quant_max=127, dtype=kagari.qint8,
                                                   qscheme=kagari.per_tensor_symmetric, reduce_range=False)
default_per_channel_weight_fake_quant = FakeQuantize.with_args(observer=MovingAveragePerChannelMinMaxObserver, quant_min=-128, quant_max=127, dtype=kagari.qint8,
                                                               qscheme=kagari.per_channel_symmetric, reduce_range=False, ch_axis=0)


def _switch(name):
    def function(mod):
        if isinstance(mod, FakeQuantizeBase):
            getattr(mod, name)()
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{name}() of a module that rounds, for Module.apply; nothing for others."
    return function


disable_fake_quant, enable_fake_quant = _switch("disable_fake_quant"), _switch("enable_fake_quant")
disable_observer, enable_observer = _switch("disable_observer"), _switch("enable_observer")
