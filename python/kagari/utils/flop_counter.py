"""Counting the floating-point operations of matrix products and convolutions."""
import warnings
from collections import defaultdict
from math import prod

import kagari
from kagari._ops import OpOverloadPacket
from kagari.utils._python_dispatch import TorchDispatchMode
from kagari.utils._pytree import tree_map
from kagari.utils.module_tracker import ModuleTracker

__all__ = ["FlopCounterMode", "register_flop_formula"]
aten = kagari.ops.aten
flop_registry = {}                                   # operator -> formula over shapes


def get_shape(i):
    """The shape of a tensor; other values as they are."""
    return i.shape if isinstance(i, kagari.Tensor) else i


def register_flop_formula(targets, get_raw=False):
    """Decorator: formula(*shapes_of_args, out_shape=, **kwargs) counts for these operators. With get_raw it sees the tensors."""
    def decorate(formula):
        if not get_raw:
            def on_shapes(*args, out_val=None, **kwargs):
                args, kwargs, out_shape = tree_map(get_shape, (args, kwargs, out_val))
                return formula(*args, out_shape=out_shape, **kwargs)
        for target in targets if isinstance(targets, (list, tuple)) else [targets]:
            if target in flop_registry:
                raise RuntimeError(f"duplicate registrations for {target}")
            flop_registry[target] = formula if get_raw else on_shapes
        return formula
    return decorate


@register_flop_formula(aten.mm)
def mm_flop(a_shape, b_shape, *args, out_shape=None, **kwargs):
    """2 m k n"""
    m, k = a_shape
    return 2 * m * k * b_shape[1]


@register_flop_formula(aten.addmm)
def addmm_flop(self_shape, a_shape, b_shape, *args, out_shape=None, **kwargs):
    """Of the product alone."""
    return mm_flop(a_shape, b_shape)


@register_flop_formula(aten.bmm)
def bmm_flop(a_shape, b_shape, *args, out_shape=None, **kwargs):
    """2 batch m k n"""
    batch, m, k = a_shape
    return 2 * batch * m * k * b_shape[2]


@register_flop_formula(aten.baddbmm)
def baddbmm_flop(self_shape, a_shape, b_shape, *args, out_shape=None, **kwargs):
    """Of the products alone."""
    return bmm_flop(a_shape, b_shape)


def conv_flop_count(x_shape, w_shape, out_shape, transposed=False):
    """2 per element of the weight and position: of the result, or of the input if transposed."""
    positions = (x_shape if transposed else out_shape)[2:]
    return 2 * x_shape[0] * prod(positions) * prod(w_shape)


@register_flop_formula(aten.convolution)
def conv_flop(x_shape, w_shape, _bias, _stride, _padding, _dilation, transposed, *args, out_shape=None, **kwargs):
    """See conv_flop_count."""
    return conv_flop_count(x_shape, w_shape, out_shape, transposed)


# kagari has one operator for each gradient of a convolution; they count as PyTorch's one for both.
_convolution_backward = OpOverloadPacket("aten::convolution_backward", None, [], [])


@register_flop_formula(aten._convolution_input_gradient)
def _input_gradient_flop(grad_shape, w_shape, x_sizes, stride, padding, dilation, transposed, *args, out_shape=None, **kwargs):
    return conv_flop_count(x_sizes, w_shape, grad_shape, transposed)


@register_flop_formula(aten._convolution_weight_gradient)
def _weight_gradient_flop(x_shape, grad_shape, w_sizes, stride, padding, dilation, transposed, *args, out_shape=None, **kwargs):
    """PyTorch counts all pairs of channels, those of different groups included."""
    wide, other = (grad_shape, x_shape) if transposed else (x_shape, grad_shape)
    return 2 * wide[1] * prod(w_sizes[2:]) * prod(other)


_SHOWN_AS = {aten._convolution_input_gradient: _convolution_backward, aten._convolution_weight_gradient: _convolution_backward}


@register_flop_formula(aten._lstm_sequence)
def _lstm_flop(gates_shape, hidden_shape, cell_shape, w_shape, *args, out_shape=None, **kwargs):
    """The products with the recurrent weight, one per step."""
    return 2 * prod(gates_shape[:-1]) * prod(w_shape)


# --- the mode --------------------------------------------------------------------------------

_SUFFIXES = ["", "K", "M", "B", "T"]


