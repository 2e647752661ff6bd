"""Recomputing wrapped modules."""
