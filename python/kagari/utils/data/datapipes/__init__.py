"""Data pipes: datasets that are chained by methods."""
from kagari._submodules import submodules

__getattr__, __dir__ = submodules(globals(), "datapipe", "iter", "map")
