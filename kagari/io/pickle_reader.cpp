#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <unordered_set>

#include "kagari/autograd/variable.h"
#include "kagari/io/pickle.h"
#include "kagari/ops/sparse.h"

namespace kagari::io {
namespace {

/// A name that a pickle mentions, and what reading may do with it.
enum class Known : uint8_t { OrderedDict, RebuildTensor, RebuildTensorTyped, RebuildParameter, RebuildSparse, Layout, Size, Device, StorageClass, DTypeName };
struct Global {
  Known what;
  DType dtype = DType::UInt8;
};

const std::unordered_map<std::string, Global>& globals() {
  static const std::unordered_map<std::string, Global> table = [] {
    std::unordered_map<std::string, Global> t{{"collections.OrderedDict", {Known::OrderedDict}},      {"torch._utils._rebuild_tensor_v2", {Known::RebuildTensor}},
                                              {"torch._utils._rebuild_tensor_v3", {Known::RebuildTensorTyped}}, {"torch._utils._rebuild_parameter", {Known::RebuildParameter}},
                                              {"torch._utils._rebuild_sparse_tensor", {Known::RebuildSparse}}, {"torch.serialization._get_layout", {Known::Layout}},
                                              {"torch.Size", {Known::Size}},                          {"torch.device", {Known::Device}},
                                              {"torch.storage.UntypedStorage", {Known::StorageClass}}, {"torch.UntypedStorage", {Known::StorageClass}}};
    static constexpr std::pair<const char*, DType> classes[] = {{"Float", DType::Float32}, {"Double", DType::Float64}, {"Half", DType::Float16}, {"BFloat16", DType::BFloat16}, {"Long", DType::Int64},
                                                                {"Int", DType::Int32}, {"Short", DType::Int16}, {"Char", DType::Int8}, {"Byte", DType::UInt8}, {"Bool", DType::Bool},
                                                                {"ComplexFloat", DType::Complex64}, {"ComplexDouble", DType::Complex128}};
    for (auto [name, dtype] : classes) t[str("torch.", name, "Storage")] = {Known::StorageClass, dtype};
    for (int d = 0; d < dtype_count; ++d) t[str("torch.", name(DType(d)))] = {Known::DTypeName, DType(d)};
    return t;
  }();
  return table;
}

/// One entry of the machine's stack: an item, or something that only exists while a pickle is read.
struct Entry {
  enum class Kind : uint8_t { Item, Mark, Global, Storage } kind = Kind::Item;
  Item item;
  Global global{};
  IntrusivePtr<Storage> storage;
  DType dtype = DType::UInt8;
  int64_t count = 0;
  Entry() = default;
  Entry(Item i) : item(std::move(i)) {}
};

class Machine {
 public:
  Machine(const std::string& bytes, const std::string& path, const std::function<IntrusivePtr<Storage>(const StorageRecord&)>& storage)
      : at_(reinterpret_cast<const uint8_t*>(bytes.data())), end_(at_ + bytes.size()), path_(path), storage_(storage) {}
  // Containers are emptied one by one: a hostile file may nest them so deeply that freeing the outermost would overflow the stack.
  ~Machine() {
    for (Item& c : containers_) {
      if (reachable_.contains(identity(c))) continue;  // part of the result
      if (c.is_list()) c.items().clear();
      else c.pairs().clear();
    }
  }

  Item run() {
    for (;;) {
      uint8_t op = byte();
      if (op == '.') break;
      step(op);
    }
    Item result = pop_item();
    check_shape(result);
    return result;
  }

 private:
  [[noreturn]] void bad(std::string_view reason) const { fail(ErrorKind::Runtime, str(path_, ": the pickle of the checkpoint cannot be read: ", reason)); }

