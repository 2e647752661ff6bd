"""Options that say to which processors of a machine a process is bound."""
import enum
from dataclasses import dataclass

__all__ = ["AffinityMode", "NumaOptions"]


class AffinityMode(str, enum.Enum):
    """How processes are spread over nodes, sockets and groups of cores."""
    NODE = "node"
    SOCKET = "socket"
    EXCLUSIVE = "exclusive"
    CORE_COMPLEX = "core-complex"


@dataclass(frozen=True)
class NumaOptions:
    """Which mode, and whether a process runs unbound if binding fails. Options are kept; kagari binds no processes."""
    affinity_mode: AffinityMode
    should_fall_back_if_binding_fails: bool = False
