"""Layers whose weights are 8-bit integers, and whose inputs are rounded to 7 bits between their least and greatest value, anew in each call.

A weight w is stored as round(w / s) from -128 to 127, with s = max|w| / 127.5. What becomes of the input, and the product, is the core's
(Note [Dynamic quantisation] in kagari/ops/quantization.cpp). With float16 only the weights are rounded, to that dtype.
"""
import kagari
from kagari.nn.modules.module import Module

__all__ = ["GRU", "LSTM", "Linear"]

_int8_linear = kagari._C._space__C["_int8_linear"]


class _Weight:
    """A rounded matrix in a module: the integers are the buffer `name`, their unit is `name`_scale."""

    @staticmethod
    def store(module, name, weight, dtype):
        weight = weight.detach()
        if dtype == kagari.float16:
            module.register_buffer(name, weight.half())
            module.register_buffer(f"{name}_scale", kagari.ones(()))
            return
        scale = float(weight.abs().max()) / 127.5 or 1.0
        module.register_buffer(name, kagari.round(weight / scale).clamp(-128, 127).to(kagari.int8))
        module.register_buffer(f"{name}_scale", kagari.tensor(scale))

    @staticmethod
    def product(module, name, x, bias=None):
        """x @ weight.T + bias, with x rounded unless the weight is float16."""
        weight = getattr(module, name)
        if weight.dtype == kagari.float16:
            return kagari.nn.functional.linear(x, weight.float(), bias)
        return _int8_linear(x, weight, float(getattr(module, f"{name}_scale")), bias)


class Linear(Module):
    """nn.Linear with rounded weights. dtype: qint8 or float16.

        >>> import kagari as torch
        >>> layer = torch.nn.Linear(64, 8)
        >>> rounded = torch.ao.nn.quantized.dynamic.Linear.from_float(layer)
        >>> x = torch.randn(4, 64)
        >>> bool((rounded(x) - layer(x)).abs().max() < 0.1)
        True
    """

    def __init__(self, in_features, out_features, bias_=True, dtype=None):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight_dtype = kagari.qint8 if dtype is None else dtype
        _Weight.store(self, "_weight", kagari.zeros(out_features, in_features), self.weight_dtype)
        self.register_buffer("_bias", kagari.zeros(out_features) if bias_ else None)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False, dtype=None):
        """The rounded layer of an nn.Linear."""
        made = cls(mod.in_features, mod.out_features, mod.bias is not None, dtype)
        _Weight.store(made, "_weight", mod.weight, made.weight_dtype)
        made._bias = None if mod.bias is None else mod.bias.detach().clone()
        made.training = mod.training
        return made

    def weight(self):
        """The weights as the numbers they stand for."""
        return self._weight.float() * self._weight_scale

    def bias(self):
        return self._bias

    def forward(self, x):
        return _Weight.product(self, "_weight", x, self._bias)

    def _get_name(self):
        return "DynamicQuantizedLinear"

    def extra_repr(self):
        scheme = "" if self.weight_dtype == kagari.float16 else ", qscheme=torch.per_tensor_affine"
        return f"in_features={self.in_features}, out_features={self.out_features}, dtype={self.weight_dtype}{scheme}"


class _Recurrent(Module):
    """LSTM and GRU: the input's products are rounded for the whole sequence at once, the state's in each step."""

    @classmethod
    def from_float(cls, mod, dtype=None):
        """The rounded layers of an nn.LSTM or nn.GRU."""
        if getattr(mod, "proj_size", 0):
            raise NotImplementedError("quantize_dynamic: proj_size")
        made = cls()
        for name in ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional"):
            setattr(made, name, getattr(mod, name))
        made.weight_dtype = kagari.qint8 if dtype is None else dtype
        for name, parameter in mod.named_parameters():
            if name.startswith("weight"):
                _Weight.store(made, name, parameter, made.weight_dtype)
            else:
                made.register_buffer(name, parameter.detach().clone())
        made.training = mod.training
        return made

    def _direction(self, x, state, suffix):
        """One layer in one direction over x (time, batch, features)."""
        gates = _Weight.product(self, f"weight_ih{suffix}", x)
        if self.bias:
            gates = gates + getattr(self, f"bias_ih{suffix}")
        order = range(len(x) - 1, -1, -1) if suffix.endswith("_reverse") else range(len(x))
        outputs = [None] * len(x)
        for moment in order:
            hidden = _Weight.product(self, f"weight_hh{suffix}", state[0])
            state = self._step(gates[moment], hidden + getattr(self, f"bias_hh{suffix}") if self.bias else hidden, state)
            outputs[moment] = state[0]
        return kagari.stack(outputs), state

    def _run(self, x, states):
        finals = []
        for layer in range(self.num_layers):
            outputs = []
            for reverse in ("", "_reverse")[:1 + self.bidirectional]:
                out, final = self._direction(x, tuple(part[len(finals)] for part in states), f"_l{layer}{reverse}")
                outputs.append(out)
                finals.append(final)
            x = kagari.cat(outputs, -1)
            if self.dropout and self.training and layer + 1 < self.num_layers:
                x = kagari.nn.functional.dropout(x, self.dropout)
        return x, tuple(kagari.stack(parts) for parts in zip(*finals, strict=True))

    def _over(self, input, states, count):
        packed = not isinstance(input, kagari.Tensor)
        if packed:
            raise NotImplementedError(f"{self._get_name()}: packed sequences")
        single = input.dim() == 2
        x = input.unsqueeze(0 if self.batch_first else 1) if single else input
        x = x.transpose(0, 1) if self.batch_first else x
        rows = self.num_layers * (1 + self.bidirectional)
        if states is None:
            states = tuple(kagari.zeros(rows, x.size(1), self.hidden_size) for _ in range(count))
        elif single:
            states = tuple(part.unsqueeze(1) for part in states)
        out, finals = self._run(x, states)
        out = out.transpose(0, 1) if self.batch_first else out
        if single:
            return out.squeeze(0 if self.batch_first else 1), tuple(part.squeeze(1) for part in finals)
        return out, finals

    def extra_repr(self):
        more = f", num_layers={self.num_layers}" * (self.num_layers != 1) + ", bidirectional=True" * bool(self.bidirectional)
        return f"{self.input_size}, {self.hidden_size}{more}{', batch_first=True' if self.batch_first else ''}"


class LSTM(_Recurrent):
    """nn.LSTM with rounded weights."""

    @staticmethod
    def _step(x, h, state):
        i, f, g, o = (x + h).chunk(4, -1)
        cell = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
        return o.sigmoid() * cell.tanh(), cell

    def forward(self, input, hx=None):
        return self._over(input, hx, 2)

    def _get_name(self):
        return "DynamicQuantizedLSTM"


class GRU(_Recurrent):
    """nn.GRU with rounded weights."""

    @staticmethod
    def _step(x, h, state):
        (xr, xz, xn), (hr, hz, hn) = x.chunk(3, -1), h.chunk(3, -1)
        z = (xz + hz).sigmoid()
        return ((1 - z) * (xn + (xr + hr).sigmoid() * hn).tanh() + z * state[0],)

    def forward(self, input, hx=None):
        out, finals = self._over(input, None if hx is None else (hx,), 1)
        return out, finals[0]

    def _get_name(self):
        return "DynamicQuantizedGRU"
