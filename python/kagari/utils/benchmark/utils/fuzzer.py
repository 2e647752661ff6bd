"""Random shapes and tensors for benchmarks."""
import itertools

import kagari

__all__ = ["Fuzzer", "FuzzedParameter", "ParameterAlias", "FuzzedTensor"]
_DISTRIBUTIONS = ("loguniform", "uniform")


class ParameterAlias:
    """A parameter that takes the value of another one."""

    def __init__(self, alias_to):
        self.alias_to = alias_to

    def __repr__(self):
        return f"ParameterAlias[alias_to: {self.alias_to}]"


def _random(generator, low=0.0, high=1.0):
    return low + (high - low) * kagari.rand((), generator=generator, dtype=kagari.float64).item()


class FuzzedParameter:
    """A number between minval and maxval, "uniform" or "loguniform", or one of the keys of a dict with their probabilities."""

    def __init__(self, name, minval=None, maxval=None, distribution=None, strict=False):
        if isinstance(distribution, dict):
            if minval is not None or maxval is not None:
                raise AssertionError("minval and maxval belong to a named distribution")
            if any(isinstance(key, ParameterAlias) for key in distribution) and strict:
                raise AssertionError("an alias cannot be strict")
        elif distribution not in _DISTRIBUTIONS:
            raise AssertionError(f"the distribution is one of {_DISTRIBUTIONS} or a dict of values")
        elif minval is None or maxval is None or minval > maxval:
            raise AssertionError("minval <= maxval is required")
        self._name, self._minval, self._maxval, self._distribution, self.strict = name, minval, maxval, distribution, strict

    @property
    def name(self):
        return self._name

    def sample(self, state):
        """A value; `state` is a torch.Generator."""
        if isinstance(self._distribution, dict):
            values = list(self._distribution)
            at = kagari.multinomial(kagari.tensor(list(self._distribution.values()), dtype=kagari.float64), 1, generator=state).item()
            return values[at]
        whole = isinstance(self._minval, int) and isinstance(self._maxval, int)
        if self._distribution == "uniform":
            return int(kagari.randint(self._minval, self._maxval + 1, (), generator=state)) if whole else _random(state, self._minval, self._maxval)
        import math
        value = math.exp(_random(state, math.log(self._minval), math.log(self._maxval + (1 if whole else 0))))
        return min(int(value), self._maxval) if whole else value


class FuzzedTensor:
    """A tensor whose sizes are names of parameters or numbers; may be a permuted or strided part of a larger one."""

    def __init__(self, name, size, steps=None, probability_contiguous=0.5, min_elements=None, max_elements=None, max_allocation_bytes=None, dim_parameter=None,
                 roll_parameter=None, dtype=kagari.float32, cuda=False, tensor_constructor=None):
        if cuda:
            raise NotImplementedError("FuzzedTensor: there is no CUDA device")
        self._name, self._size, self._steps, self._probability_contiguous = name, size, steps, probability_contiguous
        self._min_elements, self._max_elements, self._max_bytes, self._dim_parameter = min_elements, max_elements, max_allocation_bytes, dim_parameter
        self._dtype, self._constructor = dtype, tensor_constructor or self.default_tensor_constructor

    @property
    def name(self):
        return self._name

    @staticmethod
    def default_tensor_constructor(size, dtype, **kwargs):
        """Random numbers of the dtype."""
        if dtype.is_floating_point or dtype.is_complex:
            return kagari.rand(size=size, dtype=dtype)
        return kagari.randint(1, 127, size=size, dtype=dtype)

    def _shape(self, params):
        dim = params[self._dim_parameter] if self._dim_parameter else len(self._size)

        def resolve(values):
            return tuple(params.get(one, one) for one in values[:dim])
        size = resolve(self._size)
        steps = resolve(self._steps or ()) or (1,) * dim
        return size, steps, tuple(n * step for n, step in zip(size, steps))

    def satisfies_constraints(self, params):
        """Whether the number of elements and bytes is within the limits."""
        size, _, whole = self._shape(params)
        count = bytes_ = 1
        for n in size:
            count *= n
        for n in whole:
            bytes_ *= n
        return not any((self._max_bytes and bytes_ * self._dtype.itemsize > self._max_bytes, self._max_elements and count > self._max_elements,
                        self._min_elements and count < self._min_elements))

    def _make_tensor(self, params, state):
        size, steps, whole = self._shape(params)
        raw = self._constructor(size=whole, dtype=self._dtype, **params)
        order = list(range(len(size)))
        if len(size) > 1 and _random(state) > self._probability_contiguous:
            order = kagari.randperm(len(size), generator=state).tolist()
            raw = raw.permute(order).contiguous().permute([order.index(i) for i in range(len(size))])
        tensor = raw[tuple(slice(0, n, step) for n, step in zip(whole, steps))]
        return tensor, {"numel": int(tensor.numel()), "order": order, "steps": steps, "is_contiguous": tensor.is_contiguous(), "dtype": str(self._dtype)}


class Fuzzer:
    """Draws sets of tensors from parameters; constraints are functions of the parameters that must hold."""

    def __init__(self, parameters, tensors, constraints=None, seed=None):
        def flat(items):
            return list(itertools.chain.from_iterable(item if isinstance(item, (list, tuple)) else [item] for item in items))
        self._parameters, self._tensors, self._constraints = flat(parameters), flat(tensors), constraints or ()
        self._seed = seed if seed is not None else int(kagari.randint(0, 2 ** 31, ()))
        names = [one.name for one in self._parameters + self._tensors]
        if len(set(names)) != len(names):
            raise ValueError("Duplicate names among parameters and tensors")
        self._rejections = self._total_generated = 0

    @property
    def rejection_rate(self):
        """The part of the drawn sets that broke a constraint."""
        return self._rejections / self._total_generated if self._total_generated else 0.0

    def take(self, n):
        """n times (tensors by name, properties of the tensors, parameters)."""
        state = kagari.Generator().manual_seed(self._seed)
        for _ in range(n):
            params = self._generate(state)
            made = {tensor.name: tensor._make_tensor(params, state) for tensor in self._tensors}
            yield {name: pair[0] for name, pair in made.items()}, {name: pair[1] for name, pair in made.items()}, params

    def _generate(self, state):
        for _ in range(1000):
            self._total_generated += 1
            params = {one.name: one.sample(state) for one in self._parameters}
            for name, value in list(params.items()):
                while isinstance(value, ParameterAlias):
                    value = params[value.alias_to]
                params[name] = value
            if all(rule(params) for rule in self._constraints) and all(tensor.satisfies_constraints(params) for tensor in self._tensors):
                return params
            self._rejections += 1
        raise ValueError("Failed to generate a set of valid parameters.")
