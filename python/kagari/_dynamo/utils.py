"""Questions libraries ask about PyTorch's compiler front end."""


def is_compile_supported(device_type):
    """Whether torch.compile generates code for a kind of device."""
    return device_type == "cpu"
