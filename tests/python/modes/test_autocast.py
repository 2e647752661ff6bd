"""torch.autocast on the CPU: which operators run in which dtype, states, gradients."""
import warnings

import numpy as np
import pytest

import kagari as torch
import kagari.nn.functional as F

LOWER = [torch.bfloat16, torch.float16]
X, IMAGE, LABELS = torch.linspace(-1, 1, 16).reshape(4, 4), torch.linspace(-1, 1, 128).reshape(1, 2, 8, 8), torch.tensor([0, 1, 2, 3])
TO_LOWER = {
    "mm": lambda x: torch.mm(x, x), "addmm": lambda x: torch.addmm(x, x, x), "linear": lambda x: F.linear(x, x), "matmul": lambda x: x @ x,
    "bmm": lambda x: torch.bmm(x[None], x[None]), "conv2d": lambda x: F.conv2d(IMAGE.to(x.dtype), IMAGE[:, :, :3, :3].to(x.dtype)),
    "einsum": lambda x: torch.einsum("ij,jk->ik", x, x), "prelu": lambda x: F.prelu(x, torch.ones(1, dtype=x.dtype)),
    "attention": lambda x: F.scaled_dot_product_attention(x[None, None], x[None, None], x[None, None]), "inner": lambda x: torch.inner(x, x),
    "multi_dot": lambda x: torch.linalg.multi_dot([x, x, x]),
}
TO_SINGLE = {
    "cross_entropy": lambda x: F.cross_entropy(x, LABELS), "nll_loss": lambda x: F.nll_loss(x, LABELS), "mse_loss": lambda x: F.mse_loss(x, x),
    "l1_loss": lambda x: F.l1_loss(x, x), "kl_div": lambda x: F.kl_div(x, x, reduction="batchmean"), "prod": lambda x: x.prod(), "prod_dim": lambda x: x.prod(0), "trace": lambda x: x.trace(),
    "cdist": lambda x: torch.cdist(x, x), "bce": lambda x: F.binary_cross_entropy_with_logits(x, x.sigmoid()), "svdvals": lambda x: torch.linalg.svdvals(x),
    "inverse": lambda x: torch.inverse(x + 3 * torch.eye(4, dtype=x.dtype)), "quantile": lambda x: torch.quantile(x, 0.5), "avg_pool3d": lambda x: F.avg_pool3d(x[None, None, None], (1, 2, 2)),
}
AS_GIVEN = {
    "exp": lambda x: x.exp(), "softmax": lambda x: x.softmax(0), "sum": lambda x: x.sum(), "layer_norm": lambda x: F.layer_norm(x, (4,), torch.ones(4), torch.ones(4)),
    "group_norm": lambda x: F.group_norm(x[None], 2, torch.ones(4), torch.ones(4)), "gelu": lambda x: F.gelu(x), "mv": lambda x: torch.mv(x, x[0]), "dot": lambda x: x[0].dot(x[1]),
    "norm": lambda x: x.norm(), "avg_pool2d": lambda x: F.avg_pool2d(x[None], 2), "outer": lambda x: torch.outer(x[0], x[1]),
}


@pytest.mark.parametrize("lower", LOWER)
@pytest.mark.parametrize("given", [torch.float32, torch.bfloat16, torch.float64])
def test_dtypes(lower, given):
    x = X.to(given)
    with torch.autocast("cpu", dtype=lower):
        for name, call in TO_LOWER.items():
            assert call(x).dtype == (given if given == torch.float64 else lower), name
        for name, call in TO_SINGLE.items():
            assert call(x).dtype == (given if given == torch.float64 else torch.float32), name
        if given != torch.float64:
            for name, call in AS_GIVEN.items():
                assert call(x).dtype == given, name


def test_widest():
    low = X.bfloat16()
    with torch.autocast("cpu"):
        assert torch.cat([low, X]).dtype == torch.stack([low, X]).dtype == torch.float32
        assert torch.cat([low, low]).dtype == torch.bfloat16
        assert (low + X).dtype == torch.float32
        with pytest.raises(RuntimeError):
            torch.cat([X, X.half()])
        assert torch.mm(X, X, out=torch.empty(4, 4)).dtype == torch.float32


def test_values_are_those_of_converted_arguments():
    with torch.autocast("cpu"):
        got = X @ X.T
    assert torch.equal(got, X.bfloat16() @ X.bfloat16().T)


def test_states():
    assert not torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
    with torch.autocast("cpu", dtype=torch.float16):
        assert torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.float16 and not torch.is_autocast_enabled()
        with torch.autocast("cpu", enabled=False):
            assert not torch.is_autocast_enabled("cpu") and (X @ X).dtype == torch.float32
            with torch.autocast("cpu"):
                assert (X @ X).dtype == torch.float16
        assert (X @ X).dtype == torch.float16
        with pytest.raises(ValueError):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                raise ValueError
        assert torch.get_autocast_dtype("cpu") == torch.float16
    assert not torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
    torch.set_autocast_enabled("cpu", True)
    assert (X @ X).dtype == torch.bfloat16
    torch.set_autocast_enabled("cpu", False)
    assert (X @ X).dtype == torch.float32


