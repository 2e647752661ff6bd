"""Checks, and names that older programs use."""
import pytest

import kagari as torch


def test_checks():
    torch._check(True)
    for check, error in ((torch._check, RuntimeError), (torch._check_value, ValueError), (torch._check_index, IndexError), (torch._check_type, TypeError),
                         (torch._check_not_implemented, NotImplementedError)):
        with pytest.raises(error, match="Expected cond to be True"):
            check(False)
        with pytest.raises(error, match="^why$"):
            check(False, lambda: "why")
    with pytest.raises(TypeError, match="must be a bool"):
        torch._check(1)
    with pytest.raises(TypeError, match="callable"):
        torch._check(False, "text")
    torch._check_tensor_all(torch.tensor([True]))
    with pytest.raises(RuntimeError):
        torch._check_tensor_all(torch.tensor([True, False]))
    with pytest.raises(RuntimeError):
        torch._check_is_size(-1)
    assert torch._shape_as_tensor(torch.ones(2, 3)).tolist() == [2, 3]
    with pytest.raises(RuntimeError, match="Invalid value range"):
        torch.sym_constrain_range(3, min=5)


def test_script_types():
    assert str(torch.TensorType.get()) == "Tensor" and torch.ListType(torch.IntType.get()) == torch.ListType.ofInts()
    assert str(torch.DictType(torch.StringType.get(), torch.OptionalType(torch.FloatType.get()))) == "Dict[str, Optional[float]]"
    assert torch.IntType.get().isSubtypeOf(torch.AnyType.get()) and torch.TupleType([torch.IntType.get()]).annotation_str == "Tuple[int]"


def test_methods_of_tensors():
    x = torch.arange(6.0).reshape(2, 3)
    with pytest.warns(UserWarning, match="deprecated"):
        assert x.resize(3, 2).shape == (3, 2)
    assert complex(torch.tensor(1 + 2j)) == 1 + 2j and torch.tensor(1.5).__long__() == 1 and x.dequantize() is x and x.volatile is False
    assert x.clone().map2_(x, x, lambda a, b, c: a + b * c).tolist() == (x + x * x).tolist()
    for name in ("int_repr", "q_scale", "qscheme"):
        with pytest.raises(NotImplementedError, match=name):
            getattr(x, name)()
    for name in ("solve", "symeig", "reinforce"):
        with pytest.raises(RuntimeError, match="removed"):
            getattr(x, name)(x)
    assert torch.empty(2, 3, 4, 4).to(memory_format=torch.channels_last).dim_order(ambiguity_check=[torch.contiguous_format, torch.channels_last]) == (0, 2, 3, 1)
    with pytest.raises(RuntimeError, match="unique dim order"):
        torch.empty(2, 3, 1, 1).dim_order(ambiguity_check=True)


def test_names_of_the_package():
    assert torch.OutOfMemoryError is torch.cuda.OutOfMemoryError and issubclass(torch.AcceleratorError, RuntimeError)
    assert repr(torch.per_tensor_affine) == "torch.per_tensor_affine" and isinstance(torch.per_tensor_affine, torch.qscheme)
    assert torch._jit_internal.boolean_dispatch is torch.jit._annotations.boolean_dispatch
    assert torch.backends.mha.get_fastpath_enabled() in (True, False) and not torch.utils._triton.has_triton()
    on_meta = torch.utils._device.set_device("meta")(lambda: torch.ones(2))
    assert on_meta().device.type == "meta" and torch.ones(2).device.type == "cpu"
    flat = torch._utils._flatten_dense_tensors([torch.ones(2), torch.zeros(1, 2)])
    assert [tuple(one.shape) for one in torch._utils._unflatten_dense_tensors(flat, [torch.ones(2), torch.zeros(1, 2)])] == [(2,), (1, 2)]
