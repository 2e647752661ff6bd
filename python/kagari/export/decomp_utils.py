"""Tables of decompositions."""
from kagari.export import CustomDecompTable

__all__ = ["CustomDecompTable"]
