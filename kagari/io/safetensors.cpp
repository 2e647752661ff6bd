// safetensors: 8 bytes with the length of a JSON header, the header, the tensors' bytes.
#include <algorithm>
#include <cstring>
#include <unordered_set>

#include "kagari/cpu/copy.h"
#include "kagari/io/checkpoint.h"
#include "kagari/io/file.h"
#include "kagari/tensor/sparse.h"

namespace kagari::io {
namespace {

constexpr int64_t kLargestHeader = 100000000;
constexpr std::pair<std::string_view, DType> kDTypes[] = {
    {"BOOL", DType::Bool}, {"U8", DType::UInt8}, {"I8", DType::Int8}, {"F8_E5M2", DType::Float8_e5m2}, {"F8_E4M3", DType::Float8_e4m3fn}, {"F8_E8M0", DType::Float8_e8m0fnu}, {"I16", DType::Int16},
    {"U16", DType::UInt16}, {"F16", DType::Float16}, {"BF16", DType::BFloat16}, {"I32", DType::Int32}, {"U32", DType::UInt32}, {"F32", DType::Float32}, {"F64", DType::Float64}, {"I64", DType::Int64},
    {"U64", DType::UInt64}, {"C64", DType::Complex64}};

struct Described {
  std::string name;
  DType dtype = DType::UInt8;
  Ints shape;
  int64_t begin = -1, end = -1;
};

/// The JSON that a header is made of: objects of texts, lists of integers, and objects of those.
class Header {
 public:
  Header(std::string_view text, const std::string& path) : p_(text.data()), end_(text.data() + text.size()), path_(path) {}

  void read(std::vector<Described>& tensors, std::vector<std::pair<std::string, std::string>>* metadata) {
    std::unordered_set<std::string> names;
    object([&](std::string key) {
      if (!names.insert(key).second) bad(str("the name '", key, "' comes twice"));
      if (key == "__metadata__") {
        object([&](std::string k) {
          std::string v = text();
          if (metadata) metadata->emplace_back(std::move(k), std::move(v));
        });
        return;
      }
      tensors.push_back(tensor(std::move(key)));
    });
    space();
    if (p_ != end_) bad("something follows its end");
  }

 private:
  [[noreturn]] void bad(std::string_view reason) const { fail(ErrorKind::Runtime, str(path_, ": the header of the safetensors file cannot be read: ", reason)); }
  void space() {
    while (p_ != end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\t' || *p_ == '\r')) ++p_;
  }
  char next() {
    space();
    if (p_ == end_) bad("it is cut short");
    return *p_;
  }
  void expect(char c) {
    if (next() != c) bad(str("'", c, "' was expected, but '", *p_, "' came"));
    ++p_;
  }
  template <class F>
  void object(F&& member) {
    expect('{');
    if (next() == '}') {
      ++p_;
      return;
    }
    for (;;) {
      std::string key = text();
      expect(':');
      member(std::move(key));
      if (next() != ',') break;
      ++p_;
    }
    expect('}');
  }
  unsigned hex() {
    unsigned v = 0;
    for (int i = 0; i < 4; ++i) {
      if (p_ == end_) bad("it is cut short");
      char c = *p_++;
      int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
      if (d < 0) bad("an escape in a text is no number");
      v = v * 16 + unsigned(d);
    }
    return v;
  }
  static void put_utf8(std::string& out, unsigned c) {
    if (c < 0x80) out += char(c);
    else if (c < 0x800) out += {char(0xc0 | c >> 6), char(0x80 | (c & 63))};
    else if (c < 0x10000) out += {char(0xe0 | c >> 12), char(0x80 | (c >> 6 & 63)), char(0x80 | (c & 63))};
    else out += {char(0xf0 | c >> 18), char(0x80 | (c >> 12 & 63)), char(0x80 | (c >> 6 & 63)), char(0x80 | (c & 63))};
  }
  std::string text() {
    expect('"');
    std::string out;
    for (;;) {
      if (p_ == end_) bad("a text has no end");
      char c = *p_++;
      if (c == '"') return out;
      if (c != '\\') {
        out += c;
        continue;
      }
      if (p_ == end_) bad("a text has no end");
      switch (char e = *p_++) {
        case 'n': out += '\n'; break;
        case 't': out += '\t'; break;
        case 'r': out += '\r'; break;
        case 'b': out += '\b'; break;
        case 'f': out += '\f'; break;
        case 'u': {
          unsigned v = hex();
          if (v >= 0xd800 && v < 0xdc00 && end_ - p_ >= 6 && p_[0] == '\\' && p_[1] == 'u') {
            p_ += 2;
            v = 0x10000 + ((v - 0xd800) << 10) + (hex() - 0xdc00);
            if (v > 0x10ffff) bad("an escape in a text is no character");
          }
          put_utf8(out, v);
          break;
        }
        case '"': case '\\': case '/': out += e; break;
        default: bad("an escape in a text is unknown");
      }
    }
  }
  int64_t integer() {
    next();
    int64_t v = 0;
    const char* from = p_;
    while (p_ != end_ && *p_ >= '0' && *p_ <= '9')
      if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p_++ - '0', &v)) bad("a number is too large");
    if (p_ == from) bad("a number was expected");
    return v;
  }
  Ints integers() {
    Ints out;
    expect('[');
    if (next() != ']') {
      out.push_back(integer());
      while (next() == ',') {
        ++p_;
        out.push_back(integer());
        if (out.size() > 64) bad("a list is too long");
      }
    }
    expect(']');
    return out;
  }
  Described tensor(std::string name) {
    Described d;
    d.name = std::move(name);
    unsigned seen = 0;
    object([&](std::string key) {
      if (key == "dtype") {
        std::string word = text();
        auto found = std::find_if(std::begin(kDTypes), std::end(kDTypes), [&](auto& x) { return x.first == word; });
        if (found == std::end(kDTypes)) bad(str("the dtype '", word, "' of '", d.name, "' is unknown"));
        d.dtype = found->second;
        seen |= 1;
      } else if (key == "shape") {
        d.shape = integers();
        seen |= 2;
      } else if (key == "data_offsets") {
        Ints at = integers();
        if (at.size() != 2) bad(str("'", d.name, "' has no two offsets"));
        d.begin = at[0], d.end = at[1];
        seen |= 4;
      } else {
        bad(str("'", d.name, "' has an unknown entry '", key, "'"));
      }
    });
    if (seen != 7) bad(str("'", d.name, "' lacks its dtype, shape or data_offsets"));
    return d;
  }

