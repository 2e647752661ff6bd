#include "kagari/cpu/sort.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "kagari/base/parallel.h"

namespace kagari::cpu {
namespace {

// Note [Keys]: elements become unsigned integers in the same order, so that one radix sort serves all dtypes. A 32-bit key and an index
// share one 64-bit word.
template <class T>
using KeyOf = std::conditional_t<(sizeof(T) > 4), uint64_t, uint32_t>;

template <class T>
KeyOf<T> key_of(T x) {
  using K = KeyOf<T>;
  constexpr K top = K(1) << (sizeof(K) * 8 - 1);
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return key_of(float(x));
  } else if constexpr (std::is_floating_point_v<T>) {
    if (x != x) return ~K(0);
    if (x == 0) return top;
    K bits;
    std::memcpy(&bits, &x, sizeof(T));
    return bits & top ? ~bits : bits | top;
  } else if constexpr (std::is_signed_v<T>) {
    return K(std::make_signed_t<K>(x)) ^ top;
  } else {
    return K(x);
  }
}

struct Entry {
  uint64_t key;
  uint64_t index;
  friend bool operator<(const Entry& a, const Entry& b) { return a.key != b.key ? a.key < b.key : a.index < b.index; }
};
uint64_t entry(uint32_t key, uint32_t index) { return uint64_t(key) << 32 | index; }
Entry entry(uint64_t key, uint32_t index) { return {key, index}; }
uint32_t index_of(uint64_t e) { return uint32_t(e); }
uint32_t index_of(const Entry& e) { return uint32_t(e.index); }
uint32_t key_part(uint64_t e) { return uint32_t(e >> 32); }
uint64_t key_part(const Entry& e) { return e.key; }
template <class K>
using EntryOf = std::conditional_t<sizeof(K) == 8, Entry, uint64_t>;

constexpr int digit_bits = 11;
constexpr int64_t radix_from = 1024;  // shorter rows are sorted by comparison

// Least significant digit first; digits that are the same everywhere are skipped. `e` and `other` have n entries; the result is in `e`.
template <class K>
void radix_sort(EntryOf<K>* e, EntryOf<K>* other, int64_t n) {
  constexpr int digits = (int(sizeof(K)) * 8 + digit_bits - 1) / digit_bits;
  constexpr uint32_t mask = (1u << digit_bits) - 1;
  std::vector<uint32_t> counts(size_t(digits) << digit_bits, 0);
  for (int64_t i = 0; i < n; ++i) {
    K key = key_part(e[i]);
    for (int d = 0; d < digits; ++d) ++counts[size_t(d) << digit_bits | (uint32_t(key >> (d * digit_bits)) & mask)];
  }
  auto *from = e, *to = other;
  for (int d = 0; d < digits; ++d) {
    uint32_t* count = counts.data() + (size_t(d) << digit_bits);
    if (count[uint32_t(key_part(from[0]) >> (d * digit_bits)) & mask] == uint32_t(n)) continue;
    uint32_t sum = 0;
    for (uint32_t b = 0; b <= mask; ++b) {
      uint32_t here = count[b];
      count[b] = sum;
      sum += here;
    }
    for (int64_t i = 0; i < n; ++i) to[count[uint32_t(key_part(from[i]) >> (d * digit_bits)) & mask]++] = from[i];
    std::swap(from, to);
  }
  if (from != e) std::copy_n(from, n, e);
}

template <class T>
void write(const T* x, const EntryOf<KeyOf<T>>* e, int64_t n, T* values, int64_t* indices) {
  if (values)
    for (int64_t i = 0; i < n; ++i) values[i] = x[index_of(e[i])];
  if (indices)
    for (int64_t i = 0; i < n; ++i) indices[i] = index_of(e[i]);
}

void check_length(int64_t n) { KG_CHECK(n < int64_t(1) << 32, "sort: rows of 2^32 or more elements are not supported, got ", n); }

template <class Body>
void for_rows(int64_t rows, int64_t n, Body body) {
  parallel_for(0, rows, std::max<int64_t>(1, 4096 / std::max<int64_t>(1, n)), body);
}

template <class T>
void sort_all(const T* x, T* values, int64_t* indices, int64_t rows, int64_t n, bool descending) {
  using K = KeyOf<T>;
  using E = EntryOf<K>;
  const K flip = descending ? ~K(0) : K(0);
  for_rows(rows, n, [&](int64_t begin, int64_t end) {
    std::unique_ptr<E[]> e(new E[size_t(n)]), other(n < radix_from ? nullptr : new E[size_t(n)]);
    for (int64_t r = begin; r < end; ++r) {
      const T* row = x + r * n;
      for (int64_t i = 0; i < n; ++i) e[size_t(i)] = entry(K(key_of(row[i]) ^ flip), uint32_t(i));
      if (other) radix_sort<K>(e.get(), other.get(), n);
      else std::sort(e.get(), e.get() + n);
      write(row, e.get(), n, values ? values + r * n : nullptr, indices ? indices + r * n : nullptr);
    }
  });
}

// Which of several equal elements are taken, and in which order, is what the partial sort or selection of the whole row by value makes of
// it, as in PyTorch: gradients go to those. `e` has room for the row.
template <class T>
void top_of_tied_row(const T* row, int64_t n, int64_t k, KeyOf<T> flip, bool sorted, EntryOf<KeyOf<T>>* e) {
  using E = EntryOf<KeyOf<T>>;
  auto before = [](const E& a, const E& b) { return key_part(a) < key_part(b); };
  for (int64_t i = 0; i < n; ++i) e[i] = entry(KeyOf<T>(key_of(row[i]) ^ flip), uint32_t(i));
  if (k * 64 <= n) return std::partial_sort(e, e + k, e + n, before);
  std::nth_element(e, e + (k - 1), e + n, before);
  if (sorted) std::sort(e, e + (k - 1), before);
}

// Candidates better than the worst of the best so far are collected; when there are many, only the best k stay.
template <class T>
void top_all(const T* x, T* values, int64_t* indices, int64_t rows, int64_t n, int64_t k, bool largest, bool sorted) {
  using K = KeyOf<T>;
  using E = EntryOf<K>;
  const K flip = largest ? ~K(0) : K(0);
  if (k == 0) return;
  for_rows(rows, n, [&](int64_t begin, int64_t end) {
    const size_t room = size_t(std::min(n, std::max<int64_t>(4 * k, 2048)));
    std::vector<E> best, whole;
    best.reserve(room);
    for (int64_t r = begin; r < end; ++r) {
      const T* row = x + r * n;
      best.clear();
      K limit = ~K(0), left_out = 0;  // keys above the limit have no chance; one that was dropped although it is as good as the k-th
      bool dropped = false;
      auto cut = [&] {
        std::nth_element(best.begin(), best.begin() + (k - 1), best.end());
        limit = key_part(best[size_t(k - 1)]);
        for (size_t i = size_t(k); i < best.size(); ++i)
          if (key_part(best[i]) == limit) dropped = true, left_out = limit;
        best.resize(size_t(k));
      };
      for (int64_t i = 0; i < n; ++i) {
        K key = key_of(row[i]) ^ flip;
        if (key > limit) continue;
        if (best.size() == room) {
          cut();
          if (key > limit) continue;
        }
        best.push_back(entry(key, uint32_t(i)));
      }
      if (int64_t(best.size()) > k) cut();
      std::sort(best.begin(), best.end());
      bool tied = dropped && key_part(best.back()) == left_out;
      for (size_t i = 1; i < best.size() && !tied; ++i) tied = key_part(best[i]) == key_part(best[i - 1]);
      if (tied || (!sorted && k * 64 > n)) {
        whole.resize(size_t(n));
        top_of_tied_row(row, n, k, flip, sorted, whole.data());
        write(row, whole.data(), k, values ? values + r * k : nullptr, indices ? indices + r * k : nullptr);
        continue;
      }
      write(row, best.data(), k, values ? values + r * k : nullptr, indices ? indices + r * k : nullptr);
    }
  });
}

template <class T>
void select_all(const T* x, T* values, int64_t* indices, int64_t rows, int64_t n, int64_t k) {
  using K = KeyOf<T>;
  using E = EntryOf<K>;
  for_rows(rows, n, [&](int64_t begin, int64_t end) {
    std::unique_ptr<E[]> e(new E[size_t(n)]);
    for (int64_t r = begin; r < end; ++r) {
      const T* row = x + r * n;
      for (int64_t i = 0; i < n; ++i) e[size_t(i)] = entry(key_of(row[i]), uint32_t(i));
      std::nth_element(e.get(), e.get() + k, e.get() + n);
      write(row, e.get() + k, 1, values ? values + r : nullptr, indices ? indices + r : nullptr);
    }
  });
}

}  // namespace

void sort_rows(DType dtype, const void* x, void* values, int64_t* indices, int64_t rows, int64_t n, bool descending) {
  check_length(n);
  visit_reals("sort", dtype, [&]<class T>(T) { sort_all(static_cast<const T*>(x), static_cast<T*>(values), indices, rows, n, descending); });
}

void topk_rows(DType dtype, const void* x, void* values, int64_t* indices, int64_t rows, int64_t n, int64_t k, bool largest, bool sorted) {
  check_length(n);
  visit_reals("topk", dtype, [&]<class T>(T) { top_all(static_cast<const T*>(x), static_cast<T*>(values), indices, rows, n, k, largest, sorted); });
}

void select_rows(DType dtype, const void* x, void* values, int64_t* indices, int64_t rows, int64_t n, int64_t k) {
  check_length(n);
  visit_reals("kthvalue", dtype, [&]<class T>(T) { select_all(static_cast<const T*>(x), static_cast<T*>(values), indices, rows, n, k); });
}

}  // namespace kagari::cpu
