#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kagari/base/error.h"

namespace kagari {

/// Where bytes live. `Meta` has shapes without bytes. The others are names that programs may mention; kagari has no memory there.
enum class DeviceType : uint8_t { CPU, Meta, CUDA, MPS, XPU, XLA, HPU, MTIA, IPU, PrivateUse1 };

struct Device {
  DeviceType type = DeviceType::CPU;
  int8_t index = -1;  // -1: the current one
  friend bool operator==(Device, Device) = default;
  bool is_cpu() const { return type == DeviceType::CPU; }
  bool is_meta() const { return type == DeviceType::Meta; }
};

KAGARI_API std::string_view name(DeviceType t);
/// "cpu", "cuda:1"
KAGARI_API std::string to_string(Device d);
/// Parses "cpu", "cuda:1", ...; raises RuntimeError for anything else.
KAGARI_API Device parse_device(std::string_view text);
inline void append_to(std::string& out, Device d) { out += to_string(d); }

enum class Layout : uint8_t { Strided, Sparse, SparseCsr, SparseCsc, SparseBsr, SparseBsc, Mkldnn, Jagged };
enum class MemoryFormat : uint8_t { Contiguous, Preserve, ChannelsLast, ChannelsLast3d };

}  // namespace kagari
