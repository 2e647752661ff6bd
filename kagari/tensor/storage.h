#pragma once
#include <cstddef>
#include <cstdint>

#include "kagari/base/intrusive_ptr.h"
#include "kagari/tensor/device.h"

namespace kagari {

/// A block of bytes that tensors share. It counts the in-place changes of its contents (`version`).
class KAGARI_API Storage final : public RefCounted {
 public:
  using Deleter = void (*)(void* context);
  /// Uninitialised bytes. Raises RuntimeError when the system has not enough memory.
  static IntrusivePtr<Storage> create(int64_t nbytes, Device device);
  /// Bytes that somebody else owns; `deleter(context)` runs when the last tensor is gone.
  static IntrusivePtr<Storage> borrow(void* data, int64_t nbytes, Deleter deleter, void* context);
  static void destroy(Storage* s);

  std::byte* data() const { return data_; }
  int64_t nbytes() const { return nbytes_; }
  Device device() const { return device_; }
  uint32_t version() const { return version_; }
  void bump_version() { ++version_; }
  void set_version(uint32_t v) { version_ = v; }
  bool resizable() const { return owner_ != Owner::Borrowed; }
  /// Keeps the common prefix of the contents.
  void resize(int64_t nbytes);
  /// Moves the contents into memory of nbytes() that somebody else owns, for example memory that processes share.
  void relocate(void* data, Deleter deleter, void* context);
  /// Of borrowed bytes: who takes them back. Null for others.
  Deleter deleter() const { return deleter_; }
  void* context() const { return deleter_ ? context_ : nullptr; }
  bool shared_between_processes = false;

 private:
  enum class Owner : uint8_t { Inline, Allocated, Borrowed };
  Storage() = default;
  ~Storage() = default;
  void free_data();

  std::byte* data_ = nullptr;
  int64_t nbytes_ = 0;
  Device device_;
  Owner owner_ = Owner::Inline;
  uint32_t version_ = 0;
  size_t block_ = 0;  // bytes of the allocation that this object stands in
  Deleter deleter_ = nullptr;
  void* context_ = nullptr;
};

}  // namespace kagari
