"""Joined layers of integers."""
import kagari
from kagari.ao.nn import intrinsic, quantized
from kagari.ao.nn.quantized import _operators as operators

__all__ = ["BNReLU2d", "BNReLU3d", "ConvReLU1d", "ConvReLU2d", "ConvReLU3d", "LinearLeakyReLU", "LinearReLU", "LinearTanh"]


for _n in (1, 2, 3):
    globals()[f"ConvReLU{_n}d"] = type(f"ConvReLU{_n}d", (getattr(quantized, f"Conv{_n}d"),), {
        "_relu": True, "_FLOAT_MODULE": getattr(intrinsic, f"ConvReLU{_n}d"), "__module__": __name__, "__doc__": f"Convolution in {_n} dimensions and ReLU, of integers."})


class LinearReLU(quantized.Linear):
    """Linear layer and ReLU, of integers."""
    _FLOAT_MODULE = intrinsic.LinearReLU

    def forward(self, x):
        return operators.linear_relu(x, self._packed_params._packed_params, self.scale, self.zero_point)

    def _get_name(self):
        return "QuantizedLinearReLU"


class _LinearThen(quantized.Linear):
    def forward(self, x):
        weight, bias = self._packed_params._weight_bias()
        sums = kagari.nn.functional.linear(x.dequantize(), weight.dequantize(), bias)
        return kagari.quantize_per_tensor(self._then(sums), self.scale, self.zero_point, x.dtype)


class LinearLeakyReLU(_LinearThen):
    """Linear layer and leaky ReLU, of integers."""
    _FLOAT_MODULE = intrinsic.LinearLeakyReLU
    negative_slope = 0.01

    def _then(self, x):
        return kagari.nn.functional.leaky_relu(x, self.negative_slope)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        made = super().from_float(mod)
        made.negative_slope = mod[1].negative_slope
        return made

    def _get_name(self):
        return "QuantizedLinearLeakyReLU"


class LinearTanh(_LinearThen):
    """Linear layer and tanh, of integers."""
    _FLOAT_MODULE = intrinsic.LinearTanh

    def _then(self, x):
        return kagari.tanh(x)

    def _get_name(self):
        return "QuantizedLinearTanh"


def _with_relu(base):
    class Layer(base):
        def forward(self, input):
            return kagari.relu(super().forward(input))

        def _get_name(self):
            return f"QuantizedBNReLU{base.__name__[-2:]}"

    Layer.__name__ = Layer.__qualname__ = f"BNReLU{base.__name__[-2:]}"
    Layer.__module__ = __name__
    Layer.__doc__ = f"{base.__name__} and ReLU, of integers."
    return Layer


BNReLU2d, BNReLU3d = _with_relu(quantized.BatchNorm2d), _with_relu(quantized.BatchNorm3d)
