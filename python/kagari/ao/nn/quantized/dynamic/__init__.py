"""Layers whose weights are 8-bit integers, and whose inputs are rounded to 7 bits between their least and greatest value, anew in each call.

Note [Dynamic quantisation]
A weight w is stored as round(w / s) from -128 to 127, with s = max|w| / 127.5. An input x becomes round(x / t + z) from 0 to 127, where t and z
span the range of x with 0 in it. With float16 only the weights are rounded, to that dtype.
"""
import kagari
from kagari.ao.nn import quantized
from kagari.ao.nn.quantized import _operators as operators
from kagari.nn.modules.module import Module

__all__ = ["GRU", "GRUCell", "LSTM", "LSTMCell", "Linear", "RNNCell"]


class _Weight:
    """A rounded matrix in a module: the packed weight is kept in `_packed` under its name."""

    @staticmethod
    def store(module, name, weight, observer):
        weight = weight.detach()
        kagari.randn(weight.shape)                # PyTorch's layer is made of random numbers first
        if observer.dtype == kagari.float16:
            made = operators.linear_prepack_fp16(weight)
        else:
            observer(weight)
            made = operators.linear_prepack(quantized._rounded_weight(weight.float(), observer))
        module.__dict__.setdefault("_packed", {})[name] = made

    @staticmethod
    def product(module, name, x):
        """x @ weight.T, with x rounded unless the weight is float16."""
        packed = module._packed[name]
        return operators.linear_dynamic_fp16(x, packed) if module.weight_dtype == kagari.float16 else operators.linear_dynamic(x, packed, reduce_range=True)


class Linear(quantized.Linear):
    """nn.Linear with rounded weights. dtype: qint8 or float16.

        >>> import kagari as torch
        >>> layer = torch.nn.Linear(64, 8)
        >>> rounded = torch.ao.nn.quantized.dynamic.Linear.from_float(layer)
        >>> x = torch.randn(4, 64)
        >>> bool((rounded(x) - layer(x)).abs().max() < 0.1)
        True
    """

    def __init__(self, in_features, out_features, bias_=True, dtype=kagari.qint8):
        super().__init__(in_features, out_features, bias_, dtype)

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """The rounded layer of an nn.Linear; its qconfig says how its weight is rounded."""
        observer = _weight_observer(mod)
        if observer.dtype == kagari.float16:
            weight = mod.weight.detach().half()
        else:
            observer(mod.weight)
            weight = quantized._rounded_weight(mod.weight.detach().float(), observer)
        made = cls(mod.in_features, mod.out_features, mod.bias is not None, observer.dtype)
        made.set_weight_bias(weight, mod.bias)
        made.training = mod.training
        return made

    def forward(self, x):
        packed = self._packed_params._packed_params
        return operators.linear_dynamic_fp16(x, packed) if self._packed_params.dtype == kagari.float16 else operators.linear_dynamic(x, packed, reduce_range=True)

    def _get_name(self):
        return "DynamicQuantizedLinear"

    def extra_repr(self):
        scheme = f", qscheme={self.weight().qscheme()}" if self._packed_params.dtype == kagari.qint8 else ""
        return f"in_features={self.in_features}, out_features={self.out_features}, dtype={self._packed_params.dtype}{scheme}"


def _weight_observer(mod):
    """The observer that a layer's qconfig, or the default one, has for weights."""
    qconfig = getattr(mod, "qconfig", None)
    if qconfig is None or getattr(qconfig, "weight", None) is None:
        from kagari.ao.quantization.qconfig import default_dynamic_qconfig as qconfig
    return qconfig.weight()


def _with_parameters_of(made, mod):
    """`made` with the rounded weights and the biases of a recurrent layer or cell. Each bias draws the numbers that PyTorch draws for its place."""
    for name, parameter in mod.named_parameters():
        if name.startswith("weight"):
            _Weight.store(made, name, parameter, _weight_observer(mod))
        else:
            made.register_buffer(name, parameter.detach().clone())
            kagari.randn(parameter.shape)
    made.training = mod.training
    return made


class _Recurrent(Module):
    """LSTM and GRU: the input's products are rounded for the whole sequence at once, the state's in each step."""

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """The rounded layers of an nn.LSTM or nn.GRU."""
        if getattr(mod, "proj_size", 0):
            raise NotImplementedError("quantize_dynamic: proj_size")
        made = cls()
        for name in ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional"):
            setattr(made, name, getattr(mod, name))
        made.weight_dtype = _weight_observer(mod).dtype
        return _with_parameters_of(made, mod)

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
        more = f", num_layers={self.num_layers}" * (self.num_layers != 1) + ", batch_first=True" * bool(self.batch_first) + ", bidirectional=True" * bool(self.bidirectional)
        return f"{self.input_size}, {self.hidden_size}{more}"

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        super()._save_to_state_dict(destination, prefix, keep_vars)
        for name, packed in self._packed.items():
            destination[prefix + name] = packed.unpack()[0]

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs):
        for name, packed in self._packed.items():
            packed._weight = state_dict.pop(prefix + name, packed._weight)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, False, missing_keys, unexpected_keys, error_msgs)


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


class _Cell(Module):
    """A recurrent cell with rounded weights."""

    @classmethod
    def from_float(cls, mod, use_precomputed_fake_quant=False):
        """The rounded cell of a floating one."""
        made = cls()
        made.input_size, made.hidden_size, made.bias = mod.input_size, mod.hidden_size, mod.bias
        made.nonlinearity, made.weight_dtype = getattr(mod, "nonlinearity", "tanh"), _weight_observer(mod).dtype
        return _with_parameters_of(made, mod)

    def _parts(self, input, state):
        """The two products, with their biases."""
        x, h = _Weight.product(self, "weight_ih", input), _Weight.product(self, "weight_hh", state)
        return (x + self.bias_ih, h + self.bias_hh) if self.bias else (x, h)

    def _start(self, input, hx):
        return kagari.zeros(*input.shape[:-1], self.hidden_size) if hx is None else hx

    def _get_name(self):
        return f"DynamicQuantized{type(self).__name__}"

    def extra_repr(self):
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class LSTMCell(_Cell):
    """nn.LSTMCell with rounded weights."""

    def forward(self, input, hx=None):
        state = (self._start(input, None), self._start(input, None)) if hx is None else hx
        return LSTM._step(*self._parts(input, state[0]), state)


class GRUCell(_Cell):
    """nn.GRUCell with rounded weights."""

    def forward(self, input, hx=None):
        state = self._start(input, hx)
        return GRU._step(*self._parts(input, state), (state,))[0]


class RNNCell(_Cell):
    """nn.RNNCell with rounded weights."""

    def forward(self, input, hx=None):
        x, h = self._parts(input, self._start(input, hx))
        return kagari.relu(x + h) if self.nonlinearity == "relu" else kagari.tanh(x + h)
