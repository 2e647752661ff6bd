#pragma once
#include <atomic>
#include <cstdint>
#include <utility>

namespace kagari {

/// Base of objects that are counted inside themselves. `release_resources` style clean-up belongs into the destructor of the derived class.
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;
  void retain() const { count_.fetch_add(1, std::memory_order_relaxed); }
  /// True when this was the last reference: the caller destroys the object.
  bool release() const { return count_.fetch_sub(1, std::memory_order_acq_rel) == 1; }
  /// Adds a reference unless the object is already being destroyed.
  bool try_retain() const {
    int64_t n = count_.load(std::memory_order_relaxed);
    while (n > 0)
      if (count_.compare_exchange_weak(n, n + 1, std::memory_order_acquire)) return true;
    return false;
  }
  int64_t use_count() const { return count_.load(std::memory_order_relaxed); }

 protected:
  ~RefCounted() = default;

 private:
  mutable std::atomic<int64_t> count_{1};
};

/// A pointer that owns one reference of a RefCounted. T offers `static void destroy(T*)`.
template <class T>
class IntrusivePtr {
 public:
  IntrusivePtr() = default;
  IntrusivePtr(std::nullptr_t) {}
  /// Takes over the reference that the caller holds.
  static IntrusivePtr adopt(T* p) {
    IntrusivePtr r;
    r.p_ = p;
    return r;
  }
  /// Adds a reference.
  static IntrusivePtr share(T* p) {
    if (p) p->retain();
    return adopt(p);
  }
  IntrusivePtr(const IntrusivePtr& o) : p_(o.p_) {
    if (p_) p_->retain();
  }
  IntrusivePtr(IntrusivePtr&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  template <class U>
    requires std::is_convertible_v<U*, T*>
  IntrusivePtr(IntrusivePtr<U> o) : p_(o.detach()) {}
  IntrusivePtr& operator=(IntrusivePtr o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~IntrusivePtr() {
    if (p_ && p_->release()) T::destroy(p_);
  }
  T* get() const { return p_; }
  T* operator->() const { return p_; }
  T& operator*() const { return *p_; }
  explicit operator bool() const { return p_ != nullptr; }
  /// Gives the reference to the caller.
  T* detach() { return std::exchange(p_, nullptr); }
  friend bool operator==(const IntrusivePtr& a, const IntrusivePtr& b) { return a.p_ == b.p_; }

 private:
  T* p_ = nullptr;
};

}  // namespace kagari
