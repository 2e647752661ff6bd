"""Whether Triton, a compiler for GPUs, can be used: it cannot."""


def _no(name):
    def function(*args, **kwargs):
        return False
    function.__name__ = function.__qualname__ = name
    function.__doc__ = "False: there is no device for Triton."
    return function


for _name in ("has_triton has_triton_package has_triton_tma has_triton_tma_device has_triton_experimental_host_tma has_triton_stable_tma_api "
              "has_triton_tensor_descriptor_host_tma has_datacenter_blackwell_tma_device").split():
    globals()[_name] = _no(_name)
