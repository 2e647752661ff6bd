"""Engines for quantised operators: none."""
engine = "none"
supported_engines = ["none"]
