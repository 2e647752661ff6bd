"""Data pipes: iterable datasets that are chained by methods."""
