#include "kagari/ops/print.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <vector>

#include "kagari/autograd/variable.h"
#include "kagari/ops/quantization.h"
#include "kagari/tensor/sparse.h"

namespace kagari {
namespace {

/// Text of a floating number with `digits` behind the point. Infinities and NaN as Python writes them.
std::string fixed(double v, int64_t digits, char kind) {
  if (std::isnan(v)) return "nan";
  if (std::isinf(v)) return v < 0 ? "-inf" : "inf";
  char format[] = {'%', '.', '*', kind, 0};
  char buffer[400];
  int n = std::snprintf(buffer, sizeof buffer, format, int(digits), v);
  if (n < int(sizeof buffer)) return std::string(buffer, size_t(n));
  std::string long_text(size_t(n) + 1, '\0');
  std::snprintf(long_text.data(), long_text.size(), format, int(digits), v);
  long_text.resize(size_t(n));
  return long_text;
}

/// A way to write all numbers of a tensor at one width, chosen by looking at them.
class FloatStyle {
 public:
  FloatStyle(const std::vector<double>& values, const PrintOptions& o) : precision_(o.precision) {
    double least = 0, most = 0;
    for (double v : values) {
      if (!std::isfinite(v) || v == 0) continue;
      double size = std::abs(v);
      if (most == 0 || size < least) least = size;
      if (size > most) most = size;
      whole_ = whole_ && v == std::ceil(v);
    }
    if (most > 0) {
      scientific_ = o.sci_mode.value_or(most / least > 1000 || most > 1e8 || (!whole_ && least < 1e-4));
      for (double v : values)
        if (std::isfinite(v) && v != 0) width_ = std::max(width_, body(v).size());
    }
  }
  size_t width() const { return width_; }
  std::string operator()(double v) const {
    std::string text = body(v);
    if (text.size() < width_) text.insert(0, width_ - text.size(), ' ');
    return text;
  }

 private:
  std::string body(double v) const {
    if (scientific_) return fixed(v, precision_, 'e');
    if (!whole_) return fixed(v, precision_, 'f');
    std::string text = fixed(v, 0, 'f');
    if (std::isfinite(v)) text += '.';
    return text;
  }
  int64_t precision_;
  bool whole_ = true, scientific_ = false;
  size_t width_ = 1;
};

/// The shown elements of a tensor in order, and their text.
class Elements {
 public:
  Elements(const Tensor& t, const PrintOptions& o) : t_(t), options_(o), abbreviated_(double(t.numel()) > o.threshold) {
    collect(0, t.bytes());
    if (t.is_complex()) {
      FloatStyle real(real_, o), imag(imag_, o);
      width_ = real.width() + imag.width() + 1;
      for (size_t i = 0; i < real_.size(); ++i) {
        std::string tail = imag(imag_[i]) + "j";
        tail.erase(0, tail.find_first_not_of(' '));
        texts_.push_back(real(real_[i]) + (tail[0] == '-' || tail[0] == '+' ? "" : "+") + tail);
      }
    } else if (t.is_floating()) {
      FloatStyle style(real_, o);
      width_ = style.width();
      for (double v : real_) texts_.push_back(style(v));
    } else {
      width_ = 1;
      for (const std::string& s : texts_) width_ = std::max(width_, s.size());
      for (std::string& s : texts_) s.insert(0, width_ - s.size(), ' ');
    }
  }

  std::string text(int64_t dim, int64_t indent) {
    if (dim == t_.dim()) return texts_[next_++];
    const bool last = dim == t_.dim() - 1;
    std::vector<std::string> parts;
    const int64_t n = t_.sizes()[size_t(dim)];
    const bool gap = has_gap(dim);
    for (int64_t i = 0; i < (gap ? 2 * options_.edgeitems : n); ++i) {
      if (gap && i == options_.edgeitems) parts.push_back(last ? " ..." : "...");
      parts.push_back(text(dim + 1, indent + 1));
    }
    if (gap && options_.edgeitems == 0) parts.push_back("...");
    std::string out = "[";
    if (last) {
      int64_t per_line = std::max<int64_t>(1, (options_.linewidth - indent) / int64_t(width_ + 2));
      for (size_t i = 0; i < parts.size(); ++i) {
        if (i) out += int64_t(i) % per_line ? ", " : ",\n" + std::string(size_t(indent) + 1, ' ');
        out += parts[i];
      }
    } else {
      std::string between = "," + std::string(size_t(t_.dim() - dim - 1), '\n') + std::string(size_t(indent) + 1, ' ');
      for (size_t i = 0; i < parts.size(); ++i) {
        if (i) out += between;
        out += parts[i];
      }
    }
    return out + "]";
  }

