"""Attention with scores changed by a Python function, and masks given as one.

A ``score_mod(score, batch, head, query_index, key_index)`` or ``mask_mod(batch, head, query_index, key_index)`` is
called once, with index tensors that broadcast to (B, H, Q, K); it may compute with them and use them as indices.
"""
import math
from collections import namedtuple

import kagari

__all__ = ["BlockMask", "flex_attention", "AuxOutput", "AuxRequest", "FlexKernelOptions", "create_block_mask",
           "create_mask", "or_masks", "and_masks", "noop_mask"]

_DEFAULT_SPARSE_BLOCK_SIZE = 128

AuxRequest = namedtuple("AuxRequest", ["lse", "max_scores"], defaults=[False, False])
AuxRequest.__doc__ = "Which further results ``flex_attention`` returns."
AuxOutput = namedtuple("AuxOutput", ["lse", "max_scores"], defaults=[None, None])
AuxOutput.__doc__ = "The further results: the log of the sums of exponentials, and the largest scores, (B, H, Q)."


class FlexKernelOptions(dict):
    """Hints for kernels of other devices; they have no effect on the CPU."""


def noop_mask(batch, head, token_q, token_kv):
    """A mask_mod that allows everything."""
    return kagari.ones((), dtype=kagari.bool, device=batch.device)


def _identity(score, batch, head, token_q, token_kv):
    return score


def _combined(mask_mods, start, operator):
    if not all(callable(mod) for mod in mask_mods):
        raise RuntimeError(f"All inputs should be callable mask_mods: {mask_mods}")

    def mask_mod(b, h, q_idx, kv_idx):
        result = b.new_full((), start, dtype=kagari.bool)
        for mod in mask_mods:
            result = operator(result, mod(b, h, q_idx, kv_idx))
        return result

    return mask_mod


def or_masks(*mask_mods):
    """A mask_mod that allows what any of these does."""
    return _combined(mask_mods, False, kagari.logical_or)


def and_masks(*mask_mods):
    """A mask_mod that allows what all of these do."""
    return _combined(mask_mods, True, kagari.logical_and)


def _indices(B, H, Q, K, device):
    """Index tensors (B, 1, 1, 1), (1, H, 1, 1), (1, 1, Q, 1) and (1, 1, 1, K)."""
    def along(size, dim):
        shape = [1, 1, 1, 1]
        shape[dim] = size
        return kagari.arange(size, device=device).view(shape)

    return along(B, 0), along(H, 1), along(Q, 2), along(K, 3)


def create_mask(mod_fn, B, H, Q_LEN, KV_LEN, device=None):
    """What ``mod_fn``, a mask_mod or a score_mod, gives for all positions: (B, H, Q_LEN, KV_LEN); None counts as 1."""
    B, H = B or 1, H or 1
    indices = _indices(B, H, Q_LEN, KV_LEN, device)
    if mod_fn.__code__.co_argcount == 5 if hasattr(mod_fn, "__code__") else False:
        result = mod_fn(kagari.zeros(B, H, Q_LEN, KV_LEN, device=device), *indices)
        return kagari.where(result.isneginf(), False, True).expand(B, H, Q_LEN, KV_LEN)
    return mod_fn(*indices).expand(B, H, Q_LEN, KV_LEN)


def _ordered(blocks):
    """(number of True per row, indices of the row with the True ones first), as int32."""
    counts = blocks.sum(dim=-1).to(kagari.int32)
    order = kagari.argsort(blocks.to(kagari.int32), dim=-1, descending=True, stable=True).to(kagari.int32)
    return counts, order.contiguous()


def _dense(counts, indices, columns):
    """The inverse of ``_ordered``, as int32 zeros and ones."""
    rank = kagari.arange(indices.size(-1), device=indices.device)
    valid = (rank < counts.unsqueeze(-1)).to(kagari.int32)
    result = kagari.zeros(*indices.shape[:-1], columns, dtype=kagari.int32, device=indices.device)
    return result.scatter_(-1, indices.to(kagari.int64), valid)


