// Checkpoints and safetensors: round trips, shared memory, and files that are damaged or hostile.
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>

#include "check.h"
#include "kagari/io/zip.h"
#include "kagari/kagari.h"

using namespace kagari;
using io::Item;

static std::string folder;
static std::string at(const char* name) { return folder + "/" + name; }
static std::string read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
static void write_all(const std::string& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }
static std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.message();
  }
  return "no error";
}
static bool contains(const std::string& text, const char* part) { return text.find(part) != text.npos; }

static Item sample() {
  Tensor base = arange(0., 12.);
  Item state = Item::dict({}, true);
  state.set("weight", reshape(base, {3, 4}));
  state.set("row", select(reshape(base, {3, 4}), 0, 1));
  state.set("transposed", transpose(reshape(base, {3, 4}), 0, 1));
  state.set("half", to(base, DType::Float16));
  state.set("wide", to(base, DType::UInt16));
  state.set("flags", gt(base, wrapped_number(5)));
  state.set("none", empty({0, 3}));
  state.set("number", scalar_tensor(7, DType::Int64));
  return Item::dict({{"model", state}, {"epoch", 3}, {"big", int64_t(-5000000000)}, {"small", -3}, {"lr", 1e-3}, {"name", "schön"}, {"done", true}, {"nothing", Item()},
                     {"list", Item::list({1, 2.5, "x", Item::list({7}, true)})}, {"by number", Item::dict({{0, "zero"}, {70000, "many"}})}});
}

static void checkpoints() {
  Item saved = sample();
  io::save(saved, at("a.pt"));
  Item loaded = io::load(at("a.pt"));
  EXPECT(loaded["epoch"].integer() == 3 && loaded["big"].integer() == -5000000000 && loaded["small"].integer() == -3);
  EXPECT(loaded["lr"].number() == 1e-3 && loaded["name"].text() == "schön" && loaded["done"].boolean() && loaded["nothing"].is_none());
  EXPECT(loaded["list"].size() == 4 && loaded["list"][int64_t(3)].is_tuple() && loaded["by number"][int64_t(70000)].text() == "many");
  NamedTensors before = saved["model"].named_tensors(), after = loaded["model"].named_tensors();
  EXPECT(loaded["model"].is_ordered() && before.size() == after.size());
  for (size_t i = 0; i < before.size() && i < after.size(); ++i) {
    EXPECT(before[i].first == after[i].first && before[i].second.dtype() == after[i].second.dtype());
    EXPECT(before[i].second.strides() == after[i].second.strides() && equal(to(before[i].second, DType::Float64), to(after[i].second, DType::Float64)));
  }
  EXPECT(after[0].second.storage() == after[1].second.storage() && after[1].second.storage_offset() == 4);
  EXPECT(contains(error_of([&] { loaded["absent"]; }), "no key 'absent'; it has model, epoch"));
  EXPECT(contains(error_of([&] { loaded["epoch"].tensor(); }), "is an integer, not a tensor"));
  EXPECT(contains(error_of([&] { loaded.named_tensors(); }), "expected a dictionary of tensors"));
  EXPECT(contains(error_of([&] { io::load(at("absent.pt")); }), "cannot open"));
  EXPECT(contains(error_of([&] { io::save(saved, at("no/such/folder.pt")); }), "cannot write"));
  Tensor matrix = reshape(arange(0., 6.), {2, 3});
  io::save(Item::list({to_sparse(matrix), to_sparse(matrix, 1), to_layout(matrix, Layout::SparseCsr), to_layout(matrix, Layout::SparseBsc, {1, 3})}), at("b.pt"));
  for (const Item& i : io::load(at("b.pt")).items()) EXPECT(is_sparse(i.tensor()) && equal(to_dense(i.tensor()), matrix));
  NamedTensors all{{"x", ones({2})}};
  io::save(all, at("b.pt"));
  EXPECT(equal(io::load(at("b.pt")).named_tensors()[0].second, ones({2})));
}

