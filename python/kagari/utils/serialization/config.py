"""Options of torch.load (`load`) and torch.save (`save`)."""
from mmap import MAP_PRIVATE

from kagari.serialization import LoadEndianness


class load:
    """mmap, endianness, mmap_flags: defaults of torch.load; calculate_storage_offsets: accepted."""
    mmap = False
    endianness: LoadEndianness | None = None
    mmap_flags = MAP_PRIVATE
    calculate_storage_offsets = False


class save:
    """compute_crc32, use_pinned_memory_for_d2h, storage_alignment: of torch.save."""
    compute_crc32 = True
    use_pinned_memory_for_d2h = False
    storage_alignment = 64
