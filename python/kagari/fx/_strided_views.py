"""Subscripts seen as windows: which slices, numbers and new axes lead from one set of sizes and strides to another."""


def steps_of_window(own_size, own_stride, size, stride, offset):
    """[(operator, arguments after the tensor, shape)] that make the window, or None if no subscript does.

    >>> steps_of_window([4, 6], [6, 1], [6], [1], 12)
    [('select', [0, 2], [6])]
    """
    starts = _starts(own_size, own_stride, offset)
    if starts is None and 0 in size:                     # nothing is picked, from wherever
        starts = [0] * len(own_size)
    if starts is None:
        return None
    plan = _match(own_size, own_stride, starts, size, stride, 0, 0)
    if plan is None:
        return None
    steps, shape, dim = [], list(own_size), 0
    for kind, d, count, step in plan:
        if kind == "slice":
            start, stop = starts[d], min(starts[d] + count * step, own_size[d])
            if count == 0:
                stop = start
            if (start, stop, step) != (0, own_size[d], 1):
                shape[dim] = count
                steps.append(("slice", [dim, start, stop, step], list(shape)))
            dim += 1
        elif kind == "select":
            del shape[dim]
            steps.append(("select", [dim, starts[d]], list(shape)))
        else:
            shape.insert(dim, 1)
            steps.append(("unsqueeze", [dim], list(shape)))
            dim += 1
    return steps


def _starts(sizes, strides, offset):
    """The first element of the window as an index per dimension."""
    starts = [0] * len(sizes)
    for d in sorted(range(len(sizes)), key=lambda d: -strides[d]):
        if strides[d] > 0 and sizes[d] > 1:
            starts[d] = min(offset // strides[d], sizes[d] - 1)
            offset -= starts[d] * strides[d]
    return starts if offset == 0 else None


def _match(own_size, own_stride, starts, size, stride, d, i):
    """Which dimension of the tensor each of the window's is; the first reading that fits."""
    if d == len(own_size):
        if all(n == 1 for n in size[i:]):
            return [("new", None, 1, 1)] * (len(size) - i)
        return None
    if i < len(size):
        n, s = size[i], stride[i]
        step = None
        if n == own_size[d] and s == own_stride[d] and starts[d] == 0:
            step = 1
        elif own_stride[d] > 0 and s % own_stride[d] == 0 and s > 0 and n > 0 and starts[d] + (n - 1) * (s // own_stride[d]) < own_size[d]:
            step = s // own_stride[d]
        elif n in (0, 1) and own_stride[d] >= 0:
            step = 1
        if step is not None:
            rest = _match(own_size, own_stride, starts, size, stride, d + 1, i + 1)
            if rest is not None:
                return [("slice", d, n, step), *rest]
    if i < len(size) and size[i] == 1:
        rest = _match(own_size, own_stride, starts, size, stride, d, i + 1)
        if rest is not None:
            return [("new", None, 1, 1), *rest]
    if len(own_size) - d > 0:
        rest = _match(own_size, own_stride, starts, size, stride, d + 1, i)
        if rest is not None:
            return [("select", d, 1, 1), *rest]
    return None
