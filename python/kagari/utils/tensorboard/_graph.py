"""The graph of a module for TensorBoard: a node per layer that has no layers of its own, an edge per tensor between them.

The module runs once; what happens between layers is seen only through the tensors that go in and come out.
"""
import kagari


def module_graph(model, inputs):
    """GraphDef of model(*inputs)."""
    from tensorboard.compat.proto.graph_pb2 import GraphDef
    from tensorboard.compat.proto.node_def_pb2 import NodeDef
    from tensorboard.compat.proto.versions_pb2 import VersionDef
    inputs = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    nodes, source, keep, used = [], {}, [], {}

    def node(name, op, reads, tensors=()):
        used[name] = used.get(name, 0) + 1
        name = name if used[name] == 1 else f"{name}_{used[name]}"
        made = NodeDef(name=name, op=op, input=list(dict.fromkeys(reads)))
        for index, size in enumerate(tuple(t.shape) for t in tensors):
            shape = made.attr["_output_shapes"].list.shape.add()
            for length in size:
                shape.dim.add(size=length)
        nodes.append(made)
        for tensor in tensors:
            source[id(tensor)] = name
            keep.append(tensor)                       # ids stay unique while the tensors live

    def reads(values):
        return [source[id(t)] for t in _tensors(values) if id(t) in source]

    root = type(model).__name__
    names = {module: f"{root}/{name.replace('.', '/')}" if name else root for name, module in model.named_modules()}
    for index, value in enumerate(_tensors(inputs)):
        node(f"input/{index}", "IO Node", (), (value,))
    last = {}

    def after(module, args, output):
        found = reads(args)
        if not found and last:
            found = [last["name"]]                    # a value computed between layers: it comes from an earlier one
        node(names[module], type(module).__name__, found, _tensors(output))
        last["name"] = nodes[-1].name

    leaves = [module for module in model.modules() if not any(True for _ in module.children())]
    handles = [module.register_forward_hook(after) for module in leaves]
    try:
        with kagari.no_grad():
            output = model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    for index, value in enumerate(_tensors(output)):
        node(f"output/{index}", "IO Node", reads((value,)) or ([last["name"]] if last else []))
    return GraphDef(node=nodes, versions=VersionDef(producer=22))


def _tensors(values):
    if isinstance(values, kagari.Tensor):
        return [values]
    if isinstance(values, dict):
        values = values.values()
    elif not isinstance(values, (tuple, list)):
        return []
    return [tensor for value in values for tensor in _tensors(value)]
