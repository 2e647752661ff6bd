"""Changes to traced modules for inference."""
import copy

import kagari
from kagari import nn
from kagari.fx._symbolic_trace import symbolic_trace
from kagari.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["fuse", "matches_module_pattern", "remove_dropout", "replace_node_module"]

_PAIRS = ((nn.Conv1d, nn.BatchNorm1d), (nn.Conv2d, nn.BatchNorm2d), (nn.Conv3d, nn.BatchNorm3d))


def matches_module_pattern(pattern, node, modules):
    """Whether a node and the one before it call modules of these two classes."""
    if not node.args or not isinstance(node.args[0], kagari.fx.Node):
        return False
    return all(one.op == "call_module" and type(modules.get(one.target)) is kind for kind, one in zip(pattern, (node.args[0], node)))


def replace_node_module(node, modules, new_module):
    """Another module at the path that a node calls."""
    parent, _, name = node.target.rpartition(".")
    modules[node.target] = new_module
    setattr(modules[parent], name, new_module)


def fuse(model, inplace=False, no_trace=False):
    """A traced copy in evaluation mode whose convolutions have taken in the batch normalisations behind them."""
    model = model if inplace else copy.deepcopy(model)
    traced = model if no_trace and isinstance(model, kagari.fx.GraphModule) else symbolic_trace(model)
    modules = dict(traced.named_modules())
    for pattern in _PAIRS:
        for node in traced.graph.nodes:
            if not matches_module_pattern(pattern, node, modules) or len(node.args[0].users) > 1:
                continue
            norm = modules[node.target]
            if not norm.track_running_stats:
                continue
            replace_node_module(node.args[0], modules, fuse_conv_bn_eval(modules[node.args[0].target].eval(), norm.eval()))
            node.replace_all_uses_with(node.args[0])
            traced.graph.erase_node(node)
    traced.recompile()
    return traced


def remove_dropout(model):
    """A traced module without dropout."""
    class Without(kagari.fx.Transformer):
        def call_module(self, target, args, kwargs):
            if isinstance(self.submodules[target], (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)):
                return args[0]
            return super().call_module(target, args, kwargs)
    return Without(symbolic_trace(model)).transform()
