// Reductions of segments of different lengths along an axis.
#include <cmath>
#include <limits>

#include "kagari/op/op.h"
#include "kagari/ops/copy.h"
#include "kagari/ops/views.h"

namespace kagari {
namespace {

using MaybeScalar = std::optional<Scalar>;

// data is seen as (outer, axis, inner); every outer row has its own `segments` boundaries.
struct Segments {
  int64_t outer = 1, axis = 0, inner = 1, segments = 0;
  std::vector<int64_t> begin, end;  // outer * segments
  Ints sizes;                       // of the result
};

Segments segments_of(const Tensor& data, const Tensor& lengths, const Tensor& offsets, int64_t axis, bool unsafe) {
  const Tensor& given = offsets.defined() ? offsets : lengths;
  KG_CHECK(given.defined(), "segment_reduce(): Either lengths or offsets must be defined.");
  KG_CHECK(given.dim() >= 1 && data.dim() >= given.dim(), "segment_reduce(): expected data with at least as many dimensions as ", offsets.defined() ? "offsets" : "lengths", ", but got ", data.sizes(),
           " and ", given.sizes());
  axis = wrap_dim(axis, data.dim());
  KG_CHECK(axis == given.dim() - 1, "segment_reduce(): Expected axis to be the last dimension of ", offsets.defined() ? "offsets" : "lengths", " but got ", axis, ".");
  KG_CHECK_IMPLEMENTED(given.dtype() == DType::Int64 || given.dtype() == DType::Int32, "\"_segment_reduce_", offsets.defined() ? "offsets" : "lengths", "_cpu_kernel1\" not implemented for '",
                       legacy_name(given.dtype()), "'");
  Segments s;
  for (int64_t d = 0; d < axis; ++d) {
    KG_CHECK(given.sizes()[size_t(d)] == data.sizes()[size_t(d)], "segment_reduce(): expected the leading sizes of data ", data.sizes(), " and of the segments ", given.sizes(), " to be equal");
    s.outer *= data.sizes()[size_t(d)];
  }
  s.axis = data.sizes()[size_t(axis)];
  for (int64_t d = axis + 1; d < data.dim(); ++d) s.inner *= data.sizes()[size_t(d)];
  int64_t columns = given.sizes().back();
  KG_CHECK(!offsets.defined() || columns > 0, "segment_reduce(): offsets must have at least one entry");
  s.segments = offsets.defined() ? columns - 1 : columns;
  s.sizes = Ints(data.sizes());
  s.sizes[size_t(axis)] = s.segments;
  Tensor numbers = contiguous(to(given, DType::Int64));
  const int64_t* p = numbers.data<int64_t>();
  for (int64_t o = 0; o < s.outer; ++o) {
    int64_t at = 0;
    for (int64_t k = 0; k < s.segments; ++k) {
      int64_t first = offsets.defined() ? p[o * columns + k] : at;
      int64_t last = offsets.defined() ? p[o * columns + k + 1] : at + p[o * columns + k];
      KG_CHECK(last >= first, offsets.defined() ? "offsets contains a decreasing pair!" : "lengths contains negative value!");
      KG_CHECK(first >= 0 && last <= s.axis, "segment_reduce(): Expected all rows of ", offsets.defined() ? "offsets" : "lengths along axis to sum to data.size(lengths.dim()-1)",
               offsets.defined() ? " to lie inside data" : " when !unsafe.");
      s.begin.push_back(first);
      s.end.push_back(last);
      at = last;
    }
    KG_CHECK(unsafe || offsets.defined() || at == s.axis, "segment_reduce(): Expected all rows of lengths along axis to sum to data.size(lengths.dim()-1) when !unsafe.");
  }
  return s;
}

enum class Reduce { Sum, Mean, Max, Min, Prod };
Reduce reduce_of(std::string_view name) {
  if (name == "sum") return Reduce::Sum;
  if (name == "mean") return Reduce::Mean;
  if (name == "max" || name == "amax") return Reduce::Max;
  if (name == "min" || name == "amin") return Reduce::Min;
  KG_CHECK(name == "prod", "reduce argument must be either sum, prod, mean, amax or amin, got ", name);
  return Reduce::Prod;
}

template <class A>
A combined(Reduce r, A a, A b) {
  if (r == Reduce::Max) return b != b || b > a ? b : a;
  if (r == Reduce::Min) return b != b || b < a ? b : a;
  return r == Reduce::Prod ? a * b : a + b;
}

Tensor segment_reduce(const Tensor& data, std::string_view reduce, const Tensor& lengths, const Tensor& indices, const Tensor& offsets, int64_t axis, bool unsafe, const MaybeScalar& initial);
Tensor segment_reduce_backward(const Tensor& grad, const Tensor& output, const Tensor& data, std::string_view reduce, const Tensor& lengths, const Tensor& offsets, int64_t axis, const MaybeScalar& initial);

Tensor run_reduce(const Tensor& data, std::string_view name, const Tensor& lengths, const Tensor& offsets, int64_t axis, bool unsafe, const MaybeScalar& initial) {
  Reduce r = reduce_of(name);
  KG_CHECK_IMPLEMENTED(is_floating(data.dtype()) && !is_float8(data.dtype()), "\"_segment_reduce_cpu\" not implemented for '", legacy_name(data.dtype()), "'");
  Segments s = segments_of(data, lengths, offsets, axis, unsafe);
  Tensor y = empty_tensor(s.sizes, data.dtype(), data.device()), x = contiguous(data);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  double start = initial ? initial->to_double() : r == Reduce::Max ? -infinity : r == Reduce::Min ? infinity : r == Reduce::Prod ? 1 : 0;
  visit_floats_and_halfs("_segment_reduce_cpu", data.dtype(), [&]<class T>(T) {
    using A = std::conditional_t<std::is_same_v<T, double>, double, float>;
    for (int64_t o = 0; o < s.outer; ++o)
      for (int64_t k = 0; k < s.segments; ++k)
        for (int64_t i = 0; i < s.inner; ++i) {
          int64_t at = o * s.segments + k, n = s.end[size_t(at)] - s.begin[size_t(at)];
          A value = A(start);
          for (int64_t j = s.begin[size_t(at)]; j < s.end[size_t(at)]; ++j) value = combined(r, value, A(x.data<T>()[(o * s.axis + j) * s.inner + i]));
          if (r == Reduce::Mean) value = n ? value / A(n) : initial ? value : A(NAN);
          y.data<T>()[at * s.inner + i] = T(value);
        }
  });
  return y;
}

const auto segment_reduce_op = define<&segment_reduce>({
    .schema = "segment_reduce(Tensor data, str reduce, *, Tensor? lengths=None, Tensor? indices=None, Tensor? offsets=None, int axis=0, bool unsafe=False, Scalar? initial=None) -> Tensor",
    .in = kFunction,
    .traits = kReadsValues,
    .aliases = "_segment_reduce",
    .doc = "The sum, mean, max, min or prod of consecutive segments along `axis`, which have the given lengths or lie between the given offsets. `initial` is "
           "combined with each segment and is the result of empty ones.",
    .run = [](Out&, const Tensor& data, std::string_view reduce, const Tensor& lengths, const Tensor& indices, const Tensor& offsets, int64_t axis, bool unsafe, const MaybeScalar& initial) {
      KG_CHECK(!indices.defined(), "segment_reduce(): indices based reduction is not supported yet.");
      return run_reduce(data, reduce, lengths, offsets, axis, unsafe, initial);
    },
    .grad = vjp("data lengths offsets out", [](Ctx& c, const Tensor& data, std::string_view reduce, const Tensor& lengths, const Tensor&, const Tensor& offsets, int64_t axis, bool,
                                               const MaybeScalar& initial) -> Grads {
      return {segment_reduce_backward(c.grad, c.out(), data, reduce, lengths, offsets, axis, initial), Tensor(), Tensor(), Tensor()};
    }),
});
Tensor segment_reduce(const Tensor& data, std::string_view reduce, const Tensor& lengths, const Tensor& indices, const Tensor& offsets, int64_t axis, bool unsafe, const MaybeScalar& initial) {
  return segment_reduce_op(data, reduce, lengths, indices, offsets, axis, unsafe, initial);
}

Tensor run_backward(const Tensor& grad, const Tensor& output, const Tensor& data, std::string_view name, const Tensor& lengths, const Tensor& offsets, int64_t axis, const MaybeScalar& initial) {
  Reduce r = reduce_of(name);
  Segments s = segments_of(data, lengths, offsets, axis, true);
  Tensor x = contiguous(data), g = contiguous(grad), y = contiguous(output), gx = empty_tensor(data.sizes(), data.dtype(), data.device());
  zero_(gx);
  visit_floats_and_halfs("_segment_reduce_cpu", data.dtype(), [&]<class T>(T) {
    using A = std::conditional_t<std::is_same_v<T, double>, double, float>;
    const A first = A(initial ? initial->to_double() : 1);
    for (int64_t o = 0; o < s.outer; ++o)
      for (int64_t k = 0; k < s.segments; ++k)
        for (int64_t i = 0; i < s.inner; ++i) {
          int64_t at = o * s.segments + k, begin = s.begin[size_t(at)], end = s.end[size_t(at)];
          auto place = [&](int64_t j) { return (o * s.axis + j) * s.inner + i; };
          A incoming = A(g.data<T>()[at * s.inner + i]), out = A(y.data<T>()[at * s.inner + i]);
          auto chosen = [&](A v) { return v == out || (v != v && out != out); };
          int64_t ties = 0;
          for (int64_t j = begin; j < end; ++j) ties += chosen(A(x.data<T>()[place(j)]));
          for (int64_t j = begin; j < end; ++j) {
            A v = A(x.data<T>()[place(j)]), slope = 1;
            if (r == Reduce::Mean) slope = A(1) / A(end - begin);
            if (r == Reduce::Max || r == Reduce::Min) slope = chosen(v) ? A(1) / A(ties) : A(0);
            if (r == Reduce::Prod) {  // of the others, so that zeros do no harm
              slope = first;
              for (int64_t m = begin; m < end; ++m)
                if (m != j) slope *= A(x.data<T>()[place(m)]);
            }
            gx.data<T>()[place(j)] = T(incoming * slope);
          }
        }
  });
  return gx;
}
const auto segment_reduce_backward_op = define<&segment_reduce_backward>({
    .schema = "_segment_reduce_backward(Tensor grad, Tensor output, Tensor data, str reduce, Tensor? lengths, Tensor? offsets, int axis, Scalar? initial) -> Tensor",
    .in = kPrivate,
    .doc = "The gradient of segment_reduce.",
    .run = [](Out&, const Tensor& grad, const Tensor& output, const Tensor& data, std::string_view reduce, const Tensor& lengths, const Tensor& offsets, int64_t axis,
              const MaybeScalar& initial) { return run_backward(grad, output, data, reduce, lengths, offsets, axis, initial); },
    .grad = no_grad("the second derivative of segment_reduce is not implemented"),
});
Tensor segment_reduce_backward(const Tensor& grad, const Tensor& output, const Tensor& data, std::string_view reduce, const Tensor& lengths, const Tensor& offsets, int64_t axis,
                               const MaybeScalar& initial) {
  return segment_reduce_backward_op(grad, output, data, reduce, lengths, offsets, axis, initial);
}

}  // namespace
}  // namespace kagari
