#pragma once
#include <cstdint>
#include <string>

#include "kagari/base/export.h"

namespace kagari::io {

/// A file that is read at known offsets. RuntimeError if it cannot be opened or read.
class KAGARI_API InputFile {
 public:
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  int64_t size() const { return size_; }
  const std::string& path() const { return path_; }
  /// RuntimeError if the file ends before.
  void read(int64_t offset, void* to, int64_t count) const;

 private:
  std::string path_;
  int descriptor_;
  int64_t size_ = 0;
};

/// A file that is written from its beginning to its end, and appears under its name only when it is complete.
class KAGARI_API OutputFile {
 public:
  explicit OutputFile(const std::string& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  void write(const void* data, int64_t count);
  int64_t position() const { return position_; }
  /// Puts the file in its place.
  void finish();

 private:
  std::string path_, partial_;
  int descriptor_;
  int64_t position_ = 0;
};

}  // namespace kagari::io
