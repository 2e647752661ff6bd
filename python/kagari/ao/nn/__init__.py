"""Layers of optimised models."""
