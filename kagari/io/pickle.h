#pragma once
#include <functional>
#include <string>
#include <vector>

#include "kagari/io/item.h"

// Python's pickle format (protocols 0 to 5 as far as checkpoints use them), for data only: names of classes and functions are looked up in a
// fixed table, nothing of the file is ever run, and what is not data raises.

namespace kagari::io {

/// What a pickle says about the storage of a tensor.
struct StorageRecord {
  std::string key;
  DType dtype;    // of the storage's class; UInt8 if it has none
  int64_t count;  // in elements of that dtype
};

/// Reads `bytes`. `storage` gives the memory of a record, at least count elements. RuntimeError, which names `path`, for bytes that are no
/// pickle of data.
Item read_pickle(const std::string& bytes, const std::string& path, const std::function<IntrusivePtr<Storage>(const StorageRecord&)>& storage);

/// Writes protocol 2 as PyTorch does. The storages that tensors use are left in `storages`; the position of one is its key.
std::string write_pickle(const Item& item, std::vector<IntrusivePtr<Storage>>& storages);

}  // namespace kagari::io
