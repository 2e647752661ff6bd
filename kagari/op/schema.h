#pragma once
#include <memory>
#include <string>
#include <vector>

#include "kagari/op/value.h"

namespace kagari {

/// One parameter of a schema.
struct Argument {
  std::string_view name, type;  // "dim", "int[1]?"
  Value::Tag tag = Value::Tag::None;
  bool optional = false;        // None is accepted
  bool optional_items = false;  // Tensor?[]
  bool accepts_number = false;  // "Tensor|Scalar"
  bool keyword_only = false;
  bool has_default = false;
  int fixed_size = -1;          // int[2]: a lone int stands for this many
  Value default_value;
  std::string_view default_text;
  // what default_value points to
  std::vector<int64_t> default_ints;
  std::optional<Scalar> default_scalar;
};

/// A parsed `name.overload(Type arg=default, *, Type kwarg=default) -> Type`. The text must outlive it.
struct KAGARI_API Schema {
  explicit Schema(std::string_view text);
  std::string_view text, name, overload, returns;
  std::vector<Argument> arguments;
  std::vector<std::string_view> return_names;  // of "-> (Tensor values, Tensor indices)", else empty
  size_t positional = 0;                       // arguments before "*"
};

}  // namespace kagari
