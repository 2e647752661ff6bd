"""All parameters as one vector, and back."""
import kagari

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def _check_device(param, device):
    if device is not None and param.device != device:
        raise TypeError("Found two parameters on different devices, this is currently not supported.")
    return param.device


def parameters_to_vector(parameters):
    """The parameters flattened and joined. TypeError if they are on several devices."""
    device, pieces = None, []
    for param in parameters:
        device = _check_device(param, device)
        pieces.append(param.view(-1))
    return kagari.cat(pieces)


def vector_to_parameters(vec, parameters):
    """Makes each parameter a view of its part of ``vec``."""
    if not isinstance(vec, kagari.Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {kagari.typename(vec)}")
    device, offset = None, 0
    for param in parameters:
        device = _check_device(param, device)
        count = param.numel()
        param.data = vec[offset:offset + count].view_as(param).data
        offset += count