  // ---------------------------------------------------------------- bytes
  const uint8_t* take(uint64_t n) {
    if (n > uint64_t(end_ - at_)) bad("it is cut short");
    const uint8_t* p = at_;
    at_ += n;
    return p;
  }
  uint8_t byte() { return *take(1); }
  template <class T>
  T number() {
    T v;
    std::memcpy(&v, take(sizeof v), sizeof v);
    return v;
  }
  std::string text(uint64_t n) {
    const uint8_t* p = take(n);
    return std::string(reinterpret_cast<const char*>(p), n);
  }
  std::string line() {
    const uint8_t* stop = std::find(at_, end_, uint8_t('\n'));
    if (stop == end_) bad("it is cut short");
    std::string s(reinterpret_cast<const char*>(at_), size_t(stop - at_));
    at_ = stop + 1;
    return s;
  }
  int64_t long_integer(uint64_t n) {
    const uint8_t* p = take(n);
    while (n > 8 && (p[n - 1] == 0 || p[n - 1] == 255) && (p[n - 2] >> 7) == (p[n - 1] >> 7)) --n;
    if (n > 8) bad("an integer does not fit 64 bits");
    uint64_t v = n && p[n - 1] >> 7 ? ~uint64_t(0) : 0;
    for (uint64_t i = n; i-- > 0;) v = v << 8 | p[i];
    return int64_t(v);
  }

  // ---------------------------------------------------------------- stack
  void push(Entry e) {
    if (stack_.size() > 10000000) bad("its stack grows without end");
    stack_.push_back(std::move(e));
  }
  void push_container(Item c) {
    containers_.push_back(c);
    push(std::move(c));
  }
  Entry pop() {
    if (stack_.empty()) bad("it takes from an empty stack");
    Entry e = std::move(stack_.back());
    stack_.pop_back();
    return e;
  }
  Item pop_item() { return item_of(pop()); }
  Item item_of(Entry e) const {
    if (e.kind == Entry::Kind::Global && e.global.what == Known::DTypeName) return Item(str("torch.", name(e.global.dtype)));
    if (e.kind != Entry::Kind::Item) bad("a value is no data");
    return std::move(e.item);
  }
  Entry& top() {
    if (stack_.empty()) bad("it reads from an empty stack");
    return stack_.back();
  }
  size_t mark() const {
    for (size_t i = stack_.size(); i-- > 0;)
      if (stack_[i].kind == Entry::Kind::Mark) return i;
    bad("a mark is missing");
  }
  /// The entries behind the last mark, which goes away.
  std::vector<Entry> pop_to_mark() {
    size_t m = mark();
    std::vector<Entry> out(std::make_move_iterator(stack_.begin() + ptrdiff_t(m) + 1), std::make_move_iterator(stack_.end()));
    stack_.resize(m);
    return out;
  }
  Item make_tuple(std::vector<Entry> entries) {
    // the arguments of a call may hold names and storages: they stay beside the tuple
    bool plain = std::all_of(entries.begin(), entries.end(), [](const Entry& e) { return e.kind == Entry::Kind::Item || (e.kind == Entry::Kind::Global && e.global.what == Known::DTypeName); });
    Item::List items;
    if (plain)
      for (Entry& e : entries) items.push_back(item_of(std::move(e)));
    Item tuple = Item::list(std::move(items), true);
    if (!plain) arguments_[&tuple.items()] = std::move(entries);
    containers_.push_back(tuple);
    return tuple;
  }
  std::vector<Entry> arguments_of(const Item& tuple) {
    if (!tuple.is_list()) bad("the arguments of a call are no tuple");
    auto found = arguments_.find(&tuple.items());
    if (found != arguments_.end()) return found->second;
    std::vector<Entry> out;
    for (const Item& i : tuple.items()) out.emplace_back(i);
    return out;
  }

  void set_items(Item dict, std::vector<Entry> entries) {
    if (!dict.is_dict() || entries.size() % 2) bad("keys and values do not fit a dictionary");
    for (size_t i = 0; i < entries.size(); i += 2) dict.pairs().emplace_back(item_of(std::move(entries[i])), item_of(std::move(entries[i + 1])));
  }
  void append_items(Item list, std::vector<Entry> entries) {
    if (!list.is_list()) bad("values are appended to what is no list");
    for (Entry& e : entries) list.items().push_back(item_of(std::move(e)));
  }

