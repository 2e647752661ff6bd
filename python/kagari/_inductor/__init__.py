"""Names of PyTorch's code generator. kagari generates no code; graphs run as they are."""
import kagari

__all__ = ["aot_compile", "aoti_compile_and_package", "aoti_load_package", "compile", "config", "cudagraph_mark_step_begin", "list_mode_options",
           "list_options", "standalone_compile"]


def compile(gm, example_inputs, options=None):
    """A function that runs the graph."""
    return gm.forward if isinstance(gm, kagari.nn.Module) else gm


def standalone_compile(gm, example_inputs, **options):
    """A function that runs the graph."""
    return compile(gm, example_inputs)


def cudagraph_mark_step_begin():
    """Accepted: there are no CUDA graphs."""


def list_mode_options(mode=None, dynamic=None):
    """The options that each mode of torch.compile stands for."""
    modes = {"default": {}, "reduce-overhead": {"triton.cudagraphs": True}, "max-autotune-no-cudagraphs": {"max_autotune": True, "coordinate_descent_tuning": True},
             "max-autotune": {"max_autotune": True, "triton.cudagraphs": True, "coordinate_descent_tuning": True}}
    if mode is None:
        return modes
    if mode not in modes:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(modes)}")
    return modes[mode]


def list_options():
    """Names of the options."""
    from kagari._inductor import config
    found = []
    for name, value in config.get_config_copy().items():
        if isinstance(value, type):
            found += [f"{name}.{inner}" for inner in vars(value) if not inner.startswith("_")]
        else:
            found.append(name)
    return found


def _no_code(name):
    def fail(*args, **kwargs):
        raise NotImplementedError(f"torch._inductor.{name}: kagari generates no code; see torch.export and torch.onnx for programs without Python")
    fail.__name__ = name
    return fail


aot_compile, aoti_compile_and_package, aoti_load_package = map(_no_code, ("aot_compile", "aoti_compile_and_package", "aoti_load_package"))


def __getattr__(name):
    import importlib
    if name in ("config", "cpp_builder", "cpu_vec_isa", "runtime"):
        return importlib.import_module(f"kagari._inductor.{name}")
    raise AttributeError(f"module 'torch._inductor' has no attribute {name!r}")
