"""The older path of torch.ao.quantization.quantization_mappings."""
from kagari.ao.quantization.quantization_mappings import *  # noqa: F403