  // ---------------------------------------------------------------- names and calls
  void push_global(const std::string& module, const std::string& name) {
    auto found = globals().find(module + "." + name);
    if (found == globals().end()) bad(str("it names ", module, ".", name, ", which is no data that can be read here"));
    Entry e;
    e.kind = Entry::Kind::Global;
    e.global = found->second;
    push(std::move(e));
  }

  Tensor rebuild(std::vector<Entry> a, bool typed) {
    if (a.size() < (typed ? 7u : 6u)) bad("a tensor has too few arguments");
    if (a[0].kind != Entry::Kind::Storage) bad("a tensor has no storage");
    DType dtype = a[0].dtype;
    if (typed) {
      if (a[6].kind == Entry::Kind::Global && a[6].global.what == Known::DTypeName) dtype = a[6].global.dtype;
      else bad("a tensor has no dtype");
    }
    Ints lists[2];
    for (int i = 0; i < 2; ++i)
      for (const Item& v : item_of(a[size_t(2 + i)]).items()) lists[i].push_back(v.integer());
    int64_t offset = item_of(a[1]).integer();
    const Ints &sizes = lists[0], &strides = lists[1];
    int64_t held = a[0].storage->nbytes() / itemsize(dtype), last = offset, count = 1;
    bool good = sizes.size() == strides.size() && sizes.size() <= 64 && offset >= 0 && offset <= held;
    for (size_t d = 0; good && d < sizes.size(); ++d) {
      int64_t reach;
      good = sizes[d] >= 0 && strides[d] >= 0 && !__builtin_mul_overflow(count, sizes[d], &count) && (sizes[d] < 2 || (!__builtin_mul_overflow(sizes[d] - 1, strides[d], &reach) && !__builtin_add_overflow(last, reach, &last)));
    }
    if (!good || (count > 0 && last >= held)) bad(str("a tensor of sizes ", shape_text(sizes), ", strides ", shape_text(strides), " and offset ", offset, " does not fit its storage of ", held, " elements"));
    auto impl = TensorImpl::create(a[0].storage, dtype);
    impl->offset = offset;
    impl->set_layout(sizes, strides);
    Tensor t(std::move(impl));
    if (Item grad = item_of(a[4]); grad.is_bool() && grad.boolean()) set_requires_grad(t, true);
    return t;
  }

  Tensor rebuild_sparse(std::vector<Entry> a) {
    if (a.size() != 2) bad("a sparse tensor has a layout and its parts");
    std::string layout = item_of(a[0]).text();
    Item all = item_of(a[1]);
    const Item::List& parts = all.items();
    bool coo = layout == "torch.sparse_coo";
    if (parts.size() < (coo ? 3u : 4u)) bad("a sparse tensor has too few parts");
    Ints size;
    for (const Item& s : parts[coo ? 2 : 3].items()) size.push_back(s.integer());
    if (coo) return sparse_coo_tensor(parts[0].tensor(), parts[1].tensor(), size, parts.size() > 3 && parts[3].is_bool() && parts[3].boolean());
    for (Layout l : {Layout::SparseCsr, Layout::SparseCsc, Layout::SparseBsr, Layout::SparseBsc})
      if (layout == python_name(l)) return sparse_compressed_tensor(parts[0].tensor(), parts[1].tensor(), parts[2].tensor(), size, l);
    bad(str("a tensor has the unknown layout ", layout));
  }

