#include <vector>

#include "kagari/ops/arithmetic.h"
#include "kagari/ops/matmul.h"
#include "kagari/ops/reduce.h"
#include "kagari/ops/views.h"
#include "kagari/op/op.h"

namespace kagari {
namespace {

const auto tensordot_op = compose<&tensordot>({
    .schema = "_tensordot(Tensor self, Tensor other, int[] dims_self, int[] dims_other) -> Tensor",
    .in = kPrivate | kOut,
    .doc = "Sums of products over pairs of dimensions; torch.tensordot with its dimensions spelled out.",
    .body = [](const Tensor& self, const Tensor& other, IntList dims_self, IntList dims_other) {
      KG_CHECK(dims_self.size() == dims_other.size(), "both dimension lists should have same length");
      Tensor a = self, b = other;
      Ints da, db;
      for (int64_t d : dims_self) da.push_back(wrap_dim(d, a.dim()));
      for (int64_t d : dims_other) db.push_back(wrap_dim(d, b.dim()));
      for (size_t i = 0; i < da.size(); ++i) {
        int64_t x = a.sizes()[da[i]], y = b.sizes()[db[i]], one[] = {da[i]}, other_one[] = {db[i]};
        if (y == 1 && x != 1) a = sum(a, IntList(one, 1), true);
        else if (x == 1 && y != 1) b = sum(b, IntList(other_one, 1), true);
        else KG_CHECK(x == y, "contracted dimensions need to match, but first has size ", x, " in dim ", da[i], " and second has size ", y, " in dim ", db[i]);
      }
      auto rest = [](const Tensor& t, const Ints& taken, Ints& order, Ints& sizes, bool taken_last) {
        int64_t inner = 1, outer = 1;
        Ints free;
        for (int64_t d = 0; d < t.dim(); ++d)
          if (std::find(taken.begin(), taken.end(), d) == taken.end()) {
            free.push_back(d);
            sizes.push_back(t.sizes()[d]);
            outer *= t.sizes()[d];
          }
        for (int64_t d : taken) inner *= t.sizes()[d];
        order = taken_last ? free : taken;
        for (int64_t d : taken_last ? taken : free) order.push_back(d);
        return std::pair(outer, inner);
      };
      Ints order_a, order_b, sizes;
      auto [m, k] = rest(a, da, order_a, sizes, true);
      auto [n, k2] = rest(b, db, order_b, sizes, false);
      (void)k2;
      return reshape(mm(reshape(permute(a, order_a), {m, k}), reshape(permute(b, order_b), {k, n})), sizes);
    },
});

constexpr int ellipsis_label = 64;  // the j-th broadcast dimension, from the back, has label 64 + j

/// Labels of one term of the equation: letters as 0..51, the ellipsis expanded for `dims` dimensions (-1: not known).
std::vector<int> labels_of(std::string_view term, int64_t dims, int64_t ellipsis_dims) {
  std::vector<int> out;
  for (size_t i = 0; i < term.size(); ++i) {
    char c = term[i];
    if (c == ' ') continue;
    if (c == '.') {
      KG_CHECK(term.substr(i, 3) == "...", "einsum(): found '.' that is not part of any ellipsis");
      for (int64_t j = ellipsis_dims; j-- > 0;) out.push_back(ellipsis_label + int(j));
      i += 2;
      continue;
    }
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    KG_CHECK(letter, "einsum(): invalid subscript given at index ", i, " in the equation string, subscripts must be in [a-zA-Z]");
    out.push_back(c >= 'a' ? c - 'a' + 26 : c - 'A');
  }
  KG_CHECK(dims < 0 || int64_t(out.size()) == dims, "einsum(): the number of subscripts in the equation (", out.size(), ") does not match the number of dimensions (", dims,
           ") for an operand");
  return out;
}

struct Operand {
  Tensor tensor;
  std::vector<int> labels;
  bool has(int label) const { return std::find(labels.begin(), labels.end(), label) != labels.end(); }
  int64_t size(int label) const {
    auto at = std::find(labels.begin(), labels.end(), label);
    return at == labels.end() ? 1 : tensor.sizes()[size_t(at - labels.begin())];
  }
};

/// Takes the diagonal of repeated labels.
void merge_repeated(Operand& o) {
  for (size_t i = 0; i < o.labels.size(); ++i)
    for (size_t j = i + 1; j < o.labels.size();) {
      if (o.labels[i] != o.labels[j]) {
        ++j;
        continue;
      }
      KG_CHECK(o.tensor.sizes()[i] == o.tensor.sizes()[j], "einsum(): subscript is repeated for an operand but the sizes don't match, ", o.tensor.sizes()[i], " != ", o.tensor.sizes()[j]);
      o.tensor = movedim(diagonal(o.tensor, 0, int64_t(i), int64_t(j)), {-1}, {int64_t(i)});
      o.labels.erase(o.labels.begin() + long(j));
    }
}

void sum_out(Operand& o, auto&& keep) {
  Ints dims;
  std::vector<int> left;
  for (size_t i = 0; i < o.labels.size(); ++i) {
    if (keep(o.labels[i])) left.push_back(o.labels[i]);
    else dims.push_back(int64_t(i));
  }
  if (dims.empty()) return;
  o.tensor = sum(o.tensor, IntList(dims));
  o.labels = left;
}

/// Permutes to `wanted`, with size-1 dimensions for labels that are missing.
Tensor arranged(const Operand& o, const std::vector<int>& wanted) {
  Ints order, sizes;
  for (int label : wanted)
    if (o.has(label)) order.push_back(std::find(o.labels.begin(), o.labels.end(), label) - o.labels.begin());
  for (int label : wanted) sizes.push_back(o.size(label));
  Tensor p = permute(o.tensor, order);
  return p.sizes() == IntList(sizes) ? p : reshape(p, sizes);
}

Operand contract(const Operand& a, const Operand& b, auto&& needed_later) {
  std::vector<int> batch, only_a, only_b, summed;
  for (int l : a.labels) {
    bool kept = needed_later(l);
    if (!b.has(l)) only_a.push_back(l);
    else if (kept || a.size(l) == 1 || b.size(l) == 1) batch.push_back(l);  // size 1 broadcasts
    else summed.push_back(l);
  }
  for (int l : b.labels)
    if (!a.has(l)) only_b.push_back(l);
  for (int l : summed)
    KG_CHECK(a.size(l) == b.size(l), "einsum(): operands do not broadcast with remapped shapes [original->remapped]: ", a.tensor.sizes(), " ", b.tensor.sizes());
  Operand out;
  if (summed.empty()) {
    std::vector<int> all = batch;
    all.insert(all.end(), only_a.begin(), only_a.end());
    all.insert(all.end(), only_b.begin(), only_b.end());
    out.tensor = mul(arranged(a, all), arranged(b, all));
    out.labels = all;
    return out;
  }
  auto join = [](std::initializer_list<const std::vector<int>*> parts) {
    std::vector<int> all;
    for (auto* p : parts) all.insert(all.end(), p->begin(), p->end());
    return all;
  };
  auto product = [](const Operand& o, const std::vector<int>& ls) {
    int64_t n = 1;
    for (int l : ls) n *= o.size(l);
    return n;
  };
  Ints batch_sizes;
  for (int l : batch) batch_sizes.push_back(std::max(a.size(l), b.size(l)));
  auto expanded = [&](const Operand& o, std::vector<int> order, int64_t rows, int64_t columns) {
    Tensor t = arranged(o, order);
    Ints full(t.sizes().begin(), t.sizes().end());
    for (size_t i = 0; i < batch.size(); ++i) {
      KG_CHECK(full[i] == batch_sizes[i] || full[i] == 1, "einsum(): operands do not broadcast with remapped shapes [original->remapped]: ", a.tensor.sizes(), " ", b.tensor.sizes());
      full[i] = batch_sizes[i];
    }
    if (t.sizes() != IntList(full)) t = expand(t, full);
    return reshape(t, {numel_of(batch_sizes), rows, columns});
  };
  int64_t m = product(a, only_a), n = product(b, only_b), k = product(a, summed);
  Tensor x = expanded(a, join({&batch, &only_a, &summed}), m, k), y = expanded(b, join({&batch, &summed, &only_b}), k, n);
  Ints sizes = batch_sizes;
  for (int l : only_a) sizes.push_back(a.size(l));
  for (int l : only_b) sizes.push_back(b.size(l));
  out.tensor = reshape(bmm(x, y), sizes);
  out.labels = join({&batch, &only_a, &only_b});
  return out;
}

const auto einsum_op = compose<&einsum>({
    .schema = "_einsum(str equation, Tensor[] operands) -> Tensor",
    .in = kPrivate,
    .doc = "Einstein's summation convention: torch.einsum with its operands in a list.",
    .body = [](std::string_view equation, TensorList operands) {
      KG_CHECK(!operands.empty(), "einsum(): must provide at least one operand");
      size_t arrow = equation.find("->");
      std::string_view left = equation.substr(0, arrow);
      std::vector<std::string_view> terms;
      for (size_t start = 0;;) {
        size_t comma = left.find(',', start);
        terms.push_back(left.substr(start, comma == left.npos ? comma : comma - start));
        if (comma == left.npos) break;
        start = comma + 1;
      }
      KG_CHECK(terms.size() >= operands.size(), "einsum(): more operands were provided than specified in the equation");
      KG_CHECK(terms.size() <= operands.size(), "einsum(): fewer operands were provided than specified in the equation");
      int64_t ellipsis = 0;
      std::vector<int64_t> own(operands.size(), 0);
      for (size_t i = 0; i < operands.size(); ++i)
        if (terms[i].find('.') != std::string_view::npos) {
          int64_t letters = 0;
          for (char c : terms[i]) letters += c != '.' && c != ' ';
          own[i] = operands[i].dim() - letters;
          KG_CHECK(own[i] >= 0, "einsum(): the number of subscripts in the equation (", letters, ") is more than the number of dimensions (", operands[i].dim(), ") for operand ", i);
          ellipsis = std::max(ellipsis, own[i]);
        }
      std::vector<Operand> ops(operands.size());
      int counts[128] = {};
      for (size_t i = 0; i < operands.size(); ++i) {
        ops[i] = {operands[i], labels_of(terms[i], operands[i].dim(), own[i])};
        for (int l : ops[i].labels) ++counts[l];
        merge_repeated(ops[i]);
      }
      std::vector<int> result;
      if (arrow != equation.npos) {
        result = labels_of(equation.substr(arrow + 2), -1, ellipsis);
        for (size_t i = 0; i < result.size(); ++i) {
          KG_CHECK(counts[result[i]] > 0, "einsum(): output subscript ", char(result[i] < 26 ? 'A' + result[i] : 'a' + result[i] - 26), " does not appear in the equation for any input operand");
          KG_CHECK(std::find(result.begin(), result.begin() + long(i), result[i]) == result.begin() + long(i), "einsum(): output subscript ",
                   char(result[i] < 26 ? 'A' + result[i] : 'a' + result[i] - 26), " appears more than once in the output");
        }
      } else {
        for (int64_t j = ellipsis; j-- > 0;) result.push_back(ellipsis_label + int(j));
        for (int l = 0; l < 52; ++l)
          if (counts[l] == 1) result.push_back(l);
      }
      auto in_result = [&](int l) { return std::find(result.begin(), result.end(), l) != result.end(); };
      auto needed_after = [&](size_t i) {
        return [&, i](int l) {
          if (in_result(l)) return true;
          for (size_t j = i + 1; j < ops.size(); ++j)
            if (ops[j].has(l)) return true;
          return false;
        };
      };
      Operand acc = ops[0];
      for (size_t i = 1; i < ops.size(); ++i) {
        sum_out(acc, [&](int l) { return needed_after(i - 1)(l); });
        sum_out(ops[i], [&](int l) { return acc.has(l) || needed_after(i)(l); });
        acc = contract(acc, ops[i], needed_after(i));
      }
      sum_out(acc, in_result);
      return arranged(acc, result);
    },
});

}  // namespace

Tensor tensordot(const Tensor& self, const Tensor& other, IntList a, IntList b) { return tensordot_op(self, other, a, b); }
Tensor einsum(std::string_view equation, TensorList operands) { return einsum_op(equation, operands); }

}  // namespace kagari
