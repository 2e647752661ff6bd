"""What passes are made of."""
from kagari._submodules import submodules

__getattr__, __dir__ = submodules(globals(), "pass_base", "pass_manager")