  void reduce() {
    Item tuple = pop_item();
    Entry function = pop();
    std::vector<Entry> a = arguments_of(tuple);
    if (function.kind != Entry::Kind::Global) bad("it calls what is no function");
    switch (function.global.what) {
      case Known::OrderedDict:
        if (!a.empty()) bad("an OrderedDict with arguments");
        return push_container(Item::dict({}, true));
      case Known::RebuildTensor: return push(Item(rebuild(std::move(a), false)));
      case Known::RebuildTensorTyped: return push(Item(rebuild(std::move(a), true)));
      case Known::RebuildParameter: {
        if (a.size() < 2) bad("a parameter has too few arguments");
        Tensor t = item_of(a[0]).tensor();
        if (Item wanted = item_of(a[1]); wanted.is_bool() && wanted.boolean() != t.requires_grad()) set_requires_grad(t, wanted.boolean());
        return push(Item(t));
      }
      case Known::RebuildSparse: return push(Item(rebuild_sparse(std::move(a))));
      case Known::Layout:
        if (a.size() != 1) bad("a layout has one name");
        return push(item_of(std::move(a[0])));
      case Known::Size:
        if (a.size() != 1) bad("a Size has one argument");
        return push(item_of(std::move(a[0])));
      case Known::Device: {
        if (a.empty()) bad("a device has no name");
        return push(item_of(std::move(a[0])));
      }
      default: bad("it calls a name that is no function");
    }
  }

  void persistent() {
    std::vector<Entry> a = arguments_of(pop_item());
    if (a.size() < 5 || item_of(a[0]).text() != "storage" || a[1].kind != Entry::Kind::Global || a[1].global.what != Known::StorageClass) bad("a reference leads to no storage");
    StorageRecord record{item_of(a[2]).text(), a[1].global.dtype, item_of(a[4]).integer()};
    if (record.count < 0) bad("a storage has a negative size");
    Entry e;
    e.kind = Entry::Kind::Storage;
    e.dtype = record.dtype;
    auto [found, fresh] = storages_.try_emplace(record.key);
    if (fresh) found->second = storage_(record);
    e.storage = found->second;
    if (e.storage->nbytes() / itemsize(record.dtype) < record.count) bad(str("the storage '", record.key, "' has fewer elements than the ", record.count, " that it should have"));
    push(std::move(e));
  }

  void build() {
    Entry state = pop();
    // an OrderedDict carries attributes (_metadata of a state_dict), which are no part of the data
    if (top().kind != Entry::Kind::Item || !top().item.is_dict()) bad("it sets the state of an object that is no data");
  }

  void step(uint8_t op) {
    switch (op) {
      case 0x80:
        if (byte() > 5) bad("it has an unknown protocol");
        return;
      case 0x95: take(8); return;
      case '(': {
        Entry e;
        e.kind = Entry::Kind::Mark;
        return push(std::move(e));
      }
      case '0': pop(); return;
      case '1': pop_to_mark(); return;
      case '2': return push(Entry(top()));
      case 'N': return push(Item());
      case 0x88: return push(Item(true));
      case 0x89: return push(Item(false));
      case 'J': return push(Item(int64_t(number<int32_t>())));
      case 'K': return push(Item(int64_t(byte())));
      case 'M': return push(Item(int64_t(number<uint16_t>())));
      case 0x8a: return push(Item(long_integer(byte())));
      case 0x8b: return push(Item(long_integer(number<uint32_t>())));
      case 'G': {
        uint64_t bits = __builtin_bswap64(number<uint64_t>());
        double v;
        std::memcpy(&v, &bits, sizeof v);
        return push(Item(v));
      }
      case 'X': case 'B': case 'T': return push(Item(text(number<uint32_t>())));
      case 0x8c: case 'C': case 'U': return push(Item(text(byte())));
      case 0x8d: case 0x8e: return push(Item(text(number<uint64_t>())));
      case ']': return push_container(Item::list());
      case '}': return push_container(Item::dict());
      case ')': return push(make_tuple({}));
      case 't': return push(make_tuple(pop_to_mark()));
      case 0x85: case 0x86: case 0x87: {
        size_t n = size_t(op - 0x84);
        if (stack_.size() < n) bad("it takes from an empty stack");
        std::vector<Entry> parts(std::make_move_iterator(stack_.end() - ptrdiff_t(n)), std::make_move_iterator(stack_.end()));
        stack_.resize(stack_.size() - n);
        return push(make_tuple(std::move(parts)));
      }
      case 'l': {
        std::vector<Entry> parts = pop_to_mark();
        push_container(Item::list());
        return append_items(top().item, std::move(parts));
      }
      case 'd': {
        std::vector<Entry> parts = pop_to_mark();
        push_container(Item::dict());
        return set_items(top().item, std::move(parts));
      }
      case 'a': {
        std::vector<Entry> one;
        one.push_back(pop());
        return append_items(item_of(top()), std::move(one));
      }
      case 'e': {
        std::vector<Entry> parts = pop_to_mark();
        return append_items(item_of(top()), std::move(parts));
      }
      case 's': {
        std::vector<Entry> pair(2);
        pair[1] = pop();
        pair[0] = pop();
        return set_items(item_of(top()), std::move(pair));
      }
      case 'u': {
        std::vector<Entry> parts = pop_to_mark();
        return set_items(item_of(top()), std::move(parts));
      }
      case 'q': memo_[byte()] = top(); return;
      case 'r': memo_[number<uint32_t>()] = top(); return;
      case 0x94: memo_[memo_.size()] = top(); return;
      case 'h': return recall(byte());
      case 'j': return recall(number<uint32_t>());
      case 'c': {
        std::string module = line();
        return push_global(module, line());
      }
      case 0x93: {
        std::string name = pop_item().text();
        return push_global(pop_item().text(), name);
      }
      case 'R': return reduce();
      case 'b': return build();
      case 'Q': return persistent();
      default: bad(str("instruction ", int(op), " is not one of those that data needs"));
    }
  }
  void recall(uint64_t key) {
    auto found = memo_.find(key);
    if (found == memo_.end()) bad("it recalls what it has not stored");
    push(Entry(found->second));
  }

