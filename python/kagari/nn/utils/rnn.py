"""Batches of sequences of different lengths: padded, packed and listed."""
from collections import namedtuple

import kagari

__all__ = ["PackedSequence", "invert_permutation", "pack_padded_sequence", "pad_packed_sequence", "pad_sequence",
           "unpad_sequence", "pack_sequence", "unpack_sequence"]

PackedSequence_ = namedtuple("PackedSequence_", ["data", "batch_sizes", "sorted_indices", "unsorted_indices"],
                             defaults=[None, None, None])


def invert_permutation(permutation):
    """The inverse of a permutation given as a 1-D integer tensor; None of None."""
    if permutation is None:
        return None
    result = kagari.empty_like(permutation, memory_format=kagari.legacy_contiguous_format)
    result.scatter_(0, permutation, kagari.arange(0, permutation.numel(), device=permutation.device))
    return result


class PackedSequence(PackedSequence_):
    """Sequences without padding, step after step: ``data`` holds the first steps of all, then the second ones, ...

    ``batch_sizes`` says how many sequences each step has (int64, on the CPU), ``sorted_indices`` how the batch was
    sorted by falling length, ``unsorted_indices`` the inverse. Made by ``pack_padded_sequence`` or ``pack_sequence``.
    """

    def __new__(cls, data, batch_sizes=None, sorted_indices=None, unsorted_indices=None):
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if batch_sizes is None:
            # The old way: one argument (data, batch_sizes).
            if not (isinstance(data, (list, tuple)) and len(data) == 2):
                raise AssertionError("PackedSequence: expected batch_sizes, or a pair of data and batch_sizes")
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError("batch_sizes should always be on CPU: a PackedSequence is made by pack_sequence or "
                             "pack_padded_sequence, not by hand")
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args, **kwargs):
        """The same with ``data`` moved or cast as by ``Tensor.to``."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        kwargs = {k: v for k, v in kwargs.items() if k not in ("device", "dtype")}

        def follow(indices):
            return None if indices is None else indices.to(data.device, **kwargs)

        return type(self)(data, self.batch_sizes, follow(self.sorted_indices), follow(self.unsorted_indices))

    def pin_memory(self):
        """The same in pinned memory."""
        def pin(indices):
            return None if indices is None else indices.pin_memory()

        return type(self)(self.data.pin_memory(), self.batch_sizes, pin(self.sorted_indices),
                          pin(self.unsorted_indices))

    def cpu(self, *args, **kwargs):
        """The same on the CPU."""
        return self.to(*args, device="cpu", **kwargs)

    def cuda(self, *args, **kwargs):
        """The same on a CUDA device."""
        return self.to(*args, **{"device": "cuda", **kwargs})

    def double(self):
        """The same in float64."""
        return self.to(dtype=kagari.double)

    def float(self):
        """The same in float32."""
        return self.to(dtype=kagari.float)

    def half(self):
        """The same in float16."""
        return self.to(dtype=kagari.half)

    def long(self):
        """The same in int64."""
        return self.to(dtype=kagari.long)

    def int(self):
        """The same in int32."""
        return self.to(dtype=kagari.int)

    def short(self):
        """The same in int16."""
        return self.to(dtype=kagari.short)

    def char(self):
        """The same in int8."""
        return self.to(dtype=kagari.int8)

    def byte(self):
        """The same in uint8."""
        return self.to(dtype=kagari.uint8)

    @property
    def is_cuda(self):
        """Whether ``data`` is on a CUDA device."""
        return self.data.is_cuda

    def is_pinned(self):
        """Whether ``data`` is in pinned memory."""
        return self.data.is_pinned()


def _step_sizes(lengths):
    """How many sequences reach each step, for lengths that fall."""
    sizes, alive = [], len(lengths)
    for step in range(lengths[0]):
        while lengths[alive - 1] <= step:
            alive -= 1
        sizes.append(alive)
    return sizes


def pack_padded_sequence(input, lengths, batch_first=False, enforce_sorted=True):
    """Packs padded sequences (T, B, ...), or batch first, of the given ``lengths``.

    enforce_sorted: the lengths must fall; else the batch is sorted here. Raises RuntimeError for lengths that are not
    sorted, not positive, longer than T, or not as many as the batch.
    """
    if not isinstance(lengths, kagari.Tensor):
        lengths = kagari.as_tensor(lengths, dtype=kagari.int64, device="cpu")
    if enforce_sorted:
        sorted_indices = None
    else:
        lengths, sorted_indices = kagari.sort(lengths, descending=True)
        sorted_indices = sorted_indices.to(input.device)
        input = input.index_select(0 if batch_first else 1, sorted_indices)
    if lengths.device.type != "cpu":
        raise RuntimeError("'lengths' argument should be a 1D CPU int64 tensor, but got "
                           f"{lengths.dim()}D {lengths.device} {lengths.dtype} tensor")
    if input.numel() == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    steps = input.transpose(0, 1) if batch_first else input
    sizes = [int(n) for n in lengths.tolist()]
    if steps.size(1) != len(sizes):
        raise RuntimeError(f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} (batch_size="
                           f"{steps.size(1)})")
    if sizes[-1] <= 0:
        raise RuntimeError("Length of all samples has to be greater than 0, but found an element in 'lengths' that "
                           "is <= 0")
    if any(a < b for a, b in zip(sizes, sizes[1:])):
        raise RuntimeError("`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can "
                           "pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
                           "requirement if you do not need ONNX exportability.")
    if sizes[0] > steps.size(0):
        raise RuntimeError(f"Expected the longest length to be at most {steps.size(0)}, but got {sizes[0]}")
    batch_sizes = _step_sizes(sizes)
    # Steps of equal batch size are taken in one piece.
    pieces, start = [], 0
    for stop in range(1, len(batch_sizes) + 1):
        if stop == len(batch_sizes) or batch_sizes[stop] != batch_sizes[start]:
            piece = steps[start:stop, :batch_sizes[start]]
            pieces.append(piece.reshape(-1, *steps.shape[2:]))
            start = stop
    return PackedSequence(kagari.cat(pieces), kagari.tensor(batch_sizes, dtype=kagari.int64), sorted_indices, None)


def pad_packed_sequence(sequence, batch_first=False, padding_value=0.0, total_length=None):
    """The inverse of ``pack_padded_sequence``: (padded sequences, their lengths).

    total_length: pads to at least this length; ValueError if a sequence is longer.
    """
    batch_sizes = [int(n) for n in sequence.batch_sizes.tolist()]
    longest = len(batch_sizes)
    if total_length is not None:
        if total_length < longest:
            raise ValueError("Expected total_length to be at least the length of the longest sequence in input, but "
                             f"got total_length={total_length} and max sequence length being {longest}")
        longest = total_length
    data = sequence.data
    batch = batch_sizes[0]
    padded = data.new_full((longest, batch, *data.shape[1:]), padding_value)
    start = offset = 0
    for stop in range(1, len(batch_sizes) + 1):
        if stop == len(batch_sizes) or batch_sizes[stop] != batch_sizes[start]:
            size = batch_sizes[start]
            count = (stop - start) * size
            padded[start:stop, :size] = data[offset:offset + count].view(stop - start, size, *data.shape[1:])
            offset += count
            start = stop
    lengths, alive = [0] * batch, batch
    for step, size in enumerate(batch_sizes + [0]):
        while alive > size:
            alive -= 1
            lengths[alive] = step
    lengths = kagari.tensor(lengths, dtype=kagari.int64)
    if batch_first:
        padded = padded.transpose(0, 1)
    order = sequence.unsorted_indices
    if order is not None:
        return padded.index_select(0 if batch_first else 1, order), lengths[order.cpu()]
    return padded, lengths


def pad_sequence(sequences, batch_first=False, padding_value=0.0, padding_side="right"):
    """Stacks tensors (T_i, ...) into (T, B, ...), or batch first (B, T, ...), padded with ``padding_value`` on the
    ``padding_side`` left or right."""
    if isinstance(sequences, kagari.Tensor):
        sequences = sequences.unbind(0)
    elif not isinstance(sequences, (list, tuple)):
        if not hasattr(sequences, "__iter__"):
            raise RuntimeError("pad_sequence: Expected iterable for input sequences, but got arg of type: "
                               f"{type(sequences)}")
        sequences = tuple(sequences)
    if len(sequences) == 0:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    longest = max(s.size(0) for s in sequences)
    further = tuple(sequences[0].shape[1:])
    shape = (len(sequences), longest, *further) if batch_first else (longest, len(sequences), *further)
    result = sequences[0].new_full(shape, padding_value)
    for i, sequence in enumerate(sequences):
        size = sequence.size(0)
        steps = slice(longest - size, longest) if padding_side == "left" else slice(0, size)
        if batch_first:
            result[i, steps] = sequence
        else:
            result[steps, i] = sequence
    return result


def unpad_sequence(padded_sequences, lengths, batch_first=False):
    """The inverse of ``pad_sequence``: a list of tensors of the given ``lengths``."""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    return [sequence[:length] for sequence, length in zip(padded_sequences, lengths.tolist())]


def pack_sequence(sequences, enforce_sorted=True):
    """Packs a list of tensors (T_i, ...), longest first unless ``enforce_sorted`` is False."""
    lengths = kagari.as_tensor([v.size(0) for v in sequences])
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences):
    """The inverse of ``pack_sequence``: a list of tensors."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
