"""LSTM, GRU and plain recurrent layers."""
import kagari
from kagari.fx._recording import operator_name
from kagari.onnx._operators import form
from kagari.onnx.errors import OnnxExporterError

# Where ONNX's gates are among PyTorch's: input, forget, cell, output -> input, output, forget, cell; reset, update, new -> update, reset, new.
_GATES = {"LSTM": [0, 3, 1, 2], "GRU": [1, 0, 2], "RNN": [0]}


def _reordered(c, weight, hidden, gates):
    if gates == [0]:
        return c.value(weight)
    if weight.op == "get_attr":
        value = c.tensors[weight.target]
        return c.initializer(f"{weight.target}_{'_'.join(map(str, gates))}", kagari.cat([value[g * hidden:(g + 1) * hidden] for g in gates]))
    parts = [c.op("Slice", c.value(weight), [g * hidden], [(g + 1) * hidden], [0]) for g in gates]
    return c.op("Concat", *parts, axis=0)


def _layers(c, kind, node, x, states, params, has_biases, num_layers, dropout, train, bidirectional, batch_first, **options):
    if train and dropout:
        raise OnnxExporterError("dropout in training mode cannot be exported; call eval() on the module first")
    directions, gates = 2 if bidirectional else 1, _GATES[kind]
    hidden = c.shape(params[1])[1]
    per = 4 if has_biases else 2
    if len(params) != per * num_layers * directions:
        raise OnnxExporterError("LSTM with projections has no form in ONNX")
    value = c.op("Transpose", c.value(x), perm=[1, 0, 2]) if batch_first else c.value(x)
    finals = [[] for _ in states]
    for layer in range(num_layers):
        weights, recurrent, biases = [], [], []
        for direction in range(directions):
            own = params[per * (layer * directions + direction):per * (layer * directions + direction + 1)]
            weights.append(c.axes_op("Unsqueeze", _reordered(c, own[0], hidden, gates), [0]))
            recurrent.append(c.axes_op("Unsqueeze", _reordered(c, own[1], hidden, gates), [0]))
            if has_biases:
                biases.append(c.axes_op("Unsqueeze", c.op("Concat", _reordered(c, own[2], hidden, gates), _reordered(c, own[3], hidden, gates), axis=0), [0]))

        def joined(parts):
            return parts[0] if len(parts) == 1 else c.op("Concat", *parts, axis=0)
        first, last = layer * directions, (layer + 1) * directions
        start = [c.op("Slice", c.value(state), [first], [last], [0]) for state in states]
        results = c.op(kind, value, joined(weights), joined(recurrent), joined(biases) if has_biases else None, None, *start, outputs=1 + len(states), hidden_size=hidden,
                       direction="bidirectional" if bidirectional else "forward", **options)
        for found, result in zip(finals, results[1:]):
            found.append(result)
        value = c.op("Reshape", c.op("Transpose", results[0], perm=[0, 2, 1, 3]), [0, 0, -1])
    out = c.op("Transpose", value, perm=[1, 0, 2]) if batch_first else value
    return [out, *(found[0] if len(found) == 1 else c.op("Concat", *found, axis=0) for found in finals)]


@form("lstm")
def lstm(c, node, x, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first=None):
    if batch_first is None:
        raise OnnxExporterError("recurrent layers over packed sequences have no form in ONNX")
    return _layers(c, "LSTM", node, x, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)


@form("gru")
def gru(c, node, x, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first=None):
    if batch_first is None or isinstance(hx, list):
        raise OnnxExporterError("recurrent layers over packed sequences have no form in ONNX")
    return _layers(c, "GRU", node, x, [hx], params, has_biases, num_layers, dropout, train, bidirectional, batch_first, linear_before_reset=1)


@form("rnn_tanh", "rnn_relu")
def rnn(c, node, x, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first=None):
    if batch_first is None or isinstance(hx, list):
        raise OnnxExporterError("recurrent layers over packed sequences have no form in ONNX")
    kind = "Tanh" if operator_name(node.target) == "rnn_tanh" else "Relu"
    return _layers(c, "RNN", node, x, [hx], params, has_biases, num_layers, dropout, train, bidirectional, batch_first,
                   activations=[kind] * (2 if bidirectional else 1))


@form("_lstm_gates")
def lstm_gates(c, node, gates, cell):
    """One step: the gates input, forget, cell, output side by side, and the old cell."""
    sections = {"num_outputs": 4} if c.opset >= 18 else {}
    i, f, g, o = c.op("Split", c.value(gates), axis=c.rank(gates) - 1, outputs=4, **sections)
    new = c.op("Add", c.op("Mul", c.op("Sigmoid", f), c.value(cell)), c.op("Mul", c.op("Sigmoid", i), c.op("Tanh", g)))
    return [c.op("Mul", c.op("Sigmoid", o), c.op("Tanh", new)), new, *[None] * (len(node.meta["val"]) - 2)]