 private:
  bool has_gap(int64_t dim) const { return abbreviated_ && t_.sizes()[size_t(dim)] > 2 * options_.edgeitems; }

  void collect(int64_t dim, const std::byte* p) {
    if (dim == t_.dim()) return read(p);
    const int64_t n = t_.sizes()[size_t(dim)], step = t_.strides()[size_t(dim)] * t_.itemsize();
    const bool gap = has_gap(dim);
    for (int64_t i = 0; i < n; ++i) {
      if (gap && i == options_.edgeitems) i = n - options_.edgeitems;
      if (i < n) collect(dim + 1, p + i * step);
    }
  }

  void read(const std::byte* p) {
    if (is_float8(t_.dtype())) {
      real_.push_back(double(float8_to_float(t_.dtype(), uint8_t(*p))));
      return;
    }
    if (t_.dtype() == DType::Complex32) {
      ComplexHalf v;
      std::memcpy(&v, p, sizeof v);
      real_.push_back(double(v.real));
      imag_.push_back(double(v.imag));
      return;
    }
    visit_all("repr", t_.dtype(), [&](auto e) {
      using T = decltype(e);
      T v;
      std::memcpy(&v, p, sizeof v);
      if constexpr (std::is_same_v<T, bool>) texts_.push_back(v ? "True" : "False");
      else if constexpr (std::is_integral_v<T>) texts_.push_back(std::to_string(v));
      else if constexpr (std::is_same_v<T, std::complex<float>> || std::is_same_v<T, std::complex<double>>) {
        real_.push_back(double(v.real()));
        imag_.push_back(double(v.imag()));
      } else {
        real_.push_back(double(v));
      }
    });
  }

  const Tensor& t_;
  const PrintOptions& options_;
  const bool abbreviated_;
  std::vector<double> real_, imag_;
  std::vector<std::string> texts_;
  size_t width_ = 1, next_ = 0;
};

/// "(2, 3)", "(2,)", "()"
std::string tuple_text(IntList sizes) {
  std::string out = "(";
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (i) out += ", ";
    out += std::to_string(sizes[i]);
  }
  return out + (sizes.size() == 1 ? ",)" : ")");
}

void add_autograd(std::vector<std::string>& suffixes, const Tensor& t) {
  if (IntrusivePtr<Node> node = grad_fn_of(t)) suffixes.push_back("grad_fn=<" + node->name() + ">");
  else if (t.requires_grad()) suffixes.push_back("requires_grad=True");
}

/// Appends the suffixes, on new lines where they would be too long (and at first, if asked).
std::string with_suffixes(std::string out, const std::vector<std::string>& suffixes, const PrintOptions& options, size_t indent, bool first_on_new_line) {
  const size_t newline = out.rfind('\n');
  int64_t line = int64_t(out.size()) - (newline == out.npos ? -1 : int64_t(newline)) + 1;
  for (const std::string& suffix : suffixes) {
    if (first_on_new_line || line + int64_t(suffix.size()) + 2 > options.linewidth) {
      out += ",\n" + std::string(indent, ' ') + suffix;
      line = int64_t(indent + suffix.size());
      first_on_new_line = false;
    } else {
      out += ", " + suffix;
      line += int64_t(suffix.size()) + 2;
    }
  }
  return out + ")";
}

/// "values=tensor([1., 2.])" for one part of a sparse tensor.
std::string part_text(const char* label, const Tensor& t, const PrintOptions& options, size_t indent) {
  std::string head = str(label, "=tensor(");
  if (t.numel() == 0) return str(head, "[], size=", tuple_text(t.sizes()), ")");
  return head + Elements(t, options).text(0, int64_t(indent + head.size())) + ")";
}

std::string sparse_text(const Tensor& t, const PrintOptions& options, std::string_view prefix) {
  const SparseParts& p = sparse_parts(t);
  const std::string between = ",\n" + std::string(prefix.size(), ' ');
  std::string out(prefix);
  if (p.is_coo()) {
    out += part_text("indices", p.indices, options, prefix.size());
  } else {
    out += part_text(p.by_rows() ? "crow_indices" : "ccol_indices", p.indices, options, prefix.size()) + between;
    out += part_text(p.by_rows() ? "col_indices" : "row_indices", p.plain, options, prefix.size());
  }
  out += between + part_text("values", p.values, options, prefix.size());
  std::vector<std::string> suffixes{"size=" + tuple_text(t.sizes()), str("nnz=", p.nnz())};
  const DType standard = default_dtype();
  if (t.dtype() != standard && t.dtype() != to_complex(standard) && t.dtype() != DType::Int64 && t.dtype() != DType::Bool) suffixes.push_back(str("dtype=torch.", name(t.dtype())));
  suffixes.push_back(str("layout=", python_name(p.layout)));
  add_autograd(suffixes, t);
  return with_suffixes(std::move(out), suffixes, options, prefix.size(), p.is_coo());
}

}  // namespace

