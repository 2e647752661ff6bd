"""Types for annotations of scripted programs."""
from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Union

__all__ = ["Any", "BroadcastingList1", "BroadcastingList2", "BroadcastingList3", "Dict", "List", "NamedTuple", "Optional", "Tuple", "Union"]

BroadcastingList1 = BroadcastingList2 = BroadcastingList3 = List
