"""gradcheck and gradgradcheck: recorded gradients against finite differences. The work is in _finite_differences."""

__all__ = ["gradcheck", "gradgradcheck", "GradcheckError"]


class GradcheckError(RuntimeError):
    """A check of gradcheck or gradgradcheck failed; the text says which."""


def gradcheck(func, inputs, *, eps=1e-6, atol=1e-5, rtol=1e-3, raise_exception=True, nondet_tol=0.0, check_undefined_grad=True,
              check_grad_dtypes=False, check_batched_grad=False, check_batched_forward_grad=False, check_forward_ad=False,
              check_backward_ad=True, fast_mode=False, masked=None):
    """Compares the gradients of func(*inputs) with central differences of step eps; True if they agree.

    Inputs should be float64 or complex128 (others give a warning and usually fail). fast_mode compares one random
    projection of the Jacobian instead of all of it. Of a sparse input the values are varied. Raises GradcheckError on a mismatch, or gives False if
    raise_exception is off.
    """
    import kagari
    from kagari.autograd._finite_differences import Checker
    given = (inputs,) if isinstance(inputs, kagari.Tensor) else tuple(inputs)
    if any(isinstance(x, kagari.Tensor) and x.layout != kagari.strided for x in given):
        func, inputs = kagari.sparse._of_values(func, given)
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    if check_batched_grad and not check_backward_ad:
        raise AssertionError("Setting check_batched_grad=True requires check_backward_ad to be True")
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError("Setting check_batched_forward_grad=True requires check_forward_ad to be True")
    try:
        Checker(func, inputs, eps, atol, rtol, nondet_tol, fast_mode).run(check_backward_ad, check_forward_ad, check_undefined_grad, check_grad_dtypes,
                                                                        check_batched_grad, check_batched_forward_grad)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(func, inputs, grad_outputs=None, *, eps=1e-6, atol=1e-5, rtol=1e-3, gen_non_contig_grad_outputs=False, raise_exception=True,
                  nondet_tol=0.0, check_undefined_grad=True, check_grad_dtypes=False, check_batched_grad=False, check_fwd_over_rev=False,
                  check_rev_over_rev=True, fast_mode=False, masked=False):
    """gradcheck of the backward pass of func: second derivatives, for random gradients of its outputs if none are given."""
    from kagari.autograd._finite_differences import backward_as_function
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError("Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    function, all_inputs = backward_as_function(func, inputs, grad_outputs, gen_non_contig_grad_outputs)
    return gradcheck(function, all_inputs, eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception, nondet_tol=nondet_tol,
                     check_undefined_grad=check_undefined_grad, check_grad_dtypes=check_grad_dtypes, check_batched_grad=check_batched_grad,
                     check_forward_ad=check_fwd_over_rev, check_backward_ad=check_rev_over_rev, fast_mode=fast_mode, masked=masked)
