#include "kagari/cpu/onednn.h"

#include <algorithm>
#include <list>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "kagari/base/allocator.h"
#include "kagari/base/error.h"

namespace kagari::onednn {
namespace {

void check(dnnl_status_t status, const char* what) {
  KG_CHECK_KIND(Internal, status == dnnl_success, "oneDNN: ", what, " failed with status ", int(status));
}

// One stream per thread: oneDNN's streams are not to be shared.
dnnl_stream_t stream() {
  struct Owner {
    dnnl_stream_t stream = nullptr;
    Owner() { check(dnnl_stream_create(&stream, engine(), dnnl_stream_default_flags), "stream"); }
    ~Owner() { dnnl_stream_destroy(stream); }
  };
  thread_local Owner owner;
  return owner.stream;
}

// oneDNN's object for a piece of memory, whose address is set before each call.
class Memory {
 public:
  explicit Memory(const_dnnl_memory_desc_t layout) { check(dnnl_memory_create(&memory_, layout, engine(), DNNL_MEMORY_NONE), "memory"); }
  Memory(Memory&& o) noexcept : memory_(std::exchange(o.memory_, nullptr)) {}
  ~Memory() {
    if (memory_) dnnl_memory_destroy(memory_);
  }
  void set(void* address) { check(dnnl_memory_set_data_handle(memory_, address), "address"); }
  dnnl_memory_t get() const { return memory_; }

 private:
  dnnl_memory_t memory_ = nullptr;
};

size_t padded(size_t bytes) { return (bytes + 127) & ~size_t(63); }

}  // namespace

dnnl_data_type_t data_type(DType t) {
  switch (t) {
    case DType::Float32: return dnnl_f32;
    case DType::Float64: return dnnl_f64;
    case DType::BFloat16: return dnnl_bf16;
    case DType::Float16: return dnnl_f16;
    case DType::Int32: return dnnl_s32;
    case DType::Int8: return dnnl_s8;
    case DType::UInt8: return dnnl_u8;
    default: return dnnl_data_type_undef;
  }
}

dnnl_engine_t engine() {
  static dnnl_engine_t one = [] {
    dnnl_engine_t e = nullptr;
    check(dnnl_engine_create(&e, dnnl_cpu, 0), "engine");
    dnnl_set_primitive_cache_capacity(0);  // ours bounds memory
    return e;
  }();
  return one;
}

MemoryDesc strided(int rank, const int64_t* sizes, DType t, const int64_t* strides) {
  dnnl_memory_desc_t d = nullptr;
  check(dnnl_memory_desc_create_with_strides(&d, rank, sizes, data_type(t), strides), "layout");
  return MemoryDesc(d);
}

MemoryDesc any_layout(int rank, const int64_t* sizes, DType t) {
  dnnl_memory_desc_t d = nullptr;
  check(dnnl_memory_desc_create_with_tag(&d, rank, sizes, data_type(t), dnnl_format_tag_any), "layout");
  return MemoryDesc(d);
}

Attributes attributes() {
  dnnl_primitive_attr_t a = nullptr;
  check(dnnl_primitive_attr_create(&a), "attributes");
  Attributes result(a);
  check(dnnl_primitive_attr_set_scratchpad_mode(a, dnnl_scratchpad_mode_user), "scratchpad mode");
  return result;
}

struct Plan::Argument {
  int id;
  bool output;
  MemoryDesc user;
  const_dnnl_memory_desc_t inner;  // of the primitive's description
  size_t inner_bytes = 0;          // 0: the caller's memory is used as it is
  std::unique_ptr<dnnl_primitive, Destroy> reorder;
  size_t reorder_scratchpad = 0;
};

Plan::Plan(PrimitiveDesc description) : description_(std::move(description)) {
  dnnl_primitive_t p = nullptr;
  check(dnnl_primitive_create(&p, description_.get()), "primitive");
  primitive_.reset(p);
  scratchpad_bytes_ = dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(description_.get(), dnnl_query_scratchpad_md, 0));
}

struct Plan::Execution {
  std::vector<Memory> users, inners;  // inners: for the arguments that are reordered
  std::vector<Memory> scratchpads;    // the primitive's, then one for each reorder
  std::vector<dnnl_exec_arg_t> args;

  explicit Execution(const Plan& plan) {
    auto scratchpad = [&](const_dnnl_primitive_desc_t d) {
      scratchpads.emplace_back(dnnl_primitive_desc_query_md(d, dnnl_query_scratchpad_md, 0));
    };
    scratchpad(plan.description_.get());
    for (const Argument& a : plan.arguments_) {
      users.emplace_back(a.user.get());
      if (a.reorder) {
        const_dnnl_primitive_desc_t d = nullptr;
        check(dnnl_primitive_get_primitive_desc(a.reorder.get(), &d), "description");
        scratchpad(d);
        inners.emplace_back(a.inner);
      }
      args.push_back({a.id, a.reorder ? inners.back().get() : users.back().get()});
    }
    args.push_back({DNNL_ARG_SCRATCHPAD, scratchpads.front().get()});
  }
};