  static const void* identity(const Item& i) { return i.is_list() ? static_cast<const void*>(&i.items()) : i.is_dict() ? static_cast<const void*>(&i.pairs()) : nullptr; }

  /// RuntimeError if a container holds itself, or is nested more than a thousand times.
  void check_shape(const Item& root) {
    struct Frame {
      const Item* item;
      size_t next;
    };
    std::unordered_map<const void*, int> state;  // 1: being walked, 2: done
    std::vector<Frame> path;
    auto enter = [&](const Item& i) {
      const void* key = identity(i);
      if (!key) return;
      int& s = state[key];
      if (s == 1) bad("a container holds itself");
      if (s == 2) return;
      s = 1;
      path.push_back({&i, 0});
      if (path.size() > 1000) bad("it is nested too deeply");
    };
    enter(root);
    while (!path.empty()) {
      Frame& f = path.back();
      size_t count = f.item->is_list() ? f.item->items().size() : 2 * f.item->pairs().size();
      if (f.next == count) {
        state[identity(*f.item)] = 2;
        path.pop_back();
        continue;
      }
      size_t k = f.next++;
      if (f.item->is_list()) enter(f.item->items()[k]);
      else enter(k % 2 ? f.item->pairs()[k / 2].second : f.item->pairs()[k / 2].first);
    }
    for (const auto& [key, done] : state) reachable_.insert(key);
  }

  const uint8_t *at_, *end_;
  const std::string& path_;
  const std::function<IntrusivePtr<Storage>(const StorageRecord&)>& storage_;
  std::vector<Entry> stack_;
  std::unordered_map<uint64_t, Entry> memo_;
  std::unordered_map<const void*, std::vector<Entry>> arguments_;
  std::unordered_map<std::string, IntrusivePtr<Storage>> storages_;
  std::vector<Item> containers_;
  std::unordered_set<const void*> reachable_;
};

}  // namespace

Item read_pickle(const std::string& bytes, const std::string& path, const std::function<IntrusivePtr<Storage>(const StorageRecord&)>& storage) {
  try {
    return Machine(bytes, path, storage).run();
  } catch (const Error& e) {  // an item of another kind than the format says
    if (e.kind() != ErrorKind::Type) throw;
    fail(ErrorKind::Runtime, str(path, ": the pickle of the checkpoint cannot be read: ", e.message()));
  }
}

}  // namespace kagari::io