def get_suffix_str(number):
    """"K" for thousands and so on, so that numbers below 10000 stay readable."""
    index = max(0, min(len(_SUFFIXES) - 1, (len(str(number)) - 2) // 3))
    return _SUFFIXES[index]


def convert_num_with_suffix(number, suffix):
    value = number / 1000 ** _SUFFIXES.index(suffix)
    return f"{value:.3f}{suffix}"


def convert_to_percent_str(num, denom):
    return "0%" if denom == 0 else f"{num / denom:.2%}"


class FlopCounterMode:
    """Context manager that counts floating-point operations, by module and operator, forward and backward.

    Arguments:
        depth: down to which level of modules the table goes.
        display: print the table at the end.
        custom_mapping: operator -> formula, in addition to what register_flop_formula registered.

    >>> with torch.utils.flop_counter.FlopCounterMode(display=False) as counter:
    ...     _ = torch.ones(2, 3) @ torch.ones(3, 4)
    >>> counter.get_total_flops()
    48
    """

    def __init__(self, mods=None, depth=2, display=True, custom_mapping=None):
        if mods is not None:
            warnings.warn("mods argument is not needed anymore, you can stop passing it", stacklevel=2)
        self.flop_counts, self.depth, self.display, self.mode, self.mod_tracker = defaultdict(lambda: defaultdict(int)), depth, display, None, ModuleTracker()
        extra = {key: formula if getattr(formula, "_get_raw", False) else _on_shapes(formula) for key, formula in (custom_mapping or {}).items()}
        self.flop_registry = {**flop_registry, **extra}

    def get_total_flops(self):
        """The sum over all operators."""
        return sum(self.flop_counts["Global"].values())

    def get_flop_counts(self):
        """Module name -> {operator: count}."""
        return {name: dict(counts) for name, counts in self.flop_counts.items()}

    def get_table(self, depth=None):
        """The counts as text."""
        depth = 999999 if depth is None and self.depth is None else self.depth if depth is None else depth
        total = self.get_total_flops()
        suffix = get_suffix_str(total)

        def rows_of(name):
            counts = self.flop_counts[name]
            mine = sum(counts.values())
            rows = [[name, convert_num_with_suffix(mine, suffix), convert_to_percent_str(mine, total)]]
            rows += [[f"- {op}", convert_num_with_suffix(n, suffix), convert_to_percent_str(n, total)] for op, n in counts.items()]
            return rows, mine

        rows, seen_all = [], False
        for name in sorted(self.flop_counts):
            if name == "Global":
                continue
            if name.count(".") + 1 > depth:
                continue
            found, mine = rows_of(name)
            rows += found
            seen_all = seen_all or mine >= total
        if "Global" in self.flop_counts and not seen_all:
            rows = rows_of("Global")[0] + rows
        rows = rows or [["Global", "0", "0%"]]
        heads = ["Module", "FLOP", "% Total"]
        widths = [max(len(heads[i]) + 2 * (i > 0), *(len(row[i]) for row in rows)) for i in range(3)]
        lines = ["  ".join([heads[0].ljust(widths[0]), heads[1].rjust(widths[1]), heads[2].rjust(widths[2])]), "  ".join("-" * width for width in widths)]
        lines += ["  ".join([row[0].ljust(widths[0]), row[1].rjust(widths[1]), row[2].rjust(widths[2])]) for row in rows]
        return "\n".join(lines)

    def __enter__(self):
        self.flop_counts.clear()
        self.mod_tracker.__enter__()
        self.mode = _Counting(self)
        self.mode.__enter__()
        return self

    def __exit__(self, *exception):
        self.mode.__exit__(*exception)
        self.mode = None
        self.mod_tracker.__exit__(*exception)
        if self.display:
            print(self.get_table(self.depth))

    def _count(self, packet, out, args, kwargs):
        formula = self.flop_registry.get(packet)
        if formula is None:
            return
        count, shown = formula(*args, **kwargs, out_val=out), _SHOWN_AS.get(packet, packet)
        for name in set(self.mod_tracker.parents):
            self.flop_counts[name][shown] += count


def _on_shapes(formula):
    def on_shapes(*args, out_val=None, **kwargs):
        args, kwargs, out_shape = tree_map(get_shape, (args, kwargs, out_val))
        return formula(*args, out_shape=out_shape, **kwargs)
    return on_shapes


class _Counting(TorchDispatchMode):
    def __init__(self, counter):
        super().__init__()
        self.counter = counter

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        self.counter._count(func._overloadpacket, out, args, kwargs)
        return out
