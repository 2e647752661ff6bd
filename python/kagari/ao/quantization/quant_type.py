"""Ways of quantisation."""
import enum


class QuantType(enum.IntEnum):
    """When ranges are found: in each call, from examples, in training, or for weights only."""
    DYNAMIC, STATIC, QAT, WEIGHT_ONLY = 0, 1, 2, 3