class BlockMask:
    """A mask over blocks of ``BLOCK_SIZE`` queries and keys: which blocks are allowed in part (``kv_*``) and as a whole
    (``full_kv_*``), per block of queries (``kv_*``) and of keys (``q_*``). Made by ``create_block_mask``."""

    def __init__(self, seq_lengths, kv_num_blocks, kv_indices, full_kv_num_blocks, full_kv_indices, q_num_blocks,
                 q_indices, full_q_num_blocks, full_q_indices, BLOCK_SIZE=(128, 128), mask_mod=noop_mask, *,
                 dq_write_order=None, dq_write_order_full=None, dq_kv_order=None, dq_kv_order_spt=None):
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        self.seq_lengths = seq_lengths
        self.kv_num_blocks = kv_num_blocks
        self.kv_indices = kv_indices
        self.full_kv_num_blocks = full_kv_num_blocks
        self.full_kv_indices = full_kv_indices
        self.q_num_blocks = q_num_blocks
        self.q_indices = q_indices
        self.full_q_num_blocks = full_q_num_blocks
        self.full_q_indices = full_q_indices
        self.BLOCK_SIZE = BLOCK_SIZE
        self.mask_mod = mask_mod

    @classmethod
    def from_kv_blocks(cls, kv_num_blocks, kv_indices, full_kv_num_blocks=None, full_kv_indices=None, BLOCK_SIZE=128,
                       mask_mod=None, seq_lengths=None, compute_q_blocks=True, *, dq_write_order=None,
                       dq_write_order_full=None, dq_kv_order=None):
        """A BlockMask from the blocks of keys per block of queries."""
        if isinstance(BLOCK_SIZE, int):
            BLOCK_SIZE = (BLOCK_SIZE, BLOCK_SIZE)
        if (full_kv_num_blocks is None) != (full_kv_indices is None):
            raise AssertionError("full_kv_num_blocks and full_kv_indices must be given together")
        if seq_lengths is None:
            seq_lengths = (kv_indices.shape[-2] * BLOCK_SIZE[0], kv_indices.shape[-1] * BLOCK_SIZE[1])
        by_key = [None] * 4
        if compute_q_blocks:
            columns = kv_indices.size(-1)
            by_key[:2] = _ordered(_dense(kv_num_blocks, kv_indices, columns).transpose(-2, -1) > 0)
            if full_kv_indices is not None:
                by_key[2:] = _ordered(_dense(full_kv_num_blocks, full_kv_indices, columns).transpose(-2, -1) > 0)
        return cls(seq_lengths, kv_num_blocks, kv_indices, full_kv_num_blocks, full_kv_indices, *by_key,
                   BLOCK_SIZE=BLOCK_SIZE, mask_mod=mask_mod or noop_mask)

    @property
    def shape(self):
        """(B, H, queries, keys)."""
        return (*self.kv_indices.shape[:-2], *self.seq_lengths)

    def numel(self):
        """The number of pairs of query and key."""
        return math.prod(self.shape)

    def to_dense(self):
        """(B, H, blocks of queries, blocks of keys): 1 where a block is allowed, in part or as a whole."""
        columns = self.kv_indices.size(-1)
        dense = _dense(self.kv_num_blocks, self.kv_indices, columns)
        if self.full_kv_indices is not None:
            dense = dense | _dense(self.full_kv_num_blocks, self.full_kv_indices, columns)
        return dense

    def sparsity(self):
        """The percentage of pairs that lie in blocks that are not allowed."""
        computed = self.kv_num_blocks.sum().item()
        if self.full_kv_num_blocks is not None:
            computed += self.full_kv_num_blocks.sum().item()
        return 100 * (1 - computed * self.BLOCK_SIZE[0] * self.BLOCK_SIZE[1] / self.numel())

    def to(self, device):
        """The same on another device."""
        def move(tensor):
            return None if tensor is None else tensor.to(device)

        return BlockMask(self.seq_lengths, *(move(t) for t in self._tensors()), BLOCK_SIZE=self.BLOCK_SIZE,
                         mask_mod=self.mask_mod)

    def __getitem__(self, index):
        def pick(tensor):
            return None if tensor is None else tensor[index]

        return BlockMask(self.seq_lengths, *(pick(t) for t in self._tensors()), BLOCK_SIZE=self.BLOCK_SIZE,
                         mask_mod=self.mask_mod)

    def _tensors(self):
        return (self.kv_num_blocks, self.kv_indices, self.full_kv_num_blocks, self.full_kv_indices, self.q_num_blocks,
                self.q_indices, self.full_q_num_blocks, self.full_q_indices)

    def __repr__(self):
        return f"BlockMask(shape={self.shape}, sparsity={self.sparsity():.2f}%, BLOCK_SIZE={self.BLOCK_SIZE})"


