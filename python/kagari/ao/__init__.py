"""Optimising models for deployment."""
