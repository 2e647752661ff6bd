#pragma once
#include <string_view>
#include <tuple>
#include <vector>

#include "kagari/tensor/tensor.h"

namespace kagari {

class Generator;

/// How a new tensor is to be made: what the keyword arguments dtype, layout, device, pin_memory, requires_grad say.
struct TensorOptions {
  std::optional<DType> dtype;
  std::optional<Layout> layout;
  std::optional<Device> device;
  bool pin_memory = false;
  bool requires_grad = false;
};

/// An argument of an operator without its C++ type. It owns nothing: what it points to lives as long as the call.
struct Value {
  enum class Tag : uint8_t {
    None, Tensor, TensorList, Int, IntList, Float, FloatList, Bool, Scalar, String, DType, Device, Layout, MemoryFormat, Generator, Options
  };
  Tag tag = Tag::None;
  union {
    const Tensor* tensor;
    int64_t i;
    double d;
    bool b;
    const Scalar* scalar;
    kagari::DType dtype;
    kagari::Device device;
    kagari::Layout layout;
    kagari::MemoryFormat format;
    kagari::Generator* generator;
    const TensorOptions* options;
    struct {
      const void* data;
      size_t size;
    } list;
  };
  Value() : list{nullptr, 0} {}
  template <class T>
  ArrayView<T> view() const {
    return {static_cast<const T*>(list.data), list.size};
  }
};

/// What an operator returns, without its C++ type.
struct Result {
  enum class Kind : uint8_t { None, Tensor, Tuple, List, Int, Float, Bool, Scalar };
  Kind kind = Kind::None;
  Tensors tensors;
  Scalar scalar = 0;
};

/// What an operator returns that gives one tensor or a tuple of them, as its caller asks.
struct TensorOrTuple {
  bool tuple = false;
  std::vector<Tensor> tensors;
};

// Note [Boxing]: for each C++ parameter type, the name of its type in schemas, and the way into and out of Value.
namespace detail {
inline const Tensor undefined_tensor;

template <class T> struct Boxing;
#define KG_BOXING(type, tag_name, member, ...)                                                       \
  template <> struct Boxing<type> {                                                                  \
    static constexpr std::string_view names[] = {__VA_ARGS__};                                       \
    static type get(const Value& v) { return v.member; }                                             \
    static Value put(const type& x) { Value v; v.tag = Value::Tag::tag_name; v.member = x; return v; } \
  }
KG_BOXING(int64_t, Int, i, "int");
KG_BOXING(double, Float, d, "float");
KG_BOXING(bool, Bool, b, "bool");
KG_BOXING(DType, DType, dtype, "ScalarType");
KG_BOXING(Device, Device, device, "Device");
KG_BOXING(Layout, Layout, layout, "Layout");
KG_BOXING(MemoryFormat, MemoryFormat, format, "MemoryFormat");
#undef KG_BOXING
template <> struct Boxing<const Tensor&> {
  static constexpr std::string_view names[] = {"Tensor", "Tensor?", "Tensor|Scalar"};
  static const Tensor& get(const Value& v) { return v.tag == Value::Tag::None ? undefined_tensor : *v.tensor; }
  static Value put(const Tensor& x) {
    Value v;
    if (!x.defined()) return v;
    v.tag = Value::Tag::Tensor;
    v.tensor = &x;
    return v;
  }
};
template <> struct Boxing<const Scalar&> {
  static constexpr std::string_view names[] = {"Scalar"};
  static const Scalar& get(const Value& v) { return *v.scalar; }
  static Value put(const Scalar& x) {
    Value v;
    v.tag = Value::Tag::Scalar;
    v.scalar = &x;
    return v;
  }
};
template <> struct Boxing<const std::optional<Scalar>&> {
  static constexpr std::string_view names[] = {"Scalar?"};
  static std::optional<Scalar> get(const Value& v) { return v.tag == Value::Tag::None ? std::nullopt : std::optional<Scalar>(*v.scalar); }
  static Value put(const std::optional<Scalar>& x) { return x ? Boxing<const Scalar&>::put(*x) : Value(); }
};
template <> struct Boxing<std::string_view> {
  static constexpr std::string_view names[] = {"str"};
  static std::string_view get(const Value& v) { return {static_cast<const char*>(v.list.data), v.list.size}; }
  static Value put(std::string_view x) {
    Value v;
    v.tag = Value::Tag::String;
    v.list = {x.data(), x.size()};
    return v;
  }
};
template <> struct Boxing<Generator*> {
  static constexpr std::string_view names[] = {"Generator?"};
  static Generator* get(const Value& v) { return v.tag == Value::Tag::None ? nullptr : v.generator; }
  static Value put(Generator* x) {
    Value v;
    if (!x) return v;
    v.tag = Value::Tag::Generator;
    v.generator = x;
    return v;
  }
};
template <> struct Boxing<const TensorOptions&> {
  static constexpr std::string_view names[] = {"Options"};
  static const TensorOptions& get(const Value& v) { return *v.options; }
  static Value put(const TensorOptions& x) {
    Value v;
    v.tag = Value::Tag::Options;
    v.options = &x;
    return v;
  }
};
#define KG_BOXING_LIST(element, tag_name, ...)                                             \
  template <> struct Boxing<ArrayView<element>> {                                          \
    static constexpr std::string_view names[] = {__VA_ARGS__};                             \
    static ArrayView<element> get(const Value& v) { return v.view<element>(); }            \
    static Value put(ArrayView<element> x) {                                               \
      Value v;                                                                             \
      v.tag = Value::Tag::tag_name;                                                        \
      v.list = {x.data(), x.size()};                                                       \
      return v;                                                                            \
    }                                                                                      \
  }
KG_BOXING_LIST(int64_t, IntList, "int[]");
KG_BOXING_LIST(double, FloatList, "float[]");
KG_BOXING_LIST(Tensor, TensorList, "Tensor[]", "Tensor?[]");
#undef KG_BOXING_LIST
template <class T>
struct Boxing<std::optional<T>> {
  static constexpr std::string_view names[] = {Boxing<T>::names[0]};  // and a "?" behind, see matches()
  static std::optional<T> get(const Value& v) { return v.tag == Value::Tag::None ? std::nullopt : std::optional<T>(Boxing<T>::get(v)); }
  static Value put(const std::optional<T>& x) { return x ? Boxing<T>::put(*x) : Value(); }
};

template <class T> inline constexpr bool is_optional = false;
template <class T> inline constexpr bool is_optional<std::optional<T>> = true;

/// Whether a type in a schema, say "int[2]?", is what the C++ type stands for.
template <class T>
consteval bool matches(std::string_view token) {
  if constexpr (is_optional<T>) {
    if (token.empty() || token.back() != '?') return false;
    token.remove_suffix(1);
  }
  for (std::string_view known : Boxing<T>::names) {
    if (known == token) return true;
    if (known.ends_with("[]") && token.ends_with(']') && token.substr(0, token.find('[')) == known.substr(0, known.size() - 2) && token.find('?') == known.find('?')) return true;
  }
  return false;
}

template <class R> struct Returning {
  static void put(Result& out, R&& value);
};
template <> struct Returning<Tensor> {
  static constexpr size_t count = 1;
  static void put(Result& out, Tensor&& t) {
    out.kind = Result::Kind::Tensor;
    out.tensors.push_back(std::move(t));
  }
  static Tensor get(Result& r) { return std::move(r.tensors[0]); }
};
template <class... T> struct Returning<std::tuple<T...>> {
  static void put(Result& out, std::tuple<T...>&& ts) {
    out.kind = Result::Kind::Tuple;
    std::apply([&](auto&... t) { (out.tensors.push_back(std::move(t)), ...); }, ts);
  }
  static std::tuple<T...> get(Result& r) { return get(r, std::index_sequence_for<T...>()); }
  template <size_t... I>
  static std::tuple<T...> get(Result& r, std::index_sequence<I...>) { return std::tuple<T...>{std::move(r.tensors[I])...}; }
};
template <> struct Returning<std::vector<Tensor>> {
  static void put(Result& out, std::vector<Tensor>&& ts) {
    out.kind = Result::Kind::List;
    for (Tensor& t : ts) out.tensors.push_back(std::move(t));
  }
  static std::vector<Tensor> get(Result& r) { return {r.tensors.begin(), r.tensors.end()}; }
};
template <> struct Returning<TensorOrTuple> {
  static void put(Result& out, TensorOrTuple&& value) {
    out.kind = value.tuple ? Result::Kind::List : Result::Kind::Tensor;
    for (Tensor& t : value.tensors) out.tensors.push_back(std::move(t));
  }
  static TensorOrTuple get(Result& r) { return {r.kind == Result::Kind::List, {r.tensors.begin(), r.tensors.end()}}; }
};
#define KG_RETURNING(type, kind_name)                                                        \
  template <> struct Returning<type> {                                                       \
    static void put(Result& out, type value) {                                               \
      out.kind = Result::Kind::kind_name;                                                    \
      out.scalar = Scalar(value);                                                            \
    }                                                                                        \
    static type get(Result& r) { return r.scalar.to<type>(); }                               \
  }
KG_RETURNING(bool, Bool);
KG_RETURNING(int64_t, Int);
KG_RETURNING(double, Float);
#undef KG_RETURNING
template <> struct Returning<Scalar> {
  static void put(Result& out, Scalar value) {
    out.kind = Result::Kind::Scalar;
    out.scalar = value;
  }
  static Scalar get(Result& r) { return r.scalar; }
};

}  // namespace detail
}  // namespace kagari
