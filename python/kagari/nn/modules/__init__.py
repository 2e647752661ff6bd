"""All layers, one file per family."""
from kagari.nn.modules.module import Module  # isort: skip
from kagari.nn.modules.activation import *
from kagari.nn.modules.adaptive import *
from kagari.nn.modules.batchnorm import *
from kagari.nn.modules.channelshuffle import *
from kagari.nn.modules.container import *
from kagari.nn.modules.conv import *
from kagari.nn.modules.distance import *
from kagari.nn.modules.dropout import *
from kagari.nn.modules.flatten import *
from kagari.nn.modules.fold import *
from kagari.nn.modules.instancenorm import *
from kagari.nn.modules.linear import *
from kagari.nn.modules.linear_cross_entropy_options import *
from kagari.nn.modules.loss import *
from kagari.nn.modules.normalization import *
from kagari.nn.modules.padding import *
from kagari.nn.modules.pixelshuffle import *
from kagari.nn.modules.pooling import *
from kagari.nn.modules.rnn import *
from kagari.nn.modules.sparse import *
from kagari.nn.modules.transformer import *
from kagari.nn.modules.upsampling import *

# The layers, and not the files that they come from.
__all__ = sorted(name for name in globals() if name[0].isupper())
