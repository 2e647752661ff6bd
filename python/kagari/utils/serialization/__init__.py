"""Options of torch.save and torch.load."""
from kagari.utils.serialization import config

__all__ = ["config"]
