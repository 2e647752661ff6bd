#pragma once
#include <dnnl.h>

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "kagari/base/function_ref.h"
#include "kagari/tensor/dtype.h"

// oneDNN primitives with a cache of our own: bounded, so that ever new shapes do not make memory grow. Internal to kagari/cpu.

namespace kagari::onednn {

/// The data type for a dtype; dnnl_data_type_undef when oneDNN has none.
dnnl_data_type_t data_type(DType t);

struct Destroy {
  void operator()(dnnl_memory_desc* p) const { dnnl_memory_desc_destroy(p); }
  void operator()(dnnl_primitive* p) const { dnnl_primitive_destroy(p); }
  void operator()(dnnl_primitive_desc* p) const { dnnl_primitive_desc_destroy(p); }
  void operator()(dnnl_primitive_attr* p) const { dnnl_primitive_attr_destroy(p); }
};
using MemoryDesc = std::unique_ptr<dnnl_memory_desc, Destroy>;
using PrimitiveDesc = std::unique_ptr<dnnl_primitive_desc, Destroy>;
using Attributes = std::unique_ptr<dnnl_primitive_attr, Destroy>;

/// A dense or strided layout; strides in elements.
MemoryDesc strided(int rank, const int64_t* sizes, DType t, const int64_t* strides);
/// A layout that the primitive chooses.
MemoryDesc any_layout(int rank, const int64_t* sizes, DType t);
/// Attributes with a scratchpad that the caller provides: primitives of the cache run in several threads at once.
Attributes attributes();

dnnl_engine_t engine();

/// A primitive, how its arguments lie in the caller's memory, and the reorders between that and what the primitive wants.
class Plan {
 public:
  /// Takes the description. Arguments are declared with add_argument before the first run.
  explicit Plan(PrimitiveDesc description);
  ~Plan();
  Plan(const Plan&) = delete;

  /// `query` and `index` name the layout that the primitive chose for argument `id` (DNNL_ARG_SRC, ...).
  void add_argument(int id, dnnl_query_t query, int index, MemoryDesc user, bool output);

  /// An argument that lies as the primitive wants it, such as a zero point.
  void add_plain_argument(int id, MemoryDesc layout);

  /// Runs with the arguments' addresses, in the order in which they were added.
  void run(std::initializer_list<void*> addresses) const;

  dnnl_primitive_desc_t description() const { return description_.get(); }

 private:
  struct Argument;
  struct Execution;
  PrimitiveDesc description_;
  std::unique_ptr<dnnl_primitive, Destroy> primitive_;
  std::vector<Argument> arguments_;
  size_t scratchpad_bytes_ = 0;
  // oneDNN's objects for one call, kept for the next; a second thread that comes at the same time makes its own.
  mutable std::atomic<Execution*> spare_{nullptr};
};

/// The plan for a key (the bytes of a plain struct that says everything the plan depends on), made by `make` when there is none.
/// `make` returns null when oneDNN has no implementation; that is remembered, too. Thread safe; at most 512 plans are kept.
std::shared_ptr<const Plan> cached_plan(const std::string& key, FunctionRef<std::shared_ptr<const Plan>()> make);

/// Number of plans in the cache.
KAGARI_API int64_t cached_plan_count();

}  // namespace kagari::onednn
