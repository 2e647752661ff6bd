#include "kagari/ops/autocast.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include "kagari/op/op.h"
#include "kagari/ops/copy.h"

// Note [Autocast]: an operator of the table below gets its floating arguments converted, and runs with autocast off; every other operator
// runs as it is, and the operators that it is made of are looked up in turn. Conversions are ordinary operators, so that gradients arrive in
// the dtype of the original tensor. float64 is left alone. A parameter is converted once per outermost region.

namespace kagari {
namespace {

enum class Policy : uint8_t {
  Lower,   // to the lower precision
  Single,  // to float32
  Widest,  // to float32 if one of the arguments is, else to the lower precision
};

// PyTorch's choice for the CPU.
constexpr std::pair<Policy, const char*> table[] = {
    {Policy::Lower, "conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d mm bmm addmm addbmm baddbmm linear matmul "
                    "linalg_vecdot prelu scaled_dot_product_attention lstm rnn_tanh rnn_relu"},
    {Policy::Single, "adaptive_avg_pool3d adaptive_max_pool3d avg_pool3d max_pool3d max_unpool2d max_unpool3d fractional_max_pool2d "
                     "fractional_max_pool3d grid_sampler grid_sampler_2d grid_sampler_3d reflection_pad1d reflection_pad2d replication_pad1d "
                     "replication_pad2d replication_pad3d fake_quantize_per_tensor_affine"},
    {Policy::Single, "binary_cross_entropy binary_cross_entropy_with_logits cosine_embedding_loss cross_entropy ctc_loss hinge_embedding_loss "
                     "huber_loss kl_div l1_loss margin_ranking_loss mse_loss multi_margin_loss multilabel_margin_loss nll_loss poisson_nll_loss "
                     "smooth_l1_loss soft_margin_loss triplet_margin_loss"},
    {Policy::Single, "cdist nanquantile quantile polar prod stft trace view_as_complex fft_fft fft_fft2 fft_fftn fft_hfft fft_ifft fft_ifft2 "
                     "fft_ifftn fft_ihfft fft_irfft fft_irfft2 fft_irfftn fft_rfft fft_rfft2 fft_rfftn"},
    {Policy::Single, "cholesky cholesky_inverse cholesky_solve geqrf inverse linalg_cholesky linalg_cholesky_ex linalg_cond linalg_eig linalg_eigh "
                     "linalg_eigvals linalg_eigvalsh linalg_householder_product linalg_inv linalg_inv_ex linalg_lstsq linalg_matrix_rank linalg_qr "
                     "linalg_solve linalg_svd linalg_svdvals linalg_tensorinv linalg_tensorsolve lu_solve orgqr ormqr pinverse qr svd "
                     "triangular_solve"},
    {Policy::Widest, "cat stack index_copy"},
};

const std::unordered_map<const OpBase*, Policy>& policies() {
  static const auto map = [] {
    std::unordered_map<std::string_view, Policy> by_name;
    for (auto [policy, names] : table)
      for (std::string_view rest = names; !rest.empty();) {
        std::string_view one = rest.substr(0, rest.find(' '));
        rest.remove_prefix(std::min(rest.size(), one.size() + 1));
        by_name[one] = policy;
      }
    std::unordered_map<const OpBase*, Policy> out;
    for (const OpBase* op = first_op(); op; op = op->next)
      if (auto at = by_name.find(op->schema().name); at != by_name.end()) out[op] = at->second;
    return out;
  }();
  return map;
}

bool is_castable(const Tensor& t) {
  return t.defined() && is_floating(t.dtype()) && t.dtype() != DType::Float64 && !t.is_wrapped_number();
}

/// A parameter and what it was converted to.
struct Cached {
  Tensor original, converted;
  uint32_t version;
};

struct Autocast final : Mode {
  Autocast() : Mode(Rank::Autocast) {}
  bool wants(const OpBase& op, const Value*, const Dest& dest) override {
    return state.enabled && dest.kind == Dest::Kind::Fresh && policies().contains(&op);
  }

  void call(const OpBase& op, const Value* args, Dest dest, Result& out) override {
    Policy policy = policies().at(&op);
    size_t n = op.schema().arguments.size();
    DType to = policy == Policy::Single ? DType::Float32 : state.dtype;
    if (policy == Policy::Widest)
      for (size_t i = 0; i < n; ++i)
        each(args[i], [&](const Tensor& t) {
          if (!is_castable(t)) return;
          KG_CHECK(t.dtype() == DType::Float32 || t.dtype() == state.dtype, op.schema().name, "(): autocast to ", state.dtype, " cannot combine its arguments with ", t.dtype());
          if (t.dtype() == DType::Float32) to = DType::Float32;
        });
    SmallVector<Value, 12> values;
    std::vector<Tensor> converted;           // what the values point to
    std::vector<std::vector<Tensor>> lists;
    converted.reserve(n);
    lists.reserve(n);
    for (size_t i = 0; i < n; ++i) {
      Value v = args[i];
      if (v.tag == Value::Tag::Tensor) {
        converted.push_back(convert(*v.tensor, to));
        v.tensor = &converted.back();
      } else if (v.tag == Value::Tag::TensorList) {
        auto& list = lists.emplace_back();
        for (const Tensor& t : v.view<Tensor>()) list.push_back(convert(t, to));
        v.list = {list.data(), list.size()};
      }
      values.push_back(v);
    }
    pass_on(op, values.data(), dest, out);
  }

  AutocastState state;
  std::unordered_map<TensorImpl*, Cached> cache;

 private:
  template <class F>
  static void each(const Value& v, F&& f) {
    if (v.tag == Value::Tag::Tensor) f(*v.tensor);
    else if (v.tag == Value::Tag::TensorList)
      for (const Tensor& t : v.view<Tensor>()) f(t);
  }

  Tensor convert(const Tensor& t, DType dtype) {
    if (!is_castable(t) || t.dtype() == dtype) return t;
    bool keep = state.cache_enabled && t.dtype() == DType::Float32 && t.impl()->requires_grad && !t.impl()->has_grad_fn && !t.impl()->base;
    if (!keep) return to(t, dtype);
    Cached& c = cache[t.impl()];
    if (!c.converted.defined() || c.version != t.version() || c.converted.dtype() != dtype || c.converted.requires_grad() != grad_enabled())
      c = {t, to(t, dtype), t.version()};
    return c.converted;
  }
};

Autocast& autocast() {
  thread_local Autocast mode;
  return mode;
}

}  // namespace

AutocastState autocast_state() { return autocast().state; }
void set_autocast_enabled(bool enabled) {
  Autocast& mode = autocast();
  pop_mode(mode);
  mode.state.enabled = enabled;
  if (enabled) push_mode(mode);
}
void set_autocast_dtype(DType dtype) { autocast().state.dtype = dtype; }
void set_autocast_cache_enabled(bool enabled) { autocast().state.cache_enabled = enabled; }
int change_autocast_nesting(int change) { return autocast().state.nesting += change; }
void clear_autocast_cache() { autocast().cache.clear(); }

}  // namespace kagari
