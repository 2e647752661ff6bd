"""From a list of samples to a batch."""
import collections.abc
import copy
import re

import kagari

np_str_obj_array_pattern = re.compile(r"[SaUO]")
default_collate_err_msg_format = ("default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
                                  "found {}")


def _is_numpy(value):
    # By name: NumPy must not be imported for the sake of a test.
    return type(value).__module__ == "numpy"


def _is_named_tuple(value):
    return isinstance(value, tuple) and hasattr(value, "_fields")


def default_convert(data):
    """Turns NumPy arrays and numbers, also inside dictionaries and sequences, into tensors; the rest stays."""
    if isinstance(data, kagari.Tensor):
        return data
    if _is_numpy(data):
        if type(data).__name__ == "ndarray" and np_str_obj_array_pattern.search(data.dtype.str):
            return data
        if type(data).__name__ in ("str_", "bytes_"):
            return data
        return kagari.as_tensor(data)
    if isinstance(data, collections.abc.Mapping):
        return _like_mapping(data, {key: default_convert(data[key]) for key in data})
    if _is_named_tuple(data):
        return type(data)(*(default_convert(entry) for entry in data))
    if isinstance(data, tuple):
        return [default_convert(entry) for entry in data]
    if isinstance(data, collections.abc.Sequence) and not isinstance(data, (str, bytes)):
        return _like_sequence(data, [default_convert(entry) for entry in data])
    return data


def _like_mapping(original, values):
    try:
        if isinstance(original, collections.abc.MutableMapping):
            # A copy keeps what the type holds besides its entries.
            result = copy.copy(original)
            result.update(values)
            return result
        return type(original)(values)
    except TypeError:
        return values


def _like_sequence(original, values):
    try:
        if isinstance(original, collections.abc.MutableSequence):
            result = copy.copy(original)
            for i, value in enumerate(values):
                result[i] = value
            return result
        return type(original)(values)
    except TypeError:
        return values


def collate(batch, *, collate_fn_map=None):
    """Collates a list of samples by a table of functions.

    Arguments:
        batch: samples of one structure: dictionaries, tuples and sequences are collated entry by entry.
        collate_fn_map: from a type, or a tuple of types, to ``fn(batch, collate_fn_map=...)``.
    Errors: TypeError for a type that the table does not know.
    """
    first = batch[0]
    kind = type(first)
    if collate_fn_map is not None:
        if kind in collate_fn_map:
            return collate_fn_map[kind](batch, collate_fn_map=collate_fn_map)
        function = _numpy_function(first, collate_fn_map)
        if function is not None:
            return function(batch, collate_fn_map=collate_fn_map)
        for types, function in collate_fn_map.items():
            if isinstance(first, types):
                return function(batch, collate_fn_map=collate_fn_map)

    def entries(samples):
        return collate(samples, collate_fn_map=collate_fn_map)

    if isinstance(first, collections.abc.Mapping):
        return _like_mapping(first, {key: entries([sample[key] for sample in batch]) for key in first})
    if _is_named_tuple(first):
        return kind(*(entries(samples) for samples in zip(*batch)))
    if isinstance(first, collections.abc.Sequence):
        length = len(first)
        if not all(len(sample) == length for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [entries(list(samples)) for samples in zip(*batch)]
        return columns if isinstance(first, tuple) else _like_sequence(first, columns)
    raise TypeError(default_collate_err_msg_format.format(kind))


def collate_tensor_fn(batch, *, collate_fn_map=None):
    """Stacks tensors."""
    return kagari.stack(batch, 0)


def collate_numpy_array_fn(batch, *, collate_fn_map=None):
    """Stacks arrays as tensors. Errors: TypeError for arrays of texts or objects."""
    first = batch[0]
    if np_str_obj_array_pattern.search(first.dtype.str) is not None:
        raise TypeError(default_collate_err_msg_format.format(first.dtype))
    return collate([kagari.as_tensor(array) for array in batch], collate_fn_map=collate_fn_map)


def collate_numpy_scalar_fn(batch, *, collate_fn_map=None):
    """A tensor of NumPy numbers."""
    return kagari.as_tensor(batch)


def collate_float_fn(batch, *, collate_fn_map=None):
    """A float64 tensor of Python's floats."""
    return kagari.tensor(batch, dtype=kagari.float64)


def collate_int_fn(batch, *, collate_fn_map=None):
    """A tensor of Python's integers or truth values."""
    return kagari.tensor(batch)


def collate_str_fn(batch, *, collate_fn_map=None):
    """The list of texts itself."""
    return batch


# Types of NumPy are found by name in _numpy_function, so that the table does not need NumPy.
default_collate_fn_map = {
    kagari.Tensor: collate_tensor_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}


def _numpy_function(sample, collate_fn_map):
    if not _is_numpy(sample) or collate_fn_map is not default_collate_fn_map:
        return None
    if type(sample).__name__ == "ndarray":
        return collate_numpy_array_fn
    if isinstance(sample, (str, bytes)):
        return collate_str_fn
    if sample.dtype.kind in "O":
        return None
    return collate_numpy_scalar_fn


def default_collate(batch):
    """Collates a list of samples: stacks tensors and NumPy arrays, makes tensors of numbers, keeps texts, and goes into
    dictionaries, tuples and lists. Registered types in ``default_collate_fn_map`` are used, too."""
    return collate(batch, collate_fn_map=default_collate_fn_map)