PrintOptions& print_options() {
  static PrintOptions options;
  return options;
}

namespace {
/// As Python writes a float.
std::string python_float(double v) {
  char text[64];
  bool fixed = v == 0 || (std::abs(v) >= 1e-4 && std::abs(v) < 1e16);
  std::string out(text, std::to_chars(text, text + sizeof(text), v, fixed ? std::chars_format::fixed : std::chars_format::scientific).ptr);
  return fixed && out.find('.') == out.npos ? out + ".0" : out;
}

std::string quantized_text(const Tensor& t, const PrintOptions& options, std::string_view prefix) {
  const QuantizedParts& p = quantized_parts(t);
  std::vector<std::string> suffixes{"size=" + tuple_text(t.sizes()), str("dtype=torch.", quantized_name(t.dtype())),
                                    str("quantization_scheme=torch.", p.floating_zero_points() ? "per_channel_affine_float_qparams" : p.per_channel() ? "per_channel_affine" : "per_tensor_affine")};
  if (p.per_channel()) {
    suffixes.push_back("scale=" + to_text(p.scales, options, "tensor("));
    suffixes.push_back("zero_point=" + to_text(p.zero_points, options, "tensor("));
    suffixes.push_back(str("axis=", p.axis));
  } else {
    suffixes.push_back("scale=" + python_float(p.scale));
    suffixes.push_back(str("zero_point=", p.zero_point));
  }
  Tensor numbers = dequantize(t);
  std::string body = t.numel() == 0 ? "[]" : Elements(numbers, options).text(0, int64_t(prefix.size()));
  return with_suffixes(std::string(prefix) + body, suffixes, options, prefix.size(), false);
}
}  // namespace

std::string to_text(const Tensor& t, const PrintOptions& options, std::string_view prefix) {
  if (!t.defined()) return "tensor(undefined)";
  if (is_quantized(t)) return quantized_text(t, options, prefix);
  if (is_sparse(t)) return sparse_text(t, options, prefix);
  const DType standard = default_dtype();
  std::vector<std::string> suffixes;
  std::string body;
  auto add_dtype = [&] { suffixes.push_back(str("dtype=torch.", name(t.dtype()))); };
  if (!t.device().is_cpu()) suffixes.push_back("device='" + to_string(t.device()) + "'");
  if (t.is_meta()) {
    suffixes.push_back("size=" + tuple_text(t.sizes()));
    if (t.dtype() != standard) add_dtype();
    body = "...";
  } else if (t.numel() == 0) {
    if (t.dim() != 1) suffixes.push_back("size=" + tuple_text(t.sizes()));
    if (t.dtype() != standard) add_dtype();
    body = "[]";
  } else {
    if (t.dtype() != standard && t.dtype() != to_complex(standard) && t.dtype() != DType::Int64 && t.dtype() != DType::Bool) add_dtype();
    body = Elements(t, options).text(0, int64_t(prefix.size()));
  }
  add_autograd(suffixes, t);
  return with_suffixes(std::string(prefix) + body, suffixes, options, prefix.size(), false);
}

}  // namespace kagari