/// A checkpoint with this pickle and a storage "0" of 16 bytes.
static std::string with_pickle(const std::string& pickle) {
  io::ZipWriter zip(at("hostile.pt"));
  char zero[16] = {};
  zip.add("x/data.pkl", pickle.data(), int64_t(pickle.size()));
  zip.add("x/data/0", zero, 16);
  zip.finish();
  return error_of([] { io::load(at("hostile.pt")); });
}
static std::string tensor_pickle(const std::string& count, const std::string& offset, const std::string& size, const std::string& stride, const std::string& key = "0") {
  return "\x80\x02" "ctorch._utils\n_rebuild_tensor_v2\n((" + std::string("U\x07storage", 9) + "ctorch\nFloatStorage\nU" + char(key.size()) + key + "U\x03" "cpu" + count + "tQ" + offset + "(" + size + "t(" + stride +
         "t\x89" "ccollections\nOrderedDict\n)RtR.";
}
static std::string number(int64_t v) {
  std::string s = "\x8a\x08";
  s.append(reinterpret_cast<const char*>(&v), 8);
  return s;
}

static void hostile_pickles() {
  EXPECT(with_pickle(tensor_pickle("K\x04", std::string("K\0", 2), "K\x04", "K\x01")) == "no error");
  EXPECT(contains(with_pickle(tensor_pickle("K\x05", std::string("K\0", 2), "K\x04", "K\x01")), "fewer elements"));
  for (auto& [offset, size, stride] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {number(1), number(4), number(1)}, {number(0), number(5), number(1)}, {number(0), number(2), number(4)}, {number(-1), number(1), number(1)}, {number(0), number(-1), number(1)},
           {number(0), number(2), number(-1)}, {number(0), number(INT64_MAX), number(INT64_MAX)}, {number(0), number(INT64_MAX) + number(4), number(0) + number(0)}, {number(INT64_MAX), number(1), number(1)},
           {number(0), number(1) + number(1), number(1)}})
    EXPECT(contains(with_pickle(tensor_pickle("K\x04", offset, size, stride)), "does not fit its storage"));
  EXPECT(contains(with_pickle(tensor_pickle("K\x04", std::string("K\0", 2), "K\x04", "K\x01", "7")), "storage '7' is missing"));
  EXPECT(contains(with_pickle("cos\nsystem\n(U\x04" "echotR."), "names os.system"));
  EXPECT(contains(with_pickle("\x80\x04\x8c\x08" "builtins\x8c\x04" "eval\x93."), "names builtins.eval"));
  EXPECT(contains(with_pickle("("), "cut short"));
  EXPECT(contains(with_pickle("."), "empty stack"));
  EXPECT(contains(with_pickle("t."), "a mark is missing"));
  EXPECT(contains(with_pickle("K\x01R."), "pickle of the checkpoint cannot be read"));
  EXPECT(contains(with_pickle("h\x05."), "recalls"));
  EXPECT(contains(with_pickle("X\xff\xff\xff\xff."), "cut short"));
  EXPECT(contains(with_pickle("\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), "cut short"));
  EXPECT(contains(with_pickle("]q\x01h\x01" "a."), "holds itself"));
  EXPECT(contains(with_pickle(std::string(200000, ']') + std::string(199999, 'a') + "."), "nested too deeply"));
  EXPECT(contains(with_pickle("}q\x01K\x01" + std::string(200000, ']') + std::string(199999, 'a') + "s."), "nested too deeply"));
  EXPECT(with_pickle(std::string(200000, ']') + std::string(199999, 'a') + "0K\x01.") == "no error");
  EXPECT(contains(with_pickle("K\x01(K\x02u."), "pickle of the checkpoint cannot be read"));
  EXPECT(contains(with_pickle("\xff."), "instruction 255"));
  // any single byte changed, and any cut, gives an error or another value, never a crash
  std::string good = tensor_pickle("K\x04", std::string("K\0", 2), "K\x04", "K\x01");
  std::mt19937 random(0);
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = good;
    for (int k = 0; k <= i % 3; ++k) bytes[random() % bytes.size()] = char(random());
    with_pickle(i % 7 ? bytes : bytes.substr(0, random() % bytes.size()));
  }
}

static void damaged_archives() {
  std::string good = read_all(at("a.pt"));
  EXPECT(io::crc32("123456789", 9) == 0xcbf43926u);
  for (size_t cut : {size_t(0), size_t(10), good.size() / 2, good.size() - 1}) {
    write_all(at("cut.pt"), good.substr(0, cut));
    EXPECT(contains(error_of([] { io::load(at("cut.pt")); }), "no readable zip archive"));
  }
  std::string changed = good;
  changed[good.find("data/0") + 80] ^= 1;
  write_all(at("changed.pt"), changed);
  std::string error = error_of([] { io::load(at("changed.pt")); });
  EXPECT(contains(error, "checksum") || contains(error, "no error"));
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = good;
    // mostly in the directory at the end, where the numbers are
    for (int k = 0; k < 3; ++k) bytes[i % 2 ? bytes.size() - 1 - random() % std::min<size_t>(bytes.size(), 900) : random() % bytes.size()] = char(random());
    write_all(at("random.pt"), bytes);
    error_of([] { io::load(at("random.pt")); });
  }
}

