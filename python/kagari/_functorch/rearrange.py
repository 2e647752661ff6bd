"""torch.func.rearrange: a tensor's dimensions in another order, split and joined, as a pattern says."""
import re

__all__ = ["rearrange"]


def _parts(text):
    """A side of a pattern as a list: names, "..." or lists of names for groups. 1 is an empty group."""
    if not re.fullmatch(r"(?:\s|[A-Za-z_]\w*|1|\.\.\.|[()])*", text):
        raise ValueError(f"Invalid character in pattern: {text.strip()!r}")
    parts, group = [], None
    for token in re.findall(r"[A-Za-z_]\w*|1|\.\.\.|[()]", text):
        if token == "(":
            if group is not None:
                raise ValueError("brackets within brackets are not supported in a pattern")
            group = []
        elif token == ")":
            if group is None:
                raise ValueError("brackets are not balanced in the pattern")
            parts.append(group)
            group = None
        elif group is not None:
            if token != "1":
                group.append(token)
        else:
            parts.append([] if token == "1" else token)
    if group is not None:
        raise ValueError("brackets are not balanced in the pattern")
    return parts


def _names(parts):
    found = [name for part in parts for name in (part if isinstance(part, list) else [part])]
    for name in found:
        if found.count(name) > 1:
            raise ValueError(f"Indexing expression contains duplicate dimension {name!r}")
    return found


def rearrange(tensor, pattern, **axes_lengths):
    """The tensor (or a list of tensors, stacked) with its dimensions as the pattern "before -> after" says, in the notation of einops.

    Names stand for dimensions, brackets for a dimension that is split or joined, ... for all others, 1 or () for one of size 1. axes_lengths:
    sizes of names within brackets on the left, of which one may be left out for each dimension. Raises ValueError for other patterns and sizes.

    >>> torch.func.rearrange(torch.arange(6), "(a b) -> b a", a=2)
    tensor([[0, 3],
            [1, 4],
            [2, 5]])
    """
    if isinstance(tensor, (list, tuple)):
        import kagari
        tensor = kagari.stack(list(tensor))
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError("Pattern must contain a single '->' separator")
    left, right = map(_parts, sides)
    names = _names(left), _names(right)
    if set(names[0]) != set(names[1]):
        raise ValueError(f"Identifiers only on one side of rearrange expression (should be on both): {set(names[0]) ^ set(names[1])}")
    unknown = set(axes_lengths) - set(names[0])
    if unknown:
        raise ValueError(f"rearrange(): the pattern has no {sorted(unknown)}")
    missing = tensor.dim() - len([part for part in left if part != "..."])
    if missing < 0 or missing and "..." not in left:
        raise ValueError(f"Number of dimensions in pattern ({tensor.dim() - missing}) must be equal to the number of dimensions in the tensor ({tensor.dim()})")
    rest = [f"...{i}" for i in range(missing)]

    def without_dots(parts):
        return [one for part in parts for one in (rest if part == "..." else [part])]

    def grouped(part):
        return [one for name in part for one in (rest if name == "..." else [name])] if isinstance(part, list) else [part]
    lengths, order = dict(axes_lengths), []
    for size, part in zip(tensor.shape, without_dots(left)):
        inner = grouped(part)
        known, open_names = 1, [name for name in inner if name not in lengths]
        for name in inner:
            known *= lengths.get(name, 1)
        if len(open_names) > 1:
            raise ValueError(f"rearrange(): cannot infer the sizes of {open_names} at once")
        if size % known if open_names else size != known:
            raise ValueError(f"rearrange(): a dimension of size {size} cannot be split into {inner} with the sizes {axes_lengths}")
        if open_names:
            lengths[open_names[0]] = size // known
        order += inner
    flat = tensor.reshape([lengths[name] for name in order])
    target = [grouped(part) for part in without_dots(right)]
    flat = flat.permute([order.index(name) for part in target for name in part])
    shape = []
    for part in target:
        size = 1
        for name in part:
            size *= lengths[name]
        shape.append(size)
    return flat.reshape(shape)
