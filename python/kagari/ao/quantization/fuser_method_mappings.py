"""The functions that join layers."""
from kagari.ao.quantization.fuse_modules import fuse_conv_bn, fuse_conv_bn_relu, fuse_convtranspose_bn, fuse_linear_bn, get_fuser_method, METHODS  # noqa: F401