static std::string safetensors(const std::string& header, size_t bytes) {
  uint64_t n = header.size();
  std::string file(reinterpret_cast<const char*>(&n), 8);
  write_all(at("x.safetensors"), file + header + std::string(bytes, '\1'));
  return error_of([] { io::load_safetensors(at("x.safetensors")); });
}

static void safetensors_files() {
  Tensor x = reshape(arange(0., 6.), {2, 3});
  NamedTensors saved{{"a\"b\\", transpose(x, 0, 1)}, {"bytes", to(x, DType::UInt8)}, {"bf", to(x, DType::BFloat16)}, {"scalar", scalar_tensor(3, DType::Int64)}, {"none", empty({0, 2})}};
  io::save_safetensors(saved, at("a.safetensors"), {{"format", "pt\n"}});
  std::vector<std::pair<std::string, std::string>> metadata;
  NamedTensors loaded = io::load_safetensors(at("a.safetensors"), &metadata);
  EXPECT(loaded.size() == 5 && metadata.size() == 1 && metadata[0].second == "pt\n");
  for (auto& [name, t] : saved)
    for (auto& [other, u] : loaded)
      if (name == other) EXPECT(t.dtype() == u.dtype() && equal(t, u));
  EXPECT(loaded[0].first == "scalar");
  EXPECT(safetensors(R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8) == "no error");
  EXPECT(safetensors(R"({"t":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"\u00e4\ud83d\ude00":{"dtype":"U8","shape":[],"data_offsets":[8,9]}}  )", 9) == "no error");
  EXPECT(contains(safetensors(R"({"t":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8), "does not fit"));
  EXPECT(contains(safetensors(R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12), "does not fit"));
  EXPECT(contains(safetensors(R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4), "does not fit"));
  EXPECT(contains(safetensors(R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 9), "belong to no tensor"));
  EXPECT(contains(safetensors(R"({"t":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})", 0), "does not fit"));
  EXPECT(contains(safetensors(R"({"t":{"dtype":"Q3","shape":[2],"data_offsets":[0,8]}})", 8), "dtype 'Q3'"));
  EXPECT(contains(safetensors(R"({"t":{"dtype":"F32","shape":[2]}})", 8), "lacks its dtype"));
  EXPECT(contains(safetensors(R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"t":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2), "comes twice"));
  EXPECT(contains(safetensors(R"({"t":{"dtype":"U8","shape":[99999999999999999999],"data_offsets":[0,1]}})", 1), "too large"));
  EXPECT(contains(safetensors("{", 0), "cut short"));
  EXPECT(contains(safetensors("[1]", 0), "was expected"));
  write_all(at("y.safetensors"), "\xff\xff\xff\xff\xff\xff\xff\x7f");
  EXPECT(contains(error_of([] { io::load_safetensors(at("y.safetensors")); }), "its header would have"));
  EXPECT(contains(error_of([&] { io::save_safetensors({{"a", x}, {"a", x}}, at("z.safetensors")); }), "comes twice"));
  std::string good = read_all(at("a.safetensors"));
  std::mt19937 random(2);
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = good;
    for (int k = 0; k <= i % 3; ++k) bytes[random() % std::min<size_t>(bytes.size(), 420)] = char(random());
    write_all(at("random.safetensors"), bytes);
    error_of([] { io::load_safetensors(at("random.safetensors")); });
  }
}

int main() {
  char name[] = "/tmp/kagari-io-XXXXXX";
  folder = mkdtemp(name);
  checkpoints();
  hostile_pickles();
  damaged_archives();
  safetensors_files();
  for (const char* f : {"a.pt", "b.pt", "hostile.pt", "cut.pt", "changed.pt", "random.pt", "a.safetensors", "x.safetensors", "y.safetensors", "random.safetensors"}) unlink(at(f).c_str());
  rmdir(folder.c_str());
  return finish();
}
