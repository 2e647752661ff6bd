"""Registration, attributes, traversal, conversion, copying and printing of modules."""
import copy
import pickle

import pytest

import kagari
from kagari import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(3, 2))
        self.tied = self.first
        self.register_buffer("count", kagari.zeros(1))
        self.register_buffer("scratch", kagari.zeros(1), persistent=False)

    def forward(self, x):
        return self.rest(self.first(x))


def test_names():
    net = Net()
    assert [n for n, _ in net.named_parameters()] == ["first.weight", "first.bias", "rest.1.weight", "rest.1.bias"]
    assert [n for n, _ in net.named_parameters("p", remove_duplicate=False)] == [
        "p.first.weight", "p.first.bias", "p.rest.1.weight", "p.rest.1.bias", "p.tied.weight", "p.tied.bias"]
    assert [n for n, _ in net.named_parameters(recurse=False)] == []
    assert [n for n, _ in net.named_buffers()] == ["count", "scratch"]
    assert [n for n, _ in net.named_modules()] == ["", "first", "rest", "rest.0", "rest.1"]
    assert [n for n, _ in net.named_modules(remove_duplicate=False)] == ["", "first", "rest", "rest.0", "rest.1",
                                                                        "tied"]
    assert [n for n, _ in net.named_children()] == ["first", "rest"]
    assert len(list(net.parameters())) == 4 and len(list(net.modules())) == 5 and len(list(net.buffers())) == 2


def test_look_up_by_path():
    net = Net()
    assert net.get_submodule("rest.1") is net.rest[1] and net.get_submodule("") is net
    assert net.get_parameter("rest.1.bias") is net.rest[1].bias
    assert net.get_buffer("count") is net.count
    new = nn.Linear(3, 2)
    net.set_submodule("rest.1", new)
    assert net.rest[1] is new
    for call, text in ((lambda: net.get_submodule("rest.x"), "Sequential has no attribute `x`"),
                       (lambda: net.get_submodule("first.weight"), "`weight` is not an nn.Module"),
                       (lambda: net.get_parameter("rest.0"), "`0` is not an nn.Parameter"),
                       (lambda: net.get_buffer("first.weight"), "`weight` is not a buffer"),
                       (lambda: net.set_submodule("a.b", new), "Net has no attribute `a`"),
                       (lambda: net.set_submodule("rest.q", new, strict=True), "Sequential has no attribute `q`")):
        with pytest.raises(AttributeError, match=text):
            call()
    for call, text in ((lambda: net.set_submodule("", new), "without a target name"),
                       (lambda: net.set_submodule("first", 1), "not an nn.Module, found <class 'int'>")):
        with pytest.raises(ValueError, match=text):
            call()


def test_assignment_moves_between_registries():
    m = nn.Module()
    m.x = 3
    m.x = nn.Parameter(kagari.ones(1))
    assert "x" not in m.__dict__ and list(m._parameters) == ["x"]
    del m.x
    m.x = 3
    m.x = nn.Buffer(kagari.ones(1), persistent=False)
    assert "x" not in m.__dict__ and list(m._buffers) == ["x"] and m._non_persistent_buffers_set == {"x"}
    m.x = kagari.zeros(2)
    assert m._non_persistent_buffers_set == {"x"} and m.x.shape == (2,)
    del m.x
    assert not hasattr(m, "x") and not m._non_persistent_buffers_set
    m.weight = nn.Parameter(kagari.ones(1))
    m.weight = None
    assert m.weight is None and list(m._parameters) == ["weight"]


def make(**attributes):
    m = nn.Module()
    for name, value in attributes.items():
        setattr(m, name, value)
    return m


def parameter():
    return nn.Parameter(kagari.ones(1))


