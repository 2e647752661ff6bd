#include "kagari/op/schema.h"

#include <charconv>
#include <limits>

namespace kagari {
namespace {

std::string_view trim(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}

std::vector<std::string_view> split(std::string_view s) {
  std::vector<std::string_view> out;
  int depth = 0;
  size_t start = 0;
  for (size_t i = 0; i <= s.size(); ++i) {
    if (i < s.size() && (s[i] == '[' || s[i] == '(')) ++depth;
    if (i < s.size() && (s[i] == ']' || s[i] == ')')) --depth;
    if (i == s.size() || (s[i] == ',' && depth == 0)) {
      if (auto part = trim(s.substr(start, i - start)); !part.empty()) out.push_back(part);
      start = i + 1;
    }
  }
  return out;
}

double number(std::string_view s) {
  if (s == "inf") return std::numeric_limits<double>::infinity();
  if (s == "-inf") return -std::numeric_limits<double>::infinity();
  if (s == "nan") return std::numeric_limits<double>::quiet_NaN();
  double v = 0;
  auto end = std::from_chars(s.data(), s.data() + s.size(), v);
  KG_CHECK(end.ptr == s.data() + s.size(), "schema: cannot read the number ", s);
  return v;
}

bool is_integer_text(std::string_view s) { return s.find_first_of(".ein") == s.npos; }

void parse_type(Argument& a) {
  std::string_view t = a.type;
  if (t == "Tensor|Scalar") {
    a.accepts_number = true;
    t = "Tensor";
  }
  if (t.ends_with('?')) {
    a.optional = true;
    t.remove_suffix(1);
  }
  bool list = t.ends_with(']');
  if (list) {
    size_t open = t.find('[');
    std::string_view n = t.substr(open + 1, t.size() - open - 2);
    if (!n.empty()) std::from_chars(n.data(), n.data() + n.size(), a.fixed_size);
    t = t.substr(0, open);
    if (t.ends_with('?')) {
      a.optional_items = true;
      t.remove_suffix(1);
    }
  }
  using Tag = Value::Tag;
  static constexpr std::pair<std::string_view, Tag> tags[] = {
      {"Tensor", Tag::Tensor}, {"int", Tag::Int}, {"float", Tag::Float}, {"bool", Tag::Bool}, {"Scalar", Tag::Scalar}, {"str", Tag::String},
      {"ScalarType", Tag::DType}, {"Device", Tag::Device}, {"Layout", Tag::Layout}, {"MemoryFormat", Tag::MemoryFormat},
      {"Generator", Tag::Generator}, {"Options", Tag::Options}};
  for (auto [known, tag] : tags)
    if (known == t) a.tag = tag;
  KG_CHECK(a.tag != Tag::None, "schema: unknown type ", a.type);
  if (list) a.tag = a.tag == Tag::Tensor ? Tag::TensorList : a.tag == Tag::Int ? Tag::IntList : Tag::FloatList;
}

void parse_default(Argument& a, std::string_view text) {
  using Tag = Value::Tag;
  a.has_default = true;
  a.default_text = text;
  Value& v = a.default_value;
  if (text == "None") return;
  v.tag = a.tag;
  switch (a.tag) {
    case Tag::Int: v.i = text == "reduction_mean" ? 1 : int64_t(number(text)); break;
    case Tag::Float: v.d = number(text); break;
    case Tag::Bool: v.b = text == "True"; break;
    case Tag::Scalar:
      a.default_scalar = text == "True" || text == "False" ? Scalar(text == "True") : is_integer_text(text) ? Scalar(int64_t(number(text))) : Scalar(number(text));
      break;
    case Tag::String:
      text = text.substr(1, text.size() - 2);
      v.list = {text.data(), text.size()};
      break;
    case Tag::IntList:
      if (text.front() == '[') {
        for (auto item : split(text.substr(1, text.size() - 2))) a.default_ints.push_back(int64_t(number(item)));
      } else {
        a.default_ints.assign(size_t(std::max(a.fixed_size, 1)), int64_t(number(text)));
      }
      break;
    case Tag::MemoryFormat: v.format = text == "contiguous_format" ? MemoryFormat::Contiguous : MemoryFormat::Preserve; break;
    case Tag::DType: {
      auto d = dtype_from_name(text);
      KG_CHECK(d, "schema: unknown dtype ", text);
      v.dtype = *d;
      break;
    }
    default: fail(ErrorKind::Internal, str("schema: a default for ", a.type, " is not supported: ", text));
  }
}

}  // namespace

Schema::Schema(std::string_view t) : text(t) {
  size_t open = t.find('('), arrow = t.rfind(" -> ");
  KG_CHECK(open != t.npos && arrow != t.npos, "schema: expected `name(...) -> type`: ", t);
  name = t.substr(0, open);
  if (size_t dot = name.find('.'); dot != name.npos) {
    overload = name.substr(dot + 1);
    name = name.substr(0, dot);
  }
  returns = trim(t.substr(arrow + 4));
  if (returns.starts_with('('))
    for (auto item : split(returns.substr(1, returns.size() - 2)))
      if (size_t space = item.find(' '); space != item.npos) return_names.push_back(item.substr(space + 1));
  bool keyword_only = false;
  for (auto item : split(t.substr(open + 1, arrow - open - 2))) {
    if (item == "*") {
      keyword_only = true;
      continue;
    }
    Argument& a = arguments.emplace_back();
    a.keyword_only = keyword_only;
    size_t space = item.find(' '), equals = item.find('=');
    a.type = item.substr(0, space);
    a.name = item.substr(space + 1, equals == item.npos ? item.npos : equals - space - 1);
    parse_type(a);
    if (equals != item.npos) parse_default(a, item.substr(equals + 1));
    if (a.tag == Value::Tag::Options) a.has_default = true;
    if (!keyword_only) ++positional;
  }
  // the vector has its final place: defaults may point into its elements
  for (Argument& a : arguments) {
    if (a.default_value.tag == Value::Tag::IntList) a.default_value.list = {a.default_ints.data(), a.default_ints.size()};
    if (a.default_scalar) a.default_value.scalar = &*a.default_scalar;
  }
}

}  // namespace kagari
