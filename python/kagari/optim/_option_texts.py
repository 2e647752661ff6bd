"""Descriptions of the options that optimizers share, for the docstrings of other libraries' optimizers."""

_params_doc = """params (iterable): parameters, ``(name, parameter)`` pairs, or dictionaries that define parameter groups"""

_foreach_doc = """foreach (bool, optional): accepted for compatibility; the update is one pass over all parameters in any case"""

_fused_doc = """fused (bool, optional): accepted for compatibility; the update is one pass over all parameters in any case"""

_capturable_doc = """capturable (bool, optional): for devices with captured graphs; on a CPU the step refuses it (default: False)"""

_differentiable_doc = """differentiable (bool, optional): let gradients flow through the step (default: False)"""

_maximize_doc = """maximize (bool, optional): follow the gradient up instead of down (default: False)"""