def create_block_mask(mask_mod, B, H, Q_LEN, KV_LEN, device=None, BLOCK_SIZE=128, _compile=False,
                      separate_full_blocks=True, compute_dq_write_order=False, dq_kv_order=True):
    """The BlockMask of ``mask_mod`` for B batches and H heads (None: it does not depend on them)."""
    if isinstance(BLOCK_SIZE, int):
        BLOCK_SIZE = (BLOCK_SIZE, BLOCK_SIZE)
    from kagari.nn import functional as F

    mask = create_mask(mask_mod, B, H, Q_LEN, KV_LEN, device)
    mask = F.pad(mask.to(kagari.int32), (0, -KV_LEN % BLOCK_SIZE[1], 0, -Q_LEN % BLOCK_SIZE[0]))
    batch, heads, rows, columns = mask.shape
    counts = mask.reshape(batch, heads, rows // BLOCK_SIZE[0], BLOCK_SIZE[0], columns // BLOCK_SIZE[1],
                          BLOCK_SIZE[1]).sum(dim=(-3, -1))
    full = counts == BLOCK_SIZE[0] * BLOCK_SIZE[1]
    if separate_full_blocks:
        return BlockMask.from_kv_blocks(*_ordered((counts > 0) & ~full), *_ordered(full), BLOCK_SIZE=BLOCK_SIZE,
                                        mask_mod=mask_mod, seq_lengths=(Q_LEN, KV_LEN))
    return BlockMask.from_kv_blocks(*_ordered(counts > 0), BLOCK_SIZE=BLOCK_SIZE, mask_mod=mask_mod,
                                    seq_lengths=(Q_LEN, KV_LEN))


def _allowed(block_mask, B, H, Q, K, device):
    """Where the blocks and their mask_mod allow attention: broadcasts to (B, H, Q, K)."""
    rows, columns = block_mask.BLOCK_SIZE
    indices = _indices(B, H, Q, K, device)

    def spread(blocks):
        return blocks.repeat_interleave(rows, dim=-2).repeat_interleave(columns, dim=-1)[..., :Q, :K] > 0

    count = block_mask.kv_indices.size(-1)
    partial = spread(_dense(block_mask.kv_num_blocks, block_mask.kv_indices, count))
    allowed = partial & block_mask.mask_mod(*indices)
    if block_mask.full_kv_indices is not None:
        allowed = allowed | spread(_dense(block_mask.full_kv_num_blocks, block_mask.full_kv_indices, count))
    return allowed


def flex_attention(query, key, value, score_mod=None, block_mask=None, scale=None, enable_gqa=False, return_lse=False,
                   kernel_options=None, *, return_aux=None):
    """``softmax(score_mod(Q K^T * scale)) V`` for query (B, H, L, E), key (B, H_kv, S, E) and value (B, H_kv, S, E_v).

    scale: 1 / sqrt(E) by default. enable_gqa: whether H may be a multiple of H_kv. return_aux: see AuxRequest;
    return_lse is its old form. Rows in which nothing is allowed give 0. Raises ValueError
    for dtypes, heads and lengths that do not fit, NotImplementedError for inputs that are not 4-D.
    """
    for name, tensor in (("query", query), ("key", key), ("value", value)):
        if tensor.dim() != 4:
            raise NotImplementedError(f"query, key, and value must be 4D tensors, but {name} is {tensor.dim()}D")
    if not query.dtype == key.dtype == value.dtype:
        raise ValueError("Expected query, key, and value to have the same dtype, but got query.dtype: "
                         f"{query.dtype}, key.dtype: {key.dtype}, and value.dtype: {value.dtype} instead.")
    groups = 1
    if query.size(1) != key.size(1):
        if not enable_gqa:
            raise ValueError(f"Expect query and key/value to have the same number of heads but got Hq={query.size(1)} "
                             f"and Hkv={key.size(1)}. Try setting enable_gqa=True for GQA.")
        if query.size(1) % key.size(1) != 0:
            raise ValueError("Expect number of query heads to be a multiple of kv heads for GQA but got "
                             f"Hq={query.size(1)} and Hkv={key.size(1)}.")
        groups = query.size(1) // key.size(1)
    if scale is None:
        scale = 1.0 / math.sqrt(query.size(-1))
    if groups > 1:
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    B, H, Q, K = *query.shape[:3], key.size(2)
    scores = kagari.matmul(query * scale, key.transpose(-2, -1))
    if score_mod is not None:
        scores = score_mod(scores, *_indices(B, H, Q, K, query.device)).to(query.dtype)
    if block_mask is not None:
        if block_mask.shape[-2] < Q or block_mask.shape[-1] < K:
            raise ValueError(f"block_mask was created for block_mask.shape={block_mask.shape} but got q_len={Q} and "
                             f"kv_len={K}. As the block mask was created for a smaller length than you're using it "
                             "for, you likely need to create a new block mask.")
        scores = scores.masked_fill(~_allowed(block_mask, B, H, Q, K, query.device), -math.inf)
    lse = scores.logsumexp(dim=-1)
    nothing = lse == -math.inf
    weights = kagari.exp(scores - lse.masked_fill(nothing, 0.0).unsqueeze(-1))
    output = kagari.matmul(weights, value)
    if return_aux is not None:
        return output, AuxOutput(lse if return_aux.lse else None,
                                 scores.amax(dim=-1) if return_aux.max_scores else None)
    return (output, lse) if return_lse else output
