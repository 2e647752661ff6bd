#include "kagari/io/zip.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "kagari/base/error.h"

namespace kagari::io {
namespace {

constexpr uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr int64_t kMax32 = 0xffffffff, kMax16 = 0xffff;

// table[k][b]: the remainder of byte b followed by k zero bytes, so that eight bytes are taken at a time.
constexpr auto crc_tables = [] {
  std::array<std::array<uint32_t, 256>, 8> table{};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t r = b;
    for (int i = 0; i < 8; ++i) r = r & 1 ? r >> 1 ^ 0xedb88320u : r >> 1;
    table[0][b] = r;
  }
  for (size_t k = 1; k < 8; ++k)
    for (size_t b = 0; b < 256; ++b) table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 255];
  return table;
}();

template <class T>
T little(const uint8_t* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

/// Little-endian numbers one after the other.
struct Bytes : std::string {
  template <class... T>
  explicit Bytes(T... values) {
    (append(reinterpret_cast<const char*>(&values), sizeof values), ...);
  }
};

[[noreturn]] void damaged(const std::string& path, std::string_view reason) {
  fail(ErrorKind::Runtime, str(path, " is no readable zip archive: ", reason, "; the file is damaged or was not written to the end"));
}

}  // namespace

uint32_t crc32(const void* data, int64_t size, uint32_t before) {
  const uint8_t* p = static_cast<const uint8_t*>(data);
  const auto& t = crc_tables;
  uint32_t r = ~before;
  for (; size >= 8; size -= 8, p += 8) {
    uint32_t low = little<uint32_t>(p) ^ r, high = little<uint32_t>(p + 4);
    r = t[7][low & 255] ^ t[6][low >> 8 & 255] ^ t[5][low >> 16 & 255] ^ t[4][low >> 24] ^ t[3][high & 255] ^ t[2][high >> 8 & 255] ^ t[1][high >> 16 & 255] ^ t[0][high >> 24];
  }
  for (; size > 0; --size, ++p) r = r >> 8 ^ t[0][(r ^ *p) & 255];
  return ~r;
}

ZipReader::ZipReader(const std::string& path) : file_(path) {
  // the end record stands behind everything, before a comment of at most 65535 bytes
  int64_t tail = std::min<int64_t>(file_.size(), 22 + kMax16);
  std::vector<uint8_t> bytes(size_t(std::max<int64_t>(tail, 1)));
  file_.read(file_.size() - tail, bytes.data(), tail);
  int64_t at = tail - 22;
  while (at >= 0 && little<uint32_t>(&bytes[size_t(at)]) != kEnd) --at;
  uint8_t first[2] = {};
  if (file_.size() >= 2) file_.read(0, first, 2);
  if (at < 0 && first[0] == 0x80) fail(ErrorKind::NotImplemented, str(path, " is no readable zip archive: it begins as a pickle, as torch.save wrote before PyTorch 1.6; save it again with a newer version"));
  if (at < 0) damaged(path, "it has no end record");
  const uint8_t* end = &bytes[size_t(at)];
  uint64_t count = little<uint16_t>(end + 10), directory_size = little<uint32_t>(end + 12), directory = little<uint32_t>(end + 16);
  int64_t end_at = file_.size() - tail + at;
  if (end_at >= 20 && (count == kMax16 || directory_size == kMax32 || directory == kMax32)) {
    uint8_t locator[20];
    file_.read(end_at - 20, locator, 20);
    if (little<uint32_t>(locator) == kLocator64) {
      uint64_t where = little<uint64_t>(locator + 8);
      uint8_t wide[56];
      if (where > uint64_t(end_at) || end_at - int64_t(where) < 56) damaged(path, "its zip64 end record lies outside of the file");
      file_.read(int64_t(where), wide, 56);
      if (little<uint32_t>(wide) != kEnd64) damaged(path, "its zip64 end record is missing");
      count = little<uint64_t>(wide + 32);
      directory_size = little<uint64_t>(wide + 40);
      directory = little<uint64_t>(wide + 48);
    }
  }
  if (directory > uint64_t(end_at) || directory_size > uint64_t(end_at) - directory || count > directory_size / 46) damaged(path, "its directory lies outside of the file");
  std::vector<uint8_t> list(size_t(directory_size) + 1);
  file_.read(int64_t(directory), list.data(), int64_t(directory_size));
  size_t p = 0;
  for (uint64_t i = 0; i < count; ++i) {
    if (directory_size - p < 46 || little<uint32_t>(&list[p]) != kCentral) damaged(path, str("entry ", i, " of its directory is missing"));
    const uint8_t* e = &list[p];
    uint16_t flags = little<uint16_t>(e + 8), method = little<uint16_t>(e + 10), name_size = little<uint16_t>(e + 28), extra_size = little<uint16_t>(e + 30), comment_size = little<uint16_t>(e + 32);
    if (directory_size - p < 46u + name_size + extra_size + comment_size) damaged(path, str("entry ", i, " of its directory is cut short"));
    uint64_t packed = little<uint32_t>(e + 20), size = little<uint32_t>(e + 24), header = little<uint32_t>(e + 42);
    for (size_t x = 46u + name_size, stop = x + extra_size; x + 4 <= stop;) {
      size_t kind = little<uint16_t>(e + x), length = little<uint16_t>(e + x + 2), next = x + 4 + length;
      if (next > stop) break;
      if (kind == 1) {
        size_t q = x + 4;
        for (uint64_t* v : {&size, &packed, &header})
          if (*v == uint64_t(kMax32)) {
            if (q + 8 > next) damaged(path, str("the zip64 sizes of entry ", i, " are missing"));
            *v = little<uint64_t>(e + q);
            q += 8;
          }
      }
      x = next;
    }
    std::string name(reinterpret_cast<const char*>(e + 46), name_size);
    if (flags & 1) fail(ErrorKind::Runtime, str(path, ": the member ", name, " is encrypted"));
    if (header > uint64_t(end_at) || size > uint64_t(file_.size()) * 1100 || (method == 0 && (size != packed || size > uint64_t(end_at) - header)))
      damaged(path, str("the member ", name, " lies outside of the file"));
    members_.push_back({std::move(name), int64_t(header), int64_t(size), little<uint32_t>(e + 16), method == 0});
    p += 46u + name_size + extra_size + comment_size;
  }
}

