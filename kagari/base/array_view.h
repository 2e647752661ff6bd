#pragma once
#include <initializer_list>
#include <span>
#include <vector>

#include "kagari/base/small_vector.h"

namespace kagari {

/// A span that may also be written `{1, 2, 3}` at the place of a call. It owns nothing: do not keep one.
template <class T>
class ArrayView : public std::span<const T> {
 public:
  using Base = std::span<const T>;
  ArrayView() = default;
  ArrayView(const T* data, size_t size) : Base(data, size) {}
  ArrayView(Base other) : Base(other) {}
  ArrayView(std::initializer_list<T> values) : Base(values.begin(), values.size()) {}
  ArrayView(const std::vector<T>& values) : Base(values) {}
  template <size_t N>
  ArrayView(const SmallVector<T, N>& values) : Base(values.data(), values.size()) {}
  friend bool operator==(ArrayView a, ArrayView b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i)
      if (!(a[i] == b[i])) return false;
    return true;
  }
};

using IntList = ArrayView<int64_t>;
using Ints = SmallVector<int64_t, 5>;

}  // namespace kagari
