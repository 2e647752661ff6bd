#include "kagari/io/item.h"

namespace kagari::io {

Item::Item(const NamedTensors& tensors) {
  Pairs pairs;
  for (const auto& [name, tensor] : tensors) pairs.emplace_back(name, tensor);
  *this = dict(std::move(pairs), true);
}
Item Item::list(List items, bool tuple) {
  Item made;
  made.value_ = std::make_shared<Sequence>(Sequence{std::move(items), tuple});
  return made;
}
Item Item::dict(Pairs pairs, bool ordered) {
  Item made;
  made.value_ = std::make_shared<Mapping>(Mapping{std::move(pairs), ordered});
  return made;
}

std::string_view Item::kind() const {
  static constexpr std::string_view kinds[] = {"None", "a bool", "an integer", "a floating number", "a text", "a tensor", "a list", "a dictionary"};
  return kinds[value_.index()];
}

#define KG_GET(type, what)                                                                \
  [&]() -> const auto& {                                                                  \
    const auto* found = std::get_if<type>(&value_);                                       \
    KG_CHECK_TYPE(found, "the item of the checkpoint is ", kind(), ", not ", what);       \
    return *found;                                                                        \
  }()
bool Item::boolean() const { return KG_GET(bool, "a bool"); }
int64_t Item::integer() const { return KG_GET(int64_t, "an integer"); }
double Item::number() const { return is_integer() ? double(integer()) : KG_GET(double, "a number"); }
const std::string& Item::text() const& { return KG_GET(std::string, "a text"); }
const Tensor& Item::tensor() const& { return KG_GET(Tensor, "a tensor"); }
Item::List& Item::items() const& { return KG_GET(std::shared_ptr<Sequence>, "a list")->items; }
Item::Pairs& Item::pairs() const& { return KG_GET(std::shared_ptr<Mapping>, "a dictionary")->pairs; }
bool Item::is_tuple() const { return is_list() && KG_GET(std::shared_ptr<Sequence>, "a list")->tuple; }
bool Item::is_ordered() const { return is_dict() && KG_GET(std::shared_ptr<Mapping>, "a dictionary")->ordered; }
#undef KG_GET

size_t Item::size() const { return is_list() ? items().size() : pairs().size(); }

namespace {
const Item* value_of(const Item::Pairs& pairs, std::string_view key) {
  for (size_t i = pairs.size(); i-- > 0;)  // of equal keys the last one counts
    if (pairs[i].first.is_text() && pairs[i].first.text() == key) return &pairs[i].second;
  return nullptr;
}
}  // namespace

const Item& Item::operator[](std::string_view key) const {
  if (const Item* found = value_of(pairs(), key)) return *found;
  std::string keys;
  for (const auto& [k, v] : pairs()) {
    if (keys.size() > 200) {
      keys += ", ...";
      break;
    }
    if (!keys.empty()) keys += ", ";
    keys += k.is_text() ? k.text() : k.is_integer() ? std::to_string(k.integer()) : std::string(k.kind());
  }
  fail(ErrorKind::Key, str("the checkpoint has no key '", key, "'; it has ", keys.empty() ? "none" : keys));
}
const Item& Item::operator[](int64_t key) const {
  if (is_list()) {
    KG_CHECK_INDEX(key >= 0 && key < int64_t(items().size()), "position ", key, " is out of range of a list of ", items().size());
    return items()[size_t(key)];
  }
  for (const auto& [k, v] : pairs())
    if (k.is_integer() && k.integer() == key) return v;
  fail(ErrorKind::Key, str("the checkpoint has no key ", key));
}
bool Item::contains(std::string_view key) const { return is_dict() && value_of(pairs(), key); }

void Item::set(Item key, Item value) {
  for (auto& [k, v] : pairs())
    if ((k.is_text() && key.is_text() && k.text() == key.text()) || (k.is_integer() && key.is_integer() && k.integer() == key.integer())) {
      v = std::move(value);
      return;
    }
  pairs().emplace_back(std::move(key), std::move(value));
}
void Item::append(Item value) { items().push_back(std::move(value)); }

NamedTensors Item::named_tensors() const {
  NamedTensors out;
  for (const auto& [k, v] : pairs()) {
    KG_CHECK_TYPE(k.is_text() && v.is_tensor(), "expected a dictionary of tensors, but ", k.is_text() ? str("'", k.text(), "'") : str("a key that is ", k.kind()), " leads to ", v.kind());
    out.emplace_back(k.text(), v.tensor());
  }
  return out;
}

}  // namespace kagari::io
