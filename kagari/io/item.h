#pragma once
#include <memory>
#include <string_view>
#include <variant>

#include "kagari/tensor/named_tensors.h"

namespace kagari::io {

/// What a checkpoint holds: a tensor, a number, a text, or a list or dictionary of such. Copies share lists and dictionaries.
///
///   io::Item file = io::load("run.pt");
///   model.load_state_dict(file["model"].named_tensors());
///   int64_t epoch = file["epoch"].integer();
class KAGARI_API Item {
 public:
  using Pairs = std::vector<std::pair<Item, Item>>;
  using List = std::vector<Item>;

  Item() = default;  // None
  Item(bool value) : value_(value) {}
  Item(int64_t value) : value_(value) {}
  Item(int value) : value_(int64_t(value)) {}
  Item(double value) : value_(value) {}
  Item(std::string value) : value_(std::move(value)) {}
  Item(const char* value) : value_(std::string(value)) {}
  Item(Tensor value) : value_(std::move(value)) {}
  Item(const NamedTensors& tensors);
  static Item list(List items = {}, bool tuple = false);
  static Item dict(Pairs pairs = {}, bool ordered = false);

  bool is_none() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_integer() const { return std::holds_alternative<int64_t>(value_); }
  bool is_float() const { return std::holds_alternative<double>(value_); }
  bool is_text() const { return std::holds_alternative<std::string>(value_); }
  bool is_tensor() const { return std::holds_alternative<Tensor>(value_); }
  bool is_list() const { return std::holds_alternative<std::shared_ptr<Sequence>>(value_); }
  bool is_dict() const { return std::holds_alternative<std::shared_ptr<Mapping>>(value_); }

  // Each raises TypeError, with what it is instead, if the item is of another kind.
  bool boolean() const;
  int64_t integer() const;
  double number() const;  // an integer, too
  const std::string& text() const&;
  std::string text() && { return static_cast<const Item&>(*this).text(); }
  const Tensor& tensor() const&;
  Tensor tensor() && { return static_cast<const Item&>(*this).tensor(); }
  List& items() const&;
  Pairs& pairs() const&;
  // Of a temporary, copies: `for (const Item& i : load(path).items())` must not outlive it.
  List items() && { return static_cast<const Item&>(*this).items(); }
  Pairs pairs() && { return static_cast<const Item&>(*this).pairs(); }
  bool is_tuple() const;    // a list that is a tuple in Python
  bool is_ordered() const;  // a dictionary that is an OrderedDict in Python

  size_t size() const;  // of a list or dictionary
  /// The value of a key. KeyError, which lists the keys, if there is none.
  const Item& operator[](std::string_view key) const;
  const Item& operator[](const char* key) const { return (*this)[std::string_view(key)]; }
  const Item& operator[](int64_t key) const;  // of a list by position, of a dictionary by an integer key
  bool contains(std::string_view key) const;
  void set(Item key, Item value);
  void append(Item value);
  /// A dictionary of tensors in its order; values that are no tensors raise TypeError.
  NamedTensors named_tensors() const;
  /// "a tensor", "a dictionary"
  std::string_view kind() const;

 private:
  struct Sequence {
    List items;
    bool tuple;
  };
  struct Mapping {
    Pairs pairs;
    bool ordered;
  };
  std::variant<std::monostate, bool, int64_t, double, std::string, Tensor, std::shared_ptr<Sequence>, std::shared_ptr<Mapping>> value_;
};

}  // namespace kagari::io
