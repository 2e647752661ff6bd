#include <cstring>
#include <unordered_map>

#include "kagari/io/pickle.h"
#include "kagari/tensor/sparse.h"

namespace kagari::io {
namespace {

class Writer {
 public:
  explicit Writer(std::vector<IntrusivePtr<Storage>>& storages) : storages_(storages) { out_ = "\x80\x02"; }

  std::string finish() {
    out_ += '.';
    return std::move(out_);
  }

  void item(const Item& i, int depth = 0) {
    KG_CHECK(depth < 1000, "save(): the data is nested too deeply");
    if (i.is_none()) out_ += 'N';
    else if (i.is_bool()) out_ += i.boolean() ? '\x88' : '\x89';
    else if (i.is_integer()) integer(i.integer());
    else if (i.is_float()) floating(i.number());
    else if (i.is_text()) text(i.text());
    else if (i.is_tensor()) tensor(i.tensor());
    else if (i.is_list()) {
      if (i.is_tuple()) {
        out_ += '(';
        for (const Item& x : i.items()) item(x, depth + 1);
        out_ += 't';
      } else {
        out_ += "](";
        for (const Item& x : i.items()) item(x, depth + 1);
        out_ += 'e';
      }
    } else {
      out_ += i.is_ordered() ? "ccollections\nOrderedDict\n)R(" : "}(";
      for (const auto& [key, value] : i.pairs()) {
        item(key, depth + 1);
        item(value, depth + 1);
      }
      out_ += 'u';
    }
  }

 private:
  void raw(const void* data, size_t n) { out_.append(static_cast<const char*>(data), n); }
  void integer(int64_t v) {
    if (v >= 0 && v < 256) {
      out_ += 'K';
      raw(&v, 1);
    } else if (v >= 0 && v < 65536) {
      out_ += 'M';
      raw(&v, 2);
    } else if (v >= -0x80000000ll && v < 0x80000000ll) {
      out_ += 'J';
      raw(&v, 4);
    } else {
      out_ += "\x8a\x08";
      raw(&v, 8);
    }
  }
  void floating(double v) {
    uint64_t bits;
    std::memcpy(&bits, &v, sizeof bits);
    bits = __builtin_bswap64(bits);
    out_ += 'G';
    raw(&bits, 8);
  }
  void text(const std::string& s) {
    KG_CHECK(s.size() <= 0xffffffffu, "save(): a text is longer than 4 GB");
    uint32_t n = uint32_t(s.size());
    out_ += 'X';
    raw(&n, 4);
    out_ += s;
  }
  void integers(IntList list) {
    out_ += '(';
    for (int64_t v : list) integer(v);
    out_ += 't';
  }
  /// The storage's class, key and number of elements, as the reference that PyTorch writes.
  void storage(const Tensor& t, std::string_view class_name, int64_t count) {
    auto [found, fresh] = keys_.try_emplace(t.storage().get(), storages_.size());
    if (fresh) storages_.push_back(t.storage());
    out_ += "(";
    text("storage");
    out_ += class_name;
    text(std::to_string(found->second));
    text("cpu");
    integer(count);
    out_ += "tQ";
  }
  void sparse(const Tensor& t) {
    const SparseParts& p = sparse_parts(t);
    out_ += "ctorch._utils\n_rebuild_sparse_tensor\n(ctorch.serialization\n_get_layout\n(";
    text(std::string(python_name(p.layout)));
    out_ += "tR(";
    tensor(p.indices);
    if (!p.is_coo()) tensor(p.plain);
    tensor(p.values);
    integers(t.sizes());
    if (p.is_coo()) out_ += p.coalesced ? '\x88' : '\x89';
    out_ += "ttR";
  }
  void tensor(const Tensor& t) {
    KG_CHECK(t.defined(), "save(): a tensor is undefined");
    KG_CHECK_IMPLEMENTED(t.is_cpu(), "save(): only tensors on the CPU can be saved, but one is on ", t.device());
    if (is_sparse(t)) return sparse(t);
    static constexpr const char* classes[] = {"Bool", "Byte", "Char", "Short", "Int", "Long", nullptr, nullptr, nullptr, "Half", "BFloat16", "Float", "Double", "ComplexFloat", "ComplexDouble"};
    const char* name_of_class = int(t.dtype()) < 15 ? classes[int(t.dtype())] : nullptr;
    out_ += name_of_class ? "ctorch._utils\n_rebuild_tensor_v2\n(" : "ctorch._utils\n_rebuild_tensor_v3\n(";
    if (name_of_class) storage(t, str("ctorch\n", name_of_class, "Storage\n"), t.storage()->nbytes() / t.itemsize());
    else storage(t, "ctorch.storage\nUntypedStorage\n", t.storage()->nbytes());
    integer(t.storage_offset());
    integers(t.sizes());
    integers(t.strides());
    out_ += t.requires_grad() ? '\x88' : '\x89';
    out_ += "ccollections\nOrderedDict\n)R";
    if (!name_of_class) out_ += str("ctorch\n", name(t.dtype()), "\n");
    out_ += "tR";
  }

  std::string out_;
  std::vector<IntrusivePtr<Storage>>& storages_;
  std::unordered_map<const Storage*, size_t> keys_;
};

}  // namespace

std::string write_pickle(const Item& item, std::vector<IntrusivePtr<Storage>>& storages) {
  Writer w(storages);
  w.item(item);
  return w.finish();
}

}  // namespace kagari::io
