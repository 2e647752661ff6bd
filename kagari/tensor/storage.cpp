#include "kagari/tensor/storage.h"

#include <cstring>
#include <new>

#include "kagari/base/allocator.h"
#include "kagari/tensor/storage_meter.h"

namespace kagari {

constinit thread_local int64_t* storage_meter = nullptr;

namespace {
// Note [Inline storage]: contents of up to this many bytes stand behind the Storage object, in one allocation with it.
constexpr int64_t inline_limit = 2048;
constexpr size_t header_bytes = 64;
static_assert(sizeof(Storage) <= header_bytes + 16);
constexpr size_t header_size() { return (sizeof(Storage) + 63) / 64 * 64; }
}  // namespace

IntrusivePtr<Storage> Storage::create(int64_t nbytes, Device device) {
  bool inside = nbytes <= inline_limit && !device.is_meta();
  size_t total = header_size() + (inside ? size_t(nbytes) : 0);
  auto* s = new (allocate(total)) Storage;
  auto owned = IntrusivePtr<Storage>::adopt(s);
  s->block_ = total;
  s->device_ = device;
  if (inside) {
    s->data_ = reinterpret_cast<std::byte*>(s) + header_size();
  } else {
    s->owner_ = Owner::Allocated;
    if (!device.is_meta()) s->data_ = static_cast<std::byte*>(allocate(size_t(nbytes)));
  }
  s->nbytes_ = nbytes;
  if (storage_meter && !device.is_meta()) [[unlikely]] *storage_meter += nbytes;
  return owned;
}

IntrusivePtr<Storage> Storage::borrow(void* data, int64_t nbytes, Deleter deleter, void* context) {
  auto* s = new (allocate(header_size())) Storage;
  s->block_ = header_size();
  s->data_ = static_cast<std::byte*>(data);
  s->nbytes_ = nbytes;
  s->owner_ = Owner::Borrowed;
  s->deleter_ = deleter;
  s->context_ = context;
  return IntrusivePtr<Storage>::adopt(s);
}

void Storage::free_data() {
  if (storage_meter && owner_ != Owner::Borrowed && data_) [[unlikely]] *storage_meter -= nbytes_;
  if (owner_ == Owner::Allocated && data_) deallocate(data_, size_t(nbytes_));
  if (owner_ == Owner::Borrowed && deleter_) deleter_(context_);
}

void Storage::destroy(Storage* s) {
  s->free_data();
  size_t total = s->block_;
  s->~Storage();
  deallocate(s, total);
}

void Storage::resize(int64_t nbytes) {
  KG_CHECK(resizable(), "Trying to resize storage that is not resizable");
  if (nbytes == nbytes_) return;
  if (!device_.is_meta()) {
    auto* fresh = static_cast<std::byte*>(allocate(size_t(nbytes)));
    if (nbytes_ && nbytes) std::memcpy(fresh, data_, size_t(nbytes < nbytes_ ? nbytes : nbytes_));
    free_data();
    if (storage_meter) [[unlikely]] *storage_meter += nbytes;
    data_ = fresh;
    owner_ = Owner::Allocated;
  }
  nbytes_ = nbytes;
}

void Storage::relocate(void* data, Deleter deleter, void* context) {
  if (nbytes_) std::memcpy(data, data_, size_t(nbytes_));
  free_data();
  data_ = static_cast<std::byte*>(data);
  owner_ = Owner::Borrowed;
  deleter_ = deleter;
  context_ = context;
}

}  // namespace kagari
