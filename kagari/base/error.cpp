#include "kagari/base/error.h"

#include <cmath>
#include <cstdio>

namespace kagari {

void append_to(std::string& out, double value) {
  if (std::isnan(value)) return void(out += "nan");
  if (std::isinf(value)) return void(out += value < 0 ? "-inf" : "inf");
  char buffer[32];
  for (int digits = 6; digits <= 17; ++digits) {
    std::snprintf(buffer, sizeof buffer, "%.*g", digits, value);
    double back;
    if (std::sscanf(buffer, "%lf", &back) == 1 && back == value) break;
  }
  out += buffer;
}

void fail(ErrorKind kind, std::string message) { throw Error(kind, std::move(message)); }

}  // namespace kagari
