#pragma once
#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace kagari {

/// A vector whose first N elements live inside the object.
template <class T, size_t N>
class SmallVector {
 public:
  using value_type = T;
  SmallVector() {}
  explicit SmallVector(size_t n, const T& value = T()) { resize(n, value); }
  SmallVector(std::initializer_list<T> values) { append(values.begin(), values.end()); }
  template <class U, size_t E>
  SmallVector(std::span<U, E> values) {
    append(values.begin(), values.end());
  }
  template <class It>
  SmallVector(It begin, It end) {
    append(begin, end);
  }
  SmallVector(const SmallVector& o) { append(o.begin(), o.end()); }
  SmallVector(SmallVector&& o) noexcept { take(std::move(o)); }
  SmallVector& operator=(const SmallVector& o) {
    if (this != &o) assign(o.begin(), o.end());
    return *this;
  }
  SmallVector& operator=(SmallVector&& o) noexcept {
    if (this != &o) {
      destroy();
      take(std::move(o));
    }
    return *this;
  }
  ~SmallVector() { destroy(); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T& front() { return data_[0]; }
  T& back() { return data_[size_ - 1]; }
  const T& front() const { return data_[0]; }
  const T& back() const { return data_[size_ - 1]; }
  operator std::span<const T>() const { return {data_, size_}; }

  void reserve(size_t n) {
    if (n > capacity_) grow(n);
  }
  template <class... A>
  T& emplace_back(A&&... a) {
    if (size_ == capacity_) {
      T value(std::forward<A>(a)...);  // an argument may live in this vector
      grow(capacity_ * 2);
      return *new (data_ + size_++) T(std::move(value));
    }
    T* made = new (data_ + size_) T(std::forward<A>(a)...);  // may throw: the element counts only once it is there
    ++size_;
    return *made;
  }
  void push_back(const T& value) { emplace_back(value); }
  void push_back(T&& value) { emplace_back(std::move(value)); }
  void pop_back() { data_[--size_].~T(); }
  void clear() {
    std::destroy(begin(), end());
    size_ = 0;
  }
  void resize(size_t n, const T& value = T()) {
    reserve(n);
    while (size_ > n) pop_back();
    for (; size_ < n; ++size_) new (data_ + size_) T(value);
  }
  template <class It>
  void append(It first, It last) {
    reserve(size_ + size_t(std::distance(first, last)));
    for (; first != last; ++first, ++size_) new (data_ + size_) T(*first);
  }
  template <class It>
  void assign(It first, It last) {
    clear();
    append(first, last);
  }
  T* insert(T* at, const T& value) {
    size_t i = size_t(at - data_);
    push_back(value);
    std::rotate(data_ + i, data_ + size_ - 1, data_ + size_);
    return data_ + i;
  }
  T* erase(T* at) {
    std::move(at + 1, end(), at);
    pop_back();
    return at;
  }
  friend bool operator==(const SmallVector& a, const SmallVector& b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

 private:
  T* inline_data() { return reinterpret_cast<T*>(inline_); }
  bool on_heap() const { return capacity_ > N; }
  void grow(size_t n) {
    T* fresh = static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t(alignof(T))));
    std::uninitialized_move(begin(), end(), fresh);
    std::destroy(begin(), end());
    if (on_heap()) ::operator delete(data_, std::align_val_t(alignof(T)));
    data_ = fresh;
    capacity_ = n;
  }
  void destroy() {
    std::destroy(begin(), end());
    if (on_heap()) ::operator delete(data_, std::align_val_t(alignof(T)));
  }
  void take(SmallVector&& o) {
    if (o.on_heap()) {
      data_ = o.data_;
      capacity_ = o.capacity_;
      size_ = o.size_;
      o.data_ = o.inline_data();
      o.capacity_ = N;
    } else {
      data_ = inline_data();
      capacity_ = N;
      size_ = o.size_;
      std::uninitialized_move(o.begin(), o.end(), data_);
      std::destroy(o.begin(), o.end());
    }
    o.size_ = 0;
  }

  T* data_ = inline_data();
  size_t size_ = 0, capacity_ = N;
  alignas(T) std::byte inline_[N * sizeof(T)];
};

}  // namespace kagari