ERRORS = [
    (lambda: setattr(make(w=parameter()), "w", 1), TypeError,
     r"cannot assign 'int' as parameter 'w' \(torch.nn.Parameter or None expected\)"),
    (lambda: setattr(make(w=parameter()), "w", kagari.ones(1)), TypeError,
     "cannot assign 'torch.FloatTensor' as parameter 'w'"),
    (lambda: setattr(make(w=nn.ReLU()), "w", 1), TypeError,
     r"cannot assign 'int' as child module 'w' \(torch.nn.Module or None expected\)"),
    (lambda: setattr(make(w=nn.Buffer(kagari.ones(1))), "w", 1), TypeError,
     r"cannot assign 'int' as buffer 'w' \(torch.nn.Buffer, torch.Tensor or None expected\)"),
    (lambda: make(w=1).register_buffer("w", None), KeyError, "attribute 'w' already exists"),
    (lambda: make(w=1).register_parameter("w", None), KeyError, "attribute 'w' already exists"),
    (lambda: make(w=1).add_module("w", None), KeyError, "attribute 'w' already exists"),
    (lambda: make().register_buffer("a.b", None), KeyError, r"buffer name can\\'t contain"),
    (lambda: make().register_parameter("", None), KeyError, r"parameter name can\\'t be empty string"),
    (lambda: make().add_module("a.b", None), KeyError, r"module name can\\'t contain \".\", got: a.b"),
    (lambda: make().register_buffer(1, None), TypeError, "buffer name should be a string. Got int"),
    (lambda: make().register_buffer("b", 1), TypeError, "cannot assign 'int' object to buffer 'b'"),
    (lambda: make().register_parameter("b", kagari.ones(1)), TypeError,
     "cannot assign 'torch.FloatTensor' object to parameter 'b'"),
    (lambda: make().add_module("b", 1), TypeError, "int is not a Module subclass"),
    (lambda: make()(1), NotImplementedError, r'Module \[Module\] is missing the required "forward" function'),
    (lambda: nn.Module(a=1), TypeError, "got an unexpected keyword argument 'a'"),
    (lambda: nn.Module(1, 2), TypeError, "takes 1 positional argument but 3 were given"),
    (lambda: make().foo, AttributeError, "'Module' object has no attribute 'foo'"),
    (lambda: make().train(1), ValueError, "training mode is expected to be boolean"),
    (lambda: make().to(kagari.int32), TypeError, "only accepts floating point or complex dtypes"),
]


@pytest.mark.parametrize("call, kind, text", ERRORS)
def test_errors(call, kind, text):
    with pytest.raises(kind, match=text):
        call()


class WithoutInit(nn.Module):
    def __init__(self):
        pass


@pytest.mark.parametrize("value, text", [(nn.ReLU(), "module"), (parameter(), "parameters"),
                                         (nn.Buffer(kagari.ones(1)), "buffer")])
def test_assignment_before_init(value, text):
    with pytest.raises(AttributeError, match=f"cannot assign {text} before Module.__init__"):
        WithoutInit().x = value
    with pytest.raises(AttributeError, match="'WithoutInit' object has no attribute '_backward_hooks'"):
        WithoutInit()(1)


def test_call_super_init():
    class Other:
        def __init__(self, value):
            self.value = value

    class Both(nn.Module, Other):
        call_super_init = True

        def __init__(self, value):
            super().__init__(value)

    assert Both(3).value == 3


def test_conversion_keeps_the_parameters():
    net = Net()
    weight = net.first.weight
    net.double()
    assert net.first.weight is weight and weight.dtype == kagari.float64 and net.count.dtype == kagari.float64
    weight.grad = kagari.ones(3, 2, dtype=kagari.float64)
    assert net.to(kagari.float32) is net and weight.grad.dtype == kagari.float32
    assert net.to(kagari.ones(1, dtype=kagari.float64)).first.weight.dtype == kagari.float64
    bn = nn.BatchNorm1d(2).half()
    assert bn.running_mean.dtype == kagari.float16 and bn.num_batches_tracked.dtype == kagari.int64


def test_modes_and_gradients():
    net = Net()
    assert net.training and net.eval() is net and not net.rest[0].training
    assert net.train().rest[0].training
    net(kagari.ones(2)).sum().backward()
    assert net.first.weight.grad is not None
    net.zero_grad(set_to_none=False)
    assert net.first.weight.grad.sum().item() == 0
    net.zero_grad()
    assert net.first.weight.grad is None
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())
    seen = []
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen == ["Linear", "ReLU", "Linear", "Sequential", "Net"]


def test_copies():
    net = Net()
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert other.first is other.tied and other.first.weight is not net.first.weight
        assert isinstance(other.first.weight, nn.Parameter)
        assert kagari.equal(other(kagari.ones(2)), net(kagari.ones(2)))
        assert other._non_persistent_buffers_set == {"scratch"}


