#include "kagari/tensor/device.h"

namespace kagari {

namespace {
constexpr std::string_view names[] = {"cpu", "meta", "cuda", "mps", "xpu", "xla", "hpu", "mtia", "ipu", "privateuseone"};
}

std::string_view name(DeviceType t) { return names[int(t)]; }

std::string to_string(Device d) {
  std::string text(name(d.type));
  if (d.index >= 0) text += ":" + std::to_string(d.index);
  return text;
}

Device parse_device(std::string_view text) {
  KG_CHECK(!text.empty(), "Device string must not be empty");
  std::string_view type = text.substr(0, text.find(':'));
  int index = -1;
  if (type.size() < text.size()) {
    std::string_view digits = text.substr(type.size() + 1);
    bool valid = !digits.empty() && digits.size() <= 3 && (digits.size() == 1 || digits[0] != '0');
    index = 0;
    for (char c : digits) {
      valid = valid && c >= '0' && c <= '9';
      index = index * 10 + (c - '0');
    }
    KG_CHECK(valid && index < 128, "Invalid device string: '", text, "'");
  }
  for (int i = 0; i < int(std::size(names)); ++i)
    if (names[i] == type) return {DeviceType(i), int8_t(index)};
  fail(ErrorKind::Runtime, str("Expected one of cpu, cuda, ipu, xpu, mps, hpu, xla, mtia, meta, privateuseone device type at start of device string: ", type));
}

}  // namespace kagari