  const char *p_, *end_;
  const std::string& path_;
};

std::string quoted(const std::string& s) {
  std::string out = "\"";
  for (char c : s) {
    if (c == '"' || c == '\\') out += {'\\', c};
    else if (static_cast<unsigned char>(c) < 0x20) {
      static constexpr char digits[] = "0123456789abcdef";
      out += std::string("\\u00") + digits[c >> 4 & 15] + digits[c & 15];
    } else out += c;
  }
  return out + "\"";
}

std::string_view dtype_word(DType t) {
  for (auto& [word, dtype] : kDTypes)
    if (dtype == t) return word;
  fail(ErrorKind::NotImplemented, str("save_safetensors(): the format has no dtype for ", name(t)));
}

}  // namespace

NamedTensors load_safetensors(const std::string& path, std::vector<std::pair<std::string, std::string>>* metadata) {
  InputFile file(path);
  uint64_t length = 0;
  KG_CHECK(file.size() >= 8, path, " is no safetensors file: it has only ", file.size(), " bytes");
  file.read(0, &length, 8);
  KG_CHECK(length <= uint64_t(kLargestHeader) && int64_t(length) <= file.size() - 8, path, " is no safetensors file, or damaged: its header would have ", length, " bytes");
  std::string header(size_t(length), '\0');
  file.read(8, header.data(), int64_t(length));
  std::vector<Described> tensors;
  Header(header, path).read(tensors, metadata);
  std::sort(tensors.begin(), tensors.end(), [](auto& a, auto& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  int64_t base = 8 + int64_t(length), at = 0;
  NamedTensors out;
  for (const Described& d : tensors) {
    int64_t bytes = itemsize(d.dtype);
    bool fits = d.begin == at && d.end >= d.begin && d.end <= file.size() - base;
    for (int64_t s : d.shape) fits = fits && !__builtin_mul_overflow(bytes, s, &bytes);
    KG_CHECK(fits && bytes == d.end - d.begin, path, ": the tensor '", d.name, "' of shape ", d.shape, " does not fit bytes ", d.begin, " to ", d.end, " of the file");
    Tensor t = empty_tensor(d.shape, d.dtype);
    if (bytes) file.read(base + d.begin, t.bytes(), bytes);
    out.emplace_back(d.name, t);
    at = d.end;
  }
  KG_CHECK(at == file.size() - base, path, ": ", file.size() - base - at, " bytes of the file belong to no tensor");
  return out;
}

void save_safetensors(const NamedTensors& tensors, const std::string& path, const std::vector<std::pair<std::string, std::string>>& metadata) {
  std::vector<const std::pair<std::string, Tensor>*> order;
  std::unordered_set<std::string> names;
  for (const auto& entry : tensors) {
    KG_CHECK_VALUE(names.insert(entry.first).second && entry.first != "__metadata__", "save_safetensors(): the name '", entry.first, "' comes twice or is reserved");
    KG_CHECK(entry.second.defined() && entry.second.is_cpu() && !is_sparse(entry.second), "save_safetensors(): '", entry.first, "' is no strided tensor on the CPU");
    order.push_back(&entry);
  }
  // large elements first, so that all are aligned
  std::stable_sort(order.begin(), order.end(), [](auto* a, auto* b) { return std::pair(-a->second.itemsize(), a->first) < std::pair(-b->second.itemsize(), b->first); });
  std::string header = "{";
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (size_t i = 0; i < metadata.size(); ++i) header += (i ? "," : "") + quoted(metadata[i].first) + ":" + quoted(metadata[i].second);
    header += "}";
  }
  int64_t at = 0;
  for (auto* entry : order) {
    const Tensor& t = entry->second;
    std::string shape;
    for (int64_t s : t.sizes()) shape += (shape.empty() ? "" : ",") + std::to_string(s);
    header += str(header.size() > 1 ? "," : "", quoted(entry->first), ":{\"dtype\":\"", dtype_word(t.dtype()), "\",\"shape\":[", shape, "],\"data_offsets\":[", at, ",", at + t.nbytes(), "]}");
    at += t.nbytes();
  }
  header += "}";
  header.append((8 - header.size() % 8) % 8, ' ');
  OutputFile file(path);
  uint64_t length = header.size();
  file.write(&length, 8);
  file.write(header.data(), int64_t(header.size()));
  for (auto* entry : order) {
    Tensor t = entry->second;
    if (!t.is_contiguous()) {
      Tensor dense = empty_tensor(t.sizes(), t.dtype());
      cpu::copy_elements(dense, t);
      t = dense;
    }
    if (t.numel()) file.write(t.bytes(), t.nbytes());
  }
  file.finish();
}

}  // namespace kagari::io
