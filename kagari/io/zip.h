#pragma once
#include <string_view>
#include <vector>

#include "kagari/io/file.h"

// Zip archives as checkpoints need them (APPNOTE.TXT 6.3, sections 4.3 and 4.5): stored members, zip64, one disk, no encryption. Every number
// read from a file is checked against the file's size before it is used, and every member against its CRC.

namespace kagari::io {

class KAGARI_API ZipReader {
 public:
  struct Member {
    std::string name;
    int64_t header, size;
    uint32_t crc;
    bool stored;
  };
  explicit ZipReader(const std::string& path);
  const std::vector<Member>& members() const { return members_; }
  /// Null if there is none of this name.
  const Member* find(std::string_view name) const;
  /// member.size bytes. RuntimeError for a compressed member and for bytes that do not fit the checksum.
  void read(const Member& member, void* to) const;
  const std::string& path() const { return file_.path(); }

 private:
  InputFile file_;
  std::vector<Member> members_;
};

class KAGARI_API ZipWriter {
 public:
  explicit ZipWriter(const std::string& path) : file_(path) {}
  /// A stored member whose bytes begin at a multiple of 64.
  void add(const std::string& name, const void* data, int64_t size);
  /// Writes the directory and puts the file in its place.
  void finish();

 private:
  struct Entry {
    std::string name;
    int64_t header, size;
    uint32_t crc;
  };
  OutputFile file_;
  std::vector<Entry> entries_;
};

/// CRC-32 of ISO 3309, as in zip.
KAGARI_API uint32_t crc32(const void* data, int64_t size, uint32_t before = 0);

}  // namespace kagari::io
