"""The long names of pipes."""
from kagari.utils.data.datapipes.iter import (ShardingFilter as ShardingFilterIterDataPipe)

__all__ = ["ShardingFilterIterDataPipe"]
