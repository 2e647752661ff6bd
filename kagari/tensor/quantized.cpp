#include "kagari/tensor/quantized.h"

namespace kagari {
namespace {
void release_parts(void* parts) { delete static_cast<QuantizedParts*>(parts); }
}  // namespace

bool detail::holds_quantized_parts(const Storage& s) { return s.deleter() == &release_parts; }

const QuantizedParts& quantized_parts(const Tensor& t) {
  KG_ASSERT(is_quantized(t));
  return *static_cast<const QuantizedParts*>(t.storage()->context());
}

Tensor make_quantized(QuantizedParts parts) {
  Tensor levels = parts.levels;
  const Storage& bytes = *levels.storage();
  auto impl = TensorImpl::create(Storage::borrow(bytes.data(), bytes.nbytes(), release_parts, new QuantizedParts(std::move(parts))), levels.dtype());
  impl->special = true;
  impl->offset = levels.storage_offset();
  impl->set_layout(levels.sizes(), levels.strides());
  return Tensor(std::move(impl));
}

std::string_view quantized_name(DType levels) { return levels == DType::UInt8 ? "quint8" : levels == DType::Int8 ? "qint8" : "qint32"; }

LevelRange level_range(DType levels) {
  switch (levels) {
    case DType::UInt8: return {0, 255};
    case DType::Int8: return {-128, 127};
    case DType::Int32: return {-2147483648LL, 2147483647};
    default: fail(ErrorKind::Runtime, str("a quantized tensor has levels of dtype uint8, int8 or int32, not ", name(levels)));
  }
}

}  // namespace kagari