def test_state_of_an_older_file():
    module = nn.ReLU.__new__(nn.ReLU)
    module.__setstate__({"training": True, "_parameters": {}, "_buffers": {}, "_modules": {}, "inplace": False,
                         "_backward_hooks": {}, "_forward_hooks": {}})
    assert module(kagari.tensor([-1.0, 1.0])).tolist() == [0, 1]


def test_dir():
    names = dir(Net())
    assert "first" in names and "count" in names and "forward" in names
    assert "0" not in dir(nn.Sequential(nn.ReLU()))


def test_registration_hooks():
    from kagari.nn.modules import module as home

    seen = []
    handles = [home.register_module_parameter_registration_hook(lambda m, n, p: seen.append(n)),
               home.register_module_module_registration_hook(lambda m, n, p: seen.append(n)),
               home.register_module_buffer_registration_hook(lambda m, n, p: seen.append(n))]
    try:
        Net()
    finally:
        for handle in handles:
            handle.remove()
    assert seen == ["weight", "bias", "first", "weight", "bias", "0", "1", "rest", "tied", "count", "scratch"] or (
        sorted(seen) == sorted(["weight", "bias", "first", "0", "weight", "bias", "1", "rest", "tied", "count",
                                "scratch"]))
    count = len(seen)
    Net()
    assert len(seen) == count


def test_parameter():
    p = nn.Parameter(kagari.tensor([1.0, 2.0]))
    assert isinstance(p, kagari.Tensor) and p.requires_grad and p.is_leaf
    assert type(p * 1) is kagari.Tensor and not isinstance(p * 1, nn.Parameter)
    assert repr(p) == "Parameter containing:\ntensor([1., 2.], requires_grad=True)"
    q = pickle.loads(pickle.dumps(p))
    assert isinstance(q, nn.Parameter) and q.requires_grad and q.tolist() == [1, 2]
    with pytest.raises(RuntimeError, match="nly Tensors of floating point .*dtype can require gradients"):
        nn.Parameter(kagari.tensor([1]))
    assert not nn.Parameter(kagari.tensor([1]), requires_grad=False).requires_grad
    assert isinstance(nn.Buffer(kagari.ones(1)), nn.Buffer) and not isinstance(kagari.ones(1), nn.Buffer)


def test_attribute_look_up_keeps_python_rules():
    class Fallback(nn.Module):
        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                return "fallback " + name

    class Failing(nn.Module):
        @property
        def broken(self):
            raise AttributeError("inner")

    layer = Fallback()
    layer.child = nn.Linear(2, 2)
    assert layer.child.weight is layer.child._parameters["weight"] and layer.nothing == "fallback nothing"
    with pytest.raises(AttributeError, match="'Failing' object has no attribute 'broken'"):
        Failing().broken
    assert not hasattr(nn.Linear(2, 2), "nothing")
    plain = nn.Linear(2, 2)
    plain.__dict__["bias"] = 3  # the instance comes before the registries
    assert plain.bias == 3
    nn.Linear.weight = 5  # and so does the class
    try:
        assert plain.weight == 5
    finally:
        del nn.Linear.weight


def test_replacing_call_and_getattr_of_the_class_takes_effect():
    layer, seen = nn.Linear(2, 2), []
    call, getattr_ = nn.Module.__call__, nn.Module.__getattr__

    def watched_call(self, *args, **kwargs):
        seen.append("call")
        return call(self, *args, **kwargs)

    def watched_getattr(self, name):
        seen.append(name)
        return getattr_(self, name)

    nn.Module.__call__, nn.Module.__getattr__ = watched_call, watched_getattr
    try:
        layer(kagari.ones(1, 2))
    finally:
        nn.Module.__call__, nn.Module.__getattr__ = call, getattr_
    assert seen == ["call", "weight", "bias"]
    assert layer(kagari.ones(1, 2)).shape == (1, 2) and seen == ["call", "weight", "bias"]


def test_a_forward_of_the_instance_and_keyword_arguments():
    layer = nn.Linear(2, 2)
    layer.forward = lambda *args, **kwargs: (args, kwargs)
    assert layer(1, *range(9), a=2) == ((1, *range(9)), {"a": 2})

    class Many(nn.Module):
        def forward(self, *args, scale=1):
            return len(args) * scale

    assert Many()(*range(12), scale=2) == 24 and Many()(1) == 1 and Many()(*range(9)) == 9