const ZipReader::Member* ZipReader::find(std::string_view name) const {
  for (const Member& m : members_)
    if (m.name == name) return &m;
  return nullptr;
}

void ZipReader::read(const Member& m, void* to) const {
  KG_CHECK_IMPLEMENTED(m.stored, path(), ": the member ", m.name, " is compressed; only stored members can be read");
  uint8_t local[30];
  file_.read(m.header, local, 30);
  if (little<uint32_t>(local) != kLocal) damaged(path(), str("the member ", m.name, " has no header"));
  file_.read(m.header + 30 + little<uint16_t>(local + 26) + little<uint16_t>(local + 28), to, m.size);
  if (crc32(to, m.size) != m.crc) damaged(path(), str("the bytes of the member ", m.name, " do not fit its checksum"));
}

void ZipWriter::add(const std::string& name, const void* data, int64_t size) {
  Entry e{name, file_.position(), size, crc32(data, size)};
  bool wide = size >= kMax32;
  Bytes extra;
  if (wide) extra = Bytes(uint16_t(1), uint16_t(16), uint64_t(size), uint64_t(size));
  // a padding field brings the bytes to a multiple of 64
  int64_t begin = e.header + 30 + int64_t(name.size()) + int64_t(extra.size()) + 4, padding = (64 - begin % 64) % 64;
  extra += Bytes(uint16_t(0x4246), uint16_t(padding));
  extra.append(size_t(padding), 'Z');
  uint32_t shown = wide ? uint32_t(kMax32) : uint32_t(size);
  std::string header = Bytes(kLocal, uint16_t(wide ? 45 : 20), uint16_t(0x800), uint16_t(0), uint16_t(0), uint16_t(0x21), e.crc, shown, shown, uint16_t(name.size()), uint16_t(extra.size()));
  header += name + extra;
  file_.write(header.data(), int64_t(header.size()));
  file_.write(data, size);
  entries_.push_back(std::move(e));
}

void ZipWriter::finish() {
  int64_t begin = file_.position();
  std::string all;
  for (const Entry& e : entries_) {
    bool wide = e.size >= kMax32 || e.header >= kMax32;
    std::string extra;
    if (wide) extra = Bytes(uint16_t(1), uint16_t(24), uint64_t(e.size), uint64_t(e.size), uint64_t(e.header));
    uint32_t size = wide ? uint32_t(kMax32) : uint32_t(e.size), header = wide ? uint32_t(kMax32) : uint32_t(e.header);
    all += Bytes(kCentral, uint16_t(45), uint16_t(wide ? 45 : 20), uint16_t(0x800), uint16_t(0), uint16_t(0), uint16_t(0x21), e.crc, size, size, uint16_t(e.name.size()), uint16_t(extra.size()), uint16_t(0),
                 uint16_t(0), uint16_t(0), uint32_t(0), header);
    all += e.name + extra;
  }
  uint64_t count = entries_.size(), size = all.size(), end64 = uint64_t(begin) + size;
  if (count >= uint64_t(kMax16) || begin >= kMax32 || int64_t(size) >= kMax32) {
    all += Bytes(kEnd64, uint64_t(44), uint16_t(45), uint16_t(45), uint32_t(0), uint32_t(0), count, count, size, uint64_t(begin));
    all += Bytes(kLocator64, uint32_t(0), end64, uint32_t(1));
  }
  uint16_t few = uint16_t(std::min<uint64_t>(count, uint64_t(kMax16)));
  all += Bytes(kEnd, uint16_t(0), uint16_t(0), few, few, uint32_t(std::min<uint64_t>(size, uint64_t(kMax32))), uint32_t(std::min<int64_t>(begin, kMax32)), uint16_t(0));
  file_.write(all.data(), int64_t(all.size()));
  file_.finish();
}

}  // namespace kagari::io
