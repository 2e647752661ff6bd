"""The class of masked tensors."""
import kagari
from kagari._holder import Holder

__all__ = ["MaskedTensor", "is_masked_tensor"]


def is_masked_tensor(obj, /):
    """Whether obj is a MaskedTensor."""
    return isinstance(obj, MaskedTensor)


def _check(data, mask):
    for name, value in (("data", data), ("mask", mask)):
        if not isinstance(value, kagari.Tensor):
            raise TypeError(f"{name} must be a Tensor")
    if data.layout != mask.layout:
        raise TypeError(f"data and mask must have the same layout. Got {data.layout} and {mask.layout}")
    if data.layout != kagari.strided:
        raise NotImplementedError(f"masked tensors of layout {data.layout} are not supported")
    if mask.dtype != kagari.bool:
        raise TypeError("mask must have dtype bool.")
    if data.dtype.is_complex or data.dtype.itemsize == 1 and data.dtype.is_floating_point:
        raise TypeError(f"{data.dtype} is not supported in MaskedTensor.")
    if data.dim() != mask.dim():
        raise ValueError("data.dim() must equal mask.dim()")
    if data.shape != mask.shape:
        raise ValueError("data.size() must equal mask.size()")


class MaskedTensor(Holder):
    """A tensor whose elements count only where a mask is True: functions leave the others out, and reductions skip them.

    data, mask: tensors of one shape, the mask bool. Two masked tensors meet in an operation only if their masks are equal.
    """

    def __new__(cls, data, mask, requires_grad=False):
        if isinstance(data, kagari.Tensor) and data.requires_grad:
            import warnings
            warnings.warn("It is not recommended to create a MaskedTensor with a tensor that requires_grad. To avoid this, you can use data.detach().clone()",
                          UserWarning, stacklevel=2)
        _check(data, mask)
        return cls._around(data.detach().requires_grad_(requires_grad), mask)

    @classmethod
    def _around(cls, data, mask):
        _check(data, mask)
        self = kagari.Tensor._make_wrapper_subclass(cls, data.shape, strides=data.stride(), storage_offset=data.storage_offset(), dtype=data.dtype,
                                                    layout=data.layout, device=data.device)
        self._masked_data, self._masked_mask = data, mask
        return self

    def _held(self):
        return [self._masked_data]

    def _with(self, held):
        return MaskedTensor._around(held[0], self._masked_mask)

    def _held_as_gradient(self):
        return [self.to_tensor(0)]

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        from kagari.masked.maskedtensor import _rules
        return _rules.call(func, args, kwargs or {})

    def get_data(self):
        """The elements, those that are masked out included; gradients go through."""
        return self._masked_data.view_as(self._masked_data) if self._masked_data.requires_grad else self._masked_data

    def get_mask(self):
        """The mask: True for elements that count."""
        return self._masked_mask

    def to_tensor(self, value):
        """An ordinary tensor with `value` in the place of the elements that are masked out."""
        return self.get_data().masked_fill(~self._masked_mask, value)

    def is_sparse_coo(self):
        """False: data and mask are strided."""
        return False

    is_sparse_csr = is_sparse_coo

    def item(self):
        """The only element as a number."""
        return self._masked_data.item()

    def __bool__(self):
        return bool(self._masked_data)

    def __getitem__(self, key):
        from kagari.masked.maskedtensor import _rules
        return _rules.item(self, key)

    def __setitem__(self, key, value):
        raise TypeError("assigning to elements of a MaskedTensor is not supported; assign to its data")

    def __iter__(self):
        return iter([self[i] for i in range(len(self))])

    def tolist(self):
        """Nested lists, with None for elements that are masked out."""
        def joined(data, mask):
            if isinstance(mask, list):
                return [joined(d, m) for d, m in zip(data, mask)]
            return data if mask else None
        return joined(self._masked_data.tolist(), self._masked_mask.tolist())

    def __reduce_ex__(self, protocol):
        return MaskedTensor, (self._masked_data.detach(), self._masked_mask, self.requires_grad)

    def __repr__(self, *, tensor_contents=None):
        return _text(self._masked_data.detach(), self._masked_mask)

    __str__ = __repr__

    def __format__(self, spec):
        return format(_text(self._masked_data.detach(), self._masked_mask), spec)


def _text(data, mask):
    """The elements as nested brackets, -- for those that are masked out."""
    def one(value):
        return f"{value:8.4f}" if data.dtype.is_floating_point else str(value)
    if data.dim() == 0:
        return f"MaskedTensor({one(data.item())}, True)" if mask.item() else "MaskedTensor(--, False)"
    texts = [one(value) for value in data.reshape(-1).tolist()]
    hidden = "--".rjust(max([8, *map(len, texts)]))
    shown = iter(text if counts else hidden for text, counts in zip(texts, mask.reshape(-1).tolist()))

    def lines(dim, indent):
        if dim == data.dim() - 1:
            return " " * indent + "[" + ", ".join(next(shown) for _ in range(data.shape[dim])) + "]"
        inner = ",\n".join(lines(dim + 1, indent + 2) for _ in range(data.shape[dim]))
        return " " * indent + "[\n" + inner + "\n" + " " * indent + "]"
    return "MaskedTensor(\n" + lines(0, 2) + "\n)"
