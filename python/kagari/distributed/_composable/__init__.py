"""Parallel styles that wrap a module in place; they do not exist."""
