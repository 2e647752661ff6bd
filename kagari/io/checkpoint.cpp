// Checkpoints of torch.save: a zip archive with a pickle (data.pkl), one member per storage (data/0, data/1, ...), and a version.
#include "kagari/io/checkpoint.h"

#include "kagari/io/pickle.h"
#include "kagari/io/zip.h"

namespace kagari::io {
namespace {

constexpr int64_t kLargestPickle = int64_t(1) << 31;

std::string contents(const ZipReader& zip, const ZipReader::Member& m) {
  KG_CHECK(m.size <= kLargestPickle, zip.path(), ": the member ", m.name, " is too large");
  std::string bytes(size_t(m.size), '\0');
  zip.read(m, bytes.data());
  return bytes;
}

}  // namespace

Item load(const std::string& path) {
  ZipReader zip(path);
  std::string folder;
  const ZipReader::Member* pickle = nullptr;
  for (const auto& m : zip.members())
    if (size_t slash = m.name.find('/'); slash != m.name.npos && m.name.substr(slash + 1) == "data.pkl") {
      pickle = &m;
      folder = m.name.substr(0, slash + 1);
    }
  KG_CHECK(pickle, path, " is no checkpoint of torch.save: it has no data.pkl");
  if (const auto* order = zip.find(folder + "byteorder")) {
    std::string text = contents(zip, *order);
    KG_CHECK_IMPLEMENTED(text == "little", path, ": checkpoints with the byte order '", text, "' are not supported");
  }
  return read_pickle(contents(zip, *pickle), path, [&](const StorageRecord& record) {
    const ZipReader::Member* m = zip.find(folder + "data/" + record.key);
    KG_CHECK(m, path, ": the storage '", record.key, "' is missing");
    auto storage = Storage::create(m->size, {});
    if (m->size) zip.read(*m, storage->data());
    return storage;
  });
}

void save(const Item& item, const std::string& path) {
  std::vector<IntrusivePtr<Storage>> storages;
  std::string pickle = write_pickle(item, storages);
  size_t begin = path.rfind('/') + 1, dot = path.rfind('.');
  std::string folder = path.substr(begin, dot != path.npos && dot > begin ? dot - begin : path.npos) + "/";
  ZipWriter zip(path);
  auto add_text = [&](const char* name, std::string_view text) { zip.add(folder + name, text.data(), int64_t(text.size())); };
  add_text("data.pkl", pickle);
  add_text(".format_version", "1");
  add_text(".storage_alignment", "64");
  add_text("byteorder", "little");
  for (size_t i = 0; i < storages.size(); ++i) zip.add(str(folder, "data/", i), storages[i]->data(), storages[i]->nbytes());
  add_text("version", "3\n");
  zip.finish();
}

}  // namespace kagari::io