Plan::~Plan() { delete spare_.load(); }

void Plan::add_argument(int id, dnnl_query_t query, int index, MemoryDesc user, bool output) {
  Argument a{id, output, std::move(user), dnnl_primitive_desc_query_md(description_.get(), query, index), 0, nullptr, 0};
  KG_ASSERT(a.inner);
  if (!dnnl_memory_desc_equal(a.inner, a.user.get())) {
    const_dnnl_memory_desc_t from = output ? a.inner : a.user.get(), to = output ? a.user.get() : a.inner;
    dnnl_primitive_desc_t d = nullptr;
    Attributes attr = attributes();
    check(dnnl_reorder_primitive_desc_create(&d, from, engine(), to, engine(), attr.get()), "reorder");
    PrimitiveDesc reorder(d);
    dnnl_primitive_t p = nullptr;
    check(dnnl_primitive_create(&p, d), "reorder");
    a.reorder.reset(p);
    a.reorder_scratchpad = dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(d, dnnl_query_scratchpad_md, 0));
    a.inner_bytes = dnnl_memory_desc_get_size(a.inner);
  }
  arguments_.push_back(std::move(a));
}

void Plan::add_plain_argument(int id, MemoryDesc layout) {
  const_dnnl_memory_desc_t inner = layout.get();
  arguments_.push_back({id, false, std::move(layout), inner, 0, nullptr, 0});
}

void Plan::run(std::initializer_list<void*> addresses) const {
  KG_ASSERT(addresses.size() == arguments_.size());
  std::unique_ptr<Execution> execution(spare_.exchange(nullptr));
  if (!execution) execution = std::make_unique<Execution>(*this);
  Execution& e = *execution;

  size_t total = padded(scratchpad_bytes_);
  for (const Argument& a : arguments_)
    if (a.reorder) total += padded(a.inner_bytes) + padded(a.reorder_scratchpad);
  Scratch block{int64_t(total)};
  auto* next = block.data();
  auto take = [&](size_t bytes) { return std::exchange(next, next + padded(bytes)); };
  e.scratchpads[0].set(take(scratchpad_bytes_));
  for (size_t i = 0, r = 0; i < arguments_.size(); ++i) {
    e.users[i].set(addresses.begin()[i]);
    if (!arguments_[i].reorder) continue;
    e.inners[r].set(take(arguments_[i].inner_bytes));
    e.scratchpads[++r].set(take(arguments_[i].reorder_scratchpad));
  }

  auto reorder_all = [&](bool outputs) {
    for (size_t i = 0, r = 0; i < arguments_.size(); ++i) {
      const Argument& a = arguments_[i];
      if (!a.reorder) continue;
      dnnl_memory_t user = e.users[i].get(), inner = e.inners[r++].get();
      if (a.output != outputs) continue;
      dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, outputs ? inner : user}, {DNNL_ARG_TO, outputs ? user : inner},
                                {DNNL_ARG_SCRATCHPAD, e.scratchpads[r].get()}};
      check(dnnl_primitive_execute(a.reorder.get(), stream(), 3, args), "reorder");
    }
  };
  reorder_all(false);
  check(dnnl_primitive_execute(primitive_.get(), stream(), int(e.args.size()), e.args.data()), "primitive");
  reorder_all(true);
  delete spare_.exchange(execution.release());
}

namespace {

class PlanCache {
 public:
  std::shared_ptr<const Plan> get(const std::string& key, FunctionRef<std::shared_ptr<const Plan>()> make) {
    {
      std::lock_guard lock(mutex_);
      auto found = index_.find(key);
      if (found != index_.end()) {
        recent_.splice(recent_.begin(), recent_, found->second);
        return found->second->plan;
      }
    }
    // Made outside of the lock: generating code takes a millisecond. Two threads may make the same plan; one is kept.
    std::shared_ptr<const Plan> plan = make();
    std::lock_guard lock(mutex_);
    auto found = index_.find(key);
    if (found != index_.end()) return found->second->plan;
    recent_.push_front({key, plan});
    index_.emplace(recent_.front().key, recent_.begin());
    if (recent_.size() > capacity) {
      index_.erase(recent_.back().key);
      recent_.pop_back();
    }
    return plan;
  }
  int64_t size() {
    std::lock_guard lock(mutex_);
    return int64_t(recent_.size());
  }

 private:
  static constexpr size_t capacity = 512;
  struct Entry {
    std::string key;
    std::shared_ptr<const Plan> plan;
  };
  std::mutex mutex_;
  std::list<Entry> recent_;
  std::unordered_map<std::string_view, std::list<Entry>::iterator> index_;
};

PlanCache& cache() {
  static PlanCache* one = new PlanCache;  // never destroyed: threads may outlive static objects
  return *one;
}

}  // namespace

std::shared_ptr<const Plan> cached_plan(const std::string& key, FunctionRef<std::shared_ptr<const Plan>()> make) {
  return cache().get(key, make);
}

int64_t cached_plan_count() { return cache().size(); }

}  // namespace kagari::onednn
