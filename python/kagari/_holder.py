"""Tensors that hold others: nested and masked ones.

A holder has the type, dtype and device of a tensor and no elements of its own. Functions reach it by `__torch_function__` and work on the
tensors inside, which also carry the gradients: what a holder says about gradients is what they say.
"""
import kagari

# Elementwise functions that are compositions, which the registry does not mark, and Python's operators.
ELEMENTWISE = frozenset("""
    __radd__ __rsub__ __rmul__ __rtruediv__ __rdiv__ __rpow__ __rfloordiv__ __rmod__ __rand__ __ror__ __rxor__ __and__ __or__ __xor__ __iadd__
    __isub__ __imul__ __itruediv__ __ifloordiv__ __ipow__ __iand__ __ior__ __ixor__ __lshift__ __rshift__ __invert__ abs neg negative positive
    add sub subtract rsub mul multiply div divide true_divide floor_divide remainder fmod pow square sqrt exp log where masked_fill clamp clip
    clamp_min clamp_max maximum minimum fmax fmin isclose isfinite isinf isnan isposinf isneginf isreal nan_to_num lerp addcmul addcdiv logit
    eq ne lt le gt ge equal_ greater greater_equal less less_equal not_equal logical_not logical_and logical_or logical_xor bitwise_not
    relu relu_ relu6 leaky_relu elu selu celu gelu silu mish sigmoid logsigmoid softplus softsign softshrink hardshrink tanhshrink hardtanh
    hardsigmoid hardswish threshold prelu rrelu tanh sin cos tan frac fix trunc floor ceil round rsqrt reciprocal sign sgn signbit
    dropout alpha_dropout feature_dropout native_dropout bernoulli zeros_like ones_like empty_like full_like rand_like randn_like randint_like
    bool byte char short int long half bfloat16 float double cfloat cdouble type type_as cpu clone detach positive fill_ zero_ copy_
    normal_ uniform_ real imag conj angle polygamma digamma lgamma erf erfc erfinv expm1 log1p log2 log10 exp2 xlogy deg2rad rad2deg special_expit
    expit
""".split())


class Holder(kagari.Tensor):
    """Base class. A subclass gives `_held`, the tensors that carry gradients, and `_with`, a holder like this one around others."""

    def _held(self):
        raise NotImplementedError

    def _with(self, held):
        raise NotImplementedError

    def _held_as_gradient(self):
        """The tensors inside where this is the gradient of a tensor like it."""
        return self._held()

    @property
    def requires_grad(self):
        return any(part.requires_grad for part in self._held())

    @requires_grad.setter
    def requires_grad(self, value):
        self.requires_grad_(value)

    @property
    def is_leaf(self):
        return all(part.is_leaf for part in self._held())

    @property
    def grad_fn(self):
        return next((part.grad_fn for part in self._held() if part.grad_fn is not None), None)

    @property
    def output_nr(self):
        return 0

    @property
    def grad(self):
        """The gradient in the form of the tensor itself, or None."""
        found = [part.grad for part in self._held()]
        if all(one is None for one in found):
            return None
        return self._with([kagari.zeros_like(part) if one is None else one for one, part in zip(found, self._held())])

    @grad.setter
    def grad(self, value):
        for part, one in zip(self._held(), [None] * len(self._held()) if value is None else value._held()):
            part.grad = one

    @grad.deleter
    def grad(self):
        self.grad = None

    @property
    def data(self):
        return self.detach()

    def requires_grad_(self, requires_grad=True):
        """Switches recording on or off; the tensor itself is the result."""
        for part in self._held():
            part.requires_grad_(requires_grad)
        return self

    def retain_grad(self):
        """Keeps `.grad` after the backward pass, though this is no leaf."""
        for part in self._held():
            part.retain_grad()

    def detach(self):
        """The same elements without their history."""
        return self._with([part.detach() for part in self._held()])

    def detach_(self):
        """Forgets the history."""
        for part in self._held():
            part.detach_()
        return self

    def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
        """The backward pass from here; `gradient` has the form of this tensor."""
        kagari.autograd.backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def __deepcopy__(self, memo):
        import copy
        if not self.is_leaf:
            raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment.")
        made = self._with([copy.deepcopy(part, memo) for part in self._held()])
        memo[id(self)] = made
        return made

    def _only_inside(self, name):
        raise NotImplementedError(f"{name} is not supported for a {type(self).__name__}; take the tensors inside")

    def data_ptr(self):
        self._only_inside("data_ptr()")

    def untyped_storage(self):
        self._only_inside("untyped_storage()")

    def storage(self):
        self._only_inside("storage()")

    def numpy(self, *, force=False):
        self._only_inside("numpy()")

    def __array__(self, dtype=None):
        self._only_inside("conversion to a NumPy array")


def opened(tensors, gradients=None):
    """(tensors, gradients) with holders replaced by what they hold."""
    parts, given = [], []
    for i, tensor in enumerate(tensors):
        gradient = None if gradients is None else gradients[i]
        if isinstance(tensor, Holder):
            held = tensor._held()
            parts += held
            given += gradient._held_as_gradient() if isinstance(gradient, Holder) else [gradient] * len(held)
        else:
            parts.append(tensor)
            given.append(gradient)
    return tuple(parts), tuple(given)


def closed(tensors, results):
    """The results of `opened` tensors, one per tensor again."""
    results, out = iter(results), []
    for tensor in tensors:
        if isinstance(tensor, Holder):
            found = [next(results) for _ in tensor._held()]
            out.append(None if all(one is None for one in found) else
                       tensor._with([kagari.zeros_like(part) if one is None else one for one, part in zip(found, tensor._held())]))
        else:
            out.append(next(results))
    return tuple(out)
