"""assert_close and make_tensor: texts and values recorded from PyTorch 2.13."""
import pytest

import kagari as torch
from kagari.testing import assert_close, make_tensor

X = torch.tensor([1.0, 2.0, 3.0])

FAILURES = [
    (lambda: (X, X + 1), "Tensor-likes are not close!\n\nMismatched elements: 3 / 3 (100.0%)\nGreatest absolute difference: 1.0 at index (0,) (up to 1e-05 allowed)\n"
     "Greatest relative difference: 0.5 at index (0,) (up to 1.3e-06 allowed)"),
    (lambda: (X, X[:2]), "The values for attribute 'shape' do not match: torch.Size([3]) != torch.Size([2])."),
    (lambda: (X, X.double()), "The values for attribute 'dtype' do not match: torch.float32 != torch.float64."),
    (lambda: (1, 2), "Scalars are not equal!\n\nExpected 2 but got 1.\nAbsolute difference: 1\nRelative difference: 0.5"),
    (lambda: (True, False), "Booleans mismatch: True is not False"),
    (lambda: (1.0, 1), "The (d)types do not match: <class 'float'> != <class 'int'>."),
    (lambda: ([1], [1, 2]), "The length of the sequences mismatch: 1 != 2"),
    (lambda: ({"a": X}, {"b": X}), "The keys of the mappings do not match:\nMissing keys in the actual mapping: ['b']\nAdditional keys in the actual mapping: ['a']"),
    (lambda: (torch.tensor([True, False]), torch.tensor([True, True])), "Tensor-likes are not equal!\n\nMismatched elements: 1 / 2 (50.0%)\n"
     "Greatest absolute difference: 1 at index (1,)\nGreatest relative difference: 1.0 at index (1,)"),
]


@pytest.mark.parametrize("number", range(len(FAILURES)))
def test_texts(number):
    make, text = FAILURES[number]
    with pytest.raises(AssertionError) as error:
        assert_close(*make())
    assert str(error.value) == text


def test_path_and_message():
    with pytest.raises(AssertionError, match=r"The failure occurred for item \['a'\]\[1\]"):
        assert_close({"a": [X, X]}, {"a": [X, X + 1]})
    with pytest.raises(AssertionError, match="^hello$"):
        assert_close(X, X + 1, msg="hello")
    with pytest.raises(AssertionError, match="^before\nTensor-likes"):
        assert_close(X, X + 1, msg=lambda text: "before\n" + text)


def test_what_is_close():
    assert_close(X, X + 1e-7)
    assert_close(X, X + 0.4, rtol=0.5, atol=0.5)
    assert_close(torch.tensor([float("nan")]), torch.tensor([float("nan")]), equal_nan=True)
    assert_close([1, {"a": X}, None], [1, {"a": X.clone()}, None])
    with pytest.raises(ValueError, match="Both 'rtol' and 'atol' must be either specified or omitted, but got no atol."):
        assert_close(X, X, rtol=0.1)
    with pytest.raises(TypeError, match="No comparison pair was able to handle inputs of type"):
        assert_close("a", "a")


def test_make_tensor():
    torch.manual_seed(0)
    assert_close(make_tensor(3, dtype=torch.float32, device="cpu"), torch.tensor([-0.0674, 4.8280, -7.4074]), rtol=1e-4, atol=1e-4)
    assert make_tensor((2, 2), dtype=torch.float32, device="cpu", noncontiguous=True).stride() == (4, 2)
    assert make_tensor(5, dtype=torch.float64, device="cpu", requires_grad=True).requires_grad
    with pytest.raises(ValueError, match="`low` must be less than `high`, but got 3 >= 1"):
        make_tensor(3, dtype=torch.float32, device="cpu", low=3, high=1)
