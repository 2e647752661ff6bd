#pragma once
#include <concepts>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include "kagari/base/export.h"

namespace kagari {

/// Which exception a failure becomes in Python.
enum class ErrorKind : uint8_t { Runtime, Type, Value, Index, NotImplemented, OutOfMemory, Key, Attribute, Overflow, Internal, LinAlg, Python };

/// Every failure that kagari reports. `what()` is the message that users read.
class KAGARI_API Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}
  ErrorKind kind() const { return kind_; }
  const std::string& message() const { return message_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  ErrorKind kind_;
  std::string message_;
};

// str(parts...) joins parts into a message. A type takes part by an overload of `append_to(std::string&, T)` in its own namespace.
inline void append_to(std::string& out, std::string_view text) { out += text; }
inline void append_to(std::string& out, const char* text) { out += text; }
inline void append_to(std::string& out, char c) { out += c; }
inline void append_to(std::string& out, bool value) { out += value ? "True" : "False"; }
KAGARI_API void append_to(std::string& out, double value);
template <std::integral T>
void append_to(std::string& out, T value) {
  out += std::to_string(value);
}

template <class... Parts>
std::string str(const Parts&... parts) {
  std::string out;
  (append_to(out, parts), ...);
  return out;
}

[[noreturn]] KAGARI_API void fail(ErrorKind kind, std::string message);

}  // namespace kagari

// The caller made a mistake: an exception of the given kind with a text for users.
#define KG_CHECK_KIND(kind, condition, ...) \
  do {                                      \
    if (!(condition)) [[unlikely]]          \
      ::kagari::fail(::kagari::ErrorKind::kind, ::kagari::str(__VA_ARGS__)); \
  } while (0)
#define KG_CHECK(condition, ...) KG_CHECK_KIND(Runtime, condition, __VA_ARGS__)
#define KG_CHECK_TYPE(condition, ...) KG_CHECK_KIND(Type, condition, __VA_ARGS__)
#define KG_CHECK_VALUE(condition, ...) KG_CHECK_KIND(Value, condition, __VA_ARGS__)
#define KG_CHECK_INDEX(condition, ...) KG_CHECK_KIND(Index, condition, __VA_ARGS__)
#define KG_CHECK_IMPLEMENTED(condition, ...) KG_CHECK_KIND(NotImplemented, condition, __VA_ARGS__)
// We made a mistake: an invariant of kagari itself does not hold.
#define KG_ASSERT(condition)                                                                                         \
  do {                                                                                                               \
    if (!(condition)) [[unlikely]]                                                                                   \
      ::kagari::fail(::kagari::ErrorKind::Internal,                                                                  \
                     ::kagari::str("internal error: ", #condition, " is false at " __FILE__ ":", __LINE__));         \
  } while (0)
