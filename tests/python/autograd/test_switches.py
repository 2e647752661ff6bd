"""no_grad, enable_grad, inference_mode and their kin: as context managers, decorators, on generators."""
import pytest

import kagari as torch


@pytest.fixture(autouse=True)
def recording():
    yield
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


def test_context_managers_nest():
    with torch.no_grad():
        assert not torch.is_grad_enabled()
        with torch.enable_grad():
            assert torch.is_grad_enabled()
        assert not torch.is_grad_enabled()
        with torch.set_grad_enabled(True):
            assert torch.is_grad_enabled()
    with pytest.raises(KeyError):
        with torch.no_grad():
            raise KeyError


@pytest.mark.parametrize("decorate", [torch.no_grad, torch.no_grad(), torch.set_grad_enabled(True) and torch.no_grad(), torch.inference_mode,
                                      torch.inference_mode()])
def test_decorators(decorate):
    @decorate
    def f(a, b=2):
        "Words."
        assert not torch.is_grad_enabled()
        return a + b
    assert f(1, b=3) == 4 and f.__name__ == "f" and f.__doc__ == "Words."


def test_set_grad_enabled_as_decorator_leaves_the_mode():
    @torch.set_grad_enabled(False)
    def f():
        return torch.is_grad_enabled()
    assert torch.is_grad_enabled() and f() is False


def test_set_grad_enabled_as_call():
    torch.set_grad_enabled(False)
    assert not torch.is_grad_enabled()
    torch.set_grad_enabled(True)


def test_generators_run_each_step_inside():
    @torch.no_grad()
    def steps():
        try:
            received = yield torch.is_grad_enabled()
            yield received, torch.is_grad_enabled()
        finally:
            steps.closed = torch.is_grad_enabled()
        return "end"
    generator = steps()
    assert next(generator) is False
    assert torch.is_grad_enabled()
    assert generator.send(7) == (7, False)
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "end" and steps.closed is False

    @torch.no_grad()
    def catching():
        try:
            yield 1
        except KeyError:
            yield torch.is_grad_enabled()
    generator = catching()
    next(generator)
    assert generator.throw(KeyError()) is False


def test_inference_mode():
    with torch.inference_mode():
        x = torch.ones(2)
        assert torch.is_inference_mode_enabled() and x.is_inference()
        with torch.inference_mode(False):
            assert torch.is_grad_enabled()
    with torch.inference_mode(mode=False):
        assert not torch.ones(1).is_inference()


def test_operators_follow_the_switch():
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_threads_have_their_own_switch():
    import threading
    seen = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]