def test_decorator_and_devices():
    @torch.autocast("cpu")
    def product(x):
        return x @ x
    assert product(X).dtype == torch.bfloat16 and product.__name__ == "product"
    with pytest.warns(UserWarning, match="In CPU autocast, but the target dtype is not supported"):
        mode = torch.autocast("cpu", dtype=torch.float32)
    with mode:
        assert (X @ X).dtype == torch.float32
    with pytest.warns(UserWarning, match="CUDA is not available"), torch.autocast("cuda"):
        assert not torch.is_autocast_enabled("cuda")
    with pytest.raises(RuntimeError, match="device type"):
        torch.autocast("toaster")
    with pytest.raises(ValueError, match="Expected `device_type` of type `str`"):
        torch.autocast(torch.device("cpu"))
    with pytest.warns(FutureWarning):
        assert torch.cpu.amp.autocast().fast_dtype == torch.bfloat16
    assert torch.amp.is_autocast_available("cpu")


def test_gradients_and_cache():
    layer = torch.nn.Linear(4, 4)
    with torch.autocast("cpu"):
        first = layer(X)
        second = layer(X)
        assert first.grad_fn.next_functions[1][0] is second.grad_fn.next_functions[1][0]     # one conversion of the weight
        (first.float() * second.float()).sum().backward()
    assert layer.weight.grad.dtype == torch.float32
    reference = torch.nn.Linear(4, 4)
    reference.load_state_dict(layer.state_dict())
    (reference(X) ** 2).sum().backward()
    np.testing.assert_allclose(layer.weight.grad.numpy(), reference.weight.grad.numpy(), rtol=0.05, atol=0.05)
    with torch.autocast("cpu", cache_enabled=False):
        assert layer(X).grad_fn.next_functions[1][0] is not layer(X).grad_fn.next_functions[1][0]
    with torch.autocast("cpu"):
        with torch.no_grad():
            layer(X)
        assert layer(X).requires_grad
        with torch.no_grad():
            layer.weight.fill_(0)                                                        # a new value is not missed
        assert torch.equal(layer(X), layer.bias.bfloat16().expand(4, 4))


def test_training_step():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.LayerNorm(16), torch.nn.GELU(), torch.nn.Linear(16, 4))
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.02)
    losses = []
    for _ in range(30):
        with torch.autocast("cpu"):
            loss = F.cross_entropy(net(X), LABELS)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0] and all(p.dtype == p.grad.dtype == torch.float32 for p in net.parameters())


def test_checkpoint_keeps_autocast():
    layer = torch.nn.Linear(4, 4)
    seen = []

    def block(x):
        seen.append(torch.is_autocast_enabled("cpu"))
        return layer(x)
    with torch.autocast("cpu"):
        out = torch.utils.checkpoint.checkpoint(block, X.clone().requires_grad_(), use_reentrant=False)
    out.sum().backward()
    assert seen == [True, True] and out.dtype == torch.bfloat16


@pytest.mark.parametrize("kind", [torch.nn.LSTM, torch.nn.RNN, torch.nn.GRU])
def test_recurrent(kind):
    layer = kind(4, 4, batch_first=True)
    with torch.autocast("cpu"):
        out, _ = layer(X[None])
    assert out.dtype == (torch.float32 if kind is torch.nn.GRU else torch.bfloat16)
    out.float().sum().backward()
    assert layer.weight_hh_l0.grad.dtype == torch.float32


def test_custom_forward_and_backward():
    seen = []

    class Twice(torch.autograd.Function):
        @staticmethod
        @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.bfloat16)
        def forward(ctx, x):
            seen.append((x.dtype, torch.is_autocast_enabled("cpu")))
            return x * 2

        @staticmethod
        @torch.amp.custom_bwd(device_type="cpu")
        def backward(ctx, g):
            seen.append((g.dtype, torch.is_autocast_enabled("cpu")))
            return g * 2

    x = torch.ones(2, requires_grad=True)
    with torch.autocast("cpu"):
        y = Twice.apply(x)
    y.sum().backward()
    assert seen == [(torch.bfloat16, False), (torch.bfloat16, False)] and x.grad.dtype == torch.float32
    Twice.apply(x)
    assert seen[-1] == (torch.float32, False)
    with pytest.raises(TypeError, match="device_type"):
        torch.amp.custom_fwd(lambda ctx: ctx)


def test_scaler_on_the_cpu():
    p = torch.nn.Parameter(torch.ones(2))
    optimizer, scaler = torch.optim.SGD([p], lr=0.1), torch.amp.GradScaler("cpu", init_scale=4.0)
    scaler.scale((p * 3).sum()).backward()
    assert p.grad.tolist() == [12, 12]
    scaler.step(optimizer)
    scaler.update()
    np.testing.assert_allclose(p.detach().numpy(), 0.7, rtol=1e-6)
    p.grad.fill_(float("inf"))
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() == 2.0 and p.isfinite().all()


def test_older_names_warn():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert not torch.is_autocast_cpu_enabled() and torch.get_autocast_gpu_dtype() == torch.float16
    assert {w.category for w in caught} == {DeprecationWarning}
