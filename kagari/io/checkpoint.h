#pragma once
#include "kagari/io/item.h"

// Files that Python reads and writes, too: checkpoints of torch.save (.pt, .pth) and safetensors. Only data is read: a file cannot run code.
// RuntimeError for a file that is damaged or holds anything but data.

namespace kagari::io {

/// A checkpoint of torch.save (the zip format of PyTorch 1.6 and later). Tensors that share memory in the file share it again.
KAGARI_API Item load(const std::string& path);
/// Writes a checkpoint that torch.load reads, also with weights_only.
KAGARI_API void save(const Item& item, const std::string& path);

/// The tensors of a safetensors file, in the order of its bytes. `metadata`, if not null, receives the texts beside them.
KAGARI_API NamedTensors load_safetensors(const std::string& path, std::vector<std::pair<std::string, std::string>>* metadata = nullptr);
/// Writes tensors, which may be laid out in any way and must have different names.
KAGARI_API void save_safetensors(const NamedTensors& tensors, const std::string& path, const std::vector<std::pair<std::string, std::string>>& metadata = {});

}  // namespace kagari::io
